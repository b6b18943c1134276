/* SPDX-License-Identifier: Apache-2.0 */
/* --help, the man page and the completion, written from the tables. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "src/cli/opt_help.h"
#include "src/cli/runtime/verb.h"
#include "src/util/path.h"
#include "src/util/scoped.h"

int runtime_help(void)
{
	(void)printf("An OCI runtime\n\nUsage:\n  cove-runtime [options] VERB [arguments]\n\n"
		     "Verbs:\n");
	for (const struct verb *const *v = verb_table; *v; v++)
		(void)printf("  %-11s %s\n", (*v)->name, (*v)->help);
	opt_help(runtime_global_groups);
	(void)printf("\nUse \"cove-runtime VERB --help\" for what a verb does and takes.\n");
	return 0;
}

int runtime_help_verb(const struct verb *v)
{
	(void)printf("%s\n\nUsage:\n  cove-runtime %s%s%s%s\n", v->help, v->name,
		     v->groups ? " [options]" : "", v->args ? " " : "", v->args ? v->args : "");
	opt_help(v->groups);
	return 0;
}

static void put_verb(struct strbuf *b, const struct verb *v)
{
	(void)strbuf_puts(b, ".SS \"");
	opt_man_str(b, v->name);
	(void)strbuf_puts(b, v->groups ? " [\\fIoptions\\fP]" : "");
	if (v->args) {
		(void)strbuf_puts(b, " \\fI");
		opt_man_str(b, v->args);
		(void)strbuf_puts(b, "\\fP");
	}
	(void)strbuf_puts(b, "\"\n");
	opt_man_str(b, v->help);
	(void)strbuf_puts(b, ".\n");
	if (v->man) {
		(void)strbuf_puts(b, ".PP\n");
		opt_man_paragraphs(b, v->man);
	}
	opt_man_options(b, v->groups);
}

static void put_annotations(struct strbuf *b)
{
	static const struct {
		const char *name, *text;
	} rows[] = {
		{ "org.systemd.property.NAME=VALUE",
		  "A property of the container's systemd unit, in the text form of GVariant." },
		{ "run.oci.systemd.subgroup=NAME",
		  "The container's cgroup is NAME below the unit; without one that of the unit." },
		{ "run.oci.delegate-cgroup=NAME",
		  "The container runs in NAME below that, without limits of its own, and may "
		  "manage it (cgroup v2)." },
		{ "run.oci.systemd.force_cgroup_v1=PATH",
		  "The cgroup file system at PATH has systemd's hierarchy of v1 and nothing else. "
		  "The host must have it mounted." },
		{ "run.oci.keep_original_groups=1",
		  "The supplementary groups of the caller stay as they are." },
		{ "run.oci.hooks.stdout=FILE, run.oci.hooks.stderr=FILE",
		  "What hooks print is appended there; the file is made when missing." },
		{ "run.oci.mount_context_type=TYPE",
		  "The mount option for SELinux labels: context, fscontext, defcontext or "
		  "rootcontext." },
		{ "run.oci.pidfd_receiver=PATH",
		  "A pidfd of the container's first process is sent to this Unix socket before it "
		  "starts." },
		{ "run.oci.seccomp.receiver=PATH",
		  "The seccomp listener is sent to this Unix socket where linux.seccomp has no "
		  "listenerPath; the environment variable RUN_OCI_SECCOMP_RECEIVER says the "
		  "same." },
		{ "run.oci.seccomp_bpf_data=BASE64",
		  "The seccomp program itself, in place of linux.seccomp." },
		{ "run.oci.seccomp_fail_unknown_syscall=1",
		  "A system call in linux.seccomp that is not known is an error, not left out." },
		{ "run.oci.timens_offset=CLOCK SECONDS NANOSECONDS",
		  "The offset of a clock (monotonic, boottime) in a new time namespace; several "
		  "on lines of their own." },
		{ "run.oci.handler, run.oci.seccomp.plugins",
		  "Refused: other machines and plug-ins are not supported." },
	};

	(void)strbuf_puts(b, ".SH ANNOTATIONS\n");
	opt_man_paragraphs(b, "Annotations of config.json that change what is done. Others are "
			      "passed on to hooks and in the state.\n");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		(void)strbuf_puts(b, ".TP\n\\fB");
		opt_man_str(b, rows[i].name);
		(void)strbuf_puts(b, "\\fR\n");
		opt_man_str(b, rows[i].text);
		(void)strbuf_putc(b, '\n');
	}
}

int runtime_man(const char *dir, struct err *e)
{
	scoped(fd) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	scoped(strbuf) struct strbuf b = STRBUF_INIT;

	if (fd < 0)
		return err_sys(e, "open %s", dir);
	opt_man_head(&b, "cove-runtime", "cove-runtime", "run containers from OCI bundles");
	(void)strbuf_puts(&b, ".SH SYNOPSIS\n\\fBcove\\-runtime\\fR [\\fIoptions\\fR] \\fIVERB\\fR "
			      "[\\fIarguments\\fR]\n.SH DESCRIPTION\n");
	opt_man_paragraphs(
		&b,
		"cove-runtime is the OCI runtime that cove itself uses, as a program for others: "
		"it "
		"starts what the config.json of a bundle describes (runtime-spec 1.2), as root or "
		"not, and takes the verbs and options that runc(8) and crun(1) take. Podman uses "
		"it "
		"with --runtime, containerd with --runc-binary, Slurm by oci.conf(5).\n"
		"\nOn failure one line tells why, on standard error and in the file of --log.\n");
	(void)strbuf_puts(&b, ".SH OPTIONS\n");
	opt_man_options(&b, runtime_global_groups);
	(void)strbuf_puts(&b, ".SH VERBS\n");
	for (const struct verb *const *v = verb_table; *v; v++)
		put_verb(&b, *v);
	put_annotations(&b);
	(void)strbuf_puts(
		&b,
		".SH EXIT STATUS\n"
		"That of the program for \\fBrun\\fR and \\fBexec\\fR, 128 plus the signal that "
		"ended it; 0, or 1 when something failed (255 for \\fBexec\\fR).\n"
		".SH FILES\n.TP\n\\fI/run/cove\\-runtime\\fR, "
		"\\fI$XDG_RUNTIME_DIR/cove\\-runtime\\fR\nThe state of containers of root and "
		"of others.\n.SH SEE ALSO\n\\fBcove\\fR(1)\n");
	if (b.failed)
		return err_errno(e, b.failed, "cove-runtime.1");
	return path_replace(fd, "cove-runtime.1", b.s, b.len, 0644, 0, e);
}

static void put_words(struct strbuf *b, opt_groups groups)
{
	each_opt(o, g, groups) {
		if (!o->hidden)
			(void)strbuf_printf(b, " --%s", o->name);
	}
}

int runtime_bash(const char *dir, struct err *e)
{
	scoped(fd) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	scoped(strbuf) struct strbuf b = STRBUF_INIT;

	if (fd < 0)
		return err_sys(e, "open %s", dir);
	(void)strbuf_puts(
		&b, "# bash completion for cove-runtime\n_cove_runtime()\n{\n"
		    "\tlocal cur=${COMP_WORDS[COMP_CWORD]} verb= w words\n"
		    "\tfor w in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n\t\tcase $w in\n\t\t");
	for (const struct verb *const *v = verb_table; *v; v++)
		(void)strbuf_printf(&b, "%s%s", v == verb_table ? "" : " | ", (*v)->name);
	(void)strbuf_puts(&b, ") verb=$w; break ;;\n\t\tesac\n\tdone\n\tcase $verb in\n");
	for (const struct verb *const *v = verb_table; *v; v++) {
		(void)strbuf_printf(&b, "\t%s) words=\"", (*v)->name);
		put_words(&b, (*v)->groups);
		(void)strbuf_puts(&b, "\" ;;\n");
	}
	(void)strbuf_puts(&b, "\t*) words=\"");
	put_words(&b, runtime_global_groups);
	for (const struct verb *const *v = verb_table; *v; v++)
		(void)strbuf_printf(&b, " %s", (*v)->name);
	(void)strbuf_puts(&b, "\" ;;\n\tesac\n"
			      "\tif [ -n \"$verb\" ] && [[ $cur != -* ]]; then\n"
			      "\t\twords=$(\"${COMP_WORDS[0]}\" list -q 2>/dev/null)\n\tfi\n"
			      "\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n}\n"
			      "complete -o default -F _cove_runtime cove-runtime\n");
	if (b.failed)
		return err_errno(e, b.failed, "the completion");
	return path_replace(fd, "cove-runtime", b.s, b.len, 0644, 0, e);
}
