# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The site's CA: what it issues, to whom, and what it refuses to read."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import PkiError
from ansible_collections.palantir.trust.plugins.plugin_utils.pki import authority as ca
from ansible_collections.palantir.trust.plugins.plugin_utils.pki import spiffe

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = timedelta(days=1)
SITE = ca.load(ca.make("example.test", NOW), "CA")
KEY = ec.generate_private_key(ec.SECP256R1())


def request(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    # A request may claim what it likes: the issuer knows who asks.
    claimed = x509.SubjectAlternativeName([x509.UniformResourceIdentifier("spiffe://example.test/role/orchestrator")])
    signed = builder.add_extension(claimed, critical=False).sign(key, hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM)


def test_openssl_believes_what_the_ca_issues(tmp_path: Path) -> None:
    name = spiffe.of_instance("example.test", "dns-filter-1", 3)
    issued = ca.issue(SITE, name, KEY.public_key(), NOW, DAY)
    (tmp_path / "ca").write_bytes(SITE.pem)
    (tmp_path / "leaf").write_bytes(issued.public_bytes(serialization.Encoding.PEM))
    (tmp_path / "crl").write_bytes(ca.revocation_list(SITE, [ca.Revoked(7, NOW.timestamp())], 1, NOW))
    options = ["verify", "-x509_strict", "-crl_check", "-purpose", "sslserver", "-CAfile", "ca", "-CRLfile", "crl"]
    done = subprocess.run(
        ["openssl", *options, "-attime", str(int(NOW.timestamp())), "leaf"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip().endswith("leaf: OK"), done.stderr


def test_a_request_names_nobody() -> None:
    key = ca.public_key_of(request(KEY), "dns-filter-1")
    issued = ca.issue(SITE, spiffe.of_instance("example.test", "dns-filter-1", 3), key, NOW, DAY)
    assert str(spiffe.of_certificate(issued)) == "spiffe://example.test/instance/dns-filter-1/generation/3"
    assert spiffe.of_certificate(issued).role is None


def test_no_certificate_outlives_its_ca() -> None:
    issued = ca.issue(SITE, spiffe.of_role("example.test", "observer"), KEY.public_key(), NOW, 9999 * DAY)
    assert issued.not_valid_after_utc == SITE.certificate.not_valid_after_utc


@pytest.mark.parametrize(
    "hostile",
    [
        b"",
        b"\0" * 100,
        request(rsa.generate_private_key(public_exponent=65537, key_size=2048)),
        request(ec.generate_private_key(ec.SECP384R1())),
        request(KEY).replace(b"A", b"B", 1),
        b"-" * (ca.REQUEST_LIMIT + 1),
    ],
)
def test_what_is_no_request_of_our_kind_is_refused(hostile: bytes) -> None:
    with pytest.raises(PkiError, match="dns-filter-1: sends"):
        ca.public_key_of(hostile, "dns-filter-1")


@given(st.binary(max_size=400))
def test_a_request_is_refused_by_name_whatever_it_is(hostile: bytes) -> None:
    pem = b"-----BEGIN CERTIFICATE REQUEST-----\n" + hostile + b"\n-----END CERTIFICATE REQUEST-----\n"
    with pytest.raises(PkiError):
        ca.public_key_of(pem, "dns-filter-1")


def test_a_key_of_another_ca_is_refused() -> None:
    other = ca.make("example.test", NOW)
    mixed = other[: other.index(b"-----BEGIN CERTIFICATE")] + SITE.pem
    with pytest.raises(PkiError, match="not of each other"):
        ca.load(mixed, "CA")


def test_a_leaf_is_no_ca() -> None:
    issued = ca.issue(SITE, spiffe.of_role("example.test", "observer"), KEY.public_key(), NOW, DAY)
    private = KEY.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with pytest.raises(PkiError, match="not a CA's"):
        ca.load(private + issued.public_bytes(serialization.Encoding.PEM), "CA")


def own(*uris: str, curve: ec.EllipticCurve | None = None) -> bytes:
    """Return a CA that somebody made with a tool of their own."""
    key = ec.generate_private_key(curve or ec.SECP256R1())
    name = x509.Name([])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(NOW).not_valid_after(NOW + DAY)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    if uris:
        names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri) for uri in uris])
        builder = builder.add_extension(names, critical=False)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private + builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def test_a_ca_of_the_sites_own_making_is_taken() -> None:
    assert ca.domain_of(ca.load(own("spiffe://example.test"), "CA")) == "example.test"


@pytest.mark.parametrize(
    ("pem", "message"),
    [
        (own(), "names no trust domain"),
        (own("https://example.test"), "names no trust domain"),
        (own("spiffe://example.test/role/observer"), "names no trust domain"),
        (own("spiffe://a.test", "spiffe://b.test"), "names no trust domain"),
        (own("spiffe://example.test", curve=ec.SECP384R1()), "has a key on the curve secp384r1"),
    ],
)
def test_a_ca_that_names_no_trust_domain_or_has_another_key_is_refused(pem: bytes, message: str) -> None:
    with pytest.raises(PkiError, match=f"CA: .*{message}"):
        ca.load(pem, "CA")


def test_no_ca_is_made_for_what_is_no_trust_domain() -> None:
    with pytest.raises(PkiError, match="trust domain 'Example test': is none"):
        ca.make("Example test", NOW)


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "spiffe://example.test",
        "spiffe://example.test/",
        "spiffe://example.test/a//b",
        "spiffe://example.test/..",
        "https://example.test/role/observer",
        "spiffe://Example.test/a",
        "spiffe:///a",
        "spiffe://example.test/a b",
        "spiffe://example.test/" + "a" * 2048,
    ],
)
def test_what_is_no_spiffe_id_is_refused(uri: str) -> None:
    with pytest.raises(PkiError):
        spiffe.parse(uri)


@pytest.mark.parametrize("path", ["role/root", "role/observer/more", "instance/observer", "role"])
def test_only_a_role_is_a_role(path: str) -> None:
    assert spiffe.parse(f"spiffe://example.test/{path}").role is None


def test_two_names_are_none() -> None:
    uris = [x509.UniformResourceIdentifier(f"spiffe://example.test/role/{role}") for role in spiffe.ROLES[:2]]
    both = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(SITE.certificate.subject)
        .public_key(KEY.public_key())
        .serial_number(1)
        .not_valid_before(NOW)
        .not_valid_after(NOW + DAY)
        .add_extension(x509.SubjectAlternativeName(uris), critical=True)
        .sign(SITE.key, hashes.SHA256())
    )
    with pytest.raises(PkiError, match="has 2 URIs"):
        spiffe.of_certificate(both)
