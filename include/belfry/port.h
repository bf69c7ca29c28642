/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The treaty's part on TCP ports: which are guarded, whose addresses are ours, and both ends of a connection. */
#ifndef BELFRY_PORT_H
#define BELFRY_PORT_H

#ifndef __BPF__
#include <linux/types.h>
#endif

/* An address in network byte order; IPv4 as ::ffff:a.b.c.d. All zero: none, or any. */
struct belfry_address { __u32 word[4]; };

/* Both ends of a TCP connection, as the kernel names them; ports in host byte order. */
struct belfry_ends {
	struct belfry_address client, server;
	__u16 client_port, server_port;
	__u32 pad;
};

/* map `guarded_ports`, one entry, key 0: a bit for each port that some guard names. */
#define BELFRY_PORT_WORDS 2048u
struct belfry_ports { __u32 word[BELFRY_PORT_WORDS]; };

/* map `port_guards`, value belfry_name_value, key: a port of `settings.own_netns` and the address at which it is reached. */
#define BELFRY_ADDRESS_OF_LISTENER 0xffffffffu	/* in every word: whose is a listener that is bound to any address */
struct belfry_port_key {
	struct belfry_address address;	/* zero: any */
	__u32 port;
};

/* map `own_addresses`, value __u32 1, key struct belfry_address: of this machine in `settings.own_netns`, beside its loopback ones. */
#define BELFRY_OWN_ADDRESSES_MAX 16384u

#endif
