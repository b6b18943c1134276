#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Archives that mean harm, for tests/security/archives.bats.

usage: archives.py list GROUP            names of the group's archives
       archives.py make NAME FILE DIR    one of them; DIR is a directory of the host that it is after

Groups: layers (root file systems for `import`), images (for `load`), refused (the same, which must not load), bombs.
"""
import gzip
import hashlib
import io
import json
import os
import sys
import tarfile

ARCH = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
OCI = "application/vnd.oci.image."
DIR = sys.argv[4] if len(sys.argv) > 4 else "/nowhere"
HERE = DIR.lstrip("/")
UP = "../" * 40


def sha256(b):
    return "sha256:" + hashlib.sha256(b).hexdigest()


def entry(name, data=b"", **more):
    info = tarfile.TarInfo(name)
    info.mode, info.size = 0o644, len(data)
    for key, value in more.items():
        setattr(info, key, value)
    return info, data


def link(name, to):
    return entry(name, type=tarfile.SYMTYPE, linkname=to)


def hard(name, to):
    return entry(name, type=tarfile.LNKTYPE, linkname=to)


def folder(name, mode=0o755):
    return entry(name, type=tarfile.DIRTYPE, mode=mode)


def tar(*entries, kind=tarfile.GNU_FORMAT):
    f = io.BytesIO()
    with tarfile.open(fileobj=f, mode="w", format=kind) as t:
        for info, data in entries:
            t.addfile(info, io.BytesIO(data))
    return f.getvalue()


def raw(name=b"f", size=b"00000000000\0", kind=b"0", uid=b"0000000\0", mtime=b"00000000000\0", summed=True, data=b""):
    """One header with fields as they are."""
    h = bytearray(512)
    h[0:len(name)] = name
    h[100:108], h[108:116], h[116:124] = b"0000644\0", uid, b"0000000\0"
    h[124:136], h[136:148], h[148:156], h[156:157] = size, mtime, b" " * 8, kind
    h[257:265] = b"ustar\00000"
    h[148:156] = b"%06o\0 " % (sum(h) if summed else 7)
    return bytes(h) + data + bytes(-len(data) % 512)


END = bytes(1024)
GOOD = tar(folder("bin"), entry("bin/x", b"x"))

LAYERS = {
    # Names and links that lead out.
    "dots": tar(entry(UP + HERE + "/f", b"bad")),
    "dots-shallow": tar(entry("../f", b"bad")),
    "dots-middle": tar(folder("a"), entry("a/" + UP + HERE + "/f", b"bad")),
    "absolute": tar(entry(DIR + "/f", b"bad")),
    "through-absolute-link": tar(link("d", DIR), entry("d/f", b"bad"), entry("d/new", b"bad")),
    "through-relative-link": tar(link("d", UP + HERE), entry("d/f", b"bad"), entry("d/new", b"bad")),
    "through-chain": tar(link("a", "b"), link("b", "c/d"), folder("c"), link("c/d", DIR), entry("a/new", b"bad")),
    "through-loop": tar(link("a", "b"), link("b", "a"), entry("a/new", b"bad")),
    "directory-becomes-link": tar(folder("d"), entry("d/f", b"x"), link("d", DIR), entry("d/new", b"bad")),
    "directory-entry-on-link": tar(link("d", DIR), folder("d", 0o777), entry("d/new", b"bad")),
    "root-is-link": tar(link(".", DIR), entry("./f", b"bad")),
    "root-is-link-slash": tar(link("/", DIR), entry("f", b"bad")),
    "hard-outside": tar(hard("h", DIR + "/f"), entry("h", b"bad")),
    "hard-dots": tar(hard("h", UP + HERE + "/f")),
    "hard-through-link": tar(link("d", DIR), hard("h", "d/f")),
    "hard-to-link": tar(link("l", DIR + "/f"), hard("h", "l"), entry("h", b"bad")),
    "file-on-link": tar(link("f", DIR + "/f"), entry("f", b"bad")),
    "fifo-on-link": tar(link("p", DIR + "/f"), entry("p", type=tarfile.FIFOTYPE)),
    "mode-on-link": tar(link("m", DIR), folder("m", 0o7777)),
    # Whiteouts.
    "whiteout-dots": tar(entry(".wh..."), entry(".wh..."), entry("a/.wh...")),
    "whiteout-nothing": tar(entry(".wh.")),
    "whiteout-dot": tar(entry(".wh..")),
    "whiteout-through-link": tar(link("d", DIR), entry("d/.wh.f"), entry("d/.wh..wh..opq")),
    "whiteout-slash": tar(entry(".wh." + UP + HERE + "/f")),
    "whiteout-of-whiteout": tar(entry(".wh..wh.f"), entry(".wh..wh..wh..opq")),
    "opaque-root": tar(entry(".wh..wh..opq")),
    # What headers can say.
    "negative-size": raw(size=b"\xff" * 12) + END,
    "huge-size": raw(size=b"\x80" + b"\x7f" * 11) + END,
    "octal-rubbish": raw(size=b"9999999999\0\0") + END,
    "huge-uid": raw(uid=b"\x80" + b"\xff" * 7) + END,
    "negative-time": raw(mtime=b"\xff" * 12) + END,
    "rubbish-time": raw(mtime=b"nan         ") + END,
    "unknown-type": raw(kind=b"Z") + raw(kind=b"\xff") + END,
    "bad-sum": raw(summed=False) + END,
    "no-name": raw(name=b"") + END,
    "newline-in-name": tar(entry("a\nb"), entry("\x1b[31m"), kind=tarfile.PAX_FORMAT),
    "nul-in-pax-name": raw(kind=b"x", name=b"p", size=b"00000000022\0", data=b"18 path=a\0/etc/x\n\n") + raw() + END,
    "cut": GOOD[:700],
    "cut-gzip": gzip.compress(GOOD, mtime=0)[:-20],
    "rubbish-after-gzip": gzip.compress(GOOD, mtime=0) + b"rubbish" * 100,
    "devices": tar(entry("null", type=tarfile.CHRTYPE, devmajor=1, devminor=3), entry("sda", type=tarfile.BLKTYPE, devmajor=8)),
    "long-component": tar(entry("n" * 300, b"x")),
    "long-path": tar(entry("/".join(["n" * 100] * 60), b"x")),
}


def config(*layers, **more):
    return json.dumps({"architecture": ARCH, "os": "linux", "config": {"Cmd": ["x"]},
                       "rootfs": {"type": "layers", "diff_ids": [sha256(x) for x in layers]}, **more}).encode()


def docker(members, doc=None, layers=(GOOD,), conf=None):
    """A docker-archive; MEMBERS come instead of, or beside, its own."""
    conf = config(*layers) if conf is None else conf
    names = [f"{i}/layer.tar" for i in range(len(layers))]
    parts = {"c.json": entry("c.json", conf), **{n: entry(n, x) for n, x in zip(names, layers)}}
    doc = doc if doc is not None else [{"Config": "c.json", "RepoTags": ["localhost/bad:1"], "Layers": names}]
    parts["manifest.json"] = entry("manifest.json", doc if isinstance(doc, bytes) else json.dumps(doc).encode())
    parts.update({m[0].name: m for m in members})
    return tar(*parts.values())


def desc(kind, b, **more):
    return {"mediaType": OCI + kind, "digest": sha256(b), "size": len(b), **more}


def oci(change=lambda d: d, conf=None, layers=(GOOD,), index=None, members=(), more=()):
    """An oci-archive; CHANGE edits its manifest."""
    conf = config(*layers) if conf is None else conf
    doc = change({"schemaVersion": 2, "mediaType": OCI + "manifest.v1+json", "config": desc("config.v1+json", conf),
                  "layers": [desc("layer.v1.tar", x) for x in layers]})
    doc = doc if isinstance(doc, bytes) else json.dumps(doc).encode()
    if index is None:
        index = {"schemaVersion": 2, "manifests": [desc("manifest.v1+json", doc, annotations={"org.opencontainers.image.ref.name": "localhost/bad:1"})]}
    parts = {"oci-layout": entry("oci-layout", b'{"imageLayoutVersion":"1.0.0"}'),
             "index.json": entry("index.json", index if isinstance(index, bytes) else json.dumps(index).encode())}
    for b in (conf, doc, *layers, *more):
        name = "blobs/sha256/" + sha256(b)[7:]
        parts[name] = entry(name, b)
    parts.update({m[0].name: m for m in members})
    return tar(*parts.values())


def change(path, value):
    """A function that sets one member of a manifest."""
    def edit(d):
        at = d
        for key in path[:-1]:
            at = at[key]
        at[path[-1]] = value
        return d
    return edit


def secret():
    with open(os.path.join(DIR, "secret.tar"), "rb") as f:
        return f.read()


BAD_DIGESTS = ["", "sha256", "sha256:", "sha256:" + "0" * 63, "sha256:" + "0" * 65, "sha256:" + "A" * 64, "sha256:" + "g" * 64,
               "sha1:" + "0" * 40, "sha256:../../../../../../etc/passwd", "SHA256:" + "0" * 64, "sha256:" + "0" * 32 + "/" + "0" * 31]

IMAGES = {
    "two-layers-link": lambda: docker([], layers=(tar(link("d", DIR)), tar(entry("d/f", b"bad"), entry("d/new", b"bad")))),
    "two-layers-whiteout": lambda: docker([], layers=(tar(link("d", DIR)), tar(entry("d/.wh.f"), entry("d/.wh..wh..opq")))),
    "two-layers-hard": lambda: docker([], layers=(tar(link("d", DIR)), tar(hard("h", "d/f")))),
    "layer-is-absolute-link": lambda: docker([link("0/layer.tar", DIR + "/secret.tar")], conf=config(secret())),
    "layer-is-dots-link": lambda: docker([link("0/layer.tar", UP + HERE + "/secret.tar")], conf=config(secret())),
    "layer-is-hard-link": lambda: docker([hard("0/layer.tar", DIR + "/secret.tar")], conf=config(secret())),
    "layer-directory-is-link": lambda: docker([link("0", DIR)], [{"Config": "c.json", "RepoTags": ["localhost/bad:1"],
                                                                "Layers": ["0/secret.tar"]}], conf=config(secret())),
    "blob-is-link": lambda: oci(conf=config(secret()), layers=(secret(),),
                                members=[link("blobs/sha256/" + sha256(secret())[7:], DIR + "/secret.tar")]),
    "blobs-are-elsewhere": lambda: tar(link("blobs", DIR), entry("oci-layout", b'{"imageLayoutVersion":"1.0.0"}'), entry("index.json", b"{}")),
    "members-outside": lambda: docker([entry(UP + HERE + "/f", b"bad"), entry(DIR + "/new", b"bad"), link("l", DIR), entry("l/new2", b"bad")]),
    "duplicate-keys": lambda: docker([], b'[{"Config":"c.json","Config":"c.json","RepoTags":["localhost/bad:1"],"Layers":["0/layer.tar"],"Layers":["0/layer.tar"]}]'),
    "names-with-escapes": lambda: docker([], [{"Config": "c.json", "RepoTags": ["\u001b[31mx", "a\nb:1", "../x:1", "-x:1"], "Layers": ["0/layer.tar"]}]),
    "huge-numbers": lambda: docker([], conf=config(GOOD, created="9999999999-01-01T00:00:00Z", weight=10 ** 400)),
}
REFUSED = {
    "config-is-host-file": lambda: docker([], [{"Config": UP + "etc/passwd", "RepoTags": ["localhost/bad:1"], "Layers": ["0/layer.tar"]}]),
    "config-is-link": lambda: docker([link("c.json", "/etc/passwd")]),
    "manifest-is-link": lambda: docker([link("manifest.json", DIR + "/manifest.json")]),
    "index-is-link": lambda: oci(members=[link("index.json", DIR + "/index.json")]),
    "layers-with-dots": lambda: docker([], [{"Config": "c.json", "RepoTags": ["localhost/bad:1"], "Layers": [UP + HERE + "/secret.tar"]}]),
    "wrong-diff-id": lambda: docker([], conf=config(b"other")),
    "too-few-diff-ids": lambda: docker([], conf=config()),
    "too-many-diff-ids": lambda: docker([], conf=config(GOOD, GOOD)),
    "wrong-size": lambda: oci(change(("layers", 0, "size"), 7)),
    "negative-size": lambda: oci(change(("layers", 0, "size"), -1)),
    "size-is-text": lambda: oci(change(("layers", 0, "size"), "7")),
    "config-is-layer": lambda: oci(lambda d: {**d, "config": d["layers"][0]}),
    "both-kinds": lambda: oci(lambda d: {k: v for k, v in {**d, "manifests": []}.items() if k != "mediaType"}),
    "wrong-blob": lambda: oci(members=[entry("blobs/sha256/" + sha256(GOOD)[7:], tar(entry("other")))]),
    "wrong-config": lambda: oci(members=[entry("blobs/sha256/" + sha256(config(GOOD))[7:], config(GOOD) + b" ")]),
    "layers-no-list": lambda: oci(change(("layers",), {})),
    "layers-null-entry": lambda: oci(change(("layers",), [None])),
    "config-no-object": lambda: oci(change(("config",), 7)),
    "deep-manifest": lambda: oci(lambda d: b'{"a":' * 300000),
    "deep-config": lambda: docker([], conf=b"[" * 300000),
    "deep-list": lambda: docker([], b"[" * 300000),
    "cut-json": lambda: docker([], b'[{"Config":"c.json"'),
    "nul-json": lambda: docker([], b'[{"Config":"c.json\0"}]'),
    "nothing": lambda: docker([], b"[]"),
    "index-to-itself": lambda: oci(index=b'{"schemaVersion":2,"manifests":[{"mediaType":"' + OCI.encode() +
                                   b'index.v1+json","digest":"sha256:' + b"0" * 64 + b'","size":1}]}'),
    "large-manifest": lambda: docker([], b"[" + b" " * (5 << 20) + b"]"),
    "large-config": lambda: docker([], conf=config(GOOD, note="x" * (5 << 20))),
    "many-layers": lambda: docker([], layers=[tar(entry(f"f{i}", b"x")) for i in range(600)]),
    **{f"digest-{i}-{place}": (lambda bad=bad, place=place: oci(change(
        {"layer": ("layers", 0, "digest"), "config": ("config", "digest")}[place], bad)))
       for i, bad in enumerate(BAD_DIGESTS) for place in ("layer", "config")},
    **{f"digest-{i}-index": (lambda bad=bad: oci(index={"schemaVersion": 2, "manifests": [
        {"mediaType": OCI + "manifest.v1+json", "digest": bad, "size": 100}]})) for i, bad in enumerate(BAD_DIGESTS)},
    **{f"digest-{i}-diff": (lambda bad=bad: docker([], conf=json.dumps({
        "architecture": ARCH, "os": "linux", "rootfs": {"type": "layers", "diff_ids": [bad]}}).encode()))
       for i, bad in enumerate(BAD_DIGESTS)},
}


def octal(n):
    return b"%011o\0" % n


def stream(f, *parts):
    """Bytes, or (byte, number) for so many of them."""
    for part in parts:
        if isinstance(part, bytes):
            f.write(part)
            continue
        block = part[0] * (1 << 20)
        for at in range(0, part[1], 1 << 20):
            f.write(block[:min(1 << 20, part[1] - at)])


def pax_bomb(f, key, n):
    n -= n % 512
    head = b"%d %s=" % (n, key)
    stream(f, raw(kind=b"x", name=b"p", size=octal(n)), head, (b"a", n - len(head) - 1), b"\n", raw(), END)


BOMBS = {
    "pax-record": lambda f: pax_bomb(f, b"path", 600 << 20),
    "pax-attribute": lambda f: pax_bomb(f, b"SCHILY.xattr.user.x", 300 << 20),
    "long-name": lambda f: stream(f, raw(kind=b"L", name=b"././@LongLink", size=octal(400 << 20)), (b"n", 400 << 20), raw(), END),
    "long-link": lambda f: stream(f, raw(kind=b"K", name=b"././@LongLink", size=octal(400 << 20)), (b"n", 400 << 20), raw(kind=b"2"), END),
    "huge-hole": lambda f: stream(f, raw(size=b"\x80" + (1 << 40).to_bytes(11, "big"))),
    "padding": lambda f: stream(f, GOOD, (b"\0", 1 << 30)),
    "entries": lambda f: [stream(f, raw(name=b"f%d" % i)) for i in range(200000)] and stream(f, END),
    "deep": lambda f: stream(f, tar(entry("/".join(["d"] * 1900), b"x"))),
}


def main():
    groups = {"layers": LAYERS, "images": IMAGES, "refused": REFUSED, "bombs": BOMBS}
    if sys.argv[1] == "list":
        print("\n".join(groups[sys.argv[2]]))
        return
    group, name = sys.argv[2].split("/")
    with open(sys.argv[3], "wb") as f:
        if group == "bombs":
            with gzip.GzipFile(fileobj=f, mode="wb", compresslevel=1, mtime=0) as z:
                BOMBS[name](z)
        else:
            what = groups[group][name]
            f.write(what if isinstance(what, bytes) else what())


main()
