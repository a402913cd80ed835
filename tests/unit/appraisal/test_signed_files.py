# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signed files: a signature counts with its path and its version, and never against a Reference Value."""

from __future__ import annotations

import hashlib
import struct
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import pkcs7

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.layers import signed_files
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.layers.files import Match
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.layers.signed_files import Ruling, SignedFiles
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.policy.policy import load_policy
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import PolicyError
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.index import ReferenceSet
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.log import parse_ima_log
from tests.unit.appraisal.scene import (
    BASE,
    EXECUTABLE,
    HOST,
    NOW,
    PLAIN,
    TEMPLATE,
    Guest,
    document,
    files,
    found,
    reference_values,
    sha256,
    statuses,
)
from tests.unit.verifier.ima_signer import PORTABLE, VERITY, Vendor

VENDOR = Vendor()
AGENT = "/opt/vendor/bin/agent"


def signer(vendor: Vendor = VENDOR, **changes: Any) -> dict[str, Any]:
    return {"name": "vendor", "certificate": vendor.pem, "paths": ["/opt/vendor/"]} | changes


def policy(*signers: dict[str, Any], **ima: Any) -> dict[str, Any]:
    return {"ima": {"signers": list(signers or (signer(),)), **ima}}


def messages(ear: dict[str, Any], layer: str = "os") -> list[str]:
    return [finding["message"] for finding in ear["submods"][layer]["palantir.findings"]]


@pytest.mark.parametrize("kind", ["rsa2048", "p256", "p384", "p521"])
@pytest.mark.parametrize("version", [2, 3])
def test_a_file_that_a_signer_of_its_path_signed_is_accepted(kind: str, version: int) -> None:
    vendor = Vendor(kind=kind)
    ear = (
        Guest().ran(AGENT, b"agent", sig=vendor.sign(b"agent", version=version)).appraise(policy=policy(signer(vendor)))
    )
    assert found(ear) == []
    assert set(statuses(ear).values()) == {"affirming"}


@pytest.mark.parametrize("algorithm", ["sha384", "sha512", "sha3-256"])
def test_the_signature_may_be_over_another_hash_than_the_reference_values(algorithm: str) -> None:
    guest = Guest().ran(AGENT, b"agent", sig=VENDOR.sign(b"agent", algorithm), algorithm=algorithm)
    assert found(guest.appraise(policy=policy())) == []
    assert found(guest.appraise()) == [("os", "digest_algorithm_unknown", "none")]


def test_a_key_without_an_identifier_in_its_certificate_is_named_by_its_sha1() -> None:
    vendor = Vendor(with_key_identifier=False)
    assert found(Guest().ran(AGENT, b"agent", sig=vendor.sign(b"agent")).appraise(policy=policy(signer(vendor)))) == []


def test_without_signers_a_signature_says_nothing() -> None:
    ear = Guest().ran(AGENT, b"agent", sig=VENDOR.sign(b"agent")).appraise()
    assert found(ear) == [("os", "unknown_executable", "contraindicated")]
    assert messages(ear) == ["A program or library was run that no Reference Value names. It is /opt/vendor/bin/agent."]


def test_a_key_that_no_signer_has_says_nothing_and_is_named() -> None:
    other = Vendor("Other", which=1)
    ear = Guest().ran(AGENT, b"agent", sig=other.sign(b"agent")).appraise(policy=policy())
    assert found(ear) == [("os", "unknown_executable", "contraindicated")]
    assert messages(ear)[0].endswith(
        f"It is signed with the key {other.key_id.hex()}, which no signer of the policy has."
    )


def test_field_row_12_a_signed_file_in_another_place_is_not_accepted() -> None:
    ear = Guest().ran("/usr/local/bin/agent", b"agent", sig=VENDOR.sign(b"agent")).appraise(policy=policy())
    assert found(ear) == [("os", "unknown_executable", "contraindicated")]
    assert messages(ear)[0].endswith("It is signed by vendor, which does not count for that path and content.")


@pytest.mark.parametrize("path", ["/usr/bin/ls", "/bin/ls"])
def test_field_row_12_a_signed_other_version_of_a_known_file_may_be_a_rollback(path: str) -> None:
    vouched = signer(paths=["/usr/bin/"])
    guest = Guest().ran(path, b"ls with a hole", sig=VENDOR.sign(b"ls with a hole"))
    assert found(guest.appraise(policy=policy(vouched))) == [("os", "signed_other_version", "warning")]
    strict = policy(vouched, signed_other_version="contraindicated")
    assert found(guest.appraise(policy=strict)) == [("os", "signed_other_version", "contraindicated")]
    assert found(guest.appraise(policy=policy())) == [("os", "modified_file", "contraindicated")]


