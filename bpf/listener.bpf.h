/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whose listening socket is this? Judged by where it is bound, told once, kept for as long as names and the epoch stay. */
#ifndef BELFRY_BPF_LISTENER_H
#define BELFRY_BPF_LISTENER_H

#include "cookie.bpf.h"
#include "emit.bpf.h"
#include "name.bpf.h"
#include "task.bpf.h"

static __always_inline struct belfry_listener *kept_with(struct sock *sk)
{
	return bpf_sk_storage_get(&listeners, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
}

/* The cookie is given here at the first connect, if nobody asked for it before. */
static __always_inline struct belfry_listener *kept_by_cookie(struct sock *sk)
{
	struct belfry_listener fresh = { .guard = BELFRY_GUARD_NONE };
	u64 cookie = give_cookie(sk);
	struct belfry_listener *kept = bpf_map_lookup_elem(&listeners_by_cookie, &cookie);

	if (kept)
		return kept;
	bpf_map_update_elem(&listeners_by_cookie, &cookie, &fresh, BPF_NOEXIST);
	return bpf_map_lookup_elem(&listeners_by_cookie, &cookie);
}

/* A listener recognised for the first time, or for another guard than before; not counted: it is no connect. */
static __always_inline bool send_listener(struct sock *sk, u32 guard, u32 socket)
{
	struct belfry_event_listener *record = begin_record(struct belfry_event_listener, BELFRY_KIND_LISTENER);
	u32 tgid;

	if (!record)
		return false;
	record->listener_cookie = cookie_of(sk);
	record->tgid = initial_number(GET(sk, sk_peer_pid));
	record->guard = guard;
	record->socket = socket;
	record->pad = 0;
	tgid = record->tgid;
	end_record(record);
	bpf_map_update_elem(&serving, &tgid, &guard, BPF_ANY);
	return true;
}

/* The guard of a listening socket, judged by where it is bound, once per listener, name and epoch. */
static __always_inline u32 listener_guard(struct sock *sk, struct belfry_listener *kept)
{
	u32 zero = 0;
	struct belfry_settings *set = bpf_map_lookup_elem(&settings, &zero);
	struct unix_sock *listener = AS_UNIX(sk);
	struct belfry_name_value *name;
	struct dentry *dentry;
	bool torn = false;
	u32 guard, told;
	u64 epoch, bound;

	if (!set || !listener)
		return BELFRY_GUARD_NONE;
	epoch = *(volatile u64 *)&set->epoch;	/* once, before the names: what was read of older ones expires */
	dentry = GET(listener, path.dentry);
	bound = dentry ? (u64)dentry : (u64)GET(listener, addr);
	if (!bound)
		return BELFRY_GUARD_NONE;
	if (kept && kept->epoch == epoch && kept->bound == bound &&
	    kept->parent == (u64)GET(dentry, d_parent) && kept->name_hash == GET(dentry, d_name.hash) &&
	    kept->name_len == GET(dentry, d_name.len) && (kept->told || kept->guard == BELFRY_GUARD_NONE))
		return kept->guard;
	name = guard_of(listener, &torn);
	guard = name ? name->guard : BELFRY_GUARD_NONE;
	if (!kept)
		return guard;
	told = kept->told && kept->guard == guard;
	if (name && !told)
		told = send_listener(sk, guard, name->socket);
	kept->guard = guard;
	kept->told = told;
	kept->bound = bound;
	kept->parent = (u64)GET(dentry, d_parent);
	kept->name_hash = GET(dentry, d_name.hash);
	kept->name_len = GET(dentry, d_name.len);
	kept->epoch = torn ? 0 : epoch;	/* epochs begin at 1 */
	return guard;
}

/* The same in frames of their own: who records a connection has no room for them. */
static __noinline u32 guard_kept_with(struct sock *sk)
{
	return listener_guard(sk, kept_with(sk));
}

static __noinline u32 guard_kept_by_cookie(struct sock *sk)
{
	return listener_guard(sk, kept_by_cookie(sk));
}

#endif
