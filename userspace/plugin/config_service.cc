#include "plugin/config_service.h"

#include <string>
#include <vector>

#include "plugin/status.h"

namespace belfry::plugin {

namespace config = spire::service::common::config::v1;

grpc::ServerUnaryReactor* ConfigService::Configure(grpc::CallbackServerContext* context,
                                                   const config::ConfigureRequest* request,
                                                   config::ConfigureResponse*) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(ToGrpc(settings_.Configure(request->hcl_configuration())));
  return reactor;
}

grpc::ServerUnaryReactor* ConfigService::Validate(grpc::CallbackServerContext* context,
                                                  const config::ValidateRequest* request,
                                                  config::ValidateResponse* reply) {
  const absl::StatusOr<std::vector<std::string>> warnings = settings_.Validate(request->hcl_configuration());
  reply->set_valid(warnings.ok());
  if (!warnings.ok()) {
    reply->add_notes(std::string(warnings.status().message()));
  } else {
    for (const std::string& warning : *warnings) reply->add_notes(warning);
  }
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

}  // namespace belfry::plugin
