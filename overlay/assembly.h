/* SPDX-License-Identifier: Apache-2.0 */
/* The insides of assemble.h: one layer on its way. */
#ifndef COVE_OVERLAY_ASSEMBLY_H
#define COVE_OVERLAY_ASSEMBLY_H

#include <isa-l/igzip_lib.h>
#include <openssl/evp.h>
#include <zstd.h>

#include "overlay/assemble.h"
#include "overlay/assemble_local.h"

#define ASSEMBLY_IN ((size_t)128 << 10)

struct assembly {
	const struct assemble_options *o;
	const struct assemble_io *io;
	struct toc toc;
	struct local_files local;

	char *split; /* the tar-split, compressed; NULL: none */
	size_t split_len;
	int64_t stream_end; /* where the tar stream's frames end */

	char *table; /* of eStargz: the end of the tar stream, compressed */
	size_t table_len;
	struct strbuf index;   /* and plain, while it is read */
	struct toc_tail *tail; /* that comes by, TAIL_AT bytes of it came */
	size_t tail_at;
	int64_t skip; /* bytes of a member that are here */
	int is_gnu;   /* the archive's headers are of that kind */

	struct toc_range *ranges; /* to be fetched */
	size_t n, cap, asked;
	size_t at;   /* the range that is being read */
	int64_t pos; /* in the blob, of the next byte of it */

	ZSTD_DCtx *z;
	struct inflate_state gz;
	EVP_MD_CTX *hash;
	char *in, *out, *piece;
	size_t out_len;
	size_t next;	   /* file of the table */
	int64_t file_left; /* of the one that is fetched */
};

int assembly_init(struct assembly *a, struct err *e);
void assembly_done(struct assembly *a);
static inline __attribute__((unused)) void scoped_assembly(struct assembly *a)
{
	assembly_done(a);
}
int assembly_no_memory(struct err *e);

/* Bytes of the tar stream (a toc_sink, ARG the assembly); what of them is held back goes out. */
int assembly_emit(void *arg, const void *bytes, size_t n, struct err *e);
int assembly_flush(struct assembly *a, struct err *e);

/* The range R of the blob is needed; in the blob's order. */
int assembly_need(struct assembly *a, const struct toc_range *r, struct err *e);
/* -ECANCELED when fetching what is needed, and SPENT bytes already, saves too little. */
int assembly_is_worth_it(const struct assembly *a, int64_t spent, struct err *e);
/* N bytes of those that come next. */
int assembly_read(struct assembly *a, char *bytes, size_t n, struct err *e);
/* The same of a whole range that was asked for; *RET owned. */
int assembly_part(struct assembly *a, const struct toc_range *r, char **ret, size_t *ret_n,
		  struct err *e);
/* The range R of the blob, which was needed, decompressed to SINK with the assembly. -EBADMSG. */
int assembly_inflate(struct assembly *a, const struct toc_range *r, toc_sink *sink, struct err *e);
/* The same of N BYTES in memory. */
int assembly_inflate_bytes(struct assembly *a, char *bytes, size_t n, toc_sink *sink,
			   struct err *e);

/* A file that is fetched: begin, the next bytes of it (a toc_sink), and was it F? */
int assembly_file_begin(struct assembly *a, const struct toc_file *f, struct err *e);
int assembly_file_piece(void *arg, const void *bytes, size_t n, struct err *e);
int assembly_file_end(struct assembly *a, const struct toc_file *f, struct err *e);
/* The contents of F from the store. */
int assembly_local_file(struct assembly *a, const struct toc_file *f, struct err *e);

/* eStargz: find and read the table; say what is needed; give out the stream. */
int stargz_tables(struct assembly *a, int64_t *ret_spent, struct err *e);
int stargz_plan(struct assembly *a, struct err *e);
int stargz_run(struct assembly *a, struct err *e);

#endif
