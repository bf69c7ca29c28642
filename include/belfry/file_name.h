/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The treaty's part on file names: could a socket's file be a guarded one? By the last of its names alone. */
#ifndef BELFRY_FILE_NAME_H
#define BELFRY_FILE_NAME_H

#ifndef __BPF__
#include <linux/types.h>
#endif

/* map `guarded_files`, one entry, key 0: a bit for the file name of each key in `guarded_names`; of others too, by chance. */
#define BELFRY_FILE_BITS 4096u
struct belfry_files { __u64 word[BELFRY_FILE_BITS / 64]; };

/* Of a name of `length` bytes, whose first eight `first` is as they lie in memory; what follows a shorter one is cut off. */
static inline __u32 belfry_file_bit(__u64 first, __u32 length)
{
	if (length < 8)
		first &= (1ull << 8 * length) - 1;
	return ((first ^ length) * 0x9e3779b97f4a7c15ull) >> 52;
}

#endif
