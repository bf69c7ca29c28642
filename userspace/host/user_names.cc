#include "host/user_names.h"

#include <fcntl.h>

#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "kit/owned_fd.h"
#include "kit/read_file.h"

namespace belfry::host {
namespace {

constexpr size_t kFileBytes = 16 << 20;

// How the lines of one kind of file are read.
struct Format {
  size_t colons;                // a line with fewer is skipped
  std::vector<size_t> numbers;  // fields that must be numbers, the id first
};

// name:password:uid:gid:gecos:home:shell and name:password:gid:members
const Format kPasswd = {6, {2, 3}}, kGroup = {3, {2}};

// Go's strconv.Atoi takes a sign; absl takes surrounding space too, which Go does not.
bool IsNumber(absl::string_view field) {
  int64_t value;
  return !field.empty() && !absl::ascii_isspace(field.front()) && !absl::ascii_isspace(field.back()) &&
         absl::SimpleAtoi(field, &value);
}

using NamedNumbers = std::vector<std::pair<uint32_t, std::string>>;

NamedNumbers Parse(std::string_view text, const Format& format) {
  NamedNumbers names;
  for (absl::string_view raw : absl::StrSplit(absl::string_view(text.data(), text.size()), '\n')) {
    const absl::string_view line = absl::StripAsciiWhitespace(raw);
    if (line.empty() || line[0] == '#') continue;
    const std::vector<absl::string_view> fields = absl::StrSplit(line, absl::MaxSplits(':', format.colons));
    if (fields.size() <= format.colons) continue;
    const absl::string_view name = fields[0];
    if (name.empty() || name[0] == '+' || name[0] == '-') continue;
    bool numbers = true;
    for (const size_t at : format.numbers) numbers = numbers && IsNumber(fields[at]);
    uint32_t id;
    // Go compares the text of the number, so "007" and "+7" are nobody's.
    const absl::string_view spelled = fields[format.numbers[0]];
    if (!numbers || !absl::SimpleAtoi(spelled, &id) || absl::StrCat(id) != spelled) continue;
    names.emplace_back(id, std::string(name));
  }
  return names;
}

NamesById ById(NamedNumbers all) {
  NamesById names;
  for (auto& [id, name] : all) names.try_emplace(id, std::move(name));
  return names;
}

NumbersByName ByName(const std::string& file, const Format& format) {
  NumbersByName numbers;
  const auto text = kit::ReadFile(file, kFileBytes);
  if (!text.ok()) return numbers;
  for (auto& [id, name] : Parse(*text, format)) numbers.try_emplace(std::move(name), id);
  return numbers;
}

bool SameFile(const struct stat& a, const struct stat& b) {
  const auto same_time = [](const timespec& x, const timespec& y) {
    return x.tv_sec == y.tv_sec && x.tv_nsec == y.tv_nsec;
  };
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino && a.st_size == b.st_size && same_time(a.st_mtim, b.st_mtim) &&
         same_time(a.st_ctim, b.st_ctim);
}

}  // namespace

NamesById ParsePasswd(std::string_view text) { return ById(Parse(text, kPasswd)); }
NamesById ParseGroup(std::string_view text) { return ById(Parse(text, kGroup)); }

Accounts ReadAccounts(const std::string& root) {
  return {.users = ByName(absl::StrCat(root, "/etc/passwd"), kPasswd), .groups = ByName(absl::StrCat(root, "/etc/group"), kGroup)};
}

UserNames::UserNames(const std::string& root) {
  users_.path = absl::StrCat(root, "/etc/passwd");
  users_.parse = ParsePasswd;
  groups_.path = absl::StrCat(root, "/etc/group");
  groups_.parse = ParseGroup;
}

std::optional<std::string> UserNames::User(uint32_t uid) { return Lookup(users_, uid); }
std::optional<std::string> UserNames::Group(uint32_t gid) { return Lookup(groups_, gid); }

std::optional<std::string> UserNames::Lookup(Database& database, uint32_t id) {
  const std::lock_guard lock(mutex_);
  Refresh(database);
  const auto found = database.names.find(id);
  return found == database.names.end() ? std::nullopt : std::optional(found->second);
}

void UserNames::Refresh(Database& database) {
  struct stat now {};
  if (stat(database.path.c_str(), &now) == 0 && SameFile(now, database.read_as)) return;
  database.names.clear();
  database.read_as = {};
  const kit::OwnedFd fd(open(database.path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd || fstat(fd.get(), &now) != 0 || !S_ISREG(now.st_mode)) return;
  const auto text = kit::ReadFd(fd.get(), kFileBytes, database.path);
  if (!text.ok()) return;
  database.names = database.parse(*text);
  database.read_as = now;  // of before the reading: a change during it is seen at the next lookup
}

}  // namespace belfry::host
