#include "plugin/keepsake.h"

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <new>

#include "kit/error.h"
#include "plugin/hcl.h"

namespace belfry::plugin {

struct Keepsake::Page {
  struct Slot {
    size_t size = 0;
    char text[kConfigurationLimit] = {};
  };
  std::atomic<int> current{-1};  // of slots; -1: none
  std::atomic<int> mode{-1};     // of verdict::Mode; -1: none
  Slot slots[2];
};

absl::StatusOr<std::unique_ptr<Keepsake>> Keepsake::Make() {
  void* memory = mmap(nullptr, sizeof(Page), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return kit::ErrnoError("sharing memory with the worker");
  // Untouched pages stay unallocated: the constructor's zeros are what mmap gives.
  auto* page = static_cast<Page*>(memory);
  new (&page->current) std::atomic<int>(-1);
  new (&page->mode) std::atomic<int>(-1);
  return std::unique_ptr<Keepsake>(new Keepsake(page));
}

Keepsake::~Keepsake() { munmap(page_, sizeof(Page)); }

void Keepsake::KeepConfiguration(std::string_view text) {
  const int next = page_->current.load() == 0 ? 1 : 0;
  Page::Slot& slot = page_->slots[next];
  slot.size = std::min(text.size(), kConfigurationLimit);
  memcpy(slot.text, text.data(), slot.size);
  page_->current.store(next);
}

std::optional<std::string> Keepsake::Configuration() const {
  const int current = page_->current.load();
  if (current != 0 && current != 1) return std::nullopt;
  const Page::Slot& slot = page_->slots[current];
  return std::string(slot.text, std::min(slot.size, kConfigurationLimit));
}

void Keepsake::KeepMode(verdict::Mode mode) { page_->mode.store(static_cast<int>(mode)); }

std::optional<verdict::Mode> Keepsake::Mode() const {
  const int mode = page_->mode.load();
  if (mode < static_cast<int>(verdict::Mode::kObserve) || mode > static_cast<int>(verdict::Mode::kDeny)) {
    return std::nullopt;
  }
  return static_cast<verdict::Mode>(mode);
}

}  // namespace belfry::plugin
