# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An event log as plain data: dictionaries, lists, numbers and harmless text, fit for JSON.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Final

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import EvidenceError
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.finding import Finding
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.claims import Claims
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.log import EventLog
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.model import Event, EventData
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.variable import (
    Variable,
    read_signature_lists,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.wire import FIELD

TEXT_LIMIT: Final = 65_536
"""Longest text that is passed on, in characters."""

_SIGNATURE_DATABASES: Final = {"PK", "KEK", "db", "dbx", "dbt", "dbr"}


def plain_event_log(log: EventLog) -> dict[str, Any]:
    """Return the result of the filter ``event_log``, as its documentation describes it."""
    return {
        "events": [_event(event) for event in log.events],
        "pcrs": {bank: {str(pcr): value.hex() for pcr, value in pcrs.items()} for bank, pcrs in log.pcrs.items()},
        "claims": plain_claims(log.claims),
        "findings": [_finding(finding) for finding in log.findings],
        "algorithms": list(log.algorithms),
        "startup_locality": log.startup_locality,
        "format": log.format,
    }


def plain_claims(claims: Claims) -> dict[str, Any]:
    """Return the claims as plain data; bytes are hexadecimal, texts harmless."""
    plain: dict[str, Any] = _plain(claims)
    return plain


def _event(event: Event) -> dict[str, Any]:
    verified, claimed = event.verified, event.claimed
    return {
        "index": event.index,
        "pcr": event.pcr,
        "type": event.type_name,
        "type_number": event.type,
        "digests": {bank: digest.hex() for bank, digest in event.digests.items()},
        "size": len(event.data),
        "verified_data": None if verified is None else _data(verified.data),
        "verified_form": None if verified is None else verified.form,
        "claimed_data": None if claimed is None else _data(claimed.data),
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {"code": finding.code, "index": finding.index, "pcr": finding.pcr, "message": finding.message}


def _data(data: EventData) -> dict[str, Any]:
    """Return data with its kind; a signature database by its entries, whose bytes would only repeat them."""
    plain: dict[str, Any] = {"kind": type(data).__name__, **_plain(data)}
    if isinstance(data, Variable) and data.name in _SIGNATURE_DATABASES:
        try:
            lists = read_signature_lists(data.data, FIELD)
        except EvidenceError:
            return plain
        return {**plain, "data": None, "signatures": _plain(lists)}
    return plain


def _plain(value: object) -> Any:
    if isinstance(value, str):
        return printable(value, TEXT_LIMIT)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Mapping):
        return {printable(key): _plain(each) for key, each in value.items()}
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if is_dataclass(value):
        return {each.name: _plain(getattr(value, each.name)) for each in fields(value)}
    return value


__all__ = ["TEXT_LIMIT", "plain_claims", "plain_event_log"]
