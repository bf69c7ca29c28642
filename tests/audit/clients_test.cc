// Each client is named correctly: by whatever route it connects, however short it lives, whatever it calls itself.
#include "audit/watched.h"
#include "kit/escape.h"

namespace belfry::audit {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;

class Clients : public Watched {
 protected:
  // What the audit says of one client, as JSON.
  Json Seen(const std::vector<std::string>& argv, const std::map<std::string, std::string>& environment = {}) {
    if (audit_ == nullptr) audit_ = Audit({"--json"});
    const int exit = Run(argv, environment);
    if (exit == 77) return Json();
    EXPECT_EQ(exit, 0) << argv[0];
    return Next(*audit_, "connect");
  }
  std::string Script(const std::string& name, const std::string& text) {
    const std::string path = folder_ / name;
    std::ofstream(path) << text;
    chmod(path.c_str(), 0755);
    return path;
  }
  std::unique_ptr<daemon::Program> audit_;
};

// It connects and ends: about a millisecond.
TEST_F(Clients, OneThatIsGoneAtOnce) {
  const Json line = Seen({kClient, "connect", Socket()});
  EXPECT_EQ(line["process"]["executable"], kClient);
  EXPECT_EQ(line["process"]["args"][1], "connect");
  EXPECT_EQ(line["process"]["parent"]["pid"], getpid());
  EXPECT_EQ(line["user"]["name"], "root");
  EXPECT_EQ(line["belfry"]["guard"], "watched");
  EXPECT_EQ(line["belfry"]["socket"], Socket());
  EXPECT_EQ(line["belfry"]["verdict"], "sound");
  EXPECT_EQ(line["belfry"]["known_by"], "exec");
  EXPECT_EQ(line["event"]["outcome"], "success");
  EXPECT_EQ(line["schema"], 1);
}

TEST_F(Clients, OneOfIoUring) {
  const Json line = Seen({kClient, "uring", Socket()});
  if (line.is_null()) GTEST_SKIP() << "missing here: io_uring";
  EXPECT_EQ(line["process"]["executable"], kClient);
  EXPECT_EQ(line["process"]["args"][1], "uring");
}

TEST_F(Clients, OneThatCallsAs32Bit) {
  const Json line = Seen({kClient, "int80", Socket()});
  if (line.is_null()) GTEST_SKIP() << "missing here: 32-bit system calls";
  EXPECT_EQ(line["process"]["args"][1], "int80");
}

// One that is a 32-bit program itself.
TEST_F(Clients, OneOf32Bits) {
  const std::string client = std::string(kClient) + "32";
  if (access(client.c_str(), X_OK) != 0) GTEST_SKIP() << "missing here: a compiler of 32-bit programs (gcc -m32)";
  if (Run({client}) == 127) GTEST_SKIP() << "missing here: 32-bit programs (CONFIG_IA32_EMULATION)";
  const Json line = Seen({client, Socket()});
  EXPECT_EQ(line["process"]["executable"], client);
  EXPECT_EQ(line["process"]["args"], Json({client, Socket()}));
  EXPECT_EQ(line["process"]["name"], "audit_client32");
  EXPECT_EQ(line["belfry"]["known_by"], "exec");
}

TEST_F(Clients, TheScriptThatConnects) {
  if (access("/usr/bin/perl", X_OK) != 0) GTEST_SKIP() << "missing here: perl";
  const std::string script =
      Script("opens.pl", "#!/usr/bin/perl\nuse Socket;\nsocket(my $s, PF_UNIX, SOCK_STREAM, 0);\n"
                         "connect($s, sockaddr_un($ARGV[0])) or die;\n");
  const Json line = Seen({script, Socket()});
  EXPECT_EQ(line["belfry"]["script"], script);
  EXPECT_THAT(line["process"]["executable"].get<std::string>(), HasSubstr("perl"));
  EXPECT_EQ(line["process"]["name"], "opens.pl");
}

TEST_F(Clients, TheScriptThatEnvFindsAnInterpreterFor) {
  if (access("/usr/bin/perl", X_OK) != 0) GTEST_SKIP() << "missing here: perl";
  const std::string script = Script("by_env.pl", "#!/usr/bin/env perl\nuse Socket;\nsocket(my $s, PF_UNIX, SOCK_STREAM, 0);\n"
                                                 "connect($s, sockaddr_un($ARGV[0])) or die;\n");
  EXPECT_EQ(Seen({script, Socket()}, {{"PATH", "/usr/bin:/bin"}})["belfry"]["script"], script);
}

TEST_F(Clients, TheScriptThatRunsTheClient) {
  const std::string script = Script("deploy.sh", std::string("#!/bin/sh\n") + kClient + " connect " + Socket() + "\n");
  const Json line = Seen({script});
  EXPECT_EQ(line["process"]["executable"], kClient);
  EXPECT_EQ(line["belfry"]["ancestors"][0]["script"], script);
  EXPECT_FALSE(line["belfry"].contains("script"));
}

TEST_F(Clients, NamesThatAreMeantForATerminal) {
  const std::string name = "evil\n\x1b[31m\xff\xe2\x80\xae.bin";
  std::filesystem::copy_file(kClient, folder_ / name);
  const Json line = Seen({folder_ / name, "comm", Socket()});
  EXPECT_THAT(line["process"]["executable"].get<std::string>(), EndsWith("/evil\\x0a\\x1b[31m\\xff\\xe2\\x80\\xae.bin"));
  EXPECT_EQ(line["process"]["name"], "\\x1b[2J\\x0aroot\\xff");
  for (const std::string& one : Rest(*audit_)) EXPECT_TRUE(kit::IsValidUtf8(one));
}

TEST_F(Clients, NamesThatAreMeantForATerminalInColumns) {
  const std::string name = "evil\n\x1b[31m\xff\xe2\x80\xae.bin";
  std::filesystem::copy_file(kClient, folder_ / name);
  auto audit = Audit({});
  ASSERT_EQ(Run({folder_ / name, "comm", Socket()}), 0);
  const std::vector<std::string> lines = Rest(*audit);
  std::string all;
  for (const std::string& line : lines) all += line;
  EXPECT_THAT(all, HasSubstr("/evil\\x0a\\x1b[31m\\xff\\xe2\\x80\\xae.bin"));
  EXPECT_TRUE(kit::IsValidUtf8(all));
  EXPECT_EQ(all.find('\x1b'), std::string::npos);
  EXPECT_EQ(all.find("\xe2\x80\xae"), std::string::npos);
}

// 4,095 bytes, the longest path that a program can be started by: the record keeps 127 of them, /proc knows the rest.
TEST_F(Clients, AVeryLongPath) {
  std::string path = folder_.path() + "/";
  while (path.size() + 201 < 4095) {
    path += std::string(200, 'd') + "/";
    ASSERT_EQ(mkdir(path.c_str(), 0755), 0) << path.size();
  }
  path += std::string(4095 - path.size(), 'x');
  std::filesystem::copy_file(kClient, path);
  const Json line = Seen({path, "connect", Socket()});
  const auto shown = line["process"]["executable"].get<std::string>();
  EXPECT_THAT(shown, ::testing::StartsWith(path.substr(0, 100)));
  EXPECT_TRUE(shown == path || shown.size() == 130) << "whole, or cut and marked so: " << shown.size();
  EXPECT_TRUE(shown == path || shown.ends_with("...")) << shown;
}

// The same name twice, another file the second time: what is remembered is of the file.
TEST_F(Clients, AnotherFileOfTheSameName) {
  const std::string path = folder_ / "client";
  std::filesystem::copy_file(kClient, path);
  EXPECT_EQ(Seen({path, "connect", Socket()})["process"]["executable"], path);
  const std::string other = folder_ / "other";
  std::filesystem::copy_file(kClient, other);
  std::filesystem::rename(other, path);
  EXPECT_EQ(Seen({path, "connect", Socket()})["process"]["executable"], path);
}

TEST_F(Clients, OneThatBecomesAnother) {
  audit_ = Audit({"--json", "--fail"});
  ASSERT_EQ(Client("exec"), 0);
  EXPECT_EQ(Next(*audit_, "connect")["process"]["executable"], kClient);
  audit_->Signal(SIGINT);
  const int exit = audit_->Wait();
  // /bin/true may be gone before the exec is read: then nothing but its end is left to say.
  EXPECT_TRUE(exit == 0 || exit == 1) << exit;
}

}  // namespace
}  // namespace belfry::audit
