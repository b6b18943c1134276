/* SPDX-License-Identifier: Apache-2.0 */
/* Reading is glibc's (ns_initparse and its kin). */
#include "netns/dns_message.h"

#include <arpa/nameser.h>
#include <ctype.h>
#include <errno.h>
#include <resolv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/util/scoped.h"

#define HEADER 12
#define RR     12 /* pointer to the name, type, class, TTL, length */

static int read_question(ns_msg *m, struct dns_query *ret)
{
	ns_rr rr;
	size_t len;

	if (ns_msg_count(*m, ns_s_qd) != 1 || ns_parserr(m, ns_s_qd, 0, &rr) < 0)
		return -EBADMSG;
	if (ns_rr_class(rr) != ns_c_in)
		return -ENOTSUP;
	ret->type = (int)ns_rr_type(rr);
	(void)snprintf(ret->name, sizeof(ret->name), "%s", ns_rr_name(rr));
	len = strlen(ret->name);
	if (len && ret->name[len - 1] == '.')
		ret->name[--len] = '\0';
	for (size_t i = 0; i < len; i++)
		ret->name[i] = (char)tolower((unsigned char)ret->name[i]);
	return 0;
}

int dns_parse(const uint8_t *msg, size_t n, struct dns_query *ret)
{
	ns_msg m;
	int skip, r;

	memset(ret, 0, sizeof(*ret));
	ret->answer_max = DNS_UDP_MAX;
	if (n > DNS_MESSAGE_MAX || ns_initparse(msg, (int)n, &m) < 0 || ns_msg_getflag(m, ns_f_qr))
		return -EBADMSG;
	if (ns_msg_getflag(m, ns_f_opcode) != ns_o_query)
		return -ENOTSUP;
	r = read_question(&m, ret);
	if (r < 0)
		return r;
	skip = dn_skipname(msg + HEADER, msg + n);
	if (skip < 0 || HEADER + (size_t)skip + 4 > n)
		return -EBADMSG;
	ret->question_end = HEADER + (size_t)skip + 4;
	for (int i = 0; i < ns_msg_count(m, ns_s_ar); i++) {
		ns_rr rr;
		if (ns_parserr(&m, ns_s_ar, i, &rr) == 0 && ns_rr_type(rr) == ns_t_opt &&
		    ns_rr_class(rr) > DNS_UDP_MAX)
			ret->answer_max = ns_rr_class(rr);
	}
	return 0;
}

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void set_header(uint8_t *out, const uint8_t *msg, int rcode, unsigned questions,
		       unsigned answers)
{
	memcpy(out, msg, 2);			    /* the ID */
	out[2] = (uint8_t)(0x84 | (msg[2] & 0x79)); /* an answer, with authority; as asked */
	out[3] = (uint8_t)(0x80 | (rcode & 0x0f));  /* recursion can be had */
	put16(out + 4, questions);
	put16(out + 6, answers);
	memset(out + 8, 0, 4);
}

/* Header and question; their length, or 0 when they do not fit. */
static size_t begin(uint8_t *out, size_t size, const uint8_t *msg, const struct dns_query *q)
{
	if (q->question_end > size)
		return 0;
	memcpy(out, msg, q->question_end);
	set_header(out, msg, DNS_OK, 1, 0);
	return q->question_end;
}

static void put_rr(uint8_t *p, int type, uint32_t ttl, size_t len)
{
	put16(p, 0xc000 | HEADER); /* the name of the question */
	put16(p + 2, (unsigned)type);
	put16(p + 4, ns_c_in);
	put16(p + 6, ttl >> 16);
	put16(p + 8, ttl & 0xffff);
	put16(p + 10, (unsigned)len);
}

size_t dns_answer(uint8_t *out, size_t size, const uint8_t *msg, const struct dns_query *q,
		  const struct addr *list, size_t n, uint32_t ttl)
{
	size_t at = begin(out, size, msg, q);
	unsigned answers = 0;

	for (size_t i = 0; at && i < n; i++) {
		size_t len = addr_size(&list[i]);
		if (at + RR + len > size) {
			out[2] |= 0x02; /* cut: ask again by TCP */
			break;
		}
		put_rr(out + at, list[i].family == AF_INET6 ? DNS_AAAA : DNS_A, ttl, len);
		memcpy(out + at + RR, list[i].b, len);
		at += RR + len;
		answers++;
	}
	if (at)
		put16(out + 6, answers);
	return at;
}

size_t dns_answer_name(uint8_t *out, size_t size, const uint8_t *msg, const struct dns_query *q,
		       const char *name, uint32_t ttl)
{
	size_t at = begin(out, size, msg, q);
	int len;

	if (!at || at + RR >= size)
		return at;
	len = dn_comp(name, out + at + RR, (int)(size - at - RR), NULL, NULL);
	if (len < 0)
		return at;
	put_rr(out + at, DNS_PTR, ttl, (size_t)len);
	put16(out + 6, 1);
	return at + RR + (size_t)len;
}

size_t dns_refuse(uint8_t *out, size_t size, const uint8_t *msg, size_t n,
		  const struct dns_query *q, int rcode)
{
	size_t at;

	if (n < HEADER || size < HEADER)
		return 0;
	at = q ? begin(out, size, msg, q) : HEADER;
	if (!at)
		return 0;
	set_header(out, msg, rcode, q ? 1 : 0, 0);
	return at;
}

static int reverse4(const char *name, struct addr *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->family = AF_INET;
	for (size_t i = 4; i-- > 0;) { /* the last byte comes first */
		char *end;
		unsigned long b = strtoul(name, &end, 10);
		if (end == name || *end != '.' || b > 255 || !isdigit((unsigned char)*name))
			return -EINVAL;
		ret->b[i] = (uint8_t)b;
		name = end + 1;
	}
	return strcmp(name, "in-addr.arpa") == 0 ? 0 : -EINVAL;
}

int dns_reverse(const char *name, struct addr *ret)
{
	static const char digits[] = "0123456789abcdef";
	size_t n = strlen(name);

	if (n != 64 + strlen("ip6.arpa") || strcmp(name + 64, "ip6.arpa") != 0)
		return reverse4(name, ret);
	memset(ret, 0, sizeof(*ret));
	ret->family = AF_INET6;
	for (size_t i = 0; i < 32; i++) { /* the last nibble comes first */
		const char *d = strchr(digits, name[2 * i]);
		size_t at = 31 - i;
		if (!name[2 * i] || !d || name[2 * i + 1] != '.')
			return -EINVAL;
		ret->b[at / 2] |= (uint8_t)((d - digits) << (at % 2 ? 0 : 4));
	}
	return 0;
}
