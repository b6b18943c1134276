/* SPDX-License-Identifier: Apache-2.0 */
/* Names of signals. */
#ifndef COVE_UTIL_SIGNALS_H
#define COVE_UTIL_SIGNALS_H

/* "TERM", "SIGTERM", "sigterm", "15", "RTMIN+3": the number, or -EINVAL. */
int signal_from_name(const char *s);

#endif
