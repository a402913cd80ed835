# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an IMA policy does not measure: by use, by kind of file system, and by user.

The first rule of ``measure`` and ``dont_measure`` that matches decides (ima_match_policy() in
security/integrity/ima/ima_policy.c); where none matches nothing is measured. What a text leaves open (labels, groups,
owners of files, UUIDs) is taken the worse way: a ``measure`` that may not match proves nothing, a ``dont_measure``
that may match leaves something out.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.rules import (
    EVERYONE,
    IMA_PCR,
    Mask,
    Rule,
    Span,
    parse_rules,
)


@dataclass(frozen=True, slots=True)
class Use:
    """Something that the kernel asks the policy about.

    Attributes:
        what: its name for people, in the plural.
        func: the hook by which the kernel asks.
        mask: how the file is used then (ima_main.c).
        of_files: whether a file is used; else a buffer, which only a rule of its own hook measures.
    """

    what: str
    func: str
    mask: Mask
    of_files: bool = True


PROGRAMS: Final = Use("programs", "BPRM_CHECK", Mask.MAY_EXEC)
LIBRARIES: Final = Use("libraries", "MMAP_CHECK", Mask.MAY_EXEC)
MODULES: Final = Use("kernel modules", "MODULE_CHECK", Mask.MAY_READ)
FIRMWARE: Final = Use("firmware", "FIRMWARE_CHECK", Mask.MAY_READ)
KERNELS: Final = Use("kernels for kexec", "KEXEC_KERNEL_CHECK", Mask.MAY_READ)
RAM_DISKS: Final = Use("initial RAM disks for kexec", "KEXEC_INITRAMFS_CHECK", Mask.MAY_READ)
COMMAND_LINES: Final = Use("command lines for kexec", "KEXEC_CMDLINE", Mask.NONE)
POLICIES: Final = Use("IMA policies", "POLICY_CHECK", Mask.MAY_READ)
READS: Final = Use("files read", "FILE_CHECK", Mask.MAY_READ)
KEYS: Final = Use("keys", "KEY_CHECK", Mask.NONE, of_files=False)
CRITICAL_DATA: Final = Use("critical data", "CRITICAL_DATA", Mask.NONE, of_files=False)
USES: Final = (
    PROGRAMS,
    LIBRARIES,
    MODULES,
    FIRMWARE,
    KERNELS,
    RAM_DISKS,
    COMMAND_LINES,
    POLICIES,
    READS,
    KEYS,
    CRITICAL_DATA,
)

_TMPFS: Final = 0x01021994
FILE_SYSTEMS: Final = {
    "ext2": 0xEF53,
    "ext3": 0xEF53,
    "ext4": 0xEF53,
    "xfs": 0x58465342,
    "btrfs": 0x9123683E,
    "f2fs": 0xF2F52010,
    "bcachefs": 0xCA451A4E,
    "zfs": 0x2FC12FC1,
    "overlay": 0x794C7630,
    "squashfs": 0x73717368,
    "erofs": 0xE0F5E1E2,
    "iso9660": 0x9660,
    "udf": 0x15013346,
    "vfat": 0x4D44,
    "exfat": 0x2011BAB0,
    "ntfs3": 0x7366746E,
    "fuse": 0x65735546,
    "fuseblk": 0x65735546,
    "virtiofs": 0x65735546,
    "nfs": 0x6969,
    "nfs4": 0x6969,
    "cifs": 0xFF534D42,
    "smb3": 0xFE534D42,
    "ceph": 0x00C36400,
    "9p": 0x01021997,
    "ramfs": 0x858458F6,
    "hugetlbfs": 0x958458F6,
    "tmpfs": _TMPFS,
    "devtmpfs": _TMPFS,
    "any other": -1,
}
"""Kinds of file systems that can hold a program, by the kernel's name → number (include/uapi/linux/magic.h, and each
one's own headers). Root may mount any of them, and ``any other`` is one that no rule names."""
PLACES: Final = tuple(FILE_SYSTEMS)
IN_MEMORY: Final = frozenset(("ramfs", "hugetlbfs", "tmpfs", "devtmpfs"))
"""Those that end with the boot, and hold what was written since."""
_WITH_SUBTYPES: Final = frozenset(("fuse", "fuseblk", "any other"))
_NOWHERE: Final = ""


