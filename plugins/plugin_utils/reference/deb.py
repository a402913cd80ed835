# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Digests of what a Debian package brings to a host; nothing is installed, unpacked or run.

Form: deb(5). What dpkg runs of a package, besides the files that it lists, are its maintainer scripts
(Debian Policy 4.6, chapter 6): those of the new version from ``/var/lib/dpkg/tmp.ci``, and those of an installed
one from ``/var/lib/dpkg/info`` (dpkg, src/main/script.c).

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, cast

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import MIB, printable
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import ReferenceValueError
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.ar import ArMember, Section, read_ar
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.archive import (
    Limits,
    TarEntry,
    read_tar,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.pinned import check_sha256
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.unpack import FAULTS, unpacked

SCRIPTS: Final = ("config", "postinst", "postrm", "preinst", "prerm")
"""Members of a package's control archive that are run."""
INFO: Final = "/var/lib/dpkg/info"
_UNPACKED: Final = "/var/lib/dpkg/tmp.ci"
_LIMITS: Final = Limits(members=1_000_000, file=8192 * MIB, total=16_384 * MIB)
_CONTROL_LIMITS: Final = Limits(members=1024, file=64 * MIB, total=256 * MIB)
_COMPRESSIONS: Final = {
    "control.tar": ("", ".gz", ".xz", ".zst"),
    "data.tar": ("", ".gz", ".xz", ".zst", ".bz2", ".lzma"),
}
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9+.-]{1,127}")
_VERSION: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+:~-]{0,255}")
_ARCHITECTURE: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_NEXT: Final = "fetch the package again."


@dataclass(frozen=True, slots=True)
class Deb:
    """What a package brings.

    Attributes:
        name: of the package.
        version: as Debian writes it, with epoch and revision.
        architecture: as Debian writes it; ``all`` for none.
        same: whether packages of several architectures may be installed beside each other (``Multi-Arch: same``).
        files: absolute path → ``sha256:hex``, of regular files and hard links.
        scripts: maintainer script → ``sha256:hex``.
    """

    name: str
    version: str
    architecture: str
    same: bool
    files: Mapping[str, str]
    scripts: Mapping[str, str]

    def __str__(self) -> str:
        """Return ``name=version(architecture)``."""
        return f"{self.name}={self.version}({self.architecture})"

    def run_by_dpkg(self) -> Iterator[tuple[str, str]]:
        """Yield each path from which dpkg runs a maintainer script, and the script's digest."""
        installed = f"{self.name}:{self.architecture}" if self.same else self.name
        for script, digest in self.scripts.items():
            yield f"{_UNPACKED}/{script}", digest
            yield f"{INFO}/{installed}.{script}", digest


def read_deb(path: Path, sha256: str | None = None) -> Deb:
    """Return what a package brings.

    Args:
        path: the .deb file.
        sha256: digest that the file must have, as ``sha256:hex``; None for any.

    Raises:
        ReferenceValueError: the file cannot be read, is another than asked for, or no Debian package.
    """
    where = str(path)
    try:
        with path.open("rb") as stream:
            if sha256 is not None:
                check_sha256(stream, sha256, where)
            return _package(stream, where)
    except FAULTS as error:
        raise ReferenceValueError(where, f"cannot be read: {printable(error)}.", _NEXT) from error


def _package(stream: IO[bytes], where: str) -> Deb:
    control, data = _parts(stream, where)
    description = b""
    scripts: dict[str, str] = {}
    for entry in _entries(stream, control, where, _CONTROL_LIMITS):
        name = entry.path.removeprefix("/")
        if name == "control":
            description = entry.content
        elif name in SCRIPTS and entry.kind == "file":
            scripts[name] = entry.digest
    fields = _fields(description, where)
    return Deb(
        name=_field(fields, "package", _NAME, where),
        version=_field(fields, "version", _VERSION, where),
        architecture=_field(fields, "architecture", _ARCHITECTURE, where),
        same=fields.get("multi-arch") == "same",
        files=_files(_entries(stream, data, where, _LIMITS), where),
        scripts=scripts,
    )


def _parts(stream: IO[bytes], where: str) -> tuple[ArMember, ArMember]:
    """Return the members of the control and the data archive, which dpkg takes in this order alone."""
    members = read_ar(stream, where)
    if not members or members[0].name != "debian-binary":
        raise ReferenceValueError(where, "does not begin with debian-binary.", "give a .deb file.")
    version = Section(stream, members[0].offset, min(members[0].size, 16)).read()
    if not version.startswith(b"2."):
        raise ReferenceValueError(where, f"has format {printable(version.strip())!r}, not 2.", "give a .deb file.")
    # A name that begins with an underscore is left out by dpkg as well.
    parts = [m for m in members[1:] if not m.name.startswith("_")][:2]
    if [m.name.partition(".tar")[0] for m in parts] != ["control", "data"]:
        found = ", ".join(m.name for m in members)
        raise ReferenceValueError(where, f"has the members {found}, not control.tar and data.tar.", _NEXT)
    return parts[0], parts[1]


def _entries(stream: IO[bytes], member: ArMember, where: str, limits: Limits) -> list[TarEntry]:
    base, tar, suffix = member.name.partition(".tar")
    inside = f"{where}, {member.name}"
    if suffix not in _COMPRESSIONS.get(base + tar, ()):
        raise ReferenceValueError(inside, "is compressed in a way that dpkg does not know.", _NEXT)
    section = cast(IO[bytes], Section(stream, member.offset, member.size))
    with unpacked(section, suffix.removeprefix("."), inside) as archive:
        return [*read_tar(archive, inside, limits, keep=("/control",) if base == "control" else ())]


def _files(entries: Iterable[TarEntry], where: str) -> dict[str, str]:
    files: dict[str, str] = {}
    for entry in entries:
        if entry.kind == "file":
            files[entry.path] = entry.digest
        elif entry.kind == "link":
            if entry.target not in files:
                raise ReferenceValueError(where, f"hard link {printable(entry.path)!r} comes before its file.", _NEXT)
            files[entry.path] = files[entry.target]
    return files


def _fields(description: bytes, where: str) -> dict[str, str]:
    """Return the fields of a control file (deb-control(5)) by name in lower case, without continuation lines."""
    fields: dict[str, str] = {}
    for line in description.decode("utf-8", "replace").strip("\n").split("\n"):
        if not line.strip():
            break
        name, colon, value = line.partition(":")
        if line[0] in " \t#":
            continue
        if not colon or name.lower() in fields:
            raise ReferenceValueError(f"{where}, control", f"has the wrong line {printable(line, 80)!r}.", _NEXT)
        fields[name.lower()] = value.strip()
    return fields


def _field(fields: Mapping[str, str], name: str, form: re.Pattern[str], where: str) -> str:
    value = fields.get(name, "")
    if not form.fullmatch(value):
        raise ReferenceValueError(f"{where}, control", f"{name.capitalize()} is {printable(value, 80)!r}.", _NEXT)
    return value


__all__ = ["INFO", "SCRIPTS", "Deb", "read_deb"]
