// Attacker-chosen bytes made safe to show: paths, argv, comm and unit names.
// Pure and thread-safe.
#ifndef BELFRY_KIT_ESCAPE_H_
#define BELFRY_KIT_ESCAPE_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace belfry::kit {

// One printable line: control bytes, DEL, backslash and whatever is not valid UTF-8 become \xNN, C1 controls and
// bidirectional overrides too. At most `limit` bytes; a cut text ends in "...".
std::string Escape(std::string_view bytes, size_t limit = 256);

// The bytes that Escape was given, if nothing was cut off: there every backslash begins \xNN.
std::string Unescape(std::string_view text);

bool IsValidUtf8(std::string_view bytes);

}  // namespace belfry::kit

#endif  // BELFRY_KIT_ESCAPE_H_
