// The version that belfry(1) says; belfryd says its own in `belfry status`.
#ifndef BELFRY_CLI_VERSION_H_
#define BELFRY_CLI_VERSION_H_

namespace belfry::cli {

inline constexpr char kVersion[] = "0.1.0";  // of project() in CMakeLists.txt; cli_test compares

}  // namespace belfry::cli

#endif  // BELFRY_CLI_VERSION_H_
