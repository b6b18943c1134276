/* SPDX-License-Identifier: Apache-2.0 */
/* The processes of a container, read from the host's /proc: everything whose pid namespace is the
 * container's. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "src/container/record.h"
#include "src/runtime/user.h"
#include "src/util/fd.h"
#include "src/util/names.h"
#include "src/util/path.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"
#include "userns/idmap.h"

struct process {
	pid_t host_pid;
	int pid, ppid, host_ppid, tty, nice, pgid;
	unsigned uid, gid, host_uid;
	char state;
	unsigned long long utime, stime, start;
	unsigned long long vsz, rss;
	char comm[64];
	char *args; /* owned */
};

struct top {
	struct process *p;
	size_t n;
	double uptime;
	long hz;
	struct idmap uids; /* of the container, seen from here */
	char *passwd;	   /* its file, for names */
};

static int read_proc(pid_t pid, const char *file, char **ret, size_t *ret_n)
{
	char path[64];
	struct err ignored;
	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	return path_read(AT_FDCWD, path, 1U << 20, ret, ret_n, &ignored);
}

/* The innermost number of a "NSpid:\t100\t5\t1" line is the container's. */
static int last_number(const char *status, const char *key)
{
	const char *p = strstr(status, key), *nl = p ? strchr(p, '\n') : NULL;
	if (!nl)
		return 0;
	while (nl > p && isdigit((unsigned char)nl[-1]))
		nl--;
	return (int)strtol(nl, NULL, 10);
}

static long status_number(const char *status, const char *key)
{
	const char *p = strstr(status, key);
	return p ? strtol(p + strlen(key), NULL, 10) : 0;
}

/* What stands behind the state in /proc/PID/stat (proc(5), field 4 and on). */
enum {
	STAT_PPID,
	STAT_PGRP,
	STAT_TTY = 3,
	STAT_UTIME = 10,
	STAT_STIME,
	STAT_NICE = 15,
	STAT_START = 18,
	STAT_FIELDS
};

static int parse_stat(struct process *x, const char *stat)
{
	const char *p = strrchr(stat, ')'); /* a name may hold anything, also this */
	long long v[STAT_FIELDS];

	if (!p || p[1] != ' ' || !p[2])
		return -ESRCH;
	x->state = p[2];
	p += 3;
	for (int i = 0; i < STAT_FIELDS; i++) {
		char *end;
		v[i] = strtoll(p, &end, 10);
		if (end == p)
			return -ESRCH;
		p = end;
	}
	x->host_ppid = (int)v[STAT_PPID];
	x->pgid = (int)v[STAT_PGRP];
	x->tty = (int)v[STAT_TTY];
	x->utime = (unsigned long long)v[STAT_UTIME];
	x->stime = (unsigned long long)v[STAT_STIME];
	x->nice = (int)v[STAT_NICE];
	x->start = (unsigned long long)v[STAT_START];
	return 0;
}

static int load(struct process *x, pid_t pid)
{
	scoped(mem) char *stat = NULL;
	scoped(mem) char *status = NULL;
	scoped(mem) char *args = NULL;
	size_t n = 0;

	memset(x, 0, sizeof(*x));
	if (read_proc(pid, "stat", &stat, NULL) < 0 || read_proc(pid, "status", &status, NULL) < 0)
		return -ESRCH;
	if (parse_stat(x, stat) < 0)
		return -ESRCH;
	x->host_pid = pid;
	x->pid = last_number(status, "NSpid:");
	x->host_uid = (unsigned)status_number(status, "\nUid:");
	x->gid = (unsigned)status_number(status, "\nGid:");
	x->vsz = (unsigned long long)status_number(status, "\nVmSize:");
	x->rss = (unsigned long long)status_number(status, "\nVmRSS:");
	(void)snprintf(x->comm, sizeof(x->comm), "%.*s", (int)strcspn(status + 6, "\n"),
		       status + 6);
	if (read_proc(pid, "cmdline", &args, &n) == 0 && n > 0) {
		for (size_t i = 0; i + 1 < n; i++)
			if (!args[i])
				args[i] = ' ';
		x->args = take_ptr(&args);
	} else {
		x->args = str_printf("[%s]", x->comm);
	}
	return 0;
}

static int collect(struct top *t, pid_t init)
{
	scoped(dir) DIR *d = opendir("/proc");
	char path[64];
	struct stat want, st;

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/pid", (int)init);
	if (!d || stat(path, &want) < 0)
		return -errno;
	for (struct dirent *de; (de = readdir(d));) {
		pid_t pid = (pid_t)strtol(de->d_name, NULL, 10);
		struct process *more;
		if (pid <= 0)
			continue;
		(void)snprintf(path, sizeof(path), "/proc/%d/ns/pid", (int)pid);
		if (stat(path, &st) < 0 || st.st_ino != want.st_ino || st.st_dev != want.st_dev)
			continue;
		more = realloc(t->p, (t->n + 1) * sizeof(*more));
		if (!more)
			return -ENOMEM;
		t->p = more;
		if (load(&t->p[t->n], pid) == 0)
			t->n++;
	}
	return 0;
}

