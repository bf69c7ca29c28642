// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Who asked: an intent per thread, turned into a record once the connect to a guarded socket has succeeded.
 *
 * cgroup/connect_unix    connect_intent: this thread is about to connect this fresh stream socket (any route: connect(2),
 *                        int 0x80, io_uring inline, async and SQPOLL)
 * tp_btf/sk_data_ready   connect_ready: a listener is told of a connection, in the connecting thread: intent becomes record
 * cgroup/getsockopt      connect_peercred: a server asks who is there: second look, for what it accepted before the
 *                        tracepoint ran, and for what has no record
 */
#include "limit.bpf.h"
#include "listener.bpf.h"
#include "record.bpf.h"
#include "rules.bpf.h"
#include "unrecorded.bpf.h"

/* Another process connects a socket whose connection is recorded: whose words travel on it is not certain any more. */
static __always_inline void mark_ambiguous(u64 cookie, struct belfry_connection *connection, struct task_struct *task)
{
	u32 bit = 1u << BELFRY_TAINT_AMBIGUOUS;
	struct belfry_event_taint *record;

	if (connection->opener.tgid == (u32)GET(task, tgid) &&
	    connection->opener.start_ns == GET(task, group_leader, start_boottime)) {
		count_seen(BELFRY_PROGRAM_CONNECT_UNIX, BELFRY_COUNT_IGNORED);
		return;
	}
	if (set_bits(cookie, WORD_TAINTS, &connection->taints, bit) & bit) {
		count_seen(BELFRY_PROGRAM_CONNECT_UNIX, BELFRY_COUNT_IGNORED);
		return;
	}
	record = begin_violation(struct belfry_event_taint, BELFRY_KIND_TAINT);
	if (!record) {
		count_seen(BELFRY_PROGRAM_CONNECT_UNIX, BELFRY_COUNT_LOST_RING);
		return;
	}
	record->cookie = cookie;
	fill_pin(&record->by, task);
	record->taints = bit;
	record->guard = connection->guard;
	end_record(record);
	count_seen(BELFRY_PROGRAM_CONNECT_UNIX, BELFRY_COUNT_SENT);
}

/* Written in place where the thread has connected before: no insert, no delete for bystanders. */
static __always_inline bool write_intent(struct belfry_intent *intent, struct task_struct *task, u64 cookie, u64 client)
{
	struct belfry_intent first = {};
	u32 tid = GET(task, pid);

	if (!intent) {
		if (bpf_map_update_elem(&intents, &tid, &first, BPF_ANY))
			return false;
		intent = bpf_map_lookup_elem(&intents, &tid);
		if (!intent)
			return false;
	}
	/* connect_peercred may look on from another CPU: no cookie while the rest changes. */
	__sync_lock_test_and_set(&intent->cookie, 0);
	intent->client_sk = client;
	intent->task = (u64)task;
	intent->tgid_pid = (u64)GET(task, signal, pids[PIDTYPE_TGID]);
	intent->start_ns = GET(task, group_leader, start_boottime);
	intent->exec_id = GET(task, self_exec_id);
	intent->tgid = GET(task, tgid);
	intent->tid = tid;
	__sync_lock_test_and_set(&intent->cookie, cookie);
	return true;
}

SEC("cgroup/connect_unix")
int connect_intent(struct bpf_sock_addr *ctx)
{
	struct bpf_sock_addr_kern *kernel = bpf_cast_to_kern_ctx(ctx);
	struct unix_sock *client = VIEW(struct unix_sock, GET(kernel, sk));
	struct task_struct *task;
	struct belfry_connection *connection;
	struct belfry_intent *intent;
	u64 cookie;
	u32 tid;

	if (GET(client, sk.sk_type) != SOCK_STREAM || !acts())
		return 1;
	task = current_task();
	tid = GET(task, pid);
	intent = bpf_map_lookup_elem(&intents, &tid);
	cookie = bpf_get_socket_cookie(ctx);
	if (GET(client, sk.__sk_common.skc_state) == TCP_CLOSE && !GET(client, peer)) {
		count_seen(BELFRY_PROGRAM_CONNECT_UNIX, write_intent(intent, task, cookie, (u64)client) ?
							BELFRY_COUNT_IGNORED : BELFRY_COUNT_LOST_MAP);
		return 1;
	}
	if (intent)
		__sync_lock_test_and_set(&intent->cookie, 0);
	connection = bpf_map_lookup_elem(&connections, &cookie);
	if (connection)
		mark_ambiguous(cookie, connection, task);
	else
		count_seen(BELFRY_PROGRAM_CONNECT_UNIX, BELFRY_COUNT_IGNORED);
	return 1;
}

