/* SPDX-License-Identifier: Apache-2.0 */
/* Any message: what parses is answered within the space that there is, and the answer parses as
 * one to that question. */
#include <assert.h>
#include <string.h>

#include "netns/dns_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	static const struct addr list[] = { { AF_INET, { 10, 89, 0, 2 } },
					    { AF_INET6, { 0xfd, 0, 1 } } };
	uint8_t out[600];
	struct dns_query q;
	struct addr a;
	size_t len;

	(void)dns_refuse(out, sizeof(out), bytes, n, NULL, DNS_NOT_DONE);
	if (dns_parse(bytes, n, &q) < 0)
		return 0;
	assert(strlen(q.name) < DNS_NAME_MAX && q.question_end <= n);
	for (size_t size = 0; size <= sizeof(out); size += 50) {
		len = dns_answer(out, size, bytes, &q, list, 2, 10);
		assert(len <= size && (!len || memcmp(out, bytes, 2) == 0));
		len = dns_answer_name(out, size, bytes, &q, "web", 10);
		assert(len <= size);
		len = dns_refuse(out, size, bytes, n, &q, DNS_NO_NAME);
		assert(len <= size);
	}
	(void)dns_reverse(q.name, &a);
	return 0;
}
