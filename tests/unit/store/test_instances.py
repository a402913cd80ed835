# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from sqlalchemy import insert, select

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import StoreError
from ansible_collections.palantir.trust.plugins.plugin_utils.store import identities, instances, ledger, schema
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store
from ansible_collections.palantir.trust.plugins.plugin_utils.store.instances import (
    RANGES,
    UID_COUNT,
    UID_END,
    UID_FIRST,
    InstanceRecord,
)
from tests.unit.support.examples import examples

FILES = {"/etc/dnsmasq.conf": "sha256:" + "ab" * 32}


def allocate(store: Store, instance: str = "dns-filter-1", node: str = "node1", **changed: Any) -> InstanceRecord:
    values: dict[str, Any] = {"sc": "dns-filter", "flavour": "podman", "files": FILES, "reset_count": 7, "at": 100.0}
    with store.transaction() as connection:
        return instances.allocate(connection, instance=instance, node=node, **(values | changed))


def set_state(store: Store, record: InstanceRecord, state: str, at: float = 200.0) -> None:
    with store.transaction() as connection:
        instances.set_state(connection, record.id, state, at)


def states(store: Store, node: str = "node1") -> list[tuple[str, int, str]]:
    with store.transaction() as connection:
        return [(r.instance, r.generation, r.state) for r in instances.of_node(connection, node)]


def enrol(store: Store, node: str, reset_count: int) -> None:
    with store.transaction() as connection:
        if identities.find(connection, node) is None:
            identities.save(connection, node, node.ljust(64, "0"), {}, {}, 1.0)
        identities.set_last(connection, node, {"reset_count": reset_count, "clock": reset_count})


def test_the_container_in_which_a_generation_became_live_stays_on_record(store: Store) -> None:
    record = allocate(store)
    assert record.container is None
    with store.transaction() as connection:
        instances.set_state(connection, record.id, "live", 200.0, "c0" * 32)
    set_state(store, record, "retired")
    with store.transaction() as connection:
        assert [r.container for r in instances.of_node(connection, "node1")] == ["c0" * 32]
        bodies = connection.execute(select(schema.ledger.c.body).order_by(schema.ledger.c.sequence)).scalars()
        assert ["c0c0" in body for body in bodies] == [False, True, False]


def test_the_first_range_is_where_the_design_says(store: Store) -> None:
    record = allocate(store)
    assert (record.uid_base, record.uid_count) == (1_000_013_824, 65536)
    assert (record.generation, record.state, record.files) == (1, "allocated", FILES)


def test_ranges_are_aligned_and_end_below_2_to_the_31() -> None:
    assert UID_FIRST % UID_COUNT == 0
    assert UID_FIRST > 999_999_999
    assert UID_FIRST + RANGES * UID_COUNT <= UID_END == 1 << 31


def test_an_instance_goes_from_allocated_to_live_to_retired(store: Store) -> None:
    record = allocate(store)
    with store.transaction() as connection:
        assert instances.live(connection) == []
        assert instances.current(connection, "dns-filter-1") is None
    set_state(store, record, "live")
    with store.transaction() as connection:
        living = instances.live(connection)
        assert living == [instances.current(connection, "dns-filter-1")]
        assert [r.state for r in living] == ["live"]
    set_state(store, record, "retired", at=300.0)
    with store.transaction() as connection:
        assert instances.live(connection) == []
        assert [(r.state, r.retired_at) for r in instances.of_node(connection, "node1")] == [("retired", 300.0)]
        assert ledger.verify(connection) == 3


def test_each_generation_counts_up_over_all_nodes(store: Store) -> None:
    first = allocate(store, node="node1")
    set_state(store, first, "retired")
    second = allocate(store, node="node2")
    other = allocate(store, "dns-filter-2", node="node2")
    assert [r.generation for r in (first, second, other)] == [1, 2, 1]


def test_ranges_of_different_nodes_are_independent(store: Store) -> None:
    assert allocate(store, node="node1").uid_base == allocate(store, "other", node="node2").uid_base == UID_FIRST


def test_a_retired_generation_never_comes_back(store: Store) -> None:
    record = allocate(store)
    set_state(store, record, "retired", at=200.0)
    set_state(store, record, "retired", at=999.0)
    with pytest.raises(StoreError) as caught:
        set_state(store, record, "live")
    assert str(caught.value) == (
        f"instance generation {record.id}: is retired; it cannot become live. Next: deploy the SC again."
    )
    with store.transaction() as connection:
        assert instances.of_node(connection, "node1")[0].retired_at == 200.0


@pytest.mark.parametrize("state", ["allocated", "", "dead"])
def test_a_generation_moves_on_to_live_or_retired_and_nowhere_else(store: Store, state: str) -> None:
    record = allocate(store)
    with pytest.raises(StoreError, match=f"is allocated; it cannot become {state}"):
        set_state(store, record, state)


def test_a_generation_that_is_not_there_is_named(store: Store) -> None:
    with store.transaction() as connection, pytest.raises(StoreError) as caught:
        instances.set_state(connection, 9, "live", 1.0)
    assert str(caught.value) == (
        "instance generation 9: is not in the store; it cannot become live. Next: deploy the SC again."
    )


