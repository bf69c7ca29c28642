/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Every difference between kernels, with the change that made it and the floor at which the entry dies; and the one way
 * to read through pointers the verifier does not trust. No bpf_probe_read_kernel: it is refused under
 * lockdown=confidentiality, bpf_rdonly_cast (6.2) is not.
 */
#ifndef BELFRY_BPF_COMPAT_H
#define BELFRY_BPF_COMPAT_H

#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

extern void *bpf_rdonly_cast(const void *obj, __u32 btf_id) __ksym;
extern void *bpf_cast_to_kern_ctx(void *obj) __ksym;

/* A read-only typed view of an address; a read that faults gives 0. */
#define VIEW(type, address) ((type *)bpf_rdonly_cast((const void *)(address), bpf_core_type_id_kernel(type)))
#define CONTAINER(type, member, address) \
	VIEW(type, (const char *)(address) - bpf_core_field_offset(type, member))

/* Kernel text is untyped bytes: look at it through a struct that begins with a char. */
static __always_inline char byte_at(const void *address)
{
	return VIEW(struct new_utsname, address)->sysname[0];
}

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
/* 13bc24457850 ("fs: rename i_ctime field to __i_ctime", 6.6) until 3aa63a569c64 (seconds and nanoseconds apart, 6.11). */
struct timespec64___before_6_11 { s64 tv_sec; long tv_nsec; };
struct inode___before_6_11 { struct timespec64___before_6_11 __i_ctime; };
/* 90ee6ed776c0 ("fs: port files to file_ref", 6.13): f_count before. */
struct file___before_6_13 { atomic64_t f_count; };
/* 29b64e354029 and followers ("af_unix: Replace garbage collection algorithm", 6.10): a counter before. */
struct unix_sock___before_6_10 { unsigned long inflight; };
#pragma clang attribute pop

/* 4e40eff0b573 ("fs: add infrastructure for multigrain timestamps", 6.13): the top bit says that somebody has looked. */
#define CTIME_QUERIED (1u << 31)

static __always_inline u64 change_time_ns(struct inode *inode)
{
	struct inode___before_6_11 *old = (void *)inode;

	if (bpf_core_field_exists(inode->i_ctime_sec))
		return inode->i_ctime_sec * 1000000000ull + ((u32)inode->i_ctime_nsec & ~CTIME_QUERIED);
	return old->__i_ctime.tv_sec * 1000000000ull + old->__i_ctime.tv_nsec;
}

static __always_inline u32 file_references(struct file *file)
{
	struct file___before_6_13 *old = (void *)file;

	if (bpf_core_field_exists(file->f_ref))
		return file->f_ref.refcnt.counter + 1;	/* file_ref_t counts from zero */
	return old->f_count.counter;
}

static __always_inline u32 in_flight(struct unix_sock *unix)
{
	struct unix_sock___before_6_10 *old = (void *)unix;

	if (bpf_core_field_exists(unix->vertex))
		return unix->vertex != 0;
	return old->inflight != 0;
}

/* Since 6.4 a worker names its queue; before, struct io_wqe stood in between: then every worker counts as a ring's. */
static __always_inline struct task_struct *io_queue_owner(struct io_worker *worker)
{
	if (!bpf_core_field_exists(worker->wq))
		return 0;
	return worker->wq ? VIEW(struct task_struct, worker->wq->task) : 0;
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
	return !server->listener || server->listener == listener;
}

#endif
