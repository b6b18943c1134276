/* SPDX-License-Identifier: Apache-2.0 */
#include "src/container/spec.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "src/container/attach.h"
#include "src/container/container.h"
#include "src/container/secrets.h"
#include "src/util/strbuf.h"
#include "src/util/testing.h"

typedef int (*parser)(const char *s, json_object **ret, struct err *e);

struct mount_row {
	const char *text;
	const char *type; /* NULL: refused */
	const char *source, *target, *options;
};

static void check_mounts(parser parse, const struct mount_row *t, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		scoped(json) json_object *m = NULL;
		scoped(strbuf) struct strbuf b = STRBUF_INIT;
		struct err e;
		int r;
		err_clear(&e);
		r = parse(t[i].text, &m, &e);
		if (!t[i].type) {
			if (r != -EINVAL || !e.text[0])
				TEST_FAIL("'%s': %d (%s)", t[i].text, r, e.text);
			continue;
		}
		if (r < 0) {
			TEST_FAIL("'%s': %s", t[i].text, e.text);
			continue;
		}
		for (size_t k = 0; k < json_len(json_get(m, "options")); k++)
			(void)strbuf_printf(&b, "%s%s", k ? "," : "",
					    json_str_at(json_get(m, "options"), k));
		CHECK_STR(json_get_str(m, "type"), t[i].type);
		CHECK_STR(json_get_str(m, "source"), t[i].source);
		CHECK_STR(json_get_str(m, "destination"), t[i].target);
		CHECK_STR(b.s ? b.s : "", t[i].options);
	}
}

TEST(secrets)
{
	static const struct {
		const char *text, *source, *target; /* source NULL: refused */
		int is_env;
		unsigned uid, gid, mode;
	} t[] = {
		{ "s", "s", NULL, 0, 0, 0, 0444 },
		{ "type=env", "type=env", NULL, 0, 0, 0, 0444 },
		{ "s,type=mount", "s", NULL, 0, 0, 0, 0444 },
		{ "s,target=/a/b,uid=1,GID=2,mode=0400", "s", "/a/b", 0, 1, 2, 0400 },
		{ "source=s,target=t", "s", "t", 0, 0, 0, 0444 },
		{ "s,source=x,mode=777", "x", NULL, 0, 0, 0, 0777 },
		{ "s,type=env", "s", NULL, 1, 0, 0, 0444 },
		{ "s,type=env,target=A=B", "s", "A=B", 1, 0, 0, 0444 },
		{ "s,target=", "s", NULL, 0, 0, 0, 0444 },
		{ "s,uid=4294967295", "s", NULL, 0, UINT32_MAX, 0, 0444 },
		{ .text = "" },
		{ .text = "s," },
		{ .text = "s,type" },
		{ .text = "s,type=x" },
		{ .text = "s,type=env,type=env" },
		{ .text = "s,type=env,mode=0444" },
		{ .text = "target=x,type=mount" },
		{ .text = "source=,target=x" },
		{ .text = "s,mode=8" },
		{ .text = "s,mode=" },
		{ .text = "s,mode=-1" },
		{ .text = "s,uid= 1" },
		{ .text = "s,uid=4294967296" },
		{ .text = "s,gid=root" },
		{ .text = "s,x=y" },
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		scoped(secret_use) struct secret_use u = { .source = NULL };
		struct err e;
		int r;
		err_clear(&e);
		r = secrets_parse(t[i].text, &u, &e);
		if (r < 0 && t[i].source)
			TEST_FAIL("'%s': %s", t[i].text, e.text);
		if (!t[i].source)
			CHECK_INT(r, -EINVAL);
		if (r < 0 || !t[i].source)
			continue;
		CHECK_STR(u.source, t[i].source);
		CHECK_STR(u.target ? u.target : "", t[i].target ? t[i].target : "");
		CHECK_INT(u.is_env, t[i].is_env);
		CHECK_INT(u.uid, t[i].uid);
		CHECK_INT(u.gid, t[i].gid);
		CHECK_INT(u.mode, t[i].mode);
	}
}

