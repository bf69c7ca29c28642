// The compiled programs and maps of bpf/, opened by libbpf. Included only within this room.
#ifndef BELFRY_KERNEL_SKELETON_H_
#define BELFRY_KERNEL_SKELETON_H_

#include <memory>

#include "question.bpf.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#include "bpf_skeleton/belfry_602_bpf.skel.h"
#pragma GCC diagnostic pop

namespace belfry::kernel {

using belfry_bpf = ::belfry_602_bpf;

struct DestroySkeleton {
  void operator()(belfry_bpf* skeleton) const { belfry_602_bpf__destroy(skeleton); }
};
using Skeleton = std::unique_ptr<belfry_bpf, DestroySkeleton>;

}  // namespace belfry::kernel

#endif  // BELFRY_KERNEL_SKELETON_H_
