# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The HMAC key as it goes to a TPM, opened as a TPM opens it, with what others wrote for that."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash
from cryptography.hazmat.primitives.kdf.kbkdf import KBKDFHMAC, CounterLocation, Mode

try:  # its home since cryptography 47
    from cryptography.hazmat.decrepit.ciphers.modes import CFB
except ImportError:
    from cryptography.hazmat.primitives.ciphers.modes import CFB

from ansible_collections.palantir.trust.plugins.module_utils._tpm_hmac import hmac_key_public, storage_key_public
from ansible_collections.palantir.trust.plugins.plugin_utils.enrolment.duplicate import Duplicate, hmac_key_for
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.reader import Reader
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.tpm.storage_key import StorageKey
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.tpm.structures import parse_public

PRIVATE = ec.derive_private_key(0xD0B1E, ec.SECP256R1())
QUALIFIED = b"\x00\x0b" + b"\x51" * 32


def octets(number: int) -> bytes:
    return number.to_bytes(32, "big")


POINT = PRIVATE.public_key().public_numbers()
PUBLIC = storage_key_public(octets(POINT.x), octets(POINT.y))
PARENT = StorageKey(parse_public(PUBLIC), QUALIFIED)


def opened(duplicate: Duplicate, label: bytes = b"DUPLICATE") -> bytes:
    """Return the TPM2B_SENSITIVE in a duplicate, by the library's key derivations and not by ours."""
    name = b"\x00\x0b" + hashlib.sha256(hmac_key_public(duplicate.unique)[2:]).digest()
    sealed = Reader(duplicate.seed, "seed")
    point = sealed.sub(sealed.u16be())
    x, y = (point.take(point.u16be()) for _ in range(2))
    theirs = ec.EllipticCurvePublicNumbers(int.from_bytes(x), int.from_bytes(y), ec.SECP256R1()).public_key()
    z = PRIVATE.exchange(ec.ECDH(), theirs)
    seed = ConcatKDFHash(hashes.SHA256(), 32, label + b"\0" + x + octets(POINT.x)).derive(z)

    def derived(purpose: bytes, context: bytes, size: int) -> bytes:
        before = CounterLocation.BeforeFixed
        kdf = KBKDFHMAC(hashes.SHA256(), Mode.CounterMode, size, 4, 4, before, purpose, context, fixed=None)
        return kdf.derive(seed)

    outer = Reader(duplicate.private, "private")
    inner = outer.sub(outer.u16be())
    outer.end()
    integrity, encrypted = inner.take(inner.u16be()), inner.rest()
    expected = hmac.digest(derived(b"INTEGRITY", b"", 32), encrypted + name, "sha256")
    if not hmac.compare_digest(integrity, expected):
        raise ValueError("the integrity is not right")
    decryptor = Cipher(algorithms.AES(derived(b"STORAGE", name, 16)), CFB(bytes(16))).decryptor()
    return decryptor.update(encrypted) + decryptor.finalize()


def test_the_holder_of_the_storage_key_finds_the_key_and_nothing_else() -> None:
    key, duplicate = hmac_key_for(PARENT)
    sensitive = opened(duplicate)
    seed = sensitive[8:40]
    assert sensitive == b"\x00\x48\x00\x08\x00\x00\x00\x20" + seed + b"\x00\x20" + key.secret
    assert duplicate.unique == hashlib.sha256(seed + key.secret).digest()
    name = b"\x00\x0b" + hashlib.sha256(hmac_key_public(duplicate.unique)[2:]).digest()
    assert key.qualified_name == b"\x00\x0b" + hashlib.sha256(QUALIFIED + name).digest()


def test_what_is_meant_for_import_is_good_for_no_other_command() -> None:
    _key, duplicate = hmac_key_for(PARENT)
    for label in (b"IDENTITY", b"SECRET"):
        with pytest.raises(ValueError, match="integrity"):
            opened(duplicate, label)


def test_another_implementation_opens_it_too() -> None:
    pytest.importorskip("tpm2_pytss", reason="tpm2-pytss is not installed")
    from tpm2_pytss import types
    from tpm2_pytss.constants import TPM2_ALG
    from tpm2_pytss.utils import unwrap

    key, duplicate = hmac_key_for(PARENT)
    parent, _size = types.TPM2B_PUBLIC.unmarshal(PUBLIC)
    private = types.TPMT_SENSITIVE(sensitiveType=TPM2_ALG.ECC)
    private.sensitive.ecc = types.TPM2B_ECC_PARAMETER(octets(PRIVATE.private_numbers().private_value))
    public, _size = types.TPM2B_PUBLIC.unmarshal(hmac_key_public(duplicate.unique))
    wrapped, _size = types.TPM2B_PRIVATE.unmarshal(duplicate.private)
    seed, _size = types.TPM2B_ENCRYPTED_SECRET.unmarshal(duplicate.seed)
    assert bytes(unwrap(parent.publicArea, private, public, wrapped, seed).sensitiveArea.sensitive.bits) == key.secret


def test_no_two_keys_are_the_same() -> None:
    made = [hmac_key_for(PARENT) for _ in range(4)]
    assert len({key.secret for key, _duplicate in made}) == 4
    assert len({duplicate.seed for _key, duplicate in made}) == 4
    assert all(key.secret not in duplicate.private + duplicate.seed + duplicate.unique for key, duplicate in made)