/* Is this what the thread's intent said, seen from every side? */
static __always_inline bool verified(struct belfry_intent *intent, struct task_struct *task, struct unix_sock *client,
				     struct unix_sock *server, struct unix_sock *listener)
{
	if (!server || cookie_of(&client->sk) != intent->cookie)
		return false;
	/* Null: the server has accepted and closed already. */
	if (GET(server, peer) && GET(server, peer) != (struct sock *)client)
		return false;
	if (GET(server, addr) != GET(listener, addr))	/* shared, and kept for as long as the socket */
		return false;
	return embryo_of(server, (struct sock *)listener) &&
	       GET(server, sk.sk_peer_pid) == GET(task, signal, pids[PIDTYPE_TGID]) &&
	       intent->tgid_pid == (u64)GET(server, sk.sk_peer_pid) && intent->exec_id == GET(task, self_exec_id);
}

#define QUEUE_SEARCH_MAX 64
struct queue_search {
	__u64 buffer;
	__u64 tgid_pid;
	__u64 server;
};

static long match_embryo(u32 index, struct queue_search *search)
{
	struct sk_buff *buffer = VIEW(struct sk_buff, search->buffer);
	struct unix_sock *server = VIEW(struct unix_sock, GET(buffer, sk));
	u64 key;

	if (!server || !GET(server, peer))
		return 1;	/* the head of the queue, or no embryo */
	key = key_of(VIEW(struct unix_sock, GET(server, peer)));
	if ((u64)GET(server, sk.sk_peer_pid) == search->tgid_pid && !bpf_map_lookup_elem(&connections, &key)) {
		search->server = (u64)server;
		return 1;
	}
	search->buffer = (u64)GET(buffer, prev);
	return 0;
}

/* A connect without an intent (the other hook was not there, or was skipped): look for it where it was queued. */
static __always_inline u64 fill_unrecorded(struct belfry_connection *connection, struct sock *sk, u32 guard,
					   struct task_struct *task)
{
	struct queue_search search = { .buffer = (u64)GET(sk, sk_receive_queue.prev),
				       .tgid_pid = (u64)GET(task, signal, pids[PIDTYPE_TGID]) };
	struct unix_sock *server, *client;

	connection->taints = 1u << BELFRY_TAINT_UNRECORDED;
	LOOP(QUEUE_SEARCH_MAX, match_embryo, &search);
	if (!search.server) {
		fill_stream(connection, 0, 0, sk, guard);
		return connection->connect_ns | BELFRY_COOKIE_NONE_BIT;
	}
	server = VIEW(struct unix_sock, search.server);
	client = VIEW(struct unix_sock, GET(server, peer));
	fill_stream(connection, client, server, sk, guard);
	return key_of(client);
}

