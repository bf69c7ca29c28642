// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Who connects to a guarded TCP port: written down by the thread that sends the SYN, told when the server's end is there.
 *
 * tp_btf/inet_sock_set_state   tcp_state:
 *   SYN_SENT     in the connecting thread, by whatever route (connect(2), int 0x80, io_uring, a send with fast open)
 *   ESTABLISHED  of the client's end in any thread: its addresses are final, the server's end will look for them;
 *                of the server's end, always after the client's: who has these addresses?
 *   CLOSE        of a client's end that went elsewhere or nowhere
 *   LISTEN       in the thread that calls listen(2)
 */
#include "cookie.bpf.h"
#include "emit.bpf.h"
#include "port.bpf.h"
#include "record.bpf.h"
#include "task.bpf.h"

/* Both are of one network namespace, where no two sockets have the same two ends. */
static __always_inline void fill_ends_of_client(struct belfry_ends *ends, struct sock *sk)
{
	fill_addresses(&ends->client, &ends->server, sk);
	ends->client_port = GET(sk, __sk_common.skc_num);
	ends->server_port = __builtin_bswap16(GET(sk, __sk_common.skc_dport));
	ends->pad = 0;
}

static __always_inline void fill_ends_of_server(struct belfry_ends *ends, struct sock *sk)
{
	fill_addresses(&ends->server, &ends->client, sk);
	ends->server_port = GET(sk, __sk_common.skc_num);
	ends->client_port = __builtin_bswap16(GET(sk, __sk_common.skc_dport));
	ends->pad = 0;
}

static __always_inline void begin_opening(struct sock *sk, u16 port)
{
	struct belfry_opening opening = {};
	u64 key = (u64)sk;

	fill_addresses(&opening.ends.client, &opening.ends.server, sk);
	if (!guard_of_port(&opening.ends.server, port))
		return;
	__builtin_memset(&opening.ends, 0, sizeof(opening.ends));
	fill_opener(&opening.connection, current_task());
	opening.connection.connect_ns = bpf_ktime_get_boot_ns();
	if (bpf_map_update_elem(&openings, &key, &opening, BPF_ANY))
		count_seen(BELFRY_PROGRAM_TCP, BELFRY_COUNT_LOST_MAP);
}

static __always_inline void place_opening(struct sock *sk)
{
	u64 key = (u64)sk;
	struct belfry_opening *opening = bpf_map_lookup_elem(&openings, &key);
	struct belfry_ends ends;

	if (!opening)
		return;
	fill_ends_of_client(&ends, sk);
	opening->ends = ends;
	if (!bpf_map_update_elem(&openings_by_ends, &ends, &key, BPF_ANY))
		return;
	bpf_map_delete_elem(&openings, &key);
	count_seen(BELFRY_PROGRAM_TCP, BELFRY_COUNT_LOST_MAP);
}

static __always_inline void end_opening(struct sock *sk)
{
	u64 key = (u64)sk;
	struct belfry_opening *opening = bpf_map_lookup_elem(&openings, &key);
	struct belfry_ends ends;

	if (!opening)
		return;
	ends = opening->ends;
	if (ends.client_port)
		bpf_map_delete_elem(&openings_by_ends, &ends);
	bpf_map_delete_elem(&openings, &key);
}

/* Nobody but this machine has such an address. Which others are ours does not say whose the packets are: some are rewritten. */
static __always_inline bool is_local(const struct belfry_ends *ends)
{
	const struct belfry_address *client = &ends->client, *server = &ends->server;

	return is_loopback(client) || (client->word[0] == server->word[0] && client->word[1] == server->word[1] &&
				  client->word[2] == server->word[2] && client->word[3] == server->word[3]);
}

static __always_inline void fill_unknown_opener(struct belfry_connection *connection, const struct belfry_ends *ends)
{
	__builtin_memset(connection, 0, sizeof(*connection));
	connection->connect_ns = bpf_ktime_get_boot_ns();
	connection->place = BELFRY_PLACE_UNKNOWN;
	connection->taints = is_local(ends) ? 1u << BELFRY_TAINT_UNRECORDED : 0;
}

static __always_inline bool send_tcp(struct sock *sk, u32 guard, const struct belfry_ends *ends,
				     struct belfry_opening *opening)
{
	struct belfry_event_tcp *record = begin_record(struct belfry_event_tcp, BELFRY_KIND_TCP_CONNECT);

	if (!record)
		return false;
#if BELFRY_FLOOR >= 601
	record->cookie = give_cookie(sk);
#else
	record->cookie = 0;
#endif
	record->ends = *ends;
	if (opening)
		record->connection = opening->connection;
	else
		fill_unknown_opener(&record->connection, ends);
	record->connection.guard = guard;
	end_record(record);
	return true;
}

static __always_inline void tell_connection(struct sock *sk)
{
	struct belfry_opening *opening = 0;
	struct belfry_name_value *guard;
	struct belfry_ends ends;
	u64 *client, key = 0;

	fill_ends_of_server(&ends, sk);
	guard = guard_of_port(&ends.server, ends.server_port);
	if (!guard)
		return;
	client = bpf_map_lookup_elem(&openings_by_ends, &ends);
	if (client) {
		key = *client;
		opening = bpf_map_lookup_elem(&openings, &key);
	}
	count_seen(BELFRY_PROGRAM_TCP, send_tcp(sk, guard->guard, &ends, opening) ? BELFRY_COUNT_SENT : BELFRY_COUNT_LOST_RING);
	if (!client)
		return;
	bpf_map_delete_elem(&openings_by_ends, &ends);
	bpf_map_delete_elem(&openings, &key);
}

static __always_inline void tell_listener(struct sock *sk)
{
	struct belfry_name_value *guard = guard_of_listener(sk);
	struct belfry_event_listener *record;
	u32 tgid = bpf_get_current_pid_tgid() >> 32, number;

	if (!guard)
		return;
	number = guard->guard;
	record = begin_record(struct belfry_event_listener, BELFRY_KIND_LISTENER);
	if (!record)
		return;
	record->listener_cookie = 0;
	record->tgid = tgid;
	record->guard = number;
	record->socket = guard->socket;
	record->pad = 0;
	end_record(record);
	bpf_map_update_elem(&serving, &tgid, &number, BPF_ANY);
}

#define STATES (1u << TCP_ESTABLISHED | 1u << TCP_SYN_SENT | 1u << TCP_CLOSE | 1u << TCP_LISTEN)

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(tcp_state, struct sock *sk, int before, int now)
{
	bool serves = now == TCP_LISTEN || (now == TCP_ESTABLISHED && before == TCP_SYN_RECV);
	u16 port;

	if (!(STATES >> (now & 31) & 1))
		return 0;
	port = serves ? sk->__sk_common.skc_num : __builtin_bswap16(sk->__sk_common.skc_dport);
	if (!some_guard_has(port) || GET(sk, sk_protocol) != IPPROTO_TCP || !acts_alone() || !in_own_netns(sk))
		return 0;
	if (now == TCP_LISTEN)
		tell_listener(sk);
	else if (now == TCP_SYN_SENT)
		begin_opening(sk, port);
	else if (now == TCP_CLOSE)
		end_opening(sk);
	else if (serves)
		tell_connection(sk);
	else
		place_opening(sk);
	return 0;
}
