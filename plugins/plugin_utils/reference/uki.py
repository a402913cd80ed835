# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Unified kernel images: what systemd's stub measures of one into PCR 11, and the initial RAM disk that it makes of it.

Each section is two events: its name with a NUL, and its content as it lies in memory, so as long as its virtual size
(systemd-stub(7); UAPI specification "Unified Kernel Image"). The signature of expected PCR values is not measured.

The kernel's own stub measures the initial RAM disk into PCR 9 as it is handed over: systemd's stub joins the sections
that are disks, and packs others into small archives below ``/.extra`` (src/boot/stub.c, src/boot/cpio.c).

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import MIB
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import ReferenceValueError
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.pe import PeSection, pe_sections
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.texts import UKI_SECTIONS

KERNEL = ".linux"
COMMAND_LINE = ".cmdline"
INITRD = ".initrd"
_MOST_ZEROS = 64 * MIB
_EXTRAS = (
    (".pcrsig", "tpm2-pcr-signature.json"),
    (".pcrpkey", "tpm2-pcr-public-key.pem"),
    (".osrel", "os-release"),
    (".profile", "profile"),
)
"""Sections that the stub packs into the initial RAM disk, in its order; the last two from systemd 257 on."""
_READ = frozenset((*UKI_SECTIONS, _EXTRAS[0][0]))
_TRAILER = (
    b"070701" + b"00000000" * 4 + b"00000001" + b"00000000" * 6 + b"0000000B" + b"00000000" + b"TRAILER!!!" + bytes(4)
)


class UkiSection(NamedTuple):
    """A section that the stub measures: its name, and its content in memory."""

    name: str
    content: bytes


def uki_sections(data: bytes, what: str) -> tuple[UkiSection, ...]:
    """Return the measured sections of a unified kernel image, in the order in which the stub measures them.

    A section that an image has more than once, for one of its profiles each, is there as often. Empty where the PE
    image has no kernel in it: then it is no unified kernel image.

    Args:
        data: the PE image.
        what: its name, for errors.

    Raises:
        ReferenceValueError: headers that point outside of the file, or a section that is far larger in memory.
    """
    sections = pe_sections(data, what)
    if not any(section.name == KERNEL for section in sections):
        return ()
    return tuple(_measured(sections, data, what))


def handed_over(data: bytes, what: str) -> tuple[bytes, ...]:
    """Return the initial RAM disks that systemd's stub may make of an image alone, by the stub's version.

    Credentials and extensions beside the image would be in it too: then it is none of these.

    Raises:
        ReferenceValueError: see :func:`uki_sections`.
    """
    contents = {section.name: section.content for section in reversed(_in_memory(pe_sections(data, what), data, what))}
    disks = [contents[name] for name in (".ucode", INITRD) if contents.get(name)]
    versions: dict[bytes, None] = {}
    for extras in (_EXTRAS[:2], _EXTRAS):
        packed = [_archive(file, contents[name]) for name, file in extras if contents.get(name)]
        parts = [*disks, *packed]
        if parts:
            joined = b"".join(part + bytes(-len(part) % 4) for part in parts)
            versions |= dict.fromkeys((parts[0], joined) if len(parts) == 1 else (joined,))
    return tuple(versions)


def _archive(file: str, content: bytes) -> bytes:
    """Pack one file below /.extra, as pack_cpio_literal() does."""
    directory = _member(1, 0o040555, ".extra", b"")
    return directory + _member(2, 0o100444, f".extra/{file}", content) + _TRAILER


def _member(inode: int, mode: int, name: str, content: bytes) -> bytes:
    numbers = (inode, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0)
    head = b"070701" + b"".join(b"%08x" % number for number in numbers) + name.encode("ascii") + b"\0"
    return head + bytes(-len(head) % 4) + content + bytes(-len(content) % 4)


def _measured(sections: tuple[PeSection, ...], data: bytes, what: str) -> Iterator[UkiSection]:
    held = _in_memory(sections, data, what)
    for name in UKI_SECTIONS:
        yield from (section for section in held if section.name == name)


def _in_memory(sections: tuple[PeSection, ...], data: bytes, what: str) -> tuple[UkiSection, ...]:
    return tuple(_content(section, data, what) for section in sections if section.name in _READ)


def _content(section: PeSection, data: bytes, what: str) -> UkiSection:
    zeros = section.virtual_size - section.size
    if zeros > _MOST_ZEROS:
        raise ReferenceValueError(what, f"has a section {section.name} that is {zeros} bytes larger in memory.")
    held = data[section.offset : section.offset + min(section.size, section.virtual_size)]
    return UkiSection(section.name, held + bytes(max(zeros, 0)))


__all__ = ["COMMAND_LINE", "INITRD", "KERNEL", "UkiSection", "handed_over", "uki_sections"]