def test_field_row_12_a_signature_does_not_let_known_content_move() -> None:
    vouched = policy(signer(paths=["/usr/"]))
    moved = Guest().ran("/usr/bin/sl", b"ls", sig=VENDOR.sign(b"ls"))
    assert found(moved.appraise(policy=vouched)) == [("os", "moved_file", "warning")]
    swapped = Guest().ran("/usr/bin/ls", b"bash", sig=VENDOR.sign(b"bash"))
    assert found(swapped.appraise(policy=vouched)) == [("os", "modified_file", "contraindicated")]


def test_field_row_12_what_a_signer_withdrew_is_contraindicated_with_and_without_its_signature() -> None:
    withdrawn = policy(signer(withdrawn=[sha256(b"agent 1")]))
    for sig in (VENDOR.sign(b"agent 1"), b""):
        ear = Guest().ran(AGENT, b"agent 1", sig=sig).appraise(policy=withdrawn)
        assert found(ear) == [("os", "signed_withdrawn", "contraindicated")]
    assert found(Guest().ran(AGENT, b"agent 2", sig=VENDOR.sign(b"agent 2")).appraise(policy=withdrawn)) == []


def test_field_row_12_a_version_that_only_expired_reference_values_know_is_not_accepted() -> None:
    values = reference_values()
    ended = document("host", "old", files=files({AGENT: b"agent 1"})) | {"expires": (NOW - timedelta(1)).isoformat()}
    values["host"].append(ended)
    sig = VENDOR.sign(b"agent 1")
    in_place = Guest().ran(AGENT, b"agent 1", sig=sig).appraise(policy=policy(), references=values)
    assert found(in_place) == [("os", "reference_value_expired", "warning")]
    elsewhere = Guest().ran("/opt/vendor/bin/old", b"agent 1", sig=sig).appraise(policy=policy(), references=values)
    assert found(elsewhere) == [("os", "unknown_executable", "contraindicated")]


def test_known_files_need_no_signature_and_a_broken_one_does_them_no_harm() -> None:
    broken = VENDOR.sign(b"something else")
    assert found(Guest().ran("/usr/bin/ls", b"ls", sig=broken).appraise(policy=policy(signer(paths=["/usr/"])))) == []


def test_a_signature_of_another_file_is_invalid() -> None:
    ear = Guest().ran(AGENT, b"implant", sig=VENDOR.sign(b"agent")).appraise(policy=policy())
    assert found(ear) == [("os", "signature_invalid", "contraindicated")]
    (message,) = messages(ear)
    assert message.endswith("who did not sign that content. It is /opt/vendor/bin/agent, signer vendor.")


def test_of_two_signers_with_the_same_key_id_one_that_signed_is_enough() -> None:
    identifier = bytes(16) + b"same"
    one, other = Vendor("One", key_identifier=identifier), Vendor("Other", which=1, key_identifier=identifier)
    signers = (signer(one, name="one"), signer(other, name="other"))
    ear = Guest().ran(AGENT, b"agent", sig=other.sign(b"agent")).appraise(policy=policy(*signers))
    assert found(ear) == []


@pytest.mark.parametrize(
    ("sig", "remark"),
    [
        (b"\4\4" + bytes(32), "a bare digest, which nobody signed"),
        (b"\3\1\0" + bytes(40), "of version 1, whose keys have no certificates"),
        (VENDOR.sign(b"agent", "sha1"), "over the hash sha1, which is too weak or not supported"),
        (b"\3\2\x11" + bytes(4) + b"\0\2xx", "over the hash sm3, which is too weak or not supported"),
        (b"\3\2\x12" + bytes(4) + b"\0\2xx", "over the hash streebog256, which is too weak or not supported"),
        (VENDOR.sign(b"agent")[:-1], "said to have "),
        (VENDOR.sign(b"agent", "sha512"), "over a digest of another kind than the one that was measured"),
        (b"\5" + VENDOR.sign(b"agent")[1:], "one over metadata that this template does not have"),
        (b"\x07", "of type 7, which is not known"),
    ],
)
def test_what_cannot_be_verified_neither_accepts_nor_accuses(sig: bytes, remark: str) -> None:
    ear = Guest().ran(AGENT, b"agent", sig=sig).appraise(policy=policy())
    assert found(ear) == [("os", "unknown_executable", "contraindicated")]
    assert f"Its signature is {remark}" in messages(ear)[0]


