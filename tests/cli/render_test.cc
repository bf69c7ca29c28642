// Everything that belfry(1) shows, as golden files; hostile bytes never reach the terminal.
#include <gtest/gtest.h>

#include "belfry/wire.h"
#include "cli/amounts.h"
#include "cli/columns.h"
#include "cli/golden.h"
#include "cli/json_text.h"
#include "cli/reason_words.h"
#include "cli/render_attest.h"
#include "cli/render_explain.h"
#include "cli/render_status.h"
#include "cli/samples.h"
#include "kit/escape.h"
#include "verdict/soundness.h"

namespace belfry::cli {
namespace {

const Screen kPaper{.width = 100, .colours = false};

void ExpectHarmless(const std::string& text) {
  EXPECT_TRUE(kit::IsValidUtf8(text));
  for (const char c : text) EXPECT_TRUE(c == '\n' || static_cast<unsigned char>(c) >= 0x20) << static_cast<int>(c);
  EXPECT_EQ(text.find("\xe2\x80\xae"), std::string::npos) << "right-to-left override";
}

TEST(Render, Status) {
  ExpectGolden("status_busy.txt", RenderStatus(BusyStatus(), kPaper, kNow));
  ExpectGolden("status_healthy.txt", RenderStatus(HealthyStatus(), kPaper, kNow));
  ExpectGolden("status_narrow.txt", RenderStatus(BusyStatus(), {.width = 60}, kNow));
  ExpectGolden("status_colours.txt", RenderStatus(BusyStatus(), {.width = 100, .colours = true}, kNow));
  ExpectGolden("status_empty.txt", RenderStatus(v1::StatusReply(), kPaper, kNow));
}

TEST(Render, Attest) {
  ExpectGolden("attest_sound.txt", RenderAttest(SoundAnswer(), kPaper));
  ExpectGolden("attest_withheld.txt", RenderAttest(WithheldAnswer(), kPaper));
  v1::AttestAnswer observed = WithheldAnswer();
  observed.set_mode("observe");
  ExpectGolden("attest_observed.txt", RenderAttest(observed, kPaper));
  v1::AttestAnswer stranger;
  stranger.set_pid(7);
  stranger.set_verdict("not_ours");
  ExpectGolden("attest_not_ours.txt", RenderAttest(stranger, kPaper));
}

TEST(Render, Explain) {
  ExpectGolden("explain_honest.txt", RenderExplain(HonestStory(), kPaper, kNow));
  ExpectGolden("explain_swapped.txt", RenderExplain(SwappedStory(), kPaper, kNow));
  v1::ExplainReply nobody;
  nobody.set_pid(7);
  ExpectGolden("explain_unknown.txt", RenderExplain(nobody, kPaper, kNow));
}

TEST(Render, Json) {
  ExpectGolden("status_busy.json", JsonText(BusyStatusOfOneReason()));
  ExpectGolden("attest_withheld.json", JsonText(WithheldAnswer()));
  ExpectGolden("explain_swapped.json", JsonText(SwappedStory()));
  EXPECT_NE(JsonText(v1::AttestAnswer()).find("\"schema\": 1"), std::string::npos);
}

TEST(Render, HostileBytesStayVisibleAndHarmless) {
  ExpectHarmless(RenderExplain(SwappedStory(), kPaper, kNow));
  ExpectHarmless(RenderStatus(BusyStatus(), kPaper, kNow));
  EXPECT_NE(RenderExplain(SwappedStory(), kPaper, kNow).find("pay\\x1b[2J"), std::string::npos);
}

TEST(Render, LinesFitTheScreen) {
  for (const size_t width : {60, 80, 132}) {
    const Screen screen{.width = width};
    for (const std::string& text :
         {RenderExplain(SwappedStory(), screen, kNow), RenderAttest(WithheldAnswer(), screen)}) {
      for (size_t from = 0; from < text.size();) {
        const size_t end = text.find('\n', from);
        EXPECT_LE(Columns(text.substr(from, end - from)), width) << text.substr(from, end - from);
        from = end + 1;
      }
    }
  }
}

TEST(Render, EveryTaintHasWords) {
  for (int taint = 0; taint < BELFRY_TAINT_COUNT; ++taint) {
    EXPECT_EQ(WordsFor(verdict::TaintName(taint)).name, verdict::TaintName(taint));
  }
  EXPECT_EQ(WordsFor("no_such_process").name, "no_such_process");
}

TEST(Plain, EscapesOnceOnly) {
  EXPECT_EQ(Plain("a\x1b"
                  "b"),
            "a\\x1bb");
  EXPECT_EQ(Plain(Plain("a\x1b"
                        "b\\c")),
            Plain("a\x1b"
                  "b\\c"));
  EXPECT_EQ(Plain("\xff"), "\\xff");
  EXPECT_EQ(Plain("1234567890", 8), "12345...");
  EXPECT_TRUE(kit::IsValidUtf8(Plain("aaaa\xc3\xa4\xc3\xa4\xc3\xa4", 8)));
}

TEST(Amounts, ReadAsPeopleSayThem) {
  EXPECT_EQ(Span(0), "under 1 s");
  EXPECT_EQ(Span(41 * kSecond), "41 s");
  EXPECT_EQ(Span(12 * kMinute + 5 * kSecond), "12 min");
  EXPECT_EQ(Span(3 * kDay + 4 * kHour), "3 d 4 h");
  EXPECT_EQ(Ago(kNow, kNow), "just now");
  EXPECT_EQ(Ago(kNow + 1, kNow), "just now");
  EXPECT_EQ(Ago(0, kNow), "at an unknown time");
  EXPECT_EQ(Grouped(1204000), "1,204,000");
  EXPECT_EQ(Grouped(999), "999");
  EXPECT_EQ(Counted(1, "gap"), "1 gap");
}

TEST(Table, CutsTheWidestTextColumn) {
  const std::string table = Table({{"NAME"}, {"COUNT", true}}, {{std::string(90, 'x'), "12"}}, {.width = 40});
  EXPECT_EQ(table, "NAME" + std::string(31, ' ') + "COUNT\n" + std::string(30, 'x') + "...     12\n");
}

}  // namespace
}  // namespace belfry::cli