static int by_pid(const void *a, const void *b)
{
	return ((const struct process *)a)->pid - ((const struct process *)b)->pid;
}

static unsigned inside(const struct idmap *m, unsigned outside)
{
	for (size_t i = 0; i < m->n; i++)
		if (outside >= m->extent[i].outside &&
		    outside - m->extent[i].outside < m->extent[i].count)
			return m->extent[i].inside + (outside - m->extent[i].outside);
	return outside;
}

/* ---- columns -------------------------------------------------------------------------------- */

static void duration(struct strbuf *b, long long s)
{
	if (s >= 3600)
		(void)strbuf_printf(b, "%lldh", s / 3600);
	if (s >= 60)
		(void)strbuf_printf(b, "%lldm", s / 60 % 60);
	(void)strbuf_printf(b, "%llds", s % 60);
}

static double elapsed(const struct top *t, const struct process *x)
{
	double s = t->uptime - (double)x->start / (double)t->hz;
	return s > 0 ? s : 0;
}

static void column_user(const struct top *t, const struct process *x, struct strbuf *b)
{
	struct user u;
	struct err ignored;
	char id[16];
	(void)snprintf(id, sizeof(id), "%u", inside(&t->uids, x->host_uid));
	if (t->passwd && user_resolve_text(t->passwd, "", id, NULL, &u, &ignored) == 0 && u.name[0])
		(void)name_escape(b, u.name);
	else
		(void)strbuf_puts(b, id);
}

static void column_pid(const struct top *t, const struct process *x, struct strbuf *b)
{
	(void)t;
	(void)strbuf_printf(b, "%d", x->pid);
}

static void column_ppid(const struct top *t, const struct process *x, struct strbuf *b)
{
	int ppid = 0;
	for (size_t i = 0; i < t->n; i++)
		if (t->p[i].host_pid == x->host_ppid)
			ppid = t->p[i].pid;
	(void)strbuf_printf(b, "%d", ppid);
}

static void column_hpid(const struct top *t, const struct process *x, struct strbuf *b)
{
	(void)t;
	(void)strbuf_printf(b, "%d", (int)x->host_pid);
}

static void column_huser(const struct top *t, const struct process *x, struct strbuf *b)
{
	(void)t;
	(void)strbuf_printf(b, "%u", x->host_uid);
}

static void column_pcpu(const struct top *t, const struct process *x, struct strbuf *b)
{
	double e = elapsed(t, x), used = (double)(x->utime + x->stime) / (double)t->hz;
	(void)strbuf_printf(b, "%.3f", e > 0 ? 100 * used / e : 0);
}

static void column_elapsed(const struct top *t, const struct process *x, struct strbuf *b)
{
	(void)strbuf_printf(b, "%.9gs", elapsed(t, x));
}

static void column_tty(const struct top *t, const struct process *x, struct strbuf *b)
{
	unsigned d = (unsigned)x->tty;
	(void)t;
	if (major(d) >= 136 && major(d) <= 143) /* the pty slaves of Linux */
		(void)strbuf_printf(b, "pts/%u", minor(d) + 256 * (major(d) - 136));
	else
		(void)strbuf_putc(b, '?');
}

static void column_time(const struct top *t, const struct process *x, struct strbuf *b)
{
	duration(b, (long long)(x->utime + x->stime) / t->hz);
}

static void column_args(const struct top *t, const struct process *x, struct strbuf *b)
{
	(void)t;
	(void)name_escape(b, x->args ? x->args : "");
}

static void column_comm(const struct top *t, const struct process *x, struct strbuf *b)
{
	(void)t;
	(void)name_escape(b, x->comm);
}

static void column_state(const struct top *t, const struct process *x, struct strbuf *b)
{
	(void)t;
	(void)strbuf_putc(b, x->state);
}

static void column_nice(const struct top *t, const struct process *x, struct strbuf *b)
{
	(void)t;
	(void)strbuf_printf(b, "%d", x->nice);
}

static void column_pgid(const struct top *t, const struct process *x, struct strbuf *b)
{
	(void)t;
	(void)strbuf_printf(b, "%d", x->pgid);
}

static void column_vsz(const struct top *t, const struct process *x, struct strbuf *b)
{
	(void)t;
	(void)strbuf_printf(b, "%llu", x->vsz);
}

