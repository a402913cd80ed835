# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The IMA list sorted by whose each measurement is; what is known of the host for sure never leaves this loop.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from typing import Final

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.attribution.memory import Memory
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.attribution.ownerless import Ownerless
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.attribution.owners import FIRST_OWNER, OwnerMap
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.ear import VERIFIER_ID
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.layers.files import BOOT_AGGREGATE, is_file
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.record import Instance
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.verdict import (
    BY_OWNER,
    Attribution,
    LayerFinding,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.index import FileIndex, ReferenceSet
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.initrd import is_module, module_name
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.log import ImaLog
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.replay import IMA_PCR
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.templates import Entry

SYSTEM_OWNERS: Final = 1 << 16
"""Below it no range is given out, unless a site's record says so: an entry with such an owner is the host's."""
_RECOGNISER: Final = "1"
"""Goes up with each change of what is recognised as the host's: what was left out before may count then."""
_DIGEST_END: Final = 44
"""Where the size of the path stands, behind a SHA-256 digest with its algorithm's name."""
_MAX_ENDINGS: Final = 4096
"""Most endings of entries that are recognised without being read; there is one for each owner and mode."""


@dataclass(slots=True)
class Measurements:
    """The measurements of a list by their owners.

    Attributes:
        host: those of the host that are not known for sure, in order.
        unallocated: those whose owner is in no range, or in that of an instance that had ended.
        instances: instance generation's (name, number) → its measurements, in order.
        attributions: number of an entry → by what it was told whose it is, where not for sure by its owner.
        modules: names of the kernel modules that were measured.
        restarts: digests over the boot PCRs that a further kernel of this boot began with, in order.
        noted: places in the list, in order, of all entries that are not surely known files of the host.
    """

    host: list[Entry] = field(default_factory=list)
    unallocated: list[Entry] = field(default_factory=list)
    instances: dict[tuple[str, int], list[Entry]] = field(default_factory=dict)
    attributions: dict[int, Attribution] = field(default_factory=dict)
    modules: set[str] = field(default_factory=set)
    restarts: list[Entry] = field(default_factory=list)
    noted: Sequence[int] = ()

    def attributed(self, finding: LayerFinding, entry: Entry) -> LayerFinding:
        """Return a finding about an entry with what is known of whose that is."""
        return replace(finding, attribution=self.attributions.get(entry.index, BY_OWNER))


def sort_measurements(
    log: ImaLog,
    count: int,
    owners: OwnerMap,
    instances: Iterable[Instance],
    references: ReferenceSet,
    memory: Memory | None = None,
    containers: object = (),
    aggregates: frozenset[str] = frozenset(),
) -> Measurements:
    """Sort the first entries of a list.

    Args:
        log: the list.
        count: number of its entries that the quote proves.
        owners: ranges of the instance generations.
        instances: all instance generations, for templates that carry no owner.
        references: what is known.
        memory: what was recognised in the lists of other nodes; what is recognised in this one is added.
        containers: what the node's facts say of its containers, for templates that carry a control group; hostile.
        aggregates: digests over the boot PCRs that a further kernel of this boot may begin with.

    Returns:
        the measurements; of the host's, only those that are not known by path and digest, and all of kernel modules
        and the IMA policy.

    Raises:
        EvidenceError: an entry's data does not fit its template.
    """
    result = Measurements()
    ownerless = Ownerless(instances, owners, references, containers)
    # No node's record may have a say in what is remembered for others.
    shared = memory if owners.first >= SYSTEM_OWNERS else None
    result.noted = _unknown(log, count, references.host, _host_owners(owners), shared)
    for at in result.noted:
        entry = log.entry(at)
        if entry.pcr != IMA_PCR:
            # The quote proves nothing of it: it must neither accuse nor stand for a measurement that should be there.
            continue
        if _is_restart(entry, log, aggregates):
            result.restarts.append(entry)
            continue
        if is_module(entry.path) and not entry.violation and max(entry.iuid or 0, entry.igid or 0) < owners.first:
            # A container's file of that name is none that the kernel loaded.
            result.modules.add(module_name(entry.path))
        if entry.iuid is None or entry.igid is None:
            _without_owner(entry, ownerless, result)
            continue
        if entry.violation:
            # No PCR covers its owner.
            result.attributions[entry.index] = _UNPROVEN
        if max(entry.iuid, entry.igid) < owners.first:
            result.host.append(entry)
        else:
            _owned(entry, owners, result)
    return result


def recognition(host: FileIndex, owners: OwnerMap) -> str:
    """Return a name for what :func:`sort_measurements` passes over: another name where it would be something else."""
    parts = (_RECOGNISER, VERIFIER_ID["build"], *sorted(_IS_HOSTS), str(_host_owners(owners)), _digest(host.prefixes))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


@lru_cache(maxsize=4)
def _digest(prefixes: frozenset[bytes]) -> str:
    # Each of them tells its own length, so that no two sets run together into the same bytes.
    return hashlib.sha256(b"".join(sorted(prefixes))).hexdigest()


def _host_owners(owners: OwnerMap) -> int:
    """Return the number below which an owner is surely the host."""
    return min(owners.first, SYSTEM_OWNERS)


def _is_restart(entry: Entry, log: ImaLog, aggregates: frozenset[str]) -> bool:
    """Tell whether a further kernel of this boot began here with the boot PCRs, as it does after kexec.

    It may be an older or a newer one, which takes another bank or number of PCRs. A program of that name is none of it:
    it has an owner or, where the template has none, would have to have the values of the PCRs for its content.
    """
    if entry.path != BOOT_AGGREGATE or entry.index == 0 or entry.violation:
        return False
    if entry.is_ownerless or entry.digest in aggregates:
        return True
    first = log.entry(0)
    return first.index == 0 and first.path == BOOT_AGGREGATE and first.digest == entry.digest and not first.violation


def _unknown(log: ImaLog, count: int, host: FileIndex, owners: int, memory: Memory | None) -> Sequence[int]:
    """Return the places, in order, of all entries but the host's that have exactly a known path and digest."""
    fresh = log.not_among(None if memory is None else memory.of(host))
    unknown: list[int] = []
    for run in log.runs:
        places = fresh[bisect_left(fresh, run.start) : bisect_left(fresh, min(run.stop, count))]
        is_hosts = _IS_HOSTS.get(run.kind.template.name) if run.kind.pcr == IMA_PCR else None
        if is_hosts is None:
            unknown += places
            continue
        others = list(_unrecognised(log.data, places, host.prefixes, partial(is_hosts, owners)))
        unknown += others
        if memory is not None:
            recognised = set(places).difference(others, log.violations)
            memory.add(run.kind, {log.data[at]: log.hashes[at] for at in recognised})
    violations = {at for at in log.violations if at < count}
    return sorted(violations.union(unknown)) if violations else unknown


def _unrecognised(
    data: Sequence[bytes], places: Iterable[int], prefixes: frozenset[bytes], is_hosts: Callable[[bytes], bool]
) -> Iterator[int]:
    """Yield the places of the entries that are not known, or not the host's.

    Nothing in this loop reads fields: its speed is that of the whole appraisal.
    """
    endings: set[bytes] = set()
    from_bytes = int.from_bytes
    for at in places:
        entry = data[at]
        end = _DIGEST_END + 4 + from_bytes(entry[_DIGEST_END : _DIGEST_END + 4], "little")
        if entry[:end] in prefixes:
            ending = entry[end:]
            if ending in endings:
                continue
            if is_hosts(ending):
                if len(endings) < _MAX_ENDINGS:
                    endings.add(ending)
                continue
        yield at


def _nothing(_owners: int, ending: bytes) -> bool:
    """Tell whether no field follows; without an owner a file that the host's Reference Values know is the host's."""
    return not ending


def _signature(_owners: int, ending: bytes) -> bool:
    """Tell whether the field ``sig`` follows, and no other."""
    return len(ending) >= 4 and len(ending) == 4 + int.from_bytes(ending[:4], "little")


def _owner(owners: int, ending: bytes) -> bool:
    """Tell whether the fields ``sig``, ``iuid``, ``igid`` and ``imode`` follow, with owner and group below a number."""
    rest = ending[4 + int.from_bytes(ending[:4], "little") :]
    if len(rest) != 4 + 4 + 4 + 4 + 4 + 2 or rest[:4] != rest[8:12]:
        return False
    uid, gid = int.from_bytes(rest[4:8], "little"), int.from_bytes(rest[12:16], "little")
    return rest[:4] == b"\4\0\0\0" and uid < owners and gid < owners


_IS_HOSTS: Final[Mapping[str, Callable[[int, bytes], bool]]] = {
    "ima-ng": _nothing,
    "ima-sig": _signature,
    "d-ng|n-ng|sig|iuid|igid|imode": _owner,
}
"""Template → what tells from the fields behind digest and path that a known file is the host's."""


def _owned(entry: Entry, owners: OwnerMap, result: Measurements) -> None:
    uid, gid = entry.iuid or 0, entry.igid or 0
    instance = owners.owner(uid, gid)
    if instance is not None and owners.had_ended(instance, entry.index):
        result.unallocated.append(entry)
    elif instance is not None:
        result.instances.setdefault((instance.name, instance.generation), []).append(entry)
    elif max(uid, gid) < FIRST_OWNER:
        result.host.append(entry)
    else:
        result.unallocated.append(entry)


def _without_owner(entry: Entry, ownerless: Ownerless, result: Measurements) -> None:
    if not is_file(entry):
        result.host.append(entry)
        return
    share = ownerless.share(entry)
    result.attributions[entry.index] = share.attribution
    for instance in share.instances:
        theirs = result.instances.setdefault((instance.name, instance.generation), [])
        theirs.append(entry if share.path == entry.path else entry._replace(path=share.path))
    if share.host:
        result.host.append(entry)


_UNPROVEN: Final = Attribution("owner", "ambiguous")

__all__ = ["SYSTEM_OWNERS", "Measurements", "recognition", "sort_measurements"]