TEST(volumes)
{
	static const struct mount_row t[] = {
		{ "/a:/b", "bind", "/a", "/b", "rbind" },
		{ "/a:/b:ro", "bind", "/a", "/b", "ro,rbind" },
		{ "./a:/b:ro,z,rslave", "bind", "./a", "/b", "ro,rslave,rbind" },
		{ "data:/b", "volume", "data", "/b", "rbind,nosuid,nodev" },
		{ "data:/b:suid,dev,nocopy", "volume", "data", "/b", "suid,dev,rbind" },
		{ "/b", "volume", "", "/b", "rbind,nosuid,nodev" },
		{ "/a:/b/../c//d/.", "bind", "/a", "/c/d", "rbind" },
		{ "/a:/b:bind", "bind", "/a", "/b", "bind" },
		{ "", NULL, NULL, NULL, NULL },
		{ ":", NULL, NULL, NULL, NULL },
		{ "/a:", NULL, NULL, NULL, NULL },
		{ ":/b", NULL, NULL, NULL, NULL },
		{ "/a:b", NULL, NULL, NULL, NULL },
		{ "/a:/", NULL, NULL, NULL, NULL },
		{ "/a:/b/..", NULL, NULL, NULL, NULL },
		{ "/a:/b:nosuch", NULL, NULL, NULL, NULL },
		{ "/a:/b:ro:x", NULL, NULL, NULL, NULL },
		{ "/a:/b:cove.fill", NULL, NULL, NULL, NULL },
		{ "/a:/b:size=5", NULL, NULL, NULL, NULL },
		{ "../data:/b", "bind", "../data", "/b", "rbind" },
		{ "da/ta:/b", NULL, NULL, NULL, NULL },
		{ "-data:/b", NULL, NULL, NULL, NULL },
		{ "data\n:/b", NULL, NULL, NULL, NULL },
		{ "relative", NULL, NULL, NULL, NULL },
	};
	check_mounts(spec_parse_volume, t, ARRAY_LEN(t));
}

TEST(mounts)
{
	static const struct mount_row t[] = {
		{ "type=bind,src=/a,dst=/b", "bind", "/a", "/b", "rbind" },
		{ "type=bind,source=/a,target=/b,ro", "bind", "/a", "/b", "ro,rbind" },
		{ "type=bind,source=/a,destination=/b,readonly=false,bind-propagation=rshared",
		  "bind", "/a", "/b", "rw,rshared,rbind" },
		{ "type=bind,src=/a,dst=/b,bind-nonrecursive", "bind", "/a", "/b", "bind" },
		{ "src=data,dst=/b", "volume", "data", "/b", "rbind,nosuid,nodev" },
		{ "type=volume,dst=/b", "volume", "", "/b", "rbind,nosuid,nodev" },
		{ "dst=/b,type=tmpfs,tmpfs-size=5m,tmpfs-mode=1777", "tmpfs", "tmpfs", "/b",
		  "size=5m,mode=1777,nosuid,nodev,tmpcopyup" },
		{ "dst=/b,type=tmpfs,notmpcopyup", "tmpfs", "tmpfs", "/b",
		  "notmpcopyup,nosuid,nodev" },
		{ "", NULL, NULL, NULL, NULL },
		{ "type=bind,src=/a", NULL, NULL, NULL, NULL },
		{ "type=bind,dst=/b", NULL, NULL, NULL, NULL },
		{ "type=bind,src=a,dst=/b", NULL, NULL, NULL, NULL },
		{ "type=nosuch,src=/a,dst=/b", NULL, NULL, NULL, NULL },
		{ "type=volume,src=../x,dst=/b", NULL, NULL, NULL, NULL },
		{ "type=tmpfs,dst=/b,tmpfs-size=5,x", NULL, NULL, NULL, NULL },
		{ "type=tmpfs,dst=/b,tmpfs-size=", NULL, NULL, NULL, NULL },
		{ "type=tmpfs,dst=/b,tmpfs-mode=7;x", NULL, NULL, NULL, NULL },
		{ "type=bind,src=/a,dst=/b,nosuch", NULL, NULL, NULL, NULL },
		{ "type=bind,src=/a,dst=/b,nosuch=5", NULL, NULL, NULL, NULL },
		{ "type=bind,src=/a,dst=/b,bind-propagation=everywhere", NULL, NULL, NULL, NULL },
		{ "type=proc,dst=/b", NULL, NULL, NULL, NULL },
		{ "type=tmpfs,dst=/b,bind", NULL, NULL, NULL, NULL },
		{ "type=devpts,dst=/b,rbind", NULL, NULL, NULL, NULL },
		{ "type=overlay,dst=/b", NULL, NULL, NULL, NULL },
		/* What cannot be honoured is refused, not taken for something else. */
		{ "type=bind,src=/a,dst=/b,ro=maybe", NULL, NULL, NULL, NULL },
		{ "type=bind,src=/a,dst=/b,tmpfs-size=5m", NULL, NULL, NULL, NULL },
	};
	check_mounts(spec_parse_mount, t, ARRAY_LEN(t));
}

