// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What userspace has done in the kernel, because only there it is atomic or visible.
 *
 * syscall   taint_connection: sets taint bits of a record for good
 * syscall   examine_connection: does the stream of a record still exist
 * syscall   note_reference: takes the caller's or init's root for the one against which places are judged
 * syscall   sign_of_life: the daemon lives: one word, written whole while programs read it
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
 * The client's end is open while its struct socket points back at it: both are unlinked when the last descriptor is
 * closed (sock_orphan). A count of references or a cookie alone outlive the sock in freed memory.
 */
static __always_inline bool is_open(struct unix_sock *unix)
{
	struct socket *socket = unix->sk.sk_socket;

	return socket && VIEW(struct socket, socket)->sk == (struct sock *)unix;
}

/*
 * A server's end, accepted or still an embryo, names its peer until it is released (unix_release_sock), and holds it:
 * freed memory names nobody, and a new owner of the client's memory has another cookie.
 */
SEC("syscall")
int examine_connection(struct belfry_call *call)
{
	u64 cookie = call->cookie;
	struct belfry_connection *connection = bpf_map_lookup_elem(&connections, &cookie);
	struct unix_sock *client, *server;
	bool paired, same;

	if (!connection)
		return 0;
	call->found = 1;
	client = VIEW(struct unix_sock, connection->client_sk);
	server = VIEW(struct unix_sock, connection->server_sk);
	if (!connection->client_sk) {
		call->alive = call->client_open = 1;	/* not known which socket: the process answers for it */
		return 0;
	}
	paired = connection->server_sk && (u64)server->peer == connection->client_sk;
	if (cookie & BELFRY_COOKIE_NONE_BIT)
		same = paired;
	else
		same = (u64)client->sk.__sk_common.skc_cookie.counter == cookie;
	call->client_open = same && is_open(client);
	call->alive = call->client_open || (same && paired);
	call->in_flight = call->client_open && in_flight(client);
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
int sign_of_life(struct belfry_call *call)
{
	u32 zero = 0;
	struct belfry_settings *set = bpf_map_lookup_elem(&settings, &zero);

	if (set)
		set->alive_ns = bpf_ktime_get_boot_ns();
	return 0;
}

SEC("syscall")
int who_am_i(struct belfry_call *call)
{
	call->tgid = bpf_get_current_pid_tgid() >> 32;
	return 0;
}
