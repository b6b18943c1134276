/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of the role accel. */
#ifndef COVE_NETNS_ACCEL_ROLE_H
#define COVE_NETNS_ACCEL_ROLE_H

#include <linux/seccomp.h>
#include <stdint.h>

#include "netns/accel_rules.h"

#define ACCEL_OPTIONS_MAX 40

/* What sockets of the host have before anybody sets anything, by accel_options[]. */
struct accel_defaults {
	unsigned char value[ACCEL_OPTIONS_MAX][16];
	socklen_t size[ACCEL_OPTIONS_MAX]; /* 0: this kernel has no such option */
};

/* An answer that did not arrive, as a signal came first: connect(2) is called again then, and must
 * not hear that what it began is there already. */
struct accel_lost {
	uint32_t pid; /* a thread's; 0: nothing */
	int fd, code;
	uint64_t ino; /* of the socket */
};
#define ACCEL_LOST_MAX 64

/* A published port that the container may listen on by itself: our sockets for it, of IPv4 and
 * IPv6, and where they are bound. */
struct accel_port {
	uint16_t container; /* its number there */
	int sock[2];	    /* negative: none of that family */
	union address at[2];
};

/* Who called last: most calls are of the same one.  All three are of the process itself, whoever
 * has its number later. */
struct accel_caller {
	uint32_t pid;	       /* a thread's; 0: nobody */
	int pidfd, fds, infos; /* directories of /proc/PID; negative: not opened yet */
};

struct accel {
	struct accel_rules rules;
	struct accel_port *port;
	size_t n_ports;
	union address outbound[2]; /* IPv4, IPv6; family 0: any */
	uint64_t host, container;  /* SO_NETNS_COOKIE */
	int proc;		   /* a directory: procfs by itself */
	struct accel_defaults defaults[2];
	struct accel_lost *lost; /* ACCEL_LOST_MAX */
	struct accel_caller *caller;
};

/* ---- the process that calls connect(2): netns/accel_caller.c ----------------------------------
 */

/* A descriptor of process (or thread) PID's descriptor FD.  Negative errno. */
int accel_caller_fd(const struct accel *a, uint32_t pid, int fd);
/* At most N bytes from ADDRESS of its memory, or a negative errno. */
ssize_t accel_caller_read(uint32_t pid, uint64_t address, void *bytes, size_t n);
/* The flags (O_*) of its descriptor FD, O_CLOEXEC among them, or a negative errno. */
int accel_caller_flags(const struct accel *a, uint32_t pid, int fd);
/* Is descriptor FD, socket INO, all that it has of that socket?  0 when another descriptor is the
 * same or an epoll instance watches it, and when it has too many descriptors to tell. */
int accel_caller_is_sole(const struct accel *a, uint32_t pid, int fd, uint64_t ino);

/* ---- the sockets: netns/accel_socket.c --------------------------------------------------------
 */

/* The defaults and the cookie of this process's own network namespace. */
int accel_socket_prepare(struct accel *a, struct err *e);
/* SO_NETNS_COOKIE, SO_DOMAIN, or a negative errno, when it is no TCP socket, too. */
int accel_socket_look(int sock, uint64_t *ret_netns, int *ret_family);
/* Has it been neither bound nor connected (TCP_CLOSE)? */
int accel_socket_is_closed(int sock);
int accel_socket_is_connecting(int sock);
int accel_socket_is_bound(int sock, int family);
int accel_socket_is_on_device(int sock); /* SO_BINDTODEVICE */
int accel_socket_is_listening(int sock);
/* A socket for PEER with the options of MODEL that begins to connect;
 * nonblocking.  *RET_CODE is what connect(2) said: 0 or -EINPROGRESS; asked a second time where
 * the program WAITS.  A descriptor, the caller's,
 * or a negative errno: *RET_CODE is the same when connect(2) said that. */
