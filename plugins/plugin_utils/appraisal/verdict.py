# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the appraisal of one layer yields: findings, and the trustworthiness vector that follows from them.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal import ar4si
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.ar4si import Claim, Tier, status, tier, worse

Certainty = Literal["certain", "ambiguous"]
Basis = Literal["layer", "owner", "cgroup", "overlay_path", "digest"]


class Attribution(NamedTuple):
    """By what a finding is its layer's, and whether it surely is.

    ``layer``: it is about the layer's own part of the evidence; ``owner``: by owner and group of the file;
    ``cgroup``: by the control group of the process; ``overlay_path``: by the host's path of an image's layer or a
    container's root; ``digest``: by path and content alone.
    """

    basis: Basis
    certainty: Certainty


BY_LAYER: Final = Attribution("layer", "certain")
BY_OWNER: Final = Attribution("owner", "certain")
BY_DIGEST: Final = Attribution("digest", "ambiguous")
BY_OVERLAY_PATH: Final = Attribution("overlay_path", "ambiguous")


@dataclass(frozen=True, slots=True)
class LayerFinding:
    """One finding and its weight.

    Attributes:
        code: stable name, registered in :mod:`.codes` or in the verifier's table.
        message: one line for people; text of a node in it is printable.
        claim: the claim it lowers; None for what is told but lowers nothing (history, resets, waived changes).
        value: the claim's value (AR4SI section 2.3.4).
        index: number of the log's entry, from 0, where one is at fault.
        path: path of the measured file, printable.
        digest: ``algorithm:hex`` of what was measured.
        pcr: number of the PCR, where one is at fault.
        attribution: by what it is this layer's, and whether it surely is.
        waiver: name of the waiver that lets it pass.
        also: further claims that it lowers by the same value.
    """

    code: str
    message: str
    claim: Claim | None = None
    value: int = 0
    index: int | None = None
    path: str | None = None
    digest: str | None = None
    pcr: int | None = None
    attribution: Attribution = BY_LAYER
    waiver: str | None = None
    also: tuple[Claim, ...] = ()

    def plain(self, layer: str, *, void: bool = False) -> dict[str, Any]:
        """Return the finding as plain data of the EAR."""
        return {
            "code": self.code,
            "layer": layer,
            "tier": str(tier(self.value) if self.claim is not None else Tier.NONE),
            "message": self.message,
            "index": self.index,
            "path": self.path,
            "digest": self.digest,
            "pcr": self.pcr,
            "attribution": self.attribution.basis,
            "certainty": self.attribution.certainty,
            "waiver": self.waiver,
            "void": void,
        }


@dataclass(frozen=True, slots=True)
class LayerVerdict:
    """One layer's own verdict, before the layers above it are regarded.

    Attributes:
        layer: ``hardware``, ``firmware``, ``os``, ``runtime`` or ``sc:<instance>``.
        affirmed: claims that the layer's checks would affirm, and their values.
        findings: what stands against them.
        retired: findings of earlier generations of an SC instance: history, without weight.
        coverage: what the measurements leave out, as plain data; None where that is not known, or not this layer's.
        kernel: keys and critical data that the kernel measured, as plain data; None where there is nothing.
        generations: of an SC instance, the tier of each live generation by itself; None for another layer.
    """

    layer: str
    affirmed: Mapping[Claim, int]
    findings: tuple[LayerFinding, ...] = ()
    retired: tuple[LayerFinding, ...] = field(default=())
    coverage: Mapping[str, Any] | None = None
    kernel: Mapping[str, Any] | None = None
    generations: Mapping[int, Tier] | None = None

    @property
    def vector(self) -> dict[str, int]:
        """The trustworthiness vector: what is affirmed, lowered by each finding."""
        vector = {str(claim): value for claim, value in self.affirmed.items()}
        for finding in self.findings:
            for claim in () if finding.claim is None else (finding.claim, *finding.also):
                held = vector.get(claim, finding.value)
                vector[str(claim)] = worse(held, finding.value)
        return vector

    @property
    def own_status(self) -> Tier:
        """Tier of the layer's own vector."""
        return status(self.vector)


_TIER_VALUES: Final = {
    Tier.AFFIRMING: ar4si.AFFIRMED,
    Tier.NONE: ar4si.UNKNOWN_ELEMENTS,
    Tier.WARNING: ar4si.WARNED,
    Tier.CONTRAINDICATED: ar4si.CONTRAINDICATED,
}


def tier_value(chosen: Tier, claim: Claim = Claim.CONFIGURATION) -> int:
    """Return the value by which a finding lowers a claim to the tier that a policy chose."""
    if chosen is Tier.WARNING and claim is Claim.EXECUTABLES:
        return ar4si.UNRECOGNISED_EXECUTABLES
    return _TIER_VALUES[chosen]


def untrusted(layer: str, value: int, claims: Iterable[Claim]) -> LayerVerdict:
    """Return a verdict that gives every claim of a layer the same value, without findings of its own."""
    return LayerVerdict(layer, dict.fromkeys(claims, value))


__all__ = [
    "BY_DIGEST",
    "BY_LAYER",
    "BY_OVERLAY_PATH",
    "BY_OWNER",
    "Attribution",
    "Basis",
    "Certainty",
    "LayerFinding",
    "LayerVerdict",
    "tier_value",
    "untrusted",
]
