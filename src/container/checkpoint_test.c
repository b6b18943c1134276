/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "src/container/archived.h"
#include "src/container/checkpoint_dump.h"
#include "src/util/json.h"
#include "src/util/strbuf.h"
#include "src/util/testing.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define CONFIG                                                                                    \
	"'id':'" ID "','name':'web','rootfsImageID':'aa','rootfsImageName':'localhost/a:latest'," \
	"'shmSize':1000,'createNetNS':true,'stopSignal':9,'stopTimeout':3,'user':'5:6'"
#define PROCESS                                                                          \
	"'process':{'args':['sh'],'env':['A=b'],'cwd':'/w','capabilities':{'bounding':[" \
	"'CAP_CHOWN','CAP_SYS_ADMIN']},'rlimits':[{'type':'RLIMIT_NOFILE','soft':5,'hard':6}]}"
#define SPACES "'namespaces':[{'type':'pid'},{'type':'ipc'},{'type':'network'}]"

static json_object *parse(const char *single)
{
	scoped(mem) char *text = strdup(single);
	json_object *o = NULL;
	struct err e;

	for (char *p = text; *p; p++)
		if (*p == '\'')
			*p = '"';
	CHECK_INT(json_parse(text, strlen(text), &o, &e), 0);
	return o;
}

static int try(const char *config, const char *spec, char *const *volumes, struct archived *a,
	       struct err *e)
{
	scoped(json) json_object *c = parse(config);
	scoped(json) json_object *s = parse(spec);

	memset(a, 0, sizeof(*a));
	return archived_parse(c, s, volumes, NULL, a, e);
}

static int has(char *const *list, const char *s)
{
	for (size_t i = 0; list && list[i]; i++)
		if (strcmp(list[i], s) == 0)
			return 1;
	return 0;
}

TEST(an_archived_container_becomes_options)
{
	scoped(archived) struct archived a = { 0 };
	struct err e;

	CHECK_INT(
		try("{" CONFIG ",'stdin':true,'command':['-c','true'],'labels':{'k':'v'},"
		    "'newPortMappings':[{'host_ip':'127.0.0.1','host_port':80,'container_port':90,"
		    "'range':2,'protocol':'udp'}],'namedVolumes':[{'volumeName':'v','dest':'/v',"
		    "'options':['ro','rbind']}]}",
		    "{" PROCESS ",'hostname':'h','root':{'readonly':true},'mounts':["
		    "{'destination':'/proc','type':'proc'},"
		    "{'destination':'/t','type':'tmpfs','options':['size=1k','rprivate']},"
		    "{'destination':'/v','type':'bind','source':'/x'},"
		    "{'destination':'/etc/hosts','type':'bind','source':'/x'},"
		    "{'destination':'/host','type':'none','options':['rbind'],'source':'/etc'}],"
		    "'linux':{" SPACES ",'resources':{'memory':{'limit':4096}}}}",
		    NULL, &a, &e),
		0);
	CHECK_STR(a.id, ID);
	CHECK_STR(a.name, "web");
	CHECK_STR(a.options.image, "localhost/a:latest");
	CHECK_STR(a.options.command[1], "true");
	CHECK_STR(a.options.entrypoint, "");
	CHECK_STR(a.options.network[0], "private");
	CHECK_STR(a.options.pid, "private");
	CHECK_STR(a.options.uts, "host");
	CHECK_STR(a.options.user, "5:6");
	CHECK_STR(a.options.stop_signal, "9");
	CHECK_STR(a.options.limits.memory, "4096b");
	CHECK_STR(a.options.publish[0], "127.0.0.1:80-81:90-91/udp");
	CHECK_STR(a.options.label[0], "k=v");
	CHECK_STR(a.options.ulimit[0], "nofile=5:6");
	CHECK_STR(a.options.tmpfs[0], "/t:rw,size=1k");
	CHECK_STR(a.options.volume[0], "v:/v:nocopy,ro");
	CHECK_STR(a.options.hostname, "h");
	CHECK_INT(a.options.read_only, 1);
	CHECK_INT(a.options.interactive, 1);
	CHECK_INT(has(a.options.cap_add, "CAP_SYS_ADMIN"), 1);
	CHECK_INT(has(a.options.cap_drop, "CAP_KILL"), 1);
	CHECK_INT(has(a.options.cap_drop, "CAP_CHOWN"), 0);
	CHECK_INT(has(a.options.security_opt, "seccomp=unconfined"), 1);
	CHECK_INT((int)a.n_volumes, 1);
	/* The host's directory is not taken over. */
	CHECK_INT((int)strv_len(a.binds), 1);
	CHECK_STR(a.binds[0], "/host");
}

