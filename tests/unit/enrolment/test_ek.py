# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import dataclasses
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ObjectIdentifier
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.palantir.trust.plugins.plugin_utils.enrolment.codes import CODES
from ansible_collections.palantir.trust.plugins.plugin_utils.enrolment.ek import (
    EkCertificate,
    load_ca_directory,
    verify_ek_certificate,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import EnrolmentError
from tests.unit.enrolment.pki import NOW, TPM_NAMES, Authority, EkRequest, ek_key

EK = ek_key()
ROOT = Authority("Root")
ISSUER = Authority("Issuing CA", ROOT)
PROPER = EkRequest().issue(ISSUER, EK.public_key())
CHAIN = (ISSUER.certificate(), ROOT.certificate())


def verify(nv: bytes, authorities: tuple[x509.Certificate, ...] = CHAIN) -> EkCertificate:
    verified = verify_ek_certificate(nv, authorities, NOW)
    assert {finding.code for finding in verified.findings} <= set(CODES)
    return verified


def refusal(nv: bytes, authorities: tuple[x509.Certificate, ...] = CHAIN) -> str:
    with pytest.raises(EnrolmentError) as caught:
        verify_ek_certificate(nv, authorities, NOW)
    return str(caught.value)


def issued(request: EkRequest) -> bytes:
    return request.issue(ISSUER, EK.public_key())


def test_a_proper_certificate_is_verified_up_to_its_root() -> None:
    verified = verify(PROPER)
    assert verified.chain == ("CN=Issuing CA", "CN=Root")
    assert verified.key.public_numbers() == EK.public_key().public_numbers()
    assert list(verified.tpm.values()) == list(TPM_NAMES.values())
    assert verified.der == PROPER
    assert verified.findings == ()


def test_a_root_may_issue_directly() -> None:
    certificate = EkRequest().issue(ROOT, EK.public_key())
    assert verify(certificate, (ROOT.certificate(),)).chain == ("CN=Root",)


def test_field_row_4_bytes_after_the_certificate_are_a_finding() -> None:
    verified = verify(PROPER + b"\xff" * 700)
    assert [finding.code for finding in verified.findings] == ["ek_certificate_trailing_bytes"]
    assert verified.der == PROPER


def test_field_row_4_the_wrapping_of_tpm_1_2_is_taken_off() -> None:
    verified = verify(bytes.fromhex("100100") + (len(PROPER) + 2).to_bytes(2, "big") + b"\x10\x02" + PROPER)
    assert [finding.code for finding in verified.findings] == ["ek_certificate_wrapped"]
    assert verified.der == PROPER


def test_field_row_4_a_certificate_without_the_tpm_s_names_is_a_finding() -> None:
    verified = verify(issued(EkRequest(tpm_names=False)))
    assert [finding.code for finding in verified.findings] == ["ek_certificate_no_tpm_attributes"]


def test_field_row_4_another_key_usage_is_a_finding() -> None:
    verified = verify(issued(EkRequest(key_agreement=False)))
    assert [finding.code for finding in verified.findings] == ["ek_certificate_key_usage"]


def test_a_ca_of_another_manufacturer_is_no_issuer() -> None:
    stranger = Authority("Another Root").certificate()
    assert refusal(PROPER, (stranger,)) == (
        "EK certificate: does not lead to a trusted root: no CA certificate is there for its issuer CN=Issuing CA. "
        "Next: add the missing CA certificates to the CA directory, if you trust them."
    )


def test_a_ca_with_the_same_name_and_another_key_is_no_issuer() -> None:
    impostor = Authority("Issuing CA", ROOT).certificate()
    assert "CN=Issuing CA has the issuer's name, but not its key" in refusal(PROPER, (impostor, ROOT.certificate()))
    assert verify(PROPER, (impostor, *CHAIN)).chain == ("CN=Issuing CA", "CN=Root")


def test_field_row_4_an_intermediate_without_its_root_is_no_anchor() -> None:
    assert "no CA certificate is there for CN=Root" in refusal(PROPER, (ISSUER.certificate(),))


def test_a_root_with_a_false_signature_of_itself_is_no_anchor() -> None:
    forged = Authority("Root", key=ROOT.key, parent=Authority("Root")).certificate()
    assert "signature does not verify" in refusal(PROPER, (ISSUER.certificate(), forged))


def test_cas_that_certify_each_other_end_in_a_refusal() -> None:
    one = Authority("One")
    two = Authority("Two", one)
    circle = (Authority("One", two, key=one.key).certificate(), two.certificate())
    assert "no CA certificate is there for" in refusal(EkRequest().issue(one, EK.public_key()), circle)


@pytest.mark.parametrize(
    ("faulty", "message"),
    [
        (dataclasses.replace(ISSUER, is_ca=False), "CN=Issuing CA is no CA certificate."),
        (dataclasses.replace(ISSUER, signs=False), "CN=Issuing CA may not sign certificates by its key usage."),
        (
            dataclasses.replace(ISSUER, until=NOW - timedelta(days=1)),
            "CN=Issuing CA has been out of date since 2026-05-31 00:00 UTC.",
        ),
        (
            dataclasses.replace(ISSUER, since=NOW + timedelta(days=1)),
            "CN=Issuing CA is valid only from 2026-06-02 00:00 UTC.",
        ),
    ],
)
def test_an_issuer_with_a_fault_is_refused(faulty: Authority, message: str) -> None:
    assert message in refusal(PROPER, (faulty.certificate(), ROOT.certificate()))


def test_a_root_may_limit_the_length_of_paths() -> None:
    short = dataclasses.replace(ROOT, path_length=0)
    assert "CN=Root allows only 0 CA certificates below it." in refusal(
        PROPER, (ISSUER.certificate(), short.certificate())
    )
    assert verify(EkRequest().issue(ROOT, EK.public_key()), (short.certificate(),))


@pytest.mark.parametrize(
    ("faulty", "message"),
    [
        (EkRequest(until=NOW - timedelta(days=1)), "has been out of date since 2026-05-31 00:00 UTC."),
        (EkRequest(since=NOW + timedelta(days=1)), "is valid only from 2026-06-02 00:00 UTC."),
        (EkRequest(usages=(ObjectIdentifier("2.23.133.8.2"),)), "was not issued for an EK"),
        (EkRequest(usages=()), "was not issued for an EK"),
        (EkRequest(is_ca=True), "is a CA certificate, not one of an EK."),
        (EkRequest(critical_extra=True), "has a critical extension 1.2.3.4 that is not understood."),
    ],
)
def test_a_certificate_with_a_fault_is_refused(faulty: EkRequest, message: str) -> None:
    assert message in refusal(issued(faulty))


@pytest.mark.parametrize(
    ("nv", "message"),
    [
        (b"", "is no DER structure."),
        (b"\x00" * 1016, "is no DER structure."),
        pytest.param(PROPER[:-1], f"is cut short: {len(PROPER) - 1} bytes of {len(PROPER)}.", id="cut"),
        (b"\x30\x84\xff\xff\xff\xff", "is cut short: 6 bytes of 4294967301."),
        (b"\x30\x03\x02\x01\x00", "has an encoding that cannot be read: "),
        (bytes(20_000), "is 20000 bytes, over the limit of 16384."),
    ],
)
def test_field_row_4_what_is_no_certificate_is_refused(nv: bytes, message: str) -> None:
    assert message in refusal(nv)


@given(
    st.binary(max_size=64)
    | st.builds(
        lambda at, value: PROPER[:at] + value + PROPER[at + len(value) :],
        st.integers(0, len(PROPER)),
        st.binary(min_size=1, max_size=4),
    )
)
def test_field_row_4_any_other_bytes_are_refused_in_words(nv: bytes) -> None:
    message = ""
    try:
        verified = verify_ek_certificate(nv, CHAIN, NOW)
    except EnrolmentError as error:
        message = str(error)
    else:
        assert verified.der == PROPER
    assert message.isprintable()


def test_field_row_4_a_ca_directory_holds_roots_and_intermediates_in_both_encodings(tmp_path: Path) -> None:
    (tmp_path / "bundle.pem").write_bytes(ISSUER.pem() + Authority("Another").pem())
    (tmp_path / "root.DER").write_bytes(ROOT.certificate().public_bytes(Encoding.DER))
    (tmp_path / "signkey.pem").write_text("-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n")
    (tmp_path / "README").write_text("not a certificate")
    loaded = load_ca_directory(tmp_path)
    assert sorted(c.subject.rfc4514_string() for c in loaded) == ["CN=Another", "CN=Issuing CA", "CN=Root"]
    assert verify(PROPER, loaded).chain == ("CN=Issuing CA", "CN=Root")


def test_field_row_4_a_ca_directory_with_a_broken_file_is_refused_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "broken.pem").write_text("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n")
    with pytest.raises(EnrolmentError, match=r"CA file .*/broken\.pem: is no certificate in PEM or DER\. Next: "):
        load_ca_directory(tmp_path)


def test_an_empty_or_missing_ca_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EnrolmentError, match=r"holds no certificate\. Next: put the TPM manufacturers' CA"):
        load_ca_directory(tmp_path)
    with pytest.raises(EnrolmentError, match=r"/none: cannot be read: No such file or directory\. Next: "):
        load_ca_directory(tmp_path / "none")
