# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Layers ``sc:<instance>``: what each instance ran and read, against its image and its rendered configuration.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal import ar4si
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.ar4si import Claim, Tier
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.attribution.measurements import Measurements
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.layers.deleted import Deleted, deleted_findings
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.layers.files import (
    Match,
    executable,
    is_file,
    match,
    nameless,
    other_names,
    under,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.layers.ima_coverage import ImaCoverage
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.layers.signed_files import SignedFiles
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.policy.policy import AppraisalPolicy
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.record import Instance
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.verdict import (
    LayerFinding,
    LayerVerdict,
    tier_value,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.verify import Verified
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.weigh import (
    about,
    bounded,
    told,
    without_references,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.index import FileIndex, ReferenceSet
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.templates import Entry

CLAIMS: Final = (Claim.EXECUTABLES, Claim.CONFIGURATION)
_NOTHING: Final = FileIndex()


def layer_of(instance: Instance) -> str:
    """Return the name of an instance's layer."""
    return f"sc:{printable(instance.name, 120)}"


def appraise_instances(
    verified: Verified,
    measured: Measurements,
    coverage: ImaCoverage,
    instances: Iterable[Instance],
    policy: AppraisalPolicy,
    references: ReferenceSet,
    signed: SignedFiles,
    deleted: Deleted,
) -> tuple[list[LayerVerdict], tuple[LayerFinding, ...]]:
    """Return the verdict on every live instance, and the history of those that have no live generation.

    Args:
        verified: logs whose replay has met the quote.
        measured: the IMA list, sorted by owners.
        coverage: which IMA policy made that list, and what it leaves out.
        instances: all generations on record.
        policy: what is asked.
        references: what is known.
        signed: rules on signed files.
        deleted: programs that the node says run from deleted files.
    """
    known = tuple(instances)
    live: dict[str, list[Instance]] = {}
    for instance in known:
        if instance.live:
            live.setdefault(instance.name, []).append(instance)
    history: dict[str, list[LayerFinding]] = {}
    for instance in known:
        if not instance.live:
            history.setdefault(instance.name, []).extend(_history(measured, instance, policy, references, signed))
    verdicts = []
    for name in sorted(live):
        retired = bounded(history.pop(name, []))
        verdicts.append(
            _appraise(verified, measured, coverage, live[name], policy, references, signed, deleted, retired)
        )
    return verdicts, bounded([finding for findings in history.values() for finding in findings])


def _appraise(
    verified: Verified,
    measured: Measurements,
    coverage: ImaCoverage,
    generations: list[Instance],
    policy: AppraisalPolicy,
    references: ReferenceSet,
    signed: SignedFiles,
    deleted: Deleted,
    retired: tuple[LayerFinding, ...],
) -> LayerVerdict:
    """Return the verdict on an instance; while it is being replaced, both generations of it count.

    What replaces the other must also stand by itself: nothing that was measured of the other one speaks for it.
    """
    layer = layer_of(generations[0])
    if verified.ima_log is None:
        missing = told("ima_log_missing", Claim.EXECUTABLES, ar4si.UNKNOWN_ELEMENTS)
        nothing = LayerVerdict(layer, dict.fromkeys(CLAIMS, ar4si.NO_CLAIM), (missing,), retired)
        return replace(nothing, generations={i.generation: nothing.own_status for i in generations})
    findings = coverage.of_instance(generations)
    for name in sorted({instance.sc for instance in generations}):
        findings.extend(without_references(references.sc.get(name, _NOTHING), CLAIMS))
    unmeasured = told("no_measurements", Claim.EXECUTABLES, tier_value(policy.no_measurements, Claim.EXECUTABLES))
    silent = [i for i in generations if (i.name, i.generation) not in measured.instances]
    if len(silent) == len(generations) and not all(i.stopped for i in silent):
        findings.append(unmeasured)
    affirmed = dict.fromkeys(CLAIMS, ar4si.AFFIRMED)
    tiers: dict[int, Tier] = {}
    for instance in generations:
        index = references.sc.get(instance.sc, _NOTHING)
        entries = measured.instances.get((instance.name, instance.generation), [])
        own = list(_findings(entries, instance, measured, policy, index, signed))
        own.extend(deleted_findings(deleted.instances.get((instance.name, instance.generation), []), index, policy))
        findings.extend(own)
        common = [*coverage.of_instance([instance]), *without_references(index, CLAIMS)]
        silence = [unmeasured] if instance in silent else []
        tiers[instance.generation] = LayerVerdict(layer, affirmed, (*own, *common, *silence)).own_status
    return LayerVerdict(layer, affirmed, bounded(findings), retired, generations=tiers)


def _history(
    measured: Measurements,
    instance: Instance,
    policy: AppraisalPolicy,
    references: ReferenceSet,
    signed: SignedFiles,
) -> Iterator[LayerFinding]:
    """Yield what an earlier generation did: told, without weight for the one that replaced it."""
    entries = measured.instances.get((instance.name, instance.generation), [])
    index = references.sc.get(instance.sc, _NOTHING)
    for finding in _findings(entries, instance, measured, policy, index, signed):
        message = f"Generation {instance.generation} of {printable(instance.name, 120)}: {finding.message}"
        yield replace(finding, message=message, claim=None)


def _findings(
    entries: Iterable[Entry],
    instance: Instance,
    measured: Measurements,
    policy: AppraisalPolicy,
    index: FileIndex,
    signed: SignedFiles,
) -> Iterator[LayerFinding]:
    for entry in entries:
        if is_file(entry):
            finding = _finding(entry, instance, policy, index, signed)
            if finding is not None:
                yield measured.attributed(finding, entry)


def _finding(  # noqa: PLR0911 - one return for each way a file can stand to what is known
    entry: Entry, instance: Instance, policy: AppraisalPolicy, index: FileIndex, signed: SignedFiles
) -> LayerFinding | None:
    if entry.violation:
        value = tier_value(policy.ima.violations, Claim.EXECUTABLES)
        return about(entry, "ima_violation", Claim.EXECUTABLES, value)
    rendered = _rendered(entry.path, instance, policy)
    if rendered is not None:
        # What is rendered lies over what the image has at that path, so only the rendering is right.
        return None if entry.digest in rendered else _changed(entry)
    if not executable(entry) and under(entry.path, policy.sc_data_paths):
        return None
    found = match(entry.path, entry.digest, index, policy.aliases)
    if found is Match.KNOWN:
        return None
    ruling = signed.ruling(entry, found, index, instance.sc)
    if ruling is not None:
        return ruling.finding
    if found is Match.UNDECIDED and not index.usable:
        return None
    return signed.remarked(_compared(entry, found, policy, index), entry, instance.sc)


def _rendered(path: str, instance: Instance, policy: AppraisalPolicy) -> tuple[str, ...] | None:
    names = (path, *other_names(path, policy.aliases))
    return next((instance.files[name] for name in names if name in instance.files), None)


def _compared(entry: Entry, found: Match, policy: AppraisalPolicy, index: FileIndex) -> LayerFinding:
    if found is Match.UNDECIDED:
        value = tier_value(policy.ima.unknown_algorithms, Claim.EXECUTABLES)
        return about(entry, "digest_algorithm_unknown", Claim.EXECUTABLES, value)
    if found is Match.EXPIRED:
        value = ar4si.UNRECOGNISED_EXECUTABLES
        return about(entry, "reference_value_expired", Claim.EXECUTABLES, value)
    if executable(entry):
        return _executed(entry, found, policy, index)
    if found is Match.MODIFIED:
        return _changed(entry)
    return about(entry, "unknown_file", Claim.CONFIGURATION, tier_value(policy.sc_unknown_files))


def _executed(entry: Entry, found: Match, policy: AppraisalPolicy, index: FileIndex) -> LayerFinding:
    if found is Match.MOVED:
        detail = f"known as {printable(index.places[entry.digest])}"
        value = tier_value(policy.moved, Claim.EXECUTABLES)
        return about(entry, "moved_file", Claim.EXECUTABLES, value, detail)
    if nameless(entry.path):
        return about(entry, "fileless_execution", Claim.EXECUTABLES, tier_value(policy.fileless, Claim.EXECUTABLES))
    code = "modified_file" if found is Match.MODIFIED else "unknown_executable"
    return about(entry, code, Claim.EXECUTABLES, ar4si.CONTRAINDICATED)


def _changed(entry: Entry) -> LayerFinding:
    if executable(entry):
        return about(entry, "modified_file", Claim.EXECUTABLES, ar4si.CONTRAINDICATED)
    return about(entry, "changed_configuration", Claim.CONFIGURATION, ar4si.CONTRAINDICATED)


__all__ = ["CLAIMS", "appraise_instances", "layer_of"]
