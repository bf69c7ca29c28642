// The engine on a fake kernel: a guard "g" in deny with its listener, and a client that may be judged.
#ifndef BELFRY_TESTS_ENGINE_SCENE_H_
#define BELFRY_TESTS_ENGINE_SCENE_H_

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/engine.h"
#include "support/fake_kernel.h"

namespace belfry::engine {

// Answers what it was asked to cut: at once, or a slow one in Ready.
class FakeCutter final : public effect::Cutter {
 public:
  void Cut(const effect::ServerEnd& end, std::function<void(absl::Status)> done) override {
    cut.push_back(end);
    owed.push_back(std::move(done));
    if (!slow) Ready();
  }
  int Fd() const override { return -1; }
  void Ready() override {
    for (const auto& done : std::exchange(owed, {})) done(result);
  }

  std::vector<effect::ServerEnd> cut;
  absl::Status result;
  bool slow = false;
  std::vector<std::function<void(absl::Status)>> owed;
};

class Scene : public ::testing::Test {
 protected:
  static constexpr uint64_t kCookie = 500;
  static constexpr uint64_t kInode = 9000;
  static constexpr uint32_t kAgent = 40, kSupervisor = 41, kPlugin = 42;

  void SetUp() override {
    char name[] = "/tmp/belfry-engine-XXXXXX";
    dir_ = mkdtemp(name);
    // The client is this very process: what workers read of /proc is there.
    client_ = support::Pin(static_cast<uint32_t>(getpid()), 1000, 7);
  }
  void TearDown() override {
    engine_.reset();
    std::filesystem::remove_all(dir_);
  }

  // `text` goes into the guard: "mode: deny".
  void Begin(const std::string& text = "mode: deny") {
    auto config = ParseConfig("t.yaml",
                              "version: 1\npin: false\nrun_dir: " + dir_ + "\nguards:\n  - {name: g, unix: " + dir_ +
                                  "/a.sock, " + text + "}\n",
                              {});
    ASSERT_TRUE(config.ok()) << config.status();
    auto kernel = std::make_unique<support::FakeKernel>();
    kernel_ = kernel.get();
    kernel_->refuses_use = refuses_use_;
    AddAgent();
    auto cutter = std::make_unique<FakeCutter>();
    cutter_ = cutter.get();
    auto engine = Engine::Make({.config = *config,
                                .kernel = std::move(kernel),
                                .cutter = std::move(cutter),
                                .version = "test",
                                .disarm_file = dir_ + "/disarm",
                                .deadlines = deadlines_,
                                .alarms = alarms_,
                                .canary = false},
                               log_);
    ASSERT_TRUE(engine.ok()) << engine.status();
    engine_ = *std::move(engine);
    bool ready = false;
    ASSERT_TRUE(engine_->Start([&] { ready = true; }).ok());
    Until([&] { return ready; });
  }

  // The agent serves the guard, its plugin is forked by a supervisor of the same image.
  void AddAgent() {
    AddProcess(kAgent, 1, support::File(100));
    AddProcess(kSupervisor, kAgent, support::File(101));
    AddProcess(kPlugin, kSupervisor, support::File(101));
    belfry_socket listener{};
    listener.end = BELFRY_END_LISTENER;
    listener.holder_tgid = listener.peercred_tgid = kAgent;
    listener.holder_start_ns = kAgent;
    kernel_->sockets.push_back(listener);
  }
  void AddProcess(uint32_t tgid, uint32_t parent, const belfry_file_id& image) {
    kernel_->AddProcess(support::Pin(tgid, tgid, 1), image);
    kernel_->live[tgid].parent_tgid = parent;
    kernel_->live[tgid].parent_start_ns = parent;
  }
  // A recorded, accepted, honest connection.
  void AddClient() {
    kernel_->AddProcess(client_, image_);
    kernel_->AddConnection(kCookie, support::Connection(client_, image_));
    kernel_->sockets.push_back(ServerEnd(kCookie, client_.tgid));
  }
  static belfry_socket ServerEnd(uint64_t cookie, uint32_t peer) {
    belfry_socket end{};
    end.end = BELFRY_END_SERVER;
    end.peer_cookie = cookie;
    end.sock_inode = kInode;
    end.fd = 12;
    end.holder_tgid = kAgent;
    end.holder_start_ns = kAgent;
    end.peercred_tgid = peer;
    return end;
  }

  // Every line of the journal from now on.
  void CollectLines() {
    engine_->Follow({.take = [this](const effect::Line& line) { return lines_.push_back(line.entry()), true; },
                     .cancelled = [] { return false; },
                     .ended = [](const absl::Status&) {}});
  }

  template <typename Condition>
  void Until(Condition condition) {
    for (int turn = 0; turn < 2000 && !condition(); ++turn) engine_->loop().Turn(std::chrono::milliseconds(50));
    ASSERT_TRUE(condition()) << "the loop came to rest before it";
  }

  absl::StatusOr<v1::JudgeReply> Judge(uint32_t caller = kPlugin, int32_t pid = getpid(), bool reference = false) {
    v1::JudgeRequest request;
    request.set_pid(pid);
    request.set_reference(reference);
    std::optional<absl::StatusOr<v1::JudgeReply>> answer;
    engine_->questions().Judge({.tgid = caller}, request, patience_, [&](const auto& reply) { answer = reply; });
    Until([&] { return answer.has_value(); });
    return answer ? *answer : absl::DeadlineExceededError("no answer");
  }
  absl::StatusOr<v1::SetModeReply> SetMode(const std::string& guard, const std::string& mode) {
    v1::SetModeRequest request;
    request.set_guard(guard);
    request.set_mode(mode);
    std::optional<absl::StatusOr<v1::SetModeReply>> answer;
    engine_->questions().SetMode(request, [&](const auto& reply) { answer = reply; });
    Until([&] { return answer.has_value(); });
    return *answer;
  }
  std::vector<std::string> Reasons(const absl::StatusOr<v1::JudgeReply>& reply) {
    if (!reply.ok()) return {std::string(reply.status().message())};
    return {reply->reasons().begin(), reply->reasons().end()};
  }

  // What the engine has logged, from the beginning.
  std::string Said() const {
    std::string text(1 << 20, '\0');
    text.resize(static_cast<size_t>(std::max<ssize_t>(0, pread(said_.get(), text.data(), text.size(), 0))));
    return text;
  }

  std::string dir_;
  service::Patience patience_ = {.until = std::chrono::system_clock::now() + std::chrono::seconds(5), .over = [] { return false; }};
  Deadlines deadlines_{.holders = std::chrono::milliseconds(60),
                       .again = std::chrono::milliseconds(1),
                       .evidence = std::chrono::milliseconds(5000)};
  kit::OwnedFd said_{memfd_create("log", MFD_CLOEXEC)};
  kit::Log log_{said_.get()};
  bool alarms_ = false;
  bool refuses_use_ = false;
  support::FakeKernel* kernel_ = nullptr;
  FakeCutter* cutter_ = nullptr;
  std::vector<effect::Entry> lines_;
  std::unique_ptr<Engine> engine_;
  belfry_pin client_{};
  const belfry_file_id image_ = support::File(200);
};

}  // namespace belfry::engine

#endif  // BELFRY_TESTS_ENGINE_SCENE_H_
