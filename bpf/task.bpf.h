/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A task's identity, written down: pin, credentials, executable, where it lives. */
#ifndef BELFRY_BPF_TASK_H
#define BELFRY_BPF_TASK_H

#include "maps.bpf.h"

static __always_inline void fill_pin(struct belfry_pin *pin, struct task_struct *task)
{
	pin->start_ns = GET(task, group_leader, start_boottime);
	pin->exec_id = GET(task, self_exec_id);
	pin->tgid = GET(task, tgid);
	pin->pad = 0;
}

static __always_inline void fill_file(struct belfry_file_id *id, struct file *file)
{
	struct inode *inode;

	__builtin_memset(id, 0, sizeof(*id));
	if (!file)
		return;
	inode = GET(file, f_inode);
	id->ino = GET(inode, i_ino);
	id->ctime_ns = change_time_ns(inode);
	id->size = GET(inode, i_size);
	id->dev = GET(inode, i_sb, s_dev);
	id->generation = GET(inode, i_generation);
}

static __always_inline void fill_exe(struct belfry_file_id *id, struct task_struct *of)
{
	struct task_struct *task = VIEW(struct task_struct, of);
	struct mm_struct *mm = GET(task, mm);

	if (mm && !(GET(task, flags) & PF_KTHREAD)) {
		fill_file(id, GET(mm, exe_file));
		return;
	}
	__builtin_memset(id, 0, sizeof(*id));
}

static __always_inline void fill_creds(struct belfry_creds *creds, struct task_struct *task)
{
	const struct cred *cred = GET(task, cred);

	creds->cap_effective = CAPABILITIES(cred, cap_effective);
	creds->cap_permitted = CAPABILITIES(cred, cap_permitted);
	creds->uid = GET(cred, uid.val);
	creds->euid = GET(cred, euid.val);
	creds->gid = GET(cred, gid.val);
	creds->egid = GET(cred, egid.val);
}

static __always_inline u64 cgroup_of(struct task_struct *task)
{
	return GET(task, cgroups, dfl_cgrp, kn, id);
}

/* The entry of a struct pid at one level of nesting. */
static __always_inline struct upid *number_at(struct pid *pid, u32 level)
{
	return VIEW(struct upid, (const char *)pid + bpf_core_field_offset(struct pid, numbers) +
					 level * bpf_core_type_size(struct upid));
}

static __always_inline struct pid_namespace *pid_namespace_of(struct task_struct *task)
{
	struct pid *pid = GET(task, thread_pid);

	return pid ? GET(number_at(pid, GET(pid, level)), ns) : 0;
}

/* Number of a struct pid in the initial namespace. */
static __always_inline u32 initial_number(struct pid *pid)
{
	return pid ? GET(pid, numbers[0].nr) : 0;
}

/*
 * Is the mount on the root of the mount below it, and so on down to the namespace's bottom? There pivot_root puts it, and
 * since 7.0 a namespace begins with an empty filesystem (nullfs) below what it boots from.
 */
#define STACKED_ROOTS_MAX 4
static __always_inline bool stacked_at_root(struct mount *mount, struct mnt_namespace *mounts)
{
	u32 i;

	if (GET(mount, mnt_ns) != mounts)
		return false;
	for (i = 0; i < STACKED_ROOTS_MAX; i++) {
		if (mount == GET(mounts, root))
			return true;
		if (GET(mount, mnt_mountpoint) != GET(mount, mnt_parent, mnt.mnt_root))
			return false;
		mount = GET(mount, mnt_parent);
	}
	return false;
}

/*
 * Is the task's root the root of its mount namespace? In the reference's namespace: the reference's own root. Elsewhere:
 * the bottom of the namespace or what is stacked on it, or the root of its pid namespace's init.
 */
