/* SPDX-License-Identifier: Apache-2.0 */
#include "src/runtime/plan.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/mount.h>

#include "src/util/json.h"
#include "src/util/testing.h"

#define PROCESS	   "'process':{'args':['true'],'cwd':'/'}"
#define NAMESPACES "'namespaces':[{'type':'mount'}]"

/* Single quotes for double ones. */
static json_object *parse(const char *text)
{
	scoped(mem) char *copy = strdup(text);
	json_object *o = NULL;
	struct err e;

	for (char *p = copy; p && *p; p++)
		if (*p == '\'')
			*p = '"';
	if (!copy || json_parse(copy, strlen(copy), &o, &e) < 0)
		TEST_FAIL("not JSON: %s", text);
	return o;
}

TEST(smallest_configuration)
{
	scoped(json) json_object *o = parse("{" PROCESS ",'linux':{" NAMESPACES "}}");
	scoped(plan) struct plan *p = NULL;
	struct err e;

	CHECK_INT(plan_from_config(o, &p, &e), 0);
	if (!p)
		return;
	CHECK_INT(p->clone_flags, CLONE_NEWNS);
	CHECK_STR(p->args[0], "true");
	CHECK_INT(p->uid, 0);
	CHECK_INT(p->umask, 022);
	CHECK_INT(p->rootfs_propagation, MS_SLAVE);
	CHECK(!p->has_caps);
	CHECK(!p->no_new_privs);
}

TEST(everything_is_taken)
{
	scoped(json) json_object *o =
		parse("{'process':{'terminal':true,'consoleSize':{'height':24,'width':80},'args':['"
		      "a','b'],'env':['A=1','B='],"
		      "'cwd':'/"
		      "w','user':{'uid':5,'gid':6,'umask':63,'additionalGids':[7,8]},'"
		      "noNewPrivileges':true,"
		      "'oomScoreAdj':-5,'apparmorProfile':'prof','capabilities':{'bounding':['CAP_"
		      "CHOWN','CAP_KILL'],"
		      "'effective':['CAP_CHOWN'],'ambient':[]},"
		      "'rlimits':[{'type':'RLIMIT_NOFILE','soft':5,'hard':18446744073709551615}]},"
		      "'root':{'path':'/r','readonly':true},'hostname':'h','domainname':'d',"
		      "'mounts':[{'destination':'/"
		      "proc','type':'proc','source':'proc','options':['nosuid']}],"
		      "'linux':{'namespaces':[{'type':'mount'},{'type':'user'},{'type':'pid','path'"
		      ":'/proc/1/ns/pid'}],"
		      "'uidMappings':[{'containerID':0,'hostID':1000,'size':1},{'containerID':1,'"
		      "hostID':1001,'size':2}],"
		      "'gidMappings':[{'containerID':0,'hostID':1000,'size':1}],'rootfsPropagation'"
		      ":'rprivate',"
		      "'maskedPaths':['/proc/kcore'],'readonlyPaths':['/proc/sys','/proc/bus'],"
		      "'sysctl':{'net.ipv4.ip_forward':'1'},'unknown':{}}}");
	scoped(plan) struct plan *p = NULL;
	struct err e;

	CHECK_INT(plan_from_config(o, &p, &e), 0);
	if (!p) {
		TEST_FAIL("%s", e.text);
		return;
	}
	CHECK(p->terminal);
	CHECK_INT(p->rows, 24);
	CHECK_INT(p->columns, 80);
	CHECK_STR(p->args[1], "b");
	CHECK_STR(p->env[1], "B=");
	CHECK_STR(p->cwd, "/w");
	CHECK_INT(p->uid, 5);
	CHECK_INT(p->gid, 6);
	CHECK_INT(p->umask, 077);
	CHECK_INT(p->n_groups, 2);
	CHECK_INT(p->groups[1], 8);
	CHECK(p->no_new_privs);
	CHECK_INT(p->oom_score_adj, -5);
	CHECK_STR(p->apparmor, "prof");
	CHECK(p->has_caps);
	CHECK_INT(p->caps.bounding, CAPS_BIT(CAP_CHOWN) | CAPS_BIT(CAP_KILL));
	CHECK_INT(p->caps.effective, CAPS_BIT(CAP_CHOWN));
	CHECK_INT(p->caps.permitted, 0);
	CHECK_INT(p->rlimit[0].limit.rlim_cur, 5);
	CHECK(p->rlimit[0].limit.rlim_max == RLIM_INFINITY);
	CHECK_STR(p->rootfs, "/r");
	CHECK(p->rootfs_readonly);
	CHECK_INT(p->rootfs_propagation, MS_PRIVATE);
	CHECK_STR(p->ns_path[NS_PID], "/proc/1/ns/pid");
	CHECK_INT(p->clone_flags, CLONE_NEWNS | CLONE_NEWUSER);
	/* Neighbours stay two lines: the outer map may have a border between them. */
	CHECK_INT(p->uids.n, 2);
	CHECK_STR(p->readonly[1], "/proc/bus");
	CHECK_STR(p->sysctl[0].path, "net/ipv4/ip_forward");
	CHECK_STR(p->sysctl[0].value, "1");
}

