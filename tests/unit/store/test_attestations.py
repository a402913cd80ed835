# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import zlib
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from sqlalchemy import func, select, update

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import EvidenceError, StoreError
from ansible_collections.palantir.trust.plugins.plugin_utils.store import attestations, ledger, schema
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store
from tests.unit.support.examples import examples

EAR = {"ear_status": "affirming", "submods": {"os": {"ear_status": "affirming", "palantir.findings": []}}}
EVIDENCE: dict[str, Any] = {"format": 1, "quote": {"attest": "/1RDRw=="}, "facts": {"kernel": "é\ud800\0", "n": 1.5}}
DAMAGED = "does not have its recorded digest. Next: restore the store from a backup."


def keep(store: Store, raw: Any = EVIDENCE, node: str = "node1") -> int:
    with store.transaction() as connection:
        return attestations.keep_evidence(connection, node, 100.0, attestations.pack_evidence(raw))


def load(store: Store, key: int) -> dict[str, Any]:
    with store.transaction() as connection:
        return attestations.load_evidence(connection, key)


def record(store: Store, node: str, at: float, state: str = "attested", **values: Any) -> int:
    if state == "attested":
        values.setdefault("ear", EAR)
    with store.transaction() as connection:
        return attestations.record(connection, node, at, state, **values)


def test_evidence_is_returned_as_it_was_kept(store: Store) -> None:
    first, second = keep(store), keep(store, {"format": 1, "event_log": None})
    assert load(store, first) == EVIDENCE
    assert load(store, second) == {"format": 1, "event_log": None}


def test_evidence_that_is_not_there_is_named(store: Store) -> None:
    with pytest.raises(StoreError, match=r"^evidence 9: is not in the store\.$"):
        load(store, 9)


@pytest.mark.parametrize(
    "stored",
    [b"", b"not zlib", zlib.compress(b'{"format":2}'), zlib.compress(b'{"format":1}')[:-3], zlib.compress(b"x" * 9)],
)
def test_evidence_that_was_altered_is_refused(store: Store, stored: bytes) -> None:
    key = keep(store, {"format": 1})
    with store.transaction() as connection:
        connection.execute(update(schema.evidence).values(zlib=stored))
    with pytest.raises(StoreError) as caught:
        load(store, key)
    assert str(caught.value) == f"evidence {key}: {DAMAGED}"


