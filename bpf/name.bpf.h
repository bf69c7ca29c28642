/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Is a bound socket's file one of the guarded names? Told by its filesystem and the names up to that filesystem's root,
 * so that no symlink, bind mount, chroot or relative path on the way changes the answer.
 */
#ifndef BELFRY_BPF_NAME_H
#define BELFRY_BPF_NAME_H

#include "maps.bpf.h"

#define FNV_OFFSET 0xcbf29ce484222325ull
#define FNV_PRIME 0x100000001b3ull

struct name_walk {
	__u64 hash;
	__u64 dentry;
	__u64 name;	/* what is left of the component, if by words */
	__u32 left;
	__u32 at_root;
};

#if BELFRY_FLOOR >= 602

#define NAME_STEPS_MAX 65	/* components */
#define NAME_BYTES_MAX 255

static long hash_step(u32 index, struct name_walk *walk)
{
	struct dentry *dentry = VIEW(struct dentry, walk->dentry), *parent = GET(dentry, d_parent);
	const unsigned char *name = GET(dentry, d_name.name);
	u32 length = GET(dentry, d_name.len), i;
	u64 hash = walk->hash;

	if (parent == dentry || !parent) {
		walk->at_root = 1;
		return 1;
	}
	for (i = 0; i < NAME_BYTES_MAX && i < length; i++)
		hash = (hash ^ (u8)byte_at(name + i)) * FNV_PRIME;
	walk->hash = (hash ^ '/') * FNV_PRIME;
	walk->dentry = (u64)parent;
	return 0;
}

#define begin_walk(walk) 0

#else

#define NAME_STEPS_MAX 256	/* words of eight bytes; each component begins a new one */

/* Takes up the next component; 1: it is the root. */
static __always_inline long begin_component(struct name_walk *walk)
{
	struct dentry *dentry = VIEW(struct dentry, walk->dentry), *parent = GET(dentry, d_parent);

	if (parent == dentry || !parent) {
		walk->at_root = 1;
		return 1;
	}
	walk->name = (u64)GET(dentry, d_name.name);
	walk->left = GET(dentry, d_name.len);
	walk->dentry = (u64)parent;
	return 0;
}

/* By words, as the kernel itself compares names. */
static long hash_step(u32 index, struct name_walk *walk)
{
	u64 word = word_at((const void *)walk->name), hash = walk->hash, left = walk->left, next, within;
	u32 i;

#pragma unroll
	for (i = 0; i < sizeof(word); i++, word >>= 8) {
		/* No branch: each would double what the verifier goes through. All ones where i < left. */
		within = i - left;
		barrier_var(within);
		within = (s64)within >> 63;
		next = (hash ^ (u8)word) * FNV_PRIME;
		hash ^= (hash ^ next) & within;
	}
	walk->hash = hash;
	if (left > sizeof(word)) {
		walk->name += sizeof(word);
		walk->left = left - sizeof(word);
		return 0;
	}
	walk->hash = (hash ^ '/') * FNV_PRIME;
	return begin_component(walk);
}

/* Outside the loop: before 6.7 the verifier takes what a loop begins with for what it always sees. */
#define begin_walk(walk) begin_component(walk)

#endif

VERIFIED_ONCE u64 hash_name(u64 dentry)
{
	struct name_walk walk = { .hash = FNV_OFFSET, .dentry = dentry };

	if (!begin_walk(&walk))
		LOOP(NAME_STEPS_MAX, hash_step, &walk);
	return walk.at_root ? walk.hash : 0;
}

/* Null if nobody's. A rename during one walk could hide a name: two walks must agree, else `torn` says so. */
static __always_inline struct belfry_name_value *guard_of(struct dentry *dentry, bool *torn)
{
	struct belfry_name_key key = {};
	struct belfry_name_value *found;

	key.hash = hash_name(number_of(dentry));
	key.dev = GET(dentry, d_sb, s_dev);
	found = bpf_map_lookup_elem(&guarded_names, &key);
	if (!found && torn)
		*torn = hash_name(number_of(dentry)) != key.hash;
	return found;
}

#endif
