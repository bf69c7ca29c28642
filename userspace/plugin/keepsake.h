// What outlives a crash of the worker: the configuration's text and the last mode that the daemon told.
//
// Memory shared between the supervisor, which owns it, and its workers, one at a time. A worker killed in the middle of
// a write leaves the old text in place: a text becomes current by one store, after it is whole.
// One writer at a time (the caller's duty); reading is thread-safe beside it.
#ifndef BELFRY_PLUGIN_KEEPSAKE_H_
#define BELFRY_PLUGIN_KEEPSAKE_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "verdict/facts.h"

namespace belfry::plugin {

class Keepsake {
 public:
  static absl::StatusOr<std::unique_ptr<Keepsake>> Make();
  ~Keepsake();
  Keepsake(const Keepsake&) = delete;
  Keepsake& operator=(const Keepsake&) = delete;

  // At most kConfigurationLimit bytes (hcl.h); a longer text was refused before.
  void KeepConfiguration(std::string_view text);
  std::optional<std::string> Configuration() const;  // nullopt: never configured

  void KeepMode(verdict::Mode mode);
  std::optional<verdict::Mode> Mode() const;  // nullopt: the daemon has not answered yet

 private:
  struct Page;
  explicit Keepsake(Page* page) : page_(page) {}

  Page* const page_;
};

}  // namespace belfry::plugin

#endif  // BELFRY_PLUGIN_KEEPSAKE_H_
