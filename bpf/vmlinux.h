/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The kernel types and fields that we read, and no others: relocated by field name at load (CO-RE), so neither order nor
 * offsets matter here. UAPI comes from <linux/bpf.h>. A field that differs between kernels has its flavours in
 * compat.bpf.h.
 */
#ifndef BELFRY_BPF_VMLINUX_H
#define BELFRY_BPF_VMLINUX_H

#include <linux/bpf.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s32 s32;
typedef __s64 s64;
typedef _Bool bool;
typedef int pid_t;
enum { false = 0, true = 1 };

#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10
#define IPPROTO_TCP 6
#define SOCK_STREAM 1
#define TCP_ESTABLISHED 1
#define TCP_SYN_SENT 2
#define TCP_SYN_RECV 3
#define TCP_CLOSE 7
#define TCP_LISTEN 10
#define SOL_SOCKET 1
#define SO_PEERCRED 17
#define PIDTYPE_TGID 1
#define PF_KTHREAD 0x00200000
#define PF_IO_WORKER 0x00000010
#define FOLL_WRITE 0x01
#define PTRACE_ATTACH 16
#define SB_KERNMOUNT (1ul << 22)
#define EACCES 13
#define E2BIG 7
#define EAGAIN 11
#define EEXIST 17
#define EPIPE 32

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct { u32 val; } kuid_t;
typedef struct { u32 val; } kgid_t;
typedef struct { u64 val; } kernel_cap_t;	/* before 6.3: compat.bpf.h */
typedef struct { int counter; } atomic_t;
typedef struct { s64 counter; } atomic64_t;
typedef struct { atomic_t refs; } refcount_t;

struct list_head { struct list_head *next, *prev; };
struct ns_common { unsigned int inum; };
struct user_namespace { int level; struct ns_common ns; };
struct group_info { int ngroups; kgid_t gid[1]; };
struct cred {
	kuid_t uid, euid;
	kgid_t gid, egid;
	kernel_cap_t cap_permitted, cap_effective;
	struct user_namespace *user_ns;
	struct group_info *group_info;
};

struct pid_namespace { struct task_struct *child_reaper; unsigned int level; struct ns_common ns; };
struct upid { int nr; struct pid_namespace *ns; };
struct hlist_node { struct hlist_node *next; };
struct hlist_head { struct hlist_node *first; };
struct pid { unsigned int level; struct hlist_head tasks[4]; struct upid numbers[1]; };

struct super_block {
	u32 s_dev;
	unsigned long s_flags, s_magic;
	struct user_namespace *s_user_ns;
};
struct inode {
	unsigned short i_mode;
	struct super_block *i_sb;
	unsigned long i_ino;
	unsigned int i_nlink;
	kuid_t i_uid;
	s64 i_size;
	s64 i_ctime_sec;
	u32 i_ctime_nsec;
	u32 i_generation;
};
struct qstr {
	u32 hash, len;
	const unsigned char *name;
};
struct dentry {
	struct dentry *d_parent;
	struct qstr d_name;
	struct inode *d_inode;
	struct super_block *d_sb;
};
struct vfsmount { struct dentry *mnt_root; };
struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
	struct mnt_namespace *mnt_ns;
};
struct mnt_namespace { struct ns_common ns; struct mount *root; struct user_namespace *user_ns; };
struct path { struct vfsmount *mnt; struct dentry *dentry; };
struct fs_struct { struct path root; };
struct net { struct ns_common ns; };
struct nsproxy { struct mnt_namespace *mnt_ns; struct net *net_ns; };
typedef struct { atomic64_t refcnt; } file_ref_t;
struct file { struct inode *f_inode; void *private_data; struct path f_path; file_ref_t f_ref; };

struct mm_struct {
	unsigned long arg_start, arg_end, env_start, env_end;
	struct file *exe_file;
	struct task_struct *owner;
};
struct signal_struct {
	atomic_t live;
	struct list_head thread_head;
	struct pid *pids[4];
};
struct kernfs_node { u64 id; };
struct cgroup { struct kernfs_node *kn; };
struct css_set { struct cgroup *dfl_cgrp; };
struct task_struct {
	unsigned int flags, ptrace;
	struct mm_struct *mm;
	int exit_state;
	pid_t pid, tgid;
	struct task_struct *real_parent, *parent, *group_leader;
	struct pid *thread_pid;
	struct hlist_node pid_links[4];
	struct list_head thread_node;
	void *worker_private;
	u64 start_boottime;
	const struct cred *cred;
	char comm[16];
	struct fs_struct *fs;
	struct files_struct *files;
	struct nsproxy *nsproxy;
	struct signal_struct *signal;
	u64 self_exec_id;
	struct css_set *cgroups;
};
struct io_wq { struct task_struct *task; };
struct io_worker { struct io_wq *wq; };
struct pt_regs { unsigned long di, si, dx, cx, r8, r9; };
struct linux_binprm {
	unsigned int secureexec : 1;
	struct file *interpreter, *file;
	const char *filename, *interp;
};

typedef struct { struct net *net; } possible_net_t;
struct in6_addr { union { u32 u6_addr32[4]; } in6_u; };
struct sock_common {
	u32 skc_daddr, skc_rcv_saddr;
	u16 skc_dport, skc_num;		/* the peer's in network order, our own in the host's */
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr, skc_v6_rcv_saddr;
	unsigned short skc_family;
	int skc_bound_dev_if;
	volatile unsigned char skc_state;
	atomic64_t skc_cookie;
	unsigned long skc_flags;
	refcount_t skc_refcnt;
};
struct sk_buff { struct sk_buff *prev; struct sock *sk; };
struct sk_buff_head { struct sk_buff *prev; };
struct socket;
struct sock {
	struct sock_common __sk_common;
	struct sk_buff_head sk_receive_queue;
	u16 sk_type, sk_protocol;
	struct socket *sk_socket;	/* null once the last descriptor is closed */
	struct pid *sk_peer_pid;
};
struct unix_vertex;
struct sockaddr_un { unsigned short sun_family; };
struct unix_address { int len; struct sockaddr_un name[]; };
struct unix_sock {
	struct sock sk;
	struct unix_address *addr;	/* set once, before anybody finds the socket */
	struct path path;
	struct sock *peer;
	struct sock *listener;		/* 6.10+: until the connection is accepted */
	struct unix_vertex *vertex;	/* 6.10+: this socket is on its way in a message */
};
struct socket { struct file *file; struct sock *sk; };
struct tcp_sock;
struct inet_sock { u32 inet_saddr; };
struct bpf_sock_addr_kern { struct sock *sk; };
struct bpf_sockopt_kern { struct sock *sk; };

struct new_utsname { char sysname[65]; };	/* any kernel struct that begins with bytes: see byte_at() */

struct msghdr;
struct bpf_map;
struct seq_file;
struct bpf_iter_meta { struct seq_file *seq; u64 session_id, seq_num; };
struct bpf_iter__task { struct bpf_iter_meta *meta; struct task_struct *task; };
struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	u32 fd;
	struct file *file;
};

#pragma clang attribute pop
#endif
