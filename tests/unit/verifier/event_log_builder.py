# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds small event logs for tests, byte by byte as firmware does, and the PCRs that they must lead to."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from struct import pack
from uuid import UUID

from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi import types as ev
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.log import EventLog, parse_event_log
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.variable import EFI_GLOBAL, IMAGE_SECURITY

ALGORITHMS = {"sha1": 0x04, "sha256": 0x0B, "sha384": 0x0C, "sha512": 0x0D}


def variable(guid: str, name: str, value: bytes) -> bytes:
    text = name.encode("utf-16-le")
    return UUID(guid).bytes_le + pack("<QQ", len(name), len(value)) + text + value


def signature_list(entries: list[bytes], kind: str = "c1c41626-504c-4092-aca9-41f936934328") -> bytes:
    size = 16 + len(entries[0])
    body = b"".join(bytes(16) + entry for entry in entries)
    return UUID(kind).bytes_le + pack("<III", 28 + len(body), 0, size) + body


@dataclass
class LogBuilder:
    banks: tuple[str, ...] = ("sha1", "sha256")
    body: bytes = b""
    pcrs: dict[str, dict[int, bytes]] = field(default_factory=dict)
    locality: int = 0

    def add(
        self,
        pcr: int,
        kind: int,
        data: bytes,
        hashed: bytes | None = None,
        *,
        banks: tuple[str, ...] | None = None,
    ) -> LogBuilder:
        """Add an event whose digests are of ``hashed``, or of the data."""
        content = data if hashed is None else hashed
        used = self.banks if banks is None else banks
        digests = {bank: hashlib.new(bank, content).digest() for bank in used}
        if kind == ev.EV_NO_ACTION:
            digests = {bank: bytes(len(digest)) for bank, digest in digests.items()}
        else:
            self._extend(pcr, digests)
        values = b"".join(pack("<H", ALGORITHMS[bank]) + digest for bank, digest in digests.items())
        self.body += pack("<III", pcr, kind, len(digests)) + values + pack("<I", len(data)) + data
        return self

    def _extend(self, pcr: int, digests: dict[str, bytes]) -> None:
        for bank, digest in digests.items():
            values = self.pcrs.setdefault(bank, {})
            first = bytes(len(digest) - 1) + bytes([self.locality if pcr == 0 else 0])
            if 17 <= pcr <= 22:
                first = b"\xff" * len(digest)
            values[pcr] = hashlib.new(bank, values.get(pcr, first) + digest).digest()

    def build(self) -> bytes:
        sizes = b"".join(pack("<HH", ALGORITHMS[bank], hashlib.new(bank).digest_size) for bank in self.banks)
        spec = b"Spec ID Event03\0" + pack("<IBBBBI", 0, 0, 2, 0, 2, len(self.banks)) + sizes + b"\0"
        return pack("<II20sI", 0, ev.EV_NO_ACTION, bytes(20), len(spec)) + spec + self.body


def firmware(builder: LogBuilder, secure_boot: bytes = b"\1", separated: Iterable[int] = range(8)) -> LogBuilder:
    """Add what firmware measures before it starts a loader: the version, Secure Boot's variables, the separators."""
    builder.add(0, ev.EV_S_CRTM_VERSION, "v1.2\0".encode("utf-16-le"))
    config = ev.EV_EFI_VARIABLE_DRIVER_CONFIG
    builder.add(7, config, variable(EFI_GLOBAL, "SecureBoot", secure_boot))
    builder.add(7, config, variable(EFI_GLOBAL, "PK", signature_list([b"p" * 32])))
    builder.add(7, config, variable(EFI_GLOBAL, "KEK", signature_list([b"k" * 32])))
    builder.add(7, config, variable(IMAGE_SECURITY, "db", signature_list([b"d" * 32, b"e" * 32])))
    builder.add(7, config, variable(IMAGE_SECURITY, "dbx", b""))
    for pcr in separated:
        builder.add(pcr, ev.EV_SEPARATOR, bytes(4))
    return builder


def grub(builder: LogBuilder, command_line: str = "/vmlinuz root=/dev/vda ro quiet") -> LogBuilder:
    """Add what GRUB and the kernel's stub measure."""
    for label, text in (("grub_cmd: ", f"linux {command_line}"), ("kernel_cmdline: ", command_line)):
        builder.add(8, ev.EV_IPL, f"{label}{text}\0".encode(), text.encode())
    builder.add(9, ev.EV_IPL, b"/initrd.img\0", b"the initrd")
    builder.add(5, ev.EV_EFI_ACTION, b"Exit Boot Services Invocation")
    return builder.add(5, ev.EV_EFI_ACTION, b"Exit Boot Services Returned with Success")


def boot_log() -> bytes:
    """Return a whole small log: Secure Boot on, GRUB, a kernel."""
    return grub(firmware(LogBuilder())).build()


def codes(log: EventLog) -> list[str]:
    return [finding.code for finding in log.findings]


def parse(builder: LogBuilder) -> EventLog:
    return parse_event_log(builder.build())
