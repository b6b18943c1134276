#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A registry of layers that can be fetched in parts, for tests on 127.0.0.1 only.

usage: chunked.py DIR

Repository "base" has one plain layer of many files; the others have one with most of the same files, as zstd:chunked
(old-*: without a tar-split, as the first of them were) or eStargz, and the rest of the name says what is wrong with it
or with the server.  The tag is always 1.  Writes DIR/port when it is ready, and one line for each request into DIR/log:
PATH RANGE STATUS BYTES.
"""
import base64
import ctypes
import ctypes.util
import gzip
import hashlib
import http.server
import io
import json
import os
import random
import sys
import tarfile

OCI = "application/vnd.oci.image."
ANNOTATION = "io.github.containers.zstd-chunked."
ARCH = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
ZSTD = ctypes.CDLL(ctypes.util.find_library("zstd"))
ZSTD.ZSTD_compress.restype = ZSTD.ZSTD_compressBound.restype = ctypes.c_size_t
DIR = sys.argv[1]


def sha256(b):
    return "sha256:" + hashlib.sha256(b).hexdigest()


def zstd(b):
    size = ZSTD.ZSTD_compressBound(ctypes.c_size_t(len(b)))
    out = ctypes.create_string_buffer(size)
    size = ZSTD.ZSTD_compress(out, ctypes.c_size_t(size), b, ctypes.c_size_t(len(b)), 3)
    return out.raw[:size]


def skippable(b):
    return b"\x50\x2a\x4d\x18" + len(b).to_bytes(4, "little") + b


def make_tar(version, link="usr/file1", kind=tarfile.PAX_FORMAT):
    """Version 2 has two files of other contents than version 1, and one more; with all kinds of entries."""
    f = io.BytesIO()
    with tarfile.open(fileobj=f, mode="w", format=kind) as t:
        def add(name, data=b"", kind=tarfile.REGTYPE, **more):
            info = tarfile.TarInfo(name)
            info.type, info.size, info.mode, info.mtime = kind, len(data), 0o755 if kind == tarfile.DIRTYPE else 0o640, 1600000000
            for key, value in more.items():
                setattr(info, key, value)
            t.addfile(info, io.BytesIO(data))
        add("usr", kind=tarfile.DIRTYPE)
        for i in range(60):
            changed = version == 2 and i in (7, 40)
            add(f"usr/file{i}", random.Random(i + 1000 * changed).randbytes(15000 + i), uid=i, gid=2 * i, mode=0o4711)
        add("usr/large" if version == 1 else "usr/moved", random.Random(99).randbytes(700001), pax_headers={"SCHILY.xattr.user.note": "kept"})
        add("usr/empty")
        add("usr/" + "long" * 40, b"of a long name")
        add("usr/symlink", kind=tarfile.SYMTYPE, linkname="../../../etc/passwd")
        add("usr/hardlink", kind=tarfile.LNKTYPE, linkname=link)
        add("usr/fifo", kind=tarfile.FIFOTYPE)
        add("usr/.wh.gone")
        if version == 2:
            add("usr/new", b"new" * 30000)
        add("usr/file3", b"again: the second of this name")
    return f.getvalue()


def contents(tar):
    with tarfile.open(fileobj=io.BytesIO(tar)) as t:
        return [(m.name, m.offset_data, m.size if m.isreg() else 0, m.type) for m in t.getmembers()]


def make_split(tar):
    """The archive but for its files, as tar-split has it."""
    out, at = [], 0

    def segment(b):
        out.append({"type": 2, "payload": base64.b64encode(b).decode(), "position": len(out)})
    for name, offset, size, _ in contents(tar):
        segment(tar[at:offset])
        out.append({"type": 1, "name": name, "size": size, "payload": "AAAAAAAAAAA=", "position": len(out)})
        at = offset + size
    segment(tar[at:])
    return zstd("".join(json.dumps(o) + "\n" for o in out).encode())


def go_header(block):
    """As Go's archive/tar writes it: numbers of devices are never left out."""
    for at in 329, 337:
        if not block[at]:
            block = block[:at] + b"0000000\0" + block[at + 8:]
    block = block[:148] + b" " * 8 + block[156:]
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]


