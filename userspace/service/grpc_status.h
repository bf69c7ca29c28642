// absl::Status in gRPC's type: the codes are the same numbers.
#ifndef BELFRY_SERVICE_GRPC_STATUS_H_
#define BELFRY_SERVICE_GRPC_STATUS_H_

#include <grpcpp/support/status.h>

#include <string>

#include "absl/status/status.h"

namespace belfry::service {

inline grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  return grpc::Status(static_cast<grpc::StatusCode>(status.raw_code()), std::string(status.message()));
}

}  // namespace belfry::service

#endif  // BELFRY_SERVICE_GRPC_STATUS_H_
