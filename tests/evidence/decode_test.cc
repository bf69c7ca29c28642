#include "evidence/decode.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "support/fake_kernel.h"

namespace belfry::evidence {
namespace {

using support::WithHeader;
using testing::ElementsAre;
using testing::IsEmpty;

template <typename Body>
std::vector<std::byte> Bytes(const Body& body) {
  const auto* at = reinterpret_cast<const std::byte*>(&body);
  return {at, at + sizeof body};
}

TEST(Decoder, ReadsEveryKindAsItsOwnBody) {
  Decoder decoder;
  const auto index_of = [&](const auto& body, belfry_kind kind) {
    const auto event = decoder.Decode(Bytes(WithHeader(body, kind, 1)));
    return event ? static_cast<int>(event->index()) : -1;
  };
  EXPECT_EQ(index_of(belfry_event_exec{}, BELFRY_KIND_EXEC), 0);
  EXPECT_EQ(index_of(belfry_event_fork{}, BELFRY_KIND_FORK), 1);
  EXPECT_EQ(index_of(belfry_event_exit{}, BELFRY_KIND_EXIT), 2);
  EXPECT_EQ(index_of(belfry_event_connect{}, BELFRY_KIND_CONNECT), 3);
  EXPECT_EQ(index_of(belfry_event_connect{}, BELFRY_KIND_UNRECORDED), 3);
  EXPECT_EQ(index_of(belfry_event_taint{}, BELFRY_KIND_TAINT), 4);
  EXPECT_EQ(index_of(belfry_event_listener{}, BELFRY_KIND_LISTENER), 5);
  EXPECT_EQ(index_of(belfry_event_tcp{}, BELFRY_KIND_TCP_CONNECT), 8);
  EXPECT_EQ(index_of(belfry_event_tcp{}, BELFRY_KIND_TCP_BARRED), 8);
  EXPECT_EQ(index_of(belfry_event_limited{}, BELFRY_KIND_LIMITED), 9);
  EXPECT_EQ(decoder.counts().decoded, 10u);
  EXPECT_EQ(decoder.counts().malformed + decoder.counts().unknown, 0u);
}

TEST(Decoder, CountsWhatItDoesNotKnow) {
  Decoder decoder;
  for (const uint32_t kind : {0u, uint32_t{BELFRY_KIND_MAX}, 0xffffffffu}) {
    EXPECT_FALSE(decoder.Decode(Bytes(WithHeader(belfry_event_exit{}, static_cast<belfry_kind>(kind), 1))));
  }
  EXPECT_EQ(decoder.counts().unknown, 3u);
}

TEST(Decoder, CountsWhatHasNotTheSizeOfItsKind) {
  Decoder decoder;
  const std::vector<std::byte> whole = Bytes(WithHeader(belfry_event_exec{}, BELFRY_KIND_EXEC, 1));
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(decoder.Decode(std::span(whole).first(size))) << size;
  }
  std::vector<std::byte> longer = whole;
  longer.push_back({});
  EXPECT_FALSE(decoder.Decode(longer));
  belfry_event_exit lies = WithHeader(belfry_event_exit{}, BELFRY_KIND_EXIT, 1);
  lies.header.size = 4;
  EXPECT_FALSE(decoder.Decode(Bytes(lies)));
  EXPECT_EQ(decoder.counts().malformed, whole.size() + 2);
}

TEST(Decoder, EndsTextsAndLengths) {
  belfry_event_exec body = WithHeader(belfry_event_exec{}, BELFRY_KIND_EXEC, 1);
  memset(body.process.comm, 'x', sizeof body.process.comm);
  memset(body.process.filename, 'y', sizeof body.process.filename);
  body.argv_bytes = 0xffffffff;
  Decoder decoder;
  const auto event = decoder.Decode(Bytes(body));
  ASSERT_TRUE(event);
  const auto& exec = std::get<belfry_event_exec>(*event);
  EXPECT_EQ(Text(exec.process.comm), std::string(BELFRY_COMM_BYTES - 1, 'x'));
  EXPECT_EQ(Text(exec.process.filename), std::string(BELFRY_FILENAME_BYTES - 1, 'y'));
  EXPECT_EQ(exec.argv_bytes, static_cast<uint32_t>(BELFRY_ARGV_BYTES));
}

TEST(Decoder, SurvivesAnyBytesAndCountsEachOnce) {
  std::mt19937 random(7);
  Decoder decoder;
  const int rounds = 50000;
  for (int round = 0; round < rounds; ++round) {
    std::vector<std::byte> record(random() % 2 ? random() % 1200 : sizeof(belfry_event_exit));
    for (std::byte& b : record) b = static_cast<std::byte>(random());
    if (record.size() >= sizeof(belfry_header) && random() % 2) {
      const belfry_header header{1, static_cast<uint32_t>(random() % 10), static_cast<uint32_t>(record.size())};
      memcpy(record.data(), &header, sizeof header);
    }
    decoder.Decode(record);
  }
  const DecodeCounts& counts = decoder.counts();
  EXPECT_EQ(counts.decoded + counts.malformed + counts.unknown, static_cast<uint64_t>(rounds));
  EXPECT_GT(counts.decoded, 100u);
}

TEST(Arguments, AreSplitAtNul) {
  using namespace std::string_view_literals;
  EXPECT_THAT(Arguments(""sv), IsEmpty());
  EXPECT_THAT(Arguments("a\0b c\0"sv), ElementsAre("a", "b c"));
  EXPECT_THAT(Arguments("a\0\0b"sv), ElementsAre("a", "", "b"));
  EXPECT_THAT(Arguments("a\0\0"sv), ElementsAre("a", ""));
  EXPECT_THAT(Arguments("cut in the mid"sv), ElementsAre("cut in the mid"));
}

}  // namespace
}  // namespace belfry::evidence
