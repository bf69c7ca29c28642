/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * How the kernel's memory is read; decided by the floor for which these sources are compiled (CMakeLists.txt).
 *
 * From 6.2 by bpf_rdonly_cast, which lockdown=confidentiality leaves alone; before, by bpf_probe_read_kernel, which it
 * refuses. Either way a read that faults gives 0.
 */
#ifndef BELFRY_BPF_READ_H
#define BELFRY_BPF_READ_H

#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#ifndef BELFRY_FLOOR		/* 602: Linux 6.2; 601: 6.1; 510: 5.10 */
#define BELFRY_FLOOR 602
#endif

#if BELFRY_FLOOR >= 602

extern void *bpf_rdonly_cast(const void *obj, __u32 btf_id) __ksym;
extern void *bpf_cast_to_kern_ctx(void *obj) __ksym;

/*
 * A read-only typed view of an address. Also of what is a typed pointer already, where there are branches: for each step
 * from a pointer that it trusts, the verifier goes through all the kernel's types up to four times. In return each step
 * from a view is checked when it runs.
 */
#define VIEW(type, address) ((type *)bpf_rdonly_cast((const void *)(address), bpf_core_type_id_kernel(type)))
/* GET(task, mm, exe_file): what task->mm->exe_file says. */
#define GET(...) ___arrow(__VA_ARGS__)
#define GET_BITFIELD(from, field) BPF_CORE_READ_BITFIELD(from, field)
#define AS_UNIX(sk) bpf_skc_to_unix_sock(sk)
#define COPY_BYTES(to, from) __builtin_memcpy(to, from, sizeof(to))

/* Kernel text is untyped bytes: look at it through a struct that begins with a char. */
static __always_inline char byte_at(const void *address)
{
	return VIEW(struct new_utsname, address)->sysname[0];
}

/* Names are aligned, and a whole word of them can be read. */
static __always_inline u64 word_at(const unsigned char *name)
{
	return *(const u64 *)bpf_rdonly_cast(name, bpf_core_type_id_kernel(struct new_utsname));
}

/* Text of the kernel into `to`, cut and ended by NUL. */
static __always_inline void copy_text(char *to, u32 size, const char *from)
{
	u32 i;

	for (i = 0; i < size - 1; i++) {
		char c = byte_at(from + i);

		to[i] = c;
		if (!c)
			return;
	}
	to[size - 1] = 0;
}

/* To the verifier a pointer to one of the kernel's types is no number; whatever had its sign changed is one. */
static __always_inline u64 number_of(const void *pointer)
{
	u64 number = (u64)pointer;

	asm volatile("%0 = -%0" : "+r"(number));
	asm volatile("%0 = -%0" : "+r"(number));
	return number;
}

static __always_inline struct task_struct *current_task(void)
{
	return bpf_get_current_task_btf();
}

#else

#define VIEW(type, address) ((type *)(address))
#define GET(from, ...) ({ __typeof__(from) from_ = (from); BPF_CORE_READ(from_, __VA_ARGS__); })
#define GET_BITFIELD(from, field) BPF_CORE_READ_BITFIELD_PROBED(from, field)
#define AS_UNIX(sk) ((struct unix_sock *)(sk))
#define COPY_BYTES(to, from) bpf_core_read(to, sizeof(to), &(from))

#define number_of(address) ((u64)(address))

static __always_inline u64 word_at(const unsigned char *name)
{
	u64 word = 0;

	bpf_probe_read_kernel(&word, sizeof(word), name);
	return word;
}

static __always_inline void copy_text(char *to, u32 size, const char *from)
{
	bpf_probe_read_kernel_str(to, size, from);
}

static __always_inline struct task_struct *current_task(void)
{
	return (struct task_struct *)bpf_get_current_task();
}

/* Of programs that no kernel below the floor can attach, and that are not loaded there. */
static __always_inline void *bpf_cast_to_kern_ctx(void *obj)
{
	return obj;
}

#endif

/* The verifier goes through a function that is not static by itself, and not at each call. It has to take numbers. */
#define VERIFIED_ONCE __noinline

/* At most `times` calls of long function(u32 index, context *), until one does not say 0. */
#if BELFRY_FLOOR >= 601		/* e6f2dd0f8067 ("bpf: Add bpf_loop helper", 5.17) */
#define LOOP(times, function, context) bpf_loop(times, function, context, 0)
#else
#define LOOP(times, function, context) \
	for (u32 index_ = 0; index_ < ((times) < LOOP_MAX ? (times) : LOOP_MAX) && !function(index_, context); index_++)
#define LOOP_MAX 512		/* the verifier goes through each round by itself */
#endif

#if BELFRY_FLOOR >= 601		/* 4f19cab76136 ("bpf: Add a bpf_sock_from_file helper", 5.11) */
#define socket_of(file) bpf_sock_from_file(file)
#define sock_of(socket) ((socket)->sk)	/* a pointer that helpers take */
#else
#define SOCKFS_MAGIC 0x534f434b
#define socket_of(file) \
	(GET(file, f_inode, i_sb, s_magic) == SOCKFS_MAGIC ? (struct socket *)GET(file, private_data) : (struct socket *)0)
#define sock_of(socket) GET(socket, sk)
#endif

#define CONTAINER(type, member, address) \
	VIEW(type, (const char *)(address) - bpf_core_field_offset(type, member))

#endif
