# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes Canonical Event Logs for tests: the events of any log, in either encoding."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.model import Event
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.wire import BANKS

ALGORITHMS = {name: number for number, (name, _size) in BANKS.items()}


def tlv(kind: int, value: bytes) -> bytes:
    return bytes([kind]) + len(value).to_bytes(4, "big") + value


def number(kind: int, value: int) -> bytes:
    return tlv(kind, value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big"))


def record(at: int, pcr: int, digests: dict[str, bytes], content: bytes) -> bytes:
    """Return a record in TLV form; a PCR above 23 is an NV index."""
    values = b"".join(tlv(ALGORITHMS[bank], digest) for bank, digest in digests.items())
    return number(0, at) + number(1 if pcr < 24 else 2, pcr) + tlv(3, values) + content


def tlv_log(events: Iterable[Event]) -> bytes:
    return b"".join(
        record(at, e.pcr, dict(e.digests), tlv(5, number(0, e.type) + tlv(1, e.data))) for at, e in enumerate(events)
    )


def json_log(events: Iterable[Event]) -> list[dict[str, Any]]:
    """Return records as systemd-pcrlock writes them."""
    return [
        {
            "pcr": event.pcr,
            "recnum": at,
            "digests": json_digests(event.digests),
            "content_type": "pcclient_std",
            "content": {
                "event_type": event.type_name if event.type_name.startswith("EV_") else str(event.type),
                "event_data": event.data.hex(),
            },
        }
        for at, event in enumerate(events, 1)
    ]


def json_digests(digests: Any) -> list[dict[str, str]]:
    return [{"hashAlg": bank, "digest": digest.hex()} for bank, digest in digests.items()]


def measured(content: bytes, banks: tuple[str, ...] = ("sha256",)) -> dict[str, bytes]:
    return {bank: hashlib.new(bank, content).digest() for bank in banks}


def systemd(pcr: int, text: str, kind: str = "phase", *, secret: bytes | None = None) -> dict[str, Any]:
    """Return a record as systemd appends it to its log (systemd-pcrextend(8)): it has no number."""
    content = text.encode() if secret is None else secret + text.encode()
    return {
        "pcr": pcr,
        "digests": json_digests(measured(content, ("sha1", "sha256"))),
        "content_type": "systemd",
        "content": {"string": text, "bootId": "0123456789abcdef" * 2, "timestamp": 4_000_000, "eventType": kind},
    }


def sequence(records: Iterable[dict[str, Any]]) -> bytes:
    return b"".join(b"\x1e" + json.dumps(each).encode() + b"\n" for each in records)
