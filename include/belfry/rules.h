/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The treaty's part on rules: what userspace compiles a guard's rules to, and what the kernel part says of a connect.
 *
 * A bit for each rule, in the policy's order. A policy never changes: another takes its place under another number, so
 * that a connect is judged by the one or by the other. What the kernel part cannot know makes a rule one that may fit; if
 * that comes first, userspace has to say.
 */
#ifndef BELFRY_RULES_H
#define BELFRY_RULES_H

#ifndef __BPF__
#include <linux/types.h>
#endif

#define BELFRY_RULES_MAX 1024u
#define BELFRY_RULE_WORDS (BELFRY_RULES_MAX / 64)
#define BELFRY_RULE_VALUES_MAX 65536u	/* of all policies, and of those that follow them */

/* Beside the number of the rule that fits first: */
#define BELFRY_RULE_NONE 0xffffffffu	/* none does */
#define BELFRY_RULE_LATE 0xfffffffeu	/* not for the kernel part to say */

struct belfry_rule_bits {
	__u64 word[BELFRY_RULE_WORDS];
};

/* What rules ask of an opener that the kernel part can know, and the two words by which it is looked up. */
enum belfry_rule_field {
	BELFRY_RULE_EXE = 0,		/* inode number; device << 32 | generation */
	BELFRY_RULE_UID,		/* effective, in the initial user namespace */
	BELFRY_RULE_GID,		/* effective or supplementary, likewise */
	BELFRY_RULE_NETNS,		/* 1: not the host's */
	BELFRY_RULE_MNTNS,
	BELFRY_RULE_USERNS,
	BELFRY_RULE_FIELDS,
	/* Not facts but doubts about the executable, by the same map: */
	BELFRY_RULE_EXE_BEFORE = BELFRY_RULE_FIELDS,	/* a path led to this file, for whoever was executed in time */
	BELFRY_RULE_EXE_NAME,		/* a path's hash (belfry_path_hash): the name by which somebody was executed */
	BELFRY_RULE_EXE_DEVICE,		/* s_dev of a file that a path leads to, or led to: where others may take its place */
};
#define BELFRY_RULE_BARS 0x100u		/* added to the field: rules that exclude the value, else those that name it */

/* map `rule_values`, value struct belfry_rule_bits: the rules that a value of a field speaks for, or against. */
struct belfry_rule_key {
	__u64 policy;
	__u64 first, second;
	__u32 field;			/* enum belfry_rule_field, and BELFRY_RULE_BARS */
	__u32 pad;
};

/* map `policies`, key __u64: the CLOCK_BOOTTIME nanosecond at which it was made, never 0. */
struct belfry_policy {
	__u32 mode;			/* enum belfry_mode: of whom no rule fits */
	__u32 words;			/* of rules, 64 each */
	__u32 asks, bars;		/* 1u << enum belfry_rule_field: some rule names, or excludes, a value of it */
	__u32 foreign;			/* BELFRY_PLACE_*: where a path does not lead to the host's file */
	__u32 backfilled;		/* 1: an exec that was not seen counts, by userspace's word */
	struct belfry_rule_bits rules;	/* all */
	struct belfry_rule_bits unsure;	/* those that ask for more than the kernel part knows */
	struct belfry_rule_bits denies;	/* those whose own mode is deny */
	struct belfry_rule_bits tells;	/* those whose own mode is deny or warn */
	struct belfry_rule_bits asking[BELFRY_RULE_FIELDS];	/* those that name a value of the field */
	struct belfry_rule_bits barring[BELFRY_RULE_FIELDS];	/* those that exclude one */
};

/* map `rule_settings`, one entry, key 0: what facts are held against. */
struct belfry_rule_settings {
	__u64 files_ctime_ns;		/* CLOCK_REALTIME: a file that changed since may be one that a rule's path leads to now */
	__u32 host_netns;		/* inode number of the host's network namespace; 0: not known */
	__u32 pad;
};

/* FNV-1a 64, a step. */
static inline __u64 belfry_path_hash(__u64 hash, __u8 byte)
{
	return (hash ^ byte) * 0x100000001b3ull;
}
#define BELFRY_PATH_HASH 0xcbf29ce484222325ull

#endif
