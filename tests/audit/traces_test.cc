// What an audit leaves behind: nothing, however it ends; and what becomes of it when its reader goes.
#include <fcntl.h>
#include <linux/bpf.h>
#include <sys/syscall.h>

#include <cstring>
#include <set>

#include "audit/watched.h"

namespace belfry::audit {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct Kept {
  std::set<std::string> objects;  // "prog_id 17"
};

// Programs, maps and links by the descriptors of the process that holds them.
Kept KeptBy(pid_t pid) {
  Kept kept;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/fdinfo")) {
    std::ifstream in(entry.path());
    for (std::string line; std::getline(in, line);)
      for (const std::string name : {"prog_id", "map_id", "link_id"})
        if (line.starts_with(name + ":")) kept.objects.insert(name + " " + line.substr(line.find_first_of("0123456789")));
  }
  return kept;
}

bool Exists(const std::string& object) {
  bpf_attr attr{};
  attr.prog_id = static_cast<uint32_t>(std::stoul(object.substr(object.find(' ') + 1)));
  const int command = object.starts_with("prog") ? BPF_PROG_GET_FD_BY_ID
                      : object.starts_with("map") ? BPF_MAP_GET_FD_BY_ID
                                                  : BPF_LINK_GET_FD_BY_ID;
  const kit::OwnedFd fd(static_cast<int>(syscall(SYS_bpf, command, &attr, sizeof attr)));
  return static_cast<bool>(fd);
}

std::set<std::string> NamesIn(const std::string& folder) {
  std::set<std::string> names;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) names.insert(entry.path());
  return names;
}

class Traces : public Watched {
 protected:
  void ExpectGone(const Kept& kept) {
    ASSERT_GT(kept.objects.size(), 10u) << "it held nothing, so nothing is shown";
    // The kernel frees them once nobody can be inside a program any more.
    for (int look = 0; look < 300; ++look) {
      bool any = false;
      for (const std::string& object : kept.objects) any = any || Exists(object);
      if (!any) return;
      usleep(100'000);
    }
    for (const std::string& object : kept.objects) EXPECT_FALSE(Exists(object)) << object;
  }
  static std::vector<std::set<std::string>> Folders() {
    return {NamesIn("/run"), NamesIn("/run/belfry"), NamesIn("/sys/fs/bpf"), NamesIn("/dev/shm")};
  }
};

TEST_F(Traces, NoneWhenItIsToldToStop) {
  const auto before = Folders();
  auto audit = Audit({});
  const Kept kept = KeptBy(audit->pid());
  EXPECT_EQ(Folders(), before) << "while it runs";
  ASSERT_EQ(Client("connect"), 0);
  audit->Signal(SIGTERM);
  EXPECT_EQ(audit->Wait(), 0);
  ExpectGone(kept);
  EXPECT_EQ(Folders(), before);
}

TEST_F(Traces, NoneWhenItIsKilled) {
  const auto before = Folders();
  auto audit = Audit({});
  const Kept kept = KeptBy(audit->pid());
  audit->Kill();
  ExpectGone(kept);
  EXPECT_EQ(Folders(), before);
}

TEST_F(Traces, ItEndsWithItsReader) {
  daemon::Program shell({"/bin/sh", "-c", std::string(kBelfry) + " audit --json --unix " + Socket() + " | head -n 1"}, {});
  AwaitReady(shell);
  // One line lets head go; the next one finds nobody.
  ASSERT_EQ(Client("connect"), 0);
  EXPECT_FALSE(shell.Line().empty());
  for (int i = 0; i < 100; ++i) Client("connect");
  EXPECT_EQ(shell.Wait(), 0);
}

TEST_F(Traces, AFullDiskIsSaid) {
  if (access("/dev/full", W_OK) != 0) GTEST_SKIP() << "missing here: /dev/full";
  daemon::Program audit({"/bin/sh", "-c", std::string("exec ") + kBelfry + " audit --json --unix " + Socket() + " >/dev/full"}, {});
  AwaitReady(audit);
  ASSERT_EQ(Client("connect"), 0);
  EXPECT_THAT(audit.ErrorLine(), HasSubstr("No space left on device"));
  EXPECT_EQ(audit.Wait(), 1);
}

TEST_F(Traces, ForATime) {
  auto audit = Audit({"--json", "--for", "300ms"});
  EXPECT_EQ(audit->Wait(), 0);
}

}  // namespace
}  // namespace belfry::audit
