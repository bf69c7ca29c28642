/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * THE treaty: every record, map key and value, and counter that crosses the line between bpf/ and userspace/.
 *
 * Plain C, native byte order, no implicit padding (wire_test checks sizes and offsets). A change of any layout here
 * changes the layout hash that names the pin directory, so two layouts never share a map.
 * Process numbers are those of the initial pid namespace. Times are CLOCK_BOOTTIME nanoseconds.
 */
#ifndef BELFRY_WIRE_H
#define BELFRY_WIRE_H

#include "belfry/file_name.h"
#include "belfry/limit.h"
#include "belfry/port.h"
#include "belfry/rules.h"

#define BELFRY_COMM_BYTES 16
#define BELFRY_FILENAME_BYTES 128
#define BELFRY_ARGV_BYTES 512
#define BELFRY_GUARDS_MAX 1024
#define BELFRY_GUARD_NONE 0xffffffffu

/* Who, exactly: numbers come back and forks inherit exec ids, so all three are needed (kernel-facts 4a'). */
struct belfry_pin {
	__u64 start_ns;		/* leader's start_boottime */
	__u64 exec_id;		/* self_exec_id */
	__u32 tgid;
	__u32 pad;
};

/* A file as the kernel knows it. dev is the kernel's s_dev (major << 20 | minor), never stat's st_dev. */
struct belfry_file_id {
	__u64 ino;
	__u64 ctime_ns;
	__u64 size;
	__u32 dev;
	__u32 generation;
};

struct belfry_creds {
	__u64 cap_effective;
	__u64 cap_permitted;
	__u32 uid, euid;	/* in the initial user namespace */
	__u32 gid, egid;
};

/* enum belfry_place: where a task lives; bits, because several may hold. */
#define BELFRY_PLACE_MNTNS_FOREIGN 0x1u	/* mount namespace is not the reference's */
#define BELFRY_PLACE_MNTNS_UNPRIV 0x2u	/* mount namespace owned by a user namespace other than the initial one */
#define BELFRY_PLACE_USERNS 0x4u	/* task's credentials live in a user namespace other than the initial one */
#define BELFRY_PLACE_ROOT_FOREIGN 0x8u	/* root is not the root of its mount namespace (chroot) */
#define BELFRY_PLACE_PIDNS 0x10u	/* not in the initial pid namespace */
#define BELFRY_PLACE_UNKNOWN 0x80000000u

/* Image facts: true from one exec to the next, copied at fork. */
#define BELFRY_IMAGE_BACKFILLED 0x1u	/* not seen at exec: the image, argv and environment are unknown */
#define BELFRY_IMAGE_PRELOAD 0x2u	/* LD_PRELOAD, LD_AUDIT, LD_LIBRARY_PATH, ... in the environment at exec */
#define BELFRY_IMAGE_ENV_UNPROVEN 0x4u	/* the environment was not scanned to its end */
#define BELFRY_IMAGE_MEMFD 0x8u		/* executed from a memfd */
#define BELFRY_IMAGE_UNLINKED 0x10u	/* executed file had no name left (nlink 0) when exec'd */
#define BELFRY_IMAGE_INTERPRETED 0x20u	/* a #! script: the image is the interpreter */
#define BELFRY_IMAGE_SETID 0x40u	/* set-uid, set-gid or file capabilities raised credentials at exec */
#define BELFRY_IMAGE_TRACED 0x80u	/* under ptrace, then or since */
#define BELFRY_IMAGE_MEMORY_WRITTEN 0x100u	/* somebody else wrote into its memory */
/* The same bits this much higher: done to the next image, in an exec whose record is not written yet. */
#define BELFRY_IMAGE_OF_NEXT_SHIFT 16

