// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Which numbers are free again: where the kernel lends programs no socket cookies, ours go with their sockets.
 *
 * fentry/security_sk_free   socket_gone: a socket's memory is about to be another's
 */
#include "cookie.bpf.h"
#include "emit.bpf.h"

/* Also for the programs of another generation: they share the map. */
SEC("fentry/security_sk_free")
int BPF_PROG(socket_gone, struct sock *sk)
{
	if (GET(sk, __sk_common.skc_family) == AF_UNIX && forget_cookie(sk))
		count_seen(BELFRY_PROGRAM_GONE, BELFRY_COUNT_IGNORED);
	return 0;
}
