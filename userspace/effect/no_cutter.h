// For an engine that only watches: cuts nothing, needs no process and no capability.
#ifndef BELFRY_EFFECT_NO_CUTTER_H_
#define BELFRY_EFFECT_NO_CUTTER_H_

#include <functional>

#include "effect/cutter.h"

namespace belfry::effect {

class NoCutter final : public Cutter {
 public:
  void Cut(const ServerEnd&, std::function<void(absl::Status)> done) override {
    done(absl::FailedPreconditionError("cutting a connection: this engine only watches"));
  }
  int Fd() const override { return -1; }
  void Ready() override {}
};

}  // namespace belfry::effect

#endif  // BELFRY_EFFECT_NO_CUTTER_H_
