# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finding codes of the quote check.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

CODES: Final[Mapping[str, str]] = {
    "ak_attributes": "The attestation key is not a restricted, TPM-bound signing key, so it may sign made-up quotes.",
    "ak_weak": "The attestation key is an RSA key of less than 2048 bits.",
    "bad_signature": "The signature over the quote does not verify with the attestation key.",
    "clock_decreased": "The TPM's clock went back without a power loss: an old or forked TPM state answers.",
    "clock_unsafe": "The TPM lost power without notice, so its clock may have gone back a little.",
    "nonce_mismatch": "The quote answers another challenge, or other facts than those that came with it.",
    "not_a_quote": "The signed structure is no quote made by a TPM.",
    "reset_count_decreased": "The TPM counts fewer boots than it had before: an old or forked TPM state answers.",
    "restart_count_decreased": "The TPM counts fewer resumes within a boot than it had before.",
    "scheme_mismatch": "The signature's scheme or hash is not that of the attestation key.",
    "selection_mismatch": "The quote does not cover exactly the PCRs that were asked for.",
    "signer_mismatch": "The quote names another signing key than the attestation key.",
    "weak_hash": "The quote is signed over SHA-1, which the policy does not allow.",
}
"""Each finding code to its meaning."""

__all__ = ["CODES"]
