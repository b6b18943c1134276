/* SPDX-License-Identifier: Apache-2.0 */
#include "netns/subnet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/util/json.h"
#include "src/util/scoped.h"

int addr_parse(const char *text, struct addr *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->family = strchr(text, ':') ? AF_INET6 : AF_INET;
	return inet_pton(ret->family, text, ret->b) == 1 ? 0 : -EINVAL;
}

const char *addr_text(const struct addr *a, char *buf)
{
	buf[0] = '\0';
	(void)inet_ntop(a->family, a->b, buf, ADDR_TEXT);
	return buf;
}

size_t addr_size(const struct addr *a)
{
	return a->family == AF_INET6 ? 16 : 4;
}

int addr_compare(const struct addr *a, const struct addr *b)
{
	return memcmp(a->b, b->b, addr_size(a));
}

struct addr addr_add(const struct addr *a, int n)
{
	struct addr r = *a;
	int carry = n;

	for (size_t i = addr_size(a); i-- > 0 && carry;) {
		int sum = r.b[i] + carry;
		r.b[i] = (unsigned char)(sum & 0xff);
		carry = (sum - (sum & 0xff)) / 256;
	}
	return r;
}

/* Bits from PREFIX on, all 0 or all 1. */
static struct addr with_host_bits(const struct addr *a, int prefix, int ones)
{
	struct addr r = *a;

	for (int bit = prefix; bit < (int)addr_size(a) * 8; bit++) {
		unsigned char mask = (unsigned char)(0x80 >> (bit % 8));
		r.b[bit / 8] = (unsigned char)(ones ? r.b[bit / 8] | mask : r.b[bit / 8] & ~mask);
	}
	return r;
}

struct addr subnet_last(const struct subnet *s)
{
	struct addr end = with_host_bits(&s->base, s->prefix, 1);
	return s->base.family == AF_INET ? addr_add(&end, -1) : end;
}

int subnet_parse(const char *text, struct subnet *ret)
{
	const char *slash = strchr(text, '/');
	char addr[ADDR_TEXT], *end;
	long prefix;

	memset(ret, 0, sizeof(*ret));
	if (!slash || (size_t)(slash - text) >= sizeof(addr))
		return -EINVAL;
	memcpy(addr, text, (size_t)(slash - text));
	addr[slash - text] = '\0';
	prefix = strtol(slash + 1, &end, 10);
	if (addr_parse(addr, &ret->base) < 0 || end == slash + 1 || *end || prefix < 1 ||
	    prefix > (long)addr_size(&ret->base) * 8 - 2)
		return -EINVAL;
	ret->prefix = (int)prefix;
	ret->base = with_host_bits(&ret->base, ret->prefix, 0);
	ret->gateway = addr_add(&ret->base, 1);
	ret->first = ret->gateway;
	ret->last = subnet_last(ret);
	return 0;
}

int subnet_has(const struct subnet *s, const struct addr *a)
{
	struct addr base;

	if (a->family != s->base.family)
		return 0;
	base = with_host_bits(a, s->prefix, 0);
	return addr_compare(&base, &s->base) == 0;
}

int subnet_overlaps(const struct subnet *a, const struct subnet *b)
{
	return subnet_has(a, &b->base) || subnet_has(b, &a->base);
}

static int member(json_object *o, const char *name, const struct subnet *s, struct addr *ret,
		  struct err *e)
{
	const char *text = json_get_str(o, name);

	if (!text || !*text)
		return 0;
	if (addr_parse(text, ret) < 0 || !subnet_has(s, ret))
		return err_set(e, -EINVAL, "%s %s is not in subnet %s", name, text,
			       json_get_str(o, "subnet") ? json_get_str(o, "subnet") : "");
	return 0;
}

int subnet_of_json(json_object *o, struct subnet *ret, struct err *e)
{
	const char *text = json_get_str(o, "subnet");
	json_object *range = json_get(o, "lease_range");
	int r;

	if (!text || subnet_parse(text, ret) < 0)
		return err_set(e, -EINVAL, "invalid subnet \"%s\"", text ? text : "");
	r = member(o, "gateway", ret, &ret->gateway, e);
	if (r == 0)
		r = member(range, "start_ip", ret, &ret->first, e);
	return r < 0 ? r : member(range, "end_ip", ret, &ret->last, e);
}
