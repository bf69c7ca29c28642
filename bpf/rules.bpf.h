/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which of its guard's rules fits whoever is connecting: a lookup for each value, an AND for each field. Functions that
 * are not static: see facts.bpf.h.
 */
#ifndef BELFRY_BPF_RULES_H
#define BELFRY_BPF_RULES_H

#include "denies.bpf.h"
#include "emit.bpf.h"
#include "facts.bpf.h"
#include "own.bpf.h"

/* `field` with BELFRY_RULE_BARS or without. */
__noinline u64 bits_of_value(u64 policy, u64 first, u64 second, u32 field, u32 word)
{
	struct belfry_rule_key key = { .policy = policy, .first = first, .second = second, .field = field };
	struct belfry_rule_bits *bits = bpf_map_lookup_elem(&rule_values, &key);

	if (!bits || word >= BELFRY_RULE_WORDS)
		return 0;
	return bits->word[word];
}

/* The effective group and all the others. A kgid_t is looked at as any struct that begins with four bytes. */
__noinline u64 bits_of_groups(u64 policy, u32 field, u32 word)
{
	struct task_struct *task = current_task();
	u64 at = (u64)GET(task, cred, group_info) + bpf_core_field_offset(struct group_info, gid);
	u64 bits = bits_of_value(policy, GET(task, cred, egid.val), 0, field, word);
	u32 groups = group_count(), i;

	for (i = 0; i < GROUPS_MAX; i++) {
		if (i >= groups)
			break;
		bits |= bits_of_value(policy, (u32)GET(VIEW(struct upid, at + i * sizeof(kgid_t)), nr), 0, field, word);
	}
	return bits;
}

/* Of one bit. */
__noinline u32 position_of(u64 bit)
{
	u32 position = 0;

	if (bit >> 32)
		position += 32, bit >>= 32;
	if (bit >> 16)
		position += 16, bit >>= 16;
	if (bit >> 8)
		position += 8, bit >>= 8;
	if (bit >> 4)
		position += 4, bit >>= 4;
	if (bit >> 2)
		position += 2, bit >>= 2;
	return position + (bit >> 1 & 1);
}

/* All ones where the bit is set, else none; not by a branch, of which each doubles what the verifier goes through. */
static __always_inline u64 spread(u64 bits, u32 bit)
{
	u64 set = bits >> bit & 1;

	barrier_var(set);
	return -set;
}

/* Rules of one word that fit, and those that may. */
struct fitting { u64 sure, may; };

/* By what is known of the field; `bars`: BELFRY_RULE_BARS or none. */
static __always_inline u64 bits_of(u64 policy, const struct opener_facts *facts, u32 field, u32 bars, u32 word)
{
	switch (field) {
	case BELFRY_RULE_GID:
		return bits_of_groups(policy, field | bars, word);
	case BELFRY_RULE_EXE:
		return bits_of_value(policy, facts->exe, facts->exe_home, field | bars, word);
	case BELFRY_RULE_UID:
		return bits_of_value(policy, (u32)facts->rest, 0, field | bars, word);
	default:
		return bits_of_value(policy, facts->rest >> (FACT_ELSEWHERE + field) & 1, 0, field | bars, word);
	}
}

/* Of one word: a field's value speaks against those that ask for another, and for those that bar it. */
static __always_inline void weigh(struct fitting *fitting, u64 policy, const struct belfry_policy *rules,
				  const struct opener_facts *facts, u32 field, u32 word)
{
	u64 known = spread(facts->rest, FACT_KNOWN + field), never = spread(facts->rest, FACT_NEVER + field);
	u64 asking = rules->asking[field].word[word], barring = rules->barring[field].word[word];
	u64 fits = ~asking, unknown = ~(asking | barring);

	if (asking)
		fits |= bits_of(policy, facts, field, 0, word);
	if (barring)
		fits &= ~bits_of(policy, facts, field, BELFRY_RULE_BARS, word);
	fitting->sure &= (fits & known) | (unknown & ~known);
	fitting->may &= (fits & known) | (unknown & never) | ~(known | never);
}

#define VERDICT_REFUSES (1ull << 32)
#define VERDICT_AGAINST (1ull << 33)	/* who may not connect does, or would in deny */

/*
 * The first that may fit, with what it does; LATE unless it does fit. Against the guard until userspace has looked at the
 * executable: else whoever makes one anew could be hidden in a flood.
 */
static __always_inline u64 first_of(const struct fitting *fitting, const struct belfry_policy *rules, u64 rest, u32 word)
{
	u64 bit = fitting->may & -fitting->may;

	if (!(fitting->sure & bit))
		return BELFRY_RULE_LATE | (rest >> FACT_DOUBT & 1 ? VERDICT_AGAINST : 0);
	return (word * 64 + position_of(bit)) | (rules->denies.word[word] & bit ? VERDICT_REFUSES : 0) |
	       (rules->tells.word[word] & bit ? VERDICT_AGAINST : 0);
}

