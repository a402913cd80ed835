# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import EnrolmentError, StoreError
from ansible_collections.palantir.trust.plugins.plugin_utils.store import identities, ledger
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store
from tests.unit.support.examples import examples

EK1, EK2 = "1" * 64, "2" * 64
IDENTITY: dict[str, Any] = {"ak_public": "AAEC", "tpm": {"manufacturer": "SW", "model": "swtpm", "version": "id:2019"}}
RECORDED: dict[str, Any] = {"hardware": {"memory_bytes": 2147483648}, "events": [{"pcr": 0, "type": "EV_S_CRTM"}]}


def enrol(store: Store, node: str, ek: str, *, replace: bool = False, at: float = 100.0) -> None:
    with store.transaction() as connection:
        identities.check_binding(connection, node, ek, replace=replace)
        identities.save(connection, node, ek, IDENTITY, RECORDED, at)


def last(store: Store, node: str = "node1") -> Any:
    with store.transaction() as connection:
        known = identities.find(connection, node)
        return known and known.last


def test_a_node_is_kept_as_it_was_enrolled(store: Store) -> None:
    enrol(store, "node1", EK1)
    with store.transaction() as connection:
        assert identities.find(connection, "node1") == identities.NodeRecord(
            "node1", IDENTITY, EK1, RECORDED, last=None, enrolled_at=100.0, cordoned=False
        )
        assert identities.find(connection, "node2") is None
        assert list(identities.every(connection, ["node1", "node2"])) == ["node1"]
        assert identities.every(connection, []) == {}


def test_a_node_may_be_enrolled_again_with_its_own_ek(store: Store) -> None:
    enrol(store, "node1", EK1)
    enrol(store, "node1", EK1, at=200.0)
    with store.transaction() as connection:
        known = identities.find(connection, "node1")
    assert known is not None
    assert known.enrolled_at == 200.0


def test_field_row_3_another_ek_is_refused_unless_replaced_on_purpose(store: Store) -> None:
    enrol(store, "node1", EK1)
    with pytest.raises(EnrolmentError) as caught:
        enrol(store, "node1", EK2)
    assert str(caught.value) == (
        "node1: it is enrolled with EK certificate 1111111111111111…, and now presents 2222222222222222…. "
        "Next: if its TPM or mainboard was replaced on purpose, enrol again with replace=true; "
        "if not, treat the host as swapped."
    )
    enrol(store, "node1", EK2, replace=True)
    with store.transaction() as connection:
        known = identities.find(connection, "node1")
    assert known is not None
    assert known.ek_sha256 == EK2


def test_field_row_3_the_ek_of_another_node_is_refused_even_on_purpose(store: Store) -> None:
    enrol(store, "node1", EK1)
    for replace in (False, True):
        with pytest.raises(EnrolmentError) as caught:
            enrol(store, "node2", EK1, replace=replace)
        assert str(caught.value) == (
            "node2: its EK certificate 1111111111111111… is enrolled as node node1. "
            "Next: one TPM is one node: check the inventory for two names of one host, or retire the other node."
        )


def test_field_row_3_the_database_itself_refuses_one_ek_for_two_nodes(store: Store) -> None:
    enrol(store, "node1", EK1)
    with pytest.raises(StoreError, match=r"^store .*: "), store.transaction() as connection:
        identities.save(connection, "node2", EK1, IDENTITY, RECORDED, 1.0)
    with store.transaction() as connection:
        assert identities.find(connection, "node2") is None


def test_field_row_5_a_replaced_tpm_begins_a_new_history_and_stays_cordoned(store: Store) -> None:
    enrol(store, "node1", EK1)
    with store.transaction() as connection:
        identities.set_last(connection, "node1", {"clock": 9, "reset_count": 9, "restart_count": 0, "safe": True})
        identities.set_cordoned(connection, "node1", True, 150.0)
    enrol(store, "node1", EK2, replace=True)
    with store.transaction() as connection:
        known = identities.find(connection, "node1")
    assert known is not None
    assert (known.last, known.reset_count, known.cordoned) == (None, 0, True)


def test_an_ek_is_free_again_once_its_node_is_forgotten(store: Store) -> None:
    enrol(store, "node1", EK1)
    with store.transaction() as connection:
        assert identities.forget(connection, "node1", 200.0) is True
        assert identities.forget(connection, "node1", 200.0) is False
        assert identities.find(connection, "node1") is None
    enrol(store, "node2", EK1)


def test_the_clock_of_the_last_quote_is_kept(store: Store) -> None:
    enrol(store, "node1", EK1)
    quoted = {"clock": 5_000_000_000, "reset_count": 4_000_000_000, "restart_count": 2, "safe": False}
    with store.transaction() as connection:
        identities.set_last(connection, "node1", quoted)
        identities.set_last(connection, "node9", quoted)
    assert last(store) == quoted
    assert last(store, "node9") is None


@given(st.permutations([(1, 10), (1, 25), (2, 30), (3, 28)]))
@examples(10, suppressed=[HealthCheck.function_scoped_fixture])
def test_of_rounds_that_end_out_of_order_the_latest_quote_stays(store: Store, order: list[tuple[int, int]]) -> None:
    enrol(store, "node1", EK1)
    for resets, clock in order:
        with store.transaction() as connection:
            identities.set_last(connection, "node1", {"reset_count": resets, "clock": clock})
    assert last(store) == {"reset_count": 3, "clock": 28}


def test_cordoning_says_whether_it_changed_anything(store: Store) -> None:
    enrol(store, "node1", EK1)
    changes = []
    for cordoned in (True, True, False, False):
        with store.transaction() as connection:
            changes.append(identities.set_cordoned(connection, "node1", cordoned, 300.0))
    assert changes == [True, False, True, False]
    with store.transaction() as connection:
        assert ledger.verify(connection) == 3


def test_a_node_that_is_not_enrolled_cannot_be_cordoned(store: Store) -> None:
    with store.transaction() as connection, pytest.raises(StoreError) as caught:
        identities.set_cordoned(connection, "node1", True, 1.0)
    assert str(caught.value) == "node node1: is not enrolled. Next: run palantir.trust.enrol for it first."