TEST(tmpfs)
{
	static const struct mount_row t[] = {
		{ "/t", "tmpfs", "tmpfs", "/t", "noexec,nosuid,nodev,tmpcopyup" },
		{ "/t:size=5m,mode=1777,exec", "tmpfs", "tmpfs", "/t",
		  "size=5m,mode=1777,exec,nosuid,nodev,tmpcopyup" },
		{ "/t:ro,notmpcopyup", "tmpfs", "tmpfs", "/t",
		  "ro,notmpcopyup,noexec,nosuid,nodev" },
		{ "t", NULL, NULL, NULL, NULL },
		{ "", NULL, NULL, NULL, NULL },
		{ "/", NULL, NULL, NULL, NULL },
		{ "/t:nosuch", NULL, NULL, NULL, NULL },
		{ "/t:usrquota", NULL, NULL, NULL, NULL },
		{ "/t:bind", NULL, NULL, NULL, NULL },
		{ "/t:rbind,size=5", NULL, NULL, NULL, NULL },
	};
	check_mounts(spec_parse_tmpfs, t, ARRAY_LEN(t));
}

TEST(publish)
{
	static const struct {
		const char *text, *all; /* "IP HOST CTR PROTO;..."; NULL: refused */
	} t[] = {
		{ "80", " 0 80 tcp;" },
		{ "8080:80", " 8080 80 tcp;" },
		{ "8080:80/udp", " 8080 80 udp;" },
		{ "127.0.0.1:8080:80", "127.0.0.1 8080 80 tcp;" },
		{ "127.0.0.1::80", "127.0.0.1 0 80 tcp;" },
		{ "[::1]:8080:80", "::1 8080 80 tcp;" },
		{ "[::1]::80", "::1 0 80 tcp;" },
		{ "8000-8001:80-81", " 8000 80 tcp; 8001 81 tcp;" },
		{ "80-81", " 0 80 tcp; 0 81 tcp;" },
		{ ":80", " 0 80 tcp;" },
		{ "65535:65535", " 65535 65535 tcp;" },
		{ "", NULL },
		{ ":", NULL },
		{ "0", NULL },
		{ "0:80", NULL },
		{ "65536", NULL },
		{ "80:", NULL },
		{ "-80", NULL },
		{ "80-", NULL },
		{ "81-80", NULL },
		{ "8000-8002:80-81", NULL },
		{ "80/sctp", NULL },
		{ "80/", NULL },
		{ "localhost:80:80", NULL },
		{ "127.0.0.1.5:80:80", NULL },
		{ "127.1:80:80", NULL },
		{ "::1:80:80", NULL },
		{ "[::1:80:80", NULL },
		{ "[::1]80:80", NULL },
		{ "[127.0.0.1]:80:80 ", NULL },
		{ "1:2:3:4", NULL },
		{ "80 ", NULL },
		{ "0x50", NULL },
	};
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		scoped(json) json_object *list = json_object_new_array();
		scoped(strbuf) struct strbuf b = STRBUF_INIT;
		struct err e;
		int r;
		err_clear(&e);
		r = spec_parse_publish(t[i].text, list, &e);
		if (!t[i].all) {
			if (r != -EINVAL || !e.text[0])
				TEST_FAIL("'%s': %d (%s)", t[i].text, r, e.text);
			continue;
		}
		for (size_t k = 0; k < json_len(list); k++) {
			json_object *o = json_object_array_get_idx(list, k);
			(void)strbuf_printf(&b, "%s %d %d %s;", json_get_str(o, "host_ip"),
					    (int)json_get_int(o, "host_port", -1),
					    (int)json_get_int(o, "container_port", -1),
					    json_get_str(o, "protocol"));
		}
		CHECK_INT(r, 0);
		CHECK_STR(b.s ? b.s : "", t[i].all);
	}
}

