# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that run from deleted files: the layer that they run in is warned of, and no other."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.attribution.owners import OwnerMap
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.layers.deleted import sort_deleted
from tests.unit.appraisal.scene import BASE, RETIRED, Guest, found, instance
from tests.unit.support.examples import examples

SC = "sc:dns-filter-1"
WARNED = ("deleted_executable", "warning")


def running(path: str, base: int | None = None, count: int = 65_536) -> dict[str, Any]:
    """Return a process as the node's facts tell of it (module_utils/_processes.py)."""
    return {"pid": 7, "path": path} | ({} if base is None else {"uid_map": [[0, base, count]]})


def seen(*processes: object, **given: Any) -> list[tuple[str, str, str]]:
    return found(Guest(facts={"deleted_executables": list(processes)}, **given).appraise())


def test_a_program_that_a_container_replaced_under_itself_does_not_accuse_the_host() -> None:
    assert seen(running("/opt/x (deleted)", BASE)) == [(SC, *WARNED)]
    assert seen(running("/opt/x (deleted)")) == [("os", *WARNED)]


def test_the_name_is_looked_up_in_the_image_of_the_container_that_runs_it() -> None:
    assert seen(running("/usr/sbin/dnsmasq (deleted)", BASE)) == []
    assert seen(running("/usr/bin/ls (deleted)", BASE)) == [(SC, *WARNED)]
    assert seen(running("/usr/sbin/dnsmasq (deleted)")) == [("os", *WARNED)]


def test_a_finding_tells_that_it_is_the_nodes_word() -> None:
    facts = {"deleted_executables": [running("/opt/\x1bx (deleted)", BASE)]}
    (finding,) = Guest(facts=facts).appraise()["submods"][SC]["palantir.findings"]
    assert (finding["attribution"], finding["certainty"], finding["path"]) == (
        "layer",
        "ambiguous",
        "/opt/\\x1bx (deleted)",
    )


@pytest.mark.parametrize(
    "process",
    [
        running("/opt/x (deleted)", 5_000),
        running("/opt/x (deleted)", BASE - 1),
        running("/opt/x (deleted)", BASE, 65_537),
        running("/opt/x (deleted)", BASE, 0),
        {"path": "/opt/x (deleted)", "uid_map": []},
        {"path": "/opt/x (deleted)", "uid_map": [[0, str(BASE), 1]]},
        {"path": "/opt/x (deleted)", "uid_map": "0 1000013824 1"},
    ],
)
def test_a_process_outside_of_the_range_is_the_hosts(process: dict[str, Any]) -> None:
    assert seen(process) == [("os", *WARNED)]


def test_a_process_in_the_range_of_a_generation_that_was_replaced_is_the_hosts() -> None:
    instances = [instance(), instance(uid_base=RETIRED, generation=1, state="retired")]
    assert seen(running("/opt/x (deleted)", RETIRED), instances=instances) == [("os", *WARNED)]


def test_a_policy_that_lets_programs_run_from_memory_hears_of_none() -> None:
    facts = {"deleted_executables": [running("/opt/x (deleted)", BASE), running("/opt/x (deleted)")]}
    assert found(Guest(facts=facts).appraise(policy={"fileless": "affirming"})) == []


def test_no_more_than_a_few_are_listed() -> None:
    many = [running(f"/opt/{number} (deleted)") for number in range(40)]
    assert seen(running("/usr/bin/ls (deleted)"), *many) == [("os", *WARNED)] * 32


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.sampled_from(["path", "uid_map"]), children),
    max_leaves=12,
)


@examples(100)
@given(JSON)
def test_whatever_a_node_says_is_sorted(told: object) -> None:
    result = sort_deleted({"deleted_executables": told}, OwnerMap((), None))
    assert result.instances == {}
    assert all(isinstance(path, str) for path in result.host)
