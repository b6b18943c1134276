/* SPDX-License-Identifier: Apache-2.0 */
#include "src/runtime/plan.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>

#include "src/util/json.h"
#include "src/util/strbuf.h"
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
	CHECK_INT(p->rootfs_propagation, 0);
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
		      "'linux':{'namespaces':[{'type':'mount'},{'type':'user'},{'type':'network'},{"
		      "'type':'pid','path'"
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
	CHECK_INT(p->rootfs_propagation, MS_PRIVATE | MS_REC);
	CHECK_STR(p->ns_path[NS_PID], "/proc/1/ns/pid");
	CHECK_INT(p->clone_flags, CLONE_NEWNS | CLONE_NEWUSER | CLONE_NEWNET);
	/* Neighbours stay two lines: the outer map may have a border between them. */
	CHECK_INT(p->uids.n, 2);
	CHECK_STR(p->readonly[1], "/proc/bus");
	CHECK_STR(p->sysctl[0].path, "net/ipv4/ip_forward");
	CHECK_STR(p->sysctl[0].value, "1");
}

static const struct {
	const char *config;
	int code;
} refused[] = {
	{ "{}", -EINVAL },
	{ "[]", -EINVAL },
	{ "{'process':{'args':[],'cwd':'/'},'linux':{" NAMESPACES "}}", -EINVAL },
	{ "{'process':{'args':[1],'cwd':'/'},'linux':{" NAMESPACES "}}", -EINVAL },
	{ "{'process':{'args':'true','cwd':'/'},'linux':{" NAMESPACES "}}", -EINVAL },
	{ "{'process':{'args':['a'],'cwd':'/','env':[null]},'linux':{" NAMESPACES "}}", -EINVAL },
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
	  "','capabilities':{'bounding':[5]}},'linux':{" NAMESPACES "}}",
	  -EINVAL },
	{ "{'process':{'args':['a'],'cwd':'/"
	  "','rlimits':[{'type':'RLIMIT_X','soft':1,'hard':1}]},'linux':{" NAMESPACES "}}",
	  -EINVAL },
	{ "{" PROCESS ",'linux':{'namespaces':[{'type':'mount'},{'type':'mount'}]}}", -EINVAL },
	{ "{" PROCESS ",'linux':{'namespaces':[{'type':'mount'},{'type':'mount','path':'/x'}]}}",
	  -EINVAL },
	{ "{" PROCESS ",'linux':{'namespaces':[{'type':'mount'},{}]}}", -ENOTSUP },
	{ "{" PROCESS ",'linux':{'namespaces':[{'type':'mount'},{'type':'user'}]}}", -EINVAL },
	{ "{" PROCESS ",'linux':{" NAMESPACES ",'uidMappings':[{'containerID':0,'hostID':0}]}}",
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
	{ "{" PROCESS ",'linux':{" NAMESPACES ",'sysctl':{'net.ipv4.ip_forward':'1'}}}", -EPERM },
	{ "{" PROCESS ",'linux':{" NAMESPACES ",'sysctl':{'kernel.panic':'1'}}}", -EPERM },
	{ "{" PROCESS ",'linux':{" NAMESPACES ",'timeOffsets':{'boottime':{'secs':1}}}}", -EINVAL },
	{ "{" PROCESS ",'linux':{'namespaces':[{'type':'mount'},{'type':'time'}],"
	  "'timeOffsets':{'boottime':{'nanosecs':1000000000}}}}",
	  -EINVAL },
	{ "{" PROCESS ",'linux':{" NAMESPACES ",'rootfsPropagation':'rprivat'}}", -EINVAL },
	{ "{" PROCESS ",'linux':{" NAMESPACES ",'personality':{'domain':'BSD'}}}", -EINVAL },
	{ "{" PROCESS ",'linux':{" NAMESPACES ",'personality':{'domain':'LINUX','flags':['X']}}}",
	  -ENOTSUP },
	{ "{" PROCESS ",'linux':{" NAMESPACES ",'intelRdt':{'closID':'x'}}}", -ENOTSUP },
	{ "{" PROCESS ",'linux':{" NAMESPACES ",'devices':[{'type':'c','path':'/dev/x'}]}}",
	  -EINVAL },
	{ "{" PROCESS ",'linux':{" NAMESPACES
	  ",'devices':[{'type':'x','path':'/dev/x','major':1,'minor':1}]}}",
	  -EINVAL },
	{ "{" PROCESS ",'linux':{" NAMESPACES
	  ",'devices':[{'type':'c','path':'dev/x','major':1,'minor':1}]}}",
	  -EINVAL },
	{ "{" PROCESS ",'linux':{" NAMESPACES
	  ",'seccomp':{'defaultAction':'SCMP_ACT_ALLOW','flags':['X']}}}",
	  -EINVAL },
	{ "{" PROCESS ",'linux':{" NAMESPACES
	  ",'seccomp':{'defaultAction':'SCMP_ACT_ALLOW','listenerMetadata':'x'}}}",
	  -EINVAL },
	{ "{" PROCESS ",'annotations':{'run.oci.mount_context_type':'x'},'linux':{" NAMESPACES "}}",
	  -EINVAL },
	{ "{" PROCESS ",'annotations':{'run.oci.seccomp_bpf_data':'AAAA'},'linux':{" NAMESPACES
	  "}}",
	  -EINVAL },
	{ "{" PROCESS ",'annotations':{'run.oci.handler':'krun'},'linux':{" NAMESPACES "}}",
	  -ENOTSUP },
	{ "{" PROCESS ",'annotations':{'run.oci.seccomp.plugins':'x'},'linux':{" NAMESPACES "}}",
	  -ENOTSUP },
	{ "{" PROCESS ",'annotations':{'run.oci.systemd.force_cgroup_v1':'x'},'linux':{" NAMESPACES
	  "}}",
	  -EINVAL },
	{ "{" PROCESS
	  ",'annotations':{'run.oci.timens_offset':'monotonic 1 0'},'linux':{" NAMESPACES "}}",
	  -EINVAL },
	{ "{" PROCESS
	  ",'annotations':{'run.oci.seccomp_fail_unknown_syscall':'1'},'linux':{" NAMESPACES
	  ",'seccomp':{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['mkdir','nosuch'],"
	  "'action':'SCMP_ACT_ERRNO'}]}}}",
	  -EINVAL },
	{ "{'process':{'args':['a'],'cwd':'/','rlimits':["
	  "{'type':'RLIMIT_CORE','soft':1,'hard':1},"
	  "{'type':'RLIMIT_CORE','soft':1,'hard':1}]},'linux':{" NAMESPACES "}}",
	  -EINVAL },
	{ "{'process':{'args':['a'],'cwd':'/','oomScoreAdj':1001},'linux':{" NAMESPACES "}}",
	  -EINVAL },
	{ "{'process':{'args':['a'],'cwd':'/"
	  "','scheduler':{'policy':'SCHED_X'}},'linux':{" NAMESPACES "}}",
	  -EINVAL },
	{ "{'process':{'args':['a'],'cwd':'/','scheduler':{'policy':'SCHED_FIFO',"
	  "'flags':['X']}},'linux':{" NAMESPACES "}}",
	  -EINVAL },
	{ "{'process':{'args':['a'],'cwd':'/','ioPriority':{'class':'IOPRIO_CLASS_BE',"
	  "'priority':8}},'linux':{" NAMESPACES "}}",
	  -EINVAL },
	{ "{'process':{'args':['a'],'cwd':'/"
	  "','execCPUAffinity':{'initial':'3-1'}},'linux':{" NAMESPACES "}}",
	  -EINVAL },
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
	{ "{'process':{'args':['a'],'cwd':'/','noNewPrivileges':'yes'},'linux':{" NAMESPACES "}}",
	  -EINVAL },
	{ "{'process':{'args':['a'],'cwd':'/','user':{'uid':'0'}},'linux':{" NAMESPACES "}}",
	  -EINVAL },
	{ "{'process':{'args':['a'],'cwd':'/','user':'root'},'linux':{" NAMESPACES "}}", -EINVAL },
	{ "{'process':{'args':['a'],'cwd':'/"
	  "','user':{'additionalGids':['x']}},'linux':{" NAMESPACES "}}",
	  -EINVAL },
	{ "{'process':{'args':['a'],'cwd':'/','rlimits':{}},'linux':{" NAMESPACES "}}", -EINVAL },
	{ "{'process':{'args':['a'],'cwd':'/"
	  "','rlimits':[{'type':'RLIMIT_CORE','soft':1}]},'linux':{" NAMESPACES "}}",
	  -EINVAL },
	{ "{" PROCESS ",'root':{'path':'/r','readonly':'yes'},'linux':{" NAMESPACES "}}", -EINVAL },
};

