# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rounds that follow one another in a boot: only what is new is sent, and the verdict is that of the whole list."""

from __future__ import annotations

import base64
import hashlib
import random
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.appraise import appraise_round
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.attribution.memory import Memory
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.progress import PACKED_LIMIT, Progress
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import EvidenceError, PartError, StoreError
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.index import ReferenceSet
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.log import parse_ima_log
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.parts import chosen, joined, written
from tests.unit.appraisal.scene import (
    BASE,
    HOST,
    NOW,
    PLAIN,
    RETIRED,
    TEMPLATE,
    Guest,
    document,
    files,
    found,
    instance,
    reference_values,
)
from tests.unit.appraisal.test_later_boot import separators
from tests.unit.support.examples import examples
from tests.unit.verifier.ima_kernel import Kernel

REFERENCES = ReferenceSet.from_plain(reference_values(), NOW)
TEMPLATES = (TEMPLATE, "ima-sig", "ima-ng", "d-ng|n-ng|sig", "ima-cgpath")
modest = examples(60)


class Verifier:
    """A controller that remembers a node's boot as its store does: packed."""

    def __init__(self, guest: Guest, references: ReferenceSet = REFERENCES, **policy: Any) -> None:
        self.guest, self.references, self.policy = guest, references, policy
        self.packed: bytes | None = None
        self.memory = Memory()
        self.sent: list[tuple[int, int]] = []

    @property
    def past(self) -> Progress | None:
        return None if self.packed is None else Progress.unpack(self.packed)

    @property
    def since(self) -> dict[str, Any] | None:
        past = self.past
        return None if past is None else {"boot_id": past.boot_id, "offset": past.verified.offset}

    def part(self, pcrs: dict[int, bytes] | None = None, evidence: dict[str, Any] | None = None) -> dict[str, Any]:
        """Ask for what is new, or for all where nothing is known; return the EAR."""
        given_ = self.guest.evidence(pcrs, since=self.since) if evidence is None else evidence
        return self._appraise(given_, whole=self.past is None)

    def whole(self, pcrs: dict[int, bytes] | None = None) -> dict[str, Any]:
        """Ask for all; return the EAR."""
        return self._appraise(self.guest.evidence(pcrs), whole=True)

    def _appraise(self, evidence: dict[str, Any], *, whole: bool) -> dict[str, Any]:
        part = evidence["ima_log"]
        self.sent.append((part["offset"], len(base64.b64decode(part["data"]))))
        round_ = appraise_round(
            evidence,
            self.guest.record,
            self.policy,
            self.references,
            self.past,
            whole=whole,
            now=NOW,
            memory=self.memory,
        )
        if round_.progress is not None:
            self.packed = round_.progress.pack()
        self.guest.clock += 1
        return round_.ear


def verdict(ear: dict[str, Any]) -> dict[str, Any]:
    """Return an EAR without what tells how the list was cut."""
    return ear | {"palantir.boot": {**ear["palantir.boot"], "ima_first_entry": None}}


def codes(ear: dict[str, Any]) -> set[str]:
    return {code for _layer, code, _tier in found(ear)}


OTHERS: dict[str, Callable[[Guest], object]] = {
    "known under another template": lambda guest: guest.kernel.file("/usr/bin/ls", HOST["/usr/bin/ls"], "ima-ng"),
    "template of unknown owners": lambda guest: guest.kernel.file("/usr/bin/other", b"", "evm-sig"),
    "buffer": lambda guest: guest.kernel.measure("ima-buf", n_ng=(b"kexec-cmdline\0", "kexec-cmdline")),
    "other PCR": lambda guest: guest.kernel.measure("ima-ng", pcr=11),
    "kexec": Guest.kernel_began,
}


@st.composite
def steps(draw: st.DrawFn) -> Callable[[Guest], object]:
    """Return something that a node measures."""
    kind = draw(st.sampled_from(["known", "known", "known", "file", "file", "file", *OTHERS]))
    if kind in OTHERS:
        return OTHERS[kind]
    if kind == "known":
        path = draw(st.sampled_from(sorted(HOST)))
        return lambda guest: guest.ran(path, HOST[path])
    path = draw(st.sampled_from([*HOST, "/etc/dnsmasq.conf", "/usr/sbin/dnsmasq", "/usr/bin/new", "memfd:x"]))
    return partial(
        _ran,
        path=path,
        data=draw(st.sampled_from([*HOST.values(), b"dnsmasq", b"evil"])),
        owner=draw(st.sampled_from([0, 600, BASE, RETIRED])),
        violation=draw(st.integers(0, 5)) == 5,
    )


