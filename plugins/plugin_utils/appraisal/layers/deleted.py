# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that the node says run from deleted files: whose they are, and what that weighs.

It is the node's word, so it is a warning at most, and ambiguous. A process in the user-namespace range of a live
instance is that instance's: an intruder who replaces a program of his container must not accuse the host.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, Final

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal import ar4si
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.ar4si import Claim, Tier
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.attribution.owners import OwnerMap
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.layers.files import other_names
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.policy.policy import AppraisalPolicy
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.verdict import Attribution, LayerFinding
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.weigh import told
from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.index import FileIndex

_READ: Final = 1024
_SHOWN: Final = 32
_NODES_WORD: Final = Attribution("layer", "ambiguous")


@dataclass(slots=True)
class Deleted:
    """Paths of programs that run from deleted files.

    Attributes:
        host: those of the host.
        instances: live instance generation's (name, number) → its own.
    """

    host: list[str] = field(default_factory=list)
    instances: dict[tuple[str, int], list[str]] = field(default_factory=dict)


def sort_deleted(facts: Mapping[str, Any], owners: OwnerMap) -> Deleted:
    """Sort what the facts say of deleted executables; what is of no live instance is the host's.

    Args:
        facts: what the node says of itself; hostile.
        owners: ranges of the instance generations.
    """
    result = Deleted()
    told_of = facts.get("deleted_executables")
    for item in told_of[:_READ] if isinstance(told_of, list) else ():
        if not isinstance(item, Mapping):
            continue
        path, uid_map = str(item.get("path", "")), item.get("uid_map")
        instance = owners.of_map(uid_map) if isinstance(uid_map, list) else None
        if instance is None or not instance.live:
            result.host.append(path)
        else:
            result.instances.setdefault((instance.name, instance.generation), []).append(path)
    return result


def deleted_findings(paths: list[str], index: FileIndex, policy: AppraisalPolicy) -> Iterator[LayerFinding]:
    """Yield what stands against deleted executables; those that an update replaced have a name that is known.

    Args:
        paths: what the node says of one layer.
        index: known files of the layer.
        policy: what is asked.
    """
    if policy.fileless is not Tier.AFFIRMING:
        unknown = (path for path in paths if not _known(path, index, policy))
        for shown in map(printable, islice(unknown, _SHOWN)):
            finding = told("deleted_executable", Claim.EXECUTABLES, ar4si.UNRECOGNISED_EXECUTABLES, f"It is {shown}.")
            yield replace(finding, path=shown, attribution=_NODES_WORD)


def _known(path: str, index: FileIndex, policy: AppraisalPolicy) -> bool:
    name = path.removesuffix(" (deleted)").replace(" ", "_")
    return name in index.paths or any(n in index.paths for n in other_names(name, policy.aliases))


__all__ = ["Deleted", "deleted_findings", "sort_deleted"]
