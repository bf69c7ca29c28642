// The cutter's own process: reads requests, answers each with an errno. Wire between cutter.cc and this file only.
#ifndef BELFRY_EFFECT_CUTTER_PROCESS_H_
#define BELFRY_EFFECT_CUTTER_PROCESS_H_

#include <cstdint>

namespace belfry::effect {

struct CutRequest {  // one datagram each, both ways
  uint64_t id = 0;
  uint64_t sock_inode = 0;
  uint32_t tgid = 0;
  int32_t fd = -1;
};
struct CutAnswer {
  uint64_t id = 0;
  int32_t error = 0;  // errno, 0: cut
  int32_t pad = 0;
};

// 0 or an errno: ESRCH no such process, EBADF no such descriptor, ESTALE another socket.
int CutOne(const CutRequest& request);

// Gives up every privilege but CAP_SYS_PTRACE and serves `channel` until its other end is closed. Never returns.
[[noreturn]] void ServeCuts(int channel);

}  // namespace belfry::effect

#endif  // BELFRY_EFFECT_CUTTER_PROCESS_H_
