# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rounds that follow one another in a boot: only what is new is sent, and the verdict is that of the whole list."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.appraise import appraise_round
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.progress import Progress
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import PartError
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.index import ReferenceSet
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.log import parse_ima_log
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.parts import chosen, joined, written
from tests.unit.appraisal.rounds import REFERENCES, TEMPLATES, Verifier, codes, modest, verdict
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
from tests.unit.verifier.ima_kernel import Kernel

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
