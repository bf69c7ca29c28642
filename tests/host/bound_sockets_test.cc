// Names of sockets, as /proc/net/unix shows them.
#include "host/bound_sockets.h"

#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "kit/owned_fd.h"
#include "support/temporary_folder.h"

namespace belfry::host {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

constexpr char kHead[] = "Num       RefCount Protocol Flags    Type St Inode Path\n";

TEST(BoundSockets, AreStreamsWhereSeveralAre) {
  const auto bound = ParseBoundSockets(std::string(kHead) +
                                         "0000000000000000: 00000002 00000000 00010000 0001 01 20001 /run/stream.sock\n"
                                         "0000000000000000: 00000002 00000000 00000000 0002 01 20002 /run/a b.sock\n"
                                         "0000000000000000: 00000002 00000000 00010000 0005 01 20003 /run/seq.sock\n"
                                         "0000000000000000: 00000002 00000000 00000000 0002 01 20004 @abstract\n"
                                         "0000000000000000: 00000002 00000000 00010000 0001 01 20007 @with@zero\n"
                                         "0000000000000000: 00000003 00000000 00000000 0001 03 20005\n"
                                         "0000000000000000: 00000002 00000000 00000000 0002 01 20006 /run/stream.sock\n");
  EXPECT_THAT(bound, ElementsAre(Pair("/run/a b.sock", "datagram"), Pair("/run/seq.sock", "seqpacket"), Pair("/run/stream.sock", "stream"),
                                 Pair("@abstract", "datagram"), Pair("@with@zero", "stream")));
}

TEST(BoundSockets, OfWhatIsNotThatFileAreNone) {
  for (const char* text : {"", "\n\n", kHead, "/run/x.sock", "a b c d e f g h", "0: 2 0 0 zz 01 1 /run/x.sock\n"})
    EXPECT_THAT(ParseBoundSockets(text), IsEmpty()) << text;
}

TEST(BoundSockets, OnThisMachine) {
  const support::TemporaryFolder folder;
  const std::string path = folder / "d.sock";
  const kit::OwnedFd fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{.sun_family = AF_UNIX};
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  const auto bound = ReadBoundSockets();
  ASSERT_TRUE(bound.ok()) << bound.status();
  EXPECT_EQ(bound->at(path), "datagram");
}

}  // namespace
}  // namespace belfry::host