def test_a_signer_whose_time_is_over_leaves_a_warning() -> None:
    guest = Guest().ran(AGENT, b"agent", sig=VENDOR.sign(b"agent"))
    ended = policy(signer(expires=(NOW - timedelta(1)).isoformat()))
    assert found(guest.appraise(policy=ended)) == [("os", "signer_expired", "warning")]
    lasting = policy(signer(expires=(NOW + timedelta(1)).isoformat()))
    assert found(guest.appraise(policy=lasting)) == []


def test_field_row_12_a_signer_whose_time_is_over_is_no_milder_about_another_version() -> None:
    guest = Guest().ran("/usr/bin/ls", b"ls with a hole", sig=VENDOR.sign(b"ls with a hole"))
    ended = signer(paths=["/usr/bin/"], expires=(NOW - timedelta(1)).isoformat())
    assert found(guest.appraise(policy=policy(ended))) == [("os", "signer_expired", "warning")]
    strict = policy(ended, signed_other_version="contraindicated")
    assert found(guest.appraise(policy=strict)) == [("os", "signer_expired", "contraindicated")]
    mild = policy(ended, signed_other_version="affirming")
    assert found(guest.appraise(policy=mild)) == [("os", "signer_expired", "warning")]


def test_a_certificate_that_ended_still_verifies_what_it_signed() -> None:
    vendor = Vendor("Old", until=NOW - timedelta(365))
    assert found(Guest().ran(AGENT, b"agent", sig=vendor.sign(b"agent")).appraise(policy=policy(signer(vendor)))) == []


@pytest.mark.parametrize("path", ["/run/agent", "/opt/vendor/bin/agent_(deleted)", "memfd:agent"])
def test_a_signature_does_not_let_a_program_run_from_memory(path: str) -> None:
    vouched = policy(signer(paths=["/run/", "/opt/vendor/"]))
    ear = Guest().ran(path, b"agent", sig=VENDOR.sign(b"agent")).appraise(policy=vouched)
    assert found(ear) == [("os", "fileless_execution", "contraindicated")]


def test_a_signature_does_not_let_a_deleted_program_run_inside_an_sc() -> None:
    guest = Guest().ran("/opt/vendor/plugin_(deleted)", b"plugin", owner=BASE, sig=VENDOR.sign(b"plugin"))
    ear = guest.appraise(policy=policy(signer(scs=["dns-filter"])))
    assert found(ear) == [("sc:dns-filter-1", "fileless_execution", "contraindicated")]


def test_signed_modules_and_engines_are_of_the_layer_runtime() -> None:
    vouched = policy(signer(paths=["/usr/lib/modules/"]))
    guest = Guest().ran("/usr/lib/modules/6.1/extra/nic.ko", b"nic", sig=VENDOR.sign(b"nic"))
    assert found(guest.appraise(policy=vouched)) == []
    broken = Guest().ran("/usr/lib/modules/6.1/extra/nic.ko", b"rootkit", sig=VENDOR.sign(b"nic"))
    assert found(broken.appraise(policy=vouched)) == [("runtime", "signature_invalid", "contraindicated")]


def test_a_signer_of_the_host_says_nothing_of_a_container_and_one_of_an_sc_nothing_of_the_host() -> None:
    sig = VENDOR.sign(b"plugin")
    inside = Guest().ran("/opt/vendor/plugin", b"plugin", owner=BASE, sig=sig)
    outside = Guest().ran("/opt/vendor/plugin", b"plugin", sig=sig)
    of_sc, of_other = policy(signer(scs=["dns-filter"])), policy(signer(scs=["ids"]))
    assert found(inside.appraise(policy=of_sc)) == []
    unknown = [("sc:dns-filter-1", "unknown_executable", "contraindicated")]
    assert found(inside.appraise(policy=policy())) == unknown
    assert found(inside.appraise(policy=of_other)) == unknown
    assert found(outside.appraise(policy=of_sc)) == [
        ("os", "unknown_executable", "contraindicated"),
    ]


@pytest.mark.parametrize(("mode", "claim"), [(EXECUTABLE, "executables"), (PLAIN, "configuration")])
def test_a_broken_signature_inside_an_sc_hits_its_instance_alone(mode: int, claim: str) -> None:
    guest = Guest().ran("/opt/vendor/plugin", b"implant", owner=BASE, mode=mode, sig=VENDOR.sign(b"plugin"))
    ear = guest.appraise(policy=policy(signer(scs=["dns-filter"])))
    assert found(ear) == [("sc:dns-filter-1", "signature_invalid", "contraindicated")]
    assert ear["submods"]["sc:dns-filter-1"]["ear_trustworthiness_vector"][claim] == 96


