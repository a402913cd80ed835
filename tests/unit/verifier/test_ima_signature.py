# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""File signatures as other programs make them, and as an attacker would."""

from __future__ import annotations

import hashlib
import struct

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.palantir.trust.plugins.plugin_utils.verifier import der
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.keys import (
    KeyFormError,
    key_of_der,
    key_of_pem,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.log import parse_ima_log
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.modsig import read_modsig
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.signature import (
    SignatureFormError,
    read_signature,
    signed_digest,
    verifies,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.signed import Signatures, signatures_of
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.templates import Entry
from tests.unit.support.examples import examples
from tests.unit.verifier import ima_signature_vectors as vectors
from tests.unit.verifier.ima_kernel import Kernel
from tests.unit.verifier.ima_signer import PORTABLE, VERITY, Vendor

AGENT = hashlib.sha256(b"agent").digest()
AGENT_TEXT = "sha256:" + AGENT.hex()
VENDOR = Vendor()


def measured(template: str, **replaced: bytes) -> Entry:
    """Return the entry of a file whose fields have these bytes, after a list was written and read."""
    fields = {name: (value, "") for name, value in replaced.items()}
    return parse_ima_log(Kernel().measure(template, 10, violation=False, **fields).binary).entries[0]


def made_by(entry: Entry, pem: str) -> list[bool]:
    key = key_of_pem(pem)
    return [one.names(key) and one.made_by(key) for one in signatures_of(entry).readable]


@pytest.mark.parametrize(
    ("certificate", "data", "algorithm"),
    [
        (vectors.RSA_CERTIFICATE, vectors.RSA_SHA256, "sha256"),
        (vectors.RSA_CERTIFICATE, vectors.RSA_SHA512, "sha512"),
        (vectors.EC_CERTIFICATE, vectors.EC_SHA256, "sha256"),
        (vectors.EC_CERTIFICATE, vectors.EC_SHA512, "sha512"),
    ],
)
def test_what_evmctl_signed_verifies_for_its_content_alone(certificate: str, data: bytes, algorithm: str) -> None:
    key, signature = key_of_pem(certificate), read_signature(data)
    assert signature.key_id in key.ids
    for content, expected in ((b"hello", True), (b"hullo", False)):
        digest = signed_digest(signature, f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}")
        assert digest is not None
        assert verifies(key.public, signature.algorithm, digest, signature.value) is expected


def evm_entry(mode: int = 0o100755, uid: int = 0, content: bytes = AGENT, evmsig: bytes = vectors.PORTABLE) -> Entry:
    attribute = b"\4\4" + content
    return measured(
        "evm-sig",
        d_ng=b"sha256:\0" + AGENT,
        evmsig=evmsig,
        xattrnames=b"security.ima\0",
        xattrlengths=struct.pack("<I", len(attribute)),
        xattrvalues=attribute,
        iuid=struct.pack("<I", uid),
        igid=struct.pack("<I", 0),
        imode=struct.pack("<H", mode),
    )


def test_a_portable_evm_signature_of_evmctl_verifies_for_its_metadata_alone() -> None:
    assert made_by(evm_entry(), vectors.EC_CERTIFICATE) == [True]
    assert made_by(evm_entry(mode=0o104755), vectors.EC_CERTIFICATE) == [False]
    assert made_by(evm_entry(uid=1000), vectors.EC_CERTIFICATE) == [False]


def test_a_portable_evm_signature_says_nothing_of_content_that_its_metadata_do_not_have() -> None:
    other = signatures_of(evm_entry(content=hashlib.sha256(b"other").digest()))
    assert other == Signatures((), ("over metadata that do not have the digest which was measured",))


def test_a_portable_evm_signature_of_version_3_signs_its_type_along() -> None:
    misc = struct.pack("<QIIIH2x", 0, 0, 0, 0, 0o100755)
    metadata = hashlib.sha256(b"\4\4" + AGENT + misc).digest()
    entry = evm_entry(evmsig=VENDOR.attribute(metadata, kind=PORTABLE, version=3))
    assert made_by(entry, VENDOR.pem) == [True]


def test_a_signature_of_the_content_among_the_metadata_is_found() -> None:
    attribute = VENDOR.sign(b"agent")
    entry = measured(
        "evm-sig",
        d_ng=b"sha256:\0" + AGENT,
        evmsig=b"",
        xattrnames=b"security.selinux|security.ima\0",
        xattrlengths=struct.pack("<II", 5, len(attribute)),
        xattrvalues=b"label" + attribute,
    )
    assert made_by(entry, VENDOR.pem) == [True]


@pytest.mark.parametrize(
    ("message", "certificate"),
    [
        (vectors.CMS_RSA, vectors.RSA_CERTIFICATE),
        (vectors.CMS_EC_BY_KEY, vectors.EC_CERTIFICATE),
        (vectors.CMS_EC_ATTRIBUTES, vectors.EC_CERTIFICATE),
    ],
)
def test_an_appended_signature_of_openssl_verifies_for_its_content_alone(message: bytes, certificate: str) -> None:
    def entry(content: bytes) -> Entry:
        digest = b"sha256:\0" + hashlib.sha256(content).digest()
        return measured("ima-modsig", sig=b"", d_modsig=digest, modsig=message)

    assert made_by(entry(b"agent"), certificate) == [True]
    assert made_by(entry(b"rootkit"), certificate) in ([False], [])
    other = {vectors.RSA_CERTIFICATE, vectors.EC_CERTIFICATE} - {certificate}
    assert made_by(entry(b"agent"), other.pop()) == [False]


def test_an_appended_signature_with_attributes_is_over_them_as_the_kernel_calculates() -> None:
    parts = der.children(der.read_value(vectors.CMS_EC_ATTRIBUTES).content)
    signer = der.children(der.children(der.read_value(parts[1].content).content)[-1].content)[0]
    attributes = next(value for value in der.children(signer.content) if value.tag == 0xA0)
    kernels = hashlib.sha256(b"\x31" + attributes.raw[1:]).hexdigest()
    (one,) = read_modsig(vectors.CMS_EC_ATTRIBUTES, f"sha256:{kernels}")
    assert verifies(key_of_pem(vectors.EC_CERTIFICATE).public, one.algorithm, one.digest, one.value)


@pytest.mark.parametrize("kind", ["rsa2048", "p384"])
def test_an_appended_signature_with_its_certificates_verifies(kind: str) -> None:
    vendor = Vendor(kind=kind)
    message = vendor.appended(b"agent", pkcs7.PKCS7Options.NoAttributes)
    entry = measured("ima-modsig", sig=b"", d_modsig=b"sha256:\0" + AGENT, modsig=message)
    assert made_by(entry, vendor.pem) == [True]


@pytest.mark.parametrize(
    ("message", "cause"),
    [
        (b"", "no PKCS #7 message"),
        (b"0\x80", "no PKCS #7 message"),
        (b"0" * 70_000, "a message of 70000 bytes, over the limit of 65536"),
        (vectors.CMS_RSA + b"\0", "no PKCS #7 message"),
        (
            vectors.CMS_RSA.replace(bytes.fromhex("2a864886f70d010702"), bytes.fromhex("2a864886f70d010703")),
            "no signed",
        ),
        (
            vectors.CMS_RSA.replace(bytes.fromhex("2a864886f70d010101"), bytes.fromhex("2a864886f70d01010a")),
            "algorithm",
        ),
        (vectors.CMS_EC_BY_KEY.replace(bytes.fromhex("0403020446"), bytes.fromhex("0403030446")), "algorithm"),
    ],
)
def test_a_message_that_is_none_or_not_supported_is_named(message: bytes, cause: str) -> None:
    with pytest.raises(SignatureFormError, match=cause):
        read_modsig(message, AGENT_TEXT)


def test_a_message_with_content_of_its_own_is_refused() -> None:
    whole = (
        pkcs7.PKCS7SignatureBuilder()
        .set_data(b"agent")
        .add_signer(VENDOR.certificate, VENDOR.key, hashes.SHA256())
        .sign(Encoding.DER, [pkcs7.PKCS7Options.Binary])
    )
    with pytest.raises(SignatureFormError, match="content of its own"):
        read_modsig(whole, AGENT_TEXT)


def test_a_signature_over_an_fs_verity_digest_is_none_over_content() -> None:
    digest = bytes(range(32))
    verity, content = f"verity:sha256:{digest.hex()}", f"sha256:{digest.hex()}"
    signature = read_signature(VENDOR.attribute(digest, kind=VERITY, version=3))
    signed = signed_digest(signature, verity)
    assert signed == hashlib.sha256(b"\6\4" + digest).digest()
    assert verifies(key_of_pem(VENDOR.pem).public, "sha256", signed, signature.value)
    assert signed_digest(signature, content) is None
    assert signed_digest(read_signature(VENDOR.attribute(digest)), verity) is None
    assert signed_digest(read_signature(VENDOR.attribute(digest, version=3)), content) != signed


def test_an_fs_verity_signature_of_version_2_does_not_exist() -> None:
    with pytest.raises(SignatureFormError, match="of version 2, which does not exist"):
        read_signature(VENDOR.attribute(AGENT, kind=VERITY, version=2))


def test_a_signature_whose_digest_has_the_wrong_size_speaks_of_nothing() -> None:
    assert signed_digest(read_signature(VENDOR.sign(b"agent")), AGENT_TEXT[:-2]) is None
    assert signed_digest(read_signature(VENDOR.sign(b"agent")), "sha256:xy") is None


def test_a_key_has_the_id_of_its_identifier_and_that_of_its_sha1() -> None:
    stated = Vendor(key_identifier=bytes(16) + b"\xde\xad\xbe\xef")
    ids = key_of_pem(stated.pem).ids
    assert "deadbeef" in ids
    assert Vendor(with_key_identifier=False).key_id.hex() in ids
    assert key_of_der(stated.der).ids == ids


@examples(100)
@given(st.binary(max_size=80))
def test_no_bytes_are_a_certificate_by_accident(data: bytes) -> None:
    with pytest.raises(KeyFormError):
        key_of_der(data)


@examples(200)
@given(st.sampled_from([Vendor().der, Vendor(kind="rsa2048").der]), st.data())
def test_a_changed_certificate_is_read_or_refused(certificate: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(certificate) - 1))
    changed = certificate[:at] + data.draw(st.binary(min_size=1, max_size=3)) + certificate[at + 1 :]
    try:
        key = key_of_der(changed)
    except KeyFormError as error:
        assert str(error).isprintable()  # noqa: PT017 - either outcome is right
    else:
        assert key.subject.isprintable()


@examples(200)
@given(st.builds(bytes.__add__, st.sampled_from([b"", b"\1", b"\3\2\4", b"\5\3", b"\6\3\6"]), st.binary(max_size=40)))
def test_any_attribute_is_read_or_refused(data: bytes) -> None:
    try:
        signature = read_signature(data)
    except SignatureFormError:
        return
    assert data[7 + 2 :] == signature.value
    assert int(signature.key_id, 16) == int.from_bytes(data[3:7], "big")


@examples(200)
@given(st.sampled_from([vectors.CMS_RSA, vectors.CMS_EC_BY_KEY, vectors.CMS_EC_ATTRIBUTES]), st.data())
def test_a_message_with_changed_bytes_never_verifies_as_something_else(message: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(message) - 1))
    changed = message[:at] + bytes((data.draw(st.integers(0, 255)),)) + message[at + 1 :]
    entry = measured("ima-modsig", sig=b"", d_modsig=b"sha256:\0" + hashlib.sha256(b"rootkit").digest(), modsig=changed)
    for certificate in (vectors.RSA_CERTIFICATE, vectors.EC_CERTIFICATE):
        assert not any(made_by(entry, certificate))


