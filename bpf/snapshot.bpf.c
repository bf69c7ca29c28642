// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Who is there: asked by userspace, answered from the kernel's own lists; nothing here is attached for longer than a read.
 *
 * iter/task        list_processes: a belfry_live for each process, or for question.tgid
 * iter/task        note_namespace: the pid namespace of question.tgid
 * iter/task        translate_number: whom that namespace calls question.number
 * iter/task_file   list_sockets: descriptor slots that hold ends of guarded sockets, or listeners of guarded ports
 * iter/task_file   describe_file: what one of our own descriptors is
 */
#include "cookie.bpf.h"
#include "emit.bpf.h"
#include "task.bpf.h"
#include "name.bpf.h"
#include "port.bpf.h"
#include "record.bpf.h"
#include "question.bpf.h"

#define THREADS_SEARCHED_MAX 65536

/* What list_sockets looks for: client sockets by key (0 in question.wanted_only: every guarded end). */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, __u32);
} wanted SEC(".maps");

struct belfry_question question = {};

struct thread_search {
	__u64 node, head;
	__u64 task;
};

static long match_living_thread(u32 index, struct thread_search *search)
{
	struct task_struct *task;

	if (search->node == search->head || !search->node)
		return 1;
	task = CONTAINER(struct task_struct, thread_node, search->node);
	if (GET(task, mm) && !GET(task, exit_state)) {
		search->task = (u64)task;
		return 1;
	}
	search->node = (u64)GET(VIEW(struct list_head, search->node), next);
	return 0;
}

/* The process speaks through any thread that lives: a leader may have exited before the others. */
static __always_inline struct task_struct *speaker(struct task_struct *leader)
{
	struct signal_struct *signal = GET(leader, signal);
	struct thread_search search = {};

	if (GET(leader, mm) || (GET(leader, flags) & PF_KTHREAD) || !GET(signal, live.counter))
		return VIEW(struct task_struct, leader);
	search.head = (u64)&signal->thread_head;
	search.node = (u64)GET(signal, thread_head.next);
	LOOP(THREADS_SEARCHED_MAX, match_living_thread, &search);
	return VIEW(struct task_struct, search.task ? search.task : (u64)leader);
}

static __always_inline void fill_live(struct belfry_live *live, struct task_struct *leader)
{
	struct task_struct *task = speaker(leader);

	fill_pin(&live->pin, task);
	fill_exe(&live->exe, task);
	fill_creds(&live->creds, task);
	live->cgroup_id = cgroup_of(task);
	live->parent_tgid = GET(leader, real_parent, tgid);
	live->parent_start_ns = GET(leader, real_parent, group_leader, start_boottime);
	live->threads = GET(leader, signal, live.counter);
	if (GET(task, ptrace))
		live->traced_by = GET(task, parent, tgid);
	live->place = place_of(task);
	live->mntns = mount_namespace_of(task);
	live->userns = GET(task, cred, user_ns, ns.inum);
	live->pidns = pid_namespace_number(task);
	live->kernel_thread = !!(GET(leader, flags) & PF_KTHREAD);
	COPY_BYTES(live->comm, task->comm);
}

static __always_inline bool asked(struct task_struct *task)
{
	return task && GET(task, pid) == GET(task, tgid) && (!question.tgid || (u32)GET(task, tgid) == question.tgid);
}

SEC("iter/task")
int list_processes(struct bpf_iter__task *ctx)
{
	struct belfry_live live = {};
	struct task_struct *task = ctx->task;

	if (!asked(task))
		return 0;
	fill_live(&live, task);
	bpf_seq_write(ctx->meta->seq, &live, sizeof(live));
	return 0;
}

SEC("iter/task")
int note_namespace(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct pid *pid;

	if (!asked(task))
		return 0;
	pid = GET(task, thread_pid);
	if (!pid)
		return 0;
	question.pidns_level = GET(pid, level);
	question.pidns = (u64)GET(number_at(pid, GET(pid, level)), ns);
	question.answered = 1;
	return 0;
}

SEC("iter/task")
int translate_number(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct upid *number;
	struct pid *pid;

	if (!task || GET(task, pid) != GET(task, tgid))
		return 0;
	pid = GET(task, thread_pid);
	if (!pid || GET(pid, level) < question.pidns_level)
		return 0;
	number = number_at(pid, question.pidns_level);
	if ((u64)GET(number, ns) != question.pidns || (u32)GET(number, nr) != question.number)
		return 0;
	question.translated = GET(task, tgid);
	question.answered = 1;
	return 0;
}

