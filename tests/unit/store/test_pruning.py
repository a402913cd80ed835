# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A site that goes on for months, and what is left of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection, func, select, update

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import StoreError
from ansible_collections.palantir.trust.plugins.plugin_utils.store import (
    approvals,
    attempts,
    attestations,
    challenges,
    incidents,
    ledger,
    list_parts,
    pruning,
    schema,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store
from ansible_collections.palantir.trust.plugins.plugin_utils.store.list_parts import ListPart
from ansible_collections.palantir.trust.plugins.plugin_utils.store.retention import DAY, Retention

NOW = 1000 * DAY
SHORT = Retention(evidence=10 * DAY, attestations=20 * DAY, incidents=40 * DAY, ledger=None)


def result(connection: Connection, day: float, tier: str = "affirming", *, node: str = "n1", base: int = 0) -> int:
    """Keep a result of a day with its evidence; with a part of a list that continues another's where asked for."""
    at = day * DAY
    key = attestations.keep_evidence(connection, node, at, attestations.pack_evidence({"day": day}), noted=False)
    ear = {"submods": {"os": {"ear_status": tier}}, "palantir.boot": {"ima_entries": day}}
    number = attestations.record(connection, node, at, "attested", ear=ear, evidence_id=key)
    if base >= 0:
        list_parts.note(connection, ListPart(number, base or None, 0, 1))
    return number


def boot(connection: Connection, attestation: int, node: str = "n1") -> None:
    row = {"node": node, "reset_count": 1, "entries": 1, "clock": 1, "attestation": attestation, "state": b""}
    connection.execute(schema.boots.insert().values(**row))


def prune(store: Store, retention: Retention = SHORT, now: float = NOW) -> dict[str, int]:
    removed = pruning.prune(store, retention, now, 60.0, lambda _seconds: None)
    return {kind: count for kind, count in removed.items() if count}


def kept(store: Store) -> tuple[list[int], list[int]]:
    """Return the results that are left, and those of them with evidence."""
    with store.transaction() as connection:
        rows = connection.execute(select(schema.attestations.c.id, schema.attestations.c.evidence).order_by("id")).all()
        ledger.verify(connection)
    return [row.id for row in rows], [row.id for row in rows if row.evidence]


def write(store: Store, body: Callable[[Connection], Any]) -> Any:
    with store.transaction() as connection:
        return body(connection)


def test_evidence_goes_first_and_results_later_but_never_the_newest(store: Store) -> None:
    def days(connection: Connection) -> None:
        for day in (970, 985, 995):
            result(connection, day, str(day))

    write(store, days)
    assert prune(store) == {"evidence": 1}
    assert kept(store) == ([1, 2, 3], [1, 3])
    assert prune(store) == {}
    assert prune(store, now=NOW + 1000 * DAY) == {"attestations": 1}
    assert kept(store) == ([1, 3], [1, 3]), "with the first, the node's state changed last"


def test_the_last_change_of_each_verdict_stays_and_so_does_the_newest_ear(store: Store) -> None:
    def days(connection: Connection) -> None:
        result(connection, 100, "warning")
        result(connection, 200, "affirming")  # changed last here
        result(connection, 300, "affirming")
        result(connection, 400, "affirming")  # the newest EAR
        attestations.record(connection, "n1", 500 * DAY, "unreachable", "off")  # the state changed here
        attestations.record(connection, "n1", 600 * DAY, "unreachable", "on fire")

    write(store, days)
    assert prune(store) == {"evidence": 2, "attestations": 2}
    assert kept(store) == ([2, 4, 5, 6], [2, 4])


def test_the_list_of_the_present_boot_stays_whole_and_one_of_an_earlier_boot_goes_whole(store: Store) -> None:
    def days(connection: Connection) -> None:
        first = result(connection, 100, "a")
        second = result(connection, 200, "b", base=first)
        begun = result(connection, 300, "c")
        result(connection, 400, "d", base=begun)
        boot(connection, result(connection, 995, "e", base=begun))
        assert second == 2

    write(store, days)
    assert prune(store) == {"evidence": 1, "attestations": 1}
    assert kept(store) == ([1, 3, 4, 5], [1, 3, 4, 5])
    with store.transaction() as connection:
        assert connection.execute(select(schema.list_parts.c.root)).scalars().all() == [1, 3, 3, 3]
        assert list_parts.find(connection, 5) == ListPart(5, 3, 0, 1)


def test_a_list_stays_whole_as_long_as_its_last_part_is_young(store: Store) -> None:
    def days(connection: Connection) -> None:
        first = result(connection, 100, "a")
        result(connection, 995, "b", base=first)
        result(connection, 996, "c")

    write(store, days)
    assert prune(store) == {}
    assert kept(store) == ([1, 2, 3], [1, 2, 3])


def test_a_result_that_is_kept_for_its_change_keeps_its_own_evidence_and_not_its_whole_list(store: Store) -> None:
    def days(connection: Connection) -> None:
        first = result(connection, 100, "a")
        second = result(connection, 200, "b", base=first)
        result(connection, 300, "b", base=second)
        boot(connection, result(connection, 400, "b"))
        attestations.record(connection, "n1", 401 * DAY, "unreachable")

    write(store, days)
    assert prune(store) == {"evidence": 2, "attestations": 1}
    assert kept(store) == ([1, 2, 4, 5], [2, 4]), "the first is what the second continues"
    with (
        store.transaction() as connection,
        pytest.raises(
            StoreError, match=r"^list of attestation 1: is not in the store any more\. Next: see palantir_trust_ret"
        ),
    ):
        list_parts.whole_evidence(connection, 2)


def test_everything_of_an_open_incident_stays(store: Store) -> None:
    def days(connection: Connection) -> int:
        for day, tier in ((100, "a"), (110, "b"), (120, "c"), (130, "d")):
            for node in ("n1", "n2", "n3"):
                result(connection, day, tier, node=node, base=-1)
        number = incidents.open_incident(connection, "n1", "sc:dns-1", "x", 110 * DAY).id
        step = {"verb": "move", "rule": "r", "incident": {"node": "n2"}}
        attempts.begin(connection, number, 1, step, ["sha256:1"], 111 * DAY)
        return number

    number = write(store, days)
    assert prune(store) == {"evidence": 2, "attestations": 2}
    # n3 has no incident; n2 was tried in the incident of n1.
    assert kept(store) == ([1, 2, 3, 4, 5, 7, 8, 10, 11, 12], [1, 2, 3, 4, 5, 7, 8, 10, 11, 12])
    write(store, lambda connection: incidents.recovered(connection, number, 140 * DAY))
    assert prune(store) == {"evidence": 4, "attestations": 4}
    assert kept(store)[0] == [1, 2, 3, 10, 11, 12]


def test_an_incident_that_is_over_goes_with_all_that_hangs_on_it(store: Store) -> None:
    def days(connection: Connection) -> None:
        for day in (100, 200, 950, 995):
            number = incidents.open_incident(connection, "n1", f"sc:{day}", "x", day * DAY).id
            attempts.begin(connection, number, 1, {"verb": "move", "incident": {"node": "n1"}}, [], day * DAY)
            asked = {"rule": "r", "verb": "move", "need": 1, "of": ["ada"]}
            connection.execute(
                schema.approvals.insert().values(incident=number, attempt=1, asked_at=day * DAY, **asked)
            )
            approval = approvals.of_incidents(connection, [number])[0]
            answer = {"approval": approval.id, "person": "ada", "approve": True, "reason": "", "at": day * DAY}
            connection.execute(schema.answers.insert().values(**answer))
            if day != 200:
                incidents.recovered(connection, number, day * DAY)

    write(store, days)
    assert prune(store) == {"incidents": 2}
    with store.transaction() as connection:
        for table, column in ((schema.incidents, "id"), (schema.attempts, "incident"), (schema.approvals, "incident")):
            assert sorted(connection.execute(select(table.c[column])).scalars()) == [2, 4]
        assert connection.execute(select(func.count()).select_from(schema.answers)).scalar() == 2


def test_evidence_that_no_result_rests_on_goes_too(store: Store) -> None:
    def days(connection: Connection) -> None:
        attestations.keep_evidence(connection, "n1", 100 * DAY, attestations.pack_evidence({"left": 1}))
        attestations.keep_evidence(connection, "n1", 995 * DAY, attestations.pack_evidence({"left": 2}))
        result(connection, 100)
        attestations.keep_evidence(
            connection, "n1", 100 * DAY, attestations.pack_evidence({"newest": "its number is not given again"})
        )

    write(store, days)
    assert prune(store) == {"evidence": 1}
    with store.transaction() as connection:
        assert connection.execute(select(schema.evidence.c.id).order_by("id")).scalars().all() == [2, 3, 4]


def test_challenges_go_an_hour_after_they_expired(store: Store) -> None:
    write(store, lambda connection: challenges.issue_all(connection, ["n1", "n2"], NOW - 3901))
    fresh = write(store, lambda connection: challenges.issue(connection, "n1", NOW - 3800))
    assert prune(store) == {"challenges": 2}
    assert (
        write(store, lambda connection: connection.execute(select(schema.challenges.c.nonce)).scalar()) == fresh.hex()
    )


def test_what_was_pruned_stands_in_the_ledger(store: Store) -> None:
    write(store, lambda connection: [result(connection, day, str(day)) for day in (100, 200, 300)])
    prune(store)
    with store.transaction() as connection:
        assert ledger.newest(connection, "action", "store") == (NOW, {"pruned": {"evidence": 1, "attestations": 1}})


def test_without_time_nothing_is_begun(store: Store) -> None:
    write(store, lambda connection: [result(connection, day, str(day)) for day in (100, 200, 300)])
    assert not any(pruning.prune(store, SHORT, NOW, 0.0).values())


def test_a_prune_that_is_broken_off_is_gone_on_with(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruning, "BATCH", 10)
    write(store, lambda connection: [result(connection, day, str(day)) for day in range(100, 155)])

    def broken(_seconds: float) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        pruning.prune(store, SHORT, NOW, 60.0, broken)
    assert prune(store) == {"evidence": 44, "attestations": 53}
    assert kept(store) == ([1, 55], [1, 55])


@pytest.mark.slow
def test_no_writer_waits_long(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruning, "BATCH", 20)
    write(store, lambda connection: [result(connection, day, str(day)) for day in range(100, 300)])
    thread = threading.Thread(target=lambda: pruning.prune(store, SHORT, NOW, 60.0))
    thread.start()
    turns = 0
    while thread.is_alive():
        write(store, lambda connection: attestations.record(connection, "n9", time.time(), "unreachable"))
        turns += 1
    thread.join()
    assert turns > 5
    assert kept(store)[0][-1] == 201


def entries(store: Store, *days: float) -> None:
    with store.transaction() as connection:
        for day in days:
            ledger.append(connection, day * DAY, "action", "n1", {"day": day})


CUT = Retention(None, None, None, None, ledger=40 * DAY)


def verify(store: Store) -> int:
    with store.transaction() as connection:
        return ledger.verify(connection)


def test_a_ledger_whose_beginning_was_removed_is_still_a_chain(store: Store) -> None:
    entries(store, 100, 200, 300, 970, 980)
    assert prune(store, CUT) == {"ledger": 3}
    assert verify(store) == 4  # what is left, the checkpoint, and that something was pruned
    with store.transaction() as connection:
        sequence, digest = ledger.base(connection)
        _at, body = ledger.newest(connection, "checkpoint", "ledger") or (0, None)
        assert body == {"sequence": 3, "digest": digest, "removed": 3}
        assert ledger.digest_of(connection, 3) == digest
        assert ledger.digest_of(connection, 2) is None
        assert sequence == 3
    entries(store, 990)
    assert verify(store) == 5
    assert prune(store, CUT, NOW + 35 * DAY) == {"ledger": 2}
    assert verify(store) == 5


def test_nothing_of_the_ledger_goes_that_a_decision_reads(store: Store) -> None:
    entries(store, 100, 150)
    with store.transaction() as connection:
        ledger.append(connection, 200 * DAY, "decision", "plan", {})
    entries(store, 300)
    assert prune(store, CUT) == {"ledger": 2}
    other = write(store, lambda connection: incidents.open_incident(connection, "n1", "os", "x", 120 * DAY)).id
    entries(store, 400)
    with store.transaction() as connection:
        ledger.append(connection, 995 * DAY, "decision", "plan", {})
    assert prune(store, CUT) == {}
    write(store, lambda connection: incidents.recovered(connection, other, 996 * DAY))
    assert prune(store, CUT)["ledger"] >= 2
    assert verify(store)


@pytest.mark.parametrize(
    ("base", "message"),
    [
        ("4 " + "0" * 64, "ledger entry 4: is missing, or does not follow"),
        ("3 " + "0" * 64, "ledger entry 4: is missing, or does not follow"),
        ("three", "ledger: its base is not one."),
    ],
)
def test_a_base_that_is_not_the_chain_s_is_noticed(store: Store, base: str, message: str) -> None:
    entries(store, 100, 200, 300, 970)
    prune(store, CUT)
    key = schema.meta.c.key == "ledger_base"
    write(store, lambda connection: connection.execute(update(schema.meta).where(key).values(value=base)))
    with pytest.raises(StoreError) as caught:
        verify(store)
    assert message.replace("entry 4", "entry 5" if base[0] == "4" else "entry 4") in str(caught.value)


def test_entries_that_somebody_else_removed_are_noticed(store: Store) -> None:
    entries(store, 100, 200, 300)
    with store.transaction() as connection:
        second = ledger.digest_of(connection, 2)
        connection.exec_driver_sql("DELETE FROM ledger WHERE sequence <= 2")
        connection.execute(schema.meta.insert().values(key="ledger_base", value=f"2 {second}"))
    with pytest.raises(StoreError, match=r"nobody noted that its entries up to 2 were removed\."):
        verify(store)
