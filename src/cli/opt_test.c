/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/opt.h"

#include <errno.h>
#include <string.h>

#include "src/util/scoped.h"
#include "src/util/testing.h"

struct sample {
	int all, quiet, tri, n, n_given, help;
	const char *name, *net;
	char **env, **csv;
	int64_t size, wait_ms;
	double cpus;
};
#define AT(f) offsetof(struct sample, f)
static const struct opt first[] = {
	FLAG('a', "all", AT(all), "All"),
	FLAG('q', "quiet", AT(quiet), "Quiet", .def = "true"),
	TRI(0, "tls-verify", AT(tri), "Verify"),
	INT('n', "last", "N", AT(n), -1, 100, "Last", .init = -1,
	    .given = OPT_GIVEN(struct sample, n_given)),
	STR(0, "name", "NAME", AT(name), "Name"),
	END,
};
static const struct opt second[] = {
	KEYVAL('e', "env", "K=V", AT(env), "Env"),
	CSV('v', "csv", "A,B", AT(csv), "List", .def = "x,y"),
	STR(0, "network", "MODE", AT(net), "Net", .values = "none|host", .spellings = "net",
	    .optional = "host"),
	SIZE('m', "memory", "SIZE", AT(size), 0, 1LL << 40, "Memory"),
	DURATION('i', "interval", "TIME", AT(wait_ms), "Wait", .bare_ms = 1, .def = "250"),
	REAL(0, "cpus", "N", AT(cpus), "CPUs"),
	REFUSED('r', "remote", "there is no remote service"),
	EXCLUDES("all", "name"),
	END,
};
static const struct opt *const groups[] = { first, second, NULL };

static int parse(struct sample *s, unsigned flags, const char **args, struct err *e,
		 char *const *argv)
{
	memset(s, 0, sizeof(*s));
	memset(e, 0, sizeof(*e));
	int r = opt_init(groups, s, e);
	return r < 0 ? r : opt_parse(groups, "cove x", flags, argv, s, args, e);
}
#define PARSE(flags, ...) parse(&s, flags, args, &e, (char *const[]){ __VA_ARGS__, NULL })

static void refused(const char *want, char *const *argv)
{
	const char *args[16] = { NULL };
	struct sample s;
	struct err e;
	CHECK_INT(parse(&s, 0, args, &e, argv), -EINVAL);
	CHECK_STR(e.text, want);
	CHECK_STR(e.hint, "See 'cove x --help'");
	opt_done(groups, &s);
}
#define REFUSES(want, ...) refused(want, (char *const[]){ __VA_ARGS__, NULL })

TEST(defaults_are_set)
{
	const char *args[16] = { NULL };
	struct sample s;
	struct err e;
	CHECK_INT(PARSE(0, "a"), 0);
	CHECK_INT(s.all, 0);
	CHECK_INT(s.quiet, 1);
	CHECK_INT(s.tri, -1);
	CHECK_INT(s.n, -1);
	CHECK_INT(s.n_given, 0);
	CHECK_INT(s.wait_ms, 250);
	CHECK(!s.name && !s.env);
	CHECK_INT(strv_len(s.csv), 2);
	opt_done(groups, &s);
	CHECK(!s.csv);
}

TEST(every_spelling_of_values_works)
{
	const char *args[16] = { NULL };
	struct sample s;
	struct err e;
	CHECK_INT(PARSE(0, "-aq=false", "-n", "5", "--name=x=y", "pos", "-eA=1", "-e", "B", "--csv",
			"1,\"2,3\"", "-v4", "--net", "--memory=1k", "-i2s", "--tls-verify=0",
			"--cpus", "1.5"),
		  -EINVAL); /* --all excludes --name */
	CHECK_STR(e.text, "--all and --name cannot be used together");
	CHECK_INT(s.quiet, 0);
	CHECK_INT(s.n, 5);
	CHECK_INT(s.n_given, 1);
	CHECK_STR(s.name, "x=y");
	CHECK_STR(args[0], "pos");
	CHECK(!args[1]);
	CHECK_INT(strv_len(s.env), 2);
	CHECK_STR(s.env[1], "B");
	CHECK_INT(strv_len(s.csv), 3);
	CHECK_STR(s.csv[1], "2,3");
	CHECK_STR(s.net, "host");
	CHECK_INT(s.size, 1024);
	CHECK_INT(s.wait_ms, 2000);
	CHECK_INT(s.tri, 0);
	CHECK(s.cpus > 1.4 && s.cpus < 1.6);
	opt_done(groups, &s);
}

