# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Seeds of what people and image builders write."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import lzma
import struct
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from ansible_collections.palantir.trust.plugins.plugin_utils.decision.forms.write import write_table
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.table import load_table
from tests.fuzz.seeds.boot import Seed
from tests.unit.appraisal.scene import IMA_POLICY, reference_values
from tests.unit.reference.deb_builder import ar, control, packed

ROOT: Final = Path(__file__).resolve().parents[3]
TABLE: Final = b"""decision_table: small
hit_policy: PRIORITY
inputs:
  - {name: tier, type: string, values: [none, affirming, warning]}
  - {name: attempt, type: integer, range: "[0..5]"}
  - {name: load, type: number}
  - {name: live, type: boolean}
outputs:
  - {name: verb, type: string, values: [fence, observe]}
rules:
  - {id: first, when: {tier: "not(none, affirming)", attempt: "< 2, [3..4)", load: ">= .5"}, then: {verb: fence}}
  - {id: other, when: {live: true, tier: [none]}, then: {verb: observe}, rationale: "Nothing is wrong."}
"""
CELLS: Final = {
    "any": b"\0-",
    "list": b'\0a, "b c", d..e, "\\u00e9\\n"',
    "not": b"\0not(a, b)",
    "intervals": b"\1< 2, [3..4), ]5..6[",
    "boolean": b"\2true",
    "number": b"\3>= -1.5",
}
"""A type, as its place among the types, and a cell of it."""
POLICY: Final = {
    "name": "strict",
    "selection": {"sha256": [*list(range(11)), 14]},
    "ima": {
        "policy_digests": ["sha256:" + "0" * 64],
        "templates": ["ima-ng"],
        "violations": "contraindicated",
        "max_tail": 5,
    },
    "secure_boot": "recorded",
    "moved": "affirming",
    "sc_data_paths": ["/var/lib/"],
    "aliases": {"/bin": "/usr/bin"},
    "waivers": [
        {
            "pcr": 1,
            "reason": "BIOS update",
            "type": "EV_EFI_VARIABLE_BOOT",
            "variable": "Boot####",
            "expires": "2026-12-01",
        }
    ],
}
YAML: Final = b"""text: !!str 1
int: [1, 0x1f, 0o7, 0b1, 1:30, 1_000]
float: [1.5, .inf, 1:30.5]
time: 2026-11-23T05:00:00.5+01:00
none: ~
set: !!set {a, b}
omap: !!omap [a: 1]
pairs: !!pairs [a: 1]
binary: !!binary AAEC
flow: {"a\\x1b": 'b', ? c : d}
<<: {m: 1}
block: |
  one
folded: >-
  two
"""
GRUB: Final = b"""set default=0
linux /vmlinuz root=/dev/vda "a b" c\\ d 'e'
# comment
initrd /initrd.img
"""


BROKE: Final = {
    ("yaml", "broke-int"): b'!!int ""',
    ("yaml", "broke-bool"): b"!!bool maybe",
    ("yaml", "broke-timestamp"): b"!!timestamp never",
    ("yaml", "broke-set"): b"!!set [a]",
    ("yaml", "broke-float"): b"a: 1" + b":59" * 400 + b".5",
    ("yaml", "broke-long"): b"a: 0x" + b"f" * 5000,
    ("table", "broke-hit-policy"): b"decision_table: x\nhit_policy: []\ninputs: [{name: a}]\noutputs: [{name: b}]\n",
    ("table", "broke-merges"): b"\n".join(
        [
            b"a0: &a0 {x: 1}",
            *(b"a%d: &a%d {<<: [%s]}" % (k, k, b", ".join([b"*a%d" % (k - 1)] * 9)) for k in range(1, 12)),
        ]
    ),
}
"""What once broke a parser, made anew."""


def plain(value: Any) -> bytes:
    return json.dumps(value, indent=1).encode()


def pe(*, plus: bool = True) -> bytes:
    directories = 108 if plus else 92
    optional = bytearray(directories + 4 + 16 * 8)
    struct.pack_into("<H", optional, 0, 0x20B if plus else 0x10B)
    struct.pack_into("<I", optional, 60, 0x200)
    struct.pack_into("<I", optional, directories, 16)
    struct.pack_into("<II", optional, directories + 4 + 32, 0x310, 8)
    sections = b"".join(
        struct.pack("<8sIIIIIIHHI", name, 0, 0, size, at, 0, 0, 0, 0, 0)
        for name, at, size in ((b".text", 0x200, 0x80), (b".data", 0x280, 0x80))
    )
    head = b"MZ".ljust(0x3C, b"\0") + struct.pack("<I", 0x40)
    head += b"PE\0\0" + struct.pack("<HHIIIHH", 0x8664, 2, 0, 0, 0, len(optional), 0) + bytes(optional) + sections
    return head.ljust(0x200, b"\0") + b"X" * 0x110 + b"signed.."


def cpio(*members: tuple[str, int, bytes], magic: bytes = b"070701") -> bytes:
    data = b""
    for inode, (name, mode, content) in enumerate((*members, ("TRAILER!!!", 0, b""))):
        numbers = (inode, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0)
        data += magic + b"".join(b"%08x" % number for number in numbers) + name.encode() + b"\0"
        data += bytes(-len(data) % 4) + content
        data += bytes(-len(data) % 4)
    return data


