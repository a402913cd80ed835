# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rounds that follow one another, through the store: what is asked for, what is kept, what can be verified later."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import func, select, update

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.appraise import appraise
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.progress import PACKED_LIMIT, Progress
from ansible_collections.palantir.trust.plugins.plugin_utils.challenge.round import Challenge, Result
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import PartError, StoreError
from ansible_collections.palantir.trust.plugins.plugin_utils.store import boots, identities, list_parts, schema
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store
from tests.unit.appraisal import scene
from tests.unit.appraisal.scene import HOST, Guest, found
from tests.unit.challenge.rounds import NOW, answer, challenge, finish, references


@pytest.fixture
def node(store: Store, monkeypatch: pytest.MonkeyPatch) -> Node:
    return Node(store, monkeypatch)


class Node:
    """A node that is attested, with what its rounds ended in."""

    def __init__(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        self.store, self._monkeypatch, self.guest = store, monkeypatch, Guest()
        self.asked: list[Challenge] = []
        self.evidence: list[dict[str, Any]] = []

    def round(self, *, whole: bool = False, **changed: Any) -> Result:
        """Attest as the action does, but for the second question; `changed` is what the node lies about."""
        asked = challenge(self.store, whole=whole)
        self.guest.clock += 1
        self.asked.append(asked)
        self.evidence.append(answer(asked, self._monkeypatch, self.guest) | changed)
        return finish(self.store, asked, self.evidence[-1])

    def attested(self, **options: Any) -> dict[str, Any]:
        result = self.round(**options)
        assert result.ear is not None, result.message
        return dict(result.ear)

    @property
    def offset(self) -> int:
        return int(self.evidence[-1]["ima_log"]["offset"])

    def past(self) -> Progress | None:
        with self.store.transaction() as connection:
            known = boots.load(connection, "node1")
        return None if known is None else Progress.unpack(known.packed)

    def put(self, past: Progress) -> None:
        """Put a state in the place of the stored one."""
        packed = past.pack()
        with self.store.transaction() as connection:
            connection.execute(update(schema.boots).values(state=packed))


def test_the_second_round_of_a_boot_asks_for_what_is_new(node: Node) -> None:
    first = node.attested()
    size = len(node.guest.kernel.binary)
    node.guest.ran("/usr/bin/implant", b"evil")
    second = node.attested()
    assert [asked.since for asked in node.asked] == [None, {"boot_id": "boot-1", "offset": size}]
    part = base64.b64decode(node.evidence[1]["ima_log"]["data"])
    assert part == node.guest.kernel.binary[size:]
    assert node.evidence[1]["event_log"] is None
    assert found(first) == []
    assert found(second) == [("os", "unknown_executable", "contraindicated")]
    assert second["palantir.boot"]["ima_first_entry"] == first["palantir.boot"]["ima_entries"]


def test_a_reboot_costs_no_further_question(node: Node) -> None:
    node.attested()
    node.guest = Guest(facts={"boot_id": "boot-2"}, resets=4)
    assert found(node.attested()) == []
    assert node.offset == 0
    node.attested()
    assert node.asked[-1].since == {"boot_id": "boot-2", "offset": len(node.guest.kernel.binary)}


def test_the_whole_list_can_be_asked_for(node: Node) -> None:
    node.attested()
    node.attested(whole=True)
    assert node.asked[-1].since is None
    assert node.offset == 0


def test_what_leads_nowhere_is_no_result_and_the_whole_list_decides(node: Node) -> None:
    node.attested()
    node.guest.ran("/usr/bin/implant", b"evil")
    hidden = {"offset": len(node.guest.kernel.binary), "data": ""}
    with pytest.raises(PartError):
        node.round(ima_log=hidden)
    with node.store.transaction() as connection:
        assert connection.execute(select(func.count()).select_from(schema.attestations)).scalar() == 1
        assert connection.execute(select(func.count()).select_from(schema.evidence)).scalar() == 2
    assert found(node.attested(whole=True)) == [("os", "unknown_executable", "contraindicated")]


def test_an_answer_that_is_no_whole_list_is_no_evidence(node: Node) -> None:
    result = node.round(ima_log={"offset": 7, "data": ""})
    assert (result.state, result.ear) == ("no_evidence", None)
    assert result.message == (
        "ima_log.offset: is 7: what comes before it is missing. Next: ask for the list from offset 0."
    )


def test_a_state_of_which_a_bit_fell_over_is_as_none(node: Node) -> None:
    node.attested()
    with node.store.transaction() as connection:
        known = boots.load(connection, "node1")
        assert known is not None
        connection.execute(update(schema.boots).values(state=known.packed[:-1] + b"?", entries=1 << 40))
    assert found(node.attested()) == []
    assert node.asked[-1].since is None
    assert found(node.attested()) == []
    assert node.asked[-1].since is not None, "it was replaced"


def test_a_wrong_state_accuses_nobody_and_is_told_until_the_reboot(node: Node) -> None:
    node.attested()
    past = node.past()
    assert past is not None
    node.put(replace(past, verified=replace(past.verified, aggregates={"sha256": bytes(32)})))
    for _round in range(2):
        with pytest.raises(PartError):
            node.round()
        assert found(node.attested(whole=True)) == [("os", "ima_history_changed", "warning")]


def test_other_reference_values_ask_for_the_whole_list(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    node.attested()
    less = scene.reference_values()
    files = {path: digests for path, digests in less["host"][0]["files"].items() if path != "/usr/bin/ls"}
    less["host"][0]["files"] = files
    monkeypatch.setattr("tests.unit.challenge.rounds.reference_values", lambda: less)
    assert found(node.attested()) == [("os", "unknown_executable", "contraindicated")]
    assert node.asked[-1].since is None
    node.attested()
    assert node.asked[-1].since is not None


def test_a_state_that_is_too_large_is_not_stored(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Progress, "pack", lambda _self: None)
    node.attested()
    node.attested()
    assert node.asked[-1].since is None
    assert PACKED_LIMIT == 1_000_000


def test_rounds_that_end_in_another_order_never_take_a_state_back(
    node: Node, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    node.attested()
    late = challenge(store)
    evidence = answer(late, monkeypatch, node.guest)
    node.guest.ran("/usr/bin/bash", HOST["/usr/bin/bash"], mode=scene.PLAIN)
    node.attested()
    before = node.past()
    assert finish(store, late, evidence).state == "attested"
    after = node.past()
    assert before is not None
    assert after is not None
    assert before.pack() == after.pack()


def test_an_enrolment_begins_anew(node: Node, store: Store) -> None:
    node.attested()
    record = node.guest.record
    with store.transaction() as connection:
        identity = {"ak_public": record["ak_public"], "ek_certificate_sha256": "e" * 64, "tpm": {}}
        identities.save(connection, "node1", "e" * 64, identity, record["recorded"], NOW)
        assert boots.load(connection, "node1") is None
        identities.forget(connection, "node1", NOW)


def test_a_state_of_another_ak_is_replaced(node: Node) -> None:
    node.attested()
    past = node.past()
    assert past is not None
    node.put(replace(past, ak="0" * 64))
    with node.store.transaction() as connection:
        connection.execute(update(schema.boots).values(reset_count=1 << 40))
    node.attested()
    assert node.asked[-1].since is None
    node.attested()
    assert node.asked[-1].since is not None


# Verifying again, later


def again(store: Store, guest: Guest, attestation: int) -> dict[str, Any]:
    """Appraise what the store has of a result, as a whole list."""
    with store.transaction() as connection:
        evidence = list_parts.whole_evidence(connection, attestation)
        at, known = connection.execute(
            select(schema.attestations.c.at, schema.attestations.c.ear).where(schema.attestations.c.id == attestation)
        ).one()
        generations = [dict(row._mapping) for row in connection.execute(select(schema.instances))]
    assert evidence["ima_log"]["offset"] == 0
    record = guest.record | {"instances": generations}
    ear = appraise(evidence, record, {}, references(), now=datetime.fromtimestamp(at, UTC))
    return ear | {"palantir.challenged_at": known["palantir.challenged_at"]}


def without_cut(ear: dict[str, Any]) -> dict[str, Any]:
    return ear | {"palantir.boot": ear["palantir.boot"] | {"ima_first_entry": 0}}


def test_what_came_in_parts_is_appraised_again_as_it_was(node: Node, store: Store) -> None:
    results = []
    for number in range(4):
        results.append(node.round())
        node.guest.ran(f"/usr/bin/implant{number}", b"evil")
    for result in results:
        assert result.attestation is not None
        assert without_cut(dict(result.ear or {})) == again(store, node.guest, result.attestation)
    with store.transaction() as connection:
        evidence = list_parts.whole_evidence(connection, results[-1].attestation or 0)
    assert base64.b64decode(evidence["ima_log"]["data"]) == (
        base64.b64decode(node.evidence[0]["ima_log"]["data"])
        + b"".join(base64.b64decode(given["ima_log"]["data"]) for given in node.evidence[1:])
    )


def test_a_tail_is_not_in_the_list_twice(node: Node, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    quoted = node.guest.pcrs()
    node.guest.ran("/usr/bin/implant", b"evil")
    asked = challenge(store)
    monkeypatch.setattr(scene, "NONCE", asked.nonce)
    finish(store, asked, node.guest.evidence(quoted))
    result = node.round()
    assert result.attestation is not None
    assert without_cut(dict(result.ear or {})) == again(store, node.guest, result.attestation)


def test_a_list_that_continued_one_which_is_gone_has_that_in_front(node: Node, store: Store) -> None:
    node.attested()
    old = node.guest.kernel.binary
    node.guest.kernel.binary = b""
    node.guest.facts["boot_id"] = "boot-2"
    node.guest.kernel_began()
    results = [node.round()]
    node.guest.ran("/usr/bin/implant", b"evil")
    results.append(node.round())
    results.append(node.round(whole=True))
    for result in results:
        assert result.attestation is not None
        told = dict(result.ear or {})
        assert ("os", "ima_list_continued", "none") in found(told)
        more = [finding for finding in found(told) if finding[1] != "ima_list_continued"]
        assert found(again(store, node.guest, result.attestation)) == more
    with store.transaction() as connection:
        whole = list_parts.whole_evidence(connection, results[-1].attestation or 0)
    assert base64.b64decode(whole["ima_log"]["data"]) == old + node.guest.kernel.binary


def test_a_part_that_is_missing_is_named(node: Node, store: Store) -> None:
    node.attested()
    node.guest.ran("/usr/bin/implant", b"evil")
    result = node.round()
    with store.transaction() as connection:
        connection.execute(update(schema.list_parts).where(schema.list_parts.c.base.is_(None)).values(verified=1 << 20))
    with store.transaction() as connection, pytest.raises(StoreError, match="list of attestation 1: is not what was"):
        list_parts.whole_evidence(connection, result.attestation or 0)


def test_a_clock_that_was_set_to_its_end_keeps_no_verdict_from_the_store(node: Node) -> None:
    node.attested()
    node.guest.clock = (1 << 64) - 10
    assert found(node.attested()) == []
    node.guest.ran("/usr/bin/evil", b"evil")
    assert found(node.attested()) == [("os", "unknown_executable", "contraindicated")]
    assert node.past() is not None
