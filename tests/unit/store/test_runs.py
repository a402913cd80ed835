# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Results that say the same again: kept in few bytes, and nothing that an auditor asks for is lost."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.ear import PROFILE, sign_ear, verify_ear
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import StoreError
from ansible_collections.palantir.trust.plugins.plugin_utils.store import attestations, equality, ledger, runs, schema
from ansible_collections.palantir.trust.plugins.plugin_utils.store.attestations import Outcome
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store
from tests.unit.support.examples import examples

KEY = ec.generate_private_key(ec.SECP256R1())
PRIVATE = KEY.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
PUBLIC = KEY.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def ear(at: int, *, tier: str = "affirming", entries: int = 192, first: int = 192, boot: str = "b1") -> dict[str, Any]:
    """An EAR as a round at a time gives it."""
    finding = {"code": "x", "tier": tier, "message": f"é {tier}", "index": 3}
    return {
        "eat_profile": PROFILE,
        "iat": at,
        "ear_status": tier,
        "submods": {"os": {"ear_status": tier, "palantir.findings": [finding] if tier != "affirming" else []}},
        "palantir.node": "node1",
        "palantir.boot": {"boot_id": boot, "clock": at * 1000, "ima_entries": entries, "ima_first_entry": first},
        "eat_nonce": f"nonce-{at}",
        "palantir.challenged_at": at - 1,
    }


def attest(store: Store, at: int, *, node: str = "node1", **changed: Any) -> attestations.Recorded:
    """Keep a round's evidence and result."""
    claims = ear(at, **changed)
    with store.transaction() as connection:
        key = attestations.keep_evidence(connection, node, at, attestations.pack_evidence({"round": at}), noted=False)
        outcome = Outcome(node, at, "attested", ear=claims, jwt=sign_ear(claims, PRIVATE), evidence=key)
        (recorded,) = attestations.record_all(connection, [outcome])
    return recorded


def latest(store: Store, node: str = "node1") -> attestations.Attestation:
    with store.transaction() as connection:
        return attestations.latest(connection, [node], 0.0)[node]


def rows(store: Store, table: Any) -> int:
    with store.transaction() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def bodies(store: Store) -> list[Any]:
    with store.transaction() as connection:
        ledger.verify(connection)
        return [json.loads(b) for b in connection.execute(select(schema.ledger.c.body).order_by("sequence")).scalars()]


def test_equal_rounds_are_one_row_whose_last_is_as_if_it_had_been_kept_whole(store: Store) -> None:
    assert attest(store, 100, first=0) == (1, True)
    for at in (160, 220, 340, 400):
        assert attest(store, at) == (1, False)
    kept = latest(store)
    assert (kept.id, kept.at, kept.began_at, kept.rounds, kept.longest_gap) == (1, 400.0, 100.0, 5, 120.0)
    assert kept.ear == ear(400)
    assert kept.jwt is not None
    assert verify_ear(kept.jwt, PUBLIC) == ear(400)
    with store.transaction() as connection:
        assert attestations.load_evidence(connection, kept.evidence or 0) == {"round": 400}
        first = connection.execute(select(schema.attestations)).one()
        assert attestations.load_evidence(connection, first.evidence) == {"round": 100}
    assert verify_ear(first.jwt, PUBLIC) == first.ear == ear(100, first=0)
    assert (rows(store, schema.evidence), rows(store, schema.ledger)) == (2, 1)


@pytest.mark.parametrize(
    "changed",
    [{"tier": "warning"}, {"entries": 193, "first": 192}, {"boot": "b2"}],
    ids=["verdict", "new entries", "boot"],
)
def test_a_round_that_says_something_else_is_kept_whole_and_ends_the_run(store: Store, changed: Any) -> None:
    for at in (100, 160, 220):
        attest(store, at)
    assert attest(store, 280, **changed) == (2, True)
    assert attest(store, 340) == (3, True)
    with store.transaction() as connection:
        assert [(r.id, r.at, r.rounds) for r in attestations.history(connection, 0)] == [
            (1, 220.0, 3),
            (2, 280.0, 1),
            (3, 340.0, 1),
        ]


def test_the_ledger_has_what_a_run_came_to_so_that_its_last_jwt_can_be_had_from_it_alone(store: Store) -> None:
    for at in (100, 160, 220):
        attest(store, at)
    attest(store, 280, tier="contraindicated")
    attest(store, 340)
    first, second, third = bodies(store)
    ended = second["before"]
    assert {key: ended[key] for key in ("id", "rounds", "last_at", "longest_gap")} == {
        "id": 1,
        "rounds": 3,
        "last_at": 220.0,
        "longest_gap": 60.0,
    }
    last = equality.with_claims(first["ear"], ended["claims"])
    assert last == ear(220)
    with store.transaction() as connection:
        digests = dict(connection.execute(select(schema.evidence.c.id, schema.evidence.c.sha256)).all())
        kept = attestations.history(connection, 0)[0]
    assert kept.jwt is not None
    assert ended["signature"] == kept.jwt.rpartition(".")[2]
    assert ended["evidence_sha256"] == digests[ended["evidence"]]
    assert first["evidence_sha256"] == digests[first["evidence"]]
    assert "before" not in third, "the run before had one result, which is in the ledger whole"


