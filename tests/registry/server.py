#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A registry that misbehaves on demand, for tests on 127.0.0.1 only.

usage: server.py DIR [CERT KEY]

Serves one small image under many repository names; the name says what goes wrong (see FAULTS below).
Writes DIR/port and DIR/port2 (a second host name's port, for redirects) when it is ready, and one line for each
request into DIR/log: PORT METHOD PATH AUTHORIZATION RANGE STATUS.  The tag is always 1.

A file DIR/inject, "ID N KIND", makes the Nth request since it is there go wrong, whatever it is, and is removed then
(DIR/injected says which request it was); a new ID forgets what was pushed.  KIND:
  500 502 503 504 429   this status instead of an answer
  close                 no answer
  cut:N                 nothing of the answer after N bytes
  flip:N                byte N of the answer's body changed
  upload:cut            half of what is sent is read
  upload:flip           a byte of what is sent arrives as another
"""
import base64
import gzip
import hashlib
import http.server
import io
import json
import os
import random
import ssl
import sys
import tarfile
import threading
import time
import urllib.parse

OCI = "application/vnd.oci.image."
MANIFEST, INDEX, CONFIG = OCI + "manifest.v1+json", OCI + "index.v1+json", OCI + "config.v1+json"
LAYER = OCI + "layer.v1.tar"
DOCKER = "application/vnd.docker.distribution.manifest."
USER, PASSWORD = "user", "pass:word"
BASIC = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
REFRESH = "refresh-token"
MACHINES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386"}
ARCH = MACHINES.get(os.uname().machine, os.uname().machine)

STALL = os.path.join(sys.argv[1], "stall")
FAULTS = """good stall drop drop-norange drop-always busy error500 error500-always flaky slow wrong-digest wrong-config
wrong-diffid few-diffids wrong-size longer truncated garbage both deep schema1 huge-manifest redirect redirect-loop
redirect-file redirect-challenge token token-anonymous token-expired basic identity long-realm mislabeled
header-digest no-platform index wrong-child artifact bad-digest twice errors corrupt corrupt-manifest corrupt-config
token-short token-error""".split()


def digest(b):
    return "sha256:" + hashlib.sha256(b).hexdigest()


def layer_tar(i):
    f = io.BytesIO()
    rnd = random.Random(i)
    with tarfile.open(fileobj=f, mode="w") as t:
        for name, data in ((f"layer{i}", rnd.randbytes(400000)), ("common", b"%d\n" % i)):
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(data), 0o644
            t.addfile(info, io.BytesIO(data))
    return f.getvalue()


TARS = [layer_tar(i) for i in range(3)]
GZIPS = [gzip.compress(t, 1, mtime=0) for t in TARS]


def flip(b):
    return b[:-9] + bytes([b[-9] ^ 1]) + b[-8:]


class Image:
    """The documents and blobs of one repository, with its fault built in."""

    def __init__(self, fault):
        self.manifests, self.blobs, self.types = {}, {}, {}
        tars, zips = list(TARS), list(GZIPS)
        if fault == "twice":
            tars.append(tars[0])
            zips.append(zips[0])
        ids = [digest(t) for t in tars]
        if fault == "wrong-diffid":
            ids[1] = digest(b"another")
        if fault == "few-diffids":
            ids.pop()
        config = json.dumps({"architecture": ARCH, "os": "linux", "config": {"Cmd": ["true"], "Labels": {"f": fault}},
                             "rootfs": {"type": "layers", "diff_ids": ids}}).encode()
        layers = []
        for z in zips:
            served, d = z, {"mediaType": LAYER + "+gzip", "digest": digest(z), "size": len(z)}
            if fault == "wrong-digest":
                served = flip(z)
            elif fault == "wrong-size":
                d["size"] -= 1
            elif fault == "longer":
                served = z + b"more"
            elif fault == "truncated":
                served = z[:-1000]
            elif fault == "mislabeled":
                d["mediaType"] = LAYER + "+zstd"
            layers.append(d)
            self.blobs[d["digest"]] = served
        if fault == "bad-digest":
            layers[1]["digest"] = "sha256:../../../../etc/passwd"
        self.blobs[digest(config)] = flip(config) if fault == "wrong-config" else config
        doc = {"schemaVersion": 2, "mediaType": MANIFEST, "layers": layers,
               "config": {"mediaType": CONFIG, "digest": digest(config), "size": len(config)}}
        if fault == "artifact":
            doc["config"]["mediaType"] = "application/vnd.example.chart"
        body, kind = self.document(fault, doc)
        self.put(body, kind, tag=True)

    def put(self, body, kind, tag=False):
        self.manifests[digest(body)] = body
        self.types[digest(body)] = kind
        if tag:
            self.manifests["1"], self.types["1"] = body, kind

    def document(self, fault, doc):
        text = json.dumps(doc).encode()
        if fault == "garbage":
            return b"{\"schemaVersion\": 2, <html>", MANIFEST
        if fault == "deep":
            return b"{\"a\":" * 300000, MANIFEST
        if fault == "schema1":
            return b'{"schemaVersion":1,"name":"x","fsLayers":[],"history":[]}', DOCKER + "v1+prettyjws"
        if fault == "both":
            del doc["mediaType"]
            return json.dumps(dict(doc, manifests=[])).encode(), MANIFEST
        if fault == "huge-manifest":
            return text[:-1] + b" " * (5 << 20) + b"}", MANIFEST
        if fault in ("index", "no-platform", "wrong-child"):
            self.put(text, MANIFEST)
            if fault == "wrong-child":
                self.manifests[digest(text)] = flip(text)
            entry = {"mediaType": MANIFEST, "digest": digest(text), "size": len(text)}
            other = dict(entry, digest=digest(b"other"), platform={"os": "linux", "architecture": "mips"})
            mine = dict(entry, platform={"os": "linux", "architecture": ARCH})
            entries = [other] if fault == "no-platform" else [other, mine]
            return json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}).encode(), INDEX
        return text, MANIFEST


IMAGES = {f: Image(f) for f in FAULTS}
LOCK = threading.Lock()
SEEN = {}
TOKENS = {"issued": 0}
UPLOADS, PUSHED, USES, ISSUED = {}, {}, {}, set()
INJECT = {"id": "", "n": 0}
PORTS = []
DIR = sys.argv[1]
SCHEME = "https" if len(sys.argv) > 2 else "http"


class Spoiled:
    """An answer that is cut after some bytes, or has one changed in its body."""

    def __init__(self, file, kind, connection):
        self.file, self.connection = file, connection
        self.what, at = kind.split(":")
        self.left, self.in_body, self.sent = int(at), False, b""

    def write(self, b):
        if self.what == "cut":
            if self.left <= 0:
                return
            self.file.write(b[:self.left])
            self.left -= len(b)
            if self.left <= 0:
                self.file.flush()
                self.connection.shutdown(2)
            return
        if not self.in_body:
            self.sent += b
            self.in_body = b"\r\n\r\n" in self.sent
        elif 0 <= self.left < len(b):
            b = b[:self.left] + bytes([b[self.left] ^ 1]) + b[self.left + 1:]
            self.left = -1
        elif self.left >= 0:
            self.left -= len(b)
        self.file.write(b)

    def __getattr__(self, name):
        return getattr(self.file, name)


class Flipped:
    """The first byte that is read arrives as another."""

    def __init__(self, file):
        self.file, self.done = file, False

    def read(self, n):
        b = self.file.read(n)
        if b and not self.done:
            self.done = True
            b = bytes([b[0] ^ 1]) + b[1:]
        return b

    def __getattr__(self, name):
        return getattr(self.file, name)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def next_fault(self):
        """What the file DIR/inject has for this request, or None."""
        path = os.path.join(DIR, "inject")
        with LOCK:
            try:
                with open(path, encoding="ascii") as f:
                    name, n, kind = f.read().split()
            except (OSError, ValueError):
                return None
            if INJECT["id"] != name:
                INJECT.update(id=name, n=0)
                PUSHED.clear()
                UPLOADS.clear()
            INJECT["n"] += 1
            if INJECT["n"] != int(n):
                return None
            with open(os.path.join(DIR, "injected"), "w", encoding="utf-8") as f:
                print(kind, self.command, self.path, file=f)
            os.unlink(path)
            return kind

    def parse_request(self):
        if not super().parse_request():
            return False
        kind = self.next_fault()
        length = int(self.headers["Content-Length"] or 0)
        if not kind:
            return True
        if kind.startswith(("cut:", "flip:")):
            self.wfile = Spoiled(self.wfile, kind, self.connection)
            self.close_connection = True
            return True
        if kind == "upload:flip":
            self.rfile = Flipped(self.rfile)
            self.close_connection = True
            return True
        self.read_body(length // 2 if kind == "upload:cut" else length)
        if kind.isdigit():
            more = {"Retry_After": "1"} if kind == "429" else {}
            self.error(int(kind), "UNKNOWN", "out of order", **more)
        else:
            self.note("cut")
            self.cut()
        return False

    def log_message(self, *args):
        pass

    def note(self, status):
        with LOCK, open(os.path.join(DIR, "log"), "a", encoding="utf-8") as f:
            print(self.server.server_port, self.command, self.path,
                  (self.headers["Authorization"] or "-").replace(" ", "_"), self.headers["Range"] or "-", status, file=f)

    def answer(self, status, body=b"", **headers):
        self.note(status)
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def error(self, status, code, message, **headers):
        self.answer(status, json.dumps({"errors": [{"code": code, "message": message}]}).encode(),
                    Content_Type="application/json", **headers)

    def cut(self):
        self.close_connection = True
        self.wfile.flush()
        self.connection.shutdown(2)

    def first_time(self, what=""):
        """Is this the first request of this path?"""
        with LOCK:
            n = SEEN.get(self.path + what, 0)
            SEEN[self.path + what] = n + 1
        return n == 0

    def base(self, port):
        return f"{SCHEME}://127.0.0.1:{port}"

    # ---- authorization ----

    def authorized(self, fault):
        auth = self.headers["Authorization"]
        realm = self.base(PORTS[0]) + "/token/" + fault
        if fault == "basic":
            if auth == BASIC:
                return True
            self.error(401, "UNAUTHORIZED", "authentication required", WWW_Authenticate='Basic realm="test"')
            return False
        if fault == "long-realm":
            self.error(401, "UNAUTHORIZED", "x", WWW_Authenticate='Bearer realm="https://%s"' % ("a" * 60000))
            return False
        if not fault.startswith("token") and fault != "identity":
            return True
        good = {"Bearer token-%d" % TOKENS["issued"]} if fault == "token-expired" else {"Bearer secret-" + fault}
        if fault == "token-expired" and TOKENS["issued"] < 2:
            good = set()  # the first token is never good
        if fault == "token-short":  # each is good for two requests
            with LOCK:
                good = {auth} if auth in ISSUED and USES.get(auth, 0) < 2 else set()
                USES[auth] = USES.get(auth, 0) + 1
        if auth in good:
            return True
        self.error(401, "UNAUTHORIZED", "authentication required",
                   WWW_Authenticate=f'Bearer realm="{realm}",service="test",scope="repository:{fault}:pull"')
        return False

    def token(self, fault, query):
        if fault.startswith("up-"):
            if query.get("scope") != [f"repository:{fault}:pull,push"] or self.headers["Authorization"] != BASIC:
                return self.error(401, "UNAUTHORIZED", "incorrect username, password or scope")
            with LOCK:
                ISSUED.add("Bearer push-%d" % len(ISSUED))
                name = "push-%d" % (len(ISSUED) - 1)
            return self.answer(200, json.dumps({"token": name}).encode(), Content_Type="application/json")
        if query.get("scope") != [f"repository:{fault}:pull"] or query.get("service") != ["test"]:
            return self.error(400, "BAD", "wrong scope or service")
        if fault == "token" and self.headers["Authorization"] != BASIC:
            return self.error(401, "UNAUTHORIZED", "incorrect username or password")
        if fault == "identity" and query.get("refresh_token") != [REFRESH]:
            return self.error(401, "UNAUTHORIZED", "bad refresh token")
        if fault == "token-error" and self.first_time():
            return self.error(503, "UNAVAILABLE", "out of order")
        if fault == "token-short":
            with LOCK:
                name = "short-%d" % len(ISSUED)
                ISSUED.add("Bearer " + name)
            return self.answer(200, json.dumps({"token": name}).encode(), Content_Type="application/json")
        with LOCK:
            TOKENS["issued"] += fault == "token-expired"
        name = "token-%d" % TOKENS["issued"] if fault == "token-expired" else "secret-" + fault
        key = "access_token" if fault == "identity" else "token"
        return self.answer(200, json.dumps({key: name, "expires_in": 60}).encode(), Content_Type="application/json")

    def do_POST(self):
        parts = self.path.split("/")
        if parts[1] == "v2":
            return self.upload("POST")
        form = self.rfile.read(int(self.headers["Content-Length"] or 0)).decode()
        if len(parts) == 3 and parts[1] == "token":
            return self.token(parts[2], urllib.parse.parse_qs(form))
        return self.error(405, "UNSUPPORTED", "no")

    # ---- uploads: /v2/FAULT/blobs/uploads/ and the places in it, which may be on the second port ----

    def do_HEAD(self):
        return self.upload("HEAD")

    def do_PATCH(self):
        return self.upload("PATCH")

    def do_PUT(self):
        return self.upload("PUT")

    def first_error(self, method, length):
        """Once for each kind of request and length of what is sent."""
        what = f"{method} {length}"
        with LOCK:
            SEEN[what] = SEEN.get(what, 0) + 1
            return SEEN[what] == 1

    def read_body(self, n):
        """Reads at most N bytes of what is sent; none when it breaks off."""
        data = b""
        while len(data) < n:
            part = self.rfile.read(min(65536, n - len(data)))
            if not part:
                break
            data += part
        return data

    def upload(self, method):
        url = urllib.parse.urlparse(self.path)
        query = urllib.parse.parse_qs(url.query)
        parts = url.path.split("/")
        fault, length = parts[2], int(self.headers["Content-Length"] or 0)
        key = url.path
        if self.server.server_port == PORTS[0] and not self.may_push(fault, method, length):
            return None
        if fault == "up-error-always" and method == "PATCH":
            self.read_body(length)
            return self.error(500, "UNKNOWN", "out of order")
        if fault == "up-error" and self.first_error(method, length):
            self.read_body(length)
            return self.error([500, 502, 503, 504][len(SEEN) % 4], "UNKNOWN", "out of order")
        if method == "HEAD":
            have = parts[4] in PUSHED.get(fault, {})
            return self.answer(200 if have else 404)
        if method == "POST" and fault == "up-mount" and "mount" in query:
            return self.mount(fault, query["mount"][0], query["from"][0])
        if method == "POST":
            return self.begin_upload(fault)
        if method == "PUT" and parts[3] == "manifests":
            return self.take_manifest(fault, parts[4], self.read_body(length))
        if key not in UPLOADS:
            self.read_body(length)
            return self.error(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")
        if method == "PATCH":
            return self.take_bytes(fault, key, length)
        return self.close_upload(fault, key, query.get("digest", [""])[0])

    def may_push(self, fault, method, length):
        """up-token: each token is good for three requests only."""
        if fault not in ("up-token", "up-elsewhere"):
            return True
        auth = self.headers["Authorization"]
        with LOCK:
            good = auth and USES.get(auth, 0) < (3 if fault == "up-token" else 1000) and auth in ISSUED
            if good:
                USES[auth] = USES.get(auth, 0) + 1
        if good:
            return True
        realm = self.base(PORTS[0]) + "/token/" + fault
        self.close_connection = length > 0
        self.error(401, "UNAUTHORIZED", "authentication required",
                   WWW_Authenticate=f'Bearer realm="{realm}",service="test",scope="repository:{fault}:pull"')
        return False

    def mount(self, fault, name, source):
        blobs = IMAGES[source].blobs
        if name not in blobs:
            return self.begin_upload(fault)
        PUSHED.setdefault(fault, {})[name] = blobs[name]
        return self.answer(201, Location=f"/v2/{fault}/blobs/{name}", Docker_Content_Digest=name)

    def begin_upload(self, fault):
        with LOCK:
            key = f"/v2/{fault}/blobs/uploads/{len(UPLOADS)}"
            UPLOADS[key] = b""
        where = key + "?state=1"
        if fault == "up-elsewhere":
            where = self.base(PORTS[1]) + where
        elif fault == "up-file":
            where = "file:///tmp/x"
        return self.answer(202, Location=where, Range="0-0")

    def take_bytes(self, fault, key, length):
        asked = self.headers["Content-Range"]
        if asked and int(asked.split("-")[0]) != len(UPLOADS[key]):
            self.read_body(length)
            return self.error(416, "BLOB_UPLOAD_INVALID", "not from here")
        if fault in ("up-cut", "up-cut-forget") and self.once(fault, length):
            UPLOADS[key] += self.read_body(length // 2)
            if fault == "up-cut-forget":
                del UPLOADS[key]
            self.note("cut")
            return self.cut()
        if fault == "up-redirect" and self.server.server_port == PORTS[0]:
            self.close_connection = True
            return self.answer(307, Location=self.base(PORTS[1]) + self.path)
        data = self.read_body(length)
        if fault == "up-corrupt" and self.once(fault, length):
            data = flip(data)
        if fault == "up-chunks":
            data = data[:200000]
        UPLOADS[key] += data
        return self.answer(202, Location=key + "?state=2", Range=f"0-{max(0, len(UPLOADS[key]) - 1)}")

    def once(self, what, length):
        """The first time that something large is sent."""
        if length < 100000:
            return False
        with LOCK:
            SEEN[what] = SEEN.get(what, 0) + 1
            return SEEN[what] == 1

    def close_upload(self, fault, key, name):
        if digest(UPLOADS[key]) != name:
            del UPLOADS[key]
            return self.error(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
        PUSHED.setdefault(fault, {})[name] = UPLOADS.pop(key)
        UPLOADS[key + "-done"] = b""
        if fault == "up-cut-end" and self.once(fault, 100000):
            self.note("cut")
            return self.cut()
        return self.answer(201, Location=f"/v2/{fault}/blobs/{name}", Docker_Content_Digest=name)

    def take_manifest(self, fault, name, body):
        doc = json.loads(body)
        for d in [doc["config"]] + doc["layers"]:
            if len(PUSHED.get(fault, {}).get(d["digest"], b"")) != d["size"]:
                return self.error(404, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry")
        with LOCK, open(os.path.join(DIR, "manifests"), "a", encoding="ascii") as f:
            print(fault, name, digest(body), file=f)
        said = digest(b"other") if fault == "up-other-digest" else digest(body)
        return self.answer(201, Docker_Content_Digest=said)

    # ---- documents and blobs ----

    def do_GET(self):
        url = urllib.parse.urlparse(self.path)
        parts = url.path.split("/")
        if len(parts) == 3 and parts[1] == "token":
            return self.token(parts[2], urllib.parse.parse_qs(url.query))
        if url.path == "/v2/":
            return self.answer(200)
        if url.path in UPLOADS:  # how far is it?
            return self.answer(204, Location=url.path + "?state=3", Range=f"0-{max(0, len(UPLOADS[url.path]) - 1)}")
        if len(parts) != 5 or parts[1] != "v2" or parts[3] not in ("manifests", "blobs"):
            return self.error(404, "NOT_FOUND", "no such place")
        fault, kind, name = parts[2:]
        if fault not in IMAGES:
            return self.error(404, "NAME_UNKNOWN", "repository name not known to registry")
        if self.server.server_port == PORTS[0] and not self.authorized(fault):
            return None
        if self.misbehave(fault, kind):
            return None
        image = IMAGES[fault]
        if kind == "manifests":
            return self.manifest(fault, image, name)
        if name not in image.blobs:
            return self.error(404, "BLOB_UNKNOWN", "blob unknown to registry")
        return self.blob(fault, image.blobs[name])

    def misbehave(self, fault, kind):
        """Whatever goes wrong instead of an answer."""
        which = hash(self.path) % 3 if fault == "flaky" else -1
        if fault == "error500-always" or ((fault == "error500" or which == 0) and self.first_time()):
            self.error(500, "UNKNOWN", "out of order")
        elif fault == "errors" and self.first_time():
            self.error([500, 502, 503, 504][len(SEEN) % 4], "UNKNOWN", "out of order")
        elif (fault == "busy" or which == 1) and self.first_time():
            self.error(429, "TOOMANYREQUESTS", "slow down", Retry_After="1")
        elif which == 2 and self.first_time():
            self.note("cut")
            self.cut()
        elif kind == "blobs" and fault.startswith("redirect") and self.server.server_port == PORTS[0]:
            there = self.base(PORTS[1]) + self.path
            where = {"redirect-loop": self.path, "redirect-file": "file:///etc/passwd"}.get(fault, there)
            self.answer(307, Location=where)
        elif fault == "redirect-challenge" and self.server.server_port == PORTS[1]:
            realm = self.base(PORTS[1]) + "/token/redirect-challenge"
            self.error(401, "UNAUTHORIZED", "who are you", WWW_Authenticate=f'Bearer realm="{realm}",service="test"')
        else:
            return False
        return True

    def manifest(self, fault, image, name):
        if name not in image.manifests:
            return self.error(404, "MANIFEST_UNKNOWN", "manifest unknown")
        body = image.manifests[name]
        if fault == "corrupt-manifest" and self.first_time("corrupt"):
            return self.answer(200, flip(body), Content_Type=image.types[name], Docker_Content_Digest=digest(body))
        said = digest(b"other") if fault == "header-digest" else digest(body)
        return self.answer(200, body, Content_Type=image.types[name], Docker_Content_Digest=said)

    def blob(self, fault, body):
        asked, start, status = self.headers["Range"], 0, 200
        if asked and fault != "drop-norange":
            start, status = int(asked[len("bytes="):].rstrip("-")), 206
            if start >= len(body):
                return self.error(416, "RANGE_INVALID", "nothing there")
        large = len(body) > 100000
        if fault == ("corrupt" if large else "corrupt-config") and self.first_time("corrupt"):
            body = flip(body) if hash(self.path) % 2 or not large else body[:5000] + flip(body[5000:9000]) + body[9000:]
        self.note(status)
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) - start))
        if status == 206:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        self.end_headers()
        part = body[start:]
        if len(body) > 100000 and (fault == "drop-always" or (fault.startswith("drop") and self.first_time("blob"))):
            self.wfile.write(part[:150000] if start == 0 else b"")
            return self.cut()
        if large and fault == "stall" and os.path.exists(STALL):  # half of it, and the rest when the test says so
            self.wfile.write(part[:len(part) // 2])
            part = part[len(part) // 2:]
            while os.path.exists(STALL):
                time.sleep(0.02)
        step = len(part) // 20 + 1 if fault == "slow" else len(part) + 1
        for i in range(0, len(part), step):
            self.wfile.write(part[i:i + step])
            time.sleep(0.02 if fault == "slow" else 0)
        return None


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # clients that go away are part of the tests


def main():
    for name in ("port", "port2"):
        s = Server(("127.0.0.1", 0), Handler)
        if len(sys.argv) > 2:
            c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            c.load_cert_chain(sys.argv[2], sys.argv[3])
            s.socket = c.wrap_socket(s.socket, server_side=True, do_handshake_on_connect=False)
        PORTS.append(s.server_port)
        threading.Thread(target=s.serve_forever, daemon=True).start()
        with open(os.path.join(DIR, name + ".new"), "w", encoding="ascii") as f:
            f.write(str(s.server_port))
    for name in ("port", "port2"):
        os.rename(os.path.join(DIR, name + ".new"), os.path.join(DIR, name))
    threading.Event().wait()


main()
