/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A number for a socket, and bits in a word, that hold for good. Where the kernel helps with neither: maps. */
#ifndef BELFRY_BPF_COOKIE_H
#define BELFRY_BPF_COOKIE_H

#include "maps.bpf.h"

/* What set_bits is told of the word, beside the cookie of its connection. */
enum belfry_word { WORD_TAINTS, WORD_REFUSED, WORD_IMAGE };

#if BELFRY_FLOOR >= 601		/* c5dbb89fc2ac ("bpf: Expose bpf_get_socket_cookie to tracing programs", 5.12) */

/* The kernel's own; 0: none yet. */
static __always_inline u64 cookie_of(struct sock *sk)
{
	return GET(sk, __sk_common.skc_cookie.counter);
}

#define give_cookie(sk) bpf_get_socket_cookie(sk)
#define forget_cookie(sk) false

/* Those that were set before. Atomic since 5ca419f2864a ("bpf: Add BPF_FETCH field", 5.12) says what was there. */
static __always_inline u32 set_bits(u64 cookie, u32 which, u32 *word, u32 bits)
{
	return __sync_fetch_and_or(word, bits);
}

#else

/* Ours: by the socket's address, until security_sk_free (gone.bpf.c). */
static __always_inline u64 cookie_of(struct sock *sk)
{
	u64 address = (u64)sk, *cookie = bpf_map_lookup_elem(&cookies, &address);

	return cookie ? *cookie : 0;
}

/* 0 if the map is full. */
static __always_inline u64 give_cookie(struct sock *sk)
{
	u64 address = (u64)sk, cookie = cookie_of(sk);

	if (cookie)
		return cookie;
	/* Above every number the kernel gives. One processor gives no two in 16 ns; the same again is two years away. */
	cookie = OWN_COOKIES | (bpf_get_smp_processor_id() & 1023ull) << 52 | (bpf_ktime_get_boot_ns() >> 4 & OWN_TIME);
	bpf_map_update_elem(&cookies, &address, &cookie, BPF_NOEXIST);
	return cookie_of(sk);
}

/* Did it have one? */
static __always_inline bool forget_cookie(struct sock *sk)
{
	u64 address = (u64)sk;

	return !bpf_map_delete_elem(&cookies, &address);
}

/*
 * The kernel can add atomically, but neither OR nor say what was there: whoever gets to mark a bit first adds it, once.
 * A mark that went by pressure is of a bit long set.
 */
static __always_inline u32 set_bits(u64 cookie, u32 which, u32 *word, u32 bits)
{
	struct belfry_mark mark = { .cookie = cookie, .word = which };
	u32 before = *word, bit;
	u8 yes = 1;

	for (bit = 0; bit < 32; bit++) {
		if (!(bits & ~before & 1u << bit))
			continue;
		mark.bit = bit;
		if (UPDATE_ERROR(&marks, &mark, &yes, BPF_NOEXIST) == -EEXIST)
			before |= 1u << bit;
		else
			__sync_fetch_and_add(word, 1u << bit);
	}
	return before;
}

#endif

/* A process record has no cookie: it is of one exec of one process. */
static __always_inline u32 set_image_bits(struct belfry_process *process, u32 bits)
{
	return set_bits(process->pin.start_ns ^ process->pin.exec_id << 52, WORD_IMAGE | process->pin.tgid << 8,
			&process->image_flags, bits);
}

#endif
