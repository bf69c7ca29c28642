// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Who touched an image from outside: it bears the mark until its next exec, and so do its forks.
 *
 * fentry/proc_ptrace_connector    trace: an attach (or seize) that took effect
 * fexit/security_ptrace_traceme   traceme: it let its parent trace it
 * fentry/mem_write                write_mem: a write to /proc/PID/mem
 * fentry/pin_user_pages_remote    write_remote: process_vm_writev
 * kprobe/...                      held_trace, held_traceme, held_write_mem, held_write_vm: the same functions with the CPU
 *                                 held, since whoever is preempted in one of the above hides what others do on that CPU
 *
 * Not the access check before all of these: that is asked by readers of /proc and by pidfd_getfd too (kernel-facts 9.16).
 */
#include "cookie.bpf.h"
#include "emit.bpf.h"
#include "task.bpf.h"

/* The newly set bits. A memory that is not the recorded image's is the next one's: an exec is under way. */
static __always_inline u32 mark(struct belfry_process *process, u64 memory, u32 flag)
{
	u32 bits = flag;

	if (!process->memory)
		bits |= flag << BELFRY_IMAGE_OF_NEXT_SHIFT;
	else if (process->memory != memory)
		bits = flag << BELFRY_IMAGE_OF_NEXT_SHIFT;
	return bits & ~set_image_bits(process, bits);
}

static __always_inline void tell_tampered(u32 program, struct belfry_pin *process, struct task_struct *by, u32 flag)
{
	struct belfry_event_tampered *record = begin_violation(struct belfry_event_tampered, BELFRY_KIND_TAMPERED);

	if (!record) {
		count_seen(program, BELFRY_COUNT_LOST_RING);
		return;
	}
	record->process = *process;
	fill_pin(&record->by, by);
	record->image_flags = flag;
	record->pad = 0;
	COPY_BYTES(record->comm, by->comm);
	bpf_ringbuf_submit(record, wakeup_for(process->tgid, sizeof(*record)));
	count_seen(program, BELFRY_COUNT_SENT);
}

/* `by` does it to `task`, whose memory that is. */
static __always_inline void tampered(u32 program, struct task_struct *task, u64 memory, struct task_struct *by, u32 flag)
{
	u32 tgid = GET(task, tgid);
	struct belfry_process *process, *again;
	u32 fresh;

	process = bpf_map_lookup_elem(&processes, &tgid);
	if (!process || process->pin.start_ns != GET(task, group_leader, start_boottime)) {
		count_seen(program, BELFRY_COUNT_LOST_MAP);
		return;
	}
	fresh = mark(process, memory, flag);
	again = bpf_map_lookup_elem(&processes, &tgid);
	if (again && again != process) {	/* an exec put another in its place meanwhile */
		process = again;
		fresh = mark(process, memory, flag);
	}
	if (fresh & flag)
		tell_tampered(program, &process->pin, by, flag);
	else
		count_seen(program, BELFRY_COUNT_IGNORED);
}

static __always_inline void attached(u32 program, struct task_struct *task, int what)
{
	if (what == PTRACE_ATTACH && acts())
		tampered(program, task, (u64)GET(task, mm), current_task(), BELFRY_IMAGE_TRACED);
}

SEC("fentry/proc_ptrace_connector")
int BPF_PROG(trace, struct task_struct *task, int what)
{
	attached(BELFRY_PROGRAM_TRACE, task, what);
	return 0;
}

SEC("kprobe/proc_ptrace_connector")
int BPF_KPROBE(held_trace, struct task_struct *task, int what)
{
	attached(BELFRY_PROGRAM_HELD_TRACE, VIEW(struct task_struct, task), what);
	return 0;
}

static __always_inline void let_trace(u32 program, struct task_struct *parent)
{
	struct task_struct *task = current_task();

	if (acts())
		tampered(program, task, (u64)GET(task, mm), parent, BELFRY_IMAGE_TRACED);
}

SEC("fexit/security_ptrace_traceme")
int BPF_PROG(traceme, struct task_struct *parent, int ret)
{
	if (!ret)
		let_trace(BELFRY_PROGRAM_TRACEME, parent);
	return 0;
}

/* On entry: one that is refused then marks itself, and nobody else. */
SEC("kprobe/security_ptrace_traceme")
int BPF_KPROBE(held_traceme, struct task_struct *parent)
{
	let_trace(BELFRY_PROGRAM_HELD_TRACEME, VIEW(struct task_struct, parent));
	return 0;
}

static __always_inline void written(u32 program, struct mm_struct *mm)
{
	struct task_struct *by = current_task();
	struct task_struct *owner;

	if (!mm || mm == GET(by, mm) || (GET(by, flags) & PF_KTHREAD) || !bpf_core_field_exists(mm->owner) || !acts())
		return;
	owner = GET(mm, owner);
	/* What is left of an image that exec replaced is nobody's. */
	if (!owner || GET(owner, mm) != mm)
		return;
	tampered(program, owner, (u64)mm, by, BELFRY_IMAGE_MEMORY_WRITTEN);
}

SEC("fentry/mem_write")
int BPF_PROG(write_mem, struct file *file)
{
	written(BELFRY_PROGRAM_WRITE_MEM, VIEW(struct mm_struct, GET(file, private_data)));
	return 0;
}

SEC("kprobe/mem_write")
int BPF_KPROBE(held_write_mem, struct file *file)
{
	written(BELFRY_PROGRAM_HELD_WRITE_MEM,
		VIEW(struct mm_struct, GET(VIEW(struct file, file), private_data)));
	return 0;
}

SEC("fentry/pin_user_pages_remote")
int BPF_PROG(write_remote, struct mm_struct *mm, unsigned long start, unsigned long pages, unsigned int flags)
{
	if (flags & FOLL_WRITE)
		written(BELFRY_PROGRAM_WRITE_REMOTE, mm);
	return 0;
}

SEC("kprobe/pin_user_pages_remote")
int BPF_KPROBE(held_write_vm, struct mm_struct *mm, unsigned long start, unsigned long pages, unsigned int flags)
{
	if (flags & FOLL_WRITE)
		written(BELFRY_PROGRAM_HELD_WRITE_VM, VIEW(struct mm_struct, mm));
	return 0;
}
