# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash
from cryptography.hazmat.primitives.kdf.kbkdf import KBKDFHMAC, CounterLocation, Mode
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.palantir.trust.plugins.module_utils._errors import NodeError
from ansible_collections.palantir.trust.plugins.module_utils._tpm import Tpm, open_tpm
from ansible_collections.palantir.trust.plugins.module_utils._tpm_keys import (
    Ek,
    activate,
    attestation_key,
    endorsement_key,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.enrolment.credential import kdfa, kdfe, make_credential
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import EnrolmentError
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.tpm.structures import parse_public
from tests.lab.light.node import LightNode

AK_HANDLE = 0x81010030
HASHES = {"sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}
octets = st.binary(min_size=1, max_size=80)
labels = st.binary(min_size=1, max_size=12).filter(lambda label: 0 not in label)


@given(st.sampled_from(sorted(HASHES)), octets, labels, octets, st.sampled_from([128, 256, 384, 512, 1024]))
def test_kdfa_is_sp_800_108_in_counter_mode(name: str, key: bytes, label: bytes, context: bytes, bits: int) -> None:
    peer = KBKDFHMAC(
        HASHES[name], Mode.CounterMode, bits // 8, 4, 4, CounterLocation.BeforeFixed, label, context, fixed=None
    )
    middle = len(context) // 2
    assert kdfa(name, key, label, context[:middle], context[middle:], bits) == peer.derive(key)


@given(st.sampled_from(sorted(HASHES)), octets, labels, octets, octets, st.sampled_from([256, 384, 512, 1024]))
def test_kdfe_is_the_concatenation_kdf(name: str, z: bytes, label: bytes, u: bytes, v: bytes, bits: int) -> None:
    peer = ConcatKDFHash(HASHES[name], bits // 8, label + b"\0" + u + v)
    assert kdfe(name, z, label, u, v, bits) == peer.derive(z)


@pytest.fixture(params=["ecc_nist_p384", "rsa_2048"])
def keys(request: pytest.FixtureRequest, node: LightNode) -> Iterator[tuple[Tpm, Ek, bytes]]:
    """An open TPM, an EK of each kind that it has a certificate for, and the name of an AK beside it."""
    with open_tpm(node.tcti) as tpm, endorsement_key(tpm, request.param) as ek:
        ak = attestation_key(tpm, ek, AK_HANDLE, "ecdsa_p256", replace=False, create=True)
        yield tpm, ek, parse_public(ak.public).name


def test_field_row_3_the_tpm_with_both_keys_recovers_the_credential(keys: tuple[Tpm, Ek, bytes]) -> None:
    tpm, ek, ak_name = keys
    for size in (1, 16, 32):
        secret = os.urandom(size)
        credential = make_credential(parse_public(ek.public), ak_name, secret)
        assert activate(tpm, ek, AK_HANDLE, credential.blob, credential.encrypted_secret) == secret


def test_field_row_3_the_tpm_refuses_a_credential_for_another_ak(keys: tuple[Tpm, Ek, bytes]) -> None:
    tpm, ek, ak_name = keys
    credential = make_credential(parse_public(ek.public), ak_name[:-1] + bytes([ak_name[-1] ^ 1]), bytes(32))
    with pytest.raises(NodeError, match="made for another EK or another AK") as caught:
        activate(tpm, ek, AK_HANDLE, credential.blob, credential.encrypted_secret)
    assert caught.value.code == "activation_refused"


def test_the_tpm_refuses_a_credential_that_was_changed(keys: tuple[Tpm, Ek, bytes]) -> None:
    tpm, ek, ak_name = keys
    credential = make_credential(parse_public(ek.public), ak_name, bytes(32))
    changed = credential.blob[:-1] + bytes([credential.blob[-1] ^ 1])
    with pytest.raises(NodeError, match="made for another EK or another AK"):
        activate(tpm, ek, AK_HANDLE, changed, credential.encrypted_secret)


def test_two_credentials_for_the_same_secret_have_nothing_in_common(keys: tuple[Tpm, Ek, bytes]) -> None:
    _tpm, ek, ak_name = keys
    one, two = (make_credential(parse_public(ek.public), ak_name, bytes(32)) for _ in range(2))
    assert one.blob != two.blob
    assert one.encrypted_secret != two.encrypted_secret


def test_a_signing_key_is_no_ek(node: LightNode) -> None:
    with open_tpm(node.tcti) as tpm, endorsement_key(tpm, "auto") as ek:
        ak = attestation_key(tpm, ek, AK_HANDLE, "ecdsa_p256", replace=False, create=True)
    with pytest.raises(EnrolmentError, match="EK: it is no storage key with AES in CFB mode"):
        make_credential(parse_public(ak.public), b"name", bytes(32))
