// What a rule may ask of an opener, one word each, and what it may be compared with.
//
// A Value is well-formed by construction: there is no other way to make one. Pure; thread-safe.
#ifndef BELFRY_VERDICT_FIELD_H_
#define BELFRY_VERDICT_FIELD_H_

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace belfry::verdict {

enum class Field : uint8_t {
  kExe,        // path of the executable
  kScript,     // path of the script, as it was executed
  kSha256,     // of the executable
  kUid,        // effective
  kGid,        // effective or supplementary
  kUnit,       // of the system's service manager
  kCgroup,     // path in the v2 hierarchy
  kContainer,  // id
  kPod,        // uid
  kAncestor,   // executable or script of a parent, its parent, ...
  kNetns,      // "host" or "other"
  kMntns,
  kUserns,
};
inline constexpr size_t kFields = static_cast<size_t>(Field::kUserns) + 1;

constexpr size_t IndexOf(Field field) { return static_cast<size_t>(field); }
inline constexpr std::array<Field, kFields> kEveryField = [] {
  std::array<Field, kFields> all{};
  for (size_t i = 0; i < kFields; ++i) all[i] = static_cast<Field>(i);
  return all;
}();

const char* FieldKey(Field field);    // as the policy calls it: "exe"
const char* FieldTakes(Field field);  // what its values are, in words

class Value {
 public:
  // nullopt: `text` is no value of this field.
  static std::optional<Value> Of(Field field, std::string_view text);

  Field field() const { return field_; }
  const std::string& text() const { return text_; }  // in the one spelling that equal values share

  friend auto operator<=>(const Value&, const Value&) = default;

 private:
  Value(Field field, std::string text) : field_(field), text_(std::move(text)) {}

  Field field_;
  std::string text_;
};

}  // namespace belfry::verdict

#endif  // BELFRY_VERDICT_FIELD_H_
