# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measurement lists as the kernel writes them, with the PCR that the kernel extends on the way.

Written after ima_fs.c, ima_template_lib.c and ima_crypto.c, and sharing nothing with the code under test.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass, field

FORMATS = {
    "ima-ng": "d-ng|n-ng",
    "ima-sig": "d-ng|n-ng|sig",
    "ima-ngv2": "d-ngv2|n-ng",
    "ima-sigv2": "d-ngv2|n-ng|sig",
    "ima-buf": "d-ng|n-ng|buf",
    "ima-modsig": "d-ng|n-ng|sig|d-modsig|modsig",
    "evm-sig": "d-ng|n-ng|evmsig|xattrnames|xattrlengths|xattrvalues|iuid|igid|imode",
    "ima-dep-cgn": "dep|cgn|d-ng|n-ng",
    "ima-cgpath": "dep|cg-path|d-ng|n-ng",
}
FILE = hashlib.sha256(b"content").digest()
VALUES: dict[str, tuple[bytes, str]] = {
    "d": (bytes(range(20)), bytes(range(20)).hex()),
    "n": (b"/bin/true\0", "/bin/true"),
    "d-ng": (b"sha256:\0" + FILE, "sha256:" + FILE.hex()),
    "d-ngv2": (b"ima:sha256:\0" + FILE, "ima:sha256:" + FILE.hex()),
    "n-ng": (b"/bin/true\0", "/bin/true"),
    "sig": (b"\x03\x02\x04sig", "030204736967"),
    "buf": (b"root=/dev/vda", "726f6f743d2f6465762f766461"),
    "d-modsig": (b"sha512:\0" + bytes(64), "sha512:" + "00" * 64),
    "modsig": (b"\x30\x82", "3082"),
    "evmsig": (b"\x05\x02", "0502"),
    "xattrnames": (b"security.ima|security.selinux\0", "security.ima|security.selinux"),
    "xattrlengths": (struct.pack("<II", 4, 2), "0400000002000000"),
    "xattrvalues": (b"abcdef", "616263646566"),
    "iuid": (struct.pack("<I", 1000013824), "1000013824"),
    "igid": (struct.pack("<I", 0), "0"),
    "imode": (struct.pack("<H", 0o100755), "33261"),
    "dep": (b"/usr/bin/runc:/usr/lib/systemd/systemd:swapper/0\0", "/usr/bin/runc:/usr/lib/systemd/systemd:swapper/0"),
    "cgn": (b"3f2a\0", "3f2a"),
    "cg-path": (b"/kubepods/pod1/3f2a\0", "/kubepods/pod1/3f2a"),
}
"""Field → its bytes and its text in the ASCII list."""

_BUF = VALUES["buf"][0]
BUFFER: dict[str, tuple[bytes, str]] = {
    "d": (hashlib.sha1(_BUF).digest(), hashlib.sha1(_BUF).hexdigest()),  # noqa: S324
    "d-ng": (b"sha256:\0" + hashlib.sha256(_BUF).digest(), "sha256:" + hashlib.sha256(_BUF).hexdigest()),
}
"""The digests of a measured buffer are those of the buffer."""


@dataclass
class Kernel:
    """Measures into a binary list, an ASCII list and the PCRs of three banks."""

    pcrs: dict[str, dict[int, bytes]] = field(default_factory=lambda: {"sha1": {}, "sha256": {}, "sha384": {}})
    zero_padding: bool = False
    binary: bytes = b""
    ascii: bytes = b""
    history: list[dict[str, bytes]] = field(default_factory=list)

    def measure(
        self, template: str = "ima-ng", pcr: int = 10, *, violation: bool = False, **replaced: tuple[bytes, str]
    ) -> Kernel:
        """Add an entry; `replaced` gives fields (with _ for -) other bytes and text."""
        names = FORMATS.get(template, template).split("|")
        buffer = BUFFER if "buf" in names else {}
        values = {**VALUES, **buffer, **{name.replace("_", "-"): value for name, value in replaced.items()}}
        fields = [values[name] for name in names]
        data = b"".join(struct.pack("<I", len(part)) + part for part, _text in fields)
        self._write(
            template, pcr, data, struct.pack("<I", len(data)) + data, [text for _part, text in fields], violation
        )
        return self

    def measure_old(self, path: bytes, *, violation: bool = False) -> Kernel:
        """Add an entry of the template `ima`."""
        digest = bytes(20) if violation else bytes(range(20))
        shown = digest + struct.pack("<I", len(path)) + path
        self._write("ima", 10, digest + path + bytes(256 - len(path)), shown, [digest.hex(), path.decode()], violation)
        return self

    def file(self, path: str, content: bytes = b"", template: str = "ima-ng") -> Kernel:
        """Measure a file."""
        digest, name = hashlib.sha256(content).digest(), path.replace(" ", "_")
        return self.measure(
            template, d_ng=(b"sha256:\0" + digest, "sha256:" + digest.hex()), n_ng=(name.encode() + b"\0", name)
        )

    def buffer(self, name: str, data: bytes) -> Kernel:
        """Measure what is no file: a key, a command line, critical data."""
        digest = hashlib.sha256(data).digest()
        return self.measure(
            "ima-buf",
            d_ng=(b"sha256:\0" + digest, "sha256:" + digest.hex()),
            n_ng=(name.encode() + b"\0", name),
            buf=(data, data.hex()),
        )

    def _write(self, template: str, pcr: int, hashed: bytes, shown: bytes, texts: list[str], violation: bool) -> None:  # noqa: FBT001, RUF100
        column = bytes(20) if violation else hashlib.sha1(hashed).digest()  # noqa: S324
        head = struct.pack("<I", pcr) + column + struct.pack("<I", len(template)) + template.encode()
        self.binary += head + shown
        self.ascii += f"{pcr:2d} {column.hex()} {template} {' '.join(texts)}\n".encode("utf-8", "surrogateescape")
        for bank, values in self.pcrs.items():
            digest = hashlib.new(bank, hashed).digest()
            if self.zero_padding:
                digest = hashlib.sha1(hashed).digest().ljust(len(digest), b"\0")  # noqa: S324
            if violation:
                digest = b"\xff" * len(digest)
            values[pcr] = hashlib.new(bank, values.get(pcr, bytes(len(digest))) + digest).digest()
        self.history.append({bank: values.get(10, b"") for bank, values in self.pcrs.items()})
