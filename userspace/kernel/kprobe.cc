#include "kernel/kprobe.h"

#include <bpf/bpf.h>
#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>

namespace belfry::kernel {
namespace {

// The number that this kernel gave to that kind of event; 0 if it knows none.
uint32_t TypeOfKprobes() {
  FILE* file = std::fopen("/sys/bus/event_source/devices/kprobe/type", "re");
  if (file == nullptr) return 0;
  uint32_t type = 0;
  if (std::fscanf(file, "%u", &type) != 1) type = 0;
  std::fclose(file);
  return type;
}

}  // namespace

kit::OwnedFd AttachKprobe(const char* function, int program_fd) {
  perf_event_attr event{};
  event.type = TypeOfKprobes();
  if (event.type == 0) return kit::OwnedFd();
  event.size = sizeof event;
  event.kprobe_func = reinterpret_cast<uint64_t>(function);
  // Of every process, and hung in one place: the CPU that is named only says where the event is kept.
  const kit::OwnedFd probe(static_cast<int>(syscall(SYS_perf_event_open, &event, -1, 0, -1, PERF_FLAG_FD_CLOEXEC)));
  if (!probe) return kit::OwnedFd();
  return kit::OwnedFd(bpf_link_create(program_fd, probe.get(), BPF_PERF_EVENT, nullptr));
}

}  // namespace belfry::kernel
