/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Every map that outlives a daemon, once. What stands here goes into the layout hash. */
#ifndef BELFRY_BPF_MAPS_H
#define BELFRY_BPF_MAPS_H

#include "compat.bpf.h"
#include "belfry/wire.h"

/* What a thread is trying to connect: only its own thread writes it, so a failed connect costs no delete. */
struct belfry_intent {
	__u64 cookie;			/* 0: none */
	__u64 client_sk;
	__u64 task;			/* the thread, for a promotion in another context */
	__u64 tgid_pid;			/* address of the thread group's struct pid: what SO_PEERCRED will hold */
	__u64 start_ns;			/* of the leader */
	__u64 exec_id;
	__u32 tgid;
	__u32 tid;
};

/* What a listening socket was judged to be, until a name or the epoch changes. */
struct belfry_listener {
	__u64 epoch;
	__u64 bound, parent;		/* dentries; bound: of an abstract name its bytes, which never change */
	__u32 name_hash, name_len;
	__u32 guard, socket;		/* guard: BELFRY_GUARD_NONE if it is nobody's */
	__u32 told;			/* LISTENER reached the ring */
	__u32 pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, __u32);		/* tgid */
	__type(value, struct belfry_process);
} processes SEC(".maps");

/* Preallocated: an insert must not fail for want of memory. Never LRU: a record must not go by pressure. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, __u64);		/* client socket cookie */
	__type(value, struct belfry_connection);
} connections SEC(".maps");

/* The keys of the latest connects, in a circle as large as `connections`; behind it how many there were. */
const volatile __u32 circle = 65536;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 65536 + 1);
	__type(key, __u32);
	__type(value, __u64);
} places SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1 << 17);	/* one a living thread that ever connected; second_look() walks over all buckets */
	__type(key, __u32);		/* tid */
	__type(value, struct belfry_intent);
} intents SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct belfry_listener);
} listeners SEC(".maps");

/* The same where socket storage is refused (fmod_ret), by the listener's cookie. A cache: what goes is judged anew. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, __u64);
	__type(value, struct belfry_listener);
} listeners_by_cookie SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, BELFRY_GUARDS_MAX);
	__type(key, __u32);
	__type(value, struct belfry_guard);
} guards SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 4 * BELFRY_GUARDS_MAX);
	__type(key, struct belfry_server_key);
	__type(value, __u64);
} servers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 2 * BELFRY_GUARDS_MAX);	/* each guard's, and the one that follows it */
	__type(key, __u64);
	__type(value, struct belfry_policy);
} policies SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, BELFRY_RULE_VALUES_MAX);
	__type(key, struct belfry_rule_key);
	__type(value, struct belfry_rule_bits);
} rule_values SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct belfry_rule_settings);
} rule_settings SEC(".maps");

/* Whose connects are counted together: a uid, a cgroup, or an image (inode number; device and generation). */
struct belfry_bucket_key {
	__u64 id, file;
	__u32 guard;
	__u32 seal;			/* of the limit; 0: of none, an empty place */
};
struct belfry_bucket {
	__u64 due_ns;			/* when all that was taken is saved up again: what lies in the past is as good as gone */
	__u32 untold;			/* over the limit, since that was last told */
	__u32 quiet;			/* 1: told that one passed, 2: was refused; not again before one is within the limit */
};
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, struct belfry_bucket_key);
	__type(value, struct belfry_bucket);
} buckets SEC(".maps");

/* Their keys in a circle as large; behind it how many there were. */
const volatile __u32 bucket_circle = 16384;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 16384 + 1);
	__type(key, __u32);
	__type(value, struct belfry_bucket_key);
} bucket_places SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4 * BELFRY_GUARDS_MAX);
	__type(key, struct belfry_name_key);
	__type(value, struct belfry_name_value);
} guarded_names SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct belfry_files);
} guarded_files SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct belfry_ports);
} guarded_ports SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 3 * BELFRY_GUARDS_MAX);	/* address, and whose a listener of any is */
	__type(key, struct belfry_port_key);
	__type(value, struct belfry_name_value);
} port_guards SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, BELFRY_OWN_ADDRESSES_MAX);
	__type(key, struct belfry_address);
	__type(value, __u32);
} own_addresses SEC(".maps");

/* Who is connecting to a guarded port, from SYN to the server's end, or to the end of a socket that goes elsewhere. */
struct belfry_opening {
	struct belfry_connection connection;
	struct belfry_ends ends;	/* zero until the client's end is established */
};
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, __u64);		/* address of the client's socket: it passes TCP_CLOSE before it is another's */
	__type(value, struct belfry_opening);
} openings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, struct belfry_ends);
	__type(value, __u64);		/* key of `openings` */
} openings_by_ends SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct belfry_settings);
} settings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, BELFRY_MADE_BUCKETS);
	__type(key, __u32);
	__type(value, __u64);
} made SEC(".maps");

/* Who called listen(2) on a guarded socket, as far as told. Informs only: decides how soon the ring is read. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, BELFRY_GUARDS_MAX);
	__type(key, __u32);		/* tgid */
	__type(value, __u32);		/* guard */
} serving SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, BELFRY_PROGRAM_MAX);
	__type(key, __u32);
	__type(value, struct belfry_counts);
} counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 << 20);
} events SEC(".maps");

/* Bytes of it that everybody may fill. */
const volatile __u64 ring_room = (4 << 20) / 8 * 7;

#if BELFRY_FLOOR < 601		/* what cookie.bpf.h makes do with */
#define OWN_COOKIES (1ull << 62)
#define OWN_TIME ((1ull << 52) - 1)

struct belfry_mark {
	__u64 cookie;
	__u32 word, bit;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1 << 17);	/* both ends of a connection */
	__type(key, __u64);		/* address of the socket */
	__type(value, __u64);
} cookies SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct belfry_mark);
	__type(value, __u8);
} marks SEC(".maps");
#endif

/*
 * Of this loaded object; rises with time. In an upgrade two objects are attached to the same maps, and both act until the
 * younger is whole: what one of them has done the other finds done.
 */
const volatile __u64 generation = 0;

static __always_inline bool acts(void)
{
	__u32 zero = 0;
	struct belfry_settings *set = bpf_map_lookup_elem(&settings, &zero);

	return set && generation >= set->generation;
}

/* For what cannot be found done: the older programs until they rest, then the younger. */
static __always_inline bool acts_alone(void)
{
	__u32 zero = 0;
	struct belfry_settings *set = bpf_map_lookup_elem(&settings, &zero);

	return set && generation == set->generation;
}

/* Room that the stack has not. One per program: a tracing program never runs twice on a CPU, two programs may. */
enum room { ROOM_EXEC, ROOM_HELD_EXEC, ROOM_FORK, ROOM_HELD_FORK, ROOMS };
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, ROOMS);
	__type(key, __u32);
	__type(value, struct belfry_process);
} scratch SEC(".maps");

/* One string of an environment; longer ones are not scanned to their end. */
#define ENVIRONMENT_STRING_BYTES 4096
struct belfry_string { char bytes[ENVIRONMENT_STRING_BYTES]; };
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, ROOM_FORK);	/* of those that exec */
	__type(key, __u32);
	__type(value, struct belfry_string);
} environment SEC(".maps");

#endif
