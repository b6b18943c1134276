/* SPDX-License-Identifier: Apache-2.0 */
/* Shell completion: candidates come from the tables and, for names of objects, from the completers
 * that commands.def lists; the scripts only ask `cove __complete`. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/cli/cmd.h"
#include "src/store/engine.h"
#include "src/util/path.h"
#include "src/util/scoped.h"

/* What the shell does beside the candidates: bits that scripts made by cobra know too. */
#define DIRECTIVE_DEFAULT 0  /* file names when there are no candidates */
#define DIRECTIVE_NOFILES 4  /* the candidates only */
#define DIRECTIVE_DIRS	  16 /* directory names */

#define CMD(noun, verb)
#define TOP(verb)
#define NOUN(name, help)
#define COMPLETER(kind, function) { #kind, function },
static const struct completer {
	const char *kind;
	void (*fill)(struct engine *en, const char *prefix);
} completers[] = {
#include "src/cli/commands.def"
	{ NULL, NULL }
};

static void offer(const char *word, size_t n, const char *help, const char *prefix)
{
	size_t len = strlen(prefix);
	if (n < len || memcmp(word, prefix, len) != 0)
		return;
	(void)printf("%.*s%s%s\n", (int)n, word, help ? "\t" : "", help ? help : "");
}

static void offer_values(const char *values, const char *prefix)
{
	while (*values) {
		size_t n = strcspn(values, "|");
		offer(values, n, NULL, prefix);
		values += n + (values[n] == '|');
	}
}

static int offer_options(opt_groups groups, const char *prefix)
{
	each_opt(o, g, groups) {
		char name[128];
		int n = snprintf(name, sizeof(name), "--%s", o->name);
		if (!o->hidden && n > 0)
			offer(name, (size_t)n, o->help, prefix);
	}
	offer("--help", 6, "Help", prefix);
	return DIRECTIVE_NOFILES;
}

static int offer_commands(const struct noun *noun, const char *prefix)
{
	for (const struct cmd *const *p = cmd_list; *p; p++) {
		const struct cmd *c = *p;
		if (c->flags & CMD_HIDDEN)
			continue;
		if (noun ? c->noun && strcmp(noun->name, c->noun) == 0 : !c->noun)
			offer(c->verb, strlen(c->verb), c->help, prefix);
		else if (!noun && c->alias)
			offer(c->alias, strcspn(c->alias, "|"), c->help, prefix);
	}
	for (const struct noun *n = noun ? NULL : noun_list; n && n->name; n++)
		offer(n->name, strlen(n->name), n->help, prefix);
	return DIRECTIVE_NOFILES;
}

/* Names of objects of KIND; a failure to open the store offers nothing. */
static int offer_objects(const char *kind, const char *prefix, const struct globals *g)
{
	const struct engine_options o = { .graphroot = g->root,
					  .runroot = g->runroot,
					  .storage_opts = g->storage_opts };

	if (!kind)
		return DIRECTIVE_NOFILES;
	if (strcmp(kind, "dir") == 0)
		return DIRECTIVE_DIRS;
	if (strchr(kind, '|')) {
		offer_values(kind, prefix);
		return DIRECTIVE_NOFILES;
	}
	for (const struct completer *c = completers; c->kind; c++) {
		scoped(engine) struct engine *en = NULL;
		struct err e = { 0 };
		if (strcmp(c->kind, kind) == 0) {
			if (engine_open(&o, &en, &e) == 0)
				c->fill(en, prefix);
			return DIRECTIVE_NOFILES;
		}
	}
	return DIRECTIVE_DEFAULT; /* "file" */
}

static int offer_value(const struct opt *o, const char *prefix, const struct globals *g)
{
	if (o->values) {
		offer_values(o->values, prefix);
		return DIRECTIVE_NOFILES;
	}
	return o->complete ? offer_objects(o->complete, prefix, g) : DIRECTIVE_DEFAULT;
}

/* The row whose value the word behind WORD is, or NULL. */
static const struct opt *waiting(opt_groups groups, const char *word)
{
	const struct opt *o = NULL;

	if (strchr(word, '=') || word[0] != '-' || !word[1])
		return NULL;
	if (word[1] == '-') {
		o = opt_find(groups, word + 2, strlen(word + 2), 0);
		if (!o)
			o = opt_find(global_anywhere, word + 2, strlen(word + 2), 0);
	} else {
		for (const char *s = word + 1; *s; s++) {
			o = opt_find(groups, NULL, 0, *s);
			if (o && opt_wants_value(o))
				return s[1] ? NULL : o;
		}
	}
	return o && opt_wants_value(o) ? o : NULL;
}

/* Words of `cove [global options] [command [options and arguments]]`, the last one unfinished. */
static int complete_words(char *const *words, const struct globals *g)
{
	const char *last = words[strv_len(words) - 1];
	const struct opt *o = NULL;
	const struct noun *noun;
	const struct cmd *c;
	opt_groups groups = global_groups;
	size_t i = 0, used, n_args = 0;

	while (words[i + 1] && words[i][0] == '-') /* global options before the command */
		i += waiting(groups, words[i]) && words[i + 2] ? 2 : 1;
	c = words[i + 1] ? cmd_find(words + i, &used, &noun) : NULL;
	if (c && words[i + used])
		groups = c->groups;
	else if (words[i + 1])
		return noun && !words[i + 2] ? offer_commands(noun, last) : DIRECTIVE_NOFILES;
	for (size_t j = c ? i + used : 0; words[j + 1]; j++) {
		if (strcmp(words[j], "--") == 0 ||
		    (n_args > 0 && c && (c->flags & CMD_STOP_AT_ARG)))
			groups = NULL;
		o = groups ? waiting(groups, words[j]) : NULL;
		n_args += !o && words[j][0] != '-';
		if (o && words[j + 2])
			j++;
	}
	if (o)
		return offer_value(o, last, g);
	if (last[0] == '-' && !(c && (c->flags & CMD_STOP_AT_ARG) && n_args))
		return offer_options(groups, last);
	if (!c)
		return offer_commands(NULL, last);
	if (n_args && (c->flags & CMD_STOP_AT_ARG))
		return DIRECTIVE_DEFAULT;
	return c->max_args >= 0 && n_args >= (size_t)c->max_args
		       ? DIRECTIVE_NOFILES
		       : offer_objects(c->complete, last, g);
}

