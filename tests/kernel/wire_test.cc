// The treaty's layouts: sizes as both sides see them, and no hole that would carry kernel stack or compare unequal.
#include "belfry/wire.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstring>
#include <type_traits>

#include "kernel/name_key.h"
#include "kernel/names.h"

namespace belfry::kernel {
namespace {

// No implicit padding: every bit takes part in the value.
template <typename T>
constexpr bool kWhole = std::has_unique_object_representations_v<T>;

static_assert(kWhole<belfry_pin> && kWhole<belfry_file_id> && kWhole<belfry_creds> && kWhole<belfry_process>);
static_assert(kWhole<belfry_connection> && kWhole<belfry_name_key> && kWhole<belfry_name_value>);
static_assert(kWhole<belfry_settings> && kWhole<belfry_counts> && kWhole<belfry_live> && kWhole<belfry_socket>);
static_assert(kWhole<belfry_described_file> && kWhole<belfry_header> && kWhole<belfry_event_exec>);
static_assert(kWhole<belfry_event_fork> && kWhole<belfry_event_exit> && kWhole<belfry_event_connect>);
static_assert(kWhole<belfry_ends> && kWhole<belfry_ports> && kWhole<belfry_port_key> && kWhole<belfry_event_tcp>);
static_assert(kWhole<belfry_event_taint> && kWhole<belfry_event_listener> && kWhole<belfry_event_tampered>);
static_assert(kWhole<belfry_limit> && kWhole<belfry_guard> && kWhole<belfry_server_key> && kWhole<belfry_event_limited>);

TEST(Wire, Sizes) {
  EXPECT_EQ(sizeof(belfry_pin), 24u);
  EXPECT_EQ(sizeof(belfry_file_id), 32u);
  EXPECT_EQ(sizeof(belfry_creds), 32u);
  EXPECT_EQ(sizeof(belfry_process), 288u);
  EXPECT_EQ(sizeof(belfry_connection), 176u);
  EXPECT_EQ(sizeof(belfry_name_key), 16u);
  EXPECT_EQ(sizeof(belfry_name_value), 8u);
  EXPECT_EQ(sizeof(belfry_settings), 72u);
  EXPECT_EQ(sizeof(belfry_ends), 40u);
  EXPECT_EQ(sizeof(belfry_ports), 8192u);
  EXPECT_EQ(sizeof(belfry_port_key), 20u);
  EXPECT_EQ(sizeof(belfry_event_tcp), 240u);
  EXPECT_EQ(sizeof(belfry_counts), 48u);
  EXPECT_EQ(sizeof(belfry_header), 16u);
  EXPECT_EQ(sizeof(belfry_event_exec), 824u);
  EXPECT_EQ(sizeof(belfry_event_fork), 304u);
  EXPECT_EQ(sizeof(belfry_event_exit), 40u);
  EXPECT_EQ(sizeof(belfry_event_connect), 200u);
  EXPECT_EQ(sizeof(belfry_event_taint), 56u);
  EXPECT_EQ(sizeof(belfry_event_refused), 72u);
  EXPECT_EQ(sizeof(belfry_event_tampered), 88u);
  EXPECT_EQ(sizeof(belfry_event_listener), 40u);
  EXPECT_EQ(sizeof(belfry_event_limited), 200u);
  EXPECT_EQ(sizeof(belfry_limit), 24u);
  EXPECT_EQ(sizeof(belfry_guard), 56u);
  EXPECT_EQ(sizeof(belfry_rule_bits), 128u);
  EXPECT_EQ(sizeof(belfry_rule_key), 32u);
  EXPECT_EQ(sizeof(belfry_policy), 2072u);
  EXPECT_EQ(sizeof(belfry_rule_settings), 16u);
  EXPECT_EQ(sizeof(belfry_server_key), 8u);
  EXPECT_EQ(sizeof(belfry_live), 152u);
  EXPECT_EQ(sizeof(belfry_socket), 64u);
  EXPECT_EQ(sizeof(belfry_described_file), 56u);
}

TEST(Wire, Offsets) {
  EXPECT_EQ(offsetof(belfry_process, image), 24u);
  EXPECT_EQ(offsetof(belfry_process, creds), 56u);
  EXPECT_EQ(offsetof(belfry_process, exec_ns), 88u);
  EXPECT_EQ(offsetof(belfry_process, image_flags), 124u);
  EXPECT_EQ(offsetof(belfry_process, comm), 144u);
  EXPECT_EQ(offsetof(belfry_process, filename), 160u);
  EXPECT_EQ(offsetof(belfry_connection, exe), 24u);
  EXPECT_EQ(offsetof(belfry_connection, creds), 56u);
  EXPECT_EQ(offsetof(belfry_connection, connect_ns), 88u);
  EXPECT_EQ(offsetof(belfry_connection, guard), 128u);
  EXPECT_EQ(offsetof(belfry_connection, taints), 132u);
  EXPECT_EQ(offsetof(belfry_connection, comm), 144u);
  EXPECT_EQ(offsetof(belfry_connection, refused), 160u);
  EXPECT_EQ(offsetof(belfry_guard, mode), 0u);  // in every layout
  EXPECT_EQ(offsetof(belfry_event_connect, connection), 24u);
  EXPECT_EQ(offsetof(belfry_event_exec, argv), 312u);
}

TEST(Wire, TaintNumbersAreKept) {
  // They are in pinned maps and in the evidence of earlier versions.
  EXPECT_EQ(BELFRY_TAINT_EXEC_AFTER_CONNECT, 0);
  EXPECT_EQ(BELFRY_TAINT_AMBIGUOUS, 5);
  EXPECT_EQ(BELFRY_TAINT_UNRECORDED, 7);
  EXPECT_EQ(BELFRY_TAINT_FD_INHERITED, 16);
  EXPECT_LE(BELFRY_TAINT_COUNT, 32);
}

constexpr NameSecret kSecret = {0x0706050403020100, 0x0f0e0d0c0b0a0908};

// Of the words "b", 1, "a", 1, by another implementation of SipHash-1-3.
TEST(NameKey, HashesComponentsLeafFirst) {
  EXPECT_EQ(NameKey(kSecret, 5, "/a/b").hash, 0x1fca785649b0fba7ull);
  EXPECT_EQ(NameKey(kSecret, 5, "/a/b").dev, 5u);
  EXPECT_EQ(NameKey(kSecret, 5, "//a/./b/").hash, NameKey(kSecret, 5, "/a/b").hash);
  EXPECT_NE(NameKey(kSecret, 5, "/b/a").hash, NameKey(kSecret, 5, "/a/b").hash);
  EXPECT_NE(NameKey(kSecret, 5, "/ab").hash, NameKey(kSecret, 5, "/a/b").hash);
}

TEST(NameKey, OfAnAbstractNameIsOfItsBytes) {
  // Of the words "\0/a//b", 0x10006.
  EXPECT_EQ(NameKey(kSecret, 5, "@/a//b").hash, 0x401e7f3221989fc8ull);
  EXPECT_NE(NameKey(kSecret, 5, "@a").hash, NameKey(kSecret, 5, "/@a").hash);
  EXPECT_NE(NameKey({1, 2}, 5, "@a").hash, NameKey({1, 3}, 5, "@a").hash);
  EXPECT_NE(NameKey(kSecret, 5, "@a/").hash, NameKey(kSecret, 5, "@a").hash);
}

// What the programs read of a name goes on behind its end.
TEST(FileBit, CountsTheNameAndNothingBehindIt) {
  const auto bit = [](const char* eight, uint32_t length) {
    uint64_t first = 0;
    std::memcpy(&first, eight, sizeof first);
    return belfry_file_bit(first, length);
  };
  EXPECT_EQ(FileBitOf("/run/a.sock"), bit("a.sock\0x", 6));
  EXPECT_EQ(FileBitOf("/run/a.sock/."), bit("a.sockyz", 6));
  EXPECT_EQ(FileBitOf("/agent.sock"), bit("agent.so", 10));
  EXPECT_NE(FileBitOf("/agent.sock"), FileBitOf("/agent.soc"));
  EXPECT_NE(FileBitOf("/run/a.sock"), FileBitOf("/run/b.sock"));
  EXPECT_EQ(FileBitOf("@/a/"), bit("\0/a/wxyz", 4));
}

}  // namespace
}  // namespace belfry::kernel
