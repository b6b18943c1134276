/* SPDX-License-Identifier: Apache-2.0 */
/* Times several commands in turn, A B C A B C ..., so that all of them meet the same weather.
 *
 *	runner [-n RUNS] [-w WARMUPS] [-t FILE] [-p SCRIPT] [-m] [-v] -- LABEL COMMAND... [-- LABEL
 *COMMAND...]...
 *
 * Prints for each its median, minimum and 90th percentile in ms, the CPU time, the peak memory, and
 *the ratio of its median to the first one's. -t  append "LABEL median minimum p90 cpu memory
 *failures", tab-separated, to FILE -p  SCRIPT for sh before each run, not timed -m  measure memory:
 *the sum over all processes the command started, looked at every 10 ms -v  let the commands speak
 *
 * Wall time is from fork to the command's end.  CPU time is that of everything the command started:
 *it is read from the cgroup where the environment names one in BENCH_CGROUP (so that what detaches
 *counts, too; the runner waits a moment for it), else from wait4(2).  Before each run the runner
 *waits, for a while, until nothing else is runnable.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PROCESSES_MAX 8192
#define COMMANDS_MAX  32
#define QUIET_MS      400 /* to wait for a quiet moment */
#define SETTLE_MS     200 /* to wait for what detached, before its CPU time is read */
#define LOOK_MS	      10

struct command {
	const char *label;
	char **argv;
	double *wall, *cpu, *memory; /* ms, ms, KiB */
	int runs, failures;
};

struct bench {
	struct command list[COMMANDS_MAX];
	int count, runs, warmups, measure_memory, verbose;
	const char *table, *before, *cgroup;
	int null;
};

static void die(const char *what)
{
	(void)fprintf(stderr, "runner: %s: %s\n", what, strerror(errno));
	exit(2);
}

static double now_ms(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void sleep_ms(long ms)
{
	const struct timespec t = { ms / 1000, ms % 1000 * 1000000 };
	(void)nanosleep(&t, NULL);
}

static double timeval_ms(struct timeval t)
{
	return (double)t.tv_sec * 1e3 + (double)t.tv_usec / 1e3;
}

static double usage_ms(int who)
{
	struct rusage u;
	(void)getrusage(who, &u);
	return timeval_ms(u.ru_utime) + timeval_ms(u.ru_stime);
}

/* The beginning of a small file; "" when it cannot be read. */
static const char *slurp(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, size - 1);
	if (fd >= 0)
		(void)close(fd);
	buf[n > 0 ? n : 0] = '\0';
	return buf;
}

/* The number behind NAME at the start of a line. */
static double number_after(const char *text, const char *name)
{
	size_t n = strlen(name);
	for (const char *line = text; line && *line;
	     line = strchr(line, '\n'), line += line != NULL)
		if (strncmp(line, name, n) == 0)
			return strtod(line + n, NULL);
	return -1;
}

/* ---- what a run costs ----------------------------------------------------------------------- */

static double cpu_ms(const struct bench *b)
{
	char path[4200], text[1024];
	double usec = -1;

	if (b->cgroup) {
		(void)snprintf(path, sizeof(path), "%s/cpu.stat", b->cgroup);
		usec = number_after(slurp(path, text, sizeof(text)), "usage_usec ");
	}
	/* What the runner itself does, looking and waiting, is in the same cgroup. */
	return usec < 0 ? usage_ms(RUSAGE_CHILDREN) : usec / 1e3 - usage_ms(RUSAGE_SELF);
}

struct process {
	int pid, parent;
};

/* All processes and their parents, from /proc/PID/stat (proc_pid_stat(5)). */
static size_t processes(struct process *list, size_t max)
{
	char path[300], text[512];
	struct dirent *d;
	size_t n = 0;
	DIR *proc = opendir("/proc");

	while (proc && n < max && (d = readdir(proc))) {
		const char *end;
		if (d->d_name[0] < '1' || d->d_name[0] > '9')
			continue;
		(void)snprintf(path, sizeof(path), "/proc/%s/stat", d->d_name);
		end = strrchr(slurp(path, text, sizeof(text)),
			      ')'); /* names may contain anything */
		if (!end || strlen(end) < 5)
			continue;
		list[n].pid = (int)strtol(d->d_name, NULL, 10);
		list[n++].parent = (int)strtol(end + 4, NULL, 10);
	}
	if (proc)
		(void)closedir(proc);
	return n;
}

