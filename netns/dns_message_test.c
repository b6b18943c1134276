/* SPDX-License-Identifier: Apache-2.0 */
#include "netns/dns_message.h"

#include <arpa/nameser.h>
#include <errno.h>
#include <string.h>

#include "src/util/testing.h"

/* ID 0x1234, recursion desired, one question: "Web" of TYPE. */
static size_t question(uint8_t *msg, int type)
{
	static const uint8_t head[] = { 0x12, 0x34, 1, 0, 0,   1,   0,	 0, 0,
					0,    0,    0, 3, 'W', 'e', 'b', 0 };
	memcpy(msg, head, sizeof(head));
	msg[17] = 0;
	msg[18] = (uint8_t)type;
	msg[19] = 0;
	msg[20] = 1;
	return 21;
}

TEST(dns_questions)
{
	uint8_t msg[64];
	size_t n = question(msg, DNS_AAAA);
	struct dns_query q;

	CHECK_INT(dns_parse(msg, n, &q), 0);
	CHECK_STR(q.name, "web");
	CHECK_INT(q.type, DNS_AAAA);
	CHECK_INT(q.question_end, 21);
	CHECK_INT(q.answer_max, DNS_UDP_MAX);
	for (size_t cut = 0; cut < n; cut++)
		CHECK(dns_parse(msg, cut, &q) < 0);
	msg[2] = 0x81; /* an answer */
	CHECK_INT(dns_parse(msg, n, &q), -EBADMSG);
	msg[2] = 0x29; /* UPDATE */
	CHECK_INT(dns_parse(msg, n, &q), -ENOTSUP);
	n = question(msg, DNS_A);
	msg[20] = 3; /* CHAOS */
	CHECK_INT(dns_parse(msg, n, &q), -ENOTSUP);
}

TEST(dns_answers)
{
	static const struct addr list[] = { { AF_INET, { 10, 89, 0, 2 } }, { AF_INET6, { 0xfd } } };
	uint8_t msg[64], out[512];
	size_t n = question(msg, DNS_ANY), len;
	struct dns_query q;
	ns_msg m;
	ns_rr rr;

	CHECK_INT(dns_parse(msg, n, &q), 0);
	len = dns_answer(out, sizeof(out), msg, &q, list, 2, 10);
	CHECK_INT(ns_initparse(out, (int)len, &m), 0);
	CHECK_INT(ns_msg_id(m), 0x1234);
	CHECK_INT(ns_msg_count(m, ns_s_an), 2);
	CHECK_INT(ns_parserr(&m, ns_s_an, 0, &rr), 0);
	CHECK_STR(ns_rr_name(rr), "Web");
	CHECK_INT(ns_rr_type(rr), ns_t_a);
	CHECK_INT(ns_rr_ttl(rr), 10);
	CHECK_INT(memcmp(ns_rr_rdata(rr), list[0].b, 4), 0);
	/* Room for one: the answer says that it is cut. */
	len = dns_answer(out, 21 + 16, msg, &q, list, 2, 10);
	CHECK_INT(len, 37);
	CHECK_INT(ns_initparse(out, (int)len, &m), 0);
	CHECK_INT(ns_msg_getflag(m, ns_f_tc), 1);
	CHECK_INT(ns_msg_count(m, ns_s_an), 1);
	CHECK_INT(dns_answer(out, 20, msg, &q, list, 2, 10), 0);
	len = dns_refuse(out, sizeof(out), msg, n, &q, DNS_NO_NAME);
	CHECK_INT(ns_initparse(out, (int)len, &m), 0);
	CHECK_INT(ns_msg_getflag(m, ns_f_rcode), ns_r_nxdomain);
	len = dns_answer_name(out, sizeof(out), msg, &q, "web.example", 10);
	CHECK_INT(ns_initparse(out, (int)len, &m), 0);
	CHECK_INT(ns_msg_count(m, ns_s_an), 1);
}

TEST(dns_reverse_names)
{
	static const char six[] = "2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.0.0.d.f."
				  "ip6.arpa";
	struct addr a;
	char text[ADDR_TEXT];

	CHECK_INT(dns_reverse("2.0.89.10.in-addr.arpa", &a), 0);
	CHECK_STR(addr_text(&a, text), "10.89.0.2");
	CHECK_INT(dns_reverse(six, &a), 0);
	CHECK_STR(addr_text(&a, text), "fd00:1::2");
	CHECK_INT(dns_reverse("2.0.89.10.in-addr.arpa.x", &a), -EINVAL);
	CHECK_INT(dns_reverse("2.0.89.300.in-addr.arpa", &a), -EINVAL);
	CHECK_INT(dns_reverse("example.org", &a), -EINVAL);
}
