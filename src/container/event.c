/* SPDX-License-Identifier: Apache-2.0 */
#include "src/container/event.h"

#include "src/store/events.h"

void container_event(struct engine *en, const struct container *c, const char *status)
{
	events_write(en, &(struct event){ .type = "container",
					  .status = status,
					  .id = c->id,
					  .name = c->name,
					  .image = c->image_name,
					  .attributes = c->labels });
}

static struct event of_spec(const struct container_spec *s, const char *id, const char *name,
			    const char *status)
{
	return (struct event){ .type = "container",
			       .status = status,
			       .id = id,
			       .name = name,
			       .image = s->image_name ? s->image_name : s->rootfs,
			       .attributes = s->labels };
}

void container_event_spec(struct engine *en, const struct container_spec *s, const char *id,
			  const char *name, const char *status)
{
	const struct event ev = of_spec(s, id, name, status);

	events_write(en, &ev);
}

void container_event_exit(struct engine *en, const struct container_spec *s, const char *id,
			  const char *name, const char *status, int code, int oom)
{
	struct event ev = of_spec(s, id, name, status);

	ev.has_exit_code = 1;
	ev.exit_code = code;
	ev.oom = oom;
	events_write(en, &ev);
}

void container_event_network(struct engine *en, const char *id, const char *name,
			     const char *status, const char *network, const char *error)
{
	scoped(json) json_object *who = json_object_new_object();

	if (who) {
		json_put_str(who, "container", id);
		json_put_str(who, "name", name);
	}
	events_write(en, &(struct event){ .type = "network",
					  .status = status,
					  .id = id,
					  .name = network,
					  .network = network,
					  .error = error,
					  .attributes = who });
}
