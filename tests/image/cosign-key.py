#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""cosign-key.py PASSPHRASE PREFIX: a pair of keys as cosign makes them, PREFIX.key and PREFIX.pub.

The private key is made by openssl; this encrypts it: scrypt, then XSalsa20 and Poly1305."""
import base64
import hashlib
import json
import os
import struct
import subprocess
import sys

M = 0xFFFFFFFF


def rotate(v, n):
    v &= M
    return (v << n | v >> (32 - n)) & M


def rounds(x):
    def quarter(a, b, c, d):
        x[b] ^= rotate(x[a] + x[d], 7)
        x[c] ^= rotate(x[b] + x[a], 9)
        x[d] ^= rotate(x[c] + x[b], 13)
        x[a] ^= rotate(x[d] + x[c], 18)
    for _ in range(10):
        for q in ((0, 4, 8, 12), (5, 9, 13, 1), (10, 14, 2, 6), (15, 3, 7, 11)):
            quarter(*q)
        for q in ((0, 1, 2, 3), (5, 6, 7, 4), (10, 11, 8, 9), (15, 12, 13, 14)):
            quarter(*q)


def state(key, middle):
    k, m, s = struct.unpack("<8I", key), struct.unpack("<4I", middle), struct.unpack("<4I", b"expand 32-byte k")
    return [s[0], *k[:4], s[1], *m, s[2], *k[4:], s[3]]


def hsalsa(key, middle):
    x = state(key, middle)
    rounds(x)
    return struct.pack("<8I", x[0], x[5], x[10], x[15], x[6], x[7], x[8], x[9])


def stream(key, nonce, n):
    out = b""
    while len(out) < n:
        was = state(key, nonce + struct.pack("<Q", len(out) // 64))
        x = list(was)
        rounds(x)
        out += struct.pack("<16I", *((a + b) & M for a, b in zip(x, was)))
    return out[:n]


def poly1305(key, text):
    r = int.from_bytes(key[:16], "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
    a = 0
    for i in range(0, len(text), 16):
        a = (a + int.from_bytes(text[i:i + 16] + b"\1", "little")) * r % (2 ** 130 - 5)
    return ((a + int.from_bytes(key[16:], "little")) % 2 ** 128).to_bytes(16, "little")


def secretbox(text, nonce, key):
    s = stream(hsalsa(key, nonce[:16]), nonce[16:], 32 + len(text))
    box = bytes(a ^ b for a, b in zip(text, s[32:]))
    return poly1305(s[:32], box) + box


passphrase, prefix = sys.argv[1].encode(), sys.argv[2]
pem = subprocess.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
                     check=True, stdout=subprocess.PIPE).stdout
der = subprocess.run(["openssl", "pkcs8", "-topk8", "-nocrypt", "-outform", "DER"], input=pem, check=True,
                     stdout=subprocess.PIPE).stdout
public = subprocess.run(["openssl", "pkey", "-pubout"], input=pem, check=True, stdout=subprocess.PIPE).stdout
salt, nonce = os.urandom(32), os.urandom(24)
key = hashlib.scrypt(passphrase, salt=salt, n=32768, r=8, p=1, maxmem=1 << 26, dklen=32)


def b64(b):
    return base64.b64encode(b).decode()


document = json.dumps({
    "kdf": {"name": "scrypt", "params": {"N": 32768, "r": 8, "p": 1}, "salt": b64(salt)},
    "cipher": {"name": "nacl/secretbox", "nonce": b64(nonce)},
    "ciphertext": b64(secretbox(der, nonce, key)),
}).encode()
text = b64(document)
with open(prefix + ".key", "w", encoding="ascii") as f:
    f.write("-----BEGIN ENCRYPTED COSIGN PRIVATE KEY-----\n")
    f.writelines(text[i:i + 64] + "\n" for i in range(0, len(text), 64))
    f.write("-----END ENCRYPTED COSIGN PRIVATE KEY-----\n")
with open(prefix + ".pub", "wb") as f:
    f.write(public)
