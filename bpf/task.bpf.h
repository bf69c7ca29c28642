/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A task's identity, written down: pin, credentials, executable, where it lives. */
#ifndef BELFRY_BPF_TASK_H
#define BELFRY_BPF_TASK_H

#include "maps.bpf.h"

static __always_inline void fill_pin(struct belfry_pin *pin, struct task_struct *task)
{
	pin->start_ns = task->group_leader->start_boottime;
	pin->exec_id = task->self_exec_id;
	pin->tgid = task->tgid;
	pin->pad = 0;
}

static __always_inline void fill_file(struct belfry_file_id *id, struct file *file)
{
	struct inode *inode;

	__builtin_memset(id, 0, sizeof(*id));
	if (!file)
		return;
	inode = file->f_inode;
	id->ino = inode->i_ino;
	id->ctime_ns = change_time_ns(inode);
	id->size = inode->i_size;
	id->dev = inode->i_sb->s_dev;
	id->generation = inode->i_generation;
}

static __always_inline void fill_exe(struct belfry_file_id *id, struct task_struct *task)
{
	struct mm_struct *mm = task->mm;

	if (mm && !(task->flags & PF_KTHREAD)) {
		fill_file(id, mm->exe_file);
		return;
	}
	__builtin_memset(id, 0, sizeof(*id));
}

static __always_inline void fill_creds(struct belfry_creds *creds, struct task_struct *task)
{
	const struct cred *cred = task->cred;

	creds->cap_effective = cred->cap_effective.val;
	creds->cap_permitted = cred->cap_permitted.val;
	creds->uid = cred->uid.val;
	creds->euid = cred->euid.val;
	creds->gid = cred->gid.val;
	creds->egid = cred->egid.val;
}

static __always_inline u64 cgroup_of(struct task_struct *task)
{
	return task->cgroups->dfl_cgrp->kn->id;
}

/* The entry of a struct pid at one level of nesting. */
static __always_inline struct upid *number_at(struct pid *pid, u32 level)
{
	return VIEW(struct upid, (const char *)pid + bpf_core_field_offset(struct pid, numbers) +
					 level * bpf_core_type_size(struct upid));
}

static __always_inline struct pid_namespace *pid_namespace_of(struct task_struct *task)
{
	struct pid *pid = task->thread_pid;

	return pid ? number_at(pid, pid->level)->ns : 0;
}

/* Number of a struct pid in the initial namespace. */
static __always_inline u32 initial_number(struct pid *pid)
{
	return pid ? pid->numbers[0].nr : 0;
}

/*
 * Is the mount on the root of the mount below it, and so on down to the namespace's bottom? There pivot_root puts it, and
 * since 7.0 a namespace begins with an empty filesystem (nullfs) below what it boots from.
 */
#define STACKED_ROOTS_MAX 4
static __always_inline bool stacked_at_root(struct mount *mount, struct mnt_namespace *mounts)
{
	u32 i;

	if (mount->mnt_ns != mounts)
		return false;
	for (i = 0; i < STACKED_ROOTS_MAX; i++) {
		if (mount == mounts->root)
			return true;
		if (mount->mnt_mountpoint != mount->mnt_parent->mnt.mnt_root)
			return false;
		mount = mount->mnt_parent;
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
	struct fs_struct *fs = task->fs;
	struct vfsmount *mnt;
	struct dentry *dentry;
	struct mount *mount;
	struct task_struct *reaper;
	struct pid_namespace *pids;

	if (!fs)
		return true;
	mnt = fs->root.mnt;
	dentry = fs->root.dentry;
	if (at_reference)
		return (u64)mnt != set->reference_mnt || (u64)dentry != set->reference_dentry;
	mount = CONTAINER(struct mount, mnt, mnt);
	if (dentry == mnt->mnt_root && stacked_at_root(mount, mounts))
		return false;
	pids = pid_namespace_of(task);
	if (!pids)
		return true;
	reaper = pids->child_reaper;
	if (!reaper || !reaper->nsproxy || reaper->nsproxy->mnt_ns != mounts || !reaper->fs)
		return true;
	return reaper->fs->root.mnt != mnt || reaper->fs->root.dentry != dentry;
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
	struct mnt_namespace *mounts = mount->mnt_ns;

	if ((u64)mounts >= (u64)-4095)		/* MNT_NS_INTERNAL */
		return 0;
	if (!mounts)
		return BELFRY_PLACE_MNTNS_FOREIGN | BELFRY_PLACE_MNTNS_UNPRIV;
	if (mounts->ns.inum == set->reference_mntns)
		return 0;
	if (mounts->user_ns && !mounts->user_ns->level)
		return BELFRY_PLACE_MNTNS_FOREIGN;
	return BELFRY_PLACE_MNTNS_FOREIGN | BELFRY_PLACE_MNTNS_UNPRIV;
}

static __always_inline u32 place_of_exe(struct task_struct *task, const struct belfry_settings *set)
{
	struct mm_struct *mm = task->mm;
	struct file *exe;

	if (!mm || (task->flags & PF_KTHREAD))
		return 0;
	exe = mm->exe_file;
	return exe ? place_of_mount(exe->f_path.mnt, set) : 0;
}

static __always_inline u32 place_of(struct task_struct *task)
{
	u32 zero = 0, place = 0;
	struct belfry_settings *set = bpf_map_lookup_elem(&settings, &zero);
	struct nsproxy *nsproxy = task->nsproxy;
	struct mnt_namespace *mounts;
	struct pid *pid = task->thread_pid;

	if (!set || !nsproxy || !set->reference_mntns)
		return BELFRY_PLACE_UNKNOWN;
	mounts = nsproxy->mnt_ns;
	if (mounts->ns.inum != set->reference_mntns)
		place |= BELFRY_PLACE_MNTNS_FOREIGN;
	if (mounts->user_ns->level)
		place |= BELFRY_PLACE_MNTNS_UNPRIV;
	if (task->cred->user_ns->level)
		place |= BELFRY_PLACE_USERNS;
	if (pid && pid->level)
		place |= BELFRY_PLACE_PIDNS;
	if (root_foreign(task, mounts, !(place & BELFRY_PLACE_MNTNS_FOREIGN), set))
		place |= BELFRY_PLACE_ROOT_FOREIGN;
	return place | place_of_exe(task, set);
}

static __always_inline u32 mount_namespace_of(struct task_struct *task)
{
	struct nsproxy *nsproxy = task->nsproxy;

	return nsproxy ? nsproxy->mnt_ns->ns.inum : 0;
}

static __always_inline u32 pid_namespace_number(struct task_struct *task)
{
	struct pid_namespace *pids = pid_namespace_of(task);

	return pids ? pids->ns.inum : 0;
}

#endif
