/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/layer_cipher.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "src/image/crypt_test_keys.h"
#include "src/image/key_wrap.h"
#include "src/util/base64.h"
#include "src/util/fd.h"
#include "src/util/json.h"
#include "src/util/testing.h"

#define BIG (300 << 10) /* more than one chunk */

static int file_of(const void *bytes, size_t n)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	CHECK(fd >= 0 && fd_write_all(fd, bytes, n) == 0 && lseek(fd, 0, SEEK_SET) == 0);
	return fd;
}

/* A layer of N bytes, encrypted: the cipher text is in *RET_FD. */
static int64_t encrypted(size_t n, struct cipher_options *o, char digest[DIGEST_LEN + 1],
			 char plain[DIGEST_LEN + 1], int *ret_fd)
{
	scoped(mem) char *bytes = malloc(n + 1);
	scoped(fd) int in = -EBADF;
	struct err e = { 0 };
	int64_t size = -1;

	memset(bytes, 'x', n + 1);
	in = file_of(bytes, n);
	*ret_fd = file_of("", 0);
	CHECK_INT(cipher_options_new(o, &e), 0);
	CHECK_INT(layer_encrypt(o, in, *ret_fd, plain, digest, &size, &e), 0);
	CHECK_INT(size, (int64_t)n);
	return size;
}

static int decrypted(const struct cipher_options *o, int fd, const char *digest, int64_t size,
		     int64_t *ret_came)
{
	scoped(fd) int out = file_of("", 0);
	struct err e = { 0 };
	int rc;

	CHECK_INT(lseek(fd, 0, SEEK_SET), 0);
	rc = layer_decrypt(o, fd, out, digest, size, 0, &e);
	*ret_came = lseek(out, 0, SEEK_END);
	return rc;
}

TEST(layers_of_any_size_go_round)
{
	static const size_t sizes[] = { 0, 1, 131071, 131072, 131073, BIG };

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		scoped(cipher_options) struct cipher_options o = { .key = { 0 } };
		char digest[DIGEST_LEN + 1], plain[DIGEST_LEN + 1];
		scoped(fd) int fd = -EBADF;
		int64_t size = encrypted(sizes[i], &o, digest, plain, &fd), came = -1;

		CHECK(digest_is_valid(digest) && digest_is_valid(plain));
		CHECK(!sizes[i] || strcmp(digest, plain) != 0);
		CHECK_INT(decrypted(&o, fd, digest, size, &came), 0);
		CHECK_INT(came, size);
	}
}

TEST(layers_are_found_in_files)
{
	scoped(cipher_options) struct cipher_options o = { .key = { 0 } };
	char digest[DIGEST_LEN + 1], plain[DIGEST_LEN + 1];
	scoped(fd) int fd = -EBADF;
	scoped(fd) int out = file_of("", 0);
	int64_t size = encrypted(BIG, &o, digest, plain, &fd);
	struct err e = { 0 };

	CHECK_INT(pwrite(fd, "more", 4, BIG), 4);
	CHECK_INT(lseek(fd, 0, SEEK_SET), 0);
	CHECK_INT(layer_decrypt(&o, fd, out, digest, size, 1, &e), 0);
	CHECK_INT(lseek(out, 0, SEEK_END), BIG);
	CHECK_INT(lseek(fd, 0, SEEK_SET), 0);
	CHECK_INT(layer_decrypt(&o, fd, out, digest, size, 0, &e), -EBADMSG);
}

