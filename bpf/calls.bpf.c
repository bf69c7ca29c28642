// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What userspace has done in the kernel, because only there it is atomic or visible.
 *
 * As syscall programs; before 5.14 as raw_tp ones, run by way of a test:
 *   taint_connection: sets taint bits of a record for good
 *   examine_connection: does the stream of a record still exist
 *   note_reference: takes the caller's or init's root for the one against which places are judged, and the caller's
 *     network namespace for that of guarded ports
 *   sign_of_life: the daemon lives: one word, written whole while programs read it
 *   who_am_i: the caller's number in the initial pid namespace
 */
#include "cookie.bpf.h"
#include "opener.bpf.h"
#include "question.bpf.h"
#include "record.bpf.h"

#if BELFRY_FLOOR >= 601		/* 79a7f8bdb159 ("bpf: Introduce bpf_sys_bpf() helper and program type", 5.14) */
#define CALLED(name, argument) \
	static __always_inline int name##_called(argument); \
	SEC("syscall") int name(struct belfry_call *call) { return name##_called(call); } \
	static __always_inline int name##_called(argument)
#else
/* A test run of a tracepoint's program gets words and gives one back. */
#define CALLED(name, argument) \
	static __always_inline int name##_called(argument); \
	SEC("raw_tp") int name(struct bpf_raw_tracepoint_args *words) \
	{ \
		struct belfry_call call; \
		take_words(&call, words); \
		name##_called(&call); \
		return answer_in_a_word(&call); \
	} \
	static __always_inline int name##_called(argument)

static __always_inline void take_words(struct belfry_call *call, struct bpf_raw_tracepoint_args *words)
{
	u64 *to = (u64 *)call;
	u32 i;

#pragma unroll
	for (i = 0; i < sizeof(*call) / sizeof(*to); i++)
		to[i] = words->args[i];
}

static __always_inline u32 answer_in_a_word(const struct belfry_call *call)
{
	return (call->found ? BELFRY_ANSWER_FOUND : 0) | (call->alive ? BELFRY_ANSWER_ALIVE : 0) |
	       (call->client_open ? BELFRY_ANSWER_OPEN : 0) | (call->in_flight ? BELFRY_ANSWER_FLYING : 0) |
	       (call->closing ? BELFRY_ANSWER_CLOSING : 0) | (call->tgid & BELFRY_ANSWER_TGID_MASK) << BELFRY_ANSWER_TGID_SHIFT;
}
#endif

CALLED(taint_connection, struct belfry_call *call)
{
	u64 cookie = call->cookie;
	struct belfry_connection *connection = bpf_map_lookup_elem(&connections, &cookie);

	if (!connection)
		return 0;
	set_bits(cookie, WORD_TAINTS, &connection->taints, call->bits);
	call->found = 1;
	return 0;
}

CALLED(examine_connection, struct belfry_call *call)
{
	u64 cookie = call->cookie;
	struct belfry_connection *connection = bpf_map_lookup_elem(&connections, &cookie);
	struct unix_sock *client, *server;
	struct stream_ends ends;
	u32 holders;

	if (!connection)
		return 0;
	ends = ends_of(cookie, connection);
	call->found = 1;
	call->client_open = ends.client_open;
	call->alive = ends.alive;
	if (!connection->client_sk || !ends.client_open)
		return 0;
	holders = holders_of(VIEW(struct unix_sock, connection->client_sk));
	call->client_open = holders != 0;
	if (!holders)
		return 0;
	client = VIEW(struct unix_sock, connection->client_sk);
	server = VIEW(struct unix_sock, connection->server_sk);
	call->in_flight = in_flight(client);
	call->closing = !(connection->taints & NOT_PINNED) && (u64)GET(server, peer) == (u64)client && may_be_closing(holders, server) &&
			opener_taints(connection, server) == 1u << BELFRY_TAINT_OPENER_EXITED;
	return 0;
}

/* Init is found as the reaper of the initial pid namespace: iterators need not show it. */
CALLED(note_reference, struct belfry_call *call)
{
	u32 zero = 0;
	struct belfry_settings *set = bpf_map_lookup_elem(&settings, &zero);
	struct task_struct *task = VIEW(struct task_struct, current_task());

	if (set && GET(task, nsproxy))
		set->own_netns = GET(task, nsproxy, net_ns, ns.inum);
	if (call->of_init)
		task = VIEW(struct task_struct, GET(number_at(GET(task, thread_pid), 0), ns, child_reaper));
	if (!set || !GET(task, fs) || !GET(task, nsproxy))
		return 0;
	set->reference_mnt = (u64)GET(task, fs, root.mnt);
	set->reference_dentry = (u64)GET(task, fs, root.dentry);
	set->reference_mntns = GET(task, nsproxy, mnt_ns, ns.inum);
	call->found = 1;
	return 0;
}

CALLED(sign_of_life, struct belfry_call *call)
{
	u32 zero = 0;
	struct belfry_settings *set = bpf_map_lookup_elem(&settings, &zero);

	if (set)
		set->alive_ns = bpf_ktime_get_boot_ns();
	return 0;
}

CALLED(who_am_i, struct belfry_call *call)
{
	call->tgid = bpf_get_current_pid_tgid() >> 32;
	return 0;
}
