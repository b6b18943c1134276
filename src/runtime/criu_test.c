/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "src/runtime/criu.h"
#include "src/runtime/criu_rpc.h"
#include "src/util/json.h"
#include "src/util/scoped.h"
#include "src/util/testing.h"

#define HEAD "\x40\x59\x10\x55\x06\x33\x09\x57"

TEST(statistics_of_a_dump)
{
	/* {1: {1: 300, 2: 5, 5: 1000, 7: 42, 99: "ab"}} */
	static const char bytes[] = HEAD "\x13\0\0\0"
					 "\x0a\x11"
					 "\x08\xac\x02"
					 "\x10\x05"
					 "\x28\xe8\x07"
					 "\x38\x2a"
					 "\x9a\x06\x02"
					 "ab"
					 "\x40\x01";
	scoped(json) json_object *o = json_object_new_object();

	CHECK_INT(criu_stats_parse(bytes, sizeof(bytes) - 1, o), 0);
	CHECK_INT(json_get_int(o, "freezing_time", -1), 300);
	CHECK_INT(json_get_int(o, "frozen_time", -1), 5);
	CHECK_INT(json_get_int(o, "pages_scanned", -1), 1000);
	CHECK_INT(json_get_int(o, "pages_written", -1), 42);
	CHECK_INT(json_object_object_length(o), 4);
}

TEST(statistics_of_a_restore)
{
	static const char bytes[] = HEAD "\x08\0\0\0"
					 "\x12\x06"
					 "\x18\x07"
					 "\x20\x09"
					 "\x28\x0b";
	scoped(json) json_object *o = json_object_new_object();

	CHECK_INT(criu_stats_parse(bytes, sizeof(bytes) - 1, o), 0);
	CHECK_INT(json_get_int(o, "forking_time", -1), 7);
	CHECK_INT(json_get_int(o, "restore_time", -1), 9);
	CHECK_INT(json_get_int(o, "pages_restored", -1), 11);
}

TEST(broken_statistics_are_refused)
{
	static const struct {
		const char *bytes;
		size_t n;
	} rows[] = {
		{ "", 0 },
		{ HEAD, 8 },
		{ HEAD "\x02\0\0\0\x0a", 13 },			    /* longer than the file */
		{ "\x41\x59\x10\x55\x06\x33\x09\x57\0\0\0\0", 12 }, /* another magic */
		{ HEAD "\x02\0\0\0\x0a\x05", 14 },     /* a member longer than its message */
		{ HEAD "\x03\0\0\0\x0a\x01\x80", 15 }, /* a number without an end */
		{ HEAD "\x01\0\0\0\x0b", 13 },	       /* no such wire type */
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		scoped(json) json_object *o = json_object_new_object();
		CHECK_INT(criu_stats_parse(rows[i].bytes, rows[i].n, o), -EBADMSG);
	}
}

TEST(a_command_line_becomes_a_request)
{
	char *const argv[] = { (char *)"criu",
			       (char *)"restore",
			       (char *)"--log-file",
			       (char *)"l",
			       (char *)"-v4",
			       (char *)"--manage-cgroups=soft",
			       (char *)"--tcp-close",
			       (char *)"--root",
			       (char *)"/r",
			       (char *)"--restore-detached",
			       (char *)"--pidfile",
			       (char *)"p",
			       (char *)"--inherit-fd",
			       (char *)"fd[300]:k",
			       (char *)"--external",
			       (char *)"mnt[/a]:/b",
			       NULL };
	/* {1: 2, 2: {12: 1, 50: 1, 10: "l", 9: 4, 34: 3, 52: 1, 13: "/r", 27: {1: "k", 2: 300},
	 * 37: "mnt[/a]:/b"}} */
	static const char want[] = "\x08\x02\x12\x2a"
				   "\x60\x01"
				   "\x90\x03\x01"
				   "\x52\x01l"
				   "\x48\x04"
				   "\x90\x02\x03"
				   "\xa0\x03\x01"
				   "\x6a\x02/r"
				   "\xda\x01\x06\x0a\x01k\x10\xac\x02"
				   "\xaa\x02\x0amnt[/a]:/b";
	scoped(criu_rpc) struct criu_rpc c = CRIU_RPC_NONE;
	struct err e;

	CHECK_INT(criu_rpc_encode(&c, argv, &e), 0);
	CHECK_INT(c.request.len, sizeof(want) - 1);
	CHECK_INT(memcmp(c.request.s, want, sizeof(want) - 1), 0);
}

TEST(what_requests_do_not_have_is_refused)
{
	static const char *const words[] = { "--leave-stopped", "--lsm-mount-context", "--nosuch",
					     "--root", "--manage-cgroups=x" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		char *const argv[] = { (char *)"criu", (char *)"dump", (char *)words[i], NULL };
		scoped(criu_rpc) struct criu_rpc c = CRIU_RPC_NONE;
		struct err e;
		CHECK_INT(criu_rpc_encode(&c, argv, &e) < 0, 1);
	}
}
