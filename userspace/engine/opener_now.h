// The opener of a connection whose connect was not seen, or that is only supposed: as the process is now.
// Pure; thread-safe.
#ifndef BELFRY_ENGINE_OPENER_NOW_H_
#define BELFRY_ENGINE_OPENER_NOW_H_

#include <algorithm>
#include <iterator>

#include "belfry/wire.h"

namespace belfry::engine {

inline void TakeOpener(const belfry_live& live, belfry_connection& connection) {
  connection.opener = live.pin;
  connection.exe = live.exe;
  connection.creds = live.creds;
  connection.cgroup_id = live.cgroup_id;
  connection.place = live.place;
  std::copy(std::begin(live.comm), std::end(live.comm), connection.comm);
}

}  // namespace belfry::engine

#endif  // BELFRY_ENGINE_OPENER_NOW_H_