def test_a_rendered_configuration_is_right_only_as_it_was_rendered() -> None:
    guest = Guest().ran("/etc/dnsmasq.conf", b"port=54\n", owner=BASE, mode=PLAIN, sig=VENDOR.sign(b"port=54\n"))
    ear = guest.appraise(policy=policy(signer(scs=["dns-filter"], paths=["/etc/"])))
    assert found(ear) == [("sc:dns-filter-1", "changed_configuration", "contraindicated")]


def test_where_reference_values_of_a_path_are_of_another_hash_a_signature_decides_nothing() -> None:
    guest = Guest().ran("/usr/bin/ls", b"ls", sig=VENDOR.sign(b"ls", "sha512"), algorithm="sha512")
    ear = guest.appraise(policy=policy(signer(paths=["/usr/"])))
    assert found(ear) == [("os", "digest_algorithm_unknown", "none")]


def test_a_signature_is_verified_once_and_beyond_a_bound_not_at_all() -> None:
    guest, sig = Guest(), VENDOR.sign(b"agent 1")
    for number in (2, 3):
        guest.ran(f"{AGENT}-{number}", b"agent %d" % number, sig=VENDOR.sign(b"agent %d" % number))
    one = Guest().ran(AGENT, b"agent 1", sig=sig).ran(f"{AGENT}-again", b"agent 1", sig=sig)
    first, again = parse_ima_log(one.kernel.binary).entries[-2:]
    second, third = parse_ima_log(guest.kernel.binary).entries[-2:]
    index = ReferenceSet.from_plain(reference_values(), NOW).host
    signed = SignedFiles(load_policy(policy()), NOW, limit=4)
    assert [signed.ruling(entry, Match.UNKNOWN, index) for entry in (first, again, second)] == [Ruling()] * 3
    ruling = signed.ruling(third, Match.UNKNOWN, index)
    assert ruling is not None
    assert ruling.finding is not None
    assert (ruling.finding.code, ruling.finding.value) == ("signature_unchecked", 1)
    assert signed.ruling(again, Match.UNKNOWN, index) == Ruling()


@pytest.mark.parametrize(
    ("plain", "message"),
    [
        ({"name": "x", "paths": ["/opt/"]}, "ima, signers[0]: needs certificate."),
        (signer(paths=[]), "needs paths."),
        (signer(certificate="no"), "the certificate must be exactly one, in PEM."),
        (signer(certificate=VENDOR.pem + VENDOR.pem), "the certificate must be exactly one, in PEM."),
        (signer(certificate=VENDOR.pem.replace("MII", "AAA")), "the certificate cannot be read"),
        (signer(Vendor("CA", digital_signature=False)), "key usage does not allow to sign (digitalSignature)."),
        (signer(Vendor("Weak", kind="rsa1024")), "has an RSA key of 1024 bits"),
        (signer(withdrawn=["abc"]), "is no digest of the form 'sha256:hex'."),
        (signer(path=["/opt/"]), "did you mean 'paths'?"),
    ],
)
def test_a_signer_that_cannot_be_one_is_an_error_that_names_it(plain: dict[str, Any], message: str) -> None:
    with pytest.raises(PolicyError) as error:
        load_policy(policy(plain))
    assert message in str(error.value)


def test_a_names_control_characters_do_not_reach_a_message() -> None:
    ear = Guest().ran(AGENT, b"x", sig=VENDOR.sign(b"y")).appraise(policy=policy(signer(name="a\x1b[31m\n{{ b }}")))
    assert messages(ear)[0].isprintable()


def test_known_files_are_never_verified(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signed_files, "signatures_of", lambda _entry: pytest.fail("a known file was looked at"))
    guest = Guest()
    for path, data in HOST.items():
        guest.ran(path, data, sig=VENDOR.sign(data))
    assert found(guest.appraise(policy=policy(signer(paths=["/"])))) == []


def measured(template: str, **fields: bytes) -> Guest:
    """Return a node whose kernel uses that template, and measured one more file."""
    guest = Guest(template=TEMPLATE if template == "ima-modsig" else template)
    values = {name: (value, "") for name, value in fields.items()}
    guest.kernel.measure(template, 10, violation=False, n_ng=(AGENT.encode() + b"\0", AGENT), **values)
    return guest


