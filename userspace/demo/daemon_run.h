// The real belfryd, started with a configuration of the demo's own, and what it writes in its journal.
// Not thread-safe; the destructor stops it and waits.
#ifndef BELFRY_DEMO_DAEMON_RUN_H_
#define BELFRY_DEMO_DAEMON_RUN_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "demo/child.h"
#include "demo/chronicle.h"

namespace belfry::demo {

struct DaemonOrder {
  std::string program;  // belfryd
  std::string folder;   // its run_dir is FOLDER/run, its guards are FOLDER/NAME.sock
  std::string listener;  // the program that may serve them
  std::vector<std::string> guards;
  int log = -1;
};

class DaemonRun {
 public:
  // Returns once everything in it is live.
  static absl::StatusOr<std::unique_ptr<DaemonRun>> Start(const DaemonOrder& order);
  ~DaemonRun();

  const std::string& backend() const { return backend_; }
  Chronicle& chronicle() { return *chronicle_; }

 private:
  DaemonRun() = default;
  absl::Status WaitUntilReady(int notify);
  absl::Status AskBackend(const std::string& admin);

  std::string backend_;
  Child child_;
  std::unique_ptr<Chronicle> chronicle_;
};

inline constexpr char kGuard[] = "payments-agent";      // class B is shown
inline constexpr char kStrictGuard[] = "strict-agent";  // withhold_on: [untrusted_code]

std::string DaemonConfig(const DaemonOrder& order);

}  // namespace belfry::demo

#endif  // BELFRY_DEMO_DAEMON_RUN_H_
