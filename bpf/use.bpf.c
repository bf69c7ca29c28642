// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Who speaks on it: nobody but the pin, where a guard denies; and nothing more is sent to a pin that fell.
 *
 * Each as lsm/HOOK (NAME_lsm) and, where bpf is not in the active LSM list, as fmod_ret/security_HOOK (NAME_mod):
 *   socket_sendmsg      send: every way to send, splice and sendfile to it since 6.5, io_uring; the server's end too
 *   socket_recvmsg      receive: every way to receive but splice
 *   file_receive        transfer: SCM_RIGHTS (dropped, MSG_CTRUNC) and pidfd_getfd
 *   socket_shutdown     shutdown
 *   socket_setsockopt   setsockopt
 *   file_ioctl          ioctl; file_ioctl_compat (6.8+) for 32-bit callers
 * On request, for every read and write of the machine passes by:
 *   lsm/file_permission, fmod_ret/security_file_permission   file: what goes by a file, splice both ways too
 * fentry/unix_stream_splice_read   splice_read: splice from it is seen, not refused: what was queued may leave
 * fentry/unix_stream_sendpage      send_page: splice and sendfile to it before 6.5: seen, not refused
 */
#include "cookie.bpf.h"
#include "denies.bpf.h"
#include "emit.bpf.h"
#include "opener.bpf.h"
#include "record.bpf.h"

#define S_IFMT 0170000		/* uapi/linux/stat.h */
#define S_IFSOCK 0140000
#define MAY_WRITE 2		/* linux/fs.h */

struct attempt {
	u64 cookie;
	u32 program;		/* enum belfry_program */
	u32 use;		/* enum belfry_use */
	u32 taint;		/* what it makes of the connection where it is let pass; 0: nothing */
	bool refusable;
};

/* Who tries in a loop costs one record. */
static __always_inline void tell_refused(struct belfry_connection *connection, struct attempt *attempt,
					 struct task_struct *task)
{
	struct belfry_event_refused *record;
	u32 bit = 1u << attempt->use;

	count(attempt->program, BELFRY_COUNT_REFUSED);
	if (set_bits(attempt->cookie, WORD_REFUSED, &connection->refused, bit) & bit) {
		count_seen(attempt->program, BELFRY_COUNT_IGNORED);
		return;
	}
	record = begin_violation(struct belfry_event_refused, BELFRY_KIND_REFUSED);
	if (!record) {
		count_seen(attempt->program, BELFRY_COUNT_LOST_RING);
		return;
	}
	record->cookie = attempt->cookie;
	fill_pin(&record->by, task);
	record->use = attempt->use;
	record->guard = connection->guard;
	COPY_BYTES(record->comm, task->comm);
	end_record(record);
	count_seen(attempt->program, BELFRY_COUNT_SENT);
}

static __always_inline void taint(struct belfry_connection *connection, struct attempt *attempt, u32 bits,
				  struct task_struct *task)
{
	u32 fresh = bits & ~set_bits(attempt->cookie, WORD_TAINTS, &connection->taints, bits);
	struct belfry_event_taint *record;

	if (!fresh) {
		count_seen(attempt->program, BELFRY_COUNT_IGNORED);
		return;
	}
	record = begin_violation(struct belfry_event_taint, BELFRY_KIND_TAINT);
	if (!record) {
		count_seen(attempt->program, BELFRY_COUNT_LOST_RING);
		return;
	}
	record->cookie = attempt->cookie;
	fill_pin(&record->by, task);
	record->taints = fresh;
	record->guard = connection->guard;
	end_record(record);
	count_seen(attempt->program, BELFRY_COUNT_SENT);
}

/* The client's end: the pin, or refused. What is refused leaves no taint: it did not happen. */
static __always_inline int speak(struct belfry_connection *connection, struct attempt *attempt)
{
	struct task_struct *task = current_task();
	struct belfry_guard *guard = bpf_map_lookup_elem(&guards, &connection->guard);
	u32 bits = attempt->taint;

	if (!guard || (connection->taints & NOT_PINNED))
		return 0;
	if (same_process(&connection->opener, task)) {
		if (GET(task, self_exec_id) != connection->opener.exec_id) {
			bits = 1u << BELFRY_TAINT_EXEC_AFTER_CONNECT;
		} else if ((guard->flags & BELFRY_GUARD_ALLOW_SQPOLL) || !on_behalf_of_a_ring(task)) {
			if (!attempt->refusable)	/* strangers may be refused before they come here */
				count_seen(attempt->program, BELFRY_COUNT_IGNORED);
			return 0;
		}
	}
	if (attempt->refusable && denies(guard)) {
		tell_refused(connection, attempt, task);
		return -EACCES;
	}
	if (bits)
		taint(connection, attempt, bits, task);
	return 0;
}