TEST(what_is_given_stands_for_the_hosts_directories)
{
	scoped(archived) struct archived a = { 0 };
	struct err e;

	CHECK_INT(try("{" CONFIG "}",
		      "{" PROCESS
		      ",'mounts':[{'destination':'/host','type':'bind','source':'/etc'}]}",
		      (char *[]){ "/tmp:/host", NULL }, &a, &e),
		  0);
	CHECK_INT((int)strv_len(a.binds), 0);
	CHECK_STR(a.options.volume[0], "/tmp:/host");
}

TEST(archives_that_make_no_sense_are_refused)
{
	static const struct {
		const char *config, *spec;
		int want;
	} rows[] = {
		{ "[]", "{" PROCESS "}", -EBADMSG },
		{ "{}", "{" PROCESS "}", -EBADMSG },
		{ "{" CONFIG "}", "[]", -EBADMSG },
		{ "{" CONFIG "}", "{}", -EBADMSG },
		{ "{" CONFIG ",'command':1}", "{" PROCESS "}", -EBADMSG },
		{ "{'id':'../x','name':'a','rootfsImageName':'i'}", "{" PROCESS "}", -EBADMSG },
		{ "{'id':'" ID "','name':'../a','rootfsImageName':'i'}", "{" PROCESS "}",
		  -EBADMSG },
		{ "{'id':'" ID "','name':'a'}", "{" PROCESS "}", -ENOTSUP },
		{ "{" CONFIG ",'Dependencies':['x']}", "{" PROCESS "}", -ENOTSUP },
		{ "{" CONFIG "}", "{" PROCESS ",'linux':{'namespaces':[{'type':'user'}]}}",
		  -ENOTSUP },
		{ "{" CONFIG "}",
		  "{" PROCESS ",'linux':{'namespaces':[{'type':'pid','path':'/proc/1/ns/pid'}]}}",
		  -ENOTSUP },
		{ "{" CONFIG ",'namedVolumes':[{'volumeName':'../../x','dest':'/v'}]}",
		  "{" PROCESS "}", -EBADMSG },
		{ "{" CONFIG ",'namedVolumes':[{'volumeName':'v','dest':'v'}]}", "{" PROCESS "}",
		  -EBADMSG },
		{ "{" CONFIG
		  ",'newPortMappings':[{'host_port':65535,'container_port':1,'range':2}]}",
		  "{" PROCESS "}", -EBADMSG },
		{ "{" CONFIG
		  ",'newPortMappings':[{'host_port':9223372036854775807,'container_port':1}]}",
		  "{" PROCESS "}", -EBADMSG },
		{ "{" CONFIG "}", "{" PROCESS ",'mounts':[{'destination':'/d','type':'ext4'}]}",
		  -ENOTSUP },
		{ "{" CONFIG "}", "{" PROCESS ",'mounts':[{'type':'tmpfs'}]}", -EBADMSG },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		scoped(archived) struct archived a = { 0 };
		struct err e;
		CHECK_INT(try(rows[i].config, rows[i].spec, NULL, &a, &e), rows[i].want);
	}
}

TEST(what_is_written_is_read_again)
{
	struct container c = { .id = (char[]){ ID }, .name = (char[]){ "web" } };
	struct container_spec s = { .image_id = (char[]){ "aa" },
				    .image_name = (char[]){ "i" },
				    .network = (char[]){ "none" },
				    .command = (char *[]){ (char[]){ "-c" }, NULL },
				    .entrypoint = (char *[]){ (char[]){ "sh" }, NULL },
				    .stop_signal = (char[]){ "SIGINT" },
				    .stop_timeout = 7,
				    .umask = 027,
				    .shm_size = 12345 };
	scoped(json) json_object *config = checkpoint_config_dump(&c, &s);
	scoped(json) json_object *spec = parse("{" PROCESS ",'linux':{" SPACES "}}");
	scoped(archived) struct archived a = { 0 };
	struct err e;

	CHECK_INT(archived_parse(config, spec, NULL, NULL, &a, &e), 0);
	CHECK_STR(a.options.entrypoint, "[\"sh\"]");
	CHECK_STR(a.options.command[0], "-c");
	CHECK_STR(a.options.network[0], "none");
	CHECK_STR(a.options.stop_signal, "2");
	CHECK_STR(a.options.umask, "0027");
	CHECK_STR(a.options.shm_size, "12345b");
	CHECK_INT(a.options.stop_timeout, 7);
}