static __always_inline bool root_foreign(struct task_struct *task, struct mnt_namespace *mounts, bool at_reference,
					 const struct belfry_settings *set)
{
	struct fs_struct *fs = GET(task, fs);
	struct vfsmount *mnt;
	struct dentry *dentry;
	struct mount *mount;
	struct task_struct *reaper;
	struct pid_namespace *pids;

	if (!fs)
		return true;
	mnt = GET(fs, root.mnt);
	dentry = GET(fs, root.dentry);
	if (at_reference)
		return (u64)mnt != set->reference_mnt || (u64)dentry != set->reference_dentry;
	mount = CONTAINER(struct mount, mnt, mnt);
	if (dentry == GET(mnt, mnt_root) && stacked_at_root(mount, mounts))
		return false;
	pids = pid_namespace_of(task);
	if (!pids)
		return true;
	reaper = GET(pids, child_reaper);
	if (!reaper || !GET(reaper, nsproxy) || GET(reaper, nsproxy, mnt_ns) != mounts || !GET(reaper, fs))
		return true;
	return GET(reaper, fs, root.mnt) != mnt || GET(reaper, fs, root.dentry) != dentry;
}

/*
 * Through which mount a file was reached. A process of the host may execute what /proc/PID/root/... of a foreign mount
 * namespace shows it: the path then reads like one of ours and is whatever that namespace's owner mounted there. A mount
 * that is nobody's any more (detached, or a copy that open_tree made) is as foreign; one of the kernel's own (memfd) is
 * not: nobody chooses names there.
 */
static __always_inline u32 place_of_mount(struct vfsmount *mnt, const struct belfry_settings *set)
{
	struct mount *mount = CONTAINER(struct mount, mnt, mnt);
	struct mnt_namespace *mounts = GET(mount, mnt_ns);

	if ((u64)mounts >= (u64)-4095)		/* MNT_NS_INTERNAL */
		return 0;
	if (!mounts)
		return BELFRY_PLACE_MNTNS_FOREIGN | BELFRY_PLACE_MNTNS_UNPRIV;
	if (GET(mounts, ns.inum) == set->reference_mntns)
		return 0;
	if (GET(mounts, user_ns) && !GET(mounts, user_ns, level))
		return BELFRY_PLACE_MNTNS_FOREIGN;
	return BELFRY_PLACE_MNTNS_FOREIGN | BELFRY_PLACE_MNTNS_UNPRIV;
}

static __always_inline u32 place_of_exe(struct task_struct *task, const struct belfry_settings *set)
{
	struct mm_struct *mm = GET(task, mm);
	struct file *exe;

	if (!mm || (GET(task, flags) & PF_KTHREAD))
		return 0;
	exe = GET(mm, exe_file);
	return exe ? place_of_mount(GET(exe, f_path.mnt), set) : 0;
}

static __always_inline u32 place_of(struct task_struct *of)
{
	u32 zero = 0, place = 0;
	struct belfry_settings *set = bpf_map_lookup_elem(&settings, &zero);
	struct task_struct *task = VIEW(struct task_struct, of);
	struct nsproxy *nsproxy = GET(task, nsproxy);
	struct mnt_namespace *mounts;
	struct pid *pid = GET(task, thread_pid);

	if (!set || !nsproxy || !set->reference_mntns)
		return BELFRY_PLACE_UNKNOWN;
	mounts = GET(nsproxy, mnt_ns);
	if (GET(mounts, ns.inum) != set->reference_mntns)
		place |= BELFRY_PLACE_MNTNS_FOREIGN;
	if (GET(mounts, user_ns, level))
		place |= BELFRY_PLACE_MNTNS_UNPRIV;
	if (GET(task, cred, user_ns, level))
		place |= BELFRY_PLACE_USERNS;
	if (pid && GET(pid, level))
		place |= BELFRY_PLACE_PIDNS;
	if (root_foreign(task, mounts, !(place & BELFRY_PLACE_MNTNS_FOREIGN), set))
		place |= BELFRY_PLACE_ROOT_FOREIGN;
	return place | place_of_exe(task, set);
}

static __always_inline u32 mount_namespace_of(struct task_struct *task)
{
	struct nsproxy *nsproxy = GET(task, nsproxy);

	return nsproxy ? GET(nsproxy, mnt_ns, ns.inum) : 0;
}

static __always_inline u32 pid_namespace_number(struct task_struct *task)
{
	struct pid_namespace *pids = pid_namespace_of(task);

	return pids ? GET(pids, ns.inum) : 0;
}

#endif
