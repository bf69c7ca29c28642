/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From an intent to a connection record: what is written, in which order, and what is told. */
#ifndef BELFRY_BPF_RECORD_H
#define BELFRY_BPF_RECORD_H

#include "cookie.bpf.h"
#include "emit.bpf.h"
#include "task.bpf.h"

/* The record's key: the client's cookie, or its address (whose top bit is BELFRY_COOKIE_NONE_BIT) if it never got one. */
static __always_inline u64 key_of(struct unix_sock *client)
{
	u64 cookie = cookie_of(&client->sk);

	return cookie ? cookie : (u64)client;
}

static __always_inline void send_connection(u32 program, u32 kind, u64 key, struct belfry_connection *connection)
{
	struct belfry_event_connect *record = begin_record(struct belfry_event_connect, kind);

	if (!record) {
		count_seen(program, BELFRY_COUNT_LOST_RING);
		return;
	}
	record->cookie = key;
	record->connection = *connection;
	end_record(record);
	count_seen(program, BELFRY_COUNT_SENT);
}

/*
 * Insert, then raise `made`, then tell: userspace that has been told of as many as were made knows them all, and what it
 * is told of always exists.
 */
static __always_inline void keep_connection(u32 program, u32 kind, u64 key, struct belfry_connection *connection,
					    u64 flags)
{
	u32 bucket = connection->opener.tgid & (BELFRY_MADE_BUCKETS - 1);
	u64 *count;
	long error = bpf_map_update_elem(&connections, &key, connection, flags);

	if (error == -EEXIST) {
		count_seen(program, BELFRY_COUNT_IGNORED);	/* the other checkpoint was faster */
		return;
	}
	if (error) {
		count_seen(program, BELFRY_COUNT_LOST_MAP);
		return;
	}
	count = bpf_map_lookup_elem(&made, &bucket);
	if (count)
		__sync_fetch_and_add(count, 1);
	send_connection(program, kind, key, connection);
}

/* The opener as of connect; `task` is inside connect(2) of the socket. */
static __always_inline void fill_opener(struct belfry_connection *connection, struct task_struct *task)
{
	fill_pin(&connection->opener, task);
	fill_exe(&connection->exe, task);
	fill_creds(&connection->creds, task);
	connection->cgroup_id = cgroup_of(task);
	connection->place = place_of(task);
	COPY_BYTES(connection->comm, task->comm);
}

static __always_inline void fill_stream(struct belfry_connection *connection, struct unix_sock *client,
					struct unix_sock *server, struct sock *listener, u32 guard)
{
	connection->connect_ns = bpf_ktime_get_boot_ns();
	connection->client_sk = (u64)client;
	connection->server_sk = (u64)server;
	connection->guard = guard;
	if (listener) {
		connection->listener_cookie = cookie_of(listener);
		connection->listener_tgid = initial_number(GET(listener, sk_peer_pid));
	}
}

#endif
