# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""TPM2_Duplicate without a TPM: a fresh HMAC key, and the same as only the TPM with a storage key can import it.

TPM 2.0 Library, Part 1, section 23.3 (duplication, outer wrapper), and Part 2, sections 12.3.2 (TPMT_SENSITIVE) and
12.3.7 (TPM2B_PRIVATE).

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import Final

from ansible_collections.palantir.trust.plugins.module_utils._tpm_hmac import hmac_key_public
from ansible_collections.palantir.trust.plugins.plugin_utils.enrolment.credential import protect
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.tpm.quote import HmacKey
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.tpm.storage_key import StorageKey

_BYTES: Final = 32
_KEYEDHASH: Final = b"\x00\x08"
_SHA256: Final = b"\x00\x0b"


@dataclass(frozen=True, slots=True)
class Duplicate:
    """What TPM2_Import takes, and the one part of the public area that is not known beforehand.

    Attributes:
        unique: SHA-256 of seed and key.
        private: TPM2B_PRIVATE.
        seed: TPM2B_ENCRYPTED_SECRET.
    """

    unique: bytes
    private: bytes
    seed: bytes


def hmac_key_for(parent: StorageKey) -> tuple[HmacKey, Duplicate]:
    """Make an HMAC key; return it, and its duplicate for the TPM of a storage key that was verified."""
    secret, seed = secrets.token_bytes(_BYTES), secrets.token_bytes(_BYTES)
    unique = hashlib.sha256(seed + secret).digest()
    name = _SHA256 + hashlib.sha256(hmac_key_public(unique)[2:]).digest()
    # TPMT_SENSITIVE: type, an authorization value that is empty, the seed that hides the key in `unique`, the key.
    sensitive = _KEYEDHASH + _sized(b"") + _sized(seed) + _sized(secret)
    wrapped = protect(parent.public, b"DUPLICATE", name, sensitive)
    qualified = _SHA256 + hashlib.sha256(parent.qualified_name + name).digest()
    return HmacKey(secret, qualified), Duplicate(unique, wrapped.blob, wrapped.encrypted_secret)


def _sized(data: bytes) -> bytes:
    return len(data).to_bytes(2, "big") + data


__all__ = ["Duplicate", "hmac_key_for"]
