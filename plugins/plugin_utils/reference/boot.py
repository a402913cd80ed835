# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Boot Reference Values computed from an image's own boot loaders, kernel, initrd and configuration.

What is extended where (TCG PC Client Platform Firmware Profile 1.06 section 3.3.4; GRUB 2.06 manual, "Measured Boot"):

=== ========================================================= =======================================
PCR what                                                      known from
=== ========================================================= =======================================
4   EFI programs and the kernel, by Authenticode digest       every PE image of the tree
8   texts of GRUB's commands and the kernel's command line    a grub.cfg of plain commands
9   every file that GRUB reads                                every file of the tree
9   the kernel's load options, by its own stub (from 6.2 on)  the same grub.cfg, or a UKI's command line
9   the initial RAM disk of a UKI, by the kernel's own stub   every such image of the tree
11  sections of a unified kernel image, by systemd's stub     every such image of the tree
=== ========================================================= =======================================

Each is known in SHA-256, SHA-384 and SHA-512: which banks a TPM has is not known here.

The initial RAM disk's own files are known besides: the kernel measures what it runs from there.

A grub.cfg with variables, conditions or functions has no computable texts: its digest in PCR 9 still binds
it, and the texts are then recorded at enrolment.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import MIB
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import ReferenceValueError
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.document import (
    ReferenceDocument,
    ReferenceEvent,
    ReferenceText,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.initrd import read_initrd
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.pe import authenticode, is_pe
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.uki import (
    COMMAND_LINE,
    INITRD,
    KERNEL,
    UkiSection,
    handed_over,
    uki_sections,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.texts import load_options_text

LOADER_COMMANDS: Final = ("linux", "linuxefi", "linux16", "initrd", "initrdefi", "initrd16", "chainloader")
"""GRUB's commands that decide what is started."""
ALGORITHMS: Final = ("sha256", "sha384", "sha512")
_FILE_LIMIT: Final = 512 * MIB
_SHELL: Final = set("$`{}[]();|&<>")
_KEYWORDS: Final = ("if", "then", "else", "elif", "fi", "for", "while", "until", "do", "done", "function", "menuentry")


def boot_reference_values(tree: Path | str, *, name: str, created: datetime, source: str = "") -> ReferenceDocument:
    """Return the boot Reference Values of an image.

    Args:
        tree: directory that holds all that firmware and boot loader read: the ESP's files, and /boot's where
            the kernel is not on the ESP.
        name: name of the document.
        created: time of the document.
        source: where the tree comes from, for people; the tree's path where empty.

    Raises:
        ReferenceValueError: the tree cannot be read, or holds no EFI program.
    """
    events: list[ReferenceEvent] = []
    texts: list[ReferenceText] = []
    modules: set[str] = set()
    files: dict[str, dict[str, None]] = {}
    for file, data in _files(Path(tree)):
        events.append(ReferenceEvent(9, "EV_IPL", _digests(data), file))
        if is_pe(data):
            events.append(_application(data, file))
            sections = uki_sections(data, file)
            events.extend(_uki_events(sections, file))
            handed = handed_over(data, file) if sections else ()
            if handed:
                events.append(ReferenceEvent(9, "EV_EVENT_TAG", _digests(*handed), f"{file} (initial RAM disk)"))
            disks = [section for section in sections if section.name == INITRD]
            for number, section in enumerate(disks):
                disk = read_initrd(section.content, f"{file} ({INITRD} {number})")
                modules.update(disk.modules)
                for path, content in disk.files.items():
                    files.setdefault(path, {})[content] = None
        if file.endswith("grub.cfg"):
            commands = grub_texts(data.decode("utf-8", "replace"))
            texts.extend(ReferenceText(8, text, file) for text in commands)
            events.extend(_load_options(commands, file))
        if file.rpartition("/")[2].startswith(("initrd", "initramfs")):
            disk = read_initrd(data, file)
            modules.update(disk.modules)
            for path, content in disk.files.items():
                files.setdefault(path, {})[content] = None
    if not any(e.pcr == 4 for e in events):
        raise ReferenceValueError(str(tree), "holds no EFI program.", "give the root of the ESP's tree.")
    return ReferenceDocument(
        name=name,
        kind="boot",
        created=created,
        source=source or str(tree),
        files={path: tuple(digests) for path, digests in files.items()},
        events=tuple(events),
        texts=tuple(texts),
        modules=tuple(sorted(modules)),
    )


def _digests(*contents: bytes) -> tuple[str, ...]:
    """Return the digests of contents of which each may be what is extended, in all algorithms."""
    return tuple(f"{name}:{hashlib.new(name, content).hexdigest()}" for content in contents for name in ALGORITHMS)


def _application(data: bytes, file: str) -> ReferenceEvent:
    return ReferenceEvent(4, "EV_EFI_BOOT_SERVICES_APPLICATION", authenticode(data, ALGORITHMS, file), file)


def _uki_events(sections: tuple[UkiSection, ...], file: str) -> Iterator[ReferenceEvent]:
    """Yield a unified kernel image's sections, the kernel that the stub starts, and the options that it gives it."""
    for section in sections:
        what = f"{file} ({section.name})"
        yield ReferenceEvent(11, "EV_IPL", _digests(section.name.encode("ascii") + b"\0"), what)
        yield ReferenceEvent(11, "EV_IPL", _digests(section.content), what)
        if section.name == KERNEL and is_pe(section.content):
            yield _application(section.content, what)
        if section.name == COMMAND_LINE:
            options = section.content.decode("utf-8", "replace").rstrip("\0").strip()
            yield ReferenceEvent(9, "EV_EVENT_TAG", _digests(*(_wide(options + end) for end in ("", "\0"))), what)


def _wide(text: str) -> bytes:
    return text.encode("utf-16-le")


def _load_options(commands: tuple[str, ...], file: str) -> Iterator[ReferenceEvent]:
    for text in commands:
        if text.partition(" ")[0] not in LOADER_COMMANDS and text.startswith(("/", "(")):
            yield ReferenceEvent(9, "EV_EVENT_TAG", _digests(_wide(load_options_text(text, 8))), file)


def grub_texts(configuration: str) -> tuple[str, ...]:
    """Return the texts that GRUB extends into PCR 8 for a configuration of plain commands, without GRUB's labels.

    Each command is one text, its words joined by single spaces; a ``linux`` command is followed by the kernel's
    command line. Empty where the configuration is more than plain commands: it cannot be computed.
    """
    texts: list[str] = []
    for line in configuration.splitlines():
        words = _words(line)
        if words is None or (words and words[0] in _KEYWORDS):
            return ()
        if not words:
            continue
        texts.append(" ".join(words))
        if words[0] in ("linux", "linuxefi", "linux16"):
            texts.append(" ".join(_kernel_argument(w) for w in words[1:]))
    return tuple(texts)


def _kernel_argument(word: str) -> str:
    """Quote an argument as GRUB does for the kernel (grub-core/lib/cmdline.c)."""
    escaped = "".join("\\" + c if c in "\\'\"" else c for c in word)
    return f'"{escaped}"' if " " in word else escaped


def _words(line: str) -> list[str] | None:
    """Split a line as GRUB's shell does (GRUB manual, "Quoting"); None where more than quoting is used."""
    words: list[str] = []
    word: str | None = None
    characters = iter(line)
    for c in characters:
        if c in " \t":
            if word is not None:
                words.append(word)
                word = None
        elif c == "#" and word is None:
            break
        elif c in "'\"":
            quoted = _quoted(characters, c)
            if quoted is None:
                return None
            word = (word or "") + quoted
        elif c == "\\":
            word = (word or "") + next(characters, "")
        elif c in _SHELL:
            return None
        else:
            word = (word or "") + c
    if word is not None:
        words.append(word)
    return words


def _quoted(characters: Iterator[str], mark: str) -> str | None:
    """Return what stands until the closing mark; None where a variable is expanded or the mark never comes."""
    text = ""
    for c in characters:
        if c == mark:
            return text
        if mark == '"' and c == "$":
            return None
        if mark == '"' and c == "\\":
            following = next(characters, "")
            text += following if following in '$"\\' else "\\" + following
        else:
            text += c
    return None


def _files(tree: Path) -> Iterator[tuple[str, bytes]]:
    try:
        for path in sorted(tree.rglob("*")):
            if not path.is_file():
                continue
            name = "/" + path.relative_to(tree).as_posix()
            if path.stat().st_size > _FILE_LIMIT:
                raise ReferenceValueError(str(path), f"is larger than {_FILE_LIMIT} bytes.")
            yield name, path.read_bytes()
    except OSError as error:
        raise ReferenceValueError(str(tree), f"cannot be read: {error.strerror}.") from error


__all__ = ["ALGORITHMS", "LOADER_COMMANDS", "boot_reference_values", "grub_texts"]
