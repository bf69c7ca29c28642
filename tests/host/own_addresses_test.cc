// This machine's addresses, in a network namespace of the test's own.
#include "host/own_addresses.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <thread>

namespace belfry::host {
namespace {

using ::testing::Contains;
using ::testing::Not;

IpAddress Ipv4(const char* text) {
  IpAddress address{};
  address[10] = address[11] = 0xff;
  inet_pton(AF_INET, text, address.data() + 12);
  return address;
}

// Of the interface lo; false: it cannot be.
bool TakeAddress(const char* text) {
  const kit::OwnedFd fd(socket(AF_INET, SOCK_DGRAM, 0));
  ifreq request{};
  strncpy(request.ifr_name, "lo", sizeof request.ifr_name - 1);
  auto* address = reinterpret_cast<sockaddr_in*>(&request.ifr_addr);
  address->sin_family = AF_INET;
  inet_pton(AF_INET, text, &address->sin_addr);
  return ioctl(fd.get(), SIOCSIFADDR, &request) == 0;
}

TEST(OwnAddresses, AreThoseOfTheInterfacesAndChangesAreTold) {
  if (geteuid() != 0) GTEST_SKIP() << "missing: root";
  std::thread([] {
    ASSERT_EQ(unshare(CLONE_NEWNET), 0);
    auto watch = AddressWatch::Open();
    ASSERT_TRUE(watch.ok()) << watch.status();
    EXPECT_FALSE(watch->Changed());
    ASSERT_TRUE(TakeAddress("198.51.100.7"));
    pollfd waits{.fd = watch->fd(), .events = POLLIN, .revents = 0};
    EXPECT_EQ(poll(&waits, 1, 0), 1);
    EXPECT_TRUE(watch->Changed());
    EXPECT_FALSE(watch->Changed());
    const auto own = OwnAddresses();
    ASSERT_TRUE(own.ok()) << own.status();
    EXPECT_THAT(*own, Contains(Ipv4("198.51.100.7")));
    ASSERT_TRUE(TakeAddress("198.51.100.8"));
    EXPECT_TRUE(watch->Changed());
    EXPECT_THAT(*OwnAddresses(), Not(Contains(Ipv4("198.51.100.7"))));
  }).join();
}

}  // namespace
}  // namespace belfry::host
