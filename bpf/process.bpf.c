// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Who exists and what it runs.
 *
 * tp_btf/sched_process_exec   process_exec: the image, environment facts and place of a process, as of exec
 * tp_btf/sched_process_fork   process_fork: a new process inherits its parent's image; threads change nothing
 * tp_btf/sched_process_exit   process_exit: a thread's intent ends with it, the record with the last thread
 * kprobe/finalize_exec        held_exec: as process_exec, before it
 * kprobe/wake_up_new_task     held_fork: as process_fork, after it
 * kprobe/perf_event_exit_task held_exit: as process_exit, after it
 *
 * The last three are for kernels that preempt the programs of tracepoints (since 7.0): another task's exec on that CPU then
 * finds the program running, and is passed by. A kprobe's program holds its CPU. Whoever comes second rests.
 */
#include "cookie.bpf.h"
#include "emit.bpf.h"
#include "task.bpf.h"
#include "environment.bpf.h"

static __always_inline void fill_home(struct belfry_process *process, struct task_struct *task)
{
	process->cgroup_id = cgroup_of(task);
	process->parent_tgid = GET(task, real_parent, tgid);
	process->parent_start_ns = GET(task, real_parent, group_leader, start_boottime);
	process->place = place_of(task);
	process->mntns = mount_namespace_of(task);
	process->userns = GET(task, cred, user_ns, ns.inum);
	process->pidns = pid_namespace_number(task);
	fill_creds(&process->creds, task);
	COPY_BYTES(process->comm, task->comm);
}

static __always_inline u32 image_flags(struct task_struct *task, struct linux_binprm *bprm, u32 room)
{
	struct inode *inode = GET(bprm, file, f_inode);
	u32 flags = environment_flags(GET(task, mm), room);

	if (!GET(inode, i_nlink))
		flags |= GET(inode, i_sb, s_flags) & SB_KERNMOUNT ? BELFRY_IMAGE_MEMFD : BELFRY_IMAGE_UNLINKED;
	if (GET(bprm, interp) != GET(bprm, filename) || GET(bprm, interpreter))
		flags |= BELFRY_IMAGE_INTERPRETED;
	if (GET_BITFIELD(bprm, secureexec))
		flags |= BELFRY_IMAGE_SETID;
	if (GET(task, ptrace))
		flags |= BELFRY_IMAGE_TRACED;
	return flags;
}

static __always_inline void send_exec(u32 program, struct belfry_process *process, struct mm_struct *mm)
{
	u64 start = GET(mm, arg_start), bytes = GET(mm, arg_end) - start;
	struct belfry_event_exec *record = begin_record(struct belfry_event_exec, BELFRY_KIND_EXEC);

	if (!record) {
		count_seen(program, BELFRY_COUNT_LOST_RING);
		return;
	}
	record->process = *process;
	record->argv_cut = bytes > sizeof(record->argv);
	if (bytes > sizeof(record->argv))
		bytes = sizeof(record->argv);
	record->argv_bytes = bytes;
	__builtin_memset(record->argv, 0, sizeof(record->argv));
	if (bpf_probe_read_user(record->argv, bytes, (void *)start))
		record->argv_bytes = 0;
	bpf_ringbuf_submit(record, wakeup_for(process->pin.tgid, sizeof(*record)));
	count_seen(program, BELFRY_COUNT_SENT);
}

/* What was done to this image before its record was there. */
static __always_inline u32 done_before(struct belfry_process *before, struct belfry_process *process)
{
	u32 bits;

	if (!before || before->pin.start_ns != process->pin.start_ns)
		return 0;
	bits = before->image_flags >> BELFRY_IMAGE_OF_NEXT_SHIFT;
	if (before->pin.exec_id == process->pin.exec_id)	/* another object's program was here (upgrade) */
		bits |= before->image_flags & ((1u << BELFRY_IMAGE_OF_NEXT_SHIFT) - 1);
	return bits;
}

/* After the update: whoever marks the record before from now on finds another in its place and marks that one too. */
static __always_inline void carry_over(struct belfry_process *before, struct belfry_process *process, u32 tgid)
{
	struct belfry_process *kept;
	u32 bits = done_before(before, process) & ~process->image_flags;

	if (!bits)
		return;
	process->image_flags |= bits;
	kept = bpf_map_lookup_elem(&processes, &tgid);
	if (kept)
		set_image_bits(kept, bits);
}

/* What backfill wrote knows less than an exec. */
static __always_inline bool recorded(struct belfry_process *process, struct task_struct *task)
{
	return process && process->pin.exec_id == GET(task, self_exec_id) && !(process->image_flags & BELFRY_IMAGE_BACKFILLED) &&
	       process->pin.start_ns == GET(task, group_leader, start_boottime);
}

