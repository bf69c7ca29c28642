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

#define begin_record(type, kind_) ({ \
	type *record_ = bpf_ringbuf_reserve(&events, sizeof(type), 0); \
	if (record_) { \
		record_->header.time_ns = bpf_ktime_get_boot_ns(); \
		record_->header.kind = (kind_); \
		record_->header.size = sizeof(type); \
	} \
	record_; })

#define end_record(record) bpf_ringbuf_submit(record, 0)

#endif
