/* SPDX-License-Identifier: Apache-2.0 */
/* Networks, as of schema version 3. */
#ifndef COVE_STORE_SCHEMA_NETWORK_H
#define COVE_STORE_SCHEMA_NETWORK_H

#define SCHEMA_NETWORK                                                            \
	"CREATE TABLE network ("                                                  \
	" id TEXT PRIMARY KEY,"                                                   \
	" name TEXT NOT NULL UNIQUE,"                                             \
	" doc TEXT NOT NULL" /* as `network inspect` shows it, but for members */ \
	") WITHOUT ROWID;"

#endif
