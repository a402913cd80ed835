# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes with long measurement lists, made as the kernel and the TPM make them, and the same for the peer."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from struct import pack
from typing import Any

from ansible_collections.palantir.trust.plugins.plugin_utils.reference.index import ReferenceSet
from tests.unit.appraisal.scene import HOST, NOW, Guest, document, files, reference_values

TEMPLATE = "ima-sig"
CONTAINER = {"/usr/sbin/dnsmasq": b"dnsmasq", "/etc/dnsmasq.conf": b"port=53\n"}
"""What the scene's guest measures besides its host's files; without a container they are the host's."""

_NAME = pack("<I", len(TEMPLATE)) + TEMPLATE.encode()
_PCR = pack("<I", 10)
_SHA256_FIELD = pack("<I", 40) + b"sha256:\0"
_NO_SIGNATURE = pack("<I", 0)


@dataclass(frozen=True)
class File:
    """A file as it is measured."""

    path: str
    digest: bytes

    @property
    def data(self) -> bytes:
        """Template data of its measurement (ima_template_lib.c)."""
        name = self.path.encode() + b"\0"
        return _SHA256_FIELD + self.digest + pack("<I", len(name)) + name + _NO_SIGNATURE


def packaged(count: int, seed: str = "packages") -> list[File]:
    """Return so many files of packages, always the same ones for a seed."""
    chance = random.Random(seed)  # noqa: S311 - makes lists, no secrets
    return [
        File(f"/usr/lib/x86_64-linux-gnu/package-{number % 997}/{seed}-{number}.so", chance.randbytes(32))
        for number in range(count)
    ]


def known(*groups: Iterable[File]) -> ReferenceSet:
    """Return Reference Values of the guest's host and of files."""
    plain = reference_values()
    listed = {file.path: [f"sha256:{file.digest.hex()}"] for group in groups for file in group}
    plain["host"] = [document("host", "bench", files=files({**HOST, **CONTAINER}) | listed)]
    return ReferenceSet.from_plain(plain, datetime.now(UTC))


class Node(Guest):
    """A booted node without containers that measures files by the thousand."""

    def __init__(self, measured: Iterable[File] = ()) -> None:
        """Boot, and measure files."""
        super().__init__(instances=[], template=TEMPLATE)
        self.measure(measured)

    def measure(self, measured: Iterable[File]) -> bytes:
        """Add files to the list; return the bytes that the list has grown by."""
        value, binary = self.kernel.pcrs["sha256"][10], []
        for file in measured:
            data = file.data
            column = hashlib.sha1(data, usedforsecurity=False).digest()
            binary.append(_PCR + column + _NAME + pack("<I", len(data)) + data)
            value = hashlib.sha256(value + hashlib.sha256(data).digest()).digest()
        grown = b"".join(binary)
        self.kernel.pcrs["sha256"][10] = value
        self.kernel.binary += grown
        return grown

    def bytes_evidence(self) -> dict[str, Any]:
        """Return the evidence with its list as bytes: neither side has its transport's encoding timed."""
        binary, self.kernel.binary = self.kernel.binary, b""
        try:
            evidence = self.evidence()
        finally:
            self.kernel.binary = binary
        return {**evidence, "ima_log": {"offset": 0, "data": binary}}


__all__ = ["NOW", "TEMPLATE", "File", "Node", "known", "packaged"]