@examples(200)
@given(st.binary(max_size=60), st.binary(max_size=60), st.binary(max_size=20), st.binary(max_size=60))
def test_any_metadata_are_read_or_named(evmsig: bytes, names: bytes, lengths: bytes, values: bytes) -> None:
    entry = measured("evm-sig", evmsig=evmsig, xattrnames=names, xattrlengths=lengths, xattrvalues=values)
    assert isinstance(signatures_of(entry), Signatures)


@examples(200)
@given(st.binary(max_size=60))
def test_any_bytes_are_der_or_refused(data: bytes) -> None:
    try:
        values = der.children(data)
    except der.DerError:
        return
    assert b"".join(value.raw for value in values) == data


@pytest.mark.parametrize("number", ["0000", "ff80", "", "0001"])
def test_a_number_in_a_longer_form_is_refused(number: str) -> None:
    with pytest.raises(der.DerError):
        der.integer(bytes.fromhex(number))


@pytest.mark.parametrize("data", ["0281", "02810101", "0282000101", "028001", "1f0101", "0285000000000101", "0202ff"])
def test_a_value_that_is_no_der_is_refused(data: str) -> None:
    with pytest.raises(der.DerError):
        der.read_value(bytes.fromhex(data))


@pytest.mark.parametrize(("kind", "cost"), [("rsa2048", 1), ("rsa3072", 3), ("p256", 2), ("p384", 10), ("p521", 10)])
def test_what_a_verification_costs_depends_on_the_key(kind: str, cost: int) -> None:
    assert key_of_pem(Vendor(kind=kind).pem).cost == cost
