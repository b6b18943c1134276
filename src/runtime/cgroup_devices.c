/* SPDX-License-Identifier: Apache-2.0 */
#include "src/runtime/cgroup_devices.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "src/runtime/cgroup_backend.h"
#include "src/util/json.h"
#include "userns/join.h"

#define ACCESS_ALL (BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE | BPF_DEVCG_ACC_MKNOD)
#define RULE_INSNS 8 /* at most, for one rule */

void device_rules_done(struct device_rules *l)
{
	free(l->r);
	*l = (struct device_rules){ 0 };
}

static int parse_access(const char *s, unsigned *ret)
{
	unsigned a = 0;
	for (; s && *s; s++) {
		if (*s == 'r')
			a |= BPF_DEVCG_ACC_READ;
		else if (*s == 'w')
			a |= BPF_DEVCG_ACC_WRITE;
		else if (*s == 'm')
			a |= BPF_DEVCG_ACC_MKNOD;
		else
			return -EINVAL;
	}
	*ret = a ? a : ACCESS_ALL;
	return 0;
}

static int parse_rule(json_object *o, struct device_rule *r, struct err *e)
{
	const char *type = json_get_str(o, "type");

	if (type && *type && (type[1] || !strchr("abcu", *type)))
		return err_set(e, -EINVAL, "device rule: unknown type '%s'", type);
	*r = (struct device_rule){
		.allow = json_get_bool(o, "allow", 0),
		.type = type && *type ? (*type == 'u' ? 'c' : *type) : 'a',
		.major = json_get_int(o, "major", -1),
		.minor = json_get_int(o, "minor", -1),
	};
	if (r->major < -1 || r->minor < -1 || r->major > UINT32_MAX || r->minor > UINT32_MAX)
		return err_set(e, -EINVAL, "device rule: no such device number");
	if (parse_access(json_get_str(o, "access"), &r->access) < 0)
		return err_set(e, -EINVAL, "device rule: access '%s' is not made of r, w and m",
			       json_get_str(o, "access"));
	return 0;
}

int device_rules_parse(json_object *list, struct device_rules *l, struct err *e)
{
	/* runtime-spec, "Default Devices"; making any node is harmless, using it is what counts.
	 * The container's first process opens tun to make its network; like other runtimes'. */
	static const struct device_rule defaults[] = {
		{ 1, 'c', -1, -1, BPF_DEVCG_ACC_MKNOD },
		{ 1, 'b', -1, -1, BPF_DEVCG_ACC_MKNOD },
		{ 1, 'c', 1, 3, ACCESS_ALL },	 /* null */
		{ 1, 'c', 1, 5, ACCESS_ALL },	 /* zero */
		{ 1, 'c', 1, 7, ACCESS_ALL },	 /* full */
		{ 1, 'c', 1, 8, ACCESS_ALL },	 /* random */
		{ 1, 'c', 1, 9, ACCESS_ALL },	 /* urandom */
		{ 1, 'c', 5, 0, ACCESS_ALL },	 /* tty */
		{ 1, 'c', 5, 1, ACCESS_ALL },	 /* console */
		{ 1, 'c', 5, 2, ACCESS_ALL },	 /* ptmx */
		{ 1, 'c', 10, 200, ACCESS_ALL }, /* tun */
		{ 1, 'c', 136, -1, ACCESS_ALL }, /* pts */
	};
	size_t n = json_len(list);
	scoped(mem) struct device_rule *rules = NULL;

	if (!n)
		return 0;
	rules = calloc(n + ARRAY_LEN(defaults), sizeof(*rules));
	if (!rules)
		return err_errno(e, ENOMEM, "work out the device rules");
	for (size_t i = 0; i < n; i++) {
		int r = parse_rule(json_object_array_get_idx(list, i), &rules[i], e);
		if (r < 0)
			return r;
	}
	memcpy(rules + n, defaults, sizeof(defaults));
	l->r = take_ptr(&rules);
	l->n = n + ARRAY_LEN(defaults);
	return 0;
}

const char *device_rule_text(const struct device_rule *r, char *buf, size_t n)
{
	char major[24] = "*", minor[24] = "*";

	if (r->type == 'a') {
		(void)snprintf(buf, n, "a");
		return buf;
	}
	if (r->major >= 0)
		(void)snprintf(major, sizeof(major), "%" PRId64, r->major);
	if (r->minor >= 0)
		(void)snprintf(minor, sizeof(minor), "%" PRId64, r->minor);
	(void)snprintf(buf, n, "%c %s:%s %s%s%s", r->type, major, minor,
		       r->access & BPF_DEVCG_ACC_READ ? "r" : "",
		       r->access & BPF_DEVCG_ACC_WRITE ? "w" : "",
		       r->access & BPF_DEVCG_ACC_MKNOD ? "m" : "");
	return buf;
}

/* ---- the program ----------------------------------------------------------------------------- */

/* Registers: 1 the context, 2 the type, 3 what of the access is not yet decided, 4 major, 5 minor.
 */
#define INSN(c, d, s, o, i)                                                                  \
	(struct bpf_insn)                                                                    \
	{                                                                                    \
		.code = (c), .dst_reg = (d), .src_reg = (s), .off = (int16_t)(o), .imm = (i) \
	}
#define JUMP_UNEQUAL(reg, value, over) INSN(BPF_JMP32 | BPF_JNE | BPF_K, reg, 0, over, value)
#define RETURN(p, v)                                                              \
	do {                                                                      \
		*(p)++ = INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, (v)); \
		*(p)++ = INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);                    \
	} while (0)

