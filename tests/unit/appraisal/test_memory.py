# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace
from struct import pack
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.appraise import appraise
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.attribution import memory as memory_module
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.attribution.memory import Memory
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import EvidenceError
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.index import ReferenceSet
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.log import Kind
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.templates import template_named
from tests.unit.appraisal.scene import (
    BASE,
    HOST,
    NOW,
    RETIRED,
    TEMPLATE,
    Guest,
    found,
    instance,
    reference_values,
    text,
)
from tests.unit.support.examples import examples

REFERENCES = ReferenceSet.from_plain(reference_values(), NOW)
modest = examples(60)
TEMPLATES = (TEMPLATE, "ima-sig", "ima-ng", "d-ng|n-ng|sig")


def appraised(guest: Guest, memory: Memory | None = None, evidence: dict[str, Any] | None = None) -> dict[str, Any]:
    given_ = evidence or guest.evidence()
    return appraise(given_, guest.record, {}, REFERENCES, now=NOW, memory=memory)


def remembered(memory: Memory) -> int:
    return sum(map(len, memory.of(REFERENCES.host).values()))


@st.composite
def guests(draw: st.DrawFn) -> Guest:
    guest = Guest(template=draw(st.sampled_from(TEMPLATES)))
    if draw(st.booleans()):
        guest.instances[:] = [instance(uid_base=draw(st.sampled_from([0, 500, 65_536, BASE])), uid_count=65_536)]
    paths = st.sampled_from([*HOST, "/etc/dnsmasq.conf", "/usr/sbin/dnsmasq", "/usr/bin/new", "memfd:x"])
    contents = st.sampled_from([*HOST.values(), b"dnsmasq", b"evil"])
    for path in draw(st.lists(paths, max_size=6)):
        data = HOST.get(path, b"") if draw(st.booleans()) else draw(contents)
        owner = draw(st.sampled_from([0, 0, 600, BASE, RETIRED]))
        guest.ran(path, data, owner=owner, violation=draw(st.integers(0, 5)) == 5)
    return guest


@modest
@given(st.lists(guests(), min_size=2, max_size=3))
def test_what_is_remembered_changes_no_verdict(nodes: list[Guest]) -> None:
    memory = Memory()
    for guest in (*nodes, *nodes):
        assert appraised(guest, memory) == appraised(guest)


@modest
@given(guests())
def test_what_is_recognised_without_being_read_gives_the_verdict_of_reading_it(guest: Guest) -> None:
    unread = replace(REFERENCES, host=replace(REFERENCES.host, prefixes=frozenset()))
    assert appraised(guest) == appraise(guest.evidence(), guest.record, {}, unread, now=NOW)


@pytest.mark.parametrize("template", TEMPLATES[:3])
def test_what_one_node_measured_is_recognised_in_the_next_list(template: str) -> None:
    memory = Memory()
    appraised(Guest(template=template), memory)
    count = remembered(memory)
    assert count == len(HOST) - 2, "the host's known files, but for a kernel module and the IMA policy"
    appraised(Guest(template=template).ran("/usr/bin/new", b"new"), memory)
    assert remembered(memory) == count


def test_a_known_file_with_unknown_content_is_not_remembered_for_its_violation() -> None:
    memory = Memory()
    appraised(Guest().ran("/usr/bin/ls", b"ls", owner=1000, violation=True), memory)
    assert found(appraised(Guest().ran("/usr/bin/ls", b"ls", owner=1000), memory)) == []


@pytest.mark.parametrize(
    ("template", "other", "left"),
    [
        ("ima-sig", "ima-ng", 4),
        (TEMPLATE, "ima-ng", 26),
        (TEMPLATE, "ima-sig", 22),
        (TEMPLATE + "|buf", TEMPLATE, 17),
    ],
)
def test_a_known_file_under_another_template_is_not_recognised(template: str, other: str, left: int) -> None:
    memory = Memory()
    appraised(Guest(template=template), memory)
    guest = Guest(template=other)
    guest.template = template
    evidence = guest.ran("/usr/bin/ls", b"ls").evidence()
    before, after = guest.kernel.binary.split(pack("<I", len(template)) + template.encode())
    renamed = before + pack("<I", len(other)) + other.encode() + after
    evidence["ima_log"] = {"offset": 0, "data": text(renamed)}
    for known in (memory, None):
        with pytest.raises(EvidenceError, match=f"entry 8 has {left} bytes after its last field"):
            appraised(guest, known, evidence)


def test_a_remembered_file_of_the_host_is_a_containers_where_its_range_says_so() -> None:
    memory = Memory()
    appraised(Guest().ran("/usr/bin/ls", b"ls", owner=700), memory)
    guest = Guest(instances=[instance(uid_base=600, uid_count=200)]).ran("/usr/bin/ls", b"ls", owner=700)
    ear = appraised(guest, memory)
    assert ("sc:dns-filter-1", "unknown_executable", "contraindicated") in found(ear)
    assert ear == appraised(guest)


def test_other_reference_values_begin_anew() -> None:
    memory = Memory()
    appraised(Guest(), memory)
    fewer = reference_values()
    del fewer["host"][0]["files"]["/usr/bin/ls"]
    ear = appraise(Guest().evidence(), Guest().record, {}, fewer, now=NOW, memory=memory)
    assert ("os", "unknown_executable", "contraindicated") in found(ear)


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_module, "MAX_REMEMBERED", 3)
    memory, kind = Memory(), Kind(10, template_named(b"ima-ng"))
    memory.of(REFERENCES.host)
    memory.add(kind, {bytes([number]): bytes(32) for number in range(2)})
    assert remembered(memory) == 2
    before = memory.of(REFERENCES.host)
    memory.add(kind, {bytes([number]): bytes(32) for number in range(1, 9)})
    assert sum(map(len, before.values())) <= 3
    memory.add(kind, {b"more": bytes(32)})
    memory.add(kind, {b"and more": bytes(32)})
    assert remembered(memory) == 0, "full, it begins anew"
    assert memory.of(REFERENCES.host) is not before