int accel_socket_make(const struct accel *a, int model, int family, const union address *peer,
		      int waits, int *ret_code);

/* A socket with the options of MODEL, bound to AT beside those that are there; V6ONLY counts for
 * IPv6.  A descriptor, nonblocking, the caller's, or a negative errno. */
int accel_socket_bind(const struct accel *a, int model, const union address *at, int v6only);
/* Does anybody listen on AT, an address of this host?  Asked by connecting. */
int accel_socket_is_served(const union address *at);
/* AT, or loopback where it is every address. */
union address accel_socket_reach(const union address *at);

/* ---- shared ports: netns/accel_ports.c --------------------------------------------------------
 */

/* TAKE_SOCK serves port CONTAINER; one of the same family that did so before is let go, and when
 * that listens TAKE_SOCK shall, if it MAY_LISTEN: the spare leaves it to the worker. */
int accel_port_add(struct accel *a, int take_sock, uint16_t container, int may_listen);
void accel_ports_close(struct accel *a);
struct accel_port *accel_port_find(const struct accel *a, uint16_t container);
/* Where it is bound, for a socket of FAMILY: IPv4 as it is written in IPv6, if need be. */
union address accel_port_at(const struct accel_port *p, int family, int v6);
/* Does the container listen there by itself, for connections of IPv4 (V6 0) or IPv6? */
int accel_port_is_given(const struct accel_port *p, int v6);
/* Ours listen no more, so that the container's socket has all connections ... */
void accel_port_give(const struct accel_port *p);
/* ... and do again, where nobody else does. */
void accel_port_take_back(const struct accel_port *p);
/* TO is the container's own address with a port that it listens on by a socket of the host: then 1
 * and *RET is where that is. */
int accel_port_leads(const struct accel *a, int family, const void *to, size_t n,
		     union address *ret);

/* ---- one call: netns/accel_exchange.c ---------------------------------------------------------
 */

struct accel_address {
	union address address;
	socklen_t n; /* as the caller said, at most that much */
};

/* A call that is notified. */
struct accel_call {
	const struct accel *a;
	int listener;
	const struct seccomp_notif *q;
	int fd; /* the container's */
	struct accel_wait *wait;
};

/* Answer it with CODE, 0 or a negative errno.  0: it has no more to do. */
int accel_call_say(const struct accel_call *c, int code);
/* Put NEW, which is nonblocking, in the place of the container's descriptor, which has FLAGS.
 * Negative errno. */
int accel_call_put(const struct accel_call *c, int new, int flags);
/* Can SOCK, its descriptor of FLAGS, be exchanged unseen?  Not one that sends signals or has other
 * names; nor one that has been connected or listens. */
int accel_call_may_exchange(const struct accel_call *c, int sock, int flags);
/* Answer a listen(2) on SOCK (netns/accel_listen.c). */
int accel_listen(const struct accel_call *c, int sock);

/* A connect(2) that has begun, for a caller that wants to wait for its end. */
struct accel_wait {
	int is_used;
	unsigned listener; /* its number */
	uint64_t id;
	uint32_t pid;
	int fd, sock; /* its descriptor, and ours */
	struct accel_address to;
	int64_t until_ms; /* 0: as long as the kernel tries */
};

/* Answer the notification Q of LISTENER.  1: not yet, and *RET, with its socket, is the caller's to
 * look at when that is writable. */
int accel_answer(const struct accel *a, int listener, const struct seccomp_notif *q,
		 struct accel_wait *ret);
/* Answer W if it has come to an end.  1: it is answered. */
int accel_wait_look(const struct accel *a, int listener, const struct accel_wait *w);
/* Answer the call ID with CODE, 0 or a negative errno.  -ENOENT when it waits no more. */
int accel_say(int listener, uint64_t id, int code);
int accel_is_waiting(int listener, uint64_t id);
/* CLOCK_MONOTONIC. */
int64_t accel_now_ms(void);

#endif
