# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A quote's check beside that of its signature alone by the same library: the rest must cost next to nothing."""

from __future__ import annotations

from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.tpm.quote import verify_quote
from tests.perf.result import Result
from tests.perf.timing import paired, repeated, typical
from tests.unit.verifier.soft_tpm import Attestation, public_area, sign, tpm2b

NONCE: Final = bytes(range(32))
PCRS: Final = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 14)
ROUNDS: Final = 15
REPEATS: Final = 1000


def run() -> list[Result]:
    """Measure both for ECDSA P-256 over SHA-256, as the AK of a node is made by default."""
    key = ec.generate_private_key(ec.SECP256R1())
    attest = Attestation(extra=NONCE, selections=(("sha256", PCRS),)).encode()
    bare = key.sign(attest, ec.ECDSA(hashes.SHA256()))
    signature, ak = sign(key, attest), tpm2b(public_area(key))
    public, selection, algorithm = key.public_key(), {"sha256": PCRS}, ec.ECDSA(hashes.SHA256())

    def ours() -> None:
        if not verify_quote(attest, signature, ak, NONCE, selection).valid:
            raise RuntimeError("the check of a sound quote failed")

    pairs = paired(
        lambda: repeated(ours, REPEATS),
        lambda: repeated(lambda: public.verify(bare, attest, algorithm), REPEATS),
        ROUNDS,
    )
    checked, verified = typical(pairs.ours), typical(pairs.peer)
    return [
        Result(
            "quote",
            "check of a quote, ECDSA P-256, beside the bare check of its signature",
            "quotes/s",
            1 / checked.cpu,
            1.3,
            "most",
            1 / verified.cpu,
            "cryptography",
            pairs.speed_up.inverse,
        )
    ]


__all__ = ["run"]
