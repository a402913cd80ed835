# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Evidence as the node's module gives it, made into bytes and plain data before anything is believed.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ansible_collections.palantir.trust.plugins.module_utils._facts_binding import canonical_json, qualifying_data
from ansible_collections.palantir.trust.plugins.plugin_utils.codec import LIMITS, binary, printable
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import EvidenceError, PartError

FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class Evidence:
    """One node's evidence.

    Attributes:
        attest: TPMS_ATTEST.
        signature: TPMT_SIGNATURE.
        ak_public: the AK that the node says it used; never trusted, only compared.
        event_log: UEFI event log, or None where the node has none.
        ima_log: IMA measurement list from ``ima_offset`` on, or None where the node gave none.
        ima_offset: number of bytes of the list that are left out.
        facts: what the node says of itself.
        nonce: the challenge.
        qualifying_data: what the quote has to carry: the nonce and the facts.
        userspace_log: systemd's own log of what it measured, or None where the node has none.
    """

    attest: bytes
    signature: bytes
    ak_public: bytes
    event_log: bytes | None
    ima_log: bytes | None
    ima_offset: int
    facts: Mapping[str, Any]
    nonce: bytes
    qualifying_data: bytes
    userspace_log: bytes | None = None


_TEXTS: Final = ("event_log", "userspace_log")
_MAPPINGS: Final = {"quote": ("attest", "signature", "ak_public"), "ima_log": ("offset", "data")}


def parts_of(plain: object) -> dict[str, Any]:
    """Return what is read of evidence, and nothing else: a node does not choose what is kept.

    Args:
        plain: as of :func:`read_evidence`, whatever the node gave.

    Raises:
        EvidenceError: a part is over its limit, or none that could be read.
    """
    evidence = _mapping(plain, "evidence")
    found: dict[str, Any] = {name: evidence[name] for name in ("format", "facts") if name in evidence}
    found |= {name: _short(evidence[name], name) for name in _TEXTS if name in evidence}
    for name, inner in _MAPPINGS.items():
        if evidence.get(name) is not None:
            part = _mapping(evidence[name], name)
            found[name] = {key: _short(part[key], name) for key in inner if key in part}
    if len(canonical_json([found.get("format"), found.get("facts")])) > LIMITS["facts"]:
        raise EvidenceError("facts", f"are over the limit of {LIMITS['facts']} bytes.")
    return found


def _short(value: object, name: str) -> object:
    most = 2 * LIMITS[name]  # base64, with the white space that it may have
    if value is None or isinstance(value, int) or (isinstance(value, (str, bytes)) and len(value) <= most):
        return value
    size = f"has {len(value)} characters" if isinstance(value, (str, bytes)) else f"is a {type(value).__name__}"
    raise EvidenceError(name, f"{size}, where base64 text of at most {most} is read.")


def read_evidence(plain: object, offset: int = 0) -> Evidence:
    """Read evidence.

    Args:
        plain: the result of the module ``evidence``, with the challenge's nonce added as hexadecimal text.
        offset: where the IMA list may begin besides at its start.

    Raises:
        EvidenceError: a field is missing, malformed or over its limit.
        PartError: the list begins elsewhere.
    """
    evidence = _mapping(plain, "evidence")
    if evidence.get("format") != FORMAT:
        raise EvidenceError(
            "format",
            f"is {printable(evidence.get('format'), 40)}, not {FORMAT}.",
            next_step="use the same version of the collection on both sides.",
        )
    quote = _mapping(evidence.get("quote"), "quote")
    facts = _mapping(evidence.get("facts"), "facts")
    nonce = _nonce(evidence.get("nonce"))
    attest, signature, ak_public = (
        binary(quote.get(name), f"quote.{name}", LIMITS["quote"]) for name in ("attest", "signature", "ak_public")
    )
    event_log, userspace_log = (
        None if evidence.get(name) is None else binary(evidence[name], name, LIMITS[name])
        for name in ("event_log", "userspace_log")
    )
    ima_offset, ima_log = _ima_log(evidence.get("ima_log"), offset)
    return Evidence(
        attest=attest,
        signature=signature,
        ak_public=ak_public,
        event_log=event_log,
        ima_log=ima_log,
        ima_offset=ima_offset,
        facts=facts,
        nonce=nonce,
        qualifying_data=_bound(nonce, facts),
        userspace_log=userspace_log,
    )


def _mapping(value: object, field: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise EvidenceError(field, f"must be a mapping, not {type(value).__name__}.")
    return value


def _nonce(value: object) -> bytes:
    try:
        return bytes.fromhex(value) if isinstance(value, str) else b""
    except ValueError as error:
        raise EvidenceError("nonce", "is not hexadecimal.") from error


def _bound(nonce: bytes, facts: Mapping[str, Any]) -> bytes:
    try:
        if len(canonical_json(facts)) > LIMITS["facts"]:
            raise EvidenceError("facts", f"are over the limit of {LIMITS['facts']} bytes.")
        return qualifying_data(nonce, facts)
    except (TypeError, ValueError) as error:
        raise EvidenceError("facts", f"cannot be bound to the quote: {printable(error)}.") from error


def _ima_log(value: object, accepted: int) -> tuple[int, bytes | None]:
    if value is None:
        return 0, None
    part = _mapping(value, "ima_log")
    offset = part.get("offset", 0)
    if isinstance(offset, bool) or not isinstance(offset, int) or offset not in (0, accepted):
        raise PartError(
            "ima_log.offset",
            f"is {printable(offset, 40)}: what comes before it is missing.",
            next_step="ask for the list from offset 0.",
        )
    return offset, binary(part.get("data"), "ima_log", LIMITS["ima_log"])


__all__ = ["FORMAT", "Evidence", "parts_of", "read_evidence"]
