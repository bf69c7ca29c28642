// SPIRE's Config service: hands plugin_data to Settings.
//
// Judges the text alone and never asks the daemon, so an agent starts whether or not belfryd runs.
#ifndef BELFRY_PLUGIN_CONFIG_SERVICE_H_
#define BELFRY_PLUGIN_CONFIG_SERVICE_H_

#include "plugin/settings.h"
#include "spire/config.grpc.pb.h"

namespace belfry::plugin {

class ConfigService final : public spire::service::common::config::v1::Config::CallbackService {
 public:
  // `settings` must outlive it.
  explicit ConfigService(Settings& settings) : settings_(settings) {}

  grpc::ServerUnaryReactor* Configure(grpc::CallbackServerContext* context,
                                      const spire::service::common::config::v1::ConfigureRequest* request,
                                      spire::service::common::config::v1::ConfigureResponse* reply) override;
  grpc::ServerUnaryReactor* Validate(grpc::CallbackServerContext* context,
                                     const spire::service::common::config::v1::ValidateRequest* request,
                                     spire::service::common::config::v1::ValidateResponse* reply) override;

 private:
  Settings& settings_;
};

}  // namespace belfry::plugin

#endif  // BELFRY_PLUGIN_CONFIG_SERVICE_H_