/* Which end of a guarded stream this is, 0 if none. */
static __always_inline u32 judge_end(struct unix_sock *unix, struct belfry_socket *found)
{
	struct unix_sock *peer = VIEW(struct unix_sock, GET(unix, peer));
	struct belfry_name_value *name = guard_of(unix, 0);
	u32 end = BELFRY_END_SERVER;

	if (name && GET(unix, sk.__sk_common.skc_state) == TCP_LISTEN)
		end = BELFRY_END_LISTENER;
	if (!name) {
		name = peer ? guard_of(peer, 0) : 0;
		end = BELFRY_END_CLIENT;
	}
	if (!name)
		return 0;
	found->guard = name->guard;
	found->socket = name->socket;
	return end;
}

static __always_inline bool is_wanted(struct unix_sock *unix)
{
	u64 key = key_of(unix), address = (u64)unix;

	return bpf_map_lookup_elem(&wanted, &key) || bpf_map_lookup_elem(&wanted, &address);
}

static __always_inline void fill_slot(struct belfry_socket *found, struct task_struct *task, struct file *file,
				      struct unix_sock *unix)
{
	struct unix_sock *peer = VIEW(struct unix_sock, GET(unix, peer));

	found->cookie = key_of(unix);
	found->peer_cookie = peer ? key_of(peer) : 0;
	found->sock_inode = GET(file, f_inode, i_ino);
	found->holder_start_ns = GET(task, group_leader, start_boottime);
	found->holder_tgid = GET(task, tgid);
	found->peercred_tgid = initial_number(GET(unix, sk.sk_peer_pid));
	found->file_refs = file_references(file);
	found->in_flight = in_flight(unix);
}

/* Whoever holds it may accept: who called listen(2) the kernel does not keep. */
static __always_inline bool fill_port_slot(struct belfry_socket *found, struct task_struct *task, struct file *file,
					   struct sock *sk)
{
	u16 family = GET(sk, __sk_common.skc_family);
	struct belfry_name_value *guard;

	if ((family != AF_INET && family != AF_INET6) || GET(sk, __sk_common.skc_state) != TCP_LISTEN)
		return false;
	if (!some_guard_has(GET(sk, __sk_common.skc_num)) || GET(sk, sk_protocol) != IPPROTO_TCP || !in_own_netns(sk))
		return false;
	guard = guard_of_listener(sk);
	if (!guard)
		return false;
	found->guard = guard->guard;
	found->socket = guard->socket;
	found->end = BELFRY_END_LISTENER;
	found->sock_inode = GET(file, f_inode, i_ino);
	found->holder_start_ns = GET(task, group_leader, start_boottime);
	found->holder_tgid = found->peercred_tgid = GET(task, tgid);
	return true;
}

SEC("iter/task_file")
int list_sockets(struct bpf_iter__task_file *ctx)
{
	struct belfry_socket found = {};
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct unix_sock *unix;
	struct socket *socket;
	struct sock *sk;

	if (!task || !file || (question.tgid && (u32)GET(task, tgid) != question.tgid))
		return 0;
	socket = socket_of(file);
	if (!socket)
		return 0;
	sk = sock_of(socket);
	if (!sk || GET(sk, sk_type) != SOCK_STREAM)
		return 0;
	if (GET(sk, __sk_common.skc_family) != AF_UNIX) {
		if (!question.wanted_only && fill_port_slot(&found, task, file, sk)) {
			found.fd = ctx->fd;
			bpf_seq_write(ctx->meta->seq, &found, sizeof(found));
		}
		return 0;
	}
	unix = VIEW(struct unix_sock, sk);
	if (question.wanted_only && !is_wanted(unix))
		return 0;
	found.end = judge_end(unix, &found);
	if (!found.end) {
		if (!question.wanted_only)
			return 0;
		found.end = BELFRY_END_CLIENT;
		found.guard = BELFRY_GUARD_NONE;
	}
	/* A socket older than Belfry has no cookie yet: this gives it one. */
	give_cookie(sk);
	fill_slot(&found, task, file, unix);
	found.fd = ctx->fd;
	bpf_seq_write(ctx->meta->seq, &found, sizeof(found));
	return 0;
}

SEC("iter/task_file")
int describe_file(struct bpf_iter__task_file *ctx)
{
	struct belfry_described_file described = {};
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct super_block *fs;
	u32 zero = 0;
	struct belfry_settings *set = bpf_map_lookup_elem(&settings, &zero);

	if (!set || !task || !file || (u32)GET(task, tgid) != question.tgid || ctx->fd != question.number)
		return 0;
	fs = GET(file, f_inode, i_sb);
	fill_file(&described.id, file);
	described.fd = ctx->fd;
	described.initial_userns = !GET(fs, s_user_ns, level);
	described.fs_magic = GET(fs, s_magic);
	described.place = place_of_mount(GET(file, f_path.mnt), set);
	bpf_seq_write(ctx->meta->seq, &described, sizeof(described));
	return 0;
}
