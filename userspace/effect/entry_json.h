// An entry as one line of JSON and back. Names are those of the Elastic Common Schema where it has one, ours are below
// "belfry"; belfry(1) has the table. Strings are escaped on the way in, so every line is valid UTF-8; the way back keeps
// them as they stand in the line. Pure.
#ifndef BELFRY_EFFECT_ENTRY_JSON_H_
#define BELFRY_EFFECT_ENTRY_JSON_H_

#include <optional>
#include <string>

#include "effect/entry.h"

namespace belfry::effect {

std::string ToJson(const Entry& entry);
// nullopt: not such a line. What a newer version says besides is passed over.
std::optional<Entry> FromJson(const std::string& line);

}  // namespace belfry::effect

#endif  // BELFRY_EFFECT_ENTRY_JSON_H_
