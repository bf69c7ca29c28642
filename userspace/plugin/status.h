// One kind of error becomes another: absl's codes are gRPC's.
#ifndef BELFRY_PLUGIN_STATUS_H_
#define BELFRY_PLUGIN_STATUS_H_

#include <grpcpp/support/status.h>

#include <string>

#include "absl/status/status.h"

namespace belfry::plugin {

inline grpc::Status ToGrpc(const absl::Status& status) {
  return grpc::Status(static_cast<grpc::StatusCode>(status.raw_code()), std::string(status.message()));
}

}  // namespace belfry::plugin

#endif  // BELFRY_PLUGIN_STATUS_H_
