/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From an intent to a connection record: what is written, in which order, and what is told. */
#ifndef BELFRY_BPF_RECORD_H
#define BELFRY_BPF_RECORD_H

#include "cookie.bpf.h"
#include "emit.bpf.h"
#include "own.bpf.h"
#include "task.bpf.h"

/* The record's key: the client's cookie, or its address (whose top bit is BELFRY_COOKIE_NONE_BIT) if it never got one. */
static __always_inline u64 key_of(struct unix_sock *client)
{
	u64 cookie = cookie_of(&client->sk);

	return cookie ? cookie : (u64)client;
}

static __always_inline void send_connection(u32 program, u32 kind, u64 key, struct belfry_connection *connection,
					    bool violation)
{
	bool room = has_room(violation || connection->taints || kind != BELFRY_KIND_CONNECT);
	struct belfry_event_connect *record = begin_record_if(room, struct belfry_event_connect, kind);

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
 * The client's end is open while its struct socket points back at it: both are unlinked when the last descriptor is
 * closed (sock_orphan). A count of references or a cookie alone outlive the sock in freed memory.
 */
static __always_inline bool is_open(struct unix_sock *unix)
{
	struct socket *socket = GET(unix, sk.sk_socket);

	return socket && GET(VIEW(struct socket, socket), sk) == (struct sock *)unix;
}

struct stream_ends { bool client_open, alive; };

/*
 * A server's end, accepted or still an embryo, names its peer until it is released (unix_release_sock), and holds it:
 * freed memory names nobody, and a new owner of the client's memory has another cookie.
 */
static __always_inline struct stream_ends ends_of(u64 cookie, struct belfry_connection *connection)
{
	struct unix_sock *client = VIEW(struct unix_sock, connection->client_sk);
	struct unix_sock *server = VIEW(struct unix_sock, connection->server_sk);
	struct stream_ends ends = { true, true };	/* not known which socket: the process answers for it */
	bool paired, same;

	if (!connection->client_sk)
		return ends;
	paired = connection->server_sk && (u64)GET(server, peer) == connection->client_sk;
	same = cookie & BELFRY_COOKIE_NONE_BIT ? paired : cookie_of(&client->sk) == cookie;
	ends.client_open = same && is_open(client);
	ends.alive = ends.client_open || (same && paired);
	return ends;
}

/*
 * Each connect takes a place in the circle, and whose it was before leaves if its socket is gone. So what ended goes
 * without a daemon, and nobody fills the map by connecting and closing. A place of one that lives is left to it; two
 * processors may take the same one: a record that has none waits for the daemon's sweep.
 */
#define PLACES_TRIED 8

static long take_place(u32 index, u64 *key)
{
	struct belfry_connection *connection;
	u32 behind = circle, at;
	u64 *turn = bpf_map_lookup_elem(&places, &behind), *place, before;

	if (!turn)
		return 1;
	at = *turn % circle;
	__sync_fetch_and_add(turn, 1);
	place = bpf_map_lookup_elem(&places, &at);
	if (!place)
		return 1;
	before = *place;
	connection = before ? bpf_map_lookup_elem(&connections, &before) : 0;
	if (connection && ends_of(before, connection).alive)
		return 0;
	if (connection)
		bpf_map_delete_elem(&connections, &before);
	*place = *key;
	return 1;
}

VERIFIED_ONCE int take_a_place(u64 key)
{
	LOOP(PLACES_TRIED, take_place, &key);
	return 0;
}

struct insertion {
	u64 key, flags;
	struct belfry_connection *connection;
	int error;
};

/* More than once only where all is full: many in a row may live. */
#define INSERTIONS_TRIED 128

static long insert(u32 index, struct insertion *in)
{
	int error;

	take_a_place(number_of((const void *)in->key));
	error = UPDATE_ERROR(&connections, &in->key, in->connection, in->flags);
	in->error = error;
	/* Linux 5.10 takes a loop only if no call is the last thing before its head: something that cannot go elsewhere. */
	asm volatile("%0 = %0" : "+r"(error));
	return error != -E2BIG;
}

/*
 * Insert, then raise `made`, then tell: userspace that has been told of as many as were made knows them all, and what it
 * is told of always exists. False: there was no room.
 */
static __always_inline bool keep_connection(u32 program, u32 kind, u64 key, struct belfry_connection *connection,
					    u64 flags, bool violation)
{
	struct insertion in = { .key = key, .flags = flags, .connection = connection };
	u32 bucket = connection->opener.tgid & (BELFRY_MADE_BUCKETS - 1);
	u64 *count;

	LOOP(INSERTIONS_TRIED, insert, &in);
	if (in.error == -EEXIST) {
		count_seen(program, BELFRY_COUNT_IGNORED);	/* the other checkpoint was faster */
		return true;
	}
	if (in.error) {
		count_seen(program, BELFRY_COUNT_LOST_MAP);
		return false;
	}
	count = bpf_map_lookup_elem(&made, &bucket);
	if (count)
		__sync_fetch_and_add(count, 1);
	send_connection(program, kind, key, connection, violation);
	return true;
}

/* The opener as of connect; `task` is inside connect(2) of the socket. */
static __noinline void fill_opener(struct belfry_connection *connection, struct task_struct *task)
{
	fill_pin(&connection->opener, task);
	fill_exe(&connection->exe, task);
	fill_creds(&connection->creds, task);
	connection->cgroup_id = cgroup_of(task);
	connection->place = place_of(task);
	COPY_BYTES(connection->comm, task->comm);
}

static __noinline void fill_stream(struct belfry_connection *connection, struct unix_sock *client,
					struct unix_sock *server, struct sock *listener, u32 guard)
{
	connection->connect_ns = bpf_ktime_get_boot_ns();
	connection->client_sk = (u64)client;
	connection->server_sk = (u64)server;
	connection->guard = guard;
	if (listener) {
		connection->listener_cookie = cookie_of(listener);
		connection->listener_tgid = listened_by(listener);
	}
}

#endif
