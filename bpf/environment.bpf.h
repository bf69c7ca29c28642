/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Does the environment at exec make the loader run code of someone's choice? Bounded: 512 strings, 64 KiB. */
#ifndef BELFRY_BPF_ENVIRONMENT_H
#define BELFRY_BPF_ENVIRONMENT_H

#include "maps.bpf.h"

#define ENVIRONMENT_STRINGS_MAX 512
#define ENVIRONMENT_BYTES_MAX 65536

struct environment_scan {
	u64 at, end;
	u32 flags;
	u32 room;
};

/* NAME= with something after it. Unrolled: the names become constants in the code. */
static __always_inline bool begins(const char *text, const char *name, u32 size)
{
	u32 i;

#pragma unroll
	for (i = 0; i < size; i++)
		if (text[i] != name[i])
			return false;
	return text[size] != 0;
}
#define NAMES(text, name) begins(text, name "=", sizeof(name "=") - 1)

static __always_inline bool steers_loader(const char *text)
{
	if (text[0] == 'L' && text[1] == 'D' && text[2] == '_')
		return NAMES(text, "LD_PRELOAD") || NAMES(text, "LD_AUDIT") || NAMES(text, "LD_LIBRARY_PATH") ||
		       NAMES(text, "LD_ORIGIN_PATH") || NAMES(text, "LD_PROFILE");
	if (text[0] == 'G')
		return NAMES(text, "GLIBC_TUNABLES") || NAMES(text, "GCONV_PATH");
	return false;
}

/* Of the string that was read last. */
VERIFIED_ONCE u32 string_flags(u32 room)
{
	struct belfry_string *string = bpf_map_lookup_elem(&environment, &room);

	return string && steers_loader(string->bytes) ? BELFRY_IMAGE_PRELOAD : 0;
}

static long scan_string(u32 index, struct environment_scan *scan)
{
	u32 room = scan->room;
	struct belfry_string *string;
	long bytes;

	if (scan->at >= scan->end)
		return 1;
	string = bpf_map_lookup_elem(&environment, &room);
	if (!string)
		return 1;
	bytes = bpf_probe_read_user_str(string->bytes, sizeof(string->bytes), (void *)scan->at);
	if (bytes <= 0 || bytes >= (long)sizeof(string->bytes))
		return 1;	/* not read, or cut */
	scan->flags |= string_flags(room);
	scan->at += bytes;
	return 0;
}

static __always_inline u32 environment_flags(struct mm_struct *mm, u32 room)
{
	struct environment_scan scan = { .at = GET(mm, env_start), .end = GET(mm, env_end), .room = room };

	if (scan.end - scan.at <= ENVIRONMENT_BYTES_MAX)
		LOOP(ENVIRONMENT_STRINGS_MAX, scan_string, &scan);
	if (scan.at < scan.end)
		scan.flags |= BELFRY_IMAGE_ENV_UNPROVEN;
	return scan.flags;
}

#endif
