// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Who may open a guarded TCP port of this machine: held against the guard's rules before a SYN is sent.
 *
 * cgroup/connect4   port_connect4: by whatever route, a send with fast open and MPTCP's first subflow among them
 * cgroup/connect6   port_connect6: the same; IPv4 by mapped addresses too
 */
#include "port.bpf.h"
#include "record.bpf.h"
#include "rules.bpf.h"

#define REFUSED 0		/* the caller gets EPERM */
#define PASSES 1

/* Stands for one that is ours and not known: whichever address of the port is guarded. */
#define SOME_OWN_ADDRESS BELFRY_ADDRESS_OF_LISTENER

/*
 * As tcp_v4_connect() takes 0.0.0.0: the address that the socket sends from, which of one that is bound to a multicast or
 * broadcast address is none; else one of the device to which it is bound, or that of the loopback device.
 */
static __always_inline void set_any_ipv4(struct belfry_address *address, struct sock *sk)
{
	u32 own = GET(VIEW(struct inet_sock, sk), inet_saddr);

	if (own || !GET(sk, __sk_common.skc_bound_dev_if))
		set_ipv4(address, own ? own : __builtin_bswap32(0x7f000001));
	else
		__builtin_memset(address, SOME_OWN_ADDRESS & 0xff, sizeof(*address));
}

/* As tcp_v6_connect() takes ::, that of the loopback device; of a socket that is bound to a mapped address, of IPv4. */
static __always_inline void set_any_ipv6(struct belfry_address *address, struct sock *sk)
{
	struct belfry_address own;

	SET_IPV6(&own, sk, skc_v6_rcv_saddr);
	__builtin_memset(address, 0, sizeof(*address));
	address->word[3] = __builtin_bswap32(1);
	if (!own.word[0] && !own.word[1] && own.word[2] == PREFIX_OF_IPV4)
		set_ipv4(address, __builtin_bswap32(0x7f000001));
}

static __always_inline void tell_barred_from(const struct belfry_address *address, u16 port, u32 guard,
					     const struct judged *judged)
{
	struct belfry_event_tcp *record = begin_violation(struct belfry_event_tcp, BELFRY_KIND_TCP_BARRED);

	count(BELFRY_PROGRAM_RULES, BELFRY_COUNT_REFUSED);
	if (!record) {
		count_seen(BELFRY_PROGRAM_RULES, BELFRY_COUNT_LOST_RING);
		return;
	}
	record->cookie = 0;
	__builtin_memset(&record->ends, 0, sizeof(record->ends));
	if (address->word[0] != SOME_OWN_ADDRESS)
		record->ends.server = *address;
	record->ends.server_port = port;
	__builtin_memset(&record->connection, 0, sizeof(record->connection));
	fill_opener(&record->connection, current_task());
	record->connection.connect_ns = bpf_ktime_get_boot_ns();
	record->connection.guard = guard;
	record->connection.policy = judged->policy;
	record->connection.rule = judged->verdict;
	end_record(record);
	count_seen(BELFRY_PROGRAM_RULES, BELFRY_COUNT_SENT);
}

static __always_inline int hold(const struct belfry_address *address, u16 port, u32 program)
{
	struct belfry_name_value *found = guard_of_port(address, port);
	struct judged judged;
	u32 guard;

	if (!found || (address->word[0] != SOME_OWN_ADDRESS && !is_own(address)))
		return PASSES;
	guard = found->guard;
	judged.policy = policy_of(guard);
	judged.verdict = judge(guard, judged.policy, 0);
	count_seen(program, BELFRY_COUNT_IGNORED);
	if (!judged.policy)
		return PASSES;
	if (judged.verdict & VERDICT_REFUSES) {
		tell_barred_from(address, port, guard, &judged);
		return REFUSED;
	}
	count_seen(BELFRY_PROGRAM_RULES, BELFRY_COUNT_IGNORED);
	return PASSES;
}

/* The socket: one of TCP, to a guarded port's number, of our network namespace; else null. */
static __always_inline struct sock *concerns_us(struct bpf_sock_addr *ctx, u16 port)
{
	struct bpf_sock *socket;
	struct sock *sk;

	if (!some_guard_has(port) || !acts())
		return 0;
	socket = ctx->sk;
	sk = socket ? (struct sock *)bpf_skc_to_tcp_sock(socket) : 0;
	if (!sk)
		return 0;
	sk = VIEW(struct sock, sk);
	return in_own_netns(sk) ? sk : 0;
}

SEC("cgroup/connect4")
int port_connect4(struct bpf_sock_addr *ctx)
{
	u16 port = __builtin_bswap16(ctx->user_port);
	struct sock *sk = concerns_us(ctx, port);
	struct belfry_address address;

	if (!sk)
		return PASSES;
	if (ctx->user_ip4)
		set_ipv4(&address, ctx->user_ip4);
	else
		set_any_ipv4(&address, sk);
	return hold(&address, port, BELFRY_PROGRAM_PORT_CONNECT4);
}

SEC("cgroup/connect6")
int port_connect6(struct bpf_sock_addr *ctx)
{
	u16 port = __builtin_bswap16(ctx->user_port);
	struct sock *sk = concerns_us(ctx, port);
	struct belfry_address address;

	if (!sk)
		return PASSES;
	address.word[0] = ctx->user_ip6[0];
	address.word[1] = ctx->user_ip6[1];
	address.word[2] = ctx->user_ip6[2];
	address.word[3] = ctx->user_ip6[3];
	if (is_any(&address)) {
		if (address.word[2])
			set_any_ipv4(&address, sk);
		else
			set_any_ipv6(&address, sk);
	}
	return hold(&address, port, BELFRY_PROGRAM_PORT_CONNECT6);
}
