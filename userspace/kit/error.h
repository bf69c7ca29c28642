// How an error is worded: `what we were doing: cause; remedy`.
#ifndef BELFRY_KIT_ERROR_H_
#define BELFRY_KIT_ERROR_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace belfry::kit {

// remedy may be empty: then the message ends with the cause.
// absl::string_view, since Debian 12's abseil does not take std::string_view.
absl::Status Error(absl::StatusCode code, absl::string_view doing, absl::string_view cause,
                   absl::string_view remedy = {});

// The cause is errno's text, the code is absl's mapping of it. Reads errno at the call.
absl::Status ErrnoError(absl::string_view doing, absl::string_view remedy = {});

}  // namespace belfry::kit

#endif  // BELFRY_KIT_ERROR_H_
