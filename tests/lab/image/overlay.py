# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's own files in the guest, as one tar archive owned by root."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.lab.image.recipe import ENABLED_UNITS, EPOCH, MASKED_UNITS

GUEST_TREE = Path(__file__).resolve().parents[1] / "guest"


@dataclass(frozen=True)
class Entry:
    """A regular file or, where ``link`` is set, a symbolic link."""

    data: bytes = b""
    mode: int = 0o644
    link: str = ""


def guest_entries(tree: Path = GUEST_TREE) -> dict[str, Entry]:
    """The files kept under tests/lab/guest, by their path in the guest without the leading slash."""
    return {
        path.relative_to(tree).as_posix(): Entry(path.read_bytes(), 0o755 if path.stat().st_mode & 0o100 else 0o644)
        for path in sorted(tree.rglob("*"))
        if path.is_file()
    }


def unit_entries() -> dict[str, Entry]:
    """Links that mask and enable systemd units."""
    links = {f"etc/systemd/system/{unit}": Entry(link="/dev/null") for unit in MASKED_UNITS}
    links.update(
        {f"etc/systemd/system/{wants}/{unit}": Entry(link=target) for unit, (wants, target) in ENABLED_UNITS.items()}
    )
    return links


def _parents(names: Iterable[str]) -> set[str]:
    return {str(parent) for name in names for parent in Path(name).parents if str(parent) != "."}


def write_tar(path: Path, entries: Mapping[str, Entry], *, directories: Mapping[str, int] | None = None) -> None:
    """Write a reproducible archive: sorted, owned by root, with fixed times.

    Args:
        path: the archive.
        entries: files and links by path.
        directories: modes of directories that are not 0755 or would not exist otherwise.
    """
    modes = dict.fromkeys(_parents([*entries, *(directories or {})]), 0o755)
    modes.update(directories or {})
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as archive:
        for name in sorted({*modes, *entries}):
            info = tarfile.TarInfo(name)
            info.mtime = EPOCH
            if name in modes:
                info.type, info.mode = tarfile.DIRTYPE, modes[name]
                archive.addfile(info)
                continue
            entry = entries[name]
            if entry.link:
                info.type, info.linkname, info.mode = tarfile.SYMTYPE, entry.link, 0o777
                archive.addfile(info)
            else:
                info.mode, info.size = entry.mode, len(entry.data)
                archive.addfile(info, io.BytesIO(entry.data))


__all__ = ["GUEST_TREE", "Entry", "guest_entries", "unit_entries", "write_tar"]