/* map `processes`, key __u32 tgid: the last exec of a live process. Written at exec, copied at fork, dropped at exit. */
struct belfry_process {
	struct belfry_pin pin;		/* pin.exec_id: the exec this record describes */
	struct belfry_file_id image;	/* bprm->file; zero if BACKFILLED */
	struct belfry_creds creds;	/* as of exec */
	__u64 exec_ns;			/* when the exec (not the fork) happened */
	__u64 memory;			/* address of the image's mm_struct: compared in bpf/, never shown; 0 if BACKFILLED */
	__u64 cgroup_id;		/* v2 cgroup at exec or fork */
	__u64 parent_start_ns;
	__u32 parent_tgid;
	__u32 image_flags;		/* BELFRY_IMAGE_* */
	__u32 place;			/* BELFRY_PLACE_* as of exec */
	__u32 mntns, userns, pidns;	/* inode numbers */
	char comm[BELFRY_COMM_BYTES];
	char filename[BELFRY_FILENAME_BYTES];	/* bprm->filename, cut; the script itself if INTERPRETED */
};

/* Connection taints (design 4). A bit once set is never cleared. Image taints are derived from the process record. */
enum belfry_taint {
	BELFRY_TAINT_EXEC_AFTER_CONNECT = 0,
	BELFRY_TAINT_FOREIGN_SENDER,
	BELFRY_TAINT_FOREIGN_RECEIVER,
	BELFRY_TAINT_FD_TRANSFERRED,
	BELFRY_TAINT_OPENER_EXITED,
	BELFRY_TAINT_AMBIGUOUS,
	BELFRY_TAINT_FOREIGN_ACCEPTOR,
	BELFRY_TAINT_UNRECORDED,
	BELFRY_TAINT_PREEXISTING,
	BELFRY_TAINT_EVIDENCE_GAP,
	BELFRY_TAINT_EXE_REPLACED,
	BELFRY_TAINT_UNTRUSTED_CODE,
	BELFRY_TAINT_TRACED,
	BELFRY_TAINT_MEMORY_WRITTEN,
	BELFRY_TAINT_CREDS_CHANGED,
	BELFRY_TAINT_CGROUP_MOVED,
	BELFRY_TAINT_FD_INHERITED,
	BELFRY_TAINT_COUNT,
};

/* A client socket that never got a cookie (its connect was not seen) is known by this bit and its address. */
#define BELFRY_COOKIE_NONE_BIT (1ull << 63)

/* map `connections`, key __u64 client socket cookie (never reused): one stream from one opener to one guard. */
struct belfry_connection {
	struct belfry_pin opener;	/* exec_id as of connect */
	struct belfry_file_id exe;	/* mm->exe_file at connect */
	struct belfry_creds creds;
	__u64 connect_ns;
	__u64 cgroup_id;
	__u64 client_sk, server_sk;	/* kernel addresses: compared by liveness checks in bpf/, never shown */
	__u64 listener_cookie;
	__u32 guard;
	__u32 taints;			/* 1u << enum belfry_taint */
	__u32 listener_tgid;		/* who called listen(2); 0: nobody that still lives */
	__u32 place;			/* BELFRY_PLACE_* at connect */
	char comm[BELFRY_COMM_BYTES];
	__u32 refused;			/* 1u << enum belfry_use: of which a refusal was told; each is told once */
	__u32 rule;			/* of `policy`: the first that fits, or BELFRY_RULE_NONE, BELFRY_RULE_LATE */
	__u64 policy;			/* by which the kernel part judged the connect; 0: by none */
};

/* What somebody tries to do with a guarded stream, where hooks can refuse it. */
enum belfry_use {
	BELFRY_USE_SEND = 0,
	BELFRY_USE_RECEIVE,
	BELFRY_USE_TRANSFER,		/* the descriptor arrives: SCM_RIGHTS, pidfd_getfd */
	BELFRY_USE_SHUTDOWN,
	BELFRY_USE_SETSOCKOPT,
	BELFRY_USE_IOCTL,
	BELFRY_USE_ANSWER,		/* the server sends to an opener that is gone, exec'd or tainted */
	BELFRY_USE_LIMIT,		/* to connect, over the guard's limit */
	BELFRY_USE_CONNECT,		/* to connect, against the guard's rules */
	BELFRY_USE_MAX,
};

