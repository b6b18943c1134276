/* SPDX-License-Identifier: Apache-2.0 */
#include "src/runtime/seccomp.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "src/runtime/seccomp_profile.h"
#include "src/util/fd.h"
#include "src/util/json.h"
#include "src/util/path.h"
#include "src/util/scoped.h"

static void filter_release(scmp_filter_ctx c)
{
	if (c)
		seccomp_release(c);
}
DEFINE_SCOPED(filter, scmp_filter_ctx, filter_release);

#define CACHE_MAGIC   "COVEBPF2"
#define PROGRAM_MAX   4096 /* BPF_MAXINSNS */
#define ERRNO_DEFAULT 1	   /* EPERM: what the dialect means when no number is given */

/* ---- reading the dialect --------------------------------------------------------------------- */

static const struct {
	const char *name;
	uint32_t action;
	int takes_errno;
} actions[] = {
	{ "SCMP_ACT_ALLOW", SCMP_ACT_ALLOW, 0 },
	{ "SCMP_ACT_ERRNO", SCMP_ACT_ERRNO(0), 1 },
	{ "SCMP_ACT_KILL", SCMP_ACT_KILL, 0 },
	{ "SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD, 0 },
	{ "SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS, 0 },
	{ "SCMP_ACT_TRAP", SCMP_ACT_TRAP, 0 },
	{ "SCMP_ACT_TRACE", SCMP_ACT_TRACE(0), 1 },
	{ "SCMP_ACT_LOG", SCMP_ACT_LOG, 0 },
	{ "SCMP_ACT_NOTIFY", SCMP_ACT_NOTIFY, 0 },
};

const char *seccomp_action(size_t i)
{
	return i < ARRAY_LEN(actions) ? actions[i].name : NULL;
}

static const struct {
	const char *name;
	enum scmp_compare op;
} compares[] = {
	{ "SCMP_CMP_NE", SCMP_CMP_NE },
	{ "SCMP_CMP_LT", SCMP_CMP_LT },
	{ "SCMP_CMP_LE", SCMP_CMP_LE },
	{ "SCMP_CMP_EQ", SCMP_CMP_EQ },
	{ "SCMP_CMP_GE", SCMP_CMP_GE },
	{ "SCMP_CMP_GT", SCMP_CMP_GT },
	{ "SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ },
};

/* Architectures as "arches" of includes and excludes spell them. */
const char *seccomp_operator(size_t i)
{
	return i < ARRAY_LEN(compares) ? compares[i].name : NULL;
}

static const struct {
	const char *name;
	uint32_t arch;
} arch_names[] = {
	{ "amd64", SCMP_ARCH_X86_64 },	  { "x86", SCMP_ARCH_X86 },
	{ "x32", SCMP_ARCH_X32 },	  { "arm64", SCMP_ARCH_AARCH64 },
	{ "arm", SCMP_ARCH_ARM },	  { "ppc64le", SCMP_ARCH_PPC64LE },
	{ "s390", SCMP_ARCH_S390 },	  { "s390x", SCMP_ARCH_S390X },
	{ "riscv64", SCMP_ARCH_RISCV64 }, { "mips64le", SCMP_ARCH_MIPSEL64 },
	{ "ppc64", SCMP_ARCH_PPC64 },
};

static int parse_action(json_object *o, const char *member, const char *errno_member, uint32_t *ret,
			struct err *e)
{
	const char *name = json_get_str(o, member);
	int64_t n = json_get_int(o, errno_member, ERRNO_DEFAULT);

	for (size_t i = 0; name && i < ARRAY_LEN(actions); i++)
		if (strcmp(name, actions[i].name) == 0) {
			if (n < 0 || n > 4095)
				return err_set(e, -EINVAL,
					       "seccomp profile: errno %lld is out of range",
					       (long long)n);
			if (!actions[i].takes_errno && json_get(o, errno_member))
				return err_set(e, -EINVAL,
					       "seccomp profile: action '%s' takes no errno", name);
			*ret = actions[i].action | (actions[i].takes_errno ? (uint32_t)n : 0);
			return 0;
		}
	return err_set(e, -EINVAL, "seccomp profile: action '%s' is not known", name ? name : "");
}

static int names_arch(json_object *list, uint32_t native)
{
	for (size_t i = 0; i < json_len(list); i++)
		for (size_t k = 0; k < ARRAY_LEN(arch_names); k++)
			if (arch_names[k].arch == native && json_str_at(list, i) &&
			    strcmp(json_str_at(list, i), arch_names[k].name) == 0)
				return 1;
	return 0;
}

/* "5.10" against the running kernel. */
static int kernel_is_at_least(const char *want)
{
	struct utsname u;
	unsigned have[2] = { 0, 0 }, need[2] = { 0, 0 };
	char *end;

	if (uname(&u) < 0)
		return 0;
	have[0] = (unsigned)strtoul(u.release, &end, 10);
	if (*end == '.')
		have[1] = (unsigned)strtoul(end + 1, NULL, 10);
	need[0] = (unsigned)strtoul(want, &end, 10);
	if (*end == '.')
		need[1] = (unsigned)strtoul(end + 1, NULL, 10);
	return have[0] > need[0] || (have[0] == need[0] && have[1] >= need[1]);
}

/* Are any (WHICH 0) or all (WHICH 1) of LIST's capabilities in CAPS? */
static int has_caps(json_object *list, caps_set caps, int all)
{
	for (size_t i = 0; i < json_len(list); i++) {
		const char *name = json_str_at(list, i);
		int n = name ? caps_from_name(name) : -1, has = n >= 0 && (caps & CAPS_BIT(n));
		if (has != all)
			return has;
	}
	return all;
}

int seccomp_rule_applies(json_object *rule, caps_set caps)
{
	uint32_t native = seccomp_arch_native();
	json_object *in = json_get(rule, "includes"), *ex = json_get(rule, "excludes");
	const char *kernel = json_get_str(in, "minKernel");

	if (json_len(json_get(in, "arches")) && !names_arch(json_get(in, "arches"), native))
		return 0;
	if (json_len(json_get(in, "caps")) && !has_caps(json_get(in, "caps"), caps, 1))
		return 0;
	if (kernel && !kernel_is_at_least(kernel))
		return 0;
	kernel = json_get_str(ex, "minKernel");
	return !names_arch(json_get(ex, "arches"), native) &&
	       !(json_len(json_get(ex, "caps")) && has_caps(json_get(ex, "caps"), caps, 0)) &&
	       !(kernel && kernel_is_at_least(kernel));
}

static int parse_args(json_object *list, struct scmp_arg_cmp *cmp, unsigned *ret_n, struct err *e)
{
	*ret_n = 0;
	if (json_len(list) > 6)
		return err_set(e, -EINVAL, "seccomp profile: a rule has more than six arguments");
	for (size_t i = 0; i < json_len(list); i++) {
		json_object *a = json_object_array_get_idx(list, i);
		const char *op = json_get_str(a, "op");
		int64_t index = json_get_int(a, "index", -1);
		size_t k;
		for (k = 0; k < ARRAY_LEN(compares); k++)
			if (op && strcmp(op, compares[k].name) == 0)
				break;
		if (k == ARRAY_LEN(compares) || index < 0 || index > 5 ||
		    !json_object_is_type(json_get(a, "value"), json_type_int) ||
		    (json_get(a, "valueTwo") &&
		     !json_object_is_type(json_get(a, "valueTwo"), json_type_int)))
			return err_set(
				e, -EINVAL,
				"seccomp profile: argument comparison '%s' is not understood",
				op ? op : "");
		cmp[(*ret_n)++] = (struct scmp_arg_cmp){
			.arg = (unsigned)index,
			.op = compares[k].op,
			.datum_a = json_object_get_uint64(json_get(a, "value")),
			.datum_b = json_object_get_uint64(json_get(a, "valueTwo")),
		};
	}
	return 0;
}

/* A rule whose lists are no lists would forbid nothing: such a profile is not understood. */
int seccomp_rule_check(json_object *rule, struct err *e)
{
	static const char *const lists[] = { "names", "args" };
	static const char *const conditions[] = { "includes", "excludes" };

	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		if (json_get(rule, lists[i]) &&
		    !json_object_is_type(json_get(rule, lists[i]), json_type_array))
			return err_set(e, -EINVAL,
				       "seccomp profile: '%s' of a rule has the wrong type",
				       lists[i]);
	for (size_t i = 0; i < ARRAY_LEN(conditions); i++) {
		json_object *c = json_get(rule, conditions[i]);
		if (c && (!json_object_is_type(c, json_type_object) ||
			  (json_get(c, "caps") &&
			   !json_object_is_type(json_get(c, "caps"), json_type_array)) ||
			  (json_get(c, "arches") &&
			   !json_object_is_type(json_get(c, "arches"), json_type_array)) ||
			  (json_get(c, "minKernel") && !json_get_str(c, "minKernel"))))
			return err_set(e, -EINVAL,
				       "seccomp profile: '%s' of a rule has the wrong type",
				       conditions[i]);
	}
	if (!json_get(rule, "names") && !json_get_str(rule, "name"))
		return err_set(e, -EINVAL, "seccomp profile: a rule names no system call");
	for (size_t i = 0; i < json_len(json_get(rule, "names")); i++)
		if (!json_str_at(json_get(rule, "names"), i))
			return err_set(e, -EINVAL,
				       "seccomp profile: 'names' of a rule has the wrong type");
	return 0;
}

static int compares_one_twice(const struct scmp_arg_cmp *cmp, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k < i; k++)
			if (cmp[i].arg == cmp[k].arg)
				return 1;
	return 0;
}

int seccomp_knows(const char *name)
{
	return seccomp_syscall_resolve_name(name) != __NR_SCMP_ERROR;
}

static int add_name(scmp_filter_ctx ctx, uint32_t action, const char *name,
		    const struct scmp_arg_cmp *cmp, unsigned n, struct err *e)
{
	int nr = seccomp_syscall_resolve_name(name), r = 0;
	/* Comparisons of different arguments must all hold; several of one argument are
	 * alternatives, as in the runtimes that the dialect comes from. */
	unsigned step = compares_one_twice(cmp, n) ? 1 : n;

	if (nr == __NR_SCMP_ERROR)
		return 0; /* of another architecture, or newer than libseccomp: the default action
			     holds */
	for (unsigned i = 0; i == 0 || i < n; i += step ? step : 1) {
		r = seccomp_rule_add_array(ctx, action, nr, step, cmp + i);
		/* -EDOM: none of the architectures has it; -EEXIST: said before. */
		if (r < 0 && r != -EDOM && r != -EEXIST)
			return err_errno(e, r, "seccomp profile: add a rule for %s", name);
	}
	return 0;
}

static int add_rule(scmp_filter_ctx ctx, uint32_t default_action, json_object *rule, struct err *e)
{
	struct scmp_arg_cmp cmp[6];
	unsigned n = 0;
	uint32_t action = 0;
	json_object *names = json_get(rule, "names");
	const char *single = json_get_str(rule, "name"); /* the dialect's first version */
	int r = parse_action(rule, "action", "errnoRet", &action, e);

	if (r == 0)
		r = parse_args(json_get(rule, "args"), cmp, &n, e);
	if (r < 0 ||
	    action == default_action) /* libseccomp refuses rules that say what the default says */
		return r;
	if (single)
		r = add_name(ctx, action, single, cmp, n, e);
	for (size_t i = 0; i < json_len(names) && r == 0; i++)
		r = add_name(ctx, action, json_str_at(names, i), cmp, n, e);
	return r;
}

/* Names of the spec that this libseccomp may not have: they cannot run here then. */
static int is_newer_architecture(const char *name)
{
	static const char *const names[] = { "loongarch64", "m68k", "sh", "sheb" };
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcmp(name, names[i]) == 0)
			return 1;
	return 0;
}

/* "SCMP_ARCH_X86_64" is libseccomp's "x86_64"; "" for what is no such name. */
static void arch_library_name(char *name, size_t n, const char *s)
{
	(void)snprintf(name, n, "%s", s && str_starts(s, "SCMP_ARCH_") ? s + 10 : "");
	for (char *c = name; *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c + 'a' - 'A');
}

int seccomp_arch_is_native(const char *s)
{
	char name[64];

	arch_library_name(name, sizeof(name), s);
	return seccomp_arch_resolve_name(name) == seccomp_arch_native();
}

static int add_architecture(scmp_filter_ctx ctx, const char *s, uint32_t native, struct err *e)
{
	char name[64];
	uint32_t arch;

	arch_library_name(name, sizeof(name), s);
	if (strcmp(name, "native") == 0)
		return 0;
	arch = seccomp_arch_resolve_name(name);
	if (!arch && !is_newer_architecture(name))
		return err_set(e, -EINVAL, "seccomp profile: architecture '%s' is not known",
			       s ? s : "");
	if (arch && arch != native)
		(void)seccomp_arch_add(ctx, arch); /* -EEXIST: twice in the list; -EDOM: of the
						      other byte order, which cannot run here */
	return 0;
}

static int add_architectures(scmp_filter_ctx ctx, json_object *profile, uint32_t native,
			     struct err *e)
{
	json_object *map = json_get(profile, "archMap"), *list = json_get(profile, "architectures");

	for (size_t i = 0; i < json_len(map); i++) {
		json_object *m = json_object_array_get_idx(map, i),
			    *sub = json_get(m, "subArchitectures");
		if (seccomp_arch_is_native(json_get_str(m, "architecture")))
			list = sub;
	}
	for (size_t i = 0; i < json_len(list); i++) {
		int r = add_architecture(ctx, json_str_at(list, i), native, e);
		if (r < 0)
			return r;
	}
	return 0;
}

static int export(scmp_filter_ctx ctx, struct sock_filter **ret, size_t *ret_n, struct err *e)
{
	scoped(fd) int fd = memfd_create("seccomp", MFD_CLOEXEC);
	scoped(mem) struct sock_filter *f = NULL;
	struct stat st;
	int r = fd < 0 ? -errno : seccomp_export_bpf(ctx, fd);

	if (r < 0 || fstat(fd, &st) < 0)
		return err_errno(e, r < 0 ? r : errno, "compile the seccomp profile");
	*ret_n = (size_t)st.st_size / sizeof(*f);
	if (*ret_n == 0 || *ret_n > PROGRAM_MAX)
		return err_set(
			e, -E2BIG,
			"the seccomp profile compiles to %zu instructions; the kernel takes %d",
			*ret_n, PROGRAM_MAX);
	f = malloc((size_t)st.st_size);
	if (!f || lseek(fd, 0, SEEK_SET) < 0 ||
	    fd_read_full(fd, f, (size_t)st.st_size) != st.st_size)
		return err_sys(e, "compile the seccomp profile");
	*ret = take_ptr(&f);
	return 0;
}

int seccomp_compile(const char *profile, size_t n, caps_set caps, struct sock_filter **ret,
		    size_t *ret_n, struct err *e)
{
	scoped(json) json_object *o = NULL;
	scoped(filter) scmp_filter_ctx ctx = NULL;
	uint32_t action = 0, native = seccomp_arch_native();
	json_object *rules;
	int r = json_parse(profile, n, &o, e);

	if (r < 0)
		return err_in(e, "seccomp profile");
	r = parse_action(o, "defaultAction", "defaultErrnoRet", &action, e);
	if (r < 0)
		return r;
	ctx = seccomp_init(action);
	if (!ctx)
		return err_errno(e, ENOMEM, "compile the seccomp profile");
	/* The program carries no no_new_privs of its own: the process part of the plan says. */
	(void)seccomp_attr_set(ctx, SCMP_FLTATR_CTL_NNP, 0);
	(void)seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE,
			       2); /* libseccomp 2.5: a binary tree */
	/* What an unknown architecture asks for: the default of libseccomp is to kill. */
	r = add_architectures(ctx, o, native, e);
	if (r < 0)
		return r;
	rules = json_get(o, "syscalls");
	if (rules && !json_object_is_type(rules, json_type_array))
		return err_set(e, -EINVAL, "seccomp profile: 'syscalls' has the wrong type");
	for (size_t i = 0; i < json_len(rules); i++) {
		json_object *rule = json_object_array_get_idx(rules, i);
		r = seccomp_rule_check(rule, e);
		if (r < 0)
			return r;
		if (!seccomp_rule_applies(rule, caps))
			continue;
		r = add_rule(ctx, action, rule, e);
		if (r < 0)
			return r;
	}
	return export(ctx, ret, ret_n, e);
}