def _ran(guest: Guest, **of_file: Any) -> None:
    guest.ran(**of_file)


@modest
@given(
    template=st.sampled_from(TEMPLATES),
    base=st.sampled_from([BASE, BASE, BASE, 500, 65_536]),
    padding=st.integers(0, 9),
    rounds=st.lists(st.tuples(st.lists(steps(), max_size=5), st.lists(steps(), max_size=2)), min_size=1, max_size=5),
)
def test_whatever_way_a_list_is_cut_into_rounds_the_verdict_is_that_of_the_whole(
    template: str, base: int, padding: int, rounds: list[Any]
) -> None:
    instances = [instance(uid_base=base), instance(instance="old-1", generation=1, uid_base=RETIRED, state="retired")]
    guest = Guest(template=template, instances=instances, kernel=Kernel(zero_padding=padding == 9))
    verifier = Verifier(guest, ima={"templates": [TEMPLATE, "ima-sig", "ima-buf"]})
    for quoted, tail in rounds:
        for measure in quoted:
            measure(guest)
        pcrs = guest.pcrs()
        for measure in tail:
            measure(guest)
        guest.clock += 1
        whole = appraise_round(guest.evidence(pcrs), guest.record, verifier.policy, REFERENCES, now=NOW)
        assert verdict(verifier.part(pcrs)) == verdict(whole.ear) | {"palantir.boot": clocked(whole.ear)}
        assert verifier.past == whole.progress or parts_equal(verifier.past, whole.progress)


def clocked(ear: dict[str, Any]) -> dict[str, Any]:
    return {**ear["palantir.boot"], "ima_first_entry": None}


def parts_equal(one: Progress | None, other: Progress | None) -> bool:
    """Tell whether two states are the same, byte by byte: lists have no equality."""
    return one is not None and other is not None and one.pack() == other.pack()


def test_only_what_is_new_is_sent_and_appraised() -> None:
    guest = Guest()
    verifier = Verifier(guest)
    first = verifier.part()
    whole = len(guest.kernel.binary)
    guest.ran("/usr/bin/ls", b"ls", mode=PLAIN)
    second = verifier.part()
    assert verifier.sent == [(0, whole), (whole, len(guest.kernel.binary) - whole)]
    assert found(first) == found(second) == []
    assert first["palantir.boot"]["ima_first_entry"] == 0
    assert second["palantir.boot"]["ima_first_entry"] == first["palantir.boot"]["ima_entries"]
    assert second["palantir.boot"]["ima_entries"] == first["palantir.boot"]["ima_entries"] + 1
    third = verifier.part()
    assert verifier.sent[2] == (len(guest.kernel.binary), 0)
    assert found(third) == []


def test_what_was_found_once_stays_until_the_reboot() -> None:
    guest = Guest().ran("/usr/bin/implant", b"evil")
    verifier = Verifier(guest)
    ears = [verifier.part() for _round in range(3)]
    assert [found(ear) for ear in ears] == [[("os", "unknown_executable", "contraindicated")]] * 3
    guest.ran("/usr/bin/bash", b"other")
    assert codes(verifier.part()) == {"unknown_executable", "modified_file"}


def test_a_template_of_known_files_is_not_forgotten() -> None:
    guest = Guest()
    guest.kernel.file("/usr/bin/ls", HOST["/usr/bin/ls"], "ima-ng")
    verifier = Verifier(guest, ima={"templates": [TEMPLATE]})
    ears = [verifier.part() for _round in range(3)]
    assert [codes(ear) for ear in ears] == [{"ima_template_unexpected", "ima_other_template"}] * 3


