# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a row of the tamper matrix went as it must: one layer alone is accused, by the findings that are due."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ansible_collections.palantir.trust.plugins.plugin_utils.store.attestations import Attestation

HOST_LAYERS: Final = ("hardware", "firmware", "os", "runtime")
_WEIGHTLESS: Final = ("affirming", "none")


@dataclass(frozen=True, slots=True)
class Expected:
    """What a row must show.

    Attributes:
        layer: the one layer that is accused; None for a benign twin, where none is.
        codes: the findings that accuse it, all of them.
    """

    layer: str | None = None
    codes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Seen:
    """What an EAR says of one layer.

    Attributes:
        own: tier of the layer's own vector, whatever the layers above it are.
        void_by: the contraindicated layer above it, or None.
        codes: findings of its own that weigh something.
    """

    own: str
    void_by: str | None
    codes: tuple[str, ...]


def seen(ear: Mapping[str, Any]) -> dict[str, Seen]:
    """Return what an EAR says of each layer."""
    return {
        layer: Seen(
            submod["palantir.own_status"],
            submod["palantir.void_by"],
            tuple(sorted({f["code"] for f in submod["palantir.findings"] if f["tier"] not in _WEIGHTLESS})),
        )
        for layer, submod in ear["submods"].items()
    }


def judge(expected: Expected, layers: frozenset[str], result: Attestation, status: int) -> list[str]:
    """Return what is not as it must be; empty where everything is.

    Args:
        expected: what the row must show.
        layers: the layers that the node has.
        result: what is in the store.
        status: exit status of the playbook.
    """
    if result.ear is None:
        return [f"no verdict: {result.state}: {result.message}"]
    found = seen(result.ear)
    faults = [f"{layer} has no verdict" for layer in sorted(layers - set(found))]
    faults += [f"{layer} has a verdict, and is not on the node" for layer in sorted(set(found) - layers)]
    for layer, shown in found.items():
        faults += _accused(layer, shown, expected.codes) if layer == expected.layer else _clean(layer, shown)
        faults += _void(layer, shown, expected.layer)
    failed = expected.layer is not None
    if (status != 0) != failed:
        faults.append(f"the playbook ended with status {status}")
    return faults


def _accused(layer: str, shown: Seen, codes: frozenset[str]) -> list[str]:
    faults = [] if shown.own == "contraindicated" else [f"{layer} is {shown.own}, not contraindicated"]
    if set(shown.codes) != codes:
        faults.append(f"{layer} has {_named(shown.codes)}, not {_named(sorted(codes))}")
    return faults


def _clean(layer: str, shown: Seen) -> list[str]:
    faults = [] if shown.own == "affirming" else [f"{layer} is {shown.own}, not affirming"]
    return [*faults, f"{layer} is accused: {_named(shown.codes)}"] if shown.codes else faults


def _void(layer: str, shown: Seen, accused: str | None) -> list[str]:
    """A layer counts for nothing under an accused layer of the host, and only there."""
    above = accused in HOST_LAYERS and (
        layer not in HOST_LAYERS or HOST_LAYERS.index(layer) > HOST_LAYERS.index(str(accused))
    )
    due = accused if above else None
    return [] if shown.void_by == due else [f"{layer} is void by {shown.void_by}, not by {due}"]


def _named(codes: tuple[str, ...] | list[str]) -> str:
    return ", ".join(codes) or "no finding"


__all__ = ["HOST_LAYERS", "Expected", "Seen", "judge", "seen"]