def make_stargz(fault, tar):
    """The archive with a gzip member from each file's contents to the next's, and the table of contents at its end."""
    tar, entries, cuts = bytearray(tar), [], [0]
    types = {tarfile.DIRTYPE: "dir", tarfile.SYMTYPE: "symlink", tarfile.LNKTYPE: "hardlink", tarfile.FIFOTYPE: "fifo"}
    with tarfile.open(fileobj=io.BytesIO(bytes(tar))) as t:
        for m in t.getmembers():
            if fault != "headers":
                tar[m.offset_data - 512:m.offset_data] = go_header(bytes(tar[m.offset_data - 512:m.offset_data]))
            entry = {"name": m.name + ("/" if m.isdir() else ""), "type": types.get(m.type, "reg"), "mode": m.mode,
                     "uid": m.uid, "gid": m.gid, "modtime": "2020-09-13T12:26:40Z", "linkName": m.linkname,
                     "userName": m.uname}
            xattrs = {key[13:]: value for key, value in m.pax_headers.items() if key.startswith("SCHILY.xattr.")}
            if xattrs:
                entry["xattrs"] = xattrs
            entries.append(entry)
            if m.isreg() and m.size:
                data = bytes(tar[m.offset_data:m.offset_data + m.size])
                entry.update(size=m.size, digest=sha256(data), offset=m.offset_data)
                cuts.append(m.offset_data)
                for at in range(300000, m.size, 300000):
                    entries.append({"name": entry["name"], "type": "chunk", "chunkOffset": at, "offset": m.offset_data + at})
                    cuts.append(m.offset_data + at)
    end = len(tar) - len(tar) % 512
    while tar[end - 512:end] == bytes(512):
        end -= 512
    blob, places = b"", {}
    for start, stop in zip(cuts, cuts[1:] + [end]):
        places[start] = len(blob)
        blob += gzip.compress(bytes(tar[start:stop]), 1, mtime=0)
    for e in entries:
        if "offset" in e:
            e["offset"] = places[e["offset"]]
    change(fault, entries)
    text = json.dumps({"version": 2 if fault == "version" else 1, "entries": entries}).encode()
    info = tarfile.TarInfo("stargz.index.json")
    info.size = len(text)
    last = go_header(info.tobuf(tarfile.USTAR_FORMAT)) + text + bytes(-len(text) % 512 + 1024)
    offset = 1 << 60 if fault == "footer" else len(blob)
    extra = b"SG" + (22).to_bytes(2, "little") + b"%016xSTARGZ" % offset
    foot = b"\x1f\x8b\x08\x04" + bytes(6) + len(extra).to_bytes(2, "little") + extra + b"\x01\0\0\xff\xff" + bytes(8)
    notes = {"containerd.io/snapshot/stargz/toc.digest": sha256(b"x" if fault == "toc" else text)}
    return blob + gzip.compress(last, 1, mtime=0) + foot, notes, bytes(tar[:end]) + last


def change(fault, entries):
    """What is wrong in the table of contents."""
    files = [e for e in entries if e.get("digest")]
    if fault == "dotdot":
        for e in entries:
            e["name"] = "../../../../../../etc/passwd"
    elif fault == "overlap":
        files[3]["offset"] = files[2]["offset"] + 1
    elif fault == "huge":
        files[-1]["endOffset"] = files[-1]["offset"] + (1 << 62)
    elif fault == "negative":
        files[0]["offset"] = -5
    elif fault == "size":
        files[10]["size"] += 1
    elif fault == "sizes":
        files[10]["size"] = 1 << 62
    elif fault == "twice":
        entries.append(files[5])
    elif fault == "digest":
        files[7]["digest"] = "sha256:" + "0" * 64
    elif fault == "liar":  # the digest of what is in the store under this name
        files[40]["digest"] = sha256(random.Random(40).randbytes(15040))
    elif fault == "types":
        files[0].update(name=7, size="x", digest=[])