/* ---- the cache ------------------------------------------------------------------------------- */

static uint64_t fnv1a(const void *bytes, size_t n, uint64_t h)
{
	const unsigned char *p = bytes;
	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 0x100000001b3ULL;
	return h;
}

static void cache_name(char buf[64], const char *profile, size_t n, caps_set caps)
{
	const struct scmp_version *v = seccomp_version();
	struct utsname u;
	uint64_t h[2] = { 0xcbf29ce484222325ULL, 0x9ae16a3b2f90404fULL };

	if (uname(&u) < 0)
		memset(&u, 0, sizeof(u));
	for (int i = 0; i < 2; i++) {
		h[i] = fnv1a(profile, n, h[i]);
		h[i] = fnv1a(&caps, sizeof(caps), h[i]);
		h[i] = fnv1a(v, sizeof(*v), h[i]);
		h[i] = fnv1a(u.release, strlen(u.release), h[i]); /* minKernel */
		h[i] = fnv1a(u.machine, strlen(u.machine), h[i]);
	}
	(void)snprintf(buf, 64, "seccomp-%016llx%016llx", (unsigned long long)h[0],
		       (unsigned long long)h[1]);
}

/* A file that is ours alone and whole; anything else is compiled anew. */
static int cache_load(int cache_fd, const char *name, struct sock_filter **ret, size_t *ret_n)
{
	scoped(fd) int fd = openat(cache_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	scoped(mem) struct sock_filter *f = NULL;
	struct stat st;
	char magic[8];
	size_t bytes;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
	    (st.st_mode & 022))
		return -ENOENT;
	bytes = (size_t)st.st_size;
	if (bytes <= sizeof(magic) || (bytes - sizeof(magic)) % sizeof(*f) ||
	    (bytes - sizeof(magic)) / sizeof(*f) > PROGRAM_MAX)
		return -ENOENT;
	bytes -= sizeof(magic);
	f = malloc(bytes);
	if (!f || fd_read_full(fd, magic, sizeof(magic)) != sizeof(magic) ||
	    memcmp(magic, CACHE_MAGIC, sizeof(magic)) ||
	    fd_read_full(fd, f, bytes) != (ssize_t)bytes)
		return -ENOENT;
	*ret = take_ptr(&f);
	*ret_n = bytes / sizeof(**ret);
	return 0;
}