@dataclass(frozen=True, slots=True)
class Gap:
    """A use that is not surely measured.

    Attributes:
        use: what is done.
        place: kind of file system, a key of :data:`FILE_SYSTEMS`; empty for what is no file.
        users: by whom, in order, without overlaps.
    """

    use: Use
    place: str
    users: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Coverage:
    """What a policy does not measure; nothing where there is no gap."""

    gaps: tuple[Gap, ...]

    def left_out(
        self, uses: Iterable[Use], places: Iterable[str] = PLACES, users: Span = EVERYONE
    ) -> dict[Use, tuple[str, ...]]:
        """Return the uses that some of the users can make unmeasured, and on which of the file systems."""
        asked, where = set(uses), {*places, _NOWHERE}
        found: dict[Use, tuple[str, ...]] = {}
        for gap in self.gaps:
            if gap.use in asked and gap.place in where and any(_common(span, users) for span in gap.users):
                found[gap.use] = (*found.get(gap.use, ()), gap.place)
        return found


@lru_cache(maxsize=64)
def coverage(text: str, where: str = "IMA policy") -> Coverage:
    """Return what the policy of a text does not measure.

    Raises:
        PolicyError: a kernel would refuse the text.
    """
    rules = parse_rules(text, where)
    known: dict[tuple[int, ...], tuple[Span, ...]] = {}
    gaps = []
    for use in USES:
        for place in FILE_SYSTEMS if use.of_files else (_NOWHERE,):
            matching = [rule for rule in rules if _may_match(rule, use, place)]
            lines = tuple(rule.line for rule in matching)  # the same rules leave out the same users
            users = known[lines] if lines in known else known.setdefault(lines, _unmeasured(matching))
            if users:
                gaps.append(Gap(use, place, users))
    return Coverage(tuple(gaps))


def _unmeasured(rules: Iterable[Rule]) -> tuple[Span, ...]:
    """Return the users whose use is not surely measured into PCR 10 by the rules that may match it."""
    open_to: list[Span] = [EVERYONE]
    out: list[Span] = []
    for rule in rules:
        if rule.action == "measure" and rule.pcr == IMA_PCR:
            if not rule.narrowed:
                open_to = _without(open_to, rule.users)
        else:
            out += [common for span in open_to if (common := _common(span, rule.users))]
            open_to = _without(open_to, rule.users)
    return _joined([*out, *open_to])


def _may_match(rule: Rule, use: Use, place: str) -> bool:
    if rule.action not in {"measure", "dont_measure"}:
        return False
    if not use.of_files:
        return rule.func == use.func
    if rule.func not in {None, use.func}:
        return False
    if rule.mask is not None and not (rule.mask & use.mask if rule.any_of_mask else rule.mask == use.mask):
        return False
    if rule.fsmagic not in {None, FILE_SYSTEMS[place]} or rule.fsname not in {None, place}:
        return False
    return "fs_subtype" not in rule.narrowed or place in _WITH_SUBTYPES


def _common(first: Span, second: Span) -> Span | None:
    start, stop = max(first[0], second[0]), min(first[1], second[1])
    return (start, stop) if start < stop else None


def _without(spans: Sequence[Span], taken: Span) -> list[Span]:
    rest = [part for start, stop in spans for part in ((start, min(stop, taken[0])), (max(start, taken[1]), stop))]
    return [(start, stop) for start, stop in rest if start < stop]


def _joined(spans: list[Span]) -> tuple[Span, ...]:
    joined: list[Span] = []
    for start, stop in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], stop))
        else:
            joined.append((start, stop))
    return tuple(joined)


__all__ = [
    "COMMAND_LINES",
    "CRITICAL_DATA",
    "FILE_SYSTEMS",
    "FIRMWARE",
    "IN_MEMORY",
    "KERNELS",
    "KEYS",
    "LIBRARIES",
    "MODULES",
    "POLICIES",
    "PROGRAMS",
    "RAM_DISKS",
    "READS",
    "USES",
    "Coverage",
    "Gap",
    "Use",
    "coverage",
]
