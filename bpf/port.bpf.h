/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whose TCP port is this? By the port alone for bystanders, then by network namespace and address. */
#ifndef BELFRY_BPF_PORT_H
#define BELFRY_BPF_PORT_H

#include "maps.bpf.h"

/* All that a bystander's socket costs: a bit of an array. */
static __always_inline bool some_guard_has(u16 port)
{
	u32 zero = 0;
	struct belfry_ports *ports = bpf_map_lookup_elem(&guarded_ports, &zero);

	return ports && ports->word[port >> 5] & 1u << (port & 31);
}

static __always_inline bool in_own_netns(struct sock *sk)
{
	u32 zero = 0;
	struct belfry_settings *set = bpf_map_lookup_elem(&settings, &zero);

	return set && GET(sk, __sk_common.skc_net.net, ns.inum) == set->own_netns;
}

#define PREFIX_OF_IPV4 __builtin_bswap32(0xffff)	/* the third word of ::ffff:a.b.c.d */
static __always_inline void set_ipv4(struct belfry_address *address, u32 ipv4)
{
	address->word[0] = address->word[1] = 0;
	address->word[2] = PREFIX_OF_IPV4;
	address->word[3] = ipv4;
}

#define SET_IPV6(address, sk, field) do { \
	(address)->word[0] = GET(sk, __sk_common.field.in6_u.u6_addr32[0]); \
	(address)->word[1] = GET(sk, __sk_common.field.in6_u.u6_addr32[1]); \
	(address)->word[2] = GET(sk, __sk_common.field.in6_u.u6_addr32[2]); \
	(address)->word[3] = GET(sk, __sk_common.field.in6_u.u6_addr32[3]); \
} while (0)

/* A socket of IPv6 that speaks IPv4 has the mapped addresses. */
static __always_inline void fill_addresses(struct belfry_address *own, struct belfry_address *peer, struct sock *sk)
{
	if (GET(sk, __sk_common.skc_family) == AF_INET) {
		set_ipv4(own, GET(sk, __sk_common.skc_rcv_saddr));
		set_ipv4(peer, GET(sk, __sk_common.skc_daddr));
	} else {
		SET_IPV6(own, sk, skc_v6_rcv_saddr);
		SET_IPV6(peer, sk, skc_v6_daddr);
	}
}

static __always_inline struct belfry_name_value *guard_of_port(const struct belfry_address *address, u16 port)
{
	struct belfry_port_key key = { .address = *address, .port = port };
	struct belfry_name_value *guard = bpf_map_lookup_elem(&port_guards, &key);

	if (guard)
		return guard;
	__builtin_memset(&key.address, 0, sizeof(key.address));
	return bpf_map_lookup_elem(&port_guards, &key);
}

static __always_inline bool is_loopback(const struct belfry_address *address)
{
	if (address->word[0] || address->word[1])
		return false;
	return address->word[2] == PREFIX_OF_IPV4 ? address->word[3] << 24 == 127u << 24 :
						    !address->word[2] && address->word[3] == __builtin_bswap32(1);
}

static __always_inline bool is_any(const struct belfry_address *address)
{
	return !address->word[3] && !address->word[0] && !address->word[1] &&
	       (!address->word[2] || address->word[2] == PREFIX_OF_IPV4);
}

/* Where a connect from here stays on this machine. */
static __always_inline bool is_own(const struct belfry_address *address)
{
	return is_loopback(address) || bpf_map_lookup_elem(&own_addresses, address);
}

/* Of a listener: one that is bound to any address serves also a guard of one of them. */
static __always_inline struct belfry_name_value *guard_of_listener(struct sock *sk)
{
	struct belfry_port_key key = { .port = GET(sk, __sk_common.skc_num) };
	struct belfry_address peer;

	fill_addresses(&key.address, &peer, sk);
	if (is_any(&key.address)) {
		__builtin_memset(&key.address, 0xff, sizeof(key.address));
		return bpf_map_lookup_elem(&port_guards, &key);
	}
	return guard_of_port(&key.address, key.port);
}

#endif
