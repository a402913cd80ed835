# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A row of the tamper matrix counts only if exactly one layer is accused, by exactly the findings that are due."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from ansible_collections.palantir.trust.plugins.plugin_utils.store.attestations import Attestation
from tests.scenarios.tamper.judge import HOST_LAYERS, Expected, Seen, judge, seen
from tests.scenarios.tamper.rows import SC, WITH_SC, WITHOUT_SC

LAYERS = frozenset((*HOST_LAYERS, SC))
BENIGN = Expected()
OS = Expected("os", frozenset({"unknown_executable"}))
SC_ALONE = Expected(SC, frozenset({"modified_file"}))
FAILED = 2


def result(**layers: dict[str, Any]) -> Attestation:
    """Return an attestation of a node with all layers, affirming but for those given."""
    submods: dict[str, Any] = {}
    for layer in (*HOST_LAYERS, SC):
        given = layers.get(layer.partition(":")[0], {})
        submods[layer] = {
            "palantir.own_status": given.get("own", "affirming"),
            "palantir.void_by": given.get("void_by"),
            "palantir.findings": [
                {"code": code, "tier": given.get("tier", "contraindicated")} for code in given.get("codes", ())
            ],
        }
    return Attestation(1, "node1", 0.0, "attested", "", {"submods": submods}, None, None)


def tampered_os(**others: dict[str, Any]) -> Attestation:
    accused: dict[str, Any] = {"own": "contraindicated", "codes": ["unknown_executable"]}
    below: dict[str, Any] = {"void_by": "os"}
    return result(**{"os": accused, "runtime": below, "sc": below, **others})


def test_a_clean_node_is_what_a_benign_row_wants() -> None:
    assert judge(BENIGN, LAYERS, result(), 0) == []


def test_the_accused_layer_voids_those_below_and_them_only() -> None:
    assert judge(OS, LAYERS, tampered_os(), FAILED) == []
    assert judge(OS, LAYERS, tampered_os(sc={}), FAILED) == [f"{SC} is void by None, not by os"]
    assert judge(OS, LAYERS, tampered_os(firmware={"void_by": "os"}), FAILED) == ["firmware is void by os, not by None"]


def test_an_accused_instance_voids_nothing() -> None:
    accused = {"own": "contraindicated", "codes": ["modified_file"]}
    assert judge(SC_ALONE, LAYERS, result(sc=accused), FAILED) == []


def test_a_miss_is_told() -> None:
    assert judge(OS, LAYERS, result(), 0) == [
        "os is affirming, not contraindicated",
        "os has no finding, not unknown_executable",
        "runtime is void by None, not by os",
        f"{SC} is void by None, not by os",
        "the playbook ended with status 0",
    ]


@pytest.mark.parametrize("own", ["none", "warning", "contraindicated"])
def test_another_layer_that_is_not_affirming_by_itself_is_told(own: str) -> None:
    hit = tampered_os(runtime={"own": own, "void_by": "os"})
    assert judge(OS, LAYERS, hit, FAILED) == [f"runtime is {own}, not affirming"]


def test_a_finding_too_many_is_told() -> None:
    more = {"own": "contraindicated", "codes": ["unknown_executable", "modified_file"]}
    assert judge(OS, LAYERS, tampered_os(os=more), FAILED) == [
        "os has modified_file, unknown_executable, not unknown_executable"
    ]
    warned = {"codes": ["unknown_file"], "tier": "warning", "own": "warning"}
    assert judge(BENIGN, LAYERS, result(sc=warned), FAILED) == [
        f"{SC} is warning, not affirming",
        f"{SC} is accused: unknown_file",
        "the playbook ended with status 2",
    ]


def test_what_is_told_without_weight_accuses_nobody() -> None:
    told = {"codes": ["node_rebooted"], "tier": "none"}
    assert judge(BENIGN, LAYERS, result(hardware=told), 0) == []
    assert seen(result(hardware=told).ear or {})["hardware"] == Seen("affirming", None, ())


def test_a_layer_that_comes_or_goes_is_told() -> None:
    assert judge(BENIGN, frozenset(HOST_LAYERS), result(), 0) == [f"{SC} has a verdict, and is not on the node"]
    assert judge(BENIGN, LAYERS | {"sc:other"}, result(), 0) == ["sc:other has no verdict"]


def test_no_verdict_is_no_row() -> None:
    nothing = Attestation(1, "node1", 0.0, "no_evidence", "The log is missing.", None, None, None)
    assert judge(OS, LAYERS, nothing, FAILED) == ["no verdict: no_evidence: The log is missing."]


def test_every_layer_is_tampered_with_and_every_tampering_is_followed_by_a_clean_node() -> None:
    for rows in (WITH_SC, WITHOUT_SC):
        for row, following in pairwise(rows):
            assert row.expected.layer is None or following.expected == BENIGN, row.what
        assert rows[-1].expected == BENIGN
    accused = [row.expected.layer for row in (*WITH_SC, *WITHOUT_SC)]
    assert {layer for layer in accused if layer} == LAYERS
    assert accused.count(SC) == 3
    assert accused.count("runtime") == 2
