/* SPDX-License-Identifier: Apache-2.0 */
/* linux.seccomp of config.json (config-linux.md, "Seccomp"). */
#include <errno.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "src/runtime/plan_parts.h"
#include "src/runtime/seccomp.h"
#include "src/util/json.h"

/* linux/seccomp.h; the last is Linux 5.19. */
static const struct {
	const char *name;
	unsigned flag;
} flag_names[] = {
	{ "SECCOMP_FILTER_FLAG_TSYNC", 1U << 0 },
	{ "SECCOMP_FILTER_FLAG_LOG", 1U << 1 },
	{ "SECCOMP_FILTER_FLAG_SPEC_ALLOW", 1U << 2 },
	{ "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", 1U << 5 },
};

const char *plan_seccomp_flag(size_t i)
{
	return i < ARRAY_LEN(flag_names) ? flag_names[i].name : NULL;
}

/* A flag that is known is taken before the program, which is none, is looked at. */
int plan_seccomp_flag_works(size_t i)
{
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
		       flag_names[i].flag | (flag_names[i].flag == 1U << 5 ? 1U << 3 : 0),
		       NULL) < 0 &&
	       errno == EFAULT;
}

static const struct plan_member members[] = {
	{ "", "defaultAction", json_type_string }, { "", "defaultErrnoRet", json_type_int },
	{ "", "architectures", json_type_array },  { "", "flags", json_type_array },
	{ "", "listenerPath", json_type_string },  { "", "listenerMetadata", json_type_string },
	{ "", "syscalls", json_type_array },	   { 0 },
};

static int is_notify(json_object *o, const char *member)
{
	const char *action = json_get_str(o, member);
	return action && strcmp(action, "SCMP_ACT_NOTIFY") == 0;
}

static int read_flags(struct plan *p, json_object *list, struct err *e)
{
	for (size_t i = 0; i < json_len(list); i++) {
		const char *name = json_str_at(list, i);
		size_t k;
		for (k = 0; k < ARRAY_LEN(flag_names); k++)
			if (name && strcmp(name, flag_names[k].name) == 0)
				break;
		if (k == ARRAY_LEN(flag_names))
			return err_set(e, -EINVAL, "config.json: seccomp flag '%s' is not known",
				       name ? name : "");
		p->seccomp_flags.flags |= flag_names[k].flag;
	}
	return 0;
}

static int base64_digit(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *p = c ? strchr(digits, c) : NULL;
	return p ? (int)(p - digits) : -1;
}

/* crun's run.oci.seccomp_bpf_data: the program itself, in place of a profile. */
static int read_program(struct plan *p, const char *text, struct err *e)
{
	size_t n = strlen(text), bytes = 0;
	unsigned bits = 0, value = 0;
	scoped(mem) unsigned char *out = malloc(n + sizeof(struct sock_filter));

	if (!out)
		return err_errno(e, ENOMEM, "config.json: seccomp");
	while (n && text[n - 1] == '=')
		n--;
	for (size_t i = 0; i < n; i++) {
		int d = base64_digit(text[i]);
		if (d < 0)
			return err_set(e, -EINVAL,
				       "config.json: run.oci.seccomp_bpf_data is no base64");
		value = (value << 6 | (unsigned)d) & 0xffffff;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			out[bytes++] = (unsigned char)(value >> bits);
		}
	}
	if (bytes == 0 || bytes % sizeof(struct sock_filter) ||
	    bytes / sizeof(struct sock_filter) > 4096 /* BPF_MAXINSNS */)
		return err_set(e, -EINVAL,
			       "config.json: run.oci.seccomp_bpf_data is no BPF program");
	p->filter = (struct sock_filter *)(void *)take_ptr(&out);
	p->n_filter = bytes / sizeof(struct sock_filter);
	return 0;
}

static int check_names(json_object *rules, struct err *e)
{
	for (size_t i = 0; i < json_len(rules); i++) {
		json_object *names = json_get(json_object_array_get_idx(rules, i), "names");
		for (size_t k = 0; k < json_len(names); k++) {
			const char *name = json_str_at(names, k);
			if (name && !seccomp_knows(name))
				return err_set(
					e, -EINVAL,
					"config.json: seccomp: system call '%s' is not known",
					name);
		}
	}
	return 0;
}

int plan_read_seccomp(struct plan *p, json_object *o, json_object *annotations, struct err *e)
{
	const char *program = json_get_str(annotations, "run.oci.seccomp_bpf_data");
	json_object *rules = json_get(o, "syscalls");
	int r;

	if (program)
		return read_program(p, program, e);
	if (!o)
		return 0;
	r = plan_check(o, members, "seccomp", e);
	if (r == 0)
		r = read_flags(p, json_get(o, "flags"), e);
	if (r < 0)
		return r;
	if (json_get(annotations, "run.oci.seccomp_fail_unknown_syscall"))
		r = check_names(rules, e);
	if (r < 0)
		return r;
	p->seccomp_flags.notify = is_notify(o, "defaultAction");
	for (size_t i = 0; i < json_len(rules); i++)
		p->seccomp_flags.notify |= is_notify(json_object_array_get_idx(rules, i), "action");
	if (json_get(o, "listenerMetadata") && !json_get(o, "listenerPath"))
		return err_set(e, -EINVAL,
			       "config.json: seccomp has a listenerMetadata and no listenerPath");
	p->seccomp = json_text(o);
	return p->seccomp ? 0 : err_errno(e, ENOMEM, "config.json: seccomp");
}

int plan_make_filter(struct plan *p, int cache_fd, struct err *e)
{
	if (!p->seccomp || p->filter)
		return 0;
	return seccomp_program(p->seccomp, p->caps.bounding, cache_fd, &p->filter, &p->n_filter, e);
}
