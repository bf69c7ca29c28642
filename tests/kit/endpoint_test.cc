// Addresses and ports as people write them.
#include "kit/endpoint.h"

#include <gtest/gtest.h>

namespace belfry::kit {
namespace {

TEST(Endpoint, ReadsWhatItShows) {
  for (const char* text : {"1", "8081", "65535", "127.0.0.1:8081", "[::1]:8081", "[fe80::1]:1", "[2001:db8::2]:443"}) {
    const auto endpoint = ParseEndpoint(text);
    ASSERT_TRUE(endpoint) << text;
    EXPECT_EQ(EndpointText(*endpoint), text);
  }
}

TEST(Endpoint, AMappedAddressIsTheOneItStandsFor) {
  EXPECT_EQ(ParseEndpoint("[::ffff:10.0.0.1]:80"), ParseEndpoint("10.0.0.1:80"));
  EXPECT_EQ(EndpointText(*ParseEndpoint("[::ffff:10.0.0.1]:80")), "10.0.0.1:80");
  EXPECT_NE(ParseEndpoint("[::10.0.0.1]:80"), ParseEndpoint("10.0.0.1:80"));
}

TEST(Endpoint, WhatIsNone) {
  for (const char* text : {"", "0", "65536", "-1", "+1", " 1", "1 ", "0x50", "http", ":8081", "*:8081", "::1:8081", "[::1]", "[]:80", "[::1:80",
                           "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.1:80", "localhost:80", "[127.0.0.1]:80", "0.0.0.0:80", "[::]:80",
                           "[::ffff:0.0.0.0]:80", "[fe80::1%eth0]:80"})
    EXPECT_FALSE(ParseEndpoint(text)) << text;
  EXPECT_FALSE(ParseEndpoint(std::string("127.0.0.1\0:80", 13)));
}

}  // namespace
}  // namespace belfry::kit
