/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What userspace asks of the iterators and calls; each daemon has its own, none is pinned. */
#ifndef BELFRY_BPF_QUESTION_H
#define BELFRY_BPF_QUESTION_H

#ifdef __BPF__
#include "vmlinux.h"
#else
#include <linux/types.h>
#endif

struct belfry_question {
	__u32 tgid;			/* 0: all */
	__u32 number;			/* a descriptor, or a process number in `pidns` */
	__u32 wanted_only;
	__u32 answered;
	__u32 translated;
	__u32 pidns_level;
	__u64 pidns;			/* address of the struct pid_namespace */
};

/* The argument of calls.bpf.c's programs: in and out. */
struct belfry_call {
	__u64 cookie;
	__u32 bits;			/* in: taints */
	__u32 found;			/* out: there is such a record, it was done */
	__u32 alive;			/* out: an end of the stream is left */
	__u32 client_open;		/* out: the client's end can still be spoken on */
	__u32 in_flight;		/* out: the client's end is on its way in a message */
	__u32 tgid;			/* out: who calls, in the initial pid namespace */
	__u32 of_init;			/* in: init's root, not the caller's */
	__u32 closing;			/* out: one has the client's end; the opener may be it, which ended and is yet to close it */
};

/* The answers in one word, where a call has no more to give back. A process number has 22 bits. */
#define BELFRY_ANSWER_FOUND 0x1u
#define BELFRY_ANSWER_ALIVE 0x2u
#define BELFRY_ANSWER_OPEN 0x4u
#define BELFRY_ANSWER_FLYING 0x8u
#define BELFRY_ANSWER_TGID_SHIFT 4
#define BELFRY_ANSWER_TGID_MASK 0x3fffffu
#define BELFRY_ANSWER_CLOSING 0x4000000u

#endif
