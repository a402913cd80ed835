# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The IMA list sorted by whose each measurement is; what is known of the host for sure never leaves this loop.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.attribution import FIRST_OWNER, OwnerMap
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.files import IMA_POLICY, is_file
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.record import Instance
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.index import FileIndex, ReferenceSet
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.initrd import is_module, module_name
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima_log import ImaLog
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima_templates import Entry

MAX_SEEN: Final = 200_000
"""Most entries that the cache of known ones keeps; about 40 MB."""
SYSTEM_OWNERS: Final = 1 << 16
"""Below it no range is ever given out, so an entry with such an owner is the host's on every node."""


@dataclass(slots=True)
class Measurements:
    """The measurements of a list by their owners.

    Attributes:
        host: those of the host that are not known for sure, in order.
        unallocated: those whose owner is in no range.
        instances: instance generation's (name, number) → its measurements, in order.
        ambiguous: numbers of entries whose template has no owner.
        modules: names of the kernel modules that were measured.
    """

    host: list[Entry] = field(default_factory=list)
    unallocated: list[Entry] = field(default_factory=list)
    instances: dict[tuple[str, int], list[Entry]] = field(default_factory=dict)
    ambiguous: set[int] = field(default_factory=set)
    modules: set[str] = field(default_factory=set)


def sort_measurements(
    log: ImaLog, count: int, owners: OwnerMap, instances: Iterable[Instance], references: ReferenceSet
) -> Measurements:
    """Sort the first entries of a list.

    Args:
        log: the list.
        count: number of its entries that the quote proves.
        owners: ranges of the instance generations.
        instances: all instance generations, for templates that carry no owner.
        references: what is known.

    Raises:
        EvidenceError: an entry's data does not fit its template.
    """
    result = Measurements()
    known = tuple(instances)
    seen = references.host.seen
    if len(seen) > MAX_SEEN:
        seen.clear()
    shared = owners.first >= SYSTEM_OWNERS
    for at in _unseen(log, count, seen if shared else {}, result.modules):
        entry = log.entry(at)
        if is_module(entry.path):
            result.modules.add(module_name(entry.path))
        if _known_for_sure(entry, references.host):
            if shared:
                seen[log.data[at]] = module_name(entry.path) if is_module(entry.path) else ""
        elif entry.iuid is None or entry.igid is None:
            _without_owner(entry, known, references, result)
        elif max(entry.iuid, entry.igid) < owners.first:
            result.host.append(entry)
        else:
            _owned(entry, owners, result)
    return result


def _unseen(log: ImaLog, count: int, seen: Mapping[bytes, str], modules: set[str]) -> Iterable[int]:
    """Yield the places of entries that the cache does not know; note the modules among those that it does."""
    get, violations = seen.get, log.violations
    for at, data in enumerate(log.data[:count]):
        module = get(data)
        if module is None or at in violations:
            yield at
        elif module:
            modules.add(module)


def _known_for_sure(entry: Entry, host: FileIndex) -> bool:
    return (
        (entry.path, entry.digest) in host.pairs
        and not entry.violation
        and entry.iuid is not None
        and entry.igid is not None
        and entry.iuid < SYSTEM_OWNERS
        and entry.igid < SYSTEM_OWNERS
        and entry.path != IMA_POLICY
        and is_file(entry)
    )


def _owned(entry: Entry, owners: OwnerMap, result: Measurements) -> None:
    uid, gid = entry.iuid or 0, entry.igid or 0
    instance = owners.owner(uid, gid)
    if instance is not None:
        result.instances.setdefault((instance.name, instance.generation), []).append(entry)
    elif max(uid, gid) < FIRST_OWNER:
        result.host.append(entry)
    else:
        result.unallocated.append(entry)


def _without_owner(
    entry: Entry, instances: tuple[Instance, ...], references: ReferenceSet, result: Measurements
) -> None:
    """Attribute by content: to every instance whose image or configuration has the file, else to the host.

    What only a container could have is still the host's where no image has it: that widens what a finding
    concerns and never narrows it.
    """
    if not is_file(entry):
        result.host.append(entry)
        return
    result.ambiguous.add(entry.index)
    holders = [] if (entry.path, entry.digest) in references.host.pairs else _holders(entry, instances, references)
    for instance in holders:
        result.instances.setdefault((instance.name, instance.generation), []).append(entry)
    if not holders:
        result.host.append(entry)


def _holders(entry: Entry, instances: tuple[Instance, ...], references: ReferenceSet) -> list[Instance]:
    if entry.violation:
        return []
    return [
        instance
        for instance in instances
        if instance.live
        and (
            entry.digest in instance.files.get(entry.path, ())
            or (entry.path, entry.digest) in references.sc.get(instance.sc, _NOTHING).pairs
        )
    ]


_NOTHING: Final = FileIndex()

__all__ = ["MAX_SEEN", "SYSTEM_OWNERS", "Measurements", "sort_measurements"]
