/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A server asks who is at the other end: is there a record, and what is written where there is none? */
#ifndef BELFRY_BPF_UNRECORDED_H
#define BELFRY_BPF_UNRECORDED_H

#include "name.bpf.h"
#include "record.bpf.h"

struct unrecorded {
	struct unix_sock *server, *client;
	u64 key;
	u32 guard;
};

/* True where `server` is an accepted end of a guarded stream that has no record. */
static __always_inline bool without_record(struct unix_sock *server, struct unrecorded *found)
{
	struct belfry_name_value *name;

	if (GET(server, sk.__sk_common.skc_family) != AF_UNIX || GET(server, sk.__sk_common.skc_state) != TCP_ESTABLISHED)
		return false;
	found->server = server;
	found->client = VIEW(struct unix_sock, GET(server, peer));
	if (!found->client || !may_be_guarded(server))
		return false;
	name = guard_of(server, 0);
	if (!name)
		return false;
	found->guard = name->guard;
	found->key = key_of(found->client);
	if (!bpf_map_lookup_elem(&connections, &found->key))
		return true;
	count_seen(BELFRY_PROGRAM_PEERCRED, BELFRY_COUNT_IGNORED);
	return false;
}

/* `connection` is room on the caller's stack, which has no more. */
static __always_inline void keep_unrecorded(struct unrecorded *found, struct belfry_connection *connection)
{
	__builtin_memset(connection, 0, sizeof(*connection));
	connection->opener.tgid = initial_number(GET(found->server, sk.sk_peer_pid));
	connection->place = BELFRY_PLACE_UNKNOWN;
	connection->taints = 1u << BELFRY_TAINT_UNRECORDED;
	fill_stream(connection, found->client, found->server, 0, found->guard);
	keep_connection(BELFRY_PROGRAM_PEERCRED, BELFRY_KIND_UNRECORDED, found->key, connection, BPF_NOEXIST, true);
}

#endif
