# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The IMA list as plain data, for filters and reports.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import re
from typing import Any, Final

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import LIMITS, binary, printable
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import EvidenceError
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.finding import Finding
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.buffers import read_buffer
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.log import FIELD, ImaLog
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.replay import replay_all
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.signature import (
    DIGSIG,
    PORTABLE_DIGSIG,
    VERITY_DIGSIG,
    SignatureFormError,
    read_signature,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.templates import Entry

BANKS: Final = ("sha1", "sha256")
TEXT_LIMIT: Final = 65_536
"""Longest text that is passed on, in characters."""

_ASCII_START: Final = re.compile(r"\s?\d{1,2} [0-9a-f]{40} ")


def ima_bytes(value: object) -> bytes:
    """Return a list as bytes: bytes as they are, the text of an ASCII list, or base64 text of either form.

    Raises:
        EvidenceError: none of these, or over the limit.
    """
    if isinstance(value, str) and _ASCII_START.match(value):
        if len(value) > LIMITS[FIELD]:
            raise EvidenceError(FIELD, f"is larger than the limit of {LIMITS[FIELD]} bytes.")
        try:
            value = value.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError as error:
            raise EvidenceError(FIELD, "holds characters that no list has.", offset=error.start) from error
    return binary(value, FIELD, LIMITS[FIELD])


def plain_ima_log(log: ImaLog) -> dict[str, Any]:
    """Return the result of the filter ``ima_log``: entries, pcrs, violations, findings."""
    return {
        "entries": [_entry(entry) for entry in log.entries],
        "pcrs": {bank: {str(pcr): value.hex() for pcr, value in replay_all(log, bank).items()} for bank in BANKS},
        "violations": len(log.violations),
        "findings": [plain_finding(finding) for finding in log.findings],
    }


def plain_finding(finding: Finding) -> dict[str, Any]:
    """Return a finding as plain data."""
    return {
        "code": finding.code,
        "index": finding.index,
        "pcr": finding.pcr,
        "path": finding.path,
        "message": finding.message,
    }


def _entry(entry: Entry) -> dict[str, Any]:
    """Return an entry without the fields that its template does not have."""
    plain: dict[str, Any] = {
        "index": entry.index,
        "pcr": entry.pcr,
        "template": entry.template,
        "digest": entry.digest,
        "path": printable(entry.path, TEXT_LIMIT),
        "template_hash": entry.template_hash.hex(),
        "violation": entry.violation,
    }
    owner = {"iuid": entry.iuid, "igid": entry.igid, "imode": entry.imode}
    plain.update({name: number for name, number in owner.items() if number is not None})
    plain.update({name: data.hex() for name, data in (("sig", entry.sig), ("buf", entry.buf)) if data})
    plain.update(_read(entry))
    others = {
        name: value.hex() if isinstance(value, bytes) else printable(value, TEXT_LIMIT)
        for name, value in entry.others.items()
    }
    return {**plain, **({"others": others} if others else {})}


def _read(entry: Entry) -> dict[str, Any]:
    """Return what an entry's signature and buffer say of themselves."""
    plain: dict[str, Any] = {}
    if entry.sig:
        try:
            signature = read_signature(entry.sig)
        except SignatureFormError as error:
            plain["signature"] = {"unreadable": str(error)}
        else:
            plain["signature"] = {
                "kind": _SIGNATURES[signature.type],
                "version": signature.version,
                "algorithm": signature.algorithm,
                "key_id": signature.key_id,
            }
    buffer = read_buffer(entry) if entry.buf else None
    return plain if buffer is None else {**plain, "buffer": buffer.plain()}


_SIGNATURES: Final = {DIGSIG: "content", PORTABLE_DIGSIG: "metadata", VERITY_DIGSIG: "fs-verity"}

__all__ = ["BANKS", "TEXT_LIMIT", "ima_bytes", "plain_finding", "plain_ima_log"]