def test_a_generation_whose_start_was_broken_off_may_run_until_its_node_says_otherwise(store: Store) -> None:
    failed = allocate(store)
    assert allocate(store).uid_base == failed.uid_base + UID_COUNT
    assert states(store) == [("dns-filter-1", 1, "allocated"), ("dns-filter-1", 2, "allocated")]


def test_only_what_has_ended_is_sealed_and_only_once(store: Store) -> None:
    ended, alive = allocate(store), allocate(store)
    set_state(store, ended, "retired")
    for reset_count, entries in ((8, 500), (9, 700)):
        with store.transaction() as connection:
            instances.seal(connection, [ended.id, alive.id], reset_count, entries)
    with store.transaction() as connection:
        found = [(r.reset_count, r.sealed_entries) for r in instances.of_node(connection, "node1")]
    assert found == [(8, 500), (7, None)]


@pytest.mark.parametrize("key", ["instance", "sc", "flavour"])
@pytest.mark.parametrize(
    "name", ["", "-rf", "Dns", "a b", "a/b", "../x", "a\n", "a\x1b[31m", "a" * 64, "é", "a:b", "a_b", "a.b", None, 3]
)
def test_a_name_that_could_do_harm_is_refused(store: Store, key: str, name: Any) -> None:
    with pytest.raises(StoreError, match=rf"^{key} .* is not a name\. Next: use lower-case letters") as caught:
        allocate(store, **{key: name})
    assert str(caught.value).isprintable()
    assert states(store) == []


@pytest.fixture
def few_ranges(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(instances, "RANGES", 4)
    return 4


def use_up(store: Store, count: int, reset_count: int = 7) -> list[int]:
    bases = []
    for _ in range(count):
        record = allocate(store, reset_count=reset_count)
        set_state(store, record, "retired")
        bases.append((record.uid_base - UID_FIRST) // UID_COUNT)
    return bases


def test_ranges_of_this_boot_are_used_up_and_come_back_after_a_reboot(store: Store, few_ranges: int) -> None:
    assert use_up(store, few_ranges) == [0, 1, 2, 3]
    with pytest.raises(StoreError) as caught:
        allocate(store)
    assert str(caught.value) == (
        "node node1: all 4 user-namespace ranges are used up in this boot. Next: reboot the node."
    )
    assert use_up(store, few_ranges, reset_count=8) == [0, 1, 2, 3]


def test_what_lives_keeps_its_range_over_a_reboot(store: Store, few_ranges: int) -> None:
    living = allocate(store, "other")
    set_state(store, living, "live")
    assert use_up(store, 3) == [1, 2, 3]
    assert use_up(store, 3, reset_count=8) == [1, 2, 3]
    with pytest.raises(StoreError, match="used up"):
        allocate(store, reset_count=8)


def test_a_range_taken_in_one_boot_and_given_back_in_the_next_is_used_in_both(store: Store, few_ranges: int) -> None:
    enrol(store, "node1", 7)
    record = allocate(store, "other", reset_count=7)
    set_state(store, record, "live")
    enrol(store, "node1", 8)
    set_state(store, record, "retired")
    assert use_up(store, 3, reset_count=8) == [1, 2, 3]
    with pytest.raises(StoreError, match="used up"):
        allocate(store, reset_count=8)


def test_after_the_last_range_comes_the_first(store: Store) -> None:
    row = {
        "instance": "old",
        "sc": "old",
        "flavour": "podman",
        "node": "node1",
        "generation": 1,
        "uid_count": UID_COUNT,
    }
    row |= {"uid_base": UID_FIRST + (RANGES - 1) * UID_COUNT, "reset_count": 1, "state": "retired", "files": {}}
    with store.transaction() as connection:
        connection.execute(insert(schema.instances).values(created_at=1.0, retired_at=1.0, **row))
    assert row["uid_base"] == (1 << 31) - UID_COUNT - (1 << 31) % UID_COUNT
    assert allocate(store, reset_count=1).uid_base == UID_FIRST


@given(data=st.data())
@examples(30, suppressed=[HealthCheck.function_scoped_fixture])
def test_no_range_serves_two_generations_in_one_boot(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory, few_ranges: int
) -> None:
    """Whatever happens on a node: allocations, replacements, reboots with and without what lives."""
    path: Path = tmp_path_factory.mktemp("instances")
    store = Store(f"sqlite:///{path}/s")
    boot, used, alive = 1, set[int](), dict[str, InstanceRecord]()
    enrol(store, "node1", boot)
    for action in data.draw(st.lists(st.sampled_from(["deploy", "start", "retire", "reboot"]), max_size=16)):
        name = data.draw(st.sampled_from(["a", "b"]))
        if action == "reboot":
            boot += 1
            enrol(store, "node1", boot)
            used = {record.uid_base for record in alive.values()}
        elif action == "deploy" and name not in alive:
            try:
                record = allocate(store, name, reset_count=boot)
            except StoreError:
                assert len(used) == few_ranges, "a range was free"
                continue
            assert record.uid_base not in used
            assert record.uid_base % UID_COUNT == 0
            used.add(record.uid_base)
            alive[name] = record
        elif action == "start" and name in alive:
            set_state(store, alive[name], "live")
        elif action == "retire" and name in alive:
            set_state(store, alive.pop(name), "retired")
    store.close()
