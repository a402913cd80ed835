# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from sqlalchemy import select

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.ear import verify_ear
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.policy.policy import load_policy
from ansible_collections.palantir.trust.plugins.plugin_utils.challenge import round as attestation
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import ChallengeError, ReferenceValueError
from ansible_collections.palantir.trust.plugins.plugin_utils.store import (
    attestations,
    challenges,
    identities,
    instances,
    ledger,
    schema,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store
from tests.unit.appraisal import scene
from tests.unit.appraisal.scene import Guest
from tests.unit.challenge.rounds import NOW, allocate, answer, challenge, finish, references


def history(store: Store) -> list[attestations.Attestation]:
    with store.transaction() as connection:
        ledger.verify(connection)
        return attestations.history(connection, 0.0)


def last(store: Store) -> Any:
    with store.transaction() as connection:
        known = identities.find(connection, "node1")
    assert known is not None
    return known.last


def test_a_node_that_is_not_enrolled_gets_no_challenge(store: Store) -> None:
    assert attestation.begin(store, "node2", load_policy({}), references(), NOW) is None


def test_an_affirming_round_is_kept_with_its_evidence_and_a_signed_ear(
    store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked = challenge(store)
    evidence = answer(asked, monkeypatch)
    result = finish(store, asked, evidence)
    assert (result.state, result.message) == ("attested", "")
    assert result.ear is not None
    assert scene.found(dict(result.ear)) == []
    assert set(scene.statuses(dict(result.ear))) == {"hardware", "firmware", "os", "runtime", "sc:dns-filter-1"}
    (kept,) = history(store)
    assert (kept.id, kept.state, kept.ear) == (result.attestation, "attested", result.ear)
    key = load_pem_private_key((tmp_path / "key.pem").read_bytes(), password=None)
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    assert verify_ear(str(kept.jwt), public) == result.ear
    with store.transaction() as connection:
        assert attestations.load_evidence(connection, kept.evidence or 0) == evidence | {"nonce": asked.nonce.hex()}
    assert {key: last(store)[key] for key in ("clock", "reset_count", "safe")} == {
        "clock": 1000,
        "reset_count": 3,
        "safe": True,
    }


def test_a_late_answer_is_as_old_as_its_challenge(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = challenge(store)
    ear = finish(store, asked, answer(asked, monkeypatch), after=200.0).ear
    assert ear is not None
    assert (ear["iat"], ear["palantir.challenged_at"]) == (int(NOW) + 200, NOW)


def test_field_row_2_an_answer_counts_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = challenge(store)
    evidence = answer(asked, monkeypatch)
    assert finish(store, asked, evidence).state == "attested"
    again = finish(store, asked, evidence)
    assert (again.state, again.ear) == ("no_evidence", None)
    assert again.message == "node1: the challenge was answered before: this is a replay. Next: attest again."
    assert [kept.state for kept in history(store)] == ["attested", "no_evidence"]


def test_an_answer_that_comes_too_late_is_no_verdict(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = challenge(store)
    result = finish(store, asked, answer(asked, monkeypatch), after=400.0)
    assert (result.state, result.ear) == ("no_evidence", None)
    assert "the challenge expired 100 s ago" in result.message
    assert last(store) is None


def test_field_row_3_an_answer_to_another_challenge_is_contraindicated_and_moves_no_clock(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = challenge(store), challenge(store)
    evidence = answer(old, monkeypatch)
    result = finish(store, new, evidence)
    assert result.ear is not None
    assert ("hardware", "nonce_mismatch", "contraindicated") in scene.found(dict(result.ear))
    assert last(store) is None


def test_field_row_3_a_signature_that_is_not_the_aks_changes_the_state_and_not_only_a_log(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = finish(store, asked := challenge(store), answer(asked, monkeypatch))
    assert result.ear is not None
    assert result.ear["ear_status"] == "affirming"
    before = last(store)
    result = finish(store, asked := challenge(store), answer(asked, monkeypatch, Guest(key="p384")))
    assert result.ear is not None
    assert ("hardware", "bad_signature", "contraindicated") in scene.found(dict(result.ear))
    assert {submod["ear_status"] for submod in result.ear["submods"].values()} == {"contraindicated"}
    assert [(kept.ear or {})["ear_status"] for kept in history(store)] == ["affirming", "contraindicated"]
    assert last(store) == before


@pytest.mark.parametrize(
    "evidence",
    [
        {},
        {"format": 1},
        {"format": 1, "quote": "x"},
        {"clock": float("nan")},
        {"format": 1, "log": b"x"},
        None,
        "text",
        [1],
    ],
)
def test_evidence_that_cannot_be_read_uses_up_its_challenge(store: Store, evidence: Any) -> None:
    asked = challenge(store)
    result = finish(store, asked, evidence)
    assert (result.state, result.ear) == ("no_evidence", None)
    assert result.message.isprintable()
    with store.transaction() as connection, pytest.raises(ChallengeError, match="replay"):
        challenges.redeem(connection, "node1", asked.nonce, NOW + 2)


def test_nothing_is_kept_that_is_not_read(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = challenge(store)
    evidence = answer(asked, monkeypatch)
    more = {**evidence, "quote": {**evidence["quote"], "more": "x" * 1_000_000}, "more": "x" * 1_000_000}
    assert finish(store, asked, more).state == "attested"
    with store.transaction() as connection:
        (kept,) = connection.execute(select(schema.evidence.c.id)).scalars()
        assert attestations.load_evidence(connection, kept) == {**evidence, "nonce": asked.nonce.hex()}


@pytest.mark.parametrize(
    "much",
    [
        {"event_log": "A" * (17 << 20)},
        {"userspace_log": ["A" * (9 << 20)]},
        {"quote": {"attest": "A" * (1 << 20)}},
        {"facts": {"boot_id": "A" * (9 << 20)}},
    ],
)
def test_what_is_over_its_limit_is_not_kept(
    store: Store, monkeypatch: pytest.MonkeyPatch, much: dict[str, Any]
) -> None:
    asked = challenge(store)
    result = finish(store, asked, answer(asked, monkeypatch) | much)
    assert result.state == "no_evidence"
    assert next(iter(much)) in result.message
    with store.transaction() as connection:
        assert connection.execute(select(schema.evidence.c.id)).scalars().all() == []


def test_field_row_2_a_node_cannot_say_what_its_nonce_was(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = challenge(store), challenge(store)
    result = finish(store, new, answer(old, monkeypatch) | {"nonce": old.nonce.hex()})
    assert result.ear is not None
    assert result.ear["submods"]["hardware"]["ear_status"] == "contraindicated"


def test_a_fault_of_the_controller_is_no_verdict(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: Any, **_options: Any) -> None:
        raise ReferenceValueError("node-image.json", "is no JSON.")

    asked = challenge(store)
    evidence = answer(asked, monkeypatch)
    monkeypatch.setattr(attestation, "appraise_round", fail)
    result = finish(store, asked, evidence)
    assert (result.state, result.message, result.ear) == ("verifier_fault", "node-image.json: is no JSON.", None)
    (kept,) = history(store)
    assert kept.evidence is not None


def test_a_round_that_ends_on_the_way_is_kept_too(store: Store) -> None:
    result = attestation.give_up(store, "node1", "unreachable", "node1: no route\nto host", NOW)
    (kept,) = history(store)
    assert (kept.id, kept.state, kept.message) == (result.attestation, "unreachable", r"node1: no route\nto host")
    assert result.message == kept.message


def states(store: Store) -> list[tuple[int, str]]:
    return [(generation["generation"], generation["state"]) for generation in challenge(store).record["instances"]]


def test_what_was_allocated_is_live_in_the_record(store: Store) -> None:
    assert states(store) == [(1, "live")]
    with store.transaction() as connection:
        replacement = allocate(connection)
    assert states(store) == [(1, "live"), (2, "live")], "either of the two may run"
    with store.transaction() as connection:
        instances.set_state(connection, 1, "retired", NOW)
    assert states(store) == [(1, "retired"), (2, "live")], "what was allocated may run already"
    with store.transaction() as connection:
        instances.set_state(connection, replacement.id, "live", NOW)
    assert states(store) == [(1, "retired"), (2, "live")]


def attested(store: Store, guest: Guest, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    asked = challenge(store)
    result = finish(store, asked, answer(asked, monkeypatch, guest))
    assert result.ear is not None
    return dict(result.ear)


def test_what_runs_in_a_replacement_that_was_broken_off_is_appraised(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    with store.transaction() as connection:
        fresh = allocate(connection)
    ear = attested(store, Guest().ran("/bin/evil", b"evil", owner=fresh.uid_base), monkeypatch)
    assert scene.statuses(ear)["sc:dns-filter-1"] == "contraindicated"


def test_the_container_that_a_start_gave_is_in_the_record(store: Store) -> None:
    with store.transaction() as connection:
        fresh = allocate(connection)
        instances.set_state(connection, fresh.id, "live", NOW, "c0" * 32)
    assert [generation["container"] for generation in challenge(store).record["instances"]] == [None, "c0" * 32]


def test_what_starts_between_challenge_and_quote_is_no_fault_of_the_host(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = challenge(store)
    with store.transaction() as connection:
        fresh = allocate(connection)
    guest = Guest().ran("/usr/sbin/dnsmasq", b"dnsmasq", owner=fresh.uid_base)
    result = finish(store, asked, answer(asked, monkeypatch, guest))
    assert scene.found(dict(result.ear or {})) == []


def replaced(store: Store) -> instances.InstanceRecord:
    """Replace the generation that lives by a fresh one, which is returned."""
    with store.transaction() as connection:
        fresh = allocate(connection)
        instances.set_state(connection, 1, "retired", NOW)
        instances.set_state(connection, fresh.id, "live", NOW)
    return fresh


def test_once_the_node_has_proved_itself_without_a_generation_its_owners_are_the_hosts_fault(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh = replaced(store)
    guest = Guest().ran("/bin/dropper", b"evil", owner=scene.BASE)
    guest.ran("/usr/sbin/dnsmasq", b"dnsmasq", owner=fresh.uid_base)
    assert attested(store, guest, monkeypatch)["ear_status"] == "affirming", "the attack is history"
    assert attested(store, guest, monkeypatch)["ear_status"] == "affirming", "and stays it"
    guest.ran("/bin/implant", b"implant", owner=scene.BASE)
    assert scene.found(attested(store, guest, monkeypatch)) == [("os", "owner_unallocated", "contraindicated")]


def test_a_quote_that_was_asked_for_while_a_generation_lived_does_not_seal_its_range(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, guest = challenge(store), Guest()
    evidence = answer(asked, monkeypatch, guest)
    fresh = replaced(store)
    finish(store, asked, evidence)
    guest.ran("/bin/sh", b"shell", owner=scene.BASE).ran("/usr/sbin/dnsmasq", b"dnsmasq", owner=fresh.uid_base)
    assert attested(store, guest, monkeypatch)["ear_status"] == "affirming"


def test_a_list_that_is_not_proven_seals_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = replaced(store)
    guest = Guest().ran("/usr/sbin/dnsmasq", b"dnsmasq", owner=fresh.uid_base)
    asked = challenge(store)
    finish(store, asked, answer(asked, monkeypatch, guest) | {"ima_log": None})
    assert attested(store, guest, monkeypatch)["ear_status"] == "affirming"


def test_what_runs_in_an_allocated_range_is_appraised(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    with store.transaction() as connection:
        instances.set_state(connection, 1, "retired", NOW)
        fresh = allocate(connection)
    asked = challenge(store)
    guest = Guest().ran("/tmp/evil", b"evil", owner=fresh.uid_base)  # noqa: S108
    result = finish(store, asked, answer(asked, monkeypatch, guest))
    assert result.ear is not None
    assert result.ear["submods"]["sc:dns-filter-1"]["ear_status"] == "contraindicated"
    assert result.ear["submods"]["os"]["ear_status"] == "affirming"