def test_a_signed_fs_verity_digest_counts_as_a_signed_file() -> None:
    digest = bytes(range(32))
    sig = VENDOR.attribute(digest, kind=VERITY, version=3)
    guest = measured("ima-sigv2", d_ngv2=b"verity:sha256:\0" + digest, sig=sig)
    assert found(guest.appraise(policy=policy())) == []
    assert found(guest.appraise()) == [("os", "digest_algorithm_unknown", "none")]
    withdrawn = policy(signer(withdrawn=["verity:sha256:" + digest.hex()]))
    assert found(guest.appraise(policy=withdrawn)) == [("os", "signed_withdrawn", "contraindicated")]
    other = measured("ima-sigv2", d_ngv2=b"verity:sha256:\0" + bytes(32), sig=sig)
    assert found(other.appraise(policy=policy())) == [("os", "signature_invalid", "contraindicated")]


def test_an_fs_verity_digest_without_reference_values_of_its_kind_is_neither_trusted_nor_accused() -> None:
    guest, path = Guest(template="ima-ngv2"), b"/usr/bin/ls\0"
    guest.kernel.measure("ima-ngv2", d_ngv2=(b"verity:sha256:\0" + bytes(32), ""), n_ng=(path, ""))
    assert found(guest.appraise()) == [("os", "digest_algorithm_unknown", "none")]
    known = reference_values()
    known["host"][0]["files"]["/usr/bin/ls"].append("verity:sha256:" + "00" * 32)
    assert found(guest.appraise(references=known)) == []


def test_an_appended_signature_counts_as_one_of_the_content() -> None:
    def guest(content: bytes) -> Guest:
        message = VENDOR.appended(b"agent", pkcs7.PKCS7Options.NoAttributes)
        whole, without = hashlib.sha256(content + message).digest(), hashlib.sha256(content).digest()
        return measured(
            "ima-modsig", d_ng=b"sha256:\0" + whole, sig=b"", d_modsig=b"sha256:\0" + without, modsig=message
        )

    assert found(guest(b"agent").appraise(policy=policy())) == []
    assert found(guest(b"rootkit").appraise(policy=policy())) == [("os", "signature_invalid", "contraindicated")]


def test_field_row_12_what_is_withdrawn_stays_so_when_root_has_it_hashed_in_another_way() -> None:
    message = VENDOR.appended(b"agent 1", pkcs7.PKCS7Options.NoAttributes)
    appended = b"agent 1" + message

    def guest(algorithm: str) -> Guest:
        whole = algorithm.encode() + b":\0" + hashlib.new(algorithm, appended).digest()
        without = b"sha256:\0" + hashlib.sha256(b"agent 1").digest()
        return measured("ima-modsig", d_ng=whole, sig=b"", d_modsig=without, modsig=message)

    withdrawn = policy(signer(withdrawn=[sha256(appended)]))
    assert found(guest("sha256").appraise(policy=withdrawn)) == [("os", "signed_withdrawn", "contraindicated")]
    ear = guest("sha512").appraise(policy=withdrawn)
    assert found(ear) == [("os", "digest_algorithm_unknown", "none")]
    assert "which does not count for that path and content" in messages(ear)[0]
    both = policy(signer(withdrawn=[sha256(appended), "sha512:" + hashlib.sha512(b"agent 0").hexdigest()]))
    assert found(guest("sha512").appraise(policy=both)) == [], "the signer says which files are withdrawn in SHA-512"
    assert found(guest("sha512").appraise(policy=policy())) == []


def test_a_portable_evm_signature_counts_for_the_metadata_that_it_is_over() -> None:
    digest = hashlib.sha256(b"agent").digest()
    attribute = b"\4\4" + digest

    def guest(mode: int) -> Guest:
        signed = hashlib.sha256(attribute + struct.pack("<QIIIH2x", 0, 0, 0, 0, EXECUTABLE)).digest()
        return measured(
            "evm-sig",
            d_ng=b"sha256:\0" + digest,
            evmsig=VENDOR.attribute(signed, kind=PORTABLE),
            xattrnames=b"security.ima\0",
            xattrlengths=struct.pack("<I", len(attribute)),
            xattrvalues=attribute,
            iuid=bytes(4),
            igid=bytes(4),
            imode=struct.pack("<H", mode),
        )

    assert found(guest(EXECUTABLE).appraise(policy=policy())) == []
    assert found(guest(0o104755).appraise(policy=policy())) == [("os", "signature_invalid", "contraindicated")]