TEST(what_cannot_be_honoured_is_refused)
{
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		scoped(json) json_object *o = parse(refused[i].config);
		scoped(plan) struct plan *p = NULL;
		struct err e;
		int r;
		err_clear(&e);
		r = plan_from_config(o, &p, &e);
		if (r != refused[i].code)
			TEST_FAIL("%s: %d, not %d (%s)", refused[i].config, r, refused[i].code,
				  e.text);
		if (r < 0 && (!e.text[0] || p))
			TEST_FAIL("%s: no message, or a plan", refused[i].config);
	}
}

TEST(mounts)
{
	static const struct {
		const char *mount;
		unsigned long flags, propagation;
		const char *fstype, *data; /* fstype NULL: refused */
		int recursive;
		unsigned long rset;
	} t[] = {
		{ "{'destination':'/"
		  "a','type':'tmpfs','source':'x','options':['nosuid','nodev','size=5k','mode=755']"
		  "}",
		  MS_NOSUID | MS_NODEV, 0, "tmpfs", "size=5k,mode=755", 0, 0 },
		{ "{'destination':'/a','source':'/b','options':['rbind','ro','rslave']}",
		  MS_BIND | MS_RDONLY, MS_SLAVE | MS_REC, "bind", NULL, 1, 0 },
		{ "{'destination':'/a','source':'/"
		  "b','type':'none','options':['bind','rro','private']}",
		  MS_BIND, MS_PRIVATE, "bind", NULL, 0, MS_RDONLY },
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
		/* The first versions of the spec had relative ones. */
		{ "{'destination':'a','type':'tmpfs'}", 0, 0, "tmpfs", NULL, 0, 0 },
		{ "{'destination':'','type':'tmpfs'}", 0, 0, NULL, NULL, 0, 0 },
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
			CHECK_INT(m.rset, t[i].rset);
			if (t[i].data)
				CHECK_STR(m.data, t[i].data);
			else
				CHECK(!m.data);
		}
		plan_mount_done(&m);
	}
}

