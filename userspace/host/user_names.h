// Names of user and group numbers, from passwd and group files, exactly as Go's os/user finds them without cgo
// (os/user/lookup_unix.go): comments and blank lines are skipped; a line needs all its colons, a name that is not empty
// and does not start with + or -, and numbers where numbers belong; the number must be spelled as we would; the first
// line wins. NSS is not asked (a documented difference; doctor detects it).
//
// Read again when the file changed (device, inode, size, mtime, ctime), asked for at each lookup. A file that is absent
// or larger than 16 MiB has no names. Thread-safe. Source: <root>/etc/passwd and <root>/etc/group.
#ifndef BELFRY_HOST_USER_NAMES_H_
#define BELFRY_HOST_USER_NAMES_H_

#include <sys/stat.h>

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"

namespace belfry::host {

using NamesById = absl::flat_hash_map<uint32_t, std::string>;

NamesById ParsePasswd(std::string_view text);
NamesById ParseGroup(std::string_view text);

// The other way, by the same rules, for files that we read: a name's number, once read.
using NumbersByName = std::map<std::string, uint32_t>;
struct Accounts {
  NumbersByName users, groups;
};
Accounts ReadAccounts(const std::string& root = "");

class UserNames {
 public:
  // `root`: a directory; "/proc/self/fd/N" for one that is open.
  explicit UserNames(const std::string& root = "");

  std::optional<std::string> User(uint32_t uid);
  std::optional<std::string> Group(uint32_t gid);

 private:
  struct Database {
    std::string path;
    NamesById (*parse)(std::string_view text);
    struct stat read_as {};  // of the file that `names` came from; all zero: none
    NamesById names;
  };
  std::optional<std::string> Lookup(Database& database, uint32_t id);
  static void Refresh(Database& database);

  std::mutex mutex_;
  Database users_;
  Database groups_;
};

}  // namespace belfry::host

#endif  // BELFRY_HOST_USER_NAMES_H_
