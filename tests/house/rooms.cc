#include <map>
#include <regex>
#include <set>

#include "house/rules.h"

namespace belfry::house {
namespace {

const std::map<std::string, int>& Levels() {
  static const std::map<std::string, int> levels = {
      {"kit", 1},                                       //
      {"kernel", 2},  {"host", 2},    {"evidence", 2},  //
      {"verdict", 3},                                   //
      {"effect", 4},  {"service", 4}, {"spire", 4},     //
      {"engine", 5},                                    //
      {"daemon", 6},  {"plugin", 6},  {"demo", 6},      //
      {"cli", 7},
  };
  return levels;
}

struct Door {
  const char* name;
  std::regex include;  // of the name between quotes or angle brackets
  std::set<std::string> rooms;
};

const std::vector<Door>& Doors() {
  static const std::vector<Door> doors = {
      {"libbpf", std::regex("(bpf/|bpf_skeleton/|linux/bpf\\.h).*"), {"kernel"}},
      {"gRPC", std::regex("(grpcpp|grpc)/.*|.*\\.grpc\\.pb\\.h"), {"service", "spire", "plugin", "cli", "demo"}},
      {"prometheus-cpp", std::regex("prometheus/.*"), {"effect"}},
      {"yaml-cpp", std::regex("yaml-cpp/.*"), {"engine"}},
  };
  return doors;
}

// A file of another room may name a path below /proc only for the reason given here.
const std::map<std::string, std::string>& ProcAllowed() {
  static const std::map<std::string, std::string> allowed = {
      // {"userspace/room/file.cc", "reason"},
  };
  return allowed;
}

// Names between quotes or angle brackets of every #include.
std::vector<std::string> IncludesOf(const std::string& text) {
  static const std::regex include("^[ \t]*#[ \t]*include[ \t]*[<\"]([^>\"]+)[>\"].*");
  std::vector<std::string> names;
  for (const std::string& line : Lines(SplitCode(text).text)) {
    std::smatch found;
    if (std::regex_match(line, found, include)) names.push_back(found[1]);
  }
  return names;
}

// The room an include names, or empty: "host/digest.h" -> host. Generated protos have folders of the same names.
std::string RoomIncluded(const std::string& name) {
  const std::string room = name.substr(0, name.find('/'));
  return room != name && Levels().count(room) > 0 && !HasSuffix(name, ".pb.h") ? room : "";
}

}  // namespace

Violations EveryRoomHasALevel(const Tree& tree) {
  std::set<std::string> unknown;
  for (const auto& [path, text] : tree.files) {
    const std::string room = RoomOf(path);
    if (!room.empty() && Levels().count(room) == 0) unknown.insert(room);
  }
  Violations found;
  for (const std::string& room : unknown) {
    found.push_back("userspace/" + room + ": room without a level; place it in tests/house/rooms.cc and in the README");
  }
  return found;
}

Violations IncludesGoDown(const Tree& tree) {
  Violations found;
  for (const auto& [path, text] : tree.files) {
    const std::string room = RoomOf(path);
    const auto own = Levels().find(room);
    if (own == Levels().end() || !IsCpp(path)) continue;
    for (const std::string& name : IncludesOf(text)) {
      const std::string other = RoomIncluded(name);
      if (other.empty() || other == room || Levels().at(other) < own->second) continue;
      found.push_back(path + ": includes " + name + " of a room that is not below it; move the shared part down");
    }
  }
  return found;
}

Violations OneDoorPerLibrary(const Tree& tree) {
  Violations found;
  for (const auto& [path, text] : tree.files) {
    const std::string room = RoomOf(path);
    if (room.empty() || !IsCpp(path)) continue;
    for (const std::string& name : IncludesOf(text)) {
      for (const Door& door : Doors()) {
        if (!std::regex_match(name, door.include) || door.rooms.count(room) > 0) continue;
        found.push_back(path + ": includes " + name + "; " + door.name + " has its door elsewhere");
      }
    }
  }
  return found;
}

Violations ProcIsReadInHost(const Tree& tree) {
  Violations found;
  for (const auto& [path, text] : tree.files) {
    const std::string room = RoomOf(path);
    if (room.empty() || room == "host" || !IsCpp(path) || ProcAllowed().count(path) > 0) continue;
    for (const std::string& literal : SplitCode(text).literals) {
      // Prose about /proc is no access: only a literal that begins with it can be opened.
      if (literal == "/proc" || HasPrefix(literal, "/proc/")) {
        found.push_back(path + ": names \"" + literal + "\"; read it through host/");
      }
    }
  }
  return found;
}

Violations PluginStaysThin(const Tree& tree) {
  static const std::set<std::string> allowed = {"plugin", "kit", "host", "verdict"};
  static const std::regex linked(
      "(LIBBPF|belfry_bpf|belfry_(kernel|evidence|effect|service|spire|engine|daemon|demo|cli))");
  Violations found;
  for (const auto& [path, text] : tree.files) {
    if (RoomOf(path) != "plugin") continue;
    if (HasSuffix(path, ".cmake") && std::regex_search(text, linked)) {
      found.push_back(path + ": links more than kit, host, verdict and the protos");
    }
    if (!IsCpp(path)) continue;
    for (const std::string& name : IncludesOf(text)) {
      const std::string room = RoomIncluded(name);
      if (!room.empty() && allowed.count(room) == 0) {
        found.push_back(path + ": includes " + name + "; the plugin uses kit, host, verdict and protos only");
      }
    }
  }
  return found;
}

}  // namespace belfry::house