/* One rule, tried after all later ones.  Returns behind its last instruction. */
static struct bpf_insn *add_rule(struct bpf_insn *p, const struct device_rule *r)
{
	int conditions = (r->type != 'a') + (r->major >= 0) + (r->minor >= 0);
	int body = r->allow ? 4 : 5, left = conditions;

	if (r->type != 'a') {
		left--;
		*p++ = JUMP_UNEQUAL(BPF_REG_2,
				    r->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR,
				    left + body);
	}
	if (r->major >= 0) {
		left--;
		*p++ = JUMP_UNEQUAL(BPF_REG_4, (int32_t)r->major, left + body);
	}
	if (r->minor >= 0) {
		left--;
		*p++ = JUMP_UNEQUAL(BPF_REG_5, (int32_t)r->minor, left + body);
	}
	if (r->allow) {
		/* What it allows is decided; when nothing is left all is allowed. */
		*p++ = INSN(BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_3, 0, 0, (int32_t)~r->access);
		*p++ = JUMP_UNEQUAL(BPF_REG_3, 0, 2);
		RETURN(p, 1);
	} else {
		*p++ = INSN(BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_0, BPF_REG_3, 0, 0);
		*p++ = INSN(BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_0, 0, 0, (int32_t)r->access);
		*p++ = INSN(BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_0, 0, 2, 0);
		RETURN(p, 0);
	}
	return p;
}

int device_rules_program(const struct device_rules *l, struct bpf_insn **ret, size_t *ret_n,
			 struct err *e)
{
	struct bpf_insn *first = calloc(l->n * RULE_INSNS + 16, sizeof(*first)), *p = first;

	if (!first)
		return err_errno(e, ENOMEM, "make the device program");
	*p++ = INSN(BPF_LDX | BPF_MEM | BPF_W, BPF_REG_2, BPF_REG_1,
		    offsetof(struct bpf_cgroup_dev_ctx, access_type), 0);
	*p++ = INSN(BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_3, BPF_REG_2, 0, 0);
	*p++ = INSN(BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_2, 0, 0, 0xffff);
	*p++ = INSN(BPF_ALU64 | BPF_RSH | BPF_K, BPF_REG_3, 0, 0, 16);
	*p++ = INSN(BPF_LDX | BPF_MEM | BPF_W, BPF_REG_4, BPF_REG_1,
		    offsetof(struct bpf_cgroup_dev_ctx, major), 0);
	*p++ = INSN(BPF_LDX | BPF_MEM | BPF_W, BPF_REG_5, BPF_REG_1,
		    offsetof(struct bpf_cgroup_dev_ctx, minor), 0);
	for (size_t i = l->n; i-- > 0;)
		p = add_rule(p, &l->r[i]);
	RETURN(p, 0);
	*ret = first;
	*ret_n = (size_t)(p - first);
	return 0;
}

static int bpf(int cmd, union bpf_attr *a)
{
	return (int)syscall(SYS_bpf, cmd, a, sizeof(*a));
}

/* The program that is there already, which is to be replaced; -1: none. */
static int attached(int dir_fd)
{
	union bpf_attr a;
	uint32_t ids[8] = { 0 };

	memset(&a, 0, sizeof(a));
	a.query.target_fd = (uint32_t)dir_fd;
	a.query.attach_type = BPF_CGROUP_DEVICE;
	a.query.prog_ids = (uint64_t)(uintptr_t)ids;
	a.query.prog_cnt = ARRAY_LEN(ids);
	if (bpf(BPF_PROG_QUERY, &a) < 0 || !a.query.prog_cnt)
		return -1;
	memset(&a, 0, sizeof(a));
	a.prog_id = ids[0];
	return bpf(BPF_PROG_GET_FD_BY_ID, &a);
}

static int load(const struct bpf_insn *insns, size_t n)
{
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	a.insns = (uint64_t)(uintptr_t)insns;
	a.insn_cnt = (uint32_t)n;
	a.license = (uint64_t)(uintptr_t) "Apache-2.0";
	return bpf(BPF_PROG_LOAD, &a);
}

/* Several programs at one cgroup are Linux 4.15, as is the type; replacing one of them is 5.5. */
static int attach(int dir_fd, int prog)
{
	union bpf_attr a;
	scoped(fd) int old = attached(dir_fd);

	memset(&a, 0, sizeof(a));
	a.target_fd = (uint32_t)dir_fd;
	a.attach_bpf_fd = (uint32_t)prog;
	a.attach_type = BPF_CGROUP_DEVICE;
	a.attach_flags = BPF_F_ALLOW_MULTI;
	if (old >= 0) {
		a.attach_flags |= BPF_F_REPLACE;
		a.replace_bpf_fd = (uint32_t)old;
	}
	return bpf(BPF_PROG_ATTACH, &a);
}

int cgroup_devices_v2(int dir_fd, json_object *rules, struct err *e)
{
	scoped(device_rules) struct device_rules l = { 0 };
	scoped(mem) struct bpf_insn *insns = NULL;
	scoped(fd) int prog = -EBADF;
	size_t n = 0;
	int r = device_rules_parse(rules, &l, e);

	/* Without root nobody can make a device node that means anything, so there is nothing to
	 * keep away. */
	if (r < 0 || !l.n || !userns_is_host_root())
		return r;
	r = device_rules_program(&l, &insns, &n, e);
	if (r < 0)
		return r;
	prog = load(insns, n);
	if (prog < 0)
		return err_sys(e, "load the device program");
	if (attach(dir_fd, prog) < 0)
		return err_sys(e, "attach the device program");
	return 0;
}
