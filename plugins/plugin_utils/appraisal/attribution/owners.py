# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose file a measurement is: the inode's owner, inside the TPM-anchored entry, names the SC instance.

Every instance generation has its own range of user and group numbers, never given out twice in a boot. An
owner below :data:`FIRST_OWNER` is the host's; one above it in no range is nobody's, which is the host's fault. So is
one in the range of a generation that had ended by then: else root of the host could hide what it runs in there.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import Final

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.record import Instance

FIRST_OWNER: Final = 1_000_000_000
"""First number that may belong to an allocated range; the IMA policy's rule is ``uid>999999999``."""


class OwnerMap:
    """The ranges of all instance generations, for one look-up per owner.

    Where a range of an earlier boot was given out again, the generation that counts now has it: a live one
    before a retired one, one of this boot before one of another, a higher generation before a lower one.
    """

    def __init__(self, instances: Iterable[Instance], boot_id: str | None, reset_count: int = 0) -> None:
        """Build the map.

        Args:
            instances: all generations that are on record.
            boot_id: the boot that the evidence tells of, as the node says.
            reset_count: the same, as its TPM says.
        """
        self._reset_count = reset_count
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._owners: list[Instance] = []
        known = tuple(i for i in instances if i.entries_in(reset_count) != 0)
        self.first = min((FIRST_OWNER, *(i.uid_base for i in known)))
        """First number that may be an instance's: a file whose user and group are below it is the host's."""

        def weight(instance: Instance) -> tuple[bool, bool, int]:
            return (instance.live, instance.boot_id == boot_id, instance.generation)

        for instance in sorted(known, key=weight, reverse=True):
            self._insert(instance)

    def owner(self, uid: int, gid: int) -> Instance | None:
        """Return whose file it is; None for an owner in no range, or user and group of different instances."""
        by_uid, by_gid = self._find(uid), self._find(gid)
        if uid >= FIRST_OWNER and gid >= FIRST_OWNER and by_uid is not by_gid:
            return None
        return by_uid or by_gid

    def had_ended(self, instance: Instance, at: int) -> bool:
        """Return whether nothing of an instance could still run when the entry of that number was made."""
        entries = instance.entries_in(self._reset_count)
        return entries is not None and at >= entries

    def of_map(self, uid_map: list[object]) -> Instance | None:
        """Return the instance in whose range all owners of a user namespace are; None where there is no such one.

        Args:
            uid_map: rows of ``[first inside, first outside, count]`` (user_namespaces(7)), as a node says; hostile.
        """
        whose: list[Instance | None] = []
        for row in uid_map:
            if not isinstance(row, list) or len(row) != 3 or not all(map(_is_number, row)):
                return None
            _inside, first, count = row
            if count < 1:
                return None
            whose += [self.owner(first, first), self.owner(first + count - 1, first + count - 1)]
        return whose[0] if whose and all(instance is whose[0] for instance in whose) else None

    def _insert(self, instance: Instance) -> None:
        """Add what of the instance's range no stronger one has."""
        start, end = instance.uid_base, instance.uid_base + instance.uid_count
        at = bisect_right(self._starts, start)
        if at and self._ends[at - 1] > start:
            start = self._ends[at - 1]
        while start < end:
            stop = min(end, self._starts[at]) if at < len(self._starts) else end
            if start < stop:
                self._starts.insert(at, start)
                self._ends.insert(at, stop)
                self._owners.insert(at, instance)
                at += 1
            if at >= len(self._starts):
                return
            start = self._ends[at]
            at += 1

    def _find(self, number: int) -> Instance | None:
        at = bisect_right(self._starts, number) - 1
        if at >= 0 and number < self._ends[at]:
            return self._owners[at]
        return None


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


__all__ = ["FIRST_OWNER", "OwnerMap"]
