// The agent's own parts, with an attestor that is a table: entries, authority, handshake, and a call through gRPC.
#include "demo/workload_api.h"

#include <grpcpp/create_channel_posix.h>
#include <grpcpp/server_posix.h>
#include <fcntl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>

#include "demo/daemon_run.h"
#include "demo/spire_node.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace belfry::demo {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(Entries, NeedEverySelector) {
  const std::vector<Entry> entries = EntriesFrom(EntriesJson({{"spiffe://d/a", {"unix:uid:1", "unix:path:/a"}},
                                                              {"spiffe://d/none", {}}}));
  EXPECT_THAT(Earned(entries, {"uid:1", "path:/a", "gid:2"}), ElementsAre("spiffe://d/a"));
  EXPECT_THAT(Earned(entries, {"uid:1"}), IsEmpty());
  EXPECT_THAT(Earned(entries, {}), IsEmpty());
}

TEST(Handshake, IsOneLineOfFiveFields) {
  EXPECT_EQ(*ParseHandshake("1|1|unix|/tmp/plugin1|grpc|"), "/tmp/plugin1");
  for (const char* line : {"", "1|1|unix|/tmp/p", "1|1|tcp|127.0.0.1:1|grpc|", "1|2|unix|/p|grpc|", "1|1|unix|/p|netrpc|"}) {
    EXPECT_FALSE(ParseHandshake(line).ok()) << line;
  }
}

TEST(SpireConfig, IsWhatAnOperatorWouldWrite) {
  SpireOrder order;
  order.folder = "/f";
  order.socket = "/s.sock";
  order.trust_domain = "d";
  order.attestor = "    plugin_cmd = \"/p\"\n";
  EXPECT_NE(AgentConfig(order, 99).find("WorkloadAttestor \"unix\" {\n    plugin_cmd = \"/p\"\n  }"), std::string::npos);
  EXPECT_NE(AgentConfig(order, 99).find("server_port = \"99\""), std::string::npos);
  EXPECT_NE(ServerConfig(order, 99, "/x").find("bind_address = \"127.0.0.1\""), std::string::npos);
}

TEST(DaemonConfig, GuardsInDenyAndOutlivesNothing) {
  const std::string text = DaemonConfig({"/belfryd", "/f", "/agent", {kGuard, kStrictGuard}, -1});
  EXPECT_NE(text.find("pin: false"), std::string::npos);
  EXPECT_NE(text.find("unix: /f/payments-agent.sock\n    listener: { exe: /agent, uid: 0 }\n    mode: deny"),
            std::string::npos);
  EXPECT_EQ(text.find("withhold_on"), text.rfind("withhold_on"));
}

TEST(Authority, MintsALeafThatItsBundleVerifies) {
  auto authority = Authority::Create("demo.belfry");
  ASSERT_TRUE(authority.ok());
  auto svid = authority->Mint("spiffe://demo.belfry/payments");
  ASSERT_TRUE(svid.ok());
  auto read = [](const std::string& der) {
    auto* at = reinterpret_cast<const unsigned char*>(der.data());
    return std::unique_ptr<X509, decltype(&X509_free)>(d2i_X509(nullptr, &at, der.size()), X509_free);
  };
  auto leaf = read(svid->certificate), root = read(authority->bundle());
  ASSERT_TRUE(leaf && root);
  EXPECT_EQ(X509_verify(leaf.get(), X509_get0_pubkey(root.get())), 1);
  EXPECT_EQ(X509_check_ca(leaf.get()), 0);
  EXPECT_EQ(X509_check_ca(root.get()), 1);
  auto* names = static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(leaf.get(), NID_subject_alt_name, nullptr, nullptr));
  ASSERT_EQ(sk_GENERAL_NAME_num(names), 1);
  const ASN1_IA5STRING* uri = sk_GENERAL_NAME_value(names, 0)->d.uniformResourceIdentifier;
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(ASN1_STRING_get0_data(uri)), ASN1_STRING_length(uri)),
            "spiffe://demo.belfry/payments");
  GENERAL_NAMES_free(names);
  auto* at = reinterpret_cast<const unsigned char*>(svid->key.data());
  PKCS8_PRIV_KEY_INFO* info = d2i_PKCS8_PRIV_KEY_INFO(nullptr, &at, svid->key.size());
  EVP_PKEY* key = EVP_PKCS82PKEY(info);
  EXPECT_EQ(X509_check_private_key(leaf.get(), key), 1);
  EVP_PKEY_free(key);
  PKCS8_PRIV_KEY_INFO_free(info);
}