static __noinline void record_success(struct sock *sk, u32 guard, struct judged *judged)
{
	struct belfry_connection connection = {};
	struct task_struct *task = current_task();
	u32 tid = GET(task, pid), kind = BELFRY_KIND_CONNECT;
	struct belfry_intent *intent = bpf_map_lookup_elem(&intents, &tid);
	struct unix_sock *client, *server;
	u64 key;

	fill_opener(&connection, task);
	if (intent && intent->cookie) {
		client = VIEW(struct unix_sock, intent->client_sk);
		server = VIEW(struct unix_sock, GET(client, peer));
		key = intent->cookie;
		fill_stream(&connection, client, server, sk, guard);
		if (!verified(intent, task, client, server, VIEW(struct unix_sock, sk)))
			connection.taints = 1u << BELFRY_TAINT_AMBIGUOUS;
		__sync_lock_test_and_set(&intent->cookie, 0);
	} else {
		kind = BELFRY_KIND_UNRECORDED;
		key = fill_unrecorded(&connection, sk, guard, task);
	}
	is_refused_by_limit(&connection, false);	/* it has succeeded: only told */
	is_barred(&connection, judged, false);
	keep_connection(BELFRY_PROGRAM_DATA_READY, kind, key, &connection, BPF_NOEXIST, judged->verdict & VERDICT_AGAINST);
}

SEC("tp_btf/sk_data_ready")
int BPF_PROG(connect_ready, struct sock *sk)
{
	struct judged judged;
	u32 guard;

	if (GET(sk, __sk_common.skc_family) != AF_UNIX || GET(sk, __sk_common.skc_state) != TCP_LISTEN)
		return 0;
	if (!may_be_guarded(VIEW(struct unix_sock, sk)) || !acts())
		return 0;
	guard = guard_kept_with(sk);
	if (guard == BELFRY_GUARD_NONE) {
		count_seen(BELFRY_PROGRAM_DATA_READY, BELFRY_COUNT_IGNORED);
		return 0;
	}
	judged.policy = policy_of(guard);
	judged.verdict = judge(guard, judged.policy, listened_by(sk));
	record_success(sk, guard, &judged);
	return 0;
}

struct intent_search {
	__u64 cookie, client_sk, tgid_pid;
	struct belfry_intent found;
};

static long match_intent(struct bpf_map *map, u32 *tid, struct belfry_intent *intent, struct intent_search *search)
{
	if (intent->cookie != search->cookie || intent->client_sk != search->client_sk ||
	    intent->tgid_pid != search->tgid_pid)
		return 0;
	search->found = *intent;
	return 1;
}

/* The client's thread is between queueing itself at the listener and the tracepoint: its facts are still those of connect. */
static __always_inline bool opener_from_intent(struct belfry_connection *connection, struct belfry_intent *intent)
{
	struct task_struct *task = VIEW(struct task_struct, intent->task);

	if ((u32)GET(task, pid) != intent->tid || GET(task, exit_state) || GET(task, self_exec_id) != intent->exec_id)
		return false;
	fill_opener(connection, task);
	return (u32)GET(task, pid) == intent->tid && (u32)GET(task, tgid) == intent->tgid && !GET(task, exit_state) &&
	       GET(task, self_exec_id) == intent->exec_id && connection->opener.start_ns == intent->start_ns;
}

static __always_inline void second_look(struct unrecorded *found)
{
	struct intent_search search = { .cookie = found->key, .client_sk = (u64)found->client,
					.tgid_pid = (u64)GET(found->server, sk.sk_peer_pid) };
	struct belfry_connection connection = {};

	bpf_for_each_map_elem(&intents, match_intent, &search, 0);
	if (!search.found.cookie || !opener_from_intent(&connection, &search.found)) {
		keep_unrecorded(found, &connection);
		return;
	}
	fill_stream(&connection, found->client, found->server, 0, found->guard);
	keep_connection(BELFRY_PROGRAM_PEERCRED, BELFRY_KIND_CONNECT, found->key, &connection, BPF_NOEXIST, false);
}

SEC("cgroup/getsockopt")
int connect_peercred(struct bpf_sockopt *ctx)
{
	struct bpf_sockopt_kern *kernel;
	struct unrecorded found;

	if (ctx->optname != SO_PEERCRED || ctx->level != SOL_SOCKET || !acts())
		return 1;
	kernel = bpf_cast_to_kern_ctx(ctx);
	if (without_record(VIEW(struct unix_sock, GET(kernel, sk)), &found))
		second_look(&found);
	return 1;
}