TEST(what_cannot_be_honoured_is_refused)
{
	static const struct {
		const char *config;
		int code;
	} t[] = {
		{ "{}", -EINVAL },
		{ "[]", -EINVAL },
		{ "{" PROCESS "}", -EINVAL },
		{ "{" PROCESS ",'linux':{'namespaces':[{'type':'pid'}]}}", -EINVAL },
		{ "{'process':{'args':[],'cwd':'/'},'linux':{" NAMESPACES "}}", -EINVAL },
		{ "{'process':{'args':[1],'cwd':'/'},'linux':{" NAMESPACES "}}", -EINVAL },
		{ "{'process':{'args':'true','cwd':'/'},'linux':{" NAMESPACES "}}", -EINVAL },
		{ "{'process':{'args':['a'],'cwd':'/','env':[null]},'linux':{" NAMESPACES "}}",
		  -EINVAL },
		{ "{'process':{'args':['a']},'linux':{" NAMESPACES "}}", -EINVAL },
		{ "{'process':{'args':['a'],'cwd':'w'},'linux':{" NAMESPACES "}}", -EINVAL },
		{ "{'process':{'args':['a'],'cwd':'/','user':{'uid':-1}},'linux':{" NAMESPACES "}}",
		  -EINVAL },
		{ "{'process':{'args':['a'],'cwd':'/"
		  "','user':{'uid':4294967295}},'linux':{" NAMESPACES "}}",
		  -EINVAL },
		{ "{'process':{'args':['a'],'cwd':'/"
		  "','user':{'gid':4294967296}},'linux':{" NAMESPACES "}}",
		  -EINVAL },
		{ "{'process':{'args':['a'],'cwd':'/"
		  "','user':{'additionalGids':[-1]}},'linux':{" NAMESPACES "}}",
		  -EINVAL },
		{ "{'process':{'args':['a'],'cwd':'/"
		  "','capabilities':{'bounding':['CAP_NOSUCH']}},'linux':{" NAMESPACES "}}",
		  -EINVAL },
		{ "{'process':{'args':['a'],'cwd':'/"
		  "','capabilities':{'bounding':[5]}},'linux':{" NAMESPACES "}}",
		  -EINVAL },
		{ "{'process':{'args':['a'],'cwd':'/"
		  "','rlimits':[{'type':'RLIMIT_X','soft':1,'hard':1}]},'linux':{" NAMESPACES "}}",
		  -EINVAL },
		{ "{" PROCESS ",'linux':{'namespaces':[{'type':'mount'},{'type':'mount'}]}}",
		  -EINVAL },
		{ "{" PROCESS
		  ",'linux':{'namespaces':[{'type':'mount'},{'type':'mount','path':'/x'}]}}",
		  -EINVAL },
		{ "{" PROCESS ",'linux':{'namespaces':[{'type':'mount'},{'type':'time'}]}}",
		  -ENOTSUP },
		{ "{" PROCESS ",'linux':{'namespaces':[{'type':'mount'},{}]}}", -ENOTSUP },
		{ "{" PROCESS ",'linux':{'namespaces':[{'type':'mount'},{'type':'user'}]}}",
		  -EINVAL },
		{ "{" PROCESS ",'linux':{" NAMESPACES
		  ",'uidMappings':[{'containerID':0,'hostID':0}]}}",
		  -EINVAL },
		{ "{" PROCESS ",'linux':{" NAMESPACES
		  ",'uidMappings':[{'containerID':-1,'hostID':0,'size':1}]}}",
		  -EINVAL },
		{ "{" PROCESS ",'linux':{" NAMESPACES
		  ",'uidMappings':[{'containerID':0,'hostID':4294967295,'size':1}]}}",
		  -ERANGE },
		{ "{" PROCESS ",'linux':{" NAMESPACES
		  ",'uidMappings':[{'containerID':0,'hostID':0,'size':2},"
		  "{'containerID':1,'hostID':9,'size':1}]}}",
		  -EEXIST },
		{ "{" PROCESS ",'linux':{" NAMESPACES ",'maskedPaths':[1]}}", -EINVAL },
		{ "{" PROCESS ",'linux':{" NAMESPACES ",'sysctl':{'net.a/b':'1'}}}", -EINVAL },
		{ "{" PROCESS ",'linux':{" NAMESPACES ",'sysctl':{'net...a':'1'}}}", -EINVAL },
		{ "{" PROCESS ",'linux':{" NAMESPACES ",'sysctl':{'net.a':null}}}", -EINVAL },
		{ "{" PROCESS ",'linux':{" NAMESPACES ",'sysctl':{'net.a':5}}}", -EINVAL },
		{ "{" PROCESS ",'mounts':[{}],'linux':{" NAMESPACES "}}", -EINVAL },
		{ "{" PROCESS ",'mounts':[5],'linux':{" NAMESPACES "}}", -EINVAL },
		/* A list that is none must not be the empty list. */
		{ "{" PROCESS ",'mounts':{},'linux':{" NAMESPACES "}}", -EINVAL },
		{ "{" PROCESS ",'linux':{" NAMESPACES ",'maskedPaths':'/proc/kcore'}}", -EINVAL },
		{ "{" PROCESS ",'linux':{" NAMESPACES ",'readonlyPaths':{}}}", -EINVAL },
		{ "{" PROCESS ",'linux':{" NAMESPACES ",'sysctl':['net.a']}}", -EINVAL },
		{ "{'process':{'args':['a'],'cwd':'/"
		  "','capabilities':{'bounding':'all'}},'linux':{" NAMESPACES "}}",
		  -EINVAL },
		{ "{'process':{'args':['a'],'cwd':'/','capabilities':[]},'linux':{" NAMESPACES "}}",
		  -EINVAL },
		{ "{'process':{'args':['a'],'cwd':'/','noNewPrivileges':'yes'},'linux':{" NAMESPACES
		  "}}",
		  -EINVAL },
		{ "{'process':{'args':['a'],'cwd':'/','user':{'uid':'0'}},'linux':{" NAMESPACES
		  "}}",
		  -EINVAL },
		{ "{'process':{'args':['a'],'cwd':'/','user':'root'},'linux':{" NAMESPACES "}}",
		  -EINVAL },
		{ "{'process':{'args':['a'],'cwd':'/"
		  "','user':{'additionalGids':['x']}},'linux':{" NAMESPACES "}}",
		  -EINVAL },
		{ "{'process':{'args':['a'],'cwd':'/','rlimits':{}},'linux':{" NAMESPACES "}}",
		  -EINVAL },
		{ "{'process':{'args':['a'],'cwd':'/"
		  "','rlimits':[{'type':'RLIMIT_CORE','soft':1}]},'linux':{" NAMESPACES "}}",
		  -EINVAL },
		{ "{" PROCESS ",'root':{'path':'/r','readonly':'yes'},'linux':{" NAMESPACES "}}",
		  -EINVAL },
	};
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		scoped(json) json_object *o = parse(t[i].config);
		scoped(plan) struct plan *p = NULL;
		struct err e;
		int r;
		err_clear(&e);
		r = plan_from_config(o, &p, &e);
		if (r != t[i].code)
			TEST_FAIL("%s: %d, not %d (%s)", t[i].config, r, t[i].code, e.text);
		if (r < 0 && (!e.text[0] || p))
			TEST_FAIL("%s: no message, or a plan", t[i].config);
	}
}