def test_field_row_7_the_tail_of_one_round_is_the_next_ones() -> None:
    guest = Guest()
    verifier = Verifier(guest)
    verifier.part()
    quoted = guest.pcrs()
    guest.ran("/usr/bin/implant", b"evil")
    assert codes(verifier.part(quoted)) == {"ima_tail_held"}
    assert codes(verifier.part()) == {"unknown_executable"}
    assert verifier.sent[1] == verifier.sent[2]


def test_field_row_5_a_reboot_begins_at_the_first_entry_in_one_round_trip() -> None:
    guest = Guest().ran("/usr/bin/implant", b"evil")
    verifier = Verifier(guest)
    verifier.part()
    verifier.guest = Guest(facts={"boot_id": "boot-2"}, resets=4)
    ear = verifier.part()
    assert found(ear) == []
    assert verifier.sent[1] == (0, len(verifier.guest.kernel.binary))
    assert verifier.past is not None
    assert (verifier.past.reset_count, verifier.past.boot_id) == (4, "boot-2")


# A node that lies is asked again for all that it has, and that decides.


def forked(guest: Guest, verifier: Verifier) -> dict[str, Any]:
    verifier.part()
    guest.ran("/usr/bin/implant", b"evil")
    other = Guest().ran("/usr/bin/ls", b"ls")
    return guest.evidence(since=verifier.since) | {"ima_log": of_list(other, verifier)}


def of_list(guest: Guest, verifier: Verifier) -> dict[str, Any]:
    """Return the part that a node with another list sends."""
    return dict(guest.evidence(since=verifier.since)["ima_log"])


def left_out(guest: Guest, verifier: Verifier) -> dict[str, Any]:
    verifier.part()
    guest.ran("/usr/bin/implant", b"evil")
    evidence = guest.evidence(since=verifier.since)
    return evidence | {"ima_log": {**evidence["ima_log"], "data": ""}}


def rewritten(guest: Guest, verifier: Verifier) -> dict[str, Any]:
    verifier.part()
    guest.ran("/usr/bin/implant", b"evil")
    evidence = guest.evidence(since=verifier.since)
    data = base64.b64decode(evidence["ima_log"]["data"]).replace(b"/usr/bin/implant", b"/usr/bin/imprint")
    return evidence | {"ima_log": {**evidence["ima_log"], "data": data}}


def replayed(guest: Guest, verifier: Verifier) -> dict[str, Any]:
    """The part of an earlier round once more, which leads to an older value of the PCR."""
    verifier.part()
    guest.ran("/usr/bin/bash", b"bash", mode=PLAIN)
    old = guest.evidence(since=verifier.since)["ima_log"]
    verifier.part()
    guest.ran("/usr/bin/implant", b"evil")
    return guest.evidence(since=verifier.since) | {"ima_log": {**old, "offset": verifier.since["offset"]}}  # type: ignore[index]


def shifted(guest: Guest, verifier: Verifier) -> dict[str, Any]:
    verifier.part()
    evidence = guest.evidence(since=verifier.since)
    return evidence | {"ima_log": {**evidence["ima_log"], "offset": evidence["ima_log"]["offset"] - 1}}


def torn(guest: Guest, verifier: Verifier) -> dict[str, Any]:
    verifier.part()
    evidence = guest.ran("/usr/bin/ls", b"ls", mode=PLAIN).evidence(since=verifier.since)
    return evidence | {"ima_log": {**evidence["ima_log"], "data": base64.b64decode(evidence["ima_log"]["data"])[5:]}}


def without_list(guest: Guest, verifier: Verifier) -> dict[str, Any]:
    verifier.part()
    return guest.evidence(since=verifier.since) | {"ima_log": None}


def whole_without_event_log(guest: Guest, verifier: Verifier) -> dict[str, Any]:
    verifier.part()
    return guest.evidence() | {"event_log": None}


def of_another_boot_id(guest: Guest, verifier: Verifier) -> dict[str, Any]:
    """The node names another boot, and yet sends a part only."""
    verifier.part()
    since = {"boot_id": "boot-2", "offset": (verifier.since or {})["offset"]}
    guest.facts["boot_id"] = "boot-2"
    return guest.evidence(since=since)


