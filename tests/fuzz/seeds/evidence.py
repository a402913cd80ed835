# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Seeds of whole evidence, node records, tokens and DNS answers."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Iterator
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.ear import sign_ear
from tests.fuzz.entry.evidence import DNS_QUESTION
from tests.fuzz.seeds.boot import Seed
from tests.unit.appraisal.scene import BASE, Guest, instance
from tests.unit.verifier.cel_builder import systemd
from tests.unit.verifier.event_log_builder import LogBuilder, firmware
from tests.unit.verifier.soft_tpm import private_key

FACTS = {
    "deleted_executables": [{"path": "/opt/x (deleted)", "pid": 7}],
    "containers": [{"name": "dns-filter-1", "uid_base": BASE}],
}


def text(plain: Any) -> bytes:
    return json.dumps(plain, separators=(",", ":")).encode()


def guest(**changes: Any) -> Guest:
    return Guest(boot=firmware(LogBuilder(banks=("sha256",))), **changes)


def seeds() -> Iterator[Seed]:
    clean, attacked = guest(), guest(facts=FACTS)
    attacked.ran("/memfd:x (deleted)", b"x").ran("/usr/sbin/dropper", b"y", owner=BASE).ran(
        "/lost", b"", owner=BASE - 9
    )
    attacked.ran("/usr/bin/ls", b"other").ran("/etc/passwd", b"", violation=True)
    spoken = guest(userspace=[systemd(11, "sysinit"), systemd(9, "os-separator", "separator"), systemd(14, "unknown")])
    without = guest(event_log=False, ima_log=False)
    for target in ("evidence", "appraise"):
        yield target, "clean.json", text(clean.evidence())
        yield target, "attacked.json", text(attacked.evidence())
        yield target, "userspace.json", text(spoken.evidence())
        yield target, "without_logs.json", text(without.evidence())
    yield from _parts()
    yield (
        "record",
        "enrolled.json",
        text(
            Guest(
                record={"recorded": {"events": [{"pcr": 0, "type": "EV_SEPARATOR", "digest": "sha256:" + "00" * 32}]}}
            ).record
        ),
    )
    retired = instance(state="retired", reset_count=3, sealed_entries=9)
    last = {"clock": 1, "reset_count": 2, "restart_count": 3, "safe": True}
    yield (
        "record",
        "instances.json",
        text(Guest(record={"recorded": {}, "last": last, "instances": [instance(), retired]}).record),
    )
    yield "record", "broke-files.json", text(Guest(record={"instances": [instance(files={"/etc/passwd": 5})]}).record)
    yield "ear_token", "signed", sign_ear({**without.appraise(), "submods": {}}, _key()).encode()
    yield (
        "ear_token",
        "none",
        b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in (b'{"alg":"none"}', b'{"a":1}', b"")),
    )
    yield "text_field", "base64", base64.encodebytes(bytes(range(256)))
    yield "dns_answer", "address", answer(b"\xc0\x0c", b"\x0a\0\0\1")
    yield "dns_answer", "two", answer(b"\5block\7example\0", bytes(4), bytes(4))
    yield "dns_answer", "refused", struct.pack(">6H", 0x1234, 0x8185, 1, 0, 0, 0) + DNS_QUESTION[12:]


def _parts() -> Iterator[Seed]:
    began, changed = Guest(), Guest()
    offset = len(began.kernel.binary)
    changed.ran("/opt/new", b"new").ran("/usr/sbin/dropper", b"y", owner=BASE).ran("/usr/bin/ls", b"ls", violation=True)
    for name, kernel in (("nothing", began.kernel), ("more", changed.kernel)):
        ima_log = {"offset": offset, "data": base64.b64encode(kernel.binary[offset:]).decode()}
        yield "part", f"{name}.json", text(began.evidence() | {"event_log": None, "ima_log": ima_log})


def _key() -> bytes:
    return private_key("p256").private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def answer(name: bytes, *addresses: bytes) -> bytes:
    records = b"".join(name + struct.pack(">HHIH", 1, 1, 60, len(address)) + address for address in addresses)
    return struct.pack(">6H", 0x1234, 0x8180, 1, len(addresses), 0, 0) + DNS_QUESTION[12:] + records


__all__ = ["seeds"]
