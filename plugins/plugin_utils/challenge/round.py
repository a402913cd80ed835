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

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.appraise import appraise
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.ear import sign_ear
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.policy import AppraisalPolicy
from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import ChallengeError, EvidenceError, TrustError
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.index import ReferenceSet
from ansible_collections.palantir.trust.plugins.plugin_utils.store import (
    attestations,
    challenges,
    identities,
    instances,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store


@dataclass(frozen=True)
class Challenge:
    """A nonce that was issued to an enrolled node, with the record that its answer is appraised against.

    ``ended`` are the SC generations that had ended by then, and of which no quote has told yet how long the list was.
    """

    node: str
    nonce: bytes
    record: Mapping[str, Any]
    ended: tuple[int, ...] = ()
    issued_at: float = 0.0


@dataclass(frozen=True)
class Result:
    """How a round ended; ``ear`` is None unless ``state`` is ``attested``."""

    node: str
    state: str
    message: str = ""
    ear: Mapping[str, Any] | None = None
    attestation: int | None = None


def begin(store: Store, node: str, now: float) -> Challenge | None:
    """Issue a challenge to a node; None where the node is not enrolled."""
    with store.transaction() as connection:
        known = identities.find(connection, node)
        if known is None:
            return None
        generations = instances.of_node(connection, node)
        record = {
            **known.identity,
            "name": node,
            "recorded": dict(known.recorded),
            "last": dict(known.last) if known.last else None,
            "instances": _in_record(generations),
        }
        ended = tuple(g.id for g in generations if g.state == "retired" and g.sealed_entries is None)
        return Challenge(node, challenges.issue(connection, node, now), record, ended, now)


def finish(
    store: Store,
    challenge: Challenge,
    evidence: object,
    policy: AppraisalPolicy,
    reference_values: ReferenceSet,
    signing_key: bytes,
    now: float,
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
        signing_key: PEM of the P-256 key that signs the EAR.
        now: seconds since the epoch.
    """
    answered = {**(evidence if isinstance(evidence, Mapping) else {}), "nonce": challenge.nonce.hex()}
    kept = None
    try:
        # On its own, so that the challenge is used up whatever becomes of the evidence.
        with store.transaction() as connection:
            challenges.redeem(connection, challenge.node, challenge.nonce, now)
        with store.transaction() as connection:
            kept = attestations.keep_evidence(connection, challenge.node, now, answered)
            # As they are now: what was started since the challenge may have been measured before the quote.
            generations = _in_record(instances.of_node(connection, challenge.node))
        record = {**challenge.record, "instances": generations}
        ear = appraise(answered, record, policy, reference_values, now=datetime.fromtimestamp(now, UTC))
    except (ChallengeError, EvidenceError) as error:
        return give_up(store, challenge.node, "no_evidence", str(error), now, kept)
    except TrustError as error:
        return give_up(store, challenge.node, "verifier_fault", str(error), now, kept)
    # What the evidence tells is as old as this, however late it came.
    ear["palantir.challenged_at"] = int(challenge.issued_at)
    jwt = sign_ear(ear, signing_key)
    with store.transaction() as connection:
        boot = ear.get("palantir.boot")
        if boot is not None and ear["submods"]["hardware"]["ear_status"] != "contraindicated":
            identities.set_last(connection, challenge.node, boot)
            if boot["ima_entries"]:
                instances.seal(connection, challenge.ended, boot["reset_count"], boot["ima_entries"])
        key = attestations.record(connection, challenge.node, now, "attested", ear=ear, jwt=jwt, evidence_id=kept)
    return Result(challenge.node, "attested", "", ear, key)


def give_up(store: Store, node: str, state: str, message: str, now: float, evidence: int | None = None) -> Result:
    """Keep and return a result without a verdict; its message is made printable, as a node may have a part in it."""
    message = printable(message, attestations.MESSAGE_LIMIT)
    with store.transaction() as connection:
        key = attestations.record(connection, node, now, state, message, evidence_id=evidence)
    return Result(node, state, message, None, key)


def _in_record(generations: Sequence[instances.InstanceRecord]) -> list[dict[str, Any]]:
    """Return generations as the node's record has them; what was allocated may run already, so it counts as live.

    Of an instance that is being replaced, or whose replacement was broken off, two are live then.
    """
    return [
        generation.plain() | {"state": "retired" if generation.state == "retired" else "live"}
        for generation in generations
    ]


__all__ = ["Challenge", "Result", "begin", "finish", "give_up"]