/* map `guards`, array, key guard number. `mode` stays the first word of every layout: the off switch writes it alone. */
enum belfry_mode {
	BELFRY_MODE_OBSERVE = 0,
	BELFRY_MODE_WARN,
	BELFRY_MODE_DENY,
};
#define BELFRY_GUARD_ALLOW_SQPOLL 0x1u	/* the owner's SQPOLL threads may use its connections, whoever submits */
#define BELFRY_GUARD_FULL_REFUSES 0x2u	/* in deny, who cannot be recorded, or counted for a limit, for want of room */

struct belfry_guard {
	__u32 mode;			/* enum belfry_mode */
	__u32 flags;			/* BELFRY_GUARD_* */
	__u32 withhold;			/* 1u << enum belfry_taint: after which nothing more is sent to the opener */
	__u32 pad;
	__u64 loss_ns;			/* silence of the daemon after which deny becomes observe; 0: never */
	__u64 policy;			/* key of `policies`; 0: userspace judges, or nobody */
	struct belfry_limit limit;
};

/* map `servers`, value __u64 start of the process: who serves a guard, by its listener rule. Never limited, never judged. */
struct belfry_server_key {
	__u32 guard;
	__u32 tgid;
};

/* map `guarded_names`, key: a bound file recognised by its filesystem and the names up to that filesystem's root, or an
 * abstract name. */
struct belfry_name_key {
	__u64 hash;			/* belfry/name_hash.h */
	__u32 dev;			/* s_dev of the filesystem; of an abstract name inode number of its network namespace */
	__u32 pad;
};
struct belfry_name_value {
	__u32 guard;
	__u32 socket;			/* index of the socket within its guard */
};

/* map `settings`, one entry, key 0: what the programs need to know of userspace. */
struct belfry_settings {
	__u64 epoch;			/* raised at each change of guarded_names: cached listener judgements expire */
	__u64 generation;		/* programs of an older loaded object do not act any more (two overlap in an upgrade) */
	__u64 reference_mnt;		/* vfsmount and dentry of the reference root, mount namespace inode number */
	__u64 reference_dentry;
	__u32 reference_mntns;
	__u32 daemon_tgid;
	__u64 alive_ns;			/* when the daemon last said that it lives */
	__u32 own_netns;		/* inode number of the daemon's network namespace: guarded ports are ports there */
	__u32 pad;
	__u64 name_secret[2];		/* of belfry_name_key's hash; drawn by the first daemon of these maps */
};

/* ---- records on the ring: header first, then the body of that kind ---- */
enum belfry_kind {
	BELFRY_KIND_EXEC = 1,
	BELFRY_KIND_FORK,
	BELFRY_KIND_EXIT,		/* the last thread of a process is gone */
	BELFRY_KIND_CONNECT,		/* a connection to a guard was recorded */
	BELFRY_KIND_TAINT,		/* a connection got taint bits in the kernel */
	BELFRY_KIND_LISTENER,		/* a listening socket was recognised as a guard's */
	BELFRY_KIND_UNRECORDED,		/* SO_PEERCRED or data-ready met a guarded connection without a record */
	BELFRY_KIND_TCP_CONNECT,	/* a guarded port has a new connection, not accepted yet */
	BELFRY_KIND_REFUSED,		/* the first refusal of its kind on a connection */
	BELFRY_KIND_TAMPERED,		/* somebody touched an image: the first of its kind since the exec */
	BELFRY_KIND_LIMITED,		/* a connect over its guard's limit: the first since one that was within */
	BELFRY_KIND_BARRED,		/* a connect that the guard's rules refused */
	BELFRY_KIND_TCP_BARRED,		/* the same, to a guarded port: its client's end has no address yet */
	BELFRY_KIND_MAX,
};

struct belfry_header {
	__u64 time_ns;
	__u32 kind;			/* enum belfry_kind */
	__u32 size;			/* of header and body, bytes */
};

