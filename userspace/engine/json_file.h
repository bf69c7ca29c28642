// Small JSON files that are replaced whole: a reader finds the old one or the new one, never a part.
#ifndef BELFRY_ENGINE_JSON_FILE_H_
#define BELFRY_ENGINE_JSON_FILE_H_

#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace belfry::engine {

// {"schema":1,"guards":{NAME: TEXT}}, the one shape in use. NotFound, InvalidArgument, or open(2)'s error.
absl::StatusOr<std::map<std::string, std::string>> ReadGuardTexts(const std::string& file);
absl::Status WriteGuardTexts(const std::string& file, const std::map<std::string, std::string>& texts);

}  // namespace belfry::engine

#endif  // BELFRY_ENGINE_JSON_FILE_H_
