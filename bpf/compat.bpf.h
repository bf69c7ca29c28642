/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Every difference between kernels that shows in their types, with the change that made it and the floor at which the
 * entry dies. How memory is read differs too: read.bpf.h.
 */
#ifndef BELFRY_BPF_COMPAT_H
#define BELFRY_BPF_COMPAT_H

#include "read.bpf.h"
#define __VMLINUX_H__		/* registers by the names that the kernel gives them */
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
/* 13bc24457850 ("fs: rename i_ctime field to __i_ctime", 6.6) until 3aa63a569c64 (seconds and nanoseconds apart, 6.11). */
struct timespec64___before_6_11 { s64 tv_sec; long tv_nsec; };
struct inode___before_6_11 { struct timespec64___before_6_11 __i_ctime; };
struct inode___before_6_6 { struct timespec64___before_6_11 i_ctime; };
/* 90ee6ed776c0 ("fs: port files to file_ref", 6.13): f_count before. */
struct file___before_6_13 { atomic64_t f_count; };
/* 29b64e354029 and followers ("af_unix: Replace garbage collection algorithm", 6.10): a counter before. */
struct unix_sock___before_6_10 { unsigned long inflight; };
/* 97af84a6bba2 ("af_unix: Do not use atomic ops for unix_sk(sk)->inflight", 6.9). */
struct unix_sock___before_6_9 { atomic64_t inflight; };
/* f122a08b197d ("capability: just use a 'u64' instead of a 'u32[2]' array", 6.3). */
struct kernel_cap_struct { u32 cap[2]; };
struct cred___before_6_3 { struct kernel_cap_struct cap_permitted, cap_effective; };
/* eb47943f2238 ("io-wq: Drop struct io_wqe", 6.4). */
struct io_wqe { struct io_wq *wq; };
struct io_worker___before_6_4 { struct io_wqe *wqe; };
/* e32cf5dfbe22 ("kthread: Generalize pf_io_worker so it can point to struct kthread", 5.17). */
struct task_struct___before_5_17 { void *pf_io_worker; };
#pragma clang attribute pop

/* 4e40eff0b573 ("fs: add infrastructure for multigrain timestamps", 6.13): the top bit says that somebody has looked. */
#define CTIME_QUERIED (1u << 31)

static __always_inline u64 change_time_ns(struct inode *inode)
{
	struct inode___before_6_11 *old = (void *)inode;
	struct inode___before_6_6 *older = (void *)inode;

	if (bpf_core_field_exists(inode->i_ctime_sec))
		return GET(inode, i_ctime_sec) * 1000000000ull + ((u32)GET(inode, i_ctime_nsec) & ~CTIME_QUERIED);
	if (bpf_core_field_exists(old->__i_ctime))
		return GET(old, __i_ctime.tv_sec) * 1000000000ull + GET(old, __i_ctime.tv_nsec);
	return GET(older, i_ctime.tv_sec) * 1000000000ull + GET(older, i_ctime.tv_nsec);
}

/* 0: the last descriptor is closed, though the socket is released later, when the task comes to its work (fput). */
static __always_inline u32 file_references(struct file *file)
{
	struct file___before_6_13 *old = (void *)file;
	s64 others;

	if (!bpf_core_field_exists(file->f_ref))
		return GET(old, f_count.counter);
	others = GET(file, f_ref.refcnt.counter);	/* file_ref_t counts from zero, and is negative when dead */
	return others < 0 ? 0 : others + 1;
}

static __always_inline u32 in_flight(struct unix_sock *unix)
{
	struct unix_sock___before_6_10 *old = (void *)unix;
	struct unix_sock___before_6_9 *older = (void *)unix;

	if (bpf_core_field_exists(unix->vertex))
		return GET(unix, vertex) != 0;
	if (bpf_core_field_exists(older->inflight.counter))
		return GET(older, inflight.counter) != 0;
	return GET(old, inflight) != 0;
}

/* d7ba4cc900bf ("bpf: return long from bpf_map_ops funcs", 6.4): an int before, whose sign is not in the upper half. */
#define UPDATE_ERROR(map, key, value, flags) ((int)bpf_map_update_elem(map, key, value, flags))

#define CAPABILITIES(cred, which) ({ \
	struct cred___before_6_3 *old_ = (void *)(cred); \
	bpf_core_field_exists((cred)->which.val) ? GET(cred, which.val) : \
		GET(old_, which.cap[0]) | (u64)GET(old_, which.cap[1]) << 32; })

static __always_inline struct io_worker *io_worker_of(struct task_struct *task)
{
	struct task_struct___before_5_17 *old = (void *)task;

	if (bpf_core_field_exists(task->worker_private))
		return VIEW(struct io_worker, GET(task, worker_private));
	return VIEW(struct io_worker, GET(old, pf_io_worker));
}

/* Whose queue a worker serves. */
static __always_inline struct task_struct *io_queue_owner(struct io_worker *worker)
{
	struct io_worker___before_6_4 *old = (void *)worker;
	struct io_wq *queue = 0;

	if (bpf_core_field_exists(worker->wq))
		queue = GET(worker, wq);
	else if (bpf_core_field_exists(old->wqe))
		queue = GET(old, wqe, wq);
	return queue ? VIEW(struct task_struct, GET(queue, task)) : 0;
}

/* The entry of PIDTYPE_TGID in arrays of one entry per kind of pid. */
static __always_inline const void *process_of(struct pid *pid)
{
	return (const char *)pid + bpf_core_field_offset(struct pid, tasks) +
	       PIDTYPE_TGID * bpf_core_type_size(struct hlist_head);
}

static __always_inline u64 process_link_offset(void)
{
	return bpf_core_field_offset(struct task_struct, pid_links) + PIDTYPE_TGID * bpf_core_type_size(struct hlist_node);
}

/* 6.10+ keeps the listener in an embryo until it is accepted; before, nothing to compare. */
static __always_inline bool embryo_of(struct unix_sock *server, struct sock *listener)
{
	if (!bpf_core_field_exists(server->listener))
		return true;
	return !GET(server, listener) || GET(server, listener) == listener;
}

#endif