def tar(*members: tuple[str, bytes | str | None], kind: bytes | None = None, form: int = tarfile.GNU_FORMAT) -> bytes:
    """Return an archive of files (bytes), links (text) and directories (None), without the empty blocks at its end."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:", format=form) as archive:
        for name, content in members:
            member = tarfile.TarInfo(name)
            if content is None:
                member.type = tarfile.DIRTYPE
            elif isinstance(content, str):
                member.type, member.linkname = kind or tarfile.SYMTYPE, content
            else:
                member.size = len(content)
            archive.addfile(member, io.BytesIO(content) if isinstance(content, bytes) else None)
        end = archive.offset
    return buffer.getvalue()[:end]


def image(*layers: bytes) -> bytes:
    names = [f"{number}.tar" for number in range(len(layers))]
    manifest = json.dumps([{"Config": "c.json", "RepoTags": ["localhost/sc:1"], "Layers": names}]).encode()
    return tar(("c.json", b"{}"), ("manifest.json", manifest), *zip(names, layers, strict=True))


def oci(layer: bytes) -> bytes:
    """Return an image layout as an archive."""
    blobs: list[bytes] = []

    def described(data: bytes, kind: str) -> dict[str, Any]:
        blobs.append(data)
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": digest, "size": len(data)}

    config = described(b'{"architecture":"amd64","os":"linux"}', "config.v1+json")
    layers = [described(layer, "layer.v1.tar")]
    manifest = described(
        json.dumps({"schemaVersion": 2, "config": config, "layers": layers}).encode(), "manifest.v1+json"
    )
    index = json.dumps({"schemaVersion": 2, "manifests": [manifest]}).encode()
    named = [(f"blobs/sha256/{hashlib.sha256(blob).hexdigest()}", blob) for blob in blobs]
    return tar(("oci-layout", b'{"imageLayoutVersion": "1.0.0"}'), ("index.json", index), *named)


def small_deb(suffix: str) -> bytes:
    """Return a package whose archives end without tar's padding, where they are not compressed."""
    parts = {
        "control": tar(("./control", control()), ("./postinst", b"#!/bin/sh")),
        "data": tar(("./usr/bin/tool", b"tool"), ("./usr/bin/link", "tool")),
    }
    members = [(f"{name}.tar{suffix}", packed(content, suffix)) for name, content in parts.items()]
    return ar(("debian-binary", b"2.0\n"), *members)


def _archives() -> Iterator[Seed]:
    files = tar(("usr/bin/ls", b"ls"), ("usr/bin", None), ("usr/bin/sh", "ls"))
    hard = tar(("usr/bin/ls", b"ls"), ("usr/bin/dir", "usr/bin/ls"), kind=tarfile.LNKTYPE)
    long = tar((f"usr/{'d' * 120}/f", b"x"), form=tarfile.PAX_FORMAT)
    whiteouts = tar(("usr/.wh.bin", b""), ("etc/.wh..wh..opq", b""), ("etc/passwd", b"root"))
    for name, data in (
        ("files", files),
        ("hard", hard),
        ("long", long),
        ("gz", gzip.compress(files, mtime=0)),
        ("xz", lzma.compress(files)),
    ):
        yield "tree", name, data
    yield "image", "layers", image(files, whiteouts)
    yield "image", "hard", image(hard)
    yield "image", "long", image(long)
    yield "image", "gz", gzip.compress(image(files), mtime=0)
    yield "image", "oci", oci(files)
    yield "image", "oci-gz", oci(gzip.compress(files, mtime=0))
    for suffix in ("", ".gz", ".xz"):
        yield "deb", f"tool{suffix.replace('.', '-')}", small_deb(suffix)
    tagged = json.dumps([{"Config": "c.json", "RepoTags": 5, "Layers": []}]).encode()
    yield "image", "broke-tags", tar(("c.json", b"{}"), ("manifest.json", tagged))
    yield "image", "broke-link", tar(("manifest.json", "nothing"))
    yield "image", "loop", tar(("manifest.json", "c.json"), ("c.json", "manifest.json"))


def _initrds() -> Iterator[Seed]:
    files = (("init", 0o100755, b"#!"), ("lib/modules/dm-mod.ko.xz", 0o100644, b"ko"), ("dev", 0o040755, b""))
    archive = cpio(*files)
    yield "initrd", "plain", archive
    yield "initrd", "crc", cpio(*files, magic=b"070702") + bytes(64) + archive
    yield "initrd", "gz", archive + gzip.compress(archive, mtime=0)
    yield "initrd", "xz", lzma.compress(archive)
    backwards = archive.replace(b"%08x" % len(b"#!"), b"-0000074", 1)
    yield "initrd", "broke-negative-size", backwards
    yield "initrd", "links", cpio(("a", 0o100755, b""), ("b", 0o120777, b"a"))


def seeds() -> Iterator[Seed]:
    yield "policy", "strict", plain(POLICY)
    yield "policy", "ima", plain({"ima": {"policies": [IMA_POLICY.decode()]}})
    yield "yaml", "kinds", YAML
    yield "catalogue", "dns-filter", (ROOT / "inventories/lab/catalogue/dns-filter.yml").read_bytes()
    yield "table", "small", TABLE
    yield "table", "empty", b"decision_table: x\ninputs: [{name: a}]\noutputs: [{name: b}]\nrules: []\n"
    for name, cell in CELLS.items():
        yield "cell", name, cell
    values = reference_values()
    yield "reference_values", "all.json", plain(values)
    for kind, found in (
        ("host", values["host"][0]),
        ("boot", values["boot"][0]),
        ("sc", values["sc"]["dns-filter"][0]),
    ):
        yield "reference_document", f"{kind}.json", plain(found)
    yield "pe", "plus", pe()
    yield "pe", "32", pe(plus=False)
    yield "grub", "plain.cfg", GRUB
    for (target, name), content in BROKE.items():
        yield target, name, content
    for form in ("csv", "dmn"):
        yield f"table_{form}", f"small.{form}", write_table(load_table(TABLE.decode()), form).encode()
    yield from _initrds()
    yield from _archives()


__all__ = ["cpio", "image", "seeds", "tar"]
