/* SPDX-License-Identifier: Apache-2.0 */
/* The role `crypt` (program cove-crypt): layers are encrypted and decrypted here, and keys are read
 * here.  A layer's key never leaves it.  It speaks as the role `pull` does (pull_protocol.h), fd 4
 *is a directory with the file "manifest":
 *
 *	engine	{"type":"recipients","recipients":["SCHEME:WHO"...]}	can these be encrypted for?
 *	role	{"type":"done"}
 *
 *	engine	{"type":"encrypt","recipients":[...]}		the stream on 0, to 1
 *	role	{"type":"done","digest","size","plain","annotations":{...}}
 *		Digest and size of what was written, the digest of what was read, and what the
 *		descriptor needs.
 *
 *	engine	{"type":"look","keys":[...]}			are these files that can be read?
 *	role	{"type":"done"}
 *
 *	engine	{"type":"keys","keys":[{"path","password"}...]}	can the manifest's layers be read?
 *	role	{"type":"done"}
 *
 *	engine	{"type":"decrypt","keys":[...],"layer":N,"part"}	the stream on 0, to 1
 *		"part": behind the layer comes something else
 *	role	{"type":"done"}					its size, digest and HMAC hold
 */
#ifndef COVE_IMAGE_CRYPT_ROLE_H
#define COVE_IMAGE_CRYPT_ROLE_H

int role_crypt_main(void);

#endif
