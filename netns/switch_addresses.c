/* SPDX-License-Identifier: Apache-2.0 */
/* Which container has which address. */
#include <errno.h>

#include "netns/switch.h"
#include "src/util/json.h"

static int is_taken(const struct net_switch *s, size_t i, const struct addr *a)
{
	const struct subnet *n = &s->subnet[i];
	struct addr host = subnet_last(n);

	if (n->gateway.family && addr_compare(&n->gateway, a) == 0)
		return 1;
	/* The role net's own: see switch.c. */
	if (!s->internal && addr_compare(&host, a) == 0)
		return 1;
	for (const struct port *p = s->ports; p; p = p->next)
		if (p->addr[i].family && addr_compare(&p->addr[i], a) == 0)
			return 1;
	return 0;
}

/* The next one after the last that was given: an address is not used again at once, because
 * neighbours and clients may still think of the former container. */
static int pick(struct net_switch *s, size_t i, struct addr *ret)
{
	const struct subnet *n = &s->subnet[i];
	struct addr a = s->next[i], start;

	if (!a.family || addr_compare(&a, &n->first) < 0 || addr_compare(&a, &n->last) > 0)
		a = n->first;
	start = a;
	do {
		struct addr after = addr_compare(&a, &n->last) == 0 ? n->first : addr_add(&a, 1);
		if (!is_taken(s, i, &a)) {
			*ret = a;
			s->next[i] = after;
			return 0;
		}
		a = after;
	} while (addr_compare(&a, &start) != 0);
	return -ENOSPC;
}

static int take(struct net_switch *s, struct port *p, const char *text, struct err *e)
{
	struct addr a;

	if (!text || addr_parse(text, &a) < 0)
		return err_set(e, -EINVAL, "invalid IP address \"%s\"", text ? text : "");
	for (size_t i = 0; i < s->n_subnets; i++) {
		if (!subnet_has(&s->subnet[i], &a))
			continue;
		if (is_taken(s, i, &a))
			return err_set(e, -EADDRINUSE,
				       "requested ip address %s is already allocated", text);
		p->addr[i] = a;
		return 0;
	}
	return err_set(e, -EINVAL, "requested static ip %s not in any subnet on network %s", text,
		       json_get_str(s->network, "name"));
}

int switch_reserve(struct net_switch *s, struct port *p, json_object *wanted, struct err *e)
{
	char text[ADDR_TEXT];

	for (size_t i = 0; i < json_len(wanted); i++) {
		int r = take(s, p, json_str_at(wanted, i), e);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < s->n_subnets; i++)
		if (!p->addr[i].family && pick(s, i, &p->addr[i]) < 0)
			return err_set(e, -ENOSPC, "subnet %s/%d of network %s has no free address",
				       addr_text(&s->subnet[i].base, text), s->subnet[i].prefix,
				       json_get_str(s->network, "name"));
	return 0;
}