struct belfry_event_exec {
	struct belfry_header header;
	struct belfry_process process;
	__u32 argv_bytes;		/* used part of argv */
	__u32 argv_cut;			/* 1 if there was more */
	char argv[BELFRY_ARGV_BYTES];	/* NUL separated */
};
struct belfry_event_fork {
	struct belfry_header header;
	struct belfry_process child;
};
struct belfry_event_exit {
	struct belfry_header header;
	struct belfry_pin pin;
};
struct belfry_event_connect {	/* CONNECT and UNRECORDED; BARRED, without a cookie */
	struct belfry_header header;
	__u64 cookie;
	struct belfry_connection connection;
};
struct belfry_event_tcp {	/* TCP_CONNECT; TCP_BARRED, without a cookie and a client's end */
	struct belfry_header header;
	__u64 cookie;			/* of the server's end; 0 before 5.12 */
	struct belfry_ends ends;
	/* opener.tgid 0: nobody in our network namespace; then with UNRECORDED it is somebody there, but not known who */
	struct belfry_connection connection;
};
struct belfry_event_taint {
	struct belfry_header header;
	__u64 cookie;
	struct belfry_pin by;		/* who caused it */
	__u32 taints;			/* newly set bits */
	__u32 guard;
};
struct belfry_event_refused {
	struct belfry_header header;
	__u64 cookie;
	struct belfry_pin by;		/* who tried */
	__u32 use;			/* enum belfry_use */
	__u32 guard;
	char comm[BELFRY_COMM_BYTES];	/* of who tried */
};
struct belfry_event_limited {
	struct belfry_header header;
	__u32 times;			/* this one, and those before it that were not told */
	__u32 refused;			/* 0: it passed, the guard does not deny */
	struct belfry_connection connection;	/* as it would have been recorded */
};
struct belfry_event_tampered {
	struct belfry_header header;
	struct belfry_pin process;	/* whose image it is */
	struct belfry_pin by;
	__u32 image_flags;		/* newly set bits */
	__u32 pad;
	char comm[BELFRY_COMM_BYTES];	/* of `by` */
};
struct belfry_event_listener {
	struct belfry_header header;
	__u64 listener_cookie;
	__u32 tgid;			/* who called listen(2) */
	__u32 guard;
	__u32 socket;
	__u32 pad;
};

/* ---- counters: map `counters`, per-CPU, key enum belfry_program, value struct belfry_counts ---- */
enum belfry_program {
	BELFRY_PROGRAM_EXEC = 0,
	BELFRY_PROGRAM_FORK,
	BELFRY_PROGRAM_EXIT,
	BELFRY_PROGRAM_CONNECT_UNIX,	/* the intent: every unix connect(2) attempt on a stream socket */
	BELFRY_PROGRAM_DATA_READY,	/* told listener: every success, guarded ones are sent */
	BELFRY_PROGRAM_PEERCRED,
	BELFRY_PROGRAM_PIN,		/* connects to guarded sockets, where a hook sees both ends at once */
	BELFRY_PROGRAM_SEND,		/* this and the following: uses of guarded streams, of either end */
	BELFRY_PROGRAM_RECEIVE,
	BELFRY_PROGRAM_TRANSFER,
	BELFRY_PROGRAM_SHUTDOWN,
	BELFRY_PROGRAM_SETSOCKOPT,
	BELFRY_PROGRAM_IOCTL,
	BELFRY_PROGRAM_IOCTL_COMPAT,
	BELFRY_PROGRAM_SPLICE,
	BELFRY_PROGRAM_TRACE,		/* this and the following: what one process does to the image of another */
	BELFRY_PROGRAM_TRACEME,
	BELFRY_PROGRAM_WRITE_MEM,
	BELFRY_PROGRAM_WRITE_REMOTE,
	BELFRY_PROGRAM_SEND_PAGE,
	BELFRY_PROGRAM_GONE,		/* ends of guarded streams that are freed, where cookies are ours */
	BELFRY_PROGRAM_TCP,		/* new connections to guarded ports; other ports are not counted */
	BELFRY_PROGRAM_HELD_EXEC,	/* this and the following: as those of that name, with the CPU held */
	BELFRY_PROGRAM_HELD_FORK,
	BELFRY_PROGRAM_HELD_EXIT,
	BELFRY_PROGRAM_HELD_TRACE,
	BELFRY_PROGRAM_HELD_TRACEME,
	BELFRY_PROGRAM_HELD_WRITE_MEM,
	BELFRY_PROGRAM_HELD_WRITE_VM,
	BELFRY_PROGRAM_LIMIT,		/* no program of its own: connects to guards that have a limit, in the one that records them */
	BELFRY_PROGRAM_RULES,		/* likewise: connects to guards whose rules are compiled */
	BELFRY_PROGRAM_PORT_CONNECT4,	/* connects to guarded ports of this machine, before they are sent; others are not counted */
	BELFRY_PROGRAM_PORT_CONNECT6,
	BELFRY_PROGRAM_FILE,		/* reads and writes of files that are sockets; others are not counted */
	BELFRY_PROGRAM_MAX,
};
/* seen = sent + ignored + lost_ring + lost_map, for every program. Missed runs (recursion) are the kernel's own count. */
enum belfry_count {
	BELFRY_COUNT_SEEN = 0,
	BELFRY_COUNT_SENT,		/* its record reached the ring */
	BELFRY_COUNT_IGNORED,		/* nothing to tell: not guarded */
	BELFRY_COUNT_LOST_RING,		/* ring full: the maps are right, the audit line is lost */
	BELFRY_COUNT_LOST_MAP,		/* map full: the evidence is lost, verdicts withhold */
	BELFRY_COUNT_REFUSED,		/* not part of the sum: how often the program said no */
	BELFRY_COUNT_MAX,
};
struct belfry_counts {
	__u64 count[BELFRY_COUNT_MAX];
};