TEST(ulimits)
{
	static const struct {
		const char *text, *type;
		long long soft, hard;
	} t[] = {
		{ "nofile=5:6", "RLIMIT_NOFILE", 5, 6 },
		{ "nofile=5", "RLIMIT_NOFILE", 5, 5 },
		{ "core=-1", "RLIMIT_CORE", INT64_MAX, INT64_MAX },
		{ "sigpending=0:-1", "RLIMIT_SIGPENDING", 0, INT64_MAX },
		{ "nofile", NULL, 0, 0 },
		{ "nofile=", NULL, 0, 0 },
		{ "nofile=6:5", NULL, 0, 0 },
		{ "nofile=-1:5", NULL, 0, 0 },
		{ "nofile=-2", NULL, 0, 0 },
		{ "nofile=5:", NULL, 0, 0 },
		{ "nofile=5:6:7", NULL, 0, 0 },
		{ "NOFILE=5", NULL, 0, 0 },
		{ "RLIMIT_NOFILE=5", NULL, 0, 0 },
		{ "=5", NULL, 0, 0 },
		{ "", NULL, 0, 0 },
		{ "nofile=99999999999999999999", NULL, 0, 0 },
	};
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		scoped(json) json_object *o = NULL;
		struct err e;
		int r = spec_parse_ulimit(t[i].text, &o, &e);
		if (r != (t[i].type ? 0 : -EINVAL)) {
			TEST_FAIL("'%s': %d", t[i].text, r);
		} else if (r == 0) {
			CHECK_STR(json_get_str(o, "type"), t[i].type);
			CHECK_INT(json_get_int(o, "soft", -9), t[i].soft);
			CHECK_INT(json_get_int(o, "hard", -9), t[i].hard);
		}
	}
}

TEST(environment)
{
	scoped(strv) char **env = NULL;
	struct err e;

	CHECK_INT(setenv("SPEC_TEST_CALLER", "from caller", 1), 0);
	CHECK_INT(unsetenv("SPEC_TEST_MISSING"), 0);
	CHECK_INT(spec_parse_env_file("A=1\n  # no\n\n\tB=two words "
				      "\r\nSPEC_TEST_CALLER\nSPEC_TEST_MISSING\nA=3\nC==",
				      "f", &env, &e),
		  0);
	CHECK_INT(strv_len(env), 4);
	if (strv_len(env) == 4) {
		CHECK_STR(env[0], "A=3");
		CHECK_STR(env[1], "B=two words ");
		CHECK_STR(env[2], "SPEC_TEST_CALLER=from caller");
		CHECK_STR(env[3], "C==");
	}
	CHECK_INT(spec_parse_env_file("A=1\n=x\n", "the-file", &env, &e), -EINVAL);
	CHECK(strstr(e.text, "the-file line 2") != NULL);
	CHECK_INT(spec_env_set(&env, "", &e), -EINVAL);
	CHECK_INT(spec_env_set(&env, "X", &e), -EINVAL);
	CHECK_INT(spec_env_set(&env, "=x", &e), -EINVAL);
	CHECK_INT(spec_env_set(&env, "A\nB=x", &e), -EINVAL);
	CHECK_INT(spec_env_set(&env, "AA=1", &e), 0); /* not another A */
	CHECK_STR(env[0], "A=1");
	CHECK_INT(strv_len(env), 5);
}

TEST(words)
{
	static const struct {
		const char *text, *all;
	} t[] = {
		{ "", "" },
		{ "  ", "" },
		{ "a b", "a|b|" },
		{ " a\t b\n", "a|b|" },
		{ "'a b' c", "a b|c|" },
		{ "\"a b\"c", "a bc|" },
		{ "a\\ b", "a b|" },
		{ "'a\\b'", "a\\b|" },
		{ "\"a\\\"b\"", "a\"b|" },
		{ "'' \"\"", "||" },
		{ "a'b'\"c\"", "abc|" },
		{ "'a", NULL },
		{ "\"a", NULL },
		{ "a\\", NULL },
		{ "\"a\\", NULL },
		{ "$(x) `y` $z", "$(x)|`y`|$z|" },
	};
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		scoped(strv) char **v = NULL;
		scoped(strbuf) struct strbuf b = STRBUF_INIT;
		struct err e;
		int r = spec_split_words(t[i].text, &v, &e);
		if (r != (t[i].all ? 0 : -EINVAL)) {
			TEST_FAIL("'%s': %d", t[i].text, r);
			continue;
		}
		for (size_t k = 0; v && v[k]; k++)
			(void)strbuf_printf(&b, "%s|", v[k]);
		if (r == 0)
			CHECK_STR(b.s ? b.s : "", t[i].all);
	}
}

