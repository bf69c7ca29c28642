// A temporary folder with both doors open on it, gone with the object.
#ifndef BELFRY_TESTS_SERVICE_OPEN_DOORS_H_
#define BELFRY_TESTS_SERVICE_OPEN_DOORS_H_

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>

#include "belfry/v1/admin.grpc.pb.h"
#include "belfry/v1/attest.grpc.pb.h"
#include "service/doors.h"
#include "service/fake_questions.h"

namespace belfry::service {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    char name[] = "/tmp/belfry-doors-XXXXXX";
    path_ = mkdtemp(name);
    chmod(name, 0755);  // children of other users connect here
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// A channel of its own: gRPC would otherwise share one connection between channels of equal arguments.
inline std::shared_ptr<grpc::Channel> OwnChannel(const std::string& path) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetMaxReceiveMessageSize(-1);
  return grpc::CreateCustomChannel("unix:" + path, grpc::InsecureChannelCredentials(), arguments);
}

class OpenDoorsTest : public testing::Test {
 protected:
  void SetUp() override {
    DoorsOptions options;
    options.run_dir = folder_.path();
    options.admin_group = "nogroup";
    auto doors = OpenDoors(std::move(options), questions_);
    ASSERT_TRUE(doors.ok()) << doors.status();
    doors_ = *std::move(doors);
  }
  std::string AttestPath() const { return folder_.path() + "/attest.sock"; }
  std::string AdminPath() const { return folder_.path() + "/admin.sock"; }
  std::unique_ptr<v1::Attest::Stub> AttestStub() const { return v1::Attest::NewStub(OwnChannel(AttestPath())); }
  std::unique_ptr<v1::Admin::Stub> AdminStub() const { return v1::Admin::NewStub(OwnChannel(AdminPath())); }

  TemporaryFolder folder_;
  FakeQuestions questions_;
  std::unique_ptr<Doors> doors_;
};

}  // namespace belfry::service

#endif  // BELFRY_TESTS_SERVICE_OPEN_DOORS_H_