static void cache_store(int cache_fd, const char *name, const struct sock_filter *f, size_t n)
{
	scoped(strbuf) struct strbuf b = STRBUF_INIT;
	struct err ignored;

	(void)strbuf_add(&b, CACHE_MAGIC, 8);
	(void)strbuf_add(&b, f, n * sizeof(*f));
	if (b.failed || path_replace(cache_fd, name, b.s, b.len, 0600, 0, &ignored) < 0)
		dbg("the seccomp program was not kept"); /* it is compiled again next time */
}

/* socketcall(2) of i386 has the family of a socket behind a pointer, where no program can look: so
 * it makes no sockets here.  libseccomp allows it wherever socket(2) is allowed for some families,
 * hence in front of what it made.  socket(2) itself has been there since Linux 4.3. */
static int deny_socketcall(struct sock_filter **f, size_t *n, struct err *e)
{
#ifdef __x86_64__
	static const struct sock_filter first[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_I386, 0, 5),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 102 /* socketcall */, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 1 /* SYS_SOCKET */, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
	};
	struct sock_filter *all = malloc(sizeof(first) + *n * sizeof(*all));

	if (!all)
		return err_errno(e, ENOMEM, "compile the seccomp profile");
	memcpy(all, first, sizeof(first));
	memcpy(all + ARRAY_LEN(first), *f, *n * sizeof(*all));
	free(*f);
	*f = all;
	*n += ARRAY_LEN(first);
