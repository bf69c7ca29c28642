/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What is known of whoever is connecting, of that which rules ask for.
 *
 * Functions that are not static: the verifier goes through each by itself, and takes what it returns for any number, so
 * that no branch in it doubles what follows.
 */
#ifndef BELFRY_BPF_FACTS_H
#define BELFRY_BPF_FACTS_H

#include "task.bpf.h"

/* What is known of one field. */
enum knowledge {
	KNOWN,
	LATE,	/* by userspace */
	NEVER,	/* by nobody: it meets no condition, and no `not` either */
};

/* All that rules are held against, but for groups, in as many words as a function takes. */
struct opener_facts {
	u64 exe, exe_home;		/* the two words of BELFRY_RULE_EXE */
	u64 rest;			/* uid, and by field above it: */
};
#define FACT_KNOWN 32
#define FACT_NEVER 40
#define FACT_ELSEWHERE 48		/* of namespaces */
#define FACT_DOUBT (FACT_ELSEWHERE + BELFRY_RULE_EXE)	/* is_in_doubt() */
#define FACT_WORD 56			/* which word of rules is asked for */

static __always_inline bool has_value(u64 policy, u64 first, u64 second, u32 field)
{
	struct belfry_rule_key key = { .policy = policy, .first = first, .second = second, .field = field };

	return bpf_map_lookup_elem(&rule_values, &key) != 0;
}

/* More than that: userspace asks. */
#define GROUPS_MAX 64
static __always_inline u32 group_count(void)
{
	return GET(current_task(), cred, group_info, ngroups);
}

__noinline u32 place_now(void)
{
	return place_of(current_task());
}

/* The executable of now. */
static __always_inline struct inode *exe_inode(void)
{
	struct task_struct *task = current_task();
	struct mm_struct *mm = GET(task, mm);
	struct file *exe = mm && !(GET(task, flags) & PF_KTHREAD) ? GET(mm, exe_file) : 0;

	return exe ? GET(exe, f_inode) : 0;
}

__noinline u64 exe_number(void)
{
	struct inode *inode = exe_inode();

	return inode ? GET(inode, i_ino) : 0;
}

__noinline u64 exe_home(void)
{
	struct inode *inode = exe_inode();

	return inode ? (u64)GET(inode, i_sb, s_dev) << 32 | GET(inode, i_generation) : 0;
}

/*
 * Root's, since others may give a file of theirs any time they like, to be asked about rather than refused; and where some
 * rule's file is, since who serves a filesystem (FUSE) says whose its files are and how old.
 */
__noinline u32 is_news(u64 policy)
{
	struct inode *inode = exe_inode();
	u32 zero = 0;
	struct belfry_rule_settings *set = bpf_map_lookup_elem(&rule_settings, &zero);

	if (!inode || !set || GET(inode, i_uid.val) || change_time_ns(inode) < set->files_ctime_ns)
		return 0;
	return has_value(policy, GET(inode, i_sb, s_dev), 0, BELFRY_RULE_EXE_DEVICE);
}

static __always_inline u64 hash_of(const char *name)
{
	u64 hash = BELFRY_PATH_HASH;
	u32 i;

	for (i = 0; i < BELFRY_FILENAME_BYTES; i++) {
		if (!name[i])
			break;
		hash = belfry_path_hash(hash, name[i]);
	}
	return hash;
}

/* Of the path by which the process was executed. */
__noinline u64 name_hash_of(u32 tgid)
{
	struct belfry_process *process = bpf_map_lookup_elem(&processes, &tgid);

	return process ? hash_of(process->filename) : 0;
}

static __always_inline struct belfry_process *record_of(struct task_struct *task)
{
	u32 tgid = GET(task, tgid);
	struct belfry_process *process = bpf_map_lookup_elem(&processes, &tgid);

	if (!process || process->pin.start_ns != GET(task, group_leader, start_boottime) ||
	    process->pin.exec_id != GET(task, self_exec_id))
		return 0;
	return process;
}