def after_a_reset(guest: Guest, verifier: Verifier) -> dict[str, Any]:
    """The TPM was reset, and the node says that it is the same boot still."""
    verifier.part()
    guest.resets += 1
    return guest.evidence(since=verifier.since)


LIES = [
    forked,
    left_out,
    rewritten,
    replayed,
    shifted,
    torn,
    without_list,
    whole_without_event_log,
    of_another_boot_id,
    after_a_reset,
]


@pytest.mark.parametrize("lie", LIES)
def test_what_does_not_continue_the_list_accuses_nobody_and_is_asked_for_whole(
    lie: Callable[[Guest, Verifier], dict[str, Any]],
) -> None:
    guest = Guest()
    verifier = Verifier(guest)
    evidence, before = lie(guest, verifier), verifier.packed
    with pytest.raises(PartError):
        appraise_round(evidence, guest.record, {}, REFERENCES, verifier.past, whole=False, now=NOW)
    assert verifier.packed == before


@pytest.mark.parametrize("lie", [forked, left_out, rewritten, replayed])
def test_the_whole_list_of_a_node_that_hides_something_is_found_out(
    lie: Callable[[Guest, Verifier], dict[str, Any]],
) -> None:
    guest = Guest()
    verifier = Verifier(guest)
    evidence = lie(guest, verifier)
    offset = evidence["ima_log"]["offset"]
    shown = evidence["ima_log"]["data"]
    data = guest.kernel.binary[:offset] + (base64.b64decode(shown) if isinstance(shown, str) else shown)
    whole = guest.evidence() | {"ima_log": {"offset": 0, "data": data}}
    ear = appraise_round(whole, guest.record, {}, REFERENCES, verifier.past, now=NOW).ear
    assert ("os", "ima_replay_mismatch", "contraindicated") in found(ear)
    truth = verifier.whole()
    assert ("os", "unknown_executable", "contraindicated") in found(truth)


def test_a_part_without_a_past_is_refused() -> None:
    guest = Guest()
    evidence = guest.evidence(since={"boot_id": "boot-1", "offset": 10})
    with pytest.raises(EvidenceError, match=r"is 10: what comes before it is missing\. Next: ask for the list from"):
        guest.appraise(evidence)


def test_a_quote_that_is_forged_is_a_verdict_at_once() -> None:
    guest = Guest()
    verifier = Verifier(guest)
    verifier.part()
    ear = verifier.part(evidence=guest.evidence(since=verifier.since) | {"nonce": "ff" * 32})
    assert ("hardware", "nonce_mismatch", "contraindicated") in found(ear)


def test_a_state_of_another_ak_counts_for_nothing() -> None:
    guest = Guest()
    verifier = Verifier(guest)
    verifier.part()
    past = replace(verifier.past, ak="0" * 64)  # type: ignore[type-var]
    with pytest.raises(PartError):
        appraise_round(guest.evidence(since=verifier.since), guest.record, {}, REFERENCES, past, whole=False, now=NOW)
    assert found(appraise_round(guest.evidence(), guest.record, {}, REFERENCES, past, now=NOW).ear) == []


def test_a_quote_over_more_banks_than_were_verified_needs_the_whole_list() -> None:
    guest = Guest()
    verifier = Verifier(guest)
    verifier.part()
    assert verifier.past is not None
    past = replace(verifier.past, verified=replace(verifier.past.verified, aggregates={"sha384": bytes(48)}))
    with pytest.raises(PartError):
        appraise_round(guest.evidence(since=verifier.since), guest.record, {}, REFERENCES, past, whole=False, now=NOW)


# What was passed over as known has to be known still.


def test_a_file_that_is_known_no_more_is_found_in_the_whole_list() -> None:
    guest = Guest().ran("/usr/bin/old", b"old")
    with_old = reference_values()
    with_old["host"] = [*with_old["host"], document("host", "old", files=files({"/usr/bin/old": b"old"}))]
    verifier = Verifier(guest, ReferenceSet.from_plain(with_old, NOW))
    assert found(verifier.part()) == []
    verifier.references = REFERENCES
    with pytest.raises(PartError):
        verifier.part()
    assert codes(verifier.whole()) == {"unknown_executable"}
    assert codes(verifier.part()) == {"unknown_executable"}