#define VERDICT_NOT_HERE (1ull << 34)	/* none of these rules */

/* Of one word of rules. `rest` says which. */
__noinline u64 verdict_in_word(u64 policy, u64 exe, u64 exe_home, u64 rest)
{
	struct belfry_policy *rules = bpf_map_lookup_elem(&policies, &policy);
	const struct opener_facts facts = { .exe = exe, .exe_home = exe_home, .rest = rest };
	struct fitting fitting;
	u64 word = rest >> FACT_WORD & (BELFRY_RULE_WORDS - 1);
	u32 field;

	barrier_var(word);		/* no copy of it that the verifier knows less of */
	if (!rules)
		return BELFRY_RULE_LATE;
	fitting.may = rules->rules.word[word];
	fitting.sure = fitting.may & ~rules->unsure.word[word];
#pragma clang loop unroll(full)
	for (field = 0; field < BELFRY_RULE_FIELDS; field++)
		if ((rules->asks | rules->bars) >> field & 1)
			weigh(&fitting, policy, rules, &facts, field, word);
	return fitting.may ? first_of(&fitting, rules, rest, word) : VERDICT_NOT_HERE;
}

/* Of the policy alone: BELFRY_RULE_*, or a rule's number, with VERDICT_*. */
static __always_inline u64 verdict_of(u64 policy)
{
	struct belfry_policy *rules = bpf_map_lookup_elem(&policies, &policy);
	struct opener_facts facts = {};
	u64 word, verdict;

	if (!rules)
		return BELFRY_RULE_LATE;
	learn_all(&facts, policy, rules->asks | rules->bars);
	for (word = 0; word < BELFRY_RULE_WORDS; word++) {
		if (word >= rules->words)
			break;
		verdict = verdict_in_word(policy, facts.exe, facts.exe_home, facts.rest | word << FACT_WORD);
		if (!(verdict & VERDICT_NOT_HERE))
			return verdict;
	}
	return BELFRY_RULE_NONE | VERDICT_AGAINST | (rules->mode == BELFRY_MODE_DENY ? VERDICT_REFUSES : 0);
}

/*
 * Of a connect by the current task: the same, with VERDICT_REFUSES only where the guard refuses now. A rule's own mode goes
 * before its guard's, unless that observes. Whoever serves the guard is userspace's to know.
 */
__noinline u64 judge(u32 number, u64 policy, u32 listened)
{
	struct belfry_guard *guard = bpf_map_lookup_elem(&guards, &number);
	u64 verdict;
	bool refuses;

	if (!guard || !policy || is_own_branch(number, listened))
		return BELFRY_RULE_LATE;
	verdict = verdict_of(policy);
	if (*(volatile u64 *)&guard->policy != policy)	/* its values may be gone */
		return BELFRY_RULE_LATE;
	refuses = (u32)verdict == BELFRY_RULE_NONE ? guard->mode == BELFRY_MODE_DENY : guard->mode != BELFRY_MODE_OBSERVE;
	return refuses && is_watched(guard) ? verdict : verdict & ~VERDICT_REFUSES;
}

__noinline u64 policy_of(u32 number)
{
	struct belfry_guard *guard = bpf_map_lookup_elem(&guards, &number);

	return guard ? guard->policy : 0;
}

struct judged {
	u64 policy;			/* 0: userspace judges, or nobody */
	u64 verdict;
};

/* Each is told: who may not connect at all is not one of many. */
static __always_inline void tell_barred(struct belfry_connection *connection)
{
	struct belfry_event_connect *record = begin_violation(struct belfry_event_connect, BELFRY_KIND_BARRED);

	count(BELFRY_PROGRAM_RULES, BELFRY_COUNT_REFUSED);
	if (!record) {
		count_seen(BELFRY_PROGRAM_RULES, BELFRY_COUNT_LOST_RING);
		return;
	}
	record->cookie = 0;
	record->connection = *connection;
	end_record(record);
	count_seen(BELFRY_PROGRAM_RULES, BELFRY_COUNT_SENT);
}

/* Into its record; true: it must not be. `refusable`: not where the connect has succeeded. */
static __always_inline bool is_barred(struct belfry_connection *connection, const struct judged *judged, bool refusable)
{
	connection->policy = judged->policy;
	connection->rule = judged->verdict;
	if (!judged->policy)
		return false;
	if (judged->verdict & VERDICT_REFUSES && refusable) {
		tell_barred(connection);
		return true;
	}
	count_seen(BELFRY_PROGRAM_RULES, BELFRY_COUNT_IGNORED);
	return false;
}

#endif
