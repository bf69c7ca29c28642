#include <cctype>
#include <regex>
#include <set>

#include "house/rules.h"

namespace belfry::house {
namespace {

// A name with one of these parts says nothing about what it does.
const std::set<std::string>& EmptyWords() {
  static const std::set<std::string> words = {"manager", "handler", "helper", "helpers", "util",
                                              "utils",   "common",  "base",   "impl"};
  return words;
}

// The field's own words, which the rule must let through: systemd is a service manager, and is called so everywhere.
std::string WithoutFieldWords(const std::string& name) {
  static const std::regex words("service_manager|ServiceManager");
  return std::regex_replace(name, words, "systemd");
}

// "ConfigReader" and "config_reader" -> config, reader.
std::vector<std::string> PartsOf(const std::string& name) {
  std::vector<std::string> parts(1);
  for (size_t i = 0; i < name.size(); ++i) {
    const auto c = static_cast<unsigned char>(name[i]);
    const bool starts = std::isupper(c) && i > 0 && std::islower(static_cast<unsigned char>(name[i - 1]));
    if (!std::isalnum(c) || starts) parts.emplace_back();
    if (std::isalnum(c)) parts.back() += static_cast<char>(std::tolower(c));
  }
  return parts;
}

std::string EmptyWordIn(const std::string& name) {
  for (const std::string& part : PartsOf(WithoutFieldWords(name))) {
    if (EmptyWords().count(part) > 0) return part;
  }
  return "";
}

// Names written with a capital (types, functions, constants), and namespaces: variables may be called `base`.
std::set<std::string> DeclaredNames(const std::string& text) {
  static const std::regex capital("(::)?\\b(k?[A-Z][A-Za-z0-9]*[a-z][A-Za-z0-9]*)\\b");
  static const std::regex scope("\\bnamespace\\s+([a-z_:]+)");
  std::set<std::string> names;
  const std::string code = SplitCode(text).text;
  for (std::sregex_iterator it(code.begin(), code.end(), capital), end; it != end; ++it) {
    if (!(*it)[1].matched) names.insert((*it)[2]);
  }
  for (std::sregex_iterator it(code.begin(), code.end(), scope), end; it != end; ++it) names.insert((*it)[1]);
  return names;
}

// Put together from pieces, so that this file does not break its own rule.
std::vector<std::string> PlacesNotToName() {
  const std::string dot = ".", slash = "/";
  return {"debian" + dot + "org",
          "deb" + dot + "nodesource",
          "proxy" + dot + "golang" + dot + "org",
          "sum" + dot + "golang" + dot + "org",
          "registry" + dot + "npmjs",
          "npmjs" + dot + "org",
          "pypi" + dot + "org",
          "pythonhosted" + dot + "org",
          "crates" + dot + "io",
          "maven" + dot + "org",
          "archive" + dot + "ubuntu" + dot + "com",
          slash + "work" + slash,
          slash + "root" + slash + "go",
          slash + "tmp" + slash + "bt",
          slash + "tmp" + slash + "gc"};
}

}  // namespace

Violations NamesSayWhat(const Tree& tree) {
  Violations found;
  for (const auto& [path, text] : tree.files) {
    const bool ours = HasPrefix(path, "userspace/") || HasPrefix(path, "bpf/") || HasPrefix(path, "include/") ||
                      HasPrefix(path, "tests/") || HasPrefix(path, "deploy/");
    if (!ours) continue;
    const std::string word = EmptyWordIn(path);
    if (!word.empty()) found.push_back(path + ": file name has \"" + word + "\"; say what it does");
    if (!IsCpp(path)) continue;
    for (const std::string& name : DeclaredNames(text)) {
      const std::string part = EmptyWordIn(name);
      if (part.empty()) continue;
      found.push_back(path + ": name " + name + " has \"" + part + "\"; say what it does");
    }
  }
  return found;
}

Violations NoHostNorMachine(const Tree& tree) {
  Violations found;
  for (const auto& [path, text] : tree.files) {
    for (const std::string& place : PlacesNotToName()) {
      if (text.find(place) != std::string::npos)
        found.push_back(path + ": names " + place + "; leave it to the machine");
    }
  }
  return found;
}

Violations ReadmeNamesEveryFolder(const Tree& tree) {
  const auto readme = tree.files.find("README.md");
  if (readme == tree.files.end()) return {"README.md: not there"};
  Violations found;
  for (const std::string& folder : tree.folders) {
    const bool top = folder.find('/') == std::string::npos;
    const bool room = !top && RoomOf(folder + "/x") == folder.substr(folder.find('/') + 1);
    if ((!top && !room) || HasPrefix(folder, ".")) continue;
    const std::string name = room ? RoomOf(folder + "/x") : folder;
    // A row of the table: | `kit/` | what it is for |
    if (readme->second.find("| `" + name + "/`") == std::string::npos) {
      found.push_back("README.md: the table of rooms has no row for " + folder);
    }
  }
  return found;
}

}  // namespace belfry::house
