/* SPDX-License-Identifier: Apache-2.0 */
/* What pull shares with run and create: options that say which image of a name, and how to reach
 * it. */
#ifndef COVE_CLI_IMAGE_PULL_H
#define COVE_CLI_IMAGE_PULL_H

#include <stdint.h>

#include "src/cli/opt.h"
#include "src/image/platform.h"

/* Stands FIRST in the options struct of a command that uses the groups. */
struct pull_settings {
	const char *arch, *os, *platform, *variant;
	const char *authfile, *cert_dir, *creds;
	int tls_verify; /* -1: not given */
	int retry;	/* -1: not given */
	int64_t retry_delay_ms;
};
extern const struct opt pull_platform_options[]; /* --arch --os --platform --variant */
extern const struct opt pull_registry_options[]; /* --authfile --cert-dir --creds --tls-verify */

extern const struct opt pull_retry_options[]; /* --retry --retry-delay */

#define PULL_PLATFORM_MAX PLATFORM_TEXT_MAX
/* What image_pull_options.platform wants: *RET is NULL for the host's, else --platform or BUF.
 * -EINVAL. */
int pull_settings_platform(const struct pull_settings *s, char buf[PULL_PLATFORM_MAX],
			   const char **ret, struct err *e);

/* The row --decryption-key. */
/* The rows of retry and retry_delay_ms of the struct that AT() is about. */
#define PULL_RETRY_ROWS                                                                        \
	INT(0, "retry", "N", AT(retry), 0, 100,                                                \
	    "How often to try again after a failure of the network", .init = -1,               \
	    .man = "Without it: retry of containers.conf(5), else 3 times."),                  \
		DURATION(0, "retry-delay", "TIME", AT(retry_delay_ms),                         \
			 "How long to wait before that", .bare_ms = 1000,                      \
			 .man = "Without it: retry_delay of containers.conf(5), else a short " \
				"while, which "                                                \
				"grows.")
#define DECRYPTION_KEY_HELP "Decrypt layers with this private key"
#define DECRYPTION_KEY_MAN                                                                        \
	"A file in PEM or DER, or secret keys as gpg exports them; where it is for PKCS #7, the " \
	"certificate is not needed, but may "                                                     \
	"be given so as well. PASSWORD is the key's, or pass=PASSWORD, file=FILE that has it, "   \
	"or "                                                                                     \
	"fd=N where it can be read. What is stored is plain, and the manifest that is stored "    \
	"names "                                                                                  \
	"the plain layers."

/* Values of --policy, and in *RET the enum image_pull_policy that WORD means.  -EINVAL. */
#define PULL_POLICY_WORDS "always|missing|never|newer|ifnotpresent|true|false"
int pull_policy(const char *word, int *ret, struct err *e);

#endif
