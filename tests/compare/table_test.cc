// README's table beside other tools is table.csv, which vmtests/cases/compare.sh holds against what it measures; what is
// from documents has its source.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace belfry::compare {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string Content(const std::string& path) {
  std::ifstream in(std::string(BELFRY_SOURCE_DIR "/") + path);
  return {std::istreambuf_iterator<char>(in), {}};
}

using Row = std::vector<std::string>;

std::vector<Row> Table() {
  std::vector<Row> rows;
  std::istringstream in(Content("tests/compare/table.csv"));
  for (std::string line; std::getline(in, line);) {
    std::istringstream cells(line);
    rows.emplace_back();
    for (std::string cell; std::getline(cells, cell, ';');) rows.back().push_back(cell);
  }
  return rows;
}

TEST(Compare, TheReadmeQuotesTheTable) {
  const std::vector<Row> rows = Table();
  ASSERT_EQ(rows.size(), 11u);
  EXPECT_THAT(rows[0], ElementsAre("access", "in words", "belfry", "auditd", "bpftrace", "tetragon", "falco", "tracepoint"));
  std::string quoted;
  for (const Row& row : rows) {
    ASSERT_EQ(row.size(), 8u) << row[0];
    if (&row == &rows[0]) continue;
    quoted += "|";
    for (size_t i = 1; i < 7; ++i) quoted += " " + row[i] + " |";
    quoted += "\n";
  }
  EXPECT_THAT(Content("README.md"), HasSubstr("Tetragon (docs) | Falco (docs) |\n|---|---|---|---|---|---|\n" + quoted + "\n"));
}

TEST(Compare, EachOfTheTableIsMade) {
  const std::string script = Content("tests/compare/accesses.sh");
  std::string names;
  for (const Row& row : Table()) {
    if (row[0] == "access") continue;
    names += (names.empty() ? "" : " ") + row[0];
    EXPECT_THAT(script, HasSubstr("\naccess_" + row[0] + "() {\n"));
  }
  EXPECT_THAT(script, HasSubstr("\naccesses=\"" + names + "\"\n"));
}

TEST(Compare, WhatIsFromDocumentsHasItsSource) {
  const std::string sources = Content("tests/compare/sources.csv");
  const std::vector<Row> rows = Table();
  for (const Row& row : rows) {
    if (row[0] == "access") continue;
    for (const size_t column : {5, 6})
      EXPECT_THAT(sources, HasSubstr("\n" + row[0] + ";" + rows[0][column] + ";" + row[column] + ";")) << "no source";
  }
}

}  // namespace
}  // namespace belfry::compare
