# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which IMA policy the node follows, whether it may, and what it leaves out: where it is silent, absence looks clean.

The first policy on the list decides. It replaces the kernel's built-in rules, and every later load is appended behind
it (CONFIG_IMA_WRITE_POLICY; ima_update_policy() in security/integrity/ima/ima_policy.c): as the first rule that matches
decides, it can take nothing away. What it adds is not counted, as no measurement proves that the kernel accepted it.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal import ar4si
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.ar4si import Claim
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.layers.files import (
    IMA_POLICY,
    Match,
    is_file,
    match,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.policy import own_ima_policy
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.policy.policy import BANKS, AppraisalPolicy
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.record import Instance
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.verdict import LayerFinding
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.weigh import about, told
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.index import FileIndex
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima import coverage as uses
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.coverage import Coverage, Use, coverage
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.rules import EVERYONE, Span
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.templates import Entry

_RUN: Final = (uses.PROGRAMS, uses.LIBRARIES)
_STARTED: Final = (uses.FIRMWARE, uses.KERNELS, uses.RAM_DISKS, uses.COMMAND_LINES, uses.POLICIES)
_KEPT: Final = tuple(place for place in uses.FILE_SYSTEMS if place not in uses.IN_MEMORY)
"""File systems that outlast the boot. Of the others some uses are named in the EAR without weight: what an SC reads
there was written by itself or its engine since, and what the kernel loads from there needs a signature where lockdown
holds (kernel_lockdown(7)), as it does under Secure Boot on the usual distributions."""


@dataclass(frozen=True, slots=True)
class ImaCoverage:
    """What is known of the IMA policy that a node follows.

    Attributes:
        findings: policies that are not approved, or of which it is not known what they leave out.
        digest: of the policy that decides, ``algorithm:hex``; None where none was measured or it is not approved.
        known: what it leaves out; None where that is not known.
    """

    findings: tuple[LayerFinding, ...] = ()
    digest: str | None = None
    known: Coverage | None = None

    def of_os(self) -> list[LayerFinding]:
        """Return the findings of the layer ``os``: on approval, and on what runs, boots or decides unseen."""
        found = [*self.findings]
        found += self._left_out("ima_coverage_programs", _RUN, Claim.EXECUTABLES, ar4si.UNRECOGNISED_EXECUTABLES)
        found += self._left_out("ima_coverage_kernel", _STARTED, Claim.CONFIGURATION, ar4si.WARNED, places=_KEPT)
        return found

    def of_runtime(self) -> list[LayerFinding]:
        """Return the findings of the layer ``runtime``: on kernel modules that are loaded unseen."""
        value = ar4si.UNRECOGNISED_EXECUTABLES
        return self._left_out("ima_coverage_modules", (uses.MODULES,), Claim.EXECUTABLES, value, places=_KEPT)

    def of_instance(self, generations: Iterable[Instance]) -> list[LayerFinding]:
        """Return the findings of an SC's layer: on what its users run and read unseen."""
        found: dict[str, LayerFinding] = {}
        for generation in generations:
            users = (generation.uid_base, generation.uid_base + generation.uid_count)
            value = ar4si.UNRECOGNISED_EXECUTABLES
            for finding in (
                *self._left_out("ima_coverage_programs", _RUN, Claim.EXECUTABLES, value, users=users),
                *self._left_out(
                    "ima_coverage_reads",
                    (uses.READS,),
                    Claim.CONFIGURATION,
                    ar4si.UNAVAILABLE_CONFIGURATION,
                    places=_KEPT,
                    users=users,
                ),
            ):
                found.setdefault(finding.message, finding)
        return list(found.values())

    def plain(self) -> dict[str, Any] | None:
        """Return what the policy that decides leaves out, as plain data of the EAR; None where that is not known."""
        if self.known is None:
            return None
        left_out: dict[tuple[str, tuple[Span, ...]], list[str]] = {}
        for gap in self.known.gaps:
            left_out.setdefault((gap.use.what, gap.users), []).append(gap.place)
        return {
            "ima_policy": self.digest,
            "not_measured": [
                {
                    "what": what,
                    "file_systems": [place for place in places if place],
                    "users": [[first, stop - 1] for first, stop in users[:_SHOWN]],
                }
                for (what, users), places in left_out.items()
            ],
        }

    def _left_out(
        self,
        code: str,
        asked: Iterable[Use],
        claim: Claim,
        value: int,
        *,
        places: Iterable[str] = tuple(uses.FILE_SYSTEMS),
        users: Span = EVERYONE,
    ) -> list[LayerFinding]:
        where = tuple(places)
        left_out = {} if self.known is None else self.known.left_out(asked, where, users)
        if not left_out:
            return []
        told_of = "; ".join(f"{use.what} on {_named(found, len(where))}" for use, found in left_out.items())
        return [told(code, claim, value, f"It leaves out: {told_of}.")]


_SHOWN: Final = 16


def _named(places: tuple[str, ...], asked: int) -> str:
    return "every file system" if len(places) == asked else ", ".join(places)


def appraise_ima_policy(host: Iterable[Entry], policy: AppraisalPolicy, index: FileIndex) -> ImaCoverage:
    """Return which IMA policy holds and what it leaves out.

    Args:
        host: measurements of the host, in order.
        policy: what is asked.
        index: known files of the host.
    """
    loaded = [e for e in host if e.path == IMA_POLICY and is_file(e) and not e.violation]
    if not loaded:
        return ImaCoverage((told("ima_policy_unmeasured", Claim.CONFIGURATION, ar4si.UNAVAILABLE_CONFIGURATION),))
    texts = _texts(policy.ima.policies)
    stands = [_approval(entry, texts, policy, index) for entry in loaded]
    findings = [*_approvals(zip(loaded, stands, strict=True))]
    first = loaded[0]
    if stands[0] not in {Match.KNOWN, Match.EXPIRED}:
        return ImaCoverage(tuple(findings))
    if first.digest not in texts:
        value = ar4si.UNAVAILABLE_CONFIGURATION
        return ImaCoverage((*findings, about(first, "ima_coverage_unknown", Claim.CONFIGURATION, value)), first.digest)
    return ImaCoverage(tuple(findings), first.digest, coverage(texts[first.digest]))


def _approval(entry: Entry, texts: Mapping[str, str], policy: AppraisalPolicy, index: FileIndex) -> Match:
    """Every policy that was loaded must be approved: by the Appraisal Policy, else as ours or the host's."""
    if policy.ima.policy_digests or policy.ima.policies:
        named = entry.digest in policy.ima.policy_digests or texts.get(entry.digest) in policy.ima.policies
        return Match.KNOWN if named else Match.UNKNOWN
    if entry.digest in texts:
        return Match.KNOWN
    return match(entry.path, entry.digest, index, policy.aliases)


def _approvals(loaded: Iterable[tuple[Entry, Match]]) -> Iterator[LayerFinding]:
    for entry, found in loaded:
        if found is Match.EXPIRED:
            yield about(entry, "reference_value_expired", Claim.CONFIGURATION, ar4si.WARNED)
        elif found is not Match.KNOWN:
            value = ar4si.VERIFIER_FAULT if found is Match.UNDECIDED else ar4si.CONTRAINDICATED
            yield about(entry, "ima_policy_unknown", Claim.CONFIGURATION, value)


@lru_cache(maxsize=32)
def _texts(of_site: tuple[str, ...]) -> Mapping[str, str]:
    """Return the policies whose text is known, by their digests in every bank."""
    texts = (own_ima_policy.TEXT, *of_site)
    return {
        f"{bank}:{hashlib.new(bank, text.encode('utf-8', 'surrogatepass'), usedforsecurity=False).hexdigest()}": text
        for text in texts
        for bank in BANKS
    }


__all__ = ["ImaCoverage", "appraise_ima_policy"]
