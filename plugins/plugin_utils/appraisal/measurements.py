# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The IMA list sorted by whose each measurement is; what is known of the host for sure never leaves this loop.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.attribution import FIRST_OWNER, OwnerMap
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.files import IMA_POLICY, is_file
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.record import Instance
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.index import FileIndex, ReferenceSet
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.initrd import is_module, module_name
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima_log import ImaLog
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima_templates import Entry, template_named
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.replay import IMA_PCR

TEMPLATE: Final = template_named(b"d-ng|n-ng|sig|iuid|igid|imode")
"""What nodes are set up with: the only template whose entries are recognised without being read field by field."""
SYSTEM_OWNERS: Final = 1 << 16
"""Below it no range is given out, unless a site's record says so: an entry with such an owner is the host's."""
_DIGEST_END: Final = 44
"""Where the size of the path stands, behind a SHA-256 digest with its algorithm's name."""


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

    Returns:
        the measurements; of the host's, only those that are not known by path and digest.

    Raises:
        EvidenceError: an entry's data does not fit its template.
    """
    result = Measurements()
    known = tuple(instances)
    for at in _unknown(log, count, references.host, min(owners.first, SYSTEM_OWNERS)):
        entry = log.entry(at)
        if entry.pcr != IMA_PCR:
            # The quote proves nothing of it: it must neither accuse nor stand for a measurement that should be there.
            continue
        if entry.iuid is None or entry.igid is None:
            _without_owner(entry, known, references, result)
        elif max(entry.iuid, entry.igid) < owners.first:
            result.host.append(entry)
        else:
            _owned(entry, owners, result)
    result.modules.update(_modules(log, count))
    return result


def _unknown(log: ImaLog, count: int, host: FileIndex, owners: int) -> Iterator[int]:
    """Yield the places of all entries but those of the host's owners that have exactly a known path and digest."""
    prefixes, kinds, violations = host.prefixes, log.kinds, log.violations
    tails: dict[bytes, bool] = {}
    policy = _path_field(IMA_POLICY)
    for at, data in enumerate(log.data[:count]):
        end = _DIGEST_END + 4 + int.from_bytes(data[_DIGEST_END : _DIGEST_END + 4], "little")
        if data[:end] in prefixes and kinds[at].template is TEMPLATE and at not in violations:
            tail = data[end:]
            of_host = tails.get(tail)
            if of_host is None:
                of_host = tails[tail] = _of_host(tail, owners)
            if of_host and not data.startswith(policy, _DIGEST_END):
                continue
        yield at


def _of_host(tail: bytes, owners: int) -> bool:
    """Tell whether the fields ``sig``, ``iuid``, ``igid`` and ``imode`` name an owner and group below a number."""
    start = 4 + int.from_bytes(tail[:4], "little")
    rest = tail[start:]
    if len(rest) != 4 + 4 + 4 + 4 + 4 + 2 or rest[:4] != rest[8:12]:
        return False
    uid, gid = int.from_bytes(rest[4:8], "little"), int.from_bytes(rest[12:16], "little")
    return rest[:4] == b"\4\0\0\0" and uid < owners and gid < owners


def _path_field(path: str) -> bytes:
    """Return the bytes of the field ``n-ng`` for a path."""
    name = path.encode("utf-8") + b"\0"
    return len(name).to_bytes(4, "little") + name


def _modules(log: ImaLog, count: int) -> Iterator[str]:
    """Yield the names of the kernel modules that were measured; a look for the suffix spares reading the others."""
    for at, data in enumerate(log.data[:count]):
        if b".ko" in data and log.kinds[at].pcr == IMA_PCR:
            path = log.entry(at).path
            if is_module(path):
                yield module_name(path)


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

__all__ = ["SYSTEM_OWNERS", "TEMPLATE", "Measurements", "sort_measurements"]
