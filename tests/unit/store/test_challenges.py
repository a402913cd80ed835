# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from sqlalchemy import func, select

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import ChallengeError
from ansible_collections.palantir.trust.plugins.plugin_utils.store import challenges, schema
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store
from tests.unit.support.examples import examples

NOW = 1795400000.0
REPLAY = "node1: the challenge was answered before: this is a replay. Next: attest again."
FOREIGN = "the challenge was not issued to this node. Next: attest again."


def issue(store: Store, node: str = "node1", now: float = NOW) -> bytes:
    with store.transaction() as connection:
        return challenges.issue(connection, node, now)


def redeem(store: Store, node: str, nonce: bytes, now: float) -> str:
    try:
        with store.transaction() as connection:
            challenges.redeem(connection, node, nonce, now)
    except ChallengeError as error:
        return str(error)
    return "accepted"


def test_field_row_2_a_challenge_is_32_random_bytes(store: Store) -> None:
    nonces = {issue(store) for _ in range(20)}
    assert len(nonces) == 20
    assert {len(nonce) for nonce in nonces} == {32}


def test_field_row_2_a_challenge_is_answered_once(store: Store) -> None:
    nonce = issue(store)
    assert redeem(store, "node1", nonce, NOW + 2) == "accepted"
    assert redeem(store, "node1", nonce, NOW + 3) == REPLAY
    assert redeem(store, "node1", nonce, NOW + 4) == REPLAY


def test_field_row_2_a_challenge_counts_for_its_own_node_and_is_not_spent_by_another(store: Store) -> None:
    nonce = issue(store)
    assert redeem(store, "node2", nonce, NOW + 1) == f"node2: {FOREIGN}"
    assert redeem(store, "node1", nonce, NOW + 1) == "accepted"


@pytest.mark.parametrize("nonce", [b"", b"\0" * 32, b"short", b"\xff" * 4096])
def test_a_nonce_that_was_never_issued_is_refused(store: Store, nonce: bytes) -> None:
    issue(store)
    assert redeem(store, "node1", nonce, NOW) == f"node1: {FOREIGN}"


def test_field_row_2_a_challenge_expires(store: Store) -> None:
    first, second = issue(store), issue(store)
    assert redeem(store, "node1", first, NOW + 300) == "accepted"
    assert redeem(store, "node1", second, NOW + 342) == (
        "node1: the challenge expired 42 s ago. Next: attest again; if it stays so, check the node's load and link."
    )


def test_a_refused_answer_does_not_revive_an_expired_challenge(store: Store) -> None:
    nonce = issue(store)
    redeem(store, "node1", nonce, NOW + 342)
    assert "expired" in redeem(store, "node1", nonce, NOW + 343)


def test_challenges_long_expired_are_dropped_and_stay_refused(store: Store) -> None:
    old = issue(store)
    new = issue(store, now=NOW + 86400 + 301)
    with store.transaction() as connection:
        assert connection.execute(select(func.count()).select_from(schema.challenges)).scalar() == 1
    assert redeem(store, "node1", old, NOW) == f"node1: {FOREIGN}"
    assert redeem(store, "node1", new, NOW + 86400 + 302) == "accepted"


def test_what_is_rolled_back_is_not_spent(store: Store) -> None:
    nonce = issue(store)

    def fail_afterwards() -> None:
        with store.transaction() as connection:
            challenges.redeem(connection, "node1", nonce, NOW)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_afterwards()
    assert redeem(store, "node1", nonce, NOW) == "accepted"


@given(
    answers=st.lists(st.tuples(st.sampled_from(["node1", "node2"]), st.floats(0, 700)), min_size=1, max_size=8),
)
@examples(25, suppressed=[HealthCheck.function_scoped_fixture])
def test_field_row_2_of_any_answers_at_most_one_is_accepted(store: Store, answers: list[tuple[str, float]]) -> None:
    nonce = issue(store)
    outcomes = [redeem(store, node, nonce, NOW + after) for node, after in answers]
    good = [node == "node1" and after <= 300 for node, after in answers]
    assert outcomes.count("accepted") == min(1, sum(good))
    if any(good):
        assert outcomes.index("accepted") == good.index(True)