class Call : public ::testing::Test {
 protected:
  void Serve(std::function<PluginAnswer(pid_t)> attest) {
    auto authority = Authority::Create("demo.belfry");
    ASSERT_TRUE(authority.ok());
    ApiParts parts{"demo.belfry", {{"spiffe://demo.belfry/me", {"unix:uid:7"}}}, std::move(attest), nullptr,
                   [this](const Json& event) { events_.push_back(event); }};
    api_ = std::make_unique<WorkloadApi>(*std::move(authority), std::move(parts));
    grpc::ServerBuilder builder;
    builder.RegisterService(api_.get());
    server_ = builder.BuildAndStart();
    int ends[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
    auto caller = PeerWatch::Of(ends[0]);
    ASSERT_TRUE(caller.ok()) << caller.status();
    api_->Accepted(ends[0], *caller);
    grpc::AddInsecureChannelFromFd(server_.get(), ends[0]);
    channel_ = grpc::CreateInsecureChannelFromFd("test", ends[1]);
  }
  void TearDown() override {
    if (!server_) return;
    api_->Stop();
    server_->Shutdown(std::chrono::system_clock::now());
  }
  grpc::Status Fetch(bool header, X509SVIDResponse* response) {
    grpc::ClientContext context;
    if (header) context.AddMetadata("workload.spiffe.io", "true");
    auto stream = SpiffeWorkloadAPI::NewStub(channel_)->FetchX509SVID(&context, X509SVIDRequest());
    const bool got = stream->Read(response);
    if (got) context.TryCancel();  // the stream of an identity stays open
    const grpc::Status ended = stream->Finish();
    return got ? grpc::Status::OK : ended;
  }

  std::vector<Json> events_;
  std::unique_ptr<WorkloadApi> api_;
  std::unique_ptr<grpc::Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
};

TEST_F(Call, WithoutTheSecurityHeaderIsRefusedUnattested) {
  Serve([](pid_t) { return PluginAnswer{grpc::StatusCode::OK, "", {"uid:7"}}; });
  X509SVIDResponse response;
  EXPECT_EQ(Fetch(false, &response).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(events_, IsEmpty());
}

TEST_F(Call, GetsTheIdentityOfItsSelectorsAndIsAttestedByItsOwnNumber) {
  pid_t asked = 0;
  Serve([&asked](pid_t pid) { asked = pid; return PluginAnswer{grpc::StatusCode::OK, "", {"uid:7"}}; });
  X509SVIDResponse response;
  ASSERT_TRUE(Fetch(true, &response).ok());
  ASSERT_EQ(response.svids_size(), 1);
  EXPECT_EQ(response.svids(0).spiffe_id(), "spiffe://demo.belfry/me");
  EXPECT_EQ(asked, getpid());
  api_->Settle();
  ASSERT_EQ(events_.size(), 3u);
  EXPECT_EQ(events_[2]["event"], "answered");
  EXPECT_EQ(events_[2]["identity"], "spiffe://demo.belfry/me");
}

TEST_F(Call, GetsNothingWhenTheAttestorWithholds) {
  Serve([](pid_t) { return PluginAnswer{grpc::StatusCode::PERMISSION_DENIED, "exec_after_connect", {"uid:7"}}; });
  X509SVIDResponse response;
  EXPECT_EQ(Fetch(true, &response).error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(response.svids_size(), 0);
}

}  // namespace
}  // namespace belfry::demo
