// Removes the sockets of earlier plugins that were killed together with their supervisors (a whole cgroup, say).
//
// Removed is only a folder with a plugin's name, of our own user, older than kStaleAge, whose socket nobody listens on:
// no living plugin's, no stranger's. Failures are of no consequence. Not thread-safe; used once, by the supervisor.
#ifndef BELFRY_PLUGIN_STALE_DOORS_H_
#define BELFRY_PLUGIN_STALE_DOORS_H_

#include <chrono>
#include <string>

namespace belfry::plugin {

inline constexpr char kDoorPrefix[] = "belfry-plugin-";  // of the folders that OpenDoor makes

// A plugin between bind and listen looks dead: it is younger than this.
inline constexpr auto kStaleAge = std::chrono::minutes(5);

void RemoveStaleDoors(const std::string& socket_dir, std::chrono::seconds age = kStaleAge);

}  // namespace belfry::plugin

#endif  // BELFRY_PLUGIN_STALE_DOORS_H_