/* Proportional where it may be read, else resident. */
static double memory_of(int pid)
{
	char path[64], text[4096];
	double kib;

	(void)snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pid);
	kib = number_after(slurp(path, text, sizeof(text)), "Pss:");
	if (kib >= 0)
		return kib;
	(void)snprintf(path, sizeof(path), "/proc/%d/status", pid);
	kib = number_after(slurp(path, text, sizeof(text)), "VmRSS:");
	return kib < 0 ? 0 : kib;
}

/* The sum over everybody below this process: who loses its parent becomes our child
 * (PR_SET_CHILD_SUBREAPER). */
static double memory_below(void)
{
	struct process *list = calloc(PROCESSES_MAX, sizeof(*list));
	size_t n = list ? processes(list, PROCESSES_MAX) : 0;
	int own = (int)getpid();
	double sum = 0;

	for (size_t i = 0; i < n; i++) {
		int up = list[i].parent;
		for (size_t k = 0; up != own && up > 1 && k < n; k++)
			if (list[k].pid == up) {
				up = list[k].parent;
				k = (size_t)-1;
			}
		if (up == own)
			sum += memory_of(list[i].pid);
	}
	free(list);
	return sum;
}

/* ---- running -------------------------------------------------------------------------------- */

static pid_t start(const struct bench *b, char **argv)
{
	posix_spawn_file_actions_t files;
	pid_t pid = -1;

	(void)posix_spawn_file_actions_init(&files);
	(void)posix_spawn_file_actions_adddup2(&files, b->null, 0);
	for (int fd = 1; fd <= 2 && !b->verbose; fd++)
		(void)posix_spawn_file_actions_adddup2(&files, b->null, fd);
	errno = posix_spawnp(&pid, argv[0], &files, NULL, argv, environ);
	(void)posix_spawn_file_actions_destroy(&files);
	if (errno)
		die(argv[0]);
	return pid;
}