int complete_main(char *const *words, const struct globals *g)
{
	(void)printf(":%d\n", words[0] ? complete_words(words, g) : DIRECTIVE_NOFILES);
	return 0;
}

static const char bash_script[] =
	"# bash completion for cove\n"
	"_cove() {\n"
	"\tlocal line=${COMP_LINE:0:COMP_POINT} words out directive cur prefix\n"
	"\tread -ra words <<<\"$line\"\n"
	"\t[[ $line == *[[:space:]] ]] && words+=(\"\")\n"
	"\tcur=${words[-1]}\n"
	"\tif [[ $cur == --*=* ]]; then # the value alone\n"
	"\t\twords=(\"${words[@]:0:${#words[@]}-1}\" \"${cur%%=*}\" \"${cur#*=}\")\n"
	"\t\tcur=${cur#*=}\n"
	"\tfi\n"
	"\tout=$(\"${words[0]}\" __complete \"${words[@]:1}\" 2>/dev/null) || return\n"
	"\tdirective=${out##*:}\n"
	"\tout=${out%:*}\n"
	"\tCOMPREPLY=()\n"
	"\twhile IFS=$'\\t' read -r word _; do\n"
	"\t\t[[ -n $word ]] && COMPREPLY+=(\"$word\")\n"
	"\tdone <<<\"$out\"\n"
	"\tif [[ $cur == *:* && $COMP_WORDBREAKS == *:* ]]; then # readline replaces what follows "
	"the colon\n"
	"\t\tprefix=${cur%\"${cur##*:}\"}\n"
	"\t\tCOMPREPLY=(\"${COMPREPLY[@]#\"$prefix\"}\")\n"
	"\tfi\n"
	"\tif ((directive & 16)); then\n"
	"\t\tmapfile -t COMPREPLY < <(compgen -d -- \"$cur\")\n"
	"\t\tcompopt -o filenames\n"
	"\telif ((!(directive & 4) && ${#COMPREPLY[@]} == 0)); then\n"
	"\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
	"\t\tcompopt -o filenames\n"
	"\tfi\n"
	"}\n"
	"complete -F _cove cove\n";

static const char zsh_script[] =
	"#compdef cove\n"
	"# zsh completion for cove\n"
	"_cove() {\n"
	"\tlocal -a lines candidates\n"
	"\tlocal out directive line\n"
	"\tout=$(\"${words[1]}\" __complete \"${(@)words[2,CURRENT]}\" 2>/dev/null) || return\n"
	"\tlines=(\"${(@f)out}\")\n"
	"\tdirective=${lines[-1]#:}\n"
	"\tfor line in \"${(@)lines[1,-2]}\"; do\n"
	"\t\tcandidates+=(\"${${line//:/\\\\:}/$'\\t'/:}\")\n"
	"\tdone\n"
	"\tif ((directive & 16)); then\n"
	"\t\t_files -/\n"
	"\telif ((directive & 4 || ${#candidates})); then\n"
	"\t\t_describe -V 'completions' candidates\n"
	"\telse\n"
	"\t\t_files\n"
	"\tfi\n"
	"}\n"
	"if [[ $funcstack[1] == _cove ]]; then\n"
	"\t_cove\n"
	"else\n"
	"\tcompdef _cove cove\n"
	"fi\n";

static const char fish_script[] = "# fish completion for cove\n"
				  "function __cove_complete\n"
				  "\tset -l words (commandline -opc) (commandline -ct)\n"
				  "\tset -l out ($words[1] __complete $words[2..-1] 2>/dev/null)\n"
				  "\tor return\n"
				  "\tset -l directive (string replace -r '^:' '' -- $out[-1])\n"
				  "\tset -e out[-1]\n"
				  "\tif test $directive -eq 16\n"
				  "\t\t__fish_complete_directories (commandline -ct)\n"
				  "\telse if test $directive -eq 0 -a (count $out) -eq 0\n"
				  "\t\t__fish_complete_path (commandline -ct)\n"
				  "\telse\n"
				  "\t\tprintf '%s\\n' $out\n"
				  "\tend\n"
				  "end\n"
				  "complete -c cove -f -a '(__cove_complete)'\n";

static const struct shell {
	const char *name, *file, *script;
} shells[] = {
	{ "bash", "cove", bash_script },
	{ "zsh", "_cove", zsh_script },
	{ "fish", "cove.fish", fish_script },
};

const char *complete_script(const char *shell)
{
	for (size_t i = 0; i < ARRAY_LEN(shells); i++)
		if (strcmp(shells[i].name, shell) == 0)
			return shells[i].script;
	return NULL;
}

int complete_generate(const char *shell, const char *dir, struct err *e)
{
	scoped(fd) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(e, "open %s", dir);
	for (size_t i = 0; i < ARRAY_LEN(shells); i++)
		if (strcmp(shells[i].name, shell) == 0)
			return path_replace(fd, shells[i].file, shells[i].script,
					    strlen(shells[i].script), 0644, 0, e);
	return err_set(e, -EINVAL, "no completion for '%s'", shell);
}
