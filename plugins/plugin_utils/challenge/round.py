# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One round with one node: a challenge is issued, evidence comes back, an Attestation Result is kept.

Every way in which a round can end is recorded in the store. Only evidence that was verified and appraised
gives a result of state ``attested``; no other state says anything of the node's integrity.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.appraise import (
    Appraisal,
    appraise_round,
    can_continue,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.attribution.memory import Memory
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.ear import sign_ear
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.evidence import parts_of
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.policy.policy import AppraisalPolicy
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.progress import Progress, ak_name
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.record import read_record
from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import (
    ChallengeError,
    EvidenceError,
    PartError,
    TrustError,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.index import ReferenceSet
from ansible_collections.palantir.trust.plugins.plugin_utils.store import (
    attestations,
    boots,
    challenges,
    identities,
    instances,
    list_parts,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store


@dataclass(frozen=True)
class Challenge:
    """A nonce that was issued to an enrolled node, with the record that its answer is appraised against.

    Attributes:
        node: name of the node.
        nonce: 32 random bytes.
        record: what is known of the node.
        ended: the SC generations that had ended by then, and of which no quote has told yet how long the list was.
        issued_at: seconds since the epoch.
        known: what is verified of the node's boot, as it was stored.
        past: the same, where it can be read and is of the enrolled AK.
        since: what the node need not send again; None where it should send all.
    """

    node: str
    nonce: bytes
    record: Mapping[str, Any]
    ended: tuple[int, ...] = ()
    issued_at: float = 0.0
    known: boots.StoredBoot | None = None
    past: Progress | None = None
    since: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Result:
    """How a round ended.

    Attributes:
        node: name of the node.
        state: one of :data:`..store.attestations.STATES`.
        message: why there is no verdict; empty where there is one.
        ear: the Attestation Result; None unless ``state`` is ``attested``.
        attestation: number of the result in the store.
        progress: what is verified of the boot now; None where nothing is, or nothing more.
    """

    node: str
    state: str
    message: str = ""
    ear: Mapping[str, Any] | None = None
    attestation: int | None = None
    progress: Progress | None = None


def begin(
    store: Store,
    node: str,
    policy: AppraisalPolicy,
    reference_values: ReferenceSet,
    now: float,
    *,
    whole: bool = False,
) -> Challenge | None:
    """Issue a challenge to a node; None where the node is not enrolled.

    Args:
        store: where the node is enrolled.
        node: its name.
        policy: the Appraisal Policy.
        reference_values: the site's Reference Values.
        now: seconds since the epoch.
        whole: ask for the whole list, whatever is verified of it.
    """
    with store.transaction() as connection:
        enrolled = identities.find(connection, node)
        if enrolled is None:
            return None
        generations = instances.of_node(connection, node)
        known = boots.load(connection, node)
        nonce = challenges.issue(connection, node, now)
    record = {
        **enrolled.identity,
        "name": node,
        "recorded": dict(enrolled.recorded),
        "last": dict(enrolled.last) if enrolled.last else None,
        "instances": _in_record(generations),
    }
    ended = tuple(g.id for g in generations if g.state == "retired" and g.sealed_entries is None)
    past = _past(known, record)
    since = None
    if past is not None and not whole and can_continue(past, record, policy, reference_values):
        since = {"boot_id": past.boot_id, "offset": past.verified.offset}
    return Challenge(node, nonce, record, ended, now, known, past, since)


def finish(
    store: Store,
    challenge: Challenge,
    evidence: object,
    policy: AppraisalPolicy,
    reference_values: ReferenceSet,
    signing_key: bytes | None,
    now: float,
    memory: Memory | None = None,
) -> Result:
    """Use up the challenge, keep the evidence, appraise it, and keep and return the result.

    Evidence that cannot be read or comes too late ends in ``no_evidence``, a fault on the controller's side in
    ``verifier_fault``.

    Args:
        store: where it is kept.
        challenge: of :func:`begin`.
        evidence: result of the evidence module, whatever the node gave.
        policy: the Appraisal Policy.
        reference_values: the site's Reference Values.
        signing_key: PEM of the P-256 key that signs the EAR; None where it is not signed.
        now: seconds since the epoch.
        memory: of whoever appraises many nodes in one process.

    Raises:
        PartError: the node was asked for what is new alone, and gave nothing that continues what is verified. It has
            to be asked once more, with ``whole``: only that answer can speak against it.
    """
    kept = None
    try:
        # On its own, so that the challenge is used up whatever becomes of the evidence.
        with store.transaction() as connection:
            challenges.redeem(connection, challenge.node, challenge.nonce, now)
        answered = {**parts_of(evidence), "nonce": challenge.nonce.hex()}
        packed_evidence = attestations.pack_evidence(answered)
        with store.transaction() as connection:
            kept = attestations.keep_evidence(connection, challenge.node, now, packed_evidence, noted=False)
            # As they are now: what was started since the challenge may have been measured before the quote.
            generations = _in_record(instances.of_node(connection, challenge.node))
        appraisal = appraise_round(
            answered,
            {**challenge.record, "instances": generations},
            policy,
            reference_values,
            challenge.past,
            whole=challenge.since is None,
            now=datetime.fromtimestamp(now, UTC),
            memory=memory,
        )
    except PartError as error:
        if challenge.since is not None:
            _note(store, challenge.node, now, kept)
            raise
        return give_up(store, challenge.node, "no_evidence", str(error), now, kept)
    except (ChallengeError, EvidenceError) as error:
        return give_up(store, challenge.node, "no_evidence", str(error), now, kept)
    except TrustError as error:
        return give_up(store, challenge.node, "verifier_fault", str(error), now, kept)
    ear = appraisal.ear
    # What the evidence tells is as old as this, however late it came.
    ear["palantir.challenged_at"] = challenge.issued_at
    jwt = None if signing_key is None else sign_ear(ear, signing_key)
    packed = None if appraisal.progress is None else appraisal.progress.pack()
    with store.transaction() as connection:
        outcome = attestations.Outcome(challenge.node, now, "attested", ear=ear, jwt=jwt, evidence=kept)
        (recorded,) = attestations.record_all(connection, [outcome])
        _advance(connection, challenge, appraisal, packed, recorded)
    return Result(challenge.node, "attested", "", ear, recorded.id, appraisal.progress)


def _note(store: Store, node: str, now: float, evidence: int | None) -> None:
    """Note evidence that no result will rest on."""
    if evidence is not None:
        with store.transaction() as connection:
            attestations.note_evidence(connection, node, now, evidence)


def _advance(
    connection: Connection,
    challenge: Challenge,
    appraisal: Appraisal,
    packed: bytes | None,
    recorded: attestations.Recorded,
) -> None:
    """Remember what the node has proved with a result, for the rounds to come."""
    ear, progress, attestation = appraisal.ear, appraisal.progress, recorded.id
    # A result that is one more of a run brought nothing: the first one has all that the list had.
    if progress is not None and recorded.first:
        list_parts.note(connection, _part(connection, challenge, attestation, appraisal.offset, progress))
    boot = ear.get("palantir.boot")
    if boot is None or ear["submods"]["hardware"]["ear_status"] == "contraindicated":
        return
    identities.set_last(connection, challenge.node, boot)
    if boot["ima_entries"]:
        instances.seal(connection, challenge.ended, boot["reset_count"], boot["ima_entries"])
    if progress is not None and packed is not None:
        unusable = challenge.known.attestation if challenge.known and challenge.past is None else None
        boots.save(connection, challenge.node, progress, packed, attestation, unusable)


def give_up(store: Store, node: str, state: str, message: str, now: float, evidence: int | None = None) -> Result:
    """Keep and return a result without a verdict; its message is made printable, as a node may have a part in it."""
    message = printable(message, attestations.MESSAGE_LIMIT)
    with store.transaction() as connection:
        key = attestations.record(connection, node, now, state, message, evidence_id=evidence)
    return Result(node, state, message, None, key)


def _past(known: boots.StoredBoot | None, record: Mapping[str, Any]) -> Progress | None:
    """Return what is verified of a node's boot; None where that cannot be read, or is of another AK."""
    try:
        past = None if known is None else Progress.unpack(known.packed)
        return past if past is not None and past.ak == ak_name(read_record(record).ak_public) else None
    except TrustError:
        return None


def _part(
    connection: Connection, challenge: Challenge, attestation: int, offset: int, progress: Progress
) -> list_parts.ListPart:
    """Return what a round brought of the list, and which result it continues."""
    base = None
    if challenge.known is not None and offset:
        base = challenge.known.attestation
    elif challenge.known is not None and challenge.past is not None and progress.began.entries:
        base = challenge.known.attestation
        if progress.began.entries != challenge.past.verified.entries:
            base = list_parts.before_present_list(connection, base)
    return list_parts.ListPart(attestation, base, offset, progress.verified.offset)


def _in_record(generations: Sequence[instances.InstanceRecord]) -> list[dict[str, Any]]:
    """Return generations as the node's record has them; what was allocated may run already, so it counts as live.

    Of an instance that is being replaced, or whose replacement was broken off, two are live then.
    """
    return [
        generation.plain() | {"state": "live" if generation.state == "allocated" else generation.state}
        for generation in generations
    ]


__all__ = ["Challenge", "Result", "begin", "finish", "give_up"]
