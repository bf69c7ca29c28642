#include "plugin/host_protocol.h"

namespace belfry::plugin {
namespace {

grpc::ServerUnaryReactor* Finished(grpc::CallbackServerContext* context) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

// Reads and forgets until the host closes or leaves. Owns itself from StartStream to OnDone.
class Announcements final : public grpc::ServerBidiReactor<::plugin::ConnInfo, ::plugin::ConnInfo> {
 public:
  Announcements() { StartRead(&info_); }
  void OnReadDone(bool ok) override {
    if (ok)
      StartRead(&info_);
    else
      Finish(grpc::Status::OK);
  }
  void OnDone() override { delete this; }

 private:
  ::plugin::ConnInfo info_;
};

class Silence final : public grpc::ServerWriteReactor<::plugin::StdioData> {
 public:
  void OnCancel() override { Finish(grpc::Status::OK); }
  void OnDone() override { delete this; }
};

}  // namespace

grpc::ServerBidiReactor<::plugin::ConnInfo, ::plugin::ConnInfo>* Broker::StartStream(grpc::CallbackServerContext*) {
  return new Announcements;
}

grpc::ServerWriteReactor<::plugin::StdioData>* Stdio::StreamStdio(grpc::CallbackServerContext*,
                                                                  const google::protobuf::Empty*) {
  return new Silence;
}

grpc::ServerUnaryReactor* Controller::Shutdown(grpc::CallbackServerContext* context, const ::plugin::Empty*,
                                               ::plugin::Empty*) {
  grpc::ServerUnaryReactor* reactor = Finished(context);
  shut_down_();
  return reactor;
}

grpc::ServerUnaryReactor* InitService::Init(grpc::CallbackServerContext* context,
                                            const spire::service::private_::init::v1::InitRequest*,
                                            spire::service::private_::init::v1::InitResponse* reply) {
  reply->add_plugin_service_names("spire.plugin.agent.workloadattestor.v1.WorkloadAttestor");
  reply->add_plugin_service_names("spire.service.common.config.v1.Config");
  return Finished(context);
}

grpc::ServerUnaryReactor* InitService::Deinit(grpc::CallbackServerContext* context,
                                              const spire::service::private_::init::v1::DeinitRequest*,
                                              spire::service::private_::init::v1::DeinitResponse*) {
  return Finished(context);
}

}  // namespace belfry::plugin
