#include "kit/error.h"

#include <cerrno>
#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"

namespace belfry::kit {

absl::Status Error(absl::StatusCode code, absl::string_view doing, absl::string_view cause, absl::string_view remedy) {
  return absl::Status(code, absl::StrCat(doing, ": ", cause, remedy.empty() ? "" : "; ", remedy));
}

absl::Status ErrnoError(absl::string_view doing, absl::string_view remedy) {
  const int saved = errno;
  return Error(absl::ErrnoToStatusCode(saved), doing, strerror(saved), remedy);
}

}  // namespace belfry::kit