static __always_inline void record_exec(u32 program, u32 room, struct task_struct *task, struct linux_binprm *bprm)
{
	u32 tgid = GET(task, tgid);
	struct belfry_process *process = bpf_map_lookup_elem(&scratch, &room), *before;

	if (!process || !acts())
		return;
	before = bpf_map_lookup_elem(&processes, &tgid);
	if (recorded(before, task)) {
		count_seen(program, BELFRY_COUNT_IGNORED);
		return;
	}
	__builtin_memset(process, 0, sizeof(*process));
	fill_pin(&process->pin, task);
	fill_file(&process->image, GET(bprm, file));
	fill_home(process, task);
	process->exec_ns = bpf_ktime_get_boot_ns();
	process->memory = (u64)GET(task, mm);
	process->image_flags = image_flags(task, bprm, room);
	copy_text(process->filename, sizeof(process->filename), GET(bprm, filename));
	process->image_flags |= done_before(before, process);
	if (bpf_map_update_elem(&processes, &tgid, process, BPF_ANY)) {
		/* What is there describes the image before: worse than nothing. */
		bpf_map_delete_elem(&processes, &tgid);
		count_seen(program, BELFRY_COUNT_LOST_MAP);
		return;
	}
	carry_over(before, process, tgid);
	send_exec(program, process, GET(task, mm));
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(process_exec, struct task_struct *task, pid_t old_pid, struct linux_binprm *bprm)
{
	record_exec(BELFRY_PROGRAM_EXEC, ROOM_EXEC, VIEW(struct task_struct, task), VIEW(struct linux_binprm, bprm));
	return 0;
}

SEC("kprobe/finalize_exec")
int BPF_KPROBE(held_exec, struct linux_binprm *bprm)
{
	record_exec(BELFRY_PROGRAM_HELD_EXEC, ROOM_HELD_EXEC, VIEW(struct task_struct, current_task()),
		    VIEW(struct linux_binprm, bprm));
	return 0;
}

static __always_inline void send_fork(u32 program, struct belfry_process *child)
{
	struct belfry_event_fork *record = begin_record(struct belfry_event_fork, BELFRY_KIND_FORK);

	if (!record) {
		count_seen(program, BELFRY_COUNT_LOST_RING);
		return;
	}
	record->child = *child;
	bpf_ringbuf_submit(record, wakeup_for(child->pin.tgid, sizeof(*record)));
	count_seen(program, BELFRY_COUNT_SENT);
}

/* A record of another exec id, or of an earlier owner of the number, is stale: an event was missed or lost. */
static __always_inline void inherit(struct belfry_process *process, struct task_struct *parent, struct task_struct *child)
{
	u32 parent_tgid = GET(parent, tgid);
	struct belfry_process *known = bpf_map_lookup_elem(&processes, &parent_tgid);

	if (known && known->pin.exec_id == GET(parent, self_exec_id) &&
	    known->pin.start_ns == GET(parent, group_leader, start_boottime)) {
		*process = *known;
		process->image_flags &= (1u << BELFRY_IMAGE_OF_NEXT_SHIFT) - 1;
	} else {
		__builtin_memset(process, 0, sizeof(*process));
		fill_home(process, child);
		process->image_flags = BELFRY_IMAGE_BACKFILLED;
	}
	process->parent_tgid = parent_tgid;
	process->parent_start_ns = GET(parent, group_leader, start_boottime);
}

/* Not of threads. */
static __always_inline bool is_process(struct task_struct *child)
{
	return GET(child, pid) == GET(child, tgid) && acts();
}

static __always_inline void record_fork(u32 program, u32 room, struct task_struct *parent, struct task_struct *child)
{
	u32 tgid = GET(child, tgid);
	struct belfry_process *process;

	process = bpf_map_lookup_elem(&scratch, &room);
	if (!process)
		return;
	inherit(process, parent, child);
	fill_pin(&process->pin, child);
	process->cgroup_id = cgroup_of(child);
	process->memory = (u64)GET(child, mm);
	if (GET(child, ptrace))	/* PTRACE_O_TRACEFORK and its kin */
		process->image_flags |= BELFRY_IMAGE_TRACED;
	if (bpf_map_update_elem(&processes, &tgid, process, BPF_ANY)) {
		bpf_map_delete_elem(&processes, &tgid);
		count_seen(program, BELFRY_COUNT_LOST_MAP);
		return;
	}
	send_fork(program, process);
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(process_fork, struct task_struct *parent, struct task_struct *child)
{
	child = VIEW(struct task_struct, child);
	if (is_process(child))
		record_fork(BELFRY_PROGRAM_FORK, ROOM_FORK, VIEW(struct task_struct, parent), child);
	return 0;
}

SEC("kprobe/wake_up_new_task")
int BPF_KPROBE(held_fork, struct task_struct *started)
{
	struct task_struct *child = VIEW(struct task_struct, started);
	u32 tgid = GET(child, tgid);
	struct belfry_process *process;

	if (!is_process(child))
		return 0;
	process = bpf_map_lookup_elem(&processes, &tgid);
	if (process && process->pin.start_ns == GET(child, start_boottime))
		count_seen(BELFRY_PROGRAM_HELD_FORK, BELFRY_COUNT_IGNORED);
	else
		record_fork(BELFRY_PROGRAM_HELD_FORK, ROOM_HELD_FORK, current_task(), child);
	return 0;
}

static __always_inline void record_exit(u32 program, struct task_struct *task)
{
	struct belfry_event_exit *record;
	u32 tid = GET(task, pid), tgid = GET(task, tgid);

	if (!acts())
		return;
	bpf_map_delete_elem(&intents, &tid);
	if (GET(task, signal, live.counter))
		return;
	/* Two last threads may both see zero: the one that deletes the record tells. */
	if (bpf_map_delete_elem(&processes, &tgid)) {
		count_seen(program, BELFRY_COUNT_IGNORED);
		return;
	}
	record = begin_record(struct belfry_event_exit, BELFRY_KIND_EXIT);
	if (!record) {
		count_seen(program, BELFRY_COUNT_LOST_RING);
		return;
	}
	fill_pin(&record->pin, task);
	bpf_ringbuf_submit(record, wakeup_for(tgid, sizeof(*record)));
	bpf_map_delete_elem(&serving, &tgid);
	count_seen(program, BELFRY_COUNT_SENT);
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(process_exit, struct task_struct *task)
{
	record_exit(BELFRY_PROGRAM_EXIT, task);
	return 0;
}

SEC("kprobe/perf_event_exit_task")
int BPF_KPROBE(held_exit, struct task_struct *task)
{
	record_exit(BELFRY_PROGRAM_HELD_EXIT, VIEW(struct task_struct, task));
	return 0;
}
