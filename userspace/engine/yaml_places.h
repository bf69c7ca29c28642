// Where in a YAML text something may be added, so that all that is there stays as it is.
// Pure; thread-safe. Offsets in bytes; `mark` is where yaml-cpp saw a node begin.
#ifndef BELFRY_ENGINE_YAML_PLACES_H_
#define BELFRY_ENGINE_YAML_PLACES_H_

#include <yaml-cpp/yaml.h>

#include <cstddef>
#include <optional>
#include <string>

namespace belfry::engine {

bool IsFlow(const std::string& text, const YAML::Mark& mark);  // [...] or {...}

// The beginning of the line behind what belongs to a block that begins at `mark`. Comments that stand last and are not
// deeper than it may be about what follows: they come behind.
size_t EndOfBlock(const std::string& text, const YAML::Mark& mark);

// The bracket that closes the one at `mark`; nullopt: there is none.
std::optional<size_t> ClosingBracket(const std::string& text, const YAML::Mark& mark);

// Is there an element before this bracket that no comma follows yet?
bool NeedsComma(const std::string& text, const YAML::Mark& mark, size_t bracket);

}  // namespace belfry::engine

#endif  // BELFRY_ENGINE_YAML_PLACES_H_
