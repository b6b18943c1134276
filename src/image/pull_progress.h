/* SPDX-License-Identifier: Apache-2.0 */
/* What a pull shows on stderr: one redrawn line for each layer on a terminal, else the plain lines
 * that scripts know. */
#ifndef COVE_IMAGE_PULL_PROGRESS_H
#define COVE_IMAGE_PULL_PROGRESS_H

#include <stdint.h>

#include "src/image/manifest.h"

struct pull_progress {
	int quiet, terminal;
	size_t n; /* layers on the screen; 0: none drawn */
	struct pull_line {
		char hex[13];
		int64_t bytes, size;
		enum { LINE_COPYING, LINE_DONE, LINE_SKIPPED } state;
	} * lines;
};

void pull_progress_init(struct pull_progress *p, int quiet);
void pull_progress_done(struct pull_progress *p);
/* One plain line. */
void pull_progress_say(struct pull_progress *p, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* The layers of M are to be copied; WANTED[i] 0: it is there. */
void pull_progress_layers(struct pull_progress *p, const struct manifest *m, const char *wanted);
void pull_progress_bytes(struct pull_progress *p, size_t layer, int64_t bytes);
void pull_progress_ready(struct pull_progress *p, size_t layer);

#endif
