/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "src/util/json.h"
#include "src/util/strbuf.h"
#include "src/util/testing.h"
#include "src/volume/make.h"

TEST(options_of_the_local_driver)
{
	static const struct {
		const char *opts[4];
		int result;
		const char *json;
		int uid, gid;
	} rows[] = {
		{ { NULL }, 0, "{}", 0, 0 },
		{ { "type=tmpfs", "device=tmpfs", NULL },
		  0,
		  "{\"type\":\"tmpfs\",\"device\":\"tmpfs\"}",
		  0,
		  0 },
		{ { "o=uid=5,gid=6,ro", NULL },
		  0,
		  "{\"o\":\"uid=5,gid=6,ro\",\"UID\":\"5\",\"GID\":\"6\"}",
		  5,
		  6 },
		{ { "o=noquota", NULL }, 0, "{\"NOQUOTA\":\"true\"}", 0, 0 },
		{ { "o=ro,noquota", NULL }, 0, "{\"o\":\"ro\",\"NOQUOTA\":\"true\"}", 0, 0 },
		{ { "type=tmpfs", "o=size=2m", NULL },
		  0,
		  "{\"type\":\"tmpfs\",\"o\":\"size=2m\",\"SIZE\":\"2m\"}",
		  0,
		  0 },
		{ { "nocopy", NULL }, 0, "{\"nocopy\":\"\"}", 0, 0 },
		{ { "o=uid=-1", NULL }, -EINVAL, NULL, 0, 0 },
		{ { "o=uid=4294967296", NULL }, -EINVAL, NULL, 0, 0 },
		{ { "o=gid=", NULL }, -EINVAL, NULL, 0, 0 },
		{ { "o=uid", NULL }, -EINVAL, NULL, 0, 0 },
		{ { "o=size=1m", NULL }, -ENOTSUP, NULL, 0, 0 },
		{ { "type=none", "o=inodes=5", NULL }, -ENOTSUP, NULL, 0, 0 },
		{ { "type=tmpfs", "o=size=-1", NULL }, -EINVAL, NULL, 0, 0 },
		{ { "o=timeout=1", NULL }, -EINVAL, NULL, 0, 0 },
		{ { "Type=tmpfs", NULL }, -EINVAL, NULL, 0, 0 },
		{ { "UID=0", NULL }, -EINVAL, NULL, 0, 0 },
		{ { "=x", NULL }, -EINVAL, NULL, 0, 0 },
		{ { "type=bind", "device=/no/such/place", NULL }, -EINVAL, NULL, 0, 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		scoped(volume) struct volume *v = volume_new("v", 0);
		scoped(mem) char *text = NULL;
		struct err e = { 0 };

		CHECK(v != NULL);
		CHECK_INT(volume_set_options(v, (char *const *)rows[i].opts, &e), rows[i].result);
		if (rows[i].result < 0)
			continue;
		text = json_text(v->options);
		CHECK_STR(text, rows[i].json);
		CHECK_INT(v->uid, rows[i].uid);
		CHECK_INT(v->gid, rows[i].gid);
	}
}

TEST(what_a_container_mounts)
{
	static const struct {
		const char *opts[4];
		int result;
		enum volume_kind kind;
		const char *source, *words;
		int nocopy;
	} rows[] = {
		{ { NULL }, 0, VOLUME_DATA, "/store/volumes/v/_data", "", 0 },
		{ { "o=uid=5,noexec", NULL },
		  0,
		  VOLUME_DATA,
		  "/store/volumes/v/_data",
		  "noexec ",
		  0 },
		{ { "o=nocopy", NULL }, 0, VOLUME_DATA, "/store/volumes/v/_data", "", 1 },
		{ { "nocopy=true", NULL }, 0, VOLUME_DATA, "/store/volumes/v/_data", "", 1 },
		{ { "type=bind", "device=/", NULL }, 0, VOLUME_BIND, "/", "", 0 },
		{ { "type=none", "o=ro,rbind", "device=/", NULL }, 0, VOLUME_BIND, "/", "ro ", 0 },
		{ { "o=bind", "device=/..", NULL }, 0, VOLUME_BIND, "/", "", 0 },
		{ { "type=tmpfs", "o=size=2m,inodes=9,uid=5", NULL },
		  0,
		  VOLUME_TMPFS,
		  "tmpfs",
		  "size=2m nr_inodes=9 uid=5 ",
		  0 },
		{ { "type=none", "device=/", NULL }, -ENOTSUP, VOLUME_DATA, NULL, NULL, 0 },
		{ { "type=ext4", "o=bind", "device=/", NULL },
		  -ENOTSUP,
		  VOLUME_DATA,
		  NULL,
		  NULL,
		  0 },
		{ { "device=/", NULL }, -ENOTSUP, VOLUME_DATA, NULL, NULL, 0 },
		{ { "o=bind", "device=tmp", NULL }, -EINVAL, VOLUME_DATA, NULL, NULL, 0 },
		{ { "o=bind", "device=/no/such", NULL }, -ENOENT, VOLUME_DATA, NULL, NULL, 0 },
	};
	char root[] = "/store";
	struct engine en = { .graphroot = root };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		scoped(volume) struct volume *v = volume_new("v", 0);
		scoped(volume_mount) struct volume_mount m = { .kind = VOLUME_DATA };
		scoped(strbuf) struct strbuf words = STRBUF_INIT;
		struct err e = { 0 };

		CHECK(v != NULL);
		CHECK_INT(volume_set_options(v, (char *const *)rows[i].opts, &e), 0);
		CHECK_INT(volume_mount_plan(&en, v, &m, &e), rows[i].result);
		if (rows[i].result < 0)
			continue;
		for (char **w = m.options; w && *w; w++)
			(void)strbuf_printf(&words, "%s ", *w);
		CHECK_INT(m.kind, rows[i].kind);
		CHECK_STR(m.source, rows[i].source);
		CHECK_STR(words.s ? words.s : "", rows[i].words);
		CHECK_INT(m.nocopy, rows[i].nocopy);
	}
}