def make_chunked(fault, tar, with_split):
    blob, entries, at = b"", [], 0
    types = {tarfile.DIRTYPE: "dir", tarfile.SYMTYPE: "symlink", tarfile.LNKTYPE: "hardlink", tarfile.FIFOTYPE: "fifo"}
    for name, offset, size, kind in contents(tar):
        entry = {"type": types.get(kind, "reg"), "name": name, "size": size}
        entries.append(entry)
        if not size:
            continue
        data = tar[offset:offset + size]
        blob += zstd(tar[at:offset])
        entry.update(digest=sha256(data), offset=len(blob))
        blob += zstd(data[:100000])
        if data[100000:]:
            entry.update(chunkSize=100000, chunkDigest=sha256(data[:100000]))
            entries.append({"type": "chunk", "name": name, "chunkOffset": 100000, "chunkSize": size - 100000,
                            "offset": len(blob), "chunkDigest": sha256(data[100000:])})
            blob += zstd(data[100000:])
        entry["endOffset"] = len(blob)
        at = offset + size
    blob += zstd(tar[at:])
    split = make_split(make_tar(2, "usr/file2") if fault == "split-lies" else tar)
    change(fault, entries)
    doc = {"version": 2 if fault == "version" else 1, "entries": entries}
    if with_split:
        doc["tarSplitDigest"] = sha256(b"" if fault == "split-digest" else split)
    text = json.dumps(doc).encode()
    toc = zstd(text)
    if fault == "bomb":
        toc = zstd(b" " * (16 << 20)) * 50 + toc
    elif fault == "garbage":
        toc = zstd(text[:len(text) // 2])
    elif fault == "deep":
        toc = zstd(b'{"version":1,"entries":[' + b"[" * 100000)
    notes = {ANNOTATION + "manifest-checksum": sha256(toc),
             ANNOTATION + "manifest-position": f"{len(blob) + 8}:{len(toc)}:{len(text)}:1"}
    if fault == "toc":
        toc = toc[:50] + bytes([toc[50] ^ 1]) + toc[51:]
    elif fault == "place":
        notes[ANNOTATION + "manifest-position"] = "18446744073709551615:18446744073709551615:1:1"
    blob += skippable(toc)
    if with_split:
        notes[ANNOTATION + "tarsplit-position"] = f"{len(blob) + 8}:{len(split)}:1"
        blob += skippable(split)
    if not with_split:
        notes = {key.replace("io.github.", "io."): value for key, value in notes.items()}
    return blob + skippable(bytes(56) + b"GNUlInUx"), notes


class Image:
    def __init__(self, repository):
        kind, _, fault = repository.partition("-")
        link = "../../../../etc/passwd" if fault == "hardlink" else "usr/file1"
        tar = make_tar(1 if kind == "base" else 2, link)
        notes = {}
        if kind == "base":
            blob, media = gzip.compress(tar, 1, mtime=0), "+gzip"
        elif kind == "stargz":
            form = tarfile.GNU_FORMAT if fault == "gnu" else tarfile.PAX_FORMAT
            (blob, notes, tar), media = make_stargz(fault, make_tar(2, link, form)), "+gzip"
        else:
            (blob, notes), media = make_chunked(fault, tar, kind == "zstd"), "+zstd"
        config = json.dumps({"architecture": ARCH, "os": "linux", "config": {"Cmd": ["x"], "Labels": {"f": repository}},
                             "rootfs": {"type": "layers", "diff_ids": [sha256(tar)]}}).encode()
        layer = {"mediaType": OCI + "layer.v1.tar" + media, "digest": sha256(blob), "size": len(blob), "annotations": notes}
        self.blobs = {sha256(blob): blob, sha256(config): config}
        self.manifest = json.dumps({
            "schemaVersion": 2, "mediaType": OCI + "manifest.v1+json", "layers": [layer],
            "config": {"mediaType": OCI + "config.v1+json", "digest": sha256(config), "size": len(config)}}).encode()


IMAGES, SEEN = {}, set()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self, status, body, **headers):
        with open(os.path.join(DIR, "log"), "a", encoding="ascii") as f:
            print(self.path, self.headers["Range"] or "-", status, len(body), file=f)
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        parts = self.path.split("/")
        if len(parts) != 5:
            return self.answer(200, b"{}")
        repository, kind, name = parts[2:]
        if repository not in IMAGES:
            IMAGES[repository] = Image(repository)
        if kind == "manifests":
            return self.answer(200, IMAGES[repository].manifest, Content_Type=OCI + "manifest.v1+json")
        return self.blob(repository.partition("-")[2], IMAGES[repository].blobs[name])

    def blob(self, fault, body):
        asked = self.headers["Range"]
        if not asked or fault == "norange":
            return self.answer(200, body)
        start, _, last = asked[len("bytes="):].partition("-")
        start, end = int(start), int(last) + 1 if last else len(body)
        part = body[start:end]
        if fault == "corrupt" and start < 1000000:
            part = part[:-1] + bytes([part[-1] ^ 1])
        elif fault == "shifted":
            start += 1
        elif fault == "more":
            part += b"more"
        elif fault == "busy" and self.path + asked not in SEEN:
            SEEN.add(self.path + asked)
            return self.answer(503, b"")
        elif fault == "cut" and len(part) > 5000 and self.path not in SEEN:
            SEEN.add(self.path)
            part = part[:5000]
        return self.answer(206, part, Content_Range=f"bytes {start}-{start + len(part) - 1}/{len(body)}")


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # clients that go away are part of the tests


server = Server(("127.0.0.1", 0), Handler)
with open(os.path.join(DIR, "port.new"), "w", encoding="ascii") as port:
    port.write(str(server.server_port))
os.rename(os.path.join(DIR, "port.new"), os.path.join(DIR, "port"))
server.serve_forever()
