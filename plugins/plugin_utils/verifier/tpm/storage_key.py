# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The check of a storage key that a node offers: whether what is wrapped to it stays in the TPM of the AK.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import Final

from ansible_collections.palantir.trust.plugins.module_utils._tpm_hmac import storage_key_public
from ansible_collections.palantir.trust.plugins.plugin_utils.codec import LIMITS, binary
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import EvidenceError
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.tpm.quote import signature_faults
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.tpm.structures import (
    TPM_GENERATED,
    Public,
    load_ak,
    parse_attest,
    parse_public,
    parse_signature,
    qualified_name,
)

_FIELD: Final = "storage_key"
_ST_ATTEST_CERTIFY: Final = 0x8017
_ENDORSEMENT: Final = 0x4000000B
_SIZED: Final = 2
_FIXED_PART: Final = 6 + 25  # magic and type before the names, clock and firmware version behind them


@dataclass(frozen=True, slots=True)
class StorageKey:
    """A storage key of the AK's TPM, which can be used for TPM2_Import and TPM2_Load alone.

    Attributes:
        public: its public area.
        qualified_name: of a primary key of the endorsement hierarchy.
    """

    public: Public
    qualified_name: bytes


def verify_storage_key(
    public: object, attest: object, signature: object, ak_public: object, nonce: bytes
) -> StorageKey:
    """Return a storage key that is what it has to be.

    Args:
        public: TPM2B_PUBLIC, bytes or base64 text; but for its point it has to be the one that the collection knows.
        attest: TPMS_ATTEST of TPM2_Certify ("TPM 2.0 Library, Part 3", section 18.2).
        signature: TPMT_SIGNATURE.
        ak_public: the enrolled attestation key.
        nonce: what the TPM was asked to sign along.

    Raises:
        EvidenceError: malformed, another kind of key, or not certified by the AK under this nonce.
    """
    encoded = binary(public, f"{_FIELD}.public", LIMITS["quote"])
    key = parse_public(encoded, f"{_FIELD}.public")
    if encoded != storage_key_public(*key.unique):
        raise EvidenceError(_FIELD, "is not of the kind that a secret may be wrapped to.")
    key.key()
    blob = binary(attest, f"{_FIELD}.attest", LIMITS["quote"])
    parsed = parse_attest(blob, f"{_FIELD}.attest")
    signed = parse_signature(binary(signature, f"{_FIELD}.signature", LIMITS["quote"]), f"{_FIELD}.signature")
    faults = signature_faults(load_ak(ak_public), parsed, signed, blob)
    if faults:
        raise EvidenceError(_FIELD, f"is not certified by the AK: {', '.join(faults)}.")
    name = qualified_name(_ENDORSEMENT, key)
    # TPMS_CERTIFY_INFO (Part 2, section 10.12.3): the name and the qualified name, and nothing behind them.
    head = _FIXED_PART + 2 * _SIZED + len(parsed.qualified_signer) + len(parsed.extra_data)
    certified = (parsed.magic, parsed.type) == (TPM_GENERATED, _ST_ATTEST_CERTIFY)
    if not certified or blob[head:] != _sized(key.name) + _sized(name):
        raise EvidenceError(_FIELD, "is not the key that the AK certified.")
    if not hmac.compare_digest(parsed.extra_data, nonce):
        raise EvidenceError(_FIELD, "is certified for another nonce.")
    return StorageKey(key, name)


def _sized(data: bytes) -> bytes:
    return len(data).to_bytes(_SIZED, "big") + data


__all__ = ["StorageKey", "verify_storage_key"]