#define TIME                                                                                    \
	"'linux':{'namespaces':[{'type':'mount'},{'type':'time'}],'timeOffsets':{'boottime':{'" \
	"secs':9}}}"

TEST(time_offsets_by_annotation)
{
	static const struct {
		const char *text;
		int want, n, clock, secs, nanosecs; /* of the first */
	} rows[] = {
		{ "monotonic -5 7", 0, 1, CLOCK_MONOTONIC, -5, 7 },
		{ "boottime 5 0\\nmonotonic 1 2\\n", 0, 2, CLOCK_BOOTTIME, 5, 0 },
		{ "7 1 999999999", 0, 1, CLOCK_BOOTTIME, 1, 999999999 },
		{ "", 0, 0, 0, 0, 0 },
		{ "realtime 1 0", -EINVAL, 0, 0, 0, 0 },
		{ "monotonic 1", -EINVAL, 0, 0, 0, 0 },
		{ "monotonic 1 1000000000", -EINVAL, 0, 0, 0, 0 },
		{ "monotonic 1 0 0", -EINVAL, 0, 0, 0, 0 },
		{ "monotonic x 0", -EINVAL, 0, 0, 0, 0 },
		{ "monotonic 1 0\\nboottime 1 0\\nmonotonic 1 0", -EINVAL, 0, 0, 0, 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		scoped(mem) char *text = str_printf("{" PROCESS ",'annotations':{"
						    "'run.oci.timens_offset':'%s'}," TIME "}",
						    rows[i].text);
		scoped(json) json_object *o = parse(text);
		scoped(plan) struct plan *p = NULL;
		struct err e;

		CHECK_INT(plan_from_config(o, &p, &e), rows[i].want);
		if (!p)
			continue;
		CHECK_INT(p->n_time_offsets, rows[i].n);
		if (!rows[i].n)
			continue;
		CHECK_INT(p->time_offset[0].clock, rows[i].clock);
		CHECK_INT(p->time_offset[0].secs, rows[i].secs);
		CHECK_INT(p->time_offset[0].nanosecs, rows[i].nanosecs);
	}
}

TEST(process_of_linux)
{
	scoped(json) json_object *o =
		parse("{'process':{'args':['a'],'cwd':'/','selinuxLabel':'l',"
		      "'capabilities':{'bounding':['CAP_NOSUCH','CAP_CHOWN']},"
		      "'scheduler':{'policy':'SCHED_DEADLINE','nice':-3,'priority':4,"
		      "'flags':['SCHED_FLAG_RESET_ON_FORK','SCHED_FLAG_DL_OVERRUN'],"
		      "'runtime':10,'deadline':20,'period':18446744073709551615},"
		      "'ioPriority':{'class':'IOPRIO_CLASS_IDLE','priority':7},"
		      "'execCPUAffinity':{'initial':'0-3,7','final':''}},"
		      "'annotations':{'run.oci.keep_original_groups':'1','other':'x'},"
		      "'linux':{" NAMESPACES ",'personality':{'domain':'LINUX32'}}}");
	scoped(plan) struct plan *p = NULL;
	struct err e;

	CHECK_INT(plan_from_config(o, &p, &e), 0);
	if (!p) {
		TEST_FAIL("%s", e.text);
		return;
	}
	CHECK_STR(p->selinux, "l");
	CHECK_INT(p->caps.bounding, CAPS_BIT(CAP_CHOWN));
	CHECK_STR(p->warnings ? p->warnings[0] : "",
		  "capability 'CAP_NOSUCH' is not known and left out");
	CHECK(p->has_scheduler);
	CHECK_INT(p->scheduler.policy, 6);
	CHECK_INT(p->scheduler.nice, -3);
	CHECK_INT(p->scheduler.priority, 4);
	CHECK_INT(p->scheduler.flags, 5);
	CHECK_INT(p->scheduler.runtime, 10);
	CHECK_INT(p->scheduler.deadline, 20);
	CHECK(p->scheduler.period == UINT64_MAX);
	CHECK(p->has_io_priority);
	CHECK_INT(p->io_priority, 3 << 13 | 7);
	CHECK_STR(p->affinity_initial, "0-3,7");
	CHECK(!p->affinity_final);
	CHECK(p->keep_groups);
	CHECK(p->has_personality);
	CHECK_INT(p->personality, PER_LINUX32);
}

TEST(time_namespace)
{
	scoped(json) json_object *o = parse(
		"{" PROCESS ",'linux':{'namespaces':[{'type':'mount'},{'type':'time'}],"
		"'timeOffsets':{'monotonic':{'secs':-5,'nanosecs':7},'boottime':{'secs':9}}}}");
	scoped(plan) struct plan *p = NULL;
	struct err e;

	CHECK_INT(plan_from_config(o, &p, &e), 0);
	if (!p)
		return;
	/* clone3(2) would fix the offsets before they are written. */
	CHECK_INT(p->clone_flags, CLONE_NEWNS);
	CHECK(p->new_time);
	CHECK_INT(p->n_time_offsets, 2);
	CHECK_INT(p->time_offset[0].clock, CLOCK_MONOTONIC);
	CHECK_INT(p->time_offset[0].secs, -5);
	CHECK_INT(p->time_offset[0].nanosecs, 7);
	CHECK_INT(p->time_offset[1].clock, CLOCK_BOOTTIME);
}

TEST(devices)
{
	scoped(json) json_object *o =
		parse("{" PROCESS ",'linux':{" NAMESPACES
		      ",'devices':[{'type':'c','path':'/dev/a','major':10,'minor':229,"
		      "'fileMode':33206,'uid':3,'gid':4},{'type':'p','path':'/run/fifo'},"
		      "{'type':'u','path':'/dev/u','major':1,'minor':3}]}}");
	scoped(plan) struct plan *p = NULL;
	struct err e;

	CHECK_INT(plan_from_config(o, &p, &e), 0);
	if (!p)
		return;
	CHECK_INT(p->n_devices, 3);
	CHECK_STR(p->device[0].path, "/dev/a");
	CHECK_INT(p->device[0].type, S_IFCHR);
	CHECK_INT(p->device[0].rdev, makedev(10, 229));
	CHECK_INT(p->device[0].mode, 0666);
	CHECK_INT(p->device[0].uid, 3);
	CHECK_INT(p->device[0].gid, 4);
	CHECK_INT(p->device[1].type, S_IFIFO);
	CHECK_INT(p->device[2].type, S_IFCHR);
}

TEST(seccomp_of_the_config)
{
	scoped(json) json_object *o = parse(
		"{" PROCESS ",'linux':{" NAMESPACES
		",'seccomp':{'defaultAction':'SCMP_ACT_ALLOW','listenerPath':'/s',"
		"'flags':['SECCOMP_FILTER_FLAG_LOG','SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV'],"
		"'syscalls':[{'names':['mkdir'],'action':'SCMP_ACT_NOTIFY'}]}}}");
	scoped(json) json_object *raw =
		parse("{" PROCESS ",'annotations':{'run.oci.seccomp_bpf_data':'BgAAAAAA/38='},"
		      "'linux':{" NAMESPACES "}}");
	scoped(plan) struct plan *p = NULL;
	scoped(plan) struct plan *q = NULL;
	struct err e;

	CHECK_INT(plan_from_config(o, &p, &e), 0);
	if (!p)
		return;
	CHECK(p->seccomp_flags.notify);
	CHECK_INT(p->seccomp_flags.flags, 0x22);
	CHECK(!p->filter);
	CHECK_INT(plan_make_filter(p, -EBADF, &e), 0);
	CHECK(p->filter && p->n_filter > 0);
	CHECK_INT(plan_from_config(raw, &q, &e), 0);
	if (!q)
		return;
	CHECK_INT(q->n_filter, 1);
	CHECK_INT(q->filter[0].code, BPF_RET);
	CHECK_INT(q->filter[0].k, 0x7fff0000);
}

TEST(recursive_and_idmapped_mounts)
{
	static const struct {
		const char *mount;
		unsigned long flags, clear, rset, rclear;
		int idmap;
		size_t n_uids;
		int code;
	} t[] = {
		{ "{'destination':'/a','source':'/b','options':['rbind','rw','rnosuid','rdev',"
		  "'rnoatime','rrw']}",
		  MS_BIND, MS_RDONLY, MS_NOSUID | MS_NOATIME, MS_NODEV | MS_RDONLY, 0, 0, 0 },
		{ "{'destination':'/a','source':'/"
		  "b','options':['bind','rstrictatime','rrelatime']}",
		  MS_BIND, 0, MS_STRICTATIME | MS_RELATIME, 0, 0, 0, 0 },
		{ "{'destination':'/a','source':'/b','options':['bind','idmap']}", MS_BIND, 0, 0, 0,
		  PLAN_IDMAP_TOP, 0, 0 },
		{ "{'destination':'/a','source':'/b','options':['rbind','ridmap'],"
		  "'uidMappings':[{'containerID':0,'hostID':5,'size':9}],"
		  "'gidMappings':[{'containerID':0,'hostID':5,'size':9}]}",
		  MS_BIND, 0, 0, 0, PLAN_IDMAP_ALL, 1, 0 },
		{ "{'destination':'/a','source':'/b','options':['bind','idmap=uids=0-1-10#10-11-10;"
		  "gids=0-100-10']}",
		  MS_BIND, 0, 0, 0, PLAN_IDMAP_TOP, 2, 0 },
		{ "{'destination':'/a','source':'/b','options':['bind','idmap=uids=0-1']}", 0, 0, 0,
		  0, 0, 0, -EINVAL },
		{ "{'destination':'/a','source':'/b','options':['bind','idmap=uids=0-1-2']}", 0, 0,
		  0, 0, 0, 0, -EINVAL },
		{ "{'destination':'/a','type':'tmpfs','options':['idmap']}", 0, 0, 0, 0, 0, 0,
		  -ENOTSUP },
		{ "{'destination':'/a','source':'/b','options':['bind'],'uidMappings':[{}]}", 0, 0,
		  0, 0, 0, 0, -EINVAL },
	};
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		scoped(json) json_object *o = parse(t[i].mount);
		struct plan_mount m = { 0 };
		struct err e;
		int r;
		err_clear(&e);
		r = plan_parse_mount(o, &m, &e);
		if (r != t[i].code)
			TEST_FAIL("%s: %d %s", t[i].mount, r, e.text);
		if (r == 0) {
			CHECK_INT(m.flags, t[i].flags);
			CHECK_INT(m.clear, t[i].clear);
			CHECK_INT(m.rset, t[i].rset);
			CHECK_INT(m.rclear, t[i].rclear);
			CHECK_INT(m.idmap, t[i].idmap);
			CHECK_INT(m.uids.n, t[i].n_uids);
			CHECK(!m.data);
		}
		plan_mount_done(&m);
	}
}

TEST_MAIN