TEST(mounts)
{
	static const struct {
		const char *mount;
		unsigned long flags, propagation;
		const char *fstype, *data; /* fstype NULL: refused */
		int recursive, recursive_set;
	} t[] = {
		{ "{'destination':'/"
		  "a','type':'tmpfs','source':'x','options':['nosuid','nodev','size=5k','mode=755']"
		  "}",
		  MS_NOSUID | MS_NODEV, 0, "tmpfs", "size=5k,mode=755", 0, 0 },
		{ "{'destination':'/a','source':'/b','options':['rbind','ro','rslave']}",
		  MS_BIND | MS_RDONLY, MS_SLAVE | MS_REC, "bind", NULL, 1, 0 },
		{ "{'destination':'/a','source':'/"
		  "b','type':'none','options':['bind','rro','private']}",
		  MS_BIND | MS_RDONLY, MS_PRIVATE, "bind", NULL, 0, 1 },
		/* The last word counts. */
		{ "{'destination':'/a','source':'/"
		  "b','type':'bind','options':['ro','rw','nosuid','suid']}",
		  0, 0, "bind", NULL, 0, 0 },
		{ "{'destination':'/a','source':'/"
		  "b','type':'bind','options':['rw','ro','shared','slave']}",
		  MS_RDONLY, MS_SLAVE, "bind", NULL, 0, 0 },
		{ "{'destination':'/"
		  "a','type':'proc','options':['defaults','noexec','strictatime']}",
		  MS_NOEXEC | MS_STRICTATIME, 0, "proc", NULL, 0, 0 },
		{ "{'destination':'a','type':'tmpfs'}", 0, 0, NULL, NULL, 0, 0 },
		{ "{'type':'tmpfs'}", 0, 0, NULL, NULL, 0, 0 },
		{ "{'destination':'/a'}", 0, 0, NULL, NULL, 0, 0 },
		{ "{'destination':'/a','type':'bind'}", 0, 0, NULL, NULL, 0, 0 },
		{ "{'destination':'/a','type':'tmpfs','options':[7]}", 0, 0, NULL, NULL, 0, 0 },
		{ "{'destination':'/a','type':'tmpfs','options':'ro'}", 0, 0, NULL, NULL, 0, 0 },
	};
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		scoped(json) json_object *o = parse(t[i].mount);
		struct plan_mount m = { 0 };
		struct err e;
		int r;
		err_clear(&e);
		r = plan_parse_mount(o, &m, &e);
		if (r != (t[i].fstype ? 0 : -EINVAL)) {
			TEST_FAIL("%s: %d", t[i].mount, r);
		} else if (r == 0) {
			CHECK_INT(m.flags, t[i].flags);
			CHECK_INT(m.propagation, t[i].propagation);
			CHECK_STR(m.fstype, t[i].fstype);
			CHECK_INT(m.recursive, t[i].recursive);
			CHECK_INT(m.recursive_set, t[i].recursive_set);
			if (t[i].data)
				CHECK_STR(m.data, t[i].data);
			else
				CHECK(!m.data);
		}
		plan_mount_done(&m);
	}
}

TEST_MAIN