def test_evidence_that_would_fill_the_memory_is_refused(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    key = keep(store, {"log": "0" * 2000})
    monkeypatch.setattr(attestations, "EVIDENCE_LIMIT", 1000)
    with pytest.raises(StoreError) as caught:
        load(store, key)
    assert str(caught.value) == f"evidence {key}: {DAMAGED}"
    with pytest.raises(EvidenceError, match=r"^evidence: is 2010 bytes, over the limit of 1000\.$"):
        keep(store, {"log": "0" * 2000})


@pytest.mark.parametrize("raw", [{"clock": float("nan")}, {"clock": float("inf")}, {"log": b"bytes"}, {"a": {1}}])
def test_evidence_that_is_not_json_is_refused(store: Store, raw: Any) -> None:
    with pytest.raises(EvidenceError, match=r"^evidence: is not plain JSON data: "):
        keep(store, raw)


def test_the_digest_of_kept_evidence_stands_in_the_ledger(store: Store) -> None:
    key = keep(store)
    with store.transaction() as connection:
        digest = connection.execute(select(schema.evidence.c.sha256)).scalar_one()
        entry = connection.execute(select(schema.ledger)).one()
        assert ledger.verify(connection) == 1
    assert (entry.kind, entry.subject, entry.body) == ("evidence", "node1", f'{{"id":{key},"sha256":"{digest}"}}')


@given(
    st.dictionaries(st.text(max_size=5), st.text() | st.integers() | st.booleans() | st.none() | st.lists(st.text()))
)
@examples(25, suppressed=[HealthCheck.function_scoped_fixture])
def test_any_evidence_is_returned_as_it_was_kept(store: Store, raw: dict[str, Any]) -> None:
    assert load(store, keep(store, raw)) == raw


def test_results_are_kept_with_what_they_rest_on(store: Store) -> None:
    evidence = keep(store)
    key = record(store, "node1", 200.0, ear=EAR, jwt="e30.e30.AA", evidence_id=evidence)
    with store.transaction() as connection:
        assert attestations.history(connection, 0.0) == [
            attestations.Attestation(key, "node1", 200.0, "attested", "", EAR, "e30.e30.AA", evidence, 200.0)
        ]
        assert ledger.verify(connection) == 2


def test_a_result_without_a_verdict_has_no_ear(store: Store) -> None:
    record(store, "node1", 200.0, "unreachable", message="node1: no route to host")
    with store.transaction() as connection:
        (kept,) = attestations.history(connection, 0.0)
        assert connection.execute(select(func.count()).where(schema.attestations.c.ear.is_(None))).scalar() == 1
    assert (kept.state, kept.message, kept.ear, kept.jwt, kept.evidence) == (
        "unreachable",
        "node1: no route to host",
        None,
        None,
        None,
    )


@pytest.mark.parametrize(
    ("state", "ear", "message"),
    [
        ("attested", None, "state attested without an EAR."),
        ("attested", {}, "state attested without an EAR."),
        ("unreachable", EAR, "state unreachable with an EAR."),
        ("affirming", EAR, "state affirming with an EAR."),
        ("", None, "state  without an EAR."),
    ],
)
def test_a_state_that_contradicts_its_ear_is_refused(store: Store, state: str, ear: Any, message: str) -> None:
    with pytest.raises(StoreError) as caught:
        record(store, "node1", 1.0, state, ear=ear)
    assert str(caught.value) == f"attestation of node1: {message}"


def test_a_hostile_message_is_kept_as_one_bounded_line(store: Store) -> None:
    record(store, "node1", 1.0, "no_evidence", message="bad\x1b[2J\n\0\ud800\u202e" + "A" * 10000)
    with store.transaction() as connection:
        (kept,) = attestations.history(connection, 0.0)
    assert kept.message.startswith(r"bad\x1b[2J\n\x00\ud800\u202eAAA")
    assert kept.message.isprintable()
    assert len(kept.message) < 4100


def test_evidence_that_is_not_there_cannot_be_rested_on(store: Store) -> None:
    with pytest.raises(StoreError, match=r"^store .*(FOREIGN KEY|foreign key)"):
        record(store, "node1", 1.0, "no_evidence", evidence_id=77)


def test_the_latest_result_of_each_node_since_a_time(store: Store) -> None:
    record(store, "node1", 100.0)
    old = record(store, "node2", 100.0)
    new = record(store, "node1", 200.0, "unreachable")
    record(store, "node3", 300.0)
    with store.transaction() as connection:
        latest = attestations.latest(connection, ["node1", "node2", "node4"], 100.0)
        assert {node: result.id for node, result in latest.items()} == {"node1": new, "node2": old}
        assert list(attestations.latest(connection, ["node1", "node2"], 150.0)) == ["node1"]
        assert attestations.latest(connection, [], 0.0) == {}
        assert attestations.latest(connection, ["node1"], 201.0) == {}


def test_of_two_results_at_the_same_time_the_later_one_counts(store: Store) -> None:
    record(store, "node1", 100.0)
    last = record(store, "node1", 100.0, "no_evidence")
    with store.transaction() as connection:
        assert attestations.latest(connection, ["node1"], 100.0)["node1"].id == last


def test_the_history_is_in_order(store: Store) -> None:
    keys = [record(store, node, at) for node, at in (("node2", 10.0), ("node1", 20.0), ("node3", 30.0))]
    with store.transaction() as connection:
        assert [result.id for result in attestations.history(connection, 0.0)] == keys
        assert [result.id for result in attestations.history(connection, 20.0)] == keys[1:]
