/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Does a guard refuse now? */
#ifndef BELFRY_BPF_DENIES_H
#define BELFRY_BPF_DENIES_H

#include "maps.bpf.h"

/* It has not been silent for longer than the guard holds. */
static __always_inline bool is_watched(struct belfry_guard *guard)
{
	u32 zero = 0;
	struct belfry_settings *set;

	if (!guard->loss_ns)
		return true;
	set = bpf_map_lookup_elem(&settings, &zero);
	return set && bpf_ktime_get_boot_ns() - set->alive_ns < guard->loss_ns;
}

static __always_inline bool denies(struct belfry_guard *guard)
{
	return guard->mode == BELFRY_MODE_DENY && is_watched(guard);
}

#endif