#else
	(void)f;
	(void)n;
	(void)e;
#endif
	return 0;
}

char *seccomp_builtin(void)
{
	char *text = strdup(seccomp_default_profile);

	for (char *c = text; c && *c; c++)
		if (*c == '\'')
			*c = '"';
	return text;
}

int seccomp_program(const char *profile, caps_set caps, int cache_fd, struct sock_filter **ret,
		    size_t *ret_n, struct err *e)
{
	scoped(mem) char *own = NULL;
	char name[64];
	size_t n;
	int r;

	if (!profile) {
		cache_name(name, seccomp_default_profile, strlen(seccomp_default_profile), caps);
		if (cache_fd >= 0 && cache_load(cache_fd, name, ret, ret_n) == 0)
			return 0;
		own = seccomp_builtin();
		if (!own)
			return err_errno(e, ENOMEM, "compile the seccomp profile");
		profile = own;
		n = strlen(profile);
	} else {
		n = strlen(profile);
		cache_name(name, profile, n, caps);
		if (cache_fd >= 0 && cache_load(cache_fd, name, ret, ret_n) == 0)
			return 0;
	}
	r = seccomp_compile(profile, n, caps, ret, ret_n, e);
	if (r == 0 && own)
		r = deny_socketcall(ret, ret_n, e);
	if (r == 0 && cache_fd >= 0)
		cache_store(cache_fd, name, *ret, *ret_n);
	return r;
}

int seccomp_host_profile(char **ret, struct err *e)
{
	static const char *const paths[] = { "/etc/containers/seccomp.json" };
	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		int r = path_read(AT_FDCWD, paths[i], SECCOMP_PROFILE_MAX, ret, NULL, e);
		if (r != -ENOENT && r != -EACCES)
			return r;
	}
	*ret = NULL;
	return 0;
}

int seccomp_load_program(const struct sock_filter *filter, size_t n, unsigned flags, struct err *e)
{
	struct sock_fprog prog = { .len = (unsigned short)n,
				   .filter = (struct sock_filter *)filter };
	long r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog);

	if (r < 0)
		return err_sys(e, "load the seccomp filter");
	return (int)r;
}