static void run_script(const struct bench *b, const char *script)
{
	char *argv[] = { "sh", "-c", (char *)script, NULL };
	pid_t pid = start(b, argv);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

/* Until /proc/loadavg shows nobody else running in three looks. */
static void wait_quiet(void)
{
	char text[128];
	double end = now_ms() + QUIET_MS;

	for (int quiet = 0; quiet < 3 && now_ms() < end; sleep_ms(3)) {
		const char *p = slurp("/proc/loadavg", text, sizeof(text));
		for (int i = 0; i < 3 && p; i++)
			p = strchr(p + (i > 0), ' ');
		quiet = p && strtol(p, NULL, 10) <= 1 ? quiet + 1 : 0;
	}
}

/* Until all that the command left has ended, or some time has passed. */
static void settle(void)
{
	double end = now_ms() + SETTLE_MS;
	for (;;) {
		pid_t pid = waitpid(-1, NULL, WNOHANG);
		if (pid > 0)
			continue;
		if (pid < 0 || now_ms() > end)
			return;
		sleep_ms(2);
	}
}

/* Wait for PID; the peak of what was seen meanwhile, or what the kernel says of the largest
 * process. */
static double await(const struct bench *b, pid_t pid, int *status)
{
	double peak = 0;
	struct rusage usage = { 0 };

	while (b->measure_memory && wait4(pid, status, WNOHANG, &usage) == 0) {
		double sum = memory_below();
		peak = sum > peak ? sum : peak;
		sleep_ms(LOOK_MS);
	}
	while (!b->measure_memory && wait4(pid, status, 0, &usage) < 0 && errno == EINTR)
		;
	return b->measure_memory ? peak : (double)usage.ru_maxrss;
}

static void run_once(const struct bench *b, struct command *c, int counts)
{
	double cpu, begin, wall, memory;
	int status = -1;

	if (b->before)
		run_script(b, b->before);
	wait_quiet();
	cpu = cpu_ms(b);
	begin = now_ms();
	memory = await(b, start(b, c->argv), &status);
	wall = now_ms() - begin;
	settle();
	cpu = cpu_ms(b) - cpu;
	if (status != 0)
		c->failures++;
	if (!counts || status != 0)
		return;
	c->wall[c->runs] = wall;
	c->cpu[c->runs] = cpu;
	c->memory[c->runs++] = memory;
}

/* ---- telling -------------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* Of sorted values, between neighbours where it falls between them. */
static double quantile(double *v, int n, double q)
{
	double at = q * (n - 1);
	int i = (int)at;
	if (n == 0)
		return 0;
	qsort(v, (size_t)n, sizeof(*v), compare);
	return i + 1 < n ? v[i] + (v[i + 1] - v[i]) * (at - i) : v[i];
}

static void report(struct bench *b)
{
	FILE *table = b->table ? fopen(b->table, "ae") : NULL;
	double base = quantile(b->list[0].wall, b->list[0].runs, .5);

	if (b->table && !table)
		die(b->table);
	(void)printf("%-28s %4s %9s %9s %9s %9s %9s %7s\n", "", "runs", "median ms", "min", "p90",
		     "cpu ms", "KiB", "ratio");
	for (int i = 0; i < b->count; i++) {
		struct command *c = &b->list[i];
		double median = quantile(c->wall, c->runs, .5),
		       least = quantile(c->wall, c->runs, 0);
		double p90 = quantile(c->wall, c->runs, .9), cpu = quantile(c->cpu, c->runs, .5);
		double memory = quantile(c->memory, c->runs, .5);
		(void)printf("%-28s %4d %9.2f %9.2f %9.2f %9.2f %9.0f %7.2f", c->label, c->runs,
			     median, least, p90, cpu, memory, base > 0 ? median / base : 0);
		(void)(c->failures ? printf("  %d failed\n", c->failures) : printf("\n"));
		if (table)
			(void)fprintf(table, "%s\t%.3f\t%.3f\t%.3f\t%.3f\t%.0f\t%d\n", c->label,
				      median, least, p90, cpu, memory, c->failures);
	}
	if (table && fclose(table) != 0)
		die(b->table);
}

/* The words behind the options: LABEL COMMAND..., with a "--" between two of them. */
static void parse_commands(struct bench *b, char **word)
{
	size_t runs = (size_t)(b->runs > 0 ? b->runs : 1);

	while (*word && b->count < COMMANDS_MAX) {
		struct command *c = &b->list[b->count++];
		c->label = *word++;
		c->argv = word;
		while (*word && strcmp(*word, "--") != 0)
			word++;
		if (c->argv == word) {
			errno = EINVAL;
			die(c->label);
		}
		if (*word)
			*word++ = NULL;
		c->wall = calloc(runs, sizeof(double));
		c->cpu = calloc(runs, sizeof(double));
		c->memory = calloc(runs, sizeof(double));
		if (!c->wall || !c->cpu || !c->memory)
			die(c->label);
	}
}

int main(int argc, char **argv)
{
	struct bench b = { .runs = 15, .warmups = 1, .cgroup = getenv("BENCH_CGROUP") };
	int o;

	while ((o = getopt(argc, argv, "+n:w:t:p:mv")) != -1)
		switch (o) {
		case 'n':
			b.runs = (int)strtol(optarg, NULL, 10);
			break;
		case 'w':
			b.warmups = (int)strtol(optarg, NULL, 10);
			break;
		case 't':
			b.table = optarg;
			break;
		case 'p':
			b.before = optarg;
			break;
		case 'm':
			b.measure_memory = 1;
			break;
		case 'v':
			b.verbose = 1;
			break;
		default:
			return 2;
		}
	parse_commands(&b, argv + optind);
	if (b.count == 0) {
		(void)fprintf(
			stderr,
			"usage: runner [-n RUNS] [-w WARMUPS] [-t FILE] [-p SCRIPT] [-m] [-v] -- "
			"LABEL COMMAND... [-- LABEL COMMAND...]...\n");
		return 2;
	}
	if (b.cgroup && !*b.cgroup)
		b.cgroup = NULL;
	b.null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (b.null < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		die("start");
	for (int run = -b.warmups; run < b.runs; run++)
		for (int i = 0; i < b.count; i++)
			run_once(&b, &b.list[i], run >= 0);
	report(&b);
	return 0;
}
