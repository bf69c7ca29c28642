/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A tracing program that is preempted keeps every other task of its CPU from running it: their runs are missed. Trampolines
 * could always be preempted where the kernel can, tracepoints can be on 7.x (seen on Debian's 7.3): an exec without a
 * record, a use that nobody asked about. So the CPU is held for the long part of a program. That is not
 * enough: 7.3 still misses execs (the case `missed`); what is missed is counted (recursion_misses).
 */
#ifndef BELFRY_BPF_HOLD_H
#define BELFRY_BPF_HOLD_H

#include "read.bpf.h"

const volatile __u8 can_hold = 0;	/* 1: the kernel lets programs (bpf_preempt_disable, 6.10) */

#if BELFRY_FLOOR >= 602
extern void bpf_preempt_disable(void) __ksym __weak;
extern void bpf_preempt_enable(void) __ksym __weak;

#define HOLDING_CPU(what) ({ \
	if (can_hold) \
		bpf_preempt_disable(); \
	what; \
	if (can_hold) \
		bpf_preempt_enable(); \
})
#else
#define HOLDING_CPU(what) ({ what; })
#endif

#endif
