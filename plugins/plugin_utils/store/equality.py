# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""When two results say the same, and how the later one is kept in a few bytes beside the first.

What differs between rounds of a node where nothing changes are the claims of the round itself: its time, its nonce, the
TPM's clock, and with which entry its part of the list began. All else has to be equal, character by character. So the
later EAR is the first one with these few claims in place of its own, and its JWT is that text with a signature.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

_CLAIMS: Final = ("iat", "eat_nonce", "palantir.challenged_at")
_BOOT: Final = "palantir.boot"
_BOOT_CLAIMS: Final = ("clock", "ima_first_entry")
_SIGNATURE_LIMIT: Final = 128


@dataclass(frozen=True, slots=True)
class Kept:
    """A result as a run keeps it.

    Attributes:
        essence: hex SHA-256 of all that results of one run have in common; empty where no other can be equal.
        claims: the claims of its round as JSON text; None where it has no EAR.
        signature: of its JWT; None where it has none.
    """

    essence: str
    claims: str | None
    signature: str | None


def kept(state: str, message: str, ear: Mapping[str, Any] | None, jwt: str | None) -> Kept:
    """Return how a run keeps a result."""
    if ear is None:
        return Kept(_digest(state, message, None, None), None, None)
    claims = _claims_of(ear)
    header, signature = None, None
    if jwt is not None:
        header, _dot, rest = jwt.partition(".")
        payload, _dot, signature = rest.partition(".")
        if payload != _payload(ear) or len(signature) > _SIGNATURE_LIMIT:
            return Kept("", None, None)
    common = with_claims(ear, json.dumps({name: _nothing(value) for name, value in claims.items()}))
    return Kept(_digest(state, message, common, header), json.dumps(claims, separators=(",", ":")), signature)


def with_claims(ear: Mapping[str, Any], claims: str | None) -> dict[str, Any]:
    """Return an EAR with the claims of another round in place of its own.

    Args:
        ear: the first of a run.
        claims: as :attr:`Kept.claims` has them; None for the EAR as it is.
    """
    if claims is None:
        return dict(ear)
    own = json.loads(claims)
    boot = own.pop(_BOOT, None)
    merged = {**ear, **own}
    if boot is not None:
        merged[_BOOT] = {**ear[_BOOT], **boot}
    return merged


def jwt_of(first: str | None, ear: Mapping[str, Any], signature: str | None) -> str | None:
    """Return the JWT of a later result of a run: the first one's header, the EAR, and its own signature."""
    if first is None or signature is None:
        return first
    return f"{first.partition('.')[0]}.{_payload(ear)}.{signature}"


def _claims_of(ear: Mapping[str, Any]) -> dict[str, Any]:
    claims: dict[str, Any] = {name: ear[name] for name in _CLAIMS if name in ear}
    boot = ear.get(_BOOT)
    if isinstance(boot, Mapping):
        claims[_BOOT] = {name: boot[name] for name in _BOOT_CLAIMS if name in boot}
    return claims


def _nothing(value: Any) -> Any:
    return dict.fromkeys(value) if isinstance(value, dict) else None


def _payload(ear: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(ear, separators=(",", ":")).encode()).rstrip(b"=").decode("ascii")


def _digest(state: str, message: str, common: Mapping[str, Any] | None, header: str | None) -> str:
    # Not sorted: the order of claims is part of what is signed.
    return hashlib.sha256(json.dumps([state, message, common, header]).encode()).hexdigest()


__all__ = ["Kept", "jwt_of", "kept", "with_claims"]
