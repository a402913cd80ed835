# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Enrolment on the node: describe its identity, and prove that AK and EK live in one TPM.

This module is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict

from ansible_collections.palantir.trust.plugins.module_utils._evidence import FORMAT, decoded, encoded, parse_handle
from ansible_collections.palantir.trust.plugins.module_utils._tpm import open_tpm
from ansible_collections.palantir.trust.plugins.module_utils._tpm_keys import (
    activate,
    attestation_key,
    endorsement_key,
)


@dataclass(frozen=True)
class AkRequest:
    """The AK that is wanted; ``create`` is False in check mode."""

    algorithm: str
    replace: bool
    create: bool


def describe(tcti: str, ak_handle: str, ek_kind: str, request: AkRequest) -> Dict[str, Any]:
    """Return EK certificate, EK, AK and TPM properties as plain JSON data; make the AK where needed.

    Raises:
        NodeError: anything that keeps this node from an identity.
    """
    handle = parse_handle(ak_handle)
    with open_tpm(tcti) as tpm, endorsement_key(tpm, ek_kind) as ek:
        ak = attestation_key(tpm, ek, handle, request.algorithm, request.replace, request.create)
        return {
            "format": FORMAT,
            "ek": {
                "kind": ek.kind.name,
                "nv_index": "0x%08x" % ek.kind.certificate_index,
                "certificate": encoded(ek.certificate),
                "public": encoded(ek.public),
            },
            "ak": {"handle": "0x%08x" % handle, "public": encoded(ak.public), "created": ak.created},
            "tpm": tpm.description(),
        }


def answer(tcti: str, ak_handle: str, ek_kind: str, credential_blob: str, encrypted_secret: str) -> str:
    """Return, as base64, the credential that only the TPM with both this EK and this AK can recover.

    Raises:
        NodeError: ``activation_refused`` and anything that keeps the TPM from working.
    """
    handle = parse_handle(ak_handle)
    blob = decoded("credential_blob", credential_blob)
    secret = decoded("encrypted_secret", encrypted_secret)
    with open_tpm(tcti) as tpm, endorsement_key(tpm, ek_kind) as ek:
        return encoded(activate(tpm, ek, handle, blob, secret))


__all__ = ["AkRequest", "answer", "describe"]
