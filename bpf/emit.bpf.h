/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The only writer of the ring and of the counters: seen = sent + ignored + lost, for every program. */
#ifndef BELFRY_BPF_EMIT_H
#define BELFRY_BPF_EMIT_H

#include "maps.bpf.h"

/* Atomic: cgroup programs have no recursion guard, so another task may run the same program on this CPU in between. */
static __always_inline void count(u32 program, enum belfry_count what)
{
	struct belfry_counts *counts = bpf_map_lookup_elem(&counters, &program);

	if (counts)
		__sync_fetch_and_add(&counts->count[what], 1);
}

static __always_inline void count_seen(u32 program, enum belfry_count outcome)
{
	struct belfry_counts *counts = bpf_map_lookup_elem(&counters, &program);

	if (!counts)
		return;
	__sync_fetch_and_add(&counts->count[BELFRY_COUNT_SEEN], 1);
	__sync_fetch_and_add(&counts->count[outcome], 1);
}

/*
 * An eighth of the ring is kept for what is against a guard: nobody hides what he does behind a flood of what everybody
 * may do, execs and forks among it.
 */
static __always_inline bool has_room(bool violation)
{
	return violation || bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA) < ring_room;
}

#define begin_record(type, kind) begin_record_if(has_room(false), type, kind)
#define begin_violation(type, kind) begin_record_if(true, type, kind)
#define begin_record_if(room, type, kind_) ({ \
	type *record_ = (room) ? bpf_ringbuf_reserve(&events, sizeof(type), 0) : 0; \
	if (record_) { \
		record_->header.time_ns = bpf_ktime_get_boot_ns(); \
		record_->header.kind = (kind_); \
		record_->header.size = sizeof(type); \
	} \
	record_; })

/* Wakes the daemon. Forced, since quiet records before this one hide that the reader sleeps. */
#define end_record(record) bpf_ringbuf_submit(record, BPF_RB_FORCE_WAKEUP)

/* Is somebody waiting for what becomes of this process: an opener, or who listens on a guarded socket? */
static __always_inline bool awaited(u32 tgid)
{
	u32 bucket = tgid & (BELFRY_MADE_BUCKETS - 1);
	u64 *count = bpf_map_lookup_elem(&made, &bucket);

	return (count && *count) || bpf_map_lookup_elem(&serving, &tgid);
}

/*
 * To wake a sleeper costs several times what the record does, and falls on a bystander: records of processes that nobody
 * awaits wait for the next that is, for the daemon's own round, or until as many bytes have come together.
 */
#define QUIET_BYTES (64u << 10)
static __always_inline u64 wakeup_for(u32 tgid, u64 size)
{
	u64 waiting;

	if (awaited(tgid))
		return BPF_RB_FORCE_WAKEUP;
	waiting = bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA);
	return waiting / QUIET_BYTES != (waiting - size) / QUIET_BYTES ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP;
}

#endif