static void column_rss(const struct top *t, const struct process *x, struct strbuf *b)
{
	(void)t;
	(void)strbuf_printf(b, "%llu", x->rss);
}

static const struct {
	const char *name, *header;
	void (*write)(const struct top *t, const struct process *x, struct strbuf *b);
} columns[] = {
	{ "user", "USER", column_user },	{ "pid", "PID", column_pid },
	{ "ppid", "PPID", column_ppid },	{ "pcpu", "%CPU", column_pcpu },
	{ "etime", "ELAPSED", column_elapsed }, { "tty", "TTY", column_tty },
	{ "time", "TIME", column_time },	{ "args", "COMMAND", column_args },
	{ "comm", "COMMAND", column_comm },	{ "hpid", "HPID", column_hpid },
	{ "huser", "HUSER", column_huser },	{ "state", "STATE", column_state },
	{ "nice", "NI", column_nice },		{ "pgid", "PGID", column_pgid },
	{ "vsz", "VSZ", column_vsz },		{ "rss", "RSS", column_rss },
};
#define DEFAULT_COLUMNS 8

static json_object *row(const struct top *t, const struct process *x, const size_t *pick, size_t n)
{
	json_object *r = json_object_new_array();
	for (size_t i = 0; i < n; i++) {
		scoped(strbuf) struct strbuf b = STRBUF_INIT;
		if (x)
			columns[pick[i]].write(t, x, &b);
		else
			(void)strbuf_puts(&b, columns[pick[i]].header);
		(void)json_object_array_add(r, json_object_new_string(b.s ? b.s : ""));
	}
	return r;
}

static int choose(char *const *format, size_t pick[ARRAY_LEN(columns)], size_t *ret_n,
		  struct err *e)
{
	size_t n = 0, k;
	for (size_t i = 0; format && format[i]; i++) {
		for (k = 0; k < ARRAY_LEN(columns); k++)
			if (strcmp(columns[k].name, format[i]) == 0)
				break;
		if (k == ARRAY_LEN(columns))
			return err_set(e, -EINVAL, "unknown descriptor: %s", format[i]);
		if (n == ARRAY_LEN(columns))
			return err_set(e, -EINVAL, "too many descriptors");
		pick[n++] = k;
	}
	for (k = 0; !n && k < DEFAULT_COLUMNS; k++)
		pick[k] = k;
	*ret_n = n ? n : DEFAULT_COLUMNS;
	return 0;
}

static void read_passwd(struct top *t, pid_t pid)
{
	char path[64];
	scoped(fd) int root = -EBADF;
	scoped(fd) int fd = -EBADF;
	scoped(strbuf) struct strbuf b = STRBUF_INIT;
	struct stat st;

	(void)snprintf(path, sizeof(path), "/proc/%d/root", (int)pid);
	root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	fd = root < 0 ? -EBADF : path_open_in(root, "/etc/passwd", O_RDONLY | O_NONBLOCK, 0);
	strbuf_init(&b, USER_FILE_MAX);
	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && fd_read_all(fd, &b) == 0)
		t->passwd = strbuf_take(&b);
}

int container_top(struct engine *en, const char *ref, char *const *format, json_object **ret,
		  struct err *e)
{
	scoped(container) struct container *c = NULL;
	scoped(mem) char *uptime = NULL;
	struct top t = { .hz = sysconf(_SC_CLK_TCK) };
	struct err ignored;
	size_t pick[ARRAY_LEN(columns)], n = 0;
	json_object *list;
	int r = container_find(en, ref, &c, e);

	if (r < 0)
		return r;
	if (c->state != CONTAINER_RUNNING || c->pid <= 0)
		return err_set(e, -EINVAL, "top can only be used on running containers");
	r = choose(format, pick, &n, e);
	if (r == 0)
		r = collect(&t, c->pid);
	if (r < 0)
		return e->code ? e->code
			       : err_errno(e, r, "read the processes of container %s", ref);
	if (path_read(AT_FDCWD, "/proc/uptime", 64, &uptime, NULL, &ignored) == 0)
		t.uptime = strtod(uptime, NULL);
	(void)idmap_read(c->pid, "uid_map", &t.uids,
			 &ignored); /* without it the numbers are the host's */
	read_passwd(&t, c->pid);
	qsort(t.p, t.n, sizeof(*t.p), by_pid);
	list = json_object_new_array();
	(void)json_object_array_add(list, row(&t, NULL, pick, n));
	for (size_t i = 0; i < t.n; i++) {
		(void)json_object_array_add(list, row(&t, &t.p[i], pick, n));
		free(t.p[i].args);
	}
	free(t.p);
	free(t.passwd);
	idmap_done(&t.uids);
	*ret = list;
	return 0;
}
