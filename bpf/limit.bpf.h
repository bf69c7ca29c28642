/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Is this connect one more than its guard takes of its opener? */
#ifndef BELFRY_BPF_LIMIT_H
#define BELFRY_BPF_LIMIT_H

#include "denies.bpf.h"
#include "emit.bpf.h"
#include "own.bpf.h"
#include "task.bpf.h"
#include "belfry/limit.h"

/* Of an image the one that the kernel executed; where that was not seen, the one that the process shows. */
static __always_inline void fill_image(struct belfry_bucket_key *key, struct belfry_connection *connection)
{
	u32 tgid = connection->opener.tgid;
	struct belfry_process *process = bpf_map_lookup_elem(&processes, &tgid);
	struct belfry_file_id *image = &connection->exe;

	if (process && !(process->image_flags & BELFRY_IMAGE_BACKFILLED) &&
	    process->pin.start_ns == connection->opener.start_ns && process->pin.exec_id == connection->opener.exec_id) {
		key->id = process->image.ino;
		key->file = (u64)process->image.dev << 32 | process->image.generation;
		return;
	}
	key->id = image->ino;
	key->file = (u64)image->dev << 32 | image->generation;
}

static __always_inline void fill_key(struct belfry_bucket_key *key, struct belfry_connection *connection,
				     const struct belfry_limit *limit)
{
	key->guard = connection->guard;
	key->seal = limit->seal;
	if (limit->per == BELFRY_PER_EXE)
		fill_image(key, connection);
	else
		key->id = limit->per == BELFRY_PER_UID ? connection->creds.euid : connection->cgroup_id;
}

#define BUCKET_PLACES_TRIED 8
struct bucket_search {
	struct belfry_bucket_key *key;
	u64 now_ns;
	u64 found;
};

/* As of connections (record.bpf.h): a bucket that is whole again leaves its place to a later one, daemon or not. */
static long take_bucket_place(u32 index, struct bucket_search *search)
{
	u32 behind = bucket_circle, at;
	struct belfry_bucket_key *turn = bpf_map_lookup_elem(&bucket_places, &behind), *place, before;
	struct belfry_bucket *bucket;

	if (!turn)
		return 1;
	at = turn->id % bucket_circle;
	__sync_fetch_and_add(&turn->id, 1);
	place = bpf_map_lookup_elem(&bucket_places, &at);
	if (!place)
		return 1;
	before = *place;
	bucket = before.seal ? bpf_map_lookup_elem(&buckets, &before) : 0;
	if (bucket && bucket->due_ns > search->now_ns)
		return 0;
	if (bucket)
		bpf_map_delete_elem(&buckets, &before);
	*place = *search->key;
	search->found = 1;
	return 1;
}

/* Null: all are in use. */
static __always_inline struct belfry_bucket *bucket_of(struct belfry_bucket_key *key, u64 now_ns)
{
	struct bucket_search search = { .key = key, .now_ns = now_ns };
	struct belfry_bucket fresh = {}, *bucket = bpf_map_lookup_elem(&buckets, key);

	if (bucket)
		return bucket;
	LOOP(BUCKET_PLACES_TRIED, take_bucket_place, &search);
	if (!search.found)
		return 0;
	bpf_map_update_elem(&buckets, key, &fresh, BPF_NOEXIST);
	return bpf_map_lookup_elem(&buckets, key);
}

/*
 * The hook runs under the lock of the listening socket: only connects to several sockets of one guard meet here. Whoever
 * was overtaken that often is let pass, and charged.
 */
#define CHARGES_TRIED 4
static __always_inline bool charge(struct belfry_bucket *bucket, u64 now_ns, const struct belfry_limit *limit)
{
	u64 before, next;
#if BELFRY_FLOOR >= 601		/* 5ffa25502b5a ("bpf: Add instructions for atomic_[cmp]xchg", 5.12) */
	u32 i;

	for (i = 0; i < CHARGES_TRIED; i++) {
		before = *(volatile u64 *)&bucket->due_ns;
		next = belfry_due_after(before, now_ns, limit);
		if (!next)
			return false;
		if (__sync_val_compare_and_swap(&bucket->due_ns, before, next) == before)
			return true;
	}
#else	/* Two that meet may both have the last one; the second is paid back before anybody has another. */
	before = *(volatile u64 *)&bucket->due_ns;
	next = belfry_due_after(before, now_ns, limit);
	if (!next)
		return false;
	if (before <= now_ns) {
		*(volatile u64 *)&bucket->due_ns = next;
		return true;
	}
#endif
	__sync_fetch_and_add(&bucket->due_ns, limit->interval_ns);
	return true;
}

/* Who tries in a loop costs one record. */
static __always_inline void tell_limited(struct belfry_connection *connection, struct belfry_bucket *bucket, bool refused)
{
	u32 fate = 1 + refused, untold = bucket->untold;
	bool quiet = bucket->quiet == fate;
	struct belfry_event_limited *record = quiet ? 0 : begin_violation(struct belfry_event_limited, BELFRY_KIND_LIMITED);

	if (!record) {
		__sync_fetch_and_add(&bucket->untold, 1);
		count_seen(BELFRY_PROGRAM_LIMIT, quiet ? BELFRY_COUNT_IGNORED : BELFRY_COUNT_LOST_RING);
		return;
	}
	record->times = untold + 1;
	record->refused = refused;
	record->connection = *connection;
	end_record(record);
	__sync_fetch_and_add(&bucket->untold, -untold);
	bucket->quiet = fate;
	count_seen(BELFRY_PROGRAM_LIMIT, BELFRY_COUNT_SENT);
}

/*
 * Counted by the younger programs alone or by the older: both would charge. A limit that is just being written is none.
 * `refusable`: not where the connect has succeeded.
 */
static __always_inline bool is_refused_by_limit(struct belfry_connection *connection, bool refusable)
{
	struct belfry_guard *guard = bpf_map_lookup_elem(&guards, &connection->guard);
	struct belfry_bucket_key key = {};
	struct belfry_bucket *bucket;
	struct belfry_limit limit;
	bool refused;

	if (!guard || !guard->limit.per)
		return false;
	limit = guard->limit;
	if (limit.seal != belfry_seal(&limit) || !acts_alone() || is_own_branch(connection->guard, connection->listener_tgid))
		return false;
	fill_key(&key, connection, &limit);
	bucket = bucket_of(&key, connection->connect_ns);
	if (bucket && charge(bucket, connection->connect_ns, &limit)) {
		bucket->quiet = 0;
		count_seen(BELFRY_PROGRAM_LIMIT, BELFRY_COUNT_IGNORED);
		return false;
	}
	refused = refusable && denies(guard);
	if (bucket) {
		tell_limited(connection, bucket, refused);
	} else {
		count_seen(BELFRY_PROGRAM_LIMIT, BELFRY_COUNT_LOST_MAP);
		refused &= (guard->flags & BELFRY_GUARD_FULL_REFUSES) != 0;
	}
	if (refused)
		count(BELFRY_PROGRAM_LIMIT, BELFRY_COUNT_REFUSED);
	return refused;
}

#endif