/* The server's end: nothing flows to whoever holds the other one once its opener fell. */
static __always_inline int answer(struct unix_sock *server, struct attempt *attempt)
{
	struct unix_sock *client = VIEW(struct unix_sock, GET(server, peer));
	struct belfry_connection *connection;
	struct belfry_guard *guard;
	struct task_struct *task;
	u32 bits = 0, holders;

	if (!client)
		return 0;
	attempt->cookie = key_of(client);
	connection = bpf_map_lookup_elem(&connections, &attempt->cookie);
	if (!connection || connection->server_sk != (u64)server)
		return 0;
	guard = bpf_map_lookup_elem(&guards, &connection->guard);
	if (!guard)
		return 0;
	task = current_task();
	if (!(connection->taints & NOT_PINNED))
		bits = opener_taints(connection, server);
	/* It ended with its process, or is about to, and nobody else has it: nothing to tell. */
	holders = bits == 1u << BELFRY_TAINT_OPENER_EXITED && !connection->taints ? holders_of(client) : ~0u;
	if (!holders || about_to_close(holders, server)) {
		count_seen(attempt->program, BELFRY_COUNT_IGNORED);
		return attempt->refusable && (bits & guard->withhold) && denies(guard) ? -EPIPE : 0;
	}
	/* Looked up only where a guard minds. */
	if (guard->withhold & IMAGE_TAINTS)
		bits |= image_taints(&connection->opener);
	if (bits & ~connection->taints)
		taint(connection, attempt, bits, task);
	if (!attempt->refusable || !((bits | connection->taints) & guard->withhold) || !denies(guard))
		return 0;
	attempt->use = BELFRY_USE_ANSWER;
	tell_refused(connection, attempt, task);
	return -EPIPE;
}

static __always_inline int use(struct socket *socket, struct attempt *attempt)
{
	struct sock *sk = socket ? GET(socket, sk) : 0;
	struct belfry_connection *connection;

	if (!sk || GET(sk, __sk_common.skc_family) != AF_UNIX)
		return 0;
	attempt->cookie = cookie_of(sk);
	if (!attempt->cookie)
		return 0;	/* neither end of a guarded stream: those got one at connect */
	connection = bpf_map_lookup_elem(&connections, &attempt->cookie);
	if (connection)
		return speak(connection, attempt);
	return attempt->use == BELFRY_USE_SEND ? answer(VIEW(struct unix_sock, sk), attempt) : 0;
}

#define ATTEMPT(counted, tried, makes) \
	(&(struct attempt){ .program = BELFRY_PROGRAM_##counted, .use = BELFRY_USE_##tried, .taint = makes, .refusable = true })

/* One question, two ways to be asked. */
#define REFUSABLE(name, hook, counted, tried, makes, socket, ...) \
	SEC("lsm/" #hook) int BPF_PROG(name##_lsm, __VA_ARGS__) { return use(socket, ATTEMPT(counted, tried, makes)); } \
	SEC("fmod_ret/security_" #hook) int BPF_PROG(name##_mod, __VA_ARGS__, int ret) \
	{ \
		return ret ? ret : use(socket, ATTEMPT(counted, tried, makes)); \
	}

REFUSABLE(send, socket_sendmsg, SEND, SEND, 1u << BELFRY_TAINT_FOREIGN_SENDER, sock, struct socket *sock, struct msghdr *message,
	  int size)
REFUSABLE(receive, socket_recvmsg, RECEIVE, RECEIVE, 1u << BELFRY_TAINT_FOREIGN_RECEIVER, sock, struct socket *sock,
	  struct msghdr *message, int size, int flags)
REFUSABLE(transfer, file_receive, TRANSFER, TRANSFER, 1u << BELFRY_TAINT_FD_TRANSFERRED, socket_of(file), struct file *file)
REFUSABLE(shutdown, socket_shutdown, SHUTDOWN, SHUTDOWN, 0, sock, struct socket *sock, int how)
REFUSABLE(setsockopt, socket_setsockopt, SETSOCKOPT, SETSOCKOPT, 0, sock, struct socket *sock, int level, int option)
REFUSABLE(ioctl, file_ioctl, IOCTL, IOCTL, 0, socket_of(file), struct file *file, unsigned int command, unsigned long argument)
REFUSABLE(ioctl_compat, file_ioctl_compat, IOCTL_COMPAT, IOCTL, 0, socket_of(file), struct file *file, unsigned int command,
	  unsigned long argument)

/* Both directions in one: which, the mask says. */
static __always_inline int use_file(struct file *file, int mask)
{
	bool writes = mask & MAY_WRITE;
	struct attempt attempt = {
		.program = BELFRY_PROGRAM_FILE,
		.use = writes ? BELFRY_USE_SEND : BELFRY_USE_RECEIVE,
		.taint = 1u << (writes ? BELFRY_TAINT_FOREIGN_SENDER : BELFRY_TAINT_FOREIGN_RECEIVER),
		.refusable = true,
	};

	return (GET(file, f_inode, i_mode) & S_IFMT) == S_IFSOCK ? use(socket_of(file), &attempt) : 0;
}

SEC("lsm/file_permission")
int BPF_PROG(file_lsm, struct file *file, int mask)
{
	return use_file(file, mask);
}

SEC("fmod_ret/security_file_permission")
int BPF_PROG(file_mod, struct file *file, int mask, int ret)
{
	return ret ? ret : use_file(file, mask);
}

#define SEEN(counted, tried, makes) \
	(&(struct attempt){ .program = BELFRY_PROGRAM_##counted, .use = BELFRY_USE_##tried, .taint = makes })

SEC("fentry/unix_stream_splice_read")
int BPF_PROG(splice_read, struct socket *sock)
{
	use(sock, SEEN(SPLICE, RECEIVE, 1u << BELFRY_TAINT_FOREIGN_RECEIVER));
	return 0;
}

SEC("fentry/unix_stream_sendpage")
int BPF_PROG(send_page, struct socket *sock)
{
	use(sock, SEEN(SEND_PAGE, SEND, 1u << BELFRY_TAINT_FOREIGN_SENDER));
	return 0;
}
