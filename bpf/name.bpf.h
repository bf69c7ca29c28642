/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Is a bound socket's file one of the guarded names? Told by its filesystem and the names up to that filesystem's root,
 * so that no symlink, bind mount, chroot or relative path on the way changes the answer.
 */
#ifndef BELFRY_BPF_NAME_H
#define BELFRY_BPF_NAME_H

#include "maps.bpf.h"

#define NAME_COMPONENTS_MAX 64
#define NAME_BYTES_MAX 255
#define FNV_OFFSET 0xcbf29ce484222325ull
#define FNV_PRIME 0x100000001b3ull

struct name_walk {
	__u64 hash;
	__u64 dentry;
	__u32 at_root;
	__u32 pad;
};

static long hash_component(u32 index, struct name_walk *walk)
{
	struct dentry *dentry = VIEW(struct dentry, walk->dentry), *parent = dentry->d_parent;
	const unsigned char *name = dentry->d_name.name;
	u32 length = dentry->d_name.len, i;
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

static __always_inline u64 hash_name(struct dentry *dentry)
{
	struct name_walk walk = { .hash = FNV_OFFSET, .dentry = (u64)dentry };

	bpf_loop(NAME_COMPONENTS_MAX + 1, hash_component, &walk, 0);
	return walk.at_root ? walk.hash : 0;
}

/* Null if nobody's. A rename during one walk could hide a name: two walks must agree, else `torn` says so. */
static __always_inline struct belfry_name_value *guard_of(struct dentry *dentry, bool *torn)
{
	struct belfry_name_key key = {};
	struct belfry_name_value *found;

	key.hash = hash_name(dentry);
	key.dev = dentry->d_sb->s_dev;
	found = bpf_map_lookup_elem(&guarded_names, &key);
	if (!found && torn)
		*torn = hash_name(dentry) != key.hash;
	return found;
}

#endif