/* map `made`, array, key tgid & (BELFRY_MADE_BUCKETS - 1): connection records ever inserted in this bucket.
 * Never decremented: userspace knows its table of a process is complete iff it has seen as many. */
#define BELFRY_MADE_BUCKETS 65536u

/* ---- what iterators write (snapshot.bpf.c), one struct after the other ---- */
struct belfry_live {		/* iter/task, one per process (leader) */
	struct belfry_pin pin;		/* now */
	struct belfry_file_id exe;	/* mm->exe_file now; zero for kernel threads and zombies */
	struct belfry_creds creds;
	__u64 cgroup_id;
	__u64 parent_start_ns;
	__u32 parent_tgid;
	__u32 threads;			/* live threads; 0: only a zombie is left */
	__u32 traced_by;		/* tgid of the tracer, 0 none */
	__u32 place;
	__u32 mntns, userns, pidns;
	__u32 kernel_thread;
	char comm[BELFRY_COMM_BYTES];
};

#define BELFRY_END_CLIENT 1u
#define BELFRY_END_SERVER 2u
#define BELFRY_END_LISTENER 3u
struct belfry_socket {		/* iter/task_file: a descriptor slot that holds an end of a guarded unix socket, or a guarded port's listener */
	__u64 cookie;			/* this socket's cookie */
	__u64 peer_cookie;		/* its peer's, or address if it never had one (BELFRY_COOKIE_NONE_BIT); 0: no peer */
	__u64 sock_inode;		/* number of the socket's inode: /proc/PID/fd shows socket:[N] */
	__u64 holder_start_ns;
	__u32 holder_tgid;
	__u32 fd;
	__u32 end;			/* BELFRY_END_* */
	__u32 guard;
	__u32 socket;			/* index within the guard */
	__u32 peercred_tgid;		/* sk_peer_pid in the initial pid namespace; of a port's listener its holder */
	__u32 file_refs;		/* f_count/f_ref: a hint only (kernel-facts 9.18) */
	__u32 in_flight;		/* 1: on its way in an SCM_RIGHTS message */
};
struct belfry_described_file {	/* iter/task_file on ourselves: what one of our own descriptors is */
	struct belfry_file_id id;
	__u32 fd;
	__u32 initial_userns;		/* 1: filesystem mounted by the initial user namespace */
	__u64 fs_magic;
	__u32 place;			/* BELFRY_PLACE_MNTNS_* of the mount through which it was opened */
	__u32 pad;
};

#endif
