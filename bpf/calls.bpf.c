// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What userspace has done in the kernel, because only there it is atomic or visible.
 *
 * syscall   taint_connection: sets taint bits of a record for good
 * syscall   examine_connection: does the stream of a record still exist
 * syscall   note_reference: takes the caller's or init's root for the one against which places are judged
 * syscall   who_am_i: the caller's number in the initial pid namespace
 */
#include "record.bpf.h"
#include "question.bpf.h"

SEC("syscall")
int taint_connection(struct belfry_call *call)
{
	u64 cookie = call->cookie;
	struct belfry_connection *connection = bpf_map_lookup_elem(&connections, &cookie);

	if (!connection)
		return 0;
	__sync_fetch_and_or(&connection->taints, call->bits);
	call->found = 1;
	return 0;
}

/*
 * While either end exists the client's sock does: its own file holds it, and the server's end holds its peer. A freed
 * sock has no references left, or a new owner and so another cookie (cleared at allocation): a live one cannot look so.
 */
SEC("syscall")
int examine_connection(struct belfry_call *call)
{
	u64 cookie = call->cookie;
	struct belfry_connection *connection = bpf_map_lookup_elem(&connections, &cookie);
	struct unix_sock *client, *server;
	bool same;

	if (!connection)
		return 0;
	call->found = 1;
	client = VIEW(struct unix_sock, connection->client_sk);
	server = VIEW(struct unix_sock, connection->server_sk);
	if (!connection->client_sk) {
		call->alive = call->client_open = 1;	/* not known which socket */
		return 0;
	}
	if (cookie & BELFRY_COOKIE_NONE_BIT)
		same = (u64)server->peer == connection->client_sk;
	else
		same = (u64)client->sk.__sk_common.skc_cookie.counter == cookie;
	call->alive = same && client->sk.__sk_common.skc_refcnt.refs.counter > 0;
	call->client_open = call->alive && !(client->sk.__sk_common.skc_flags & SOCK_DEAD_FLAG);
	call->in_flight = call->alive && in_flight(client);
	return 0;
}

/* Init is found as the reaper of the initial pid namespace: iterators need not show it. */
SEC("syscall")
int note_reference(struct belfry_call *call)
{
	u32 zero = 0;
	struct belfry_settings *set = bpf_map_lookup_elem(&settings, &zero);
	struct task_struct *task = VIEW(struct task_struct, bpf_get_current_task_btf());

	if (call->of_init)
		task = VIEW(struct task_struct, number_at(task->thread_pid, 0)->ns->child_reaper);
	if (!set || !task->fs || !task->nsproxy)
		return 0;
	set->reference_mnt = (u64)task->fs->root.mnt;
	set->reference_dentry = (u64)task->fs->root.dentry;
	set->reference_mntns = task->nsproxy->mnt_ns->ns.inum;
	call->found = 1;
	return 0;
}

SEC("syscall")
int who_am_i(struct belfry_call *call)
{
	call->tgid = bpf_get_current_pid_tgid() >> 32;
	return 0;
}
