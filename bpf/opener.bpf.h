/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Is this task the pin of a connection, and does the pin still stand? */
#ifndef BELFRY_BPF_OPENER_H
#define BELFRY_BPF_OPENER_H

#include "task.bpf.h"

/* Not pinned: found, not seen at connect. Nobody can be told apart from its opener. */
#define NOT_PINNED (1u << BELFRY_TAINT_UNRECORDED | 1u << BELFRY_TAINT_PREEXISTING)

static __always_inline bool same_process(const struct belfry_pin *opener, struct task_struct *task)
{
	return opener->tgid == (u32)GET(task, tgid) && opener->start_ns == GET(task, group_leader, start_boottime);
}

/* What is known of an image as taints of its connections; verdict/soundness.cc does the same. */
#define IMAGE_TAINTS (1u << BELFRY_TAINT_UNTRUSTED_CODE | 1u << BELFRY_TAINT_TRACED | 1u << BELFRY_TAINT_MEMORY_WRITTEN)
static __always_inline u32 image_taints(const struct belfry_pin *opener)
{
	u32 tgid = opener->tgid, taints = 0;
	struct belfry_process *process = bpf_map_lookup_elem(&processes, &tgid);

	if (!process || process->pin.start_ns != opener->start_ns || process->pin.exec_id != opener->exec_id)
		return 0;
	if (process->image_flags & (BELFRY_IMAGE_PRELOAD | BELFRY_IMAGE_MEMFD | BELFRY_IMAGE_UNLINKED))
		taints |= 1u << BELFRY_TAINT_UNTRUSTED_CODE;
	if (process->image_flags & BELFRY_IMAGE_TRACED)
		taints |= 1u << BELFRY_TAINT_TRACED;
	if (process->image_flags & BELFRY_IMAGE_MEMORY_WRITTEN)
		taints |= 1u << BELFRY_TAINT_MEMORY_WRITTEN;
	return taints;
}

/*
 * Works on a SQPOLL ring's behalf: what it does was asked by whoever has the ring mapped, and a fork shares that. The
 * submission thread has no worker; a worker that it started is of a queue that belongs to it.
 */
static __always_inline bool on_behalf_of_a_ring(struct task_struct *task)
{
	struct io_worker *worker;
	struct task_struct *owner;

	if (!(GET(task, flags) & PF_IO_WORKER))
		return false;
	worker = io_worker_of(task);
	if (!worker)
		return true;
	owner = io_queue_owner(worker);
	return !owner || (GET(owner, flags) & PF_IO_WORKER);
}

/* The opener's leader, or null; `server` is the accepted end and names it (SO_PEERCRED's struct pid). */
static __always_inline struct task_struct *leader_of(struct unix_sock *server)
{
	struct pid *pid = GET(server, sk.sk_peer_pid);
	struct hlist_node *node = pid ? GET(VIEW(struct hlist_head, process_of(pid)), first) : 0;

	return node ? VIEW(struct task_struct, (const char *)node - process_link_offset()) : 0;
}

/*
 * Threads of a process that is ending: is any yet to come to its descriptors (exit_files)? The table is theirs until then.
 * One that has come to them, and has not ended, may be closing them: then the table is nobody's.
 */
struct closing_search {
	__u64 node, head;
	bool or_closes, found;
};

static long match_open_files(u32 index, struct closing_search *search)
{
	struct task_struct *thread = CONTAINER(struct task_struct, thread_node, search->node);

	if (search->node == search->head || !search->node)
		return 1;
	if (GET(thread, files) || (search->or_closes && !GET(thread, exit_state))) {
		search->found = true;
		return 1;
	}
	search->node = (u64)GET(VIEW(struct list_head, search->node), next);
	return 0;
}

#define CLOSING_THREADS_MAX 128
static __always_inline bool some_thread_has_files(struct task_struct *leader, bool or_closes)
{
	struct signal_struct *signal = GET(leader, signal);
	struct closing_search search = { .head = (u64)&signal->thread_head, .node = (u64)GET(signal, thread_head.next),
					 .or_closes = or_closes };

	LOOP(CLOSING_THREADS_MAX, match_open_files, &search);
	return search.found;
}

/* References to the client's end: nobody can speak on it any more at 0. */
static __always_inline u32 holders_of(struct unix_sock *client)
{
	struct socket *socket = GET(client, sk.sk_socket);
	struct file *file;

	if (!socket || GET(VIEW(struct socket, socket), sk) != (struct sock *)client)
		return 0;
	file = GET(VIEW(struct socket, socket), file);
	if (!file && !GET(VIEW(struct socket, socket), sk))
		return 0;	/* released meanwhile */
	return file ? file_references(VIEW(struct file, file)) : ~0u;	/* a kernel's own socket has none */
}

/*
 * The opener has ended, and some thread of it, the leader or not, is yet to come to its descriptors, of which its end is
 * one, and the only one: then it was left to nobody. That of another looks the same until then, not longer: whoever closes
 * takes as long as it likes (FUSE), while somebody else may have the only reference.
 */
static __always_inline bool about_to_close(u32 holders, struct unix_sock *server)
{
	struct task_struct *leader = holders == 1 ? leader_of(server) : 0;

	return leader && some_thread_has_files(leader, false);
}

/* The same, or it is in the midst of closing: a look through everybody's descriptors tells whether another has it. */
static __always_inline bool may_be_closing(u32 holders, struct unix_sock *server)
{
	struct task_struct *leader = holders == 1 ? leader_of(server) : 0;

	return leader && some_thread_has_files(leader, true);
}

/* What became of the opener, as taint bits. */
static __always_inline u32 opener_taints(struct belfry_connection *connection, struct unix_sock *server)
{
	struct belfry_file_id exe;
	struct task_struct *leader = leader_of(server);

	if (!leader)
		return 1u << BELFRY_TAINT_OPENER_EXITED;
	if (!GET(leader, signal, live.counter) || !same_process(&connection->opener, leader))
		return 1u << BELFRY_TAINT_OPENER_EXITED;
	if (GET(leader, self_exec_id) != connection->opener.exec_id)
		return 1u << BELFRY_TAINT_EXEC_AFTER_CONNECT;
	/* Inside an exec the new image is there while the exec id is still the old one. */
	if (!GET(leader, mm) || !connection->exe.ino)
		return 0;
	fill_exe(&exe, leader);
	if (exe.ino != connection->exe.ino || exe.dev != connection->exe.dev ||
	    exe.generation != connection->exe.generation)
		return 1u << BELFRY_TAINT_EXEC_AFTER_CONNECT;
	return 0;
}

#endif
