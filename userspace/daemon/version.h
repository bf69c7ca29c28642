// The version that --version, status and the journal show. Source: project() in CMakeLists.txt.
#ifndef BELFRY_DAEMON_VERSION_H_
#define BELFRY_DAEMON_VERSION_H_

namespace belfry::daemon {

inline constexpr char kVersion[] = "0.1.0";

}  // namespace belfry::daemon

#endif  // BELFRY_DAEMON_VERSION_H_
