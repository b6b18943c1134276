/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/retry.h"

#include "src/store/config.h"
#include "src/util/json.h"
#include "src/util/scoped.h"
#include "src/util/units.h"

#define RETRIES_MAX 100

static int wrong(const char *key, struct err *e)
{
	return err_set(e, -EINVAL, "containers.conf: %s is not as it should be", key);
}

int retry_from(json_object *config, int *retry, int64_t *delay_ms, struct err *e)
{
	json_object *engine = json_get(config, "engine"), *n = json_get(engine, "retry"),
		    *delay = json_get(engine, "retry_delay");
	const char *text = json_get_str(engine, "retry_delay");
	int64_t ns = 0;

	if (n && (!json_object_is_type(n, json_type_int) || json_object_get_int64(n) < 0 ||
		  json_object_get_int64(n) > RETRIES_MAX))
		return wrong("retry", e);
	if (delay && (!text || (*text && (duration_parse(text, &ns) < 0 || ns < 0))))
		return wrong("retry_delay", e);
	if (n && *retry < 0)
		*retry = (int)json_object_get_int64(n);
	if (*delay_ms <= 0)
		*delay_ms = (ns + 999999) / 1000000;
	return 0;
}

int retry_default(struct engine *en, int *retry, int64_t *delay_ms, struct err *e)
{
	scoped(json) json_object *config = NULL;

	return config_read(en, &config, e) < 0 ? e->code : retry_from(config, retry, delay_ms, e);
}
