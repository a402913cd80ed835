# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a signature settles about a measured file that the Reference Values do not know.

A signature says that a key once signed this content: not where it belongs, and not that it is still the version to
run. So it never beats a Reference Value; path and version are asked beside it, and only signers of the policy count.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Final

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.ar4si import Claim, Tier, worst_tier
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.layers.files import (
    Match,
    executable,
    nameless,
    other_names,
    under,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.policy.policy import AppraisalPolicy
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.policy.signers import Signer
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.verdict import (
    LayerFinding,
    tier_value,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.weigh import about
from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.index import FileIndex
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.signed import FileSignature, signatures_of
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.templates import Entry

MAX_COST: Final = 50_000
"""Most that the signatures of one appraisal may cost, in verifications of RSA-2048: 50,000 of these, 25,000 of P-256 or
5,000 of P-384; each some 8 s on one core of the machine that this was written on."""

_SETTLED: Final = frozenset({Match.KNOWN, Match.MOVED, Match.EXPIRED})
"""What Reference Values say for sure about content; a signature adds nothing to it."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """What a signature, or a digest withdrawn, settles about a file.

    Attributes:
        finding: what stands against it; None where nothing does.
    """

    finding: LayerFinding | None = None


@dataclass(frozen=True, slots=True)
class _Heard:
    """What the signatures of one entry are worth, wherever it stands.

    Attributes:
        signers: signers of the policy that signed the content.
        refuted: signers whose keys are named, and did not sign the content.
        unchecked: signers whose keys are named, and were not tried, since too many had been.
    """

    signers: tuple[Signer, ...] = ()
    refuted: tuple[Signer, ...] = ()
    unchecked: tuple[Signer, ...] = ()


_Against = Callable[[str, Tier, Iterable[Signer]], Ruling]


class SignedFiles:
    """Rules on signed files for one appraisal; each signature is verified once."""

    def __init__(self, policy: AppraisalPolicy, now: datetime, limit: int = MAX_COST) -> None:
        """Take the policy's signers.

        Args:
            policy: what is asked.
            now: time that decides which signers count.
            limit: most that verifications may cost.
        """
        self._policy = policy
        self._now = now
        self._left = limit
        self._made: dict[tuple[str, FileSignature], bool] = {}

    def ruling(self, entry: Entry, found: Match, index: FileIndex, sc: str | None = None) -> Ruling | None:
        """Return what is settled about a file; None where signatures say nothing of it.

        Args:
            entry: measurement of a file; no violation.
            found: how it stands to the Reference Values.
            index: those Reference Values.
            sc: name of the SC that it is a file of; None for the host.
        """
        signers = self._signers(sc)
        if not signers or found is Match.KNOWN:
            return None
        claim = Claim.EXECUTABLES if sc is None or executable(entry) else Claim.CONFIGURATION
        against = partial(_against, entry, claim)
        withdrawn = [signer for signer in signers if entry.digest in signer.withdrawn]
        if withdrawn:
            return against("signed_withdrawn", Tier.CONTRAINDICATED, withdrawn)
        known = found in _SETTLED or entry.digest in index.past
        if known or (found is Match.MODIFIED and entry.digest in index.places):
            return None
        heard = self._heard(entry, signers)
        here = [s for s in heard.signers if self._speaks_for(s, entry.path) and s.can_tell_withdrawn(entry.digest)]
        if here:
            return self._of_version(entry.path, found, index, here, against)
        return None if heard.signers else _without_signer(heard, against)

    def _of_version(
        self, path: str, found: Match, index: FileIndex, signers: Iterable[Signer], against: _Against
    ) -> Ruling | None:
        """Return what is settled about a file that signers of its path signed.

        Where Reference Values speak of the path, it is another version than theirs: an update and a rollback look
        alike. Where theirs are of another hash, nobody can tell whether it is.
        """
        has_values = any(name in index.paths for name in self._names(path))
        if has_values and found is Match.UNDECIDED:
            return None
        tier = self._policy.ima.signed_other_version if has_values else Tier.AFFIRMING
        current = [signer for signer in signers if not signer.expired(self._now)]
        if not current:
            return against("signer_expired", worst_tier((tier, Tier.WARNING)), signers)
        return against("signed_other_version", tier, current) if has_values else Ruling()

    def remarked(self, finding: LayerFinding, entry: Entry, sc: str | None = None) -> LayerFinding:
        """Return a finding about a file with a sentence on why its signature did not help; unchanged without one."""
        signers = self._signers(sc)
        remark = self._remark(entry, signers) if signers and not entry.violation else ""
        return replace(finding, message=f"{finding.message} {remark}") if remark else finding

    def _signers(self, sc: str | None) -> list[Signer]:
        return [signer for signer in self._policy.ima.signers if signer.counts_in(sc)]

    def _names(self, path: str) -> tuple[str, ...]:
        return (path, *other_names(path, self._policy.aliases))

    def _speaks_for(self, signer: Signer, path: str) -> bool:
        # A signature says what a program is, not that it may run from a file that is gone.
        return not nameless(path) and any(under(name, signer.paths) for name in self._names(path))

    def _heard(self, entry: Entry, signers: Iterable[Signer]) -> _Heard:
        made: list[Signer] = []
        refuted: list[Signer] = []
        unchecked: list[Signer] = []
        for signature in signatures_of(entry).readable:
            for signer in signers:
                if signature.names(signer.certificate):
                    answer = self._is_made_by(signature, signer)
                    (unchecked if answer is None else made if answer else refuted).append(signer)
        return _Heard(tuple(made), tuple(refuted), tuple(unchecked))

    def _is_made_by(self, signature: FileSignature, signer: Signer) -> bool | None:
        """Tell whether a signer made a signature; None where too many have been verified already."""
        asked = (signer.certificate.sha256, signature)
        if asked not in self._made:
            if self._left < signer.certificate.cost:
                return None
            self._left -= signer.certificate.cost
            self._made[asked] = signature.made_by(signer.certificate)
        return self._made[asked]

    def _remark(self, entry: Entry, signers: Iterable[Signer]) -> str:
        heard, signatures = self._heard(entry, signers), signatures_of(entry)
        if heard.signers:
            return f"It is signed by {_listed(heard.signers)}, which does not count for that path and content."
        if signatures.readable:
            keys = ", ".join(printable(signature.key_name, 64) for signature in signatures.readable)
            return f"It is signed with the key {keys}, which no signer of the policy has."
        return f"Its signature is {signatures.unreadable[0]}." if signatures.unreadable else ""


def _without_signer(heard: _Heard, against: _Against) -> Ruling | None:
    """Return what is settled about a file that no signer signed."""
    if heard.refuted:
        return against("signature_invalid", Tier.CONTRAINDICATED, heard.refuted)
    if heard.unchecked:
        return against("signature_unchecked", Tier.NONE, heard.unchecked)
    return None


def _against(entry: Entry, claim: Claim, code: str, tier: Tier, signers: Iterable[Signer]) -> Ruling:
    return Ruling(about(entry, code, claim, tier_value(tier, claim), f"signer {_listed(signers)}"))


def _listed(signers: Iterable[Signer]) -> str:
    return ", ".join(sorted({printable(signer.name, 80) for signer in signers}))


__all__ = ["MAX_COST", "Ruling", "SignedFiles"]
