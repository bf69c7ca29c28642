/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The treaty's part on limits, and their arithmetic, which both sides do alike: the kernel part at each connect, userspace
 * when it sets one.
 *
 * A bucket is one number, the time at which all that was taken from it is saved up again (GCRA): each connect puts that
 * off by one interval, and one that would put it off beyond the burst is over the limit and takes nothing.
 */
#ifndef BELFRY_LIMIT_H
#define BELFRY_LIMIT_H

#ifndef __BPF__
#include <linux/types.h>
#endif

/* Of whom connects are counted together. */
enum belfry_per {
	BELFRY_PER_NOBODY = 0,		/* no limit */
	BELFRY_PER_UID,
	BELFRY_PER_CGROUP,
	BELFRY_PER_EXE,
};
/* One connect more each interval, at most as many at once as have been saved up. */
struct belfry_limit {
	__u64 interval_ns;
	__u64 burst_ns;			/* as many intervals as there may be connects at once */
	__u32 per;			/* enum belfry_per */
	__u32 seal;			/* belfry_seal() of the rest: another limit begins anew, half of one is none */
};

/* When the bucket is whole again after one connect more; 0: that is over the limit. */
static inline __u64 belfry_due_after(__u64 due_ns, __u64 now_ns, const struct belfry_limit *limit)
{
	__u64 next = (due_ns > now_ns ? due_ns : now_ns) + limit->interval_ns;

	return next - now_ns > limit->burst_ns ? 0 : next;
}

/* Never 0. Odd multipliers: no bit of a word is lost before the upper half is taken. */
static inline __u32 belfry_seal(const struct belfry_limit *limit)
{
	__u64 mixed = limit->interval_ns * 0x9e3779b97f4a7c15ull;

	mixed = (mixed ^ mixed >> 29 ^ limit->burst_ns) * 0xbf58476d1ce4e5b9ull;
	mixed = (mixed ^ mixed >> 32 ^ limit->per) * 0x94d049bb133111ebull;
	return (__u32)(mixed >> 32) | 1;
}

#endif