TEST(detach_keys)
{
	unsigned char k[DETACH_KEYS_MAX];

	CHECK_INT(attach_parse_keys("ctrl-p,ctrl-q", k), 2);
	CHECK_INT(k[0], 16);
	CHECK_INT(k[1], 17);
	CHECK_INT(attach_parse_keys("a,ctrl-@,ctrl-[,ctrl-_", k), 4);
	CHECK_INT(k[1], 0);
	CHECK_INT(k[2], 27);
	CHECK_INT(k[3], 31);
	CHECK_INT(attach_parse_keys("ctrl-A", k), 1);
	CHECK_INT(k[0], 1);
	CHECK_INT(attach_parse_keys("", k), 0);
	CHECK_INT(attach_parse_keys("ctrl-", k), -EINVAL);
	CHECK_INT(attach_parse_keys("ctrl-pp", k), -EINVAL);
	CHECK_INT(attach_parse_keys("ctrl-1", k), -EINVAL);
	CHECK_INT(attach_parse_keys("ab", k), -EINVAL);
	CHECK_INT(attach_parse_keys("a,,b", k), -EINVAL);
	CHECK_INT(attach_parse_keys("a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a", k), 16);
	CHECK_INT(attach_parse_keys("a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a", k), -EINVAL);
}

TEST(signals)
{
	CHECK_INT(container_signal_parse("TERM"), SIGTERM);
	CHECK_INT(container_signal_parse("sigterm"), SIGTERM);
	CHECK_INT(container_signal_parse("15"), SIGTERM);
	CHECK_INT(container_signal_parse("KILL"), SIGKILL);
	CHECK_INT(container_signal_parse("RTMIN+3"), SIGRTMIN + 3);
	CHECK_INT(container_signal_parse("SIGRTMAX-1"), SIGRTMAX - 1);
	CHECK_INT(container_signal_parse("RTMIN"), SIGRTMIN);
	CHECK_INT(container_signal_parse("RTMAX"), SIGRTMAX);
	CHECK_INT(container_signal_parse("RTMAX+1"), -EINVAL);
	CHECK_INT(container_signal_parse("RTMIN-1"), -EINVAL);
	CHECK_INT(container_signal_parse("RTMIN3"), -EINVAL);
	CHECK_INT(container_signal_parse("RTMINX"), -EINVAL);
	CHECK_INT(container_signal_parse("0"), -EINVAL);
	CHECK_INT(container_signal_parse("-9"), -EINVAL);
	CHECK_INT(container_signal_parse("65"), -EINVAL);
	CHECK_INT(container_signal_parse(""), -EINVAL);
	CHECK_INT(container_signal_parse("SIG"), -EINVAL);
	CHECK_INT(container_signal_parse("SIGSIGTERM"), -EINVAL);
	CHECK_INT(container_signal_parse("9x"), -EINVAL);
}

/* Every member survives the way to the record and back. */
TEST(spec_round)
{
	static const char text[] =
		"{\"ImageID\":\"i\",\"Args\":[\"a\",\"\"],\"Umask\":18,\"StopTimeout\":7,"
		"\"ShmSize\":5000000000,\"Init\":true,"
		"\"Mounts\":[{\"destination\":\"/"
		"x\"}],\"Ports\":[],\"Labels\":{\"k\":\"v\\u001b\"},\"LogSizeMax\":9}";
	scoped(json) json_object *o = NULL;
	scoped(json) json_object *again = NULL;
	scoped(container_spec) struct container_spec *s = NULL;
	struct err e;

	CHECK_INT(json_parse(text, strlen(text), &o, &e), 0);
	CHECK_INT(container_spec_decode(o, &s, &e), 0);
	if (!s)
		return;
	CHECK_INT(s->shm_size, 5000000000LL);
	CHECK_STR(s->args[1], "");
	again = field_encode(container_spec_fields, s);
	CHECK_STR(json_get_str(json_get(again, "Labels"), "k"), "v\033");
	CHECK_INT(json_get_int(again, "LogSizeMax", 0), 9);
	json_free(take_ptr(&o));
	CHECK_INT(json_parse("{\"Args\":5}", 10, &o, &e), 0);
	CHECK_INT(container_spec_decode(o, &s, &e), -EBADMSG);
}
