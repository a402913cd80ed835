# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Layers have authority over those above them, and templates without owners say less."""

from __future__ import annotations

import pytest

from ansible_collections.palantir.trust.plugins.plugin_utils.reference.index import ReferenceSet
from tests.unit.appraisal.scene import (
    BASE,
    CONFIGURATION,
    HOST,
    LAYERS,
    NOW,
    PLAIN,
    SC,
    Guest,
    found,
    instance,
    own,
    reference_values,
    sha256,
    statuses,
)


def test_a_clean_node_is_affirmed_in_every_layer_without_a_finding() -> None:
    ear = Guest().appraise()
    assert statuses(ear) == dict.fromkeys(LAYERS, "affirming")
    assert found(ear) == []
    assert ear["ear_status"] == "affirming"


def test_under_a_contraindicated_host_a_container_verdict_is_void_and_keeps_its_own() -> None:
    ear = Guest().ran("/usr/local/bin/evil", b"evil").ran("/bin/dropper", b"evil", owner=BASE).appraise()
    sc = ear["submods"][SC]
    assert sc["ear_status"] == "contraindicated"
    assert sc["palantir.void_by"] == "os"
    assert [f["void"] for f in sc["palantir.findings"]] == [True]
    assert ear["submods"]["os"]["palantir.void_by"] is None


def test_under_a_warned_layer_a_clean_one_is_limited_and_not_void() -> None:
    ear = Guest().ran("/opt/ls", b"ls").appraise()
    sc = ear["submods"][SC]
    assert (sc["ear_status"], sc["palantir.own_status"]) == ("warning", "affirming")
    assert (sc["palantir.limited_by"], sc["palantir.void_by"]) == ("os", None)


def test_without_owners_what_an_image_has_is_its_instances_and_all_else_the_hosts() -> None:
    guest = Guest(template="ima-sig")
    ear = guest.ran("/bin/dropper", b"evil").appraise()
    assert found(ear) == [("os", "unknown_executable", "contraindicated")]
    (finding,) = ear["submods"]["os"]["palantir.findings"]
    assert finding["certainty"] == "ambiguous"
    assert own(ear)[SC] == "affirming"


def test_reference_values_are_indexed_once_for_many_nodes() -> None:
    references = ReferenceSet.from_plain(reference_values(), NOW)
    for _ in range(2):
        assert found(Guest().appraise(references=references)) == []
        evil = Guest().ran("/usr/bin/ls", b"evil").appraise(references=references)
        assert found(evil) == [("os", "modified_file", "contraindicated")]


@pytest.mark.parametrize("template", ["d-ng|n-ng|iuid|igid|imode|sig", "evm-sig"])
def test_another_template_with_owners_gives_the_same_verdicts(template: str) -> None:
    policy = {"ima": {"templates": [template]}}
    assert found(Guest(template=template).appraise(policy=policy)) == []
    guest = Guest(template=template).ran("/bin/dropper", b"evil", owner=BASE).ran("/usr/bin/ls", b"evil")
    ear = guest.appraise(policy=policy)
    assert found(ear) == [
        ("os", "modified_file", "contraindicated"),
        (SC, "unknown_executable", "contraindicated"),
    ]


def test_a_known_host_file_that_a_container_owns_is_the_containers() -> None:
    guest = Guest()
    for path, data in HOST.items():
        guest.ran(path, data, owner=BASE)
    assert {layer for layer, _code, _tier in found(guest.appraise())} == {SC}


@pytest.mark.parametrize("tier", ["none", "warning", "contraindicated"])
@pytest.mark.parametrize("path", ["/usr/bin/ls", "/usr/local/bin/new", "/dev/shm/new"])  # noqa: S108
def test_the_policy_weighs_a_file_that_root_has_hashed_so_that_nothing_can_be_compared(path: str, tier: str) -> None:
    guest = Guest().ran(path, b"evil", algorithm="sha512").ran("/bin/sh", b"evil", owner=BASE, algorithm="sha512")
    ear = guest.appraise(policy={"ima": {"unknown_algorithms": tier}})
    assert found(ear) == [("os", "digest_algorithm_unknown", tier), (SC, "digest_algorithm_unknown", tier)]
    assert ear["submods"]["os"]["ear_status"] == tier


def test_a_configuration_that_is_rendered_below_a_directory_of_two_names_is_right_by_either() -> None:
    rendered = {"/etc/dnsmasq.conf": sha256(CONFIGURATION), "/lib/dns/root.hints": sha256(b"hints")}
    guest = Guest(instances=[instance(files=rendered)])
    guest.ran("/usr/lib/dns/root.hints", b"hints", owner=BASE, mode=PLAIN)
    assert found(guest.appraise()) == []
    guest.ran("/usr/lib/dns/root.hints", b"other", owner=BASE, mode=PLAIN)
    assert found(guest.appraise()) == [(SC, "changed_configuration", "contraindicated")]
