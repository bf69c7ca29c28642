/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The treaty's part on the hash of a guarded name: SipHash-1-3 of whole words. A path is its components, leaf first; of each
 * the words, the last one filled up with zeros, and then its length. An abstract name is one component, whose first byte is 0.
 * By a secret: else whoever may make files could make one that has a guarded name's hash.
 */
#ifndef BELFRY_NAME_HASH_H
#define BELFRY_NAME_HASH_H

#ifndef __BPF__
#include <linux/types.h>
#endif

struct belfry_hash { __u64 v0, v1, v2, v3; };

/* Beside the length of an abstract name: no component of a path is so long. */
#define BELFRY_LENGTH_ABSTRACT (1u << 16)

#define BELFRY_ROTATE(word, bits) ((word) << (bits) | (word) >> (64 - (bits)))

static inline struct belfry_hash belfry_hash_begin(__u64 low, __u64 high)
{
	struct belfry_hash hash = { low ^ 0x736f6d6570736575ull, high ^ 0x646f72616e646f6dull,
				    low ^ 0x6c7967656e657261ull, high ^ 0x7465646279746573ull };
	return hash;
}

static inline void belfry_hash_mix(struct belfry_hash *hash)
{
	__u64 v0 = hash->v0, v1 = hash->v1, v2 = hash->v2, v3 = hash->v3;

	v0 += v1;
	v2 += v3;
	v1 = BELFRY_ROTATE(v1, 13) ^ v0;
	v3 = BELFRY_ROTATE(v3, 16) ^ v2;
	v0 = BELFRY_ROTATE(v0, 32) + v3;
	v2 += v1;
	hash->v0 = v0;
	hash->v1 = BELFRY_ROTATE(v1, 17) ^ v2;
	hash->v2 = BELFRY_ROTATE(v2, 32);
	hash->v3 = BELFRY_ROTATE(v3, 21) ^ v0;
}

static inline void belfry_hash_absorb(struct belfry_hash *hash, __u64 word)
{
	hash->v3 ^= word;
	belfry_hash_mix(hash);
	hash->v0 ^= word;
}

static inline __u64 belfry_hash_end(struct belfry_hash *hash)
{
	hash->v2 ^= 0xff;
	belfry_hash_mix(hash);
	belfry_hash_mix(hash);
	belfry_hash_mix(hash);
	return hash->v0 ^ hash->v1 ^ hash->v2 ^ hash->v3;
}

#endif