TEST(options_end_where_they_should)
{
	const char *args[16] = { NULL };
	struct sample s;
	struct err e;
	CHECK_INT(PARSE(0, "x", "-a", "--", "-q", "--zz", "--"), 0);
	CHECK_INT(s.all, 1);
	CHECK_STR(args[0], "x");
	CHECK_STR(args[1], "-q");
	CHECK_STR(args[3], "--");
	CHECK(!args[4]);
	opt_done(groups, &s);
	CHECK_INT(PARSE(OPT_STOP_AT_ARG, "-a", "img", "-x", "--", "y"), 0);
	CHECK_STR(args[1], "-x");
	CHECK_STR(args[2], "--");
	CHECK_STR(args[3], "y");
	opt_done(groups, &s);
	CHECK_INT(PARSE(OPT_STOP_AT_ARG, "--", "img", "-x"), 0);
	CHECK_STR(args[0], "img");
	CHECK_STR(args[1], "-x");
	opt_done(groups, &s);
	CHECK_INT(PARSE(0, "-"), 0);
	CHECK_STR(args[0], "-");
	opt_done(groups, &s);
}

TEST(help_is_always_an_option)
{
	const char *args[16] = { NULL };
	struct sample s;
	struct err e;
	CHECK_INT(PARSE(0, "-ah"), -ECANCELED);
	opt_done(groups, &s);
	CHECK_INT(PARSE(0, "--help"), -ECANCELED);
	opt_done(groups, &s);
}

TEST(options_of_the_outside_are_found_behind_those_of_the_inside)
{
	struct {
		char **opts;
		const char *root;
		int all, version;
	} out = { 0 };
	static const struct opt outside[] = {
		LIST(0, "opt", "X", 0, "List"),
		STR('R', "root", "DIR", offsetof(__typeof__(out), root), "Root"),
		FLAG('a', "all", offsetof(__typeof__(out), all), "Shadowed"),
		FLAG('h', "host", offsetof(__typeof__(out), version), "Never -h"),
		END,
	};
	static const struct opt *const outer_groups[] = { outside, NULL };
	const struct opt_outer outer = { .groups = outer_groups, .dst = &out };
	const char *args[16] = { NULL };
	struct sample s = { 0 };
	struct err e = { 0 };

	CHECK_INT(strv_add(&out.opts, "before"), 0);
	CHECK_INT(opt_init(groups, &s, &e), 0);
	CHECK_INT(opt_parse_within(&outer, groups, "cove x", 0,
				   (char *const[]){ "-aR", "/r", "one", "--opt=behind", NULL }, &s,
				   args, &e),
		  0);
	CHECK_INT(s.all, 1);
	CHECK_INT(out.all, 0);
	CHECK_STR(out.root, "/r");
	CHECK_STR(args[0], "one");
	CHECK_INT(strv_len(out.opts), 2);
	CHECK_STR(out.opts[1], "behind");
	CHECK_INT(opt_parse_within(&outer, groups, "cove x", 0, (char *const[]){ "-h", NULL }, &s,
				   args, &e),
		  -ECANCELED);
	opt_done(groups, &s);
	opt_done(outer_groups, &out);
}

TEST(bad_options_are_refused)
{
	REFUSES("unknown flag: --nosuch", "--nosuch=3");
	REFUSES("unknown flag: --al", "--al");
	REFUSES("unknown shorthand flag: 'Z' in -aZ", "-aZ");
	REFUSES("flag needs an argument: --name", "--name");
	REFUSES("flag needs an argument: 'n' in -an", "-an");
	REFUSES("invalid argument \"maybe\" for \"-a, --all\" flag: must be true or false",
		"--all=maybe");
	REFUSES("invalid argument \"abc\" for \"-n, --last\" flag: not a number", "-nabc");
	REFUSES("invalid argument \"101\" for \"-n, --last\" flag: must be between -1 and 100",
		"-n=101");
	REFUSES("invalid argument \"x\" for \"--network\" flag: must be one of none|host",
		"--net=x");
	REFUSES("invalid argument \"=1\" for \"-e, --env\" flag: must be KEY=VALUE", "-e", "=1");
	REFUSES("invalid argument \"a\"b\" for \"-v, --csv\" flag: stray \" in a comma separated "
		"list",
		"-va\"b");
	REFUSES("invalid argument \"1x\" for \"-m, --memory\" flag: not a size (a number, and b, "
		"k, m or g behind it)",
		"-m", "1x");
	REFUSES("invalid argument \"5y\" for \"-i, --interval\" flag: not a duration (like 300ms, "
		"1.5h or 2h45m)",
		"-i5y");
	REFUSES("invalid argument \"1,5\" for \"--cpus\" flag: not a number", "--cpus=1,5");
	REFUSES("--remote: there is no remote service", "--remote");
	REFUSES("bad flag syntax: --=x", "--=x");
}