/* Is the file that was executed the one that runs, and its path one of the host's? enum knowledge. */
__noinline u32 knows_exe(u64 policy, u64 number, u64 home)
{
	struct belfry_policy *rules = bpf_map_lookup_elem(&policies, &policy);
	struct belfry_process *process = record_of(current_task());

	if (!rules)
		return LATE;
	if (process && (process->place | place_now()) & rules->foreign)
		return NEVER;
	if (!process || process->image_flags & BELFRY_IMAGE_BACKFILLED)	/* an exec that was not seen */
		return rules->backfilled ? LATE : NEVER;
	if (process->image.ino != number || ((u64)process->image.dev << 32 | process->image.generation) != home)
		return NEVER;
	return KNOWN;
}

/*
 * A file that no path led to when userspace looked last: one that has taken a path since (a package upgrade) is to be
 * looked at again before anybody is refused for it.
 */
__noinline u32 is_in_doubt(u64 policy, u64 number, u64 home)
{
	if (has_value(policy, number, home, BELFRY_RULE_EXE_BEFORE))
		return 1;
	if (has_value(policy, number, home, BELFRY_RULE_EXE) || has_value(policy, number, home, BELFRY_RULE_EXE | BELFRY_RULE_BARS))
		return 0;
	return is_news(policy) || has_value(policy, name_hash_of(GET(current_task(), tgid)), 0, BELFRY_RULE_EXE_NAME);
}

static __always_inline void learn(struct opener_facts *facts, u32 field, u32 knowledge)
{
	facts->rest |= (u64)(knowledge == KNOWN) << (FACT_KNOWN + field) | (u64)(knowledge == NEVER) << (FACT_NEVER + field);
}

static __always_inline void learn_realm(struct opener_facts *facts, u32 field, bool elsewhere, u32 knowledge)
{
	learn(facts, field, knowledge);
	facts->rest |= (u64)elsewhere << (FACT_ELSEWHERE + field);
}

__noinline u32 is_elsewhere(u32 host)
{
	struct nsproxy *nsproxy = GET(current_task(), nsproxy);

	return !nsproxy || GET(nsproxy, net_ns, ns.inum) != host;
}

static __always_inline void learn_exe(struct opener_facts *facts, u64 policy)
{
	u32 knowledge;

	facts->exe = exe_number();
	facts->exe_home = exe_home();
	knowledge = knows_exe(policy, facts->exe, facts->exe_home);
	if (knowledge == KNOWN && is_in_doubt(policy, facts->exe, facts->exe_home)) {
		knowledge = LATE;
		facts->rest |= 1ull << FACT_DOUBT;
	}
	learn(facts, BELFRY_RULE_EXE, knowledge);
}

static __always_inline void learn_place(struct opener_facts *facts)
{
	u32 place = place_now(), knowledge = place & BELFRY_PLACE_UNKNOWN ? NEVER : KNOWN;

	learn_realm(facts, BELFRY_RULE_MNTNS, place & BELFRY_PLACE_MNTNS_FOREIGN, knowledge);
	learn_realm(facts, BELFRY_RULE_USERNS, place & BELFRY_PLACE_USERNS, knowledge);
}

static __always_inline void learn_all(struct opener_facts *facts, u64 policy, u32 wanted)
{
	u32 zero = 0;
	struct belfry_rule_settings *set = bpf_map_lookup_elem(&rule_settings, &zero);
	u32 host = set ? set->host_netns : 0;

	facts->rest = (u32)GET(current_task(), cred, euid.val);
	learn(facts, BELFRY_RULE_UID, KNOWN);
	if (wanted & 1u << BELFRY_RULE_EXE)
		learn_exe(facts, policy);
	if (wanted & 1u << BELFRY_RULE_GID)
		learn(facts, BELFRY_RULE_GID, group_count() > GROUPS_MAX ? LATE : KNOWN);
	if (wanted & 1u << BELFRY_RULE_NETNS)
		learn_realm(facts, BELFRY_RULE_NETNS, is_elsewhere(host), host ? KNOWN : LATE);
	if (wanted & (1u << BELFRY_RULE_MNTNS | 1u << BELFRY_RULE_USERNS))
		learn_place(facts);
}

#endif
