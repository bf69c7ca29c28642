/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Is a socket bound at one of the guarded names? Told by its file's filesystem and the names up to that filesystem's root,
 * so that no symlink, bind mount, chroot or relative path on the way changes the answer. An abstract name (unix(7)), which
 * is in no filesystem: by its network namespace and its bytes, of which the first is 0.
 */
#ifndef BELFRY_BPF_NAME_H
#define BELFRY_BPF_NAME_H

#include "belfry/name_hash.h"
#include "maps.bpf.h"

/* Enough for the longest path of components of one byte; before 5.17 for 2 KB. */
#if BELFRY_FLOOR >= 601
#define NAME_STEPS_MAX 2048
#else
#define NAME_STEPS_MAX 256
#endif

struct name_walk {
	struct belfry_hash hash;
	__u64 dentry;		/* above the component; 0: nothing is */
	__u64 name;		/* what is left of the component */
	__u32 left, length;
	__u32 at_root;
};

static __always_inline struct belfry_hash begin_hash(void)
{
	u32 zero = 0;
	struct belfry_settings *set = bpf_map_lookup_elem(&settings, &zero);

	return set ? belfry_hash_begin(set->name_secret[0], set->name_secret[1]) : belfry_hash_begin(0, 0);
}

/* Takes up the next component; 1: it is the root. */
static __always_inline long begin_component(struct name_walk *walk)
{
	struct dentry *dentry = VIEW(struct dentry, walk->dentry), *parent = GET(dentry, d_parent);

	if (parent == dentry || !parent) {
		walk->at_root = 1;
		return 1;
	}
	walk->name = number_of(GET(dentry, d_name.name));
	walk->left = walk->length = GET(dentry, d_name.len);
	walk->dentry = (u64)parent;
	return 0;
}

/* Eight bytes at any address. Both reads are of whole words: what is behind the end of a page is in none that counts. */
static __always_inline u64 word_anywhere(u64 address)
{
	u64 shift = (address & 7) * 8, whole = address & ~7ull;

	return word_at((const unsigned char *)whole) >> shift |
	       word_at((const unsigned char *)(whole + sizeof(u64))) << 1 << (63 - shift);
}

static long hash_step(u32 index, struct name_walk *walk)
{
	u64 word = word_anywhere(walk->name);
	u32 left = walk->left;

	if (left > sizeof(word)) {
		belfry_hash_absorb(&walk->hash, word);
		walk->name += sizeof(word);
		walk->left = left - sizeof(word);
		return 0;
	}
	belfry_hash_absorb(&walk->hash, word & ~0ull >> ((sizeof(word) - left) * 8 & 63));
	belfry_hash_absorb(&walk->hash, walk->length);
	return begin_component(walk);
}

VERIFIED_ONCE u64 hash_name(u64 dentry)
{
	struct name_walk walk = { .hash = begin_hash(), .dentry = dentry };

	/* Outside the loop: before 6.7 the verifier takes what a loop begins with for what it always sees. */
	if (!begin_component(&walk))
		LOOP(NAME_STEPS_MAX, hash_step, &walk);
	return walk.at_root ? belfry_hash_end(&walk.hash) : 0;
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
	struct name_walk walk = { .hash = begin_hash() };

	walk.left = abstract_name(address, &walk.name);
	walk.length = walk.left | BELFRY_LENGTH_ABSTRACT;
	if (!walk.left)
		return 0;
	LOOP(ABSTRACT_BYTES_MAX / sizeof(u64) + 1, hash_step, &walk);
	return walk.at_root ? belfry_hash_end(&walk.hash) : 0;
}

/*
 * All that a bystander's connect costs. Of a socket without a name the length is 0, which is no name's. Of other types an
 * abstract name may be bound at the same time, by anybody.
 */
static __always_inline bool may_be_guarded(struct unix_sock *bound)
{
	u32 zero = 0, length, bit;
	struct belfry_files *files = bpf_map_lookup_elem(&guarded_files, &zero);
	struct dentry *dentry = GET(bound, path.dentry);
	u64 name, first;

	if (!files || GET(bound, sk.sk_type) != SOCK_STREAM)
		return false;
	if (dentry) {
		length = GET(dentry, d_name.len);
		first = word_at(GET(dentry, d_name.name));
	} else {
		length = abstract_name(number_of(GET(bound, addr)), &name);
		first = word_anywhere(name);
	}
	bit = belfry_file_bit(first, length);
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
