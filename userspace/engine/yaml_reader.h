// Reads scalars, lists and maps out of a YAML tree and remembers every mistake with its place.
// The words that a map may hold are data: a table of Key. Not thread-safe; lives for one file.
#ifndef BELFRY_ENGINE_YAML_READER_H_
#define BELFRY_ENGINE_YAML_READER_H_

#include <yaml-cpp/yaml.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace belfry::engine {

// The word of `known` that a person most likely meant, or empty: at most a third of it may differ.
std::string Nearest(const std::string& word, std::span<const std::string> known);

class YamlReader {
 public:
  explicit YamlReader(std::string file) : file_(std::move(file)) {}

  // One line of what is wrong at `node`; `known` are the words that would have been right, if they can be listed.
  void Wrong(const YAML::Node& node, const std::string& found, const std::string& expected,
             std::span<const std::string> known = {}, const std::string& near = {});
  void WrongAt(int line, int column, const std::string& message);
  const std::vector<std::string>& mistakes() const { return mistakes_; }  // the first hundred
  size_t more_mistakes() const { return more_mistakes_; }

  // nullopt: a mistake was noted.
  std::optional<std::string> Text(const YAML::Node& node, const std::string& expected);
  std::optional<bool> Truth(const YAML::Node& node);
  std::optional<uint32_t> Number(const YAML::Node& node, const std::string& expected);
  std::optional<std::string> Word(const YAML::Node& node, std::span<const std::string> known);
  std::optional<std::string> AbsolutePath(const YAML::Node& node, size_t limit);
  // Calls `each` for every element; a single scalar is not a list.
  void List(const YAML::Node& node, const std::string& of, const std::function<void(const YAML::Node&)>& each);

  // One key of a map: its name, how it is read, or why it is refused for now.
  template <typename T>
  struct Key {
    const char* name;
    void (*read)(YamlReader& reader, const YAML::Node& value, T& into);
    const char* not_yet = nullptr;  // if set, the answer to whoever writes this key
  };

  // Reads a map by its table; unknown and repeated keys are mistakes. Returns the keys that were there.
  template <typename T>
  std::set<std::string> Map(const YAML::Node& node, const std::string& of, std::span<const Key<T>> keys, T& into) {
    std::set<std::string> seen;
    if (!node.IsMap()) {
      Wrong(node, Shown(node), of);
      return seen;
    }
    std::vector<std::string> known;
    for (const auto& key : keys) known.push_back(key.name);
    for (const auto& entry : node) {
      const std::string name = entry.first.IsScalar() ? entry.first.Scalar() : "";
      if (!seen.insert(name).second) {
        Wrong(entry.first, "\"" + name + "\" a second time", "each key once");
        continue;
      }
      const Key<T>* match = nullptr;
      for (const auto& key : keys)
        if (name == key.name) match = &key;
      if (match == nullptr) {
        Wrong(entry.first, "unknown key " + Shown(entry.first), "a key of " + of, known, name);
      } else if (match->not_yet != nullptr) {
        Wrong(entry.first, "\"" + name + "\"", match->not_yet);
      } else {
        match->read(*this, entry.second, into);
      }
    }
    return seen;
  }

  // What stands at `node`, escaped and short, for a message.
  static std::string Shown(const YAML::Node& node);

 private:
  const std::string file_;
  std::vector<std::string> mistakes_;
  size_t more_mistakes_ = 0;
};

}  // namespace belfry::engine

#endif  // BELFRY_ENGINE_YAML_READER_H_