TEST(layers_that_are_not_right_never_come_whole)
{
	scoped(cipher_options) struct cipher_options o = { .key = { 0 } };
	char digest[DIGEST_LEN + 1], plain[DIGEST_LEN + 1];
	scoped(fd) int fd = -EBADF;
	int64_t size = encrypted(BIG, &o, digest, plain, &fd), came = -1;
	struct cipher_options other = o;

	other.hmac[3] ^= 1;
	CHECK_INT(decrypted(&other, fd, digest, size, &came), -EACCES);
	CHECK(came < size);
	other = o;
	other.key[0] ^= 1;
	CHECK_INT(decrypted(&other, fd, digest, size, &came), -EACCES);
	CHECK(came < size);
	CHECK_INT(decrypted(&o, fd, plain, size, &came), -EBADMSG);
	CHECK_INT(decrypted(&o, fd, digest, size + 1, &came), -EBADMSG);
	CHECK_INT(pwrite(fd, "y", 1, 5), 1);
	CHECK_INT(decrypted(&o, fd, digest, size, &came), -EBADMSG);
	CHECK(came < size);
	CHECK_INT(ftruncate(fd, BIG - 1), 0);
	CHECK_INT(decrypted(&o, fd, digest, size, &came), -EBADMSG);
	CHECK(came < size);
}

TEST(cipher_options_go_round)
{
	scoped(cipher_options) struct cipher_options o = { .key = { 0 } };
	scoped(cipher_options) struct cipher_options got = { .key = { 0 } };
	scoped(secret) struct secret priv = { 0 };
	scoped(mem) char *pub = NULL;
	struct err e = { 0 };

	CHECK_INT(cipher_options_new(&o, &e), 0);
	memset(o.hmac, 7, sizeof(o.hmac));
	CHECK_INT(cipher_options_private(&o, "sha256:", &priv, &e), 0);
	pub = cipher_options_public(&o);
	CHECK_INT(cipher_options_parse((char *)priv.bytes, priv.n, pub, strlen(pub), &got, &e), 0);
	CHECK(memcmp(&o, &got, sizeof(o)) == 0);
}

#define KEY32	"MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI="
#define NONCE16 "MTIzNDU2Nzg5MDEyMzQ1Ng=="
#define PRIV \
	"{\"symkey\":\"" KEY32 "\",\"digest\":\"\",\"cipheroptions\":{\"nonce\":\"" NONCE16 "\"}}"
#define PUB "{\"cipher\":\"AES_256_CTR_HMAC_SHA256\",\"hmac\":\"" KEY32 "\",\"cipheroptions\":{}}"

TEST(cipher_options_that_are_not_whole_are_refused)
{
	static const struct {
		const char *priv, *pub;
		int code;
	} rows[] = {
		{ PRIV, PUB, 0 },
		/* the public ones come first */
		{ "{\"symkey\":\"" KEY32 "\"}",
		  "{\"cipher\":\"AES_256_CTR_HMAC_SHA256\",\"hmac\":\"" KEY32
		  "\",\"cipheroptions\":{\"nonce\":\"" NONCE16 "\"}}",
		  0 },
		{ "{\"symkey\":\"" KEY32 "\"}", PUB, -EBADMSG },
		{ "{\"symkey\":\"" NONCE16 "\",\"cipheroptions\":{\"nonce\":\"" NONCE16 "\"}}", PUB,
		  -EBADMSG },
		{ "{\"symkey\":\"" KEY32 "\",\"cipheroptions\":{\"nonce\":\"" KEY32 "\"}}", PUB,
		  -EBADMSG },
		{ PRIV, "{\"cipher\":\"AES_256_CTR_HMAC_SHA256\",\"hmac\":\"\"}", -EBADMSG },
		{ PRIV, "{\"cipher\":\"ROT13\",\"hmac\":\"" KEY32 "\"}", -ENOTSUP },
		{ PRIV, "{}", -ENOTSUP },
		{ PRIV, "", -EBADMSG },
		{ "[]", PUB, -EBADMSG },
		{ "", PUB, -EBADMSG },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		scoped(cipher_options) struct cipher_options o = { .key = { 0 } };
		struct err e = { 0 };
		int rc = cipher_options_parse(rows[i].priv, strlen(rows[i].priv), rows[i].pub,
					      strlen(rows[i].pub), &o, &e);

		if (rc != rows[i].code)
			TEST_FAIL("row %zu: %d", i, rc);
	}
}
