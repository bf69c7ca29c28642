/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Is whoever connects the one that serves the guard? It is never in its own way. */
#ifndef BELFRY_BPF_OWN_H
#define BELFRY_BPF_OWN_H

#include "task.bpf.h"

/* The process that called listen(2); 0 once it has ended, for then its number may be another's. */
static __always_inline u32 listened_by(struct sock *listener)
{
	struct pid *pid = GET(listener, sk_peer_pid);

	return pid && GET(VIEW(struct hlist_head, process_of(pid)), first) ? initial_number(pid) : 0;
}

/* Who called listen(2), or serves by the guard's rule (socket activation). */
static __always_inline bool is_own_branch(u32 guard, u32 listened)
{
	struct task_struct *task = current_task();
	struct belfry_server_key key = { .guard = guard, .tgid = GET(task, tgid) };
	u64 *start_ns = bpf_map_lookup_elem(&servers, &key);

	return (listened && listened == key.tgid) || (start_ns && *start_ns == GET(task, group_leader, start_boottime));
}

#endif