def test_an_instance_with_owners_of_the_system_changes_what_is_the_hosts() -> None:
    guest = Guest().ran("/usr/bin/ls", b"ls", owner=600)
    verifier = Verifier(guest)
    assert found(verifier.part()) == []
    guest.instances.append(instance(instance="low-1", uid_base=500, uid_count=1000))
    with pytest.raises(PartError):
        verifier.part()


# The store may be damaged, and other rounds may be under way.


def test_a_state_that_was_altered_is_none() -> None:
    verifier = Verifier(Guest())
    verifier.part()
    assert verifier.packed is not None
    for at in range(0, len(verifier.packed), 97):
        damaged = bytearray(verifier.packed)
        damaged[at] ^= 1
        with pytest.raises(StoreError, match="state of a boot: is not what was stored"):
            Progress.unpack(bytes(damaged))


@modest
@given(st.binary(max_size=200))
def test_no_bytes_are_mistaken_for_a_state(blob: bytes) -> None:
    with pytest.raises(StoreError):
        Progress.unpack(blob)


def test_a_wrong_state_accuses_nobody_and_the_contradiction_is_told() -> None:
    guest = Guest()
    verifier = Verifier(guest)
    verifier.part()
    assert verifier.past is not None
    wrong = replace(verifier.past, verified=replace(verifier.past.verified, aggregates={"sha256": b"\1" * 32}))
    with pytest.raises(PartError):
        appraise_round(guest.evidence(since=verifier.since), guest.record, {}, REFERENCES, wrong, whole=False, now=NOW)
    round_ = appraise_round(guest.evidence(), guest.record, {}, REFERENCES, wrong, now=NOW)
    assert found(round_.ear) == [("os", "ima_history_changed", "warning")]
    assert round_.progress is None, "so it is told again"


def test_a_pcr_that_went_back_without_a_reset_is_told() -> None:
    guest = Guest().ran("/usr/bin/implant", b"evil")
    verifier = Verifier(guest)
    verifier.part()
    clean = Guest(clock=2000)
    round_ = appraise_round(clean.evidence(), clean.record, {}, REFERENCES, verifier.past, now=NOW)
    assert found(round_.ear) == [("os", "ima_history_changed", "warning")]


def test_a_round_that_ends_after_a_later_one_is_no_contradiction() -> None:
    guest = Guest(clock=1)
    late = guest.evidence()
    guest.clock = 2
    verifier = Verifier(guest.ran("/usr/bin/bash", b"bash", mode=PLAIN))
    verifier.part()
    assert found(appraise_round(late, guest.record, {}, REFERENCES, verifier.past, now=NOW).ear) == []


def test_a_state_that_is_too_large_is_not_kept() -> None:
    verifier = Verifier(Guest())
    verifier.part()
    assert verifier.past is not None
    noise = random.Random(1).randbytes(PACKED_LIMIT)  # noqa: S311 - no secret, and it does not compress
    assert replace(verifier.past, event_log=noise).pack() is None
    assert replace(verifier.past, event_log=bytes(64 << 20)).pack() is None, "however well it compresses"


# Kernels that other kernels start, and lists whose beginning is gone


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


# Lists in parts


@modest
@given(places=st.sets(st.integers(0, 9)), at=st.integers(0, 10))
def test_entries_that_are_written_down_are_read_as_they_were(places: set[int], at: int) -> None:
    kernel = Kernel()
    for number in range(8):
        kernel.measure(["ima-ng", "ima-sig", "d-ng|n-ng"][number % 3], pcr=10 + number % 2, violation=number == 5)
    kernel.measure_old(b"/bin/sh").measure_old(b"/bin/violated", violation=True)
    log = parse_ima_log(kernel.binary)
    some = chosen(log, sorted(places))
    again = parse_ima_log(written(log, sorted(places)))
    for one, other in ((some, again), (joined(chosen(log, range(at)), chosen(log, range(at, 10))), log)):
        assert (one.kinds, one.data, one.hashes, one.violations) == (
            other.kinds,
            other.data,
            other.hashes,
            other.violations,
        )
        assert one.runs == other.runs
    assert [entry.index for entry in some.entries] == sorted(places)
