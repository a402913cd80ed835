# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""TPMs as manufacturers provision them: other kinds of EK, nonces, templates and padded certificates in NV."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from ansible_collections.palantir.trust.plugins.module_utils._enrolment import AkRequest, answer, describe
from ansible_collections.palantir.trust.plugins.module_utils._errors import NodeError
from ansible_collections.palantir.trust.plugins.module_utils._tpm import Tpm, open_tpm
from ansible_collections.palantir.trust.plugins.module_utils._tpm_templates import (
    EK_KINDS,
    EkKind,
    is_ak,
    public_key_bytes,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.enrolment.identity import (
    begin_enrolment,
    finish_enrolment,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.tpm.structures import parse_public
from tests.lab.light.node import LightNode
from tests.unit.enrolment.pki import Authority, EkRequest

HANDLE = "0x81010040"
KINDS = {kind.name: kind for kind in EK_KINDS}
MAKE = AkRequest("ecdsa_p256", replace=False, create=True)
ROOT = Authority("TPM Maker")
OWNER_WRITE_READ = (1 << 1) | (1 << 2) | (1 << 17) | (1 << 18)  # TPMA_NV: OWNERWRITE, AUTHWRITE, OWNERREAD, AUTHREAD


def write_nv(tpm: Tpm, index: int, data: bytes) -> None:
    types = tpm.types
    public = types.TPM2B_NV_PUBLIC(
        nvPublic=types.TPMS_NV_PUBLIC(
            nvIndex=index, nameAlg=types.TPM2_ALG.SHA256, attributes=OWNER_WRITE_READ, dataSize=len(data)
        )
    )
    handle = tpm.context.nv_define_space(types.TPM2B_AUTH(), public)
    for offset in range(0, len(data), 512):
        tpm.context.nv_write(handle, data[offset : offset + 512], offset)


def provision(tpm: Tpm, kind: EkKind, template: bytes, padding: bytes = b"") -> bytes:
    """Make the EK of a template and write a certificate for it into NV; return its public area."""
    types = tpm.types
    public, _size = types.TPM2B_PUBLIC.unmarshal(template)
    key = tpm.context.create_primary(types.TPM2B_SENSITIVE_CREATE(), public, primary_handle=types.ESYS_TR.ENDORSEMENT)[
        0
    ]
    area = tpm.public(key)
    tpm.context.flush_context(key)
    certificate = EkRequest(since=datetime(2025, 1, 1, tzinfo=UTC)).issue(ROOT, parse_public(area).key())
    write_nv(tpm, kind.certificate_index, certificate + padding)
    return area


def remove_nv(tpm: Tpm, first: int, last: int) -> None:
    for index in tpm.handles(first):
        if first <= index <= last:
            tpm.context.nv_undefine_space(tpm.context.tr_from_tpmpublic(index))


@pytest.fixture
def p256(node: LightNode) -> Iterator[EkKind]:
    """The kind of EK for which the emulator has no certificate, so that a test may give it one."""
    kind = KINDS["ecc_nist_p256"]
    yield kind
    with open_tpm(node.tcti) as tpm:
        remove_nv(tpm, kind.certificate_index, kind.template_index)


def enrol(node: LightNode, wanted: str) -> tuple[dict[str, Any], list[str]]:
    described = describe(node.tcti, HANDLE, wanted, MAKE)
    pending = begin_enrolment(described, (ROOT.certificate(),), datetime.now(UTC))
    identity = finish_enrolment(pending, answer(node.tcti, HANDLE, *pending.challenge().values()))
    return described, [finding.code for finding in identity.findings]


def test_a_p_256_ek_by_the_default_template_comes_first(node: LightNode, p256: EkKind) -> None:
    with open_tpm(node.tcti) as tpm:
        area = provision(tpm, p256, p256.templates[0])
    described, findings = enrol(node, "auto")
    assert described["ek"]["kind"] == "ecc_nist_p256"
    assert described["ek"]["nv_index"] == "0x01c0000a"
    assert base64.b64decode(described["ek"]["public"]) == area
    assert findings == []


def test_field_row_4_padding_behind_the_certificate_is_a_finding(node: LightNode, p256: EkKind) -> None:
    with open_tpm(node.tcti) as tpm:
        provision(tpm, p256, p256.templates[0], padding=b"\xff" * 900)
    _described, findings = enrol(node, "ecc_nist_p256")
    assert findings == ["ek_certificate_trailing_bytes"]


def test_a_manufacturer_s_nonce_makes_the_ek(node: LightNode, p256: EkKind) -> None:
    nonce = b"manufacturer"
    with open_tpm(node.tcti) as tpm:
        area = provision(tpm, p256, p256.template_with_nonce(nonce))
        write_nv(tpm, p256.nonce_index or 0, nonce)
    described, _findings = enrol(node, "ecc_nist_p256")
    assert base64.b64decode(described["ek"]["public"]) == area


def test_a_manufacturer_s_template_makes_the_ek(node: LightNode, p256: EkKind) -> None:
    template = p256.template_with_nonce(b"another EK")
    with open_tpm(node.tcti) as tpm:
        area = provision(tpm, p256, template)
        write_nv(tpm, p256.template_index, template[2:])
    described, _findings = enrol(node, "ecc_nist_p256")
    assert base64.b64decode(described["ek"]["public"]) == area


def test_a_certificate_that_no_template_fits_is_refused(node: LightNode, p256: EkKind) -> None:
    with open_tpm(node.tcti) as tpm:
        provision(tpm, p256, p256.template_with_nonce(b"unknown to the node"))
    with pytest.raises(
        NodeError, match="cannot make the EK that its certificate at NV index 0x01c0000a names"
    ) as caught:
        describe(node.tcti, HANDLE, "ecc_nist_p256", MAKE)
    assert caught.value.code == "no_ek"


def test_a_template_that_is_none_is_refused(node: LightNode, p256: EkKind) -> None:
    with open_tpm(node.tcti) as tpm:
        provision(tpm, p256, p256.templates[0])
        write_nv(tpm, p256.template_index, b"\x00\x23 no template")
    with pytest.raises(NodeError, match="The TPM refused to create its EK: ") as caught:
        describe(node.tcti, HANDLE, "ecc_nist_p256", MAKE)
    assert caught.value.code == "tpm_error"


@pytest.mark.parametrize("kind", EK_KINDS, ids=lambda kind: kind.name)
def test_templates_are_eks_by_the_profile(kind: EkKind) -> None:
    expected = ("null", "sha384", 0x000300F2) if kind.name == "ecc_nist_p384" else ("null", "sha256", 0x000300B2)
    for template in kind.templates:
        public = parse_public(template)
        assert (public.scheme, public.name_alg, public.attributes) == expected


@pytest.mark.parametrize("kind", EK_KINDS, ids=lambda kind: kind.name)
def test_every_ek_leaves_the_tpm_as_it_found_it(node: LightNode, kind: EkKind) -> None:
    transient, sessions = 0x80000000, 0x02000000
    with open_tpm(node.tcti) as tpm:
        before = [tpm.handles(first) for first in (transient, sessions)]
    if kind.name != "ecc_nist_p256":
        describe(node.tcti, HANDLE, kind.name, MAKE)
    with open_tpm(node.tcti) as tpm:
        assert [tpm.handles(first) for first in (transient, sessions)] == before == [[], []]


@pytest.mark.parametrize("x", [bytes(31) + b"\x07", b"\x07", bytes(range(32))])
def test_field_row_4_a_coordinate_without_its_leading_zeros_is_the_same(x: bytes) -> None:
    head = KINDS["ecc_nist_p256"].templates[0][2:-68]
    point = len(x).to_bytes(2, "big") + x + b"\x00\x20" + bytes(range(32))
    area = head + point
    assert public_key_bytes(len(area).to_bytes(2, "big") + area) == x.rjust(32, b"\0") + bytes(range(32))


def test_an_ek_is_no_ak() -> None:
    for kind in EK_KINDS:
        assert not any(is_ak(kind.templates[0], algorithm) for algorithm in ("ecdsa_p256", "rsa_2048"))