def test_a_run_ends_after_a_day(store: Store) -> None:
    attest(store, 100)
    assert attest(store, 100 + int(runs.LONGEST) - 1) == (1, False)
    assert attest(store, 100 + int(runs.LONGEST)) == (2, True)


def test_a_round_that_ended_before_the_newest_is_kept_whole(store: Store) -> None:
    attest(store, 100)
    attest(store, 160)
    assert attest(store, 130) == (2, True)


def test_nodes_that_stay_away_are_one_row_and_their_last_verdict_stays(store: Store) -> None:
    attest(store, 100)
    with store.transaction() as connection:
        for at in (160.0, 220.0, 280.0):
            assert attestations.record(connection, "node1", at, "unreachable", "no route") == 2
        assert attestations.record(connection, "node1", 340.0, "unreachable", "no answer") == 3
        assert [(r.state, r.at, r.rounds) for r in attestations.history(connection, 0)] == [
            ("attested", 100.0, 1),
            ("unreachable", 280.0, 3),
            ("unreachable", 340.0, 1),
        ]
        assert attestations.latest(connection, ["node1"], 281.0)["node1"].message == "no answer"


def test_a_jwt_that_is_not_of_the_ear_is_never_taken_for_another(store: Store) -> None:
    with store.transaction() as connection:
        keys = [
            attestations.record(connection, "node1", at, "attested", "", ear(100), token)
            for at, token in ((100.0, "e30.e30.AA"), (160.0, "e30.e30.AA"), (220.0, None), (280.0, None))
        ]
        assert keys == [1, 2, 3, 3]
        assert [r.jwt for r in attestations.history(connection, 0)] == ["e30.e30.AA", "e30.e30.AA", None]


def test_many_nodes_are_recorded_at_once_in_order(store: Store) -> None:
    def outcomes(at: int, worse: str = "") -> list[Outcome]:
        names = [f"node{number}" for number in range(40)]
        return [Outcome(n, at, "attested", ear=ear(at, tier="warning" if n == worse else "affirming")) for n in names]

    with store.transaction() as connection:
        assert [r.first for r in attestations.record_all(connection, outcomes(100))] == [True] * 40
        found = attestations.record_all(connection, outcomes(160, "node7") + outcomes(220))
        assert [at for at, recorded in enumerate(found) if recorded.first] == [7, 47]
        newest = attestations.latest(connection, [f"node{number}" for number in range(40)], 0)
        assert {result.at for result in newest.values()} == {220.0}
        assert {name: result.rounds for name, result in newest.items() if result.rounds != 3} == {"node7": 1}
        assert attestations.record_all(connection, []) == []


def test_nothing_of_many_is_kept_where_one_is_refused(store: Store) -> None:
    with pytest.raises(StoreError, match="state attested without an EAR"), store.transaction() as connection:
        attestations.record_all(connection, [Outcome("node1", 1.0, "unreachable"), Outcome("node2", 1.0, "attested")])
    assert rows(store, schema.attestations) == 0


def changes(store: Store) -> dict[str, tuple[str, int]]:
    with store.transaction() as connection:
        return {r.layer: (r.value, r.attestation) for r in connection.execute(select(schema.changes))}


def test_of_each_verdict_the_result_that_changed_it_last_is_known(store: Store) -> None:
    attest(store, 100)
    attest(store, 160, entries=193)
    assert changes(store) == {"": ("attested", 1), "os": ("affirming", 1)}
    attest(store, 220, tier="warning")
    with store.transaction() as connection:
        attestations.record(connection, "node1", 280.0, "unreachable")
    assert changes(store) == {"": ("unreachable", 4), "os": ("warning", 3)}
    with store.transaction() as connection:
        attestations.record(
            connection, "node1", 340.0, "attested", ear={"submods": {"hardware": {"ear_status": "none"}}}
        )
    assert changes(store) == {"": ("attested", 5), "os": ("absent", 5), "hardware": ("none", 5)}


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


@given(first=st.dictionaries(st.text(max_size=6), PLAIN, max_size=4), at=st.integers(0, 1 << 40))
@examples(30)
def test_whatever_an_ear_holds_its_equal_is_had_from_it_by_a_few_claims(first: dict[str, Any], at: int) -> None:
    one, two = ear(1) | {"extra": first}, ear(at) | {"extra": first}
    tokens = [sign_ear(claims, PRIVATE) for claims in (one, two)]
    kept = [equality.kept("attested", "", claims, token) for claims, token in zip((one, two), tokens, strict=True)]
    assert kept[0].essence == kept[1].essence != ""
    read = json.loads(json.dumps(one))  # as a database gives it back
    merged = equality.with_claims(read, kept[1].claims)
    assert merged == json.loads(json.dumps(two))
    assert equality.jwt_of(tokens[0], merged, kept[1].signature) == tokens[1]
