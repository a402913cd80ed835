# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kernels that other kernels start, and lists whose beginning is gone."""

from __future__ import annotations

import hashlib

import pytest

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import PartError
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.index import ReferenceSet
from tests.unit.appraisal.rounds import REFERENCES, Verifier, codes
from tests.unit.appraisal.scene import NOW, PLAIN, TEMPLATE, Guest, document, files, found, reference_values
from tests.unit.appraisal.test_later_boot import separators


def began_by_kexec(guest: Guest, *, carried_over: bool) -> Guest:
    if not carried_over:
        guest.kernel.binary = b""
    guest.facts["boot_id"] = "boot-2"
    return guest.kernel_began()


def test_kexec_with_the_list_carried_over_is_a_warning() -> None:
    guest = Guest()
    verifier = Verifier(guest)
    verifier.part()
    began_by_kexec(guest, carried_over=True)
    ear = verifier.part()
    assert found(ear) == [("os", "kexec_restart", "warning")]
    assert verifier.sent[1][0] == 0, "another boot ID: the node sends all"
    guest.ran("/usr/bin/implant", b"evil")
    assert codes(verifier.part()) == {"kexec_restart", "unknown_executable"}
    assert verifier.sent[2][0] > 0


def test_the_policy_weighs_kexec() -> None:
    guest = began_by_kexec(Guest(), carried_over=True)
    assert found(guest.appraise(policy={"kexec": "affirming"})) == [("os", "kexec_restart", "affirming")]
    assert found(guest.appraise(policy={"kexec": "contraindicated"})) == [("os", "kexec_restart", "contraindicated")]


@pytest.mark.parametrize("template", [TEMPLATE, "ima-ng", "ima-sig"])
@pytest.mark.parametrize(("bank", "span"), [("sha256", 10), ("sha256", 8), ("sha1", 10), ("sha1", 8)])
def test_a_kernel_of_another_version_begins_with_another_digest_over_the_boot_pcrs(
    template: str, bank: str, span: int
) -> None:
    guest = Guest(template=template).kernel_began(bank, span)
    verifier = Verifier(guest)
    assert found(verifier.part()) == [("os", "kexec_restart", "warning")]
    assert found(verifier.part()) == [("os", "kexec_restart", "warning")]


def test_a_kernel_that_began_after_systemds_separators_finds_them_in_the_boot_pcrs() -> None:
    guest = Guest(template="ima-ng", userspace=separators())
    pcrs = guest.pcrs()
    joined = b"".join(pcrs.get(pcr, bytes(32)) for pcr in range(10))
    guest.measured("boot_aggregate", b"sha256:\0" + hashlib.sha256(joined).digest())
    assert found(guest.appraise()) == [("os", "kexec_restart", "warning")]


def test_a_digest_that_cannot_be_compared_is_a_kernels_where_the_template_would_have_an_owner() -> None:
    unknown = b"sm3:\0" + bytes(32)
    assert codes(Guest().measured("boot_aggregate", unknown).appraise()) == {"kexec_restart"}
    guest = Guest(template="ima-ng").measured("boot_aggregate", unknown)
    assert found(guest.appraise()) == [("os", "digest_algorithm_unknown", "none")]


@pytest.mark.parametrize("template", [TEMPLATE, "ima-ng", "ima-sig"])
def test_a_program_that_is_named_like_the_boot_pcrs_is_one(template: str) -> None:
    ear = Guest(template=template).ran("boot_aggregate", b"evil").appraise()
    assert found(ear) == [("os", "fileless_execution", "contraindicated")]
    ear = Guest(template=template).ran("boot_aggregate", b"", violation=True).appraise()
    assert found(ear) == [("os", "ima_violation", "warning")]


@pytest.mark.parametrize("name", ["kexec_load", "kexec_execute"])
def test_the_kernels_own_records_of_kexec_are_told(name: str) -> None:
    guest = Guest()
    guest.kernel.measure("ima-buf", n_ng=(name.encode() + b"\0", name))
    code = {"kexec_load": "kexec_command_line", "kexec_execute": "kexec_restart"}[name]
    assert found(guest.appraise()) == [("os", code, "warning")]


def test_kexec_without_the_list_continues_what_was_verified() -> None:
    guest = Guest().ran("/usr/bin/implant", b"evil")
    verifier = Verifier(guest)
    verifier.part()
    began_by_kexec(guest, carried_over=False)
    ear = verifier.part()
    assert codes(ear) == {"unknown_executable", "ima_list_continued", "kexec_restart"}
    entries = ear["palantir.boot"]["ima_entries"]
    guest.ran("/usr/bin/implant2", b"evil")
    later = verifier.part()
    assert verifier.sent[2] == (verifier.sent[1][1], len(guest.kernel.binary) - verifier.sent[1][1])
    assert later["palantir.boot"]["ima_entries"] == entries + 1
    whole = verifier.whole()
    assert whole["submods"] == later["submods"]


def test_a_continued_list_is_no_better_than_what_can_be_looked_at_again() -> None:
    guest = Guest().ran("/usr/bin/old", b"old")
    with_old = reference_values()
    with_old["host"] = [*with_old["host"], document("host", "old", files=files({"/usr/bin/old": b"old"}))]
    verifier = Verifier(guest, ReferenceSet.from_plain(with_old, NOW))
    verifier.part()
    began_by_kexec(guest, carried_over=False)
    verifier.references = REFERENCES
    ear = verifier.whole()
    assert ("os", "ima_list_continued", "none") in found(ear)
    assert ear["submods"]["os"]["ear_status"] == "warning"


def test_kexec_that_lost_entries_is_named() -> None:
    guest = Guest()
    verifier = Verifier(guest)
    verifier.part()
    guest.ran("/usr/bin/unseen", b"?")
    began_by_kexec(guest, carried_over=False)
    assert codes(verifier.part()) == {"ima_list_restarted", "log_unproven"}


def test_a_list_that_was_exported_and_deleted_as_far_as_it_was_verified_goes_on() -> None:
    guest = Guest().ran("/usr/bin/implant", b"evil")
    verifier = Verifier(guest)
    verifier.part()
    guest.kernel.binary = b""
    guest.ran("/usr/bin/implant2", b"evil")
    with pytest.raises(PartError):
        verifier.part()
    ear = verifier.whole()
    assert codes(ear) == {"unknown_executable", "ima_list_continued"}
    assert len(found(ear)) == 3
    guest.ran("/usr/bin/implant3", b"evil")
    assert len(found(verifier.part())) == 4


def test_a_list_without_its_beginning_is_named() -> None:
    guest = Guest()
    guest.kernel.binary = b""
    guest.ran("/usr/bin/ls", b"ls", mode=PLAIN)
    assert ("os", "ima_list_trimmed", "contraindicated") in found(guest.appraise())
