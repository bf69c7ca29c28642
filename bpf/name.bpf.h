/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Is a socket bound at one of the guarded names? Told by its file's filesystem and the names up to that filesystem's root,
 * so that no symlink, bind mount, chroot or relative path on the way changes the answer. An abstract name (unix(7)), which
 * is in no filesystem: by its network namespace and its bytes, of which the first is 0.
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

#define ABSTRACT_BYTES_MAX 108

/* Where the bytes are; how many, 0 if there is no such name. */
static __always_inline u32 abstract_name(u64 address, u64 *bytes)
{
	u32 length = GET(VIEW(struct unix_address, address), len);

	*bytes = address + bpf_core_field_offset(struct unix_address, name) + sizeof(struct sockaddr_un);
	return length > sizeof(struct sockaddr_un) ? length - sizeof(struct sockaddr_un) : 0;
}

VERIFIED_ONCE u64 hash_abstract(u64 address)
{
	struct name_walk walk = { .hash = FNV_OFFSET };
	u32 length = abstract_name(address, &walk.name);

	if (!length)
		return 0;
#if BELFRY_FLOOR >= 602
	for (u32 i = 0; i < ABSTRACT_BYTES_MAX && i < length; i++)
		walk.hash = (walk.hash ^ (u8)byte_at((const char *)walk.name + i)) * FNV_PRIME;
	return (walk.hash ^ '/') * FNV_PRIME;
#else
	walk.left = length;	/* a component above which there is nothing */
	LOOP(ABSTRACT_BYTES_MAX / sizeof(u64) + 1, hash_step, &walk);
	return walk.at_root ? walk.hash : 0;
#endif
}

/* All that a bystander's connect costs. Of a socket without a name the length is 0, which is no name's. */
static __always_inline bool may_be_guarded(struct unix_sock *bound)
{
	u32 zero = 0, length, bit;
	struct belfry_files *files = bpf_map_lookup_elem(&guarded_files, &zero);
	struct dentry *dentry = GET(bound, path.dentry);
	u64 name;

	if (!files)
		return false;
	if (dentry) {
		length = GET(dentry, d_name.len);
		name = number_of(GET(dentry, d_name.name));
	} else {
		length = abstract_name(number_of(GET(bound, addr)), &name);
	}
	bit = belfry_file_bit(word_at((const unsigned char *)name), length);
	return files->word[bit >> 6] >> (bit & 63) & 1;
}

/* Null if nobody's. A rename during one walk could hide a name: two walks must agree, else `torn` says so. */
static __always_inline struct belfry_name_value *guard_of(struct unix_sock *bound, bool *torn)
{
	struct dentry *dentry = GET(bound, path.dentry);
	struct belfry_name_key key = {};
	struct belfry_name_value *found;

	if (dentry) {
		key.hash = hash_name(number_of(dentry));
		key.dev = GET(dentry, d_sb, s_dev);
	} else {
		key.hash = hash_abstract(number_of(GET(bound, addr)));
		key.dev = GET(bound, sk.__sk_common.skc_net.net, ns.inum);
	}
	found = bpf_map_lookup_elem(&guarded_names, &key);
	if (!found && torn && dentry)
		*torn = hash_name(number_of(dentry)) != key.hash;
	return found;
}

#endif
