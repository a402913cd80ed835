# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Layer ``hardware``: the TPM's identity, and the inventory against the one at enrolment.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal import ar4si
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.ar4si import Claim
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.codes import CODES
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.policy.policy import AppraisalPolicy
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.record import NodeRecord
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.verdict import LayerFinding, LayerVerdict
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.weigh import bounded
from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.tpm.clock import continuity
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.tpm.quote import Quote

LAYER: Final = "hardware"
CLAIMS: Final = (Claim.INSTANCE_IDENTITY, Claim.HARDWARE)
_CLOCK_WARNINGS: Final = ("clock_decreased", "reset_count_decreased")
_MEMORY_TOLERANCE: Final = 32
"""A kernel keeps a little more or less of the memory for itself: up to one 32nd is no change."""
_MEMORY: Final = "memory_bytes"
_SHOWN: Final = 8


def forged(quote: Quote, *, other_ak: bool) -> LayerVerdict:
    """Return the verdict on a quote that does not prove what it should: nothing in the evidence can be believed.

    Args:
        quote: the quote, with each reason.
        other_ak: the node says itself that it has another AK than the enrolled one.
    """
    findings = [
        LayerFinding(f.code, f.message, Claim.INSTANCE_IDENTITY, ar4si.CRYPTOGRAPHIC_FAILURE) for f in quote.findings
    ]
    if other_ak:
        findings.append(LayerFinding("ak_replaced", CODES["ak_replaced"]))
    return LayerVerdict(LAYER, dict.fromkeys(CLAIMS, ar4si.CRYPTOGRAPHIC_FAILURE), tuple(findings))


def appraise_hardware(
    quote: Quote, facts: Mapping[str, Any], node: NodeRecord, policy: AppraisalPolicy
) -> LayerVerdict:
    """Return the verdict of the layer for a quote that has been verified."""
    affirmed = {Claim.INSTANCE_IDENTITY: ar4si.AFFIRMED}
    findings = list(_clock(quote, node))
    if policy.hardware == "recorded":
        affirmed[Claim.HARDWARE] = ar4si.AFFIRMED
        findings.extend(_inventory(facts.get("hardware"), node))
    return LayerVerdict(LAYER, affirmed, bounded(findings))


def _clock(quote: Quote, node: NodeRecord) -> Iterator[LayerFinding]:
    for finding in continuity(node.last, quote).findings:
        if finding.code in _CLOCK_WARNINGS:
            yield LayerFinding(finding.code, finding.message, Claim.HARDWARE, ar4si.WARNED)
        else:
            yield LayerFinding(finding.code, finding.message)


def _inventory(found: object, node: NodeRecord) -> Iterator[LayerFinding]:
    if node.hardware is None:
        code = "hardware_not_recorded"
        yield LayerFinding(code, CODES[code], Claim.HARDWARE, ar4si.VERIFIER_FAULT)
        return
    if not isinstance(found, Mapping):
        code = "hardware_not_reported"
        yield LayerFinding(code, CODES[code], Claim.HARDWARE, ar4si.UNKNOWN_ELEMENTS)
        return
    for part in sorted({*node.hardware, *found}, key=str):
        change = _change(part, node.hardware.get(part), found.get(part))
        if change:
            yield LayerFinding(
                "hardware_changed",
                f"Hardware is not as recorded at enrolment: {change}.",
                Claim.HARDWARE,
                ar4si.UNRECOGNISED,
            )


def _change(part: str, recorded: object, found: object) -> str:
    """Return what differs in one part of the inventory, for people; empty where nothing does."""
    if recorded == found:
        return ""
    name = printable(part, 40)
    if isinstance(recorded, Mapping) and isinstance(found, Mapping):
        keys = [k for k in sorted({*recorded, *found}, key=str) if recorded.get(k) != found.get(k)]
        return "; ".join(_pair(f"{name}.{printable(k, 40)}", recorded.get(k), found.get(k)) for k in keys[:_SHOWN])
    if isinstance(recorded, list) and isinstance(found, list):
        return _list_change(name, [str(r) for r in recorded], [str(f) for f in found])
    return "" if part == _MEMORY and _about_as_much(recorded, found) else _pair(name, recorded, found)


def _about_as_much(recorded: object, found: object) -> bool:
    if not isinstance(recorded, int) or not isinstance(found, int):
        return False
    return abs(recorded - found) * _MEMORY_TOLERANCE <= recorded


def _list_change(name: str, recorded: list[str], found: list[str]) -> str:
    added = sorted(set(found) - set(recorded))[:_SHOWN]
    gone = sorted(set(recorded) - set(found))[:_SHOWN]
    parts = [f"{name} has {printable(a)}, which is new" for a in added]
    parts += [f"{name} lacks {printable(g)}" for g in gone]
    if not parts and len(recorded) != len(found):
        parts = [f"{name} has {len(found)} entries, not {len(recorded)}"]
    return "; ".join(parts)


def _pair(name: str, recorded: object, found: object) -> str:
    return f"{name} is {printable(found, 80)}, not {printable(recorded, 80)}"


__all__ = ["CLAIMS", "LAYER", "appraise_hardware", "forged"]
