/* SPDX-License-Identifier: Apache-2.0 */
/* DNS messages (RFC 1035): reading a question, writing short answers. */
#ifndef COVE_NETNS_DNS_MESSAGE_H
#define COVE_NETNS_DNS_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#include "netns/subnet.h"

#define DNS_NAME_MAX	1025 /* in presentation form, NS_MAXDNAME */
#define DNS_MESSAGE_MAX 65535
#define DNS_UDP_MAX	512 /* unless the client takes more (RFC 6891) */

enum { DNS_A = 1, DNS_PTR = 12, DNS_AAAA = 28, DNS_ANY = 255 };
enum { DNS_OK = 0, DNS_FORMAT = 1, DNS_FAILED = 2, DNS_NO_NAME = 3, DNS_NOT_DONE = 4 };

struct dns_query {
	char name[DNS_NAME_MAX]; /* without the last dot, lower case */
	int type;
	size_t question_end; /* offset behind the question */
	size_t answer_max;   /* bytes that the client takes over UDP */
};

/* 0: *RET is a question of class IN that can be answered.  -EBADMSG: it is none; -ENOTSUP: another
 * operation.  Never reads beyond N. */
int dns_parse(const uint8_t *msg, size_t n, struct dns_query *ret);

/* Answers to the question MSG, of at most SIZE bytes in OUT: their length.  Addresses that do not
 * fit are left out and the answer is marked as cut. */
size_t dns_answer(uint8_t *out, size_t size, const uint8_t *msg, const struct dns_query *q,
		  const struct addr *list, size_t n, uint32_t ttl);
size_t dns_answer_name(uint8_t *out, size_t size, const uint8_t *msg, const struct dns_query *q,
		       const char *name, uint32_t ttl);
/* No data, with code RCODE; Q may be NULL when there was no question to repeat. */
size_t dns_refuse(uint8_t *out, size_t size, const uint8_t *msg, size_t n,
		  const struct dns_query *q, int rcode);
/* The address that "2.0.89.10.in-addr.arpa" asks for.  0 or -EINVAL. */
int dns_reverse(const char *name, struct addr *ret);

#endif
