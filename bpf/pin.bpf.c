// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Who asked, where a hook has client, listener and server's end in hand at once: pinned before the connect returns, or
 * refused before the listener is woken.
 *
 * lsm/unix_stream_connect                  pin_lsm: a connect that nothing but another LSM can stop any more
 * fmod_ret/security_unix_stream_connect    pin_mod: the same where bpf is not in the active LSM list
 * lsm/socket_getsockopt                    peercred_lsm: a server asks who is there: second look
 * fmod_ret/security_socket_getsockopt      peercred_mod: the same
 */
#include "cookie.bpf.h"
#include "limit.bpf.h"
#include "listener.bpf.h"
#include "record.bpf.h"
#include "rules.bpf.h"
#include "unrecorded.bpf.h"

/* There is no room for its record: it cannot be pinned. */
static __always_inline int unpinned(u32 guard, u32 listened)
{
	struct belfry_guard *orders = bpf_map_lookup_elem(&guards, &guard);

	if (!orders || !(orders->flags & BELFRY_GUARD_FULL_REFUSES) || !denies(orders) || is_own_branch(guard, listened))
		return 0;
	count(BELFRY_PROGRAM_PIN, BELFRY_COUNT_REFUSED);
	return -EAGAIN;
}

/*
 * Both ends get a cookie: the programs of use.bpf.c pass by every socket without one. An earlier record of the same
 * socket is of a connect that another LSM refused after us: the hook is not reached on a connected socket.
 */
static __noinline int record(struct sock *sock, struct sock *other, struct sock *newsk, u32 guard, struct judged *judged)
{
	struct belfry_connection connection = {};
	u64 cookie;

	fill_opener(&connection, current_task());
	fill_stream(&connection, (struct unix_sock *)sock, (struct unix_sock *)newsk, other, guard);
	if (is_refused_by_limit(&connection, true)) {
		count_seen(BELFRY_PROGRAM_PIN, BELFRY_COUNT_IGNORED);
		return -EAGAIN;
	}
	if (is_barred(&connection, judged, true)) {
		count_seen(BELFRY_PROGRAM_PIN, BELFRY_COUNT_IGNORED);
		return -EACCES;
	}
	cookie = give_cookie(sock);
	if (!cookie || !give_cookie(newsk)) {
		count_seen(BELFRY_PROGRAM_PIN, BELFRY_COUNT_LOST_MAP);
		return unpinned(guard, connection.listener_tgid);
	}
	if (keep_connection(BELFRY_PROGRAM_PIN, BELFRY_KIND_CONNECT, cookie, &connection, BPF_ANY,
			    judged->verdict & VERDICT_AGAINST))
		return 0;
	return unpinned(guard, connection.listener_tgid);
}

static __always_inline int pin(struct sock *sock, struct sock *other, struct sock *newsk, u32 guard)
{
	struct judged judged;

	if (guard == BELFRY_GUARD_NONE)
		return 0;
	judged.policy = policy_of(guard);
	judged.verdict = judge(guard, judged.policy, listened_by(other));
	return record(sock, other, newsk, guard, &judged);
}

SEC("lsm/unix_stream_connect")
int BPF_PROG(pin_lsm, struct sock *sock, struct sock *other, struct sock *newsk)
{
	if (may_be_guarded(VIEW(struct unix_sock, other)) && acts())
		return pin(sock, other, newsk, guard_kept_with(other));
	return 0;
}

SEC("fmod_ret/security_unix_stream_connect")
int BPF_PROG(pin_mod, struct sock *sock, struct sock *other, struct sock *newsk, int ret)
{
	if (!ret && may_be_guarded(VIEW(struct unix_sock, other)) && acts())
		return pin(sock, other, newsk, guard_kept_by_cookie(other));
	return ret;
}

static __always_inline void peercred(struct socket *socket, int level, int option)
{
	struct belfry_connection connection;
	struct unrecorded found;

	if (option != SO_PEERCRED || level != SOL_SOCKET || !acts())
		return;
	if (without_record(VIEW(struct unix_sock, GET(socket, sk)), &found))
		keep_unrecorded(&found, &connection);
}

SEC("lsm/socket_getsockopt")
int BPF_PROG(peercred_lsm, struct socket *sock, int level, int optname)
{
	peercred(sock, level, optname);
	return 0;
}

SEC("fmod_ret/security_socket_getsockopt")
int BPF_PROG(peercred_mod, struct socket *sock, int level, int optname, int ret)
{
	if (!ret)
		peercred(sock, level, optname);
	return ret;
}
