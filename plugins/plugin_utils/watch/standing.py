# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a verdict stands on, and whether a fresh quote shows that it is still so.

Most rounds of a watch bring nothing new: same boot, same PCRs, nothing behind the verified list, same facts. Then the
verdict of the last whole round holds, and the quote's signature is all that has to be checked. Anything else, and
anything that cannot be read, is no verdict at all: the node is asked again, in a round like those of the action attest.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hmac import compare_digest
from typing import Any, Final

from ansible_collections.palantir.trust.plugins.module_utils._facts_binding import NONCE_BYTES, canonical_json
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.evidence import FORMAT, read_evidence
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.policy.policy import AppraisalPolicy
from ansible_collections.palantir.trust.plugins.plugin_utils.challenge.round import Challenge, Result
from ansible_collections.palantir.trust.plugins.plugin_utils.codec import LIMITS, binary
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import EvidenceError, TrustError
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.tpm.quote import (
    HmacKey,
    Quote,
    Selection,
    verify_hmac_quote,
    verify_quote,
)

_FACTS: Final = "facts"
_USERSPACE: Final = "userspace_log"


@dataclass(frozen=True, slots=True)
class Standing:
    """What the last whole round proved.

    Attributes:
        ak_public: the enrolled AK.
        selection: the PCRs that are asked for.
        boot_id: the boot, as the node says.
        offset: how far its list is verified, which is to its end, in bytes.
        facts: SHA-256 of the canonical facts.
        steady: the same of the facts that a verdict may rest on.
        userspace_log: SHA-256 of systemd's log, as canonical JSON.
        quote: what the TPM said, without its signature.
        allow_sha1: accept a signature over SHA-1, as the policy does.
    """

    ak_public: bytes
    selection: Selection
    boot_id: str
    offset: int
    facts: bytes
    steady: bytes
    userspace_log: bytes
    quote: Quote
    allow_sha1: bool = False

    @property
    def since(self) -> dict[str, Any]:
        """What the node need not send again."""
        return {"boot_id": self.boot_id, "offset": self.offset}

    @property
    def have(self) -> dict[str, str]:
        """Digests of the parts of the evidence that the node may leave out."""
        return {_FACTS: self.facts.hex(), _USERSPACE: self.userspace_log.hex()}


def standing(challenge: Challenge, evidence: object, result: Result, policy: AppraisalPolicy) -> Standing | None:
    """Return what a round's verdict stands on; None where the next round may come to another one by itself.

    Args:
        challenge: of the round.
        evidence: what the node answered, without the nonce.
        result: the round's result.
        policy: by which it was appraised.
    """
    ear, progress = result.ear, result.progress
    if ear is None or progress is None or not isinstance(evidence, Mapping):
        return None
    boot = ear.get("palantir.boot")
    if boot is None or boot["ima_tail_entries"]:
        return None
    given = read_evidence({**evidence, "nonce": challenge.nonce.hex()}, (challenge.since or {"offset": 0})["offset"])
    ak_public = binary(challenge.record["ak_public"], "node.ak_public", LIMITS["quote"])
    return Standing(
        ak_public=ak_public,
        selection=policy.selection,
        boot_id=progress.boot_id,
        offset=progress.verified.offset,
        facts=digest(given.facts),
        steady=digest(steady(given.facts)),
        userspace_log=digest(evidence.get(_USERSPACE)),
        quote=verify_quote(
            given.attest,
            given.signature,
            ak_public,
            given.qualifying_data,
            policy.selection,
            allow_sha1=policy.allow_sha1,
        ),
        allow_sha1=policy.allow_sha1,
    )


def confirmed(
    known: Standing, nonce: bytes, evidence: object, same: object, key: HmacKey | None = None
) -> Standing | None:
    """Return what holds now, where a fresh quote confirms all that a verdict stands on; None where it does not.

    Args:
        known: what the verdict stands on.
        nonce: the challenge, 32 bytes.
        evidence: what the node answered, asked with ``since`` and ``have`` of ``known``.
        same: names of the parts that it left out.
        key: by which the quote has to be signed; None for the AK.
    """
    try:
        return _confirmed(known, nonce, evidence, same, key)
    except (AttributeError, KeyError, TypeError, ValueError, TrustError):
        # Whatever is wrong with it, the round that follows says so by its name.
        return None


def _confirmed(known: Standing, nonce: bytes, evidence: Any, same: Any, key: HmacKey | None) -> Standing | None:
    part = evidence["ima_log"]
    nothing_new = (
        evidence["format"] == FORMAT
        and evidence["event_log"] is None
        and part["data"] == ""
        and isinstance(part["offset"], int)
        and part["offset"] == known.offset
        and (_USERSPACE in same or compare_digest(digest(evidence[_USERSPACE]), known.userspace_log))
    )
    if not nothing_new:
        return None
    facts = known.facts if _FACTS in same else _same_facts(known, evidence[_FACTS])
    if facts is None or len(nonce) != NONCE_BYTES:
        return None
    quote = _checked(known, evidence["quote"], hashlib.sha256(nonce + facts).digest(), key)
    return replace(known, facts=facts, quote=quote) if quote.valid and _continues(known.quote, quote) else None


def _checked(known: Standing, signed: Any, bound: bytes, key: HmacKey | None) -> Quote:
    if key is None:
        parts = signed["attest"], signed["signature"]
        return verify_quote(*parts, known.ak_public, bound, known.selection, allow_sha1=known.allow_sha1)
    quote = verify_hmac_quote(signed["attest"], signed["signature"], key, bound, known.selection)
    # Its signer is this key, as was checked. In all else it has to say what the AK said.
    return quote._replace(qualified_signer=known.quote.qualified_signer)


def _continues(before: Quote, now: Quote) -> bool:
    return (
        compare_digest(now.pcr_digest, before.pcr_digest)
        and (now.hash_alg, now.pcr_select) == (before.hash_alg, before.pcr_select)
        and (now.reset_count, now.restart_count, now.safe) == (before.reset_count, before.restart_count, before.safe)
        and (now.firmware_version, now.qualified_signer) == (before.firmware_version, before.qualified_signer)
        and now.clock >= before.clock
    )


def _same_facts(known: Standing, facts: Any) -> bytes | None:
    """Return the digest of facts that differ in nothing that a verdict may rest on; None for others."""
    text = canonical_json(facts)
    if len(text) > LIMITS["facts"]:
        raise EvidenceError("facts", "are over the limit.")
    same = compare_digest(digest(steady(facts)), known.steady)
    return hashlib.sha256(text).digest() if same else None


def steady(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return facts without what changes all the time: how many processes a container has just now."""
    containers = facts.get("containers")
    if not isinstance(containers, list) or not all(isinstance(container, dict) for container in containers):
        return dict(facts)
    bare = [{name: value for name, value in container.items() if name != "pids"} for container in containers]
    return {**facts, "containers": bare}


def digest(part: object) -> bytes:
    """Return SHA-256 of a part of the evidence, as canonical JSON."""
    return hashlib.sha256(canonical_json(part)).digest()


__all__ = ["Standing", "confirmed", "digest", "standing", "steady"]
