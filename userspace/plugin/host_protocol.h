// What a go-plugin host wants of any plugin: broker, stdio, controller; and SPIRE's Init beside them.
//
// Callback services of gRPC: called from its threads, never blocking.
#ifndef BELFRY_PLUGIN_HOST_PROTOCOL_H_
#define BELFRY_PLUGIN_HOST_PROTOCOL_H_

#include <functional>

#include "goplugin/grpc_broker.grpc.pb.h"
#include "goplugin/grpc_controller.grpc.pb.h"
#include "goplugin/grpc_stdio.grpc.pb.h"
#include "spire/init.grpc.pb.h"

namespace belfry::plugin {

// The host announces its own services here. None is used, but the stream must stay open: with it goes the broker of the
// host (spire-facts 4.1).
class Broker final : public ::plugin::GRPCBroker::CallbackService {
 public:
  grpc::ServerBidiReactor<::plugin::ConnInfo, ::plugin::ConnInfo>* StartStream(
      grpc::CallbackServerContext* context) override;
};

// Carries nothing: the plugin's words go to stderr. Open until the host leaves, or it logs an end of file.
class Stdio final : public ::plugin::GRPCStdio::CallbackService {
 public:
  grpc::ServerWriteReactor<::plugin::StdioData>* StreamStdio(grpc::CallbackServerContext* context,
                                                             const google::protobuf::Empty* request) override;
};

// `shut_down` is called, from gRPC's thread, after the answer was handed to gRPC. It must not block.
class Controller final : public ::plugin::GRPCController::CallbackService {
 public:
  explicit Controller(std::function<void()> shut_down) : shut_down_(std::move(shut_down)) {}
  grpc::ServerUnaryReactor* Shutdown(grpc::CallbackServerContext* context, const ::plugin::Empty* request,
                                     ::plugin::Empty* reply) override;

 private:
  const std::function<void()> shut_down_;
};

class InitService final : public spire::service::private_::init::v1::Init::CallbackService {
 public:
  grpc::ServerUnaryReactor* Init(grpc::CallbackServerContext* context,
                                 const spire::service::private_::init::v1::InitRequest* request,
                                 spire::service::private_::init::v1::InitResponse* reply) override;
  grpc::ServerUnaryReactor* Deinit(grpc::CallbackServerContext* context,
                                   const spire::service::private_::init::v1::DeinitRequest* request,
                                   spire::service::private_::init::v1::DeinitResponse* reply) override;
};

}  // namespace belfry::plugin

#endif  // BELFRY_PLUGIN_HOST_PROTOCOL_H_
