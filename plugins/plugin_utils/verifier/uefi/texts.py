# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts of boot loaders: GRUB's commands and kernel command lines (PCR 8), systemd's command lines (PCR 12).

GRUB writes a label before each text (``grub_cmd: ``, ``kernel_cmdline: ``), which the digest does not cover: whoever
can write the log can change one into the other. So a command line is compared with GRUB's own ``linux`` command,
whose text the digest covers too, and with the load options that the kernel's stub measured (PCR 9). This package is
private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.data import Tagged
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.model import Event, Labelled, Text
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.types import CEL_SYSTEMD
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.verify import HASHES, hashes_to

SEPARATOR: Final = "os-separator"
"""What systemd extends into the firmware's and loaders' PCRs when it takes over (systemd-pcrosseparator.service)."""

UKI_SECTIONS: Final = (
    ".linux",
    ".osrel",
    ".cmdline",
    ".initrd",
    ".ucode",
    ".splash",
    ".dtb",
    ".uname",
    ".sbat",
    ".pcrpkey",
    ".profile",
    ".dtbauto",
    ".hwids",
    ".efifw",
)
"""Sections of a unified kernel image that systemd's stub measures into PCR 11, in its order (systemd-stub(7))."""

_GRUB_PCR: Final = 8
_SYSTEMD_PCR: Final = 12
_LOAD_OPTIONS_TAG: Final = 0x8F3B22ED
_COMMAND_LINE_LABELS: Final = {"kernel_cmdline", "grub_kernel_cmdline"}
_LINUX_COMMAND: Final = re.compile(r"linux(?:efi|16)? +(.*)", re.DOTALL)
_QUOTING: Final = re.compile(r"[\\'\"]|\s+")


@dataclass(frozen=True, slots=True)
class KernelCommandLine:
    """A kernel command line as a loader measured it.

    Attributes:
        index: number of the event.
        pcr: 8 (GRUB: the kernel's path comes first) or 12 (systemd).
        text: the text that was hashed.
        confirmed: the kernel's own stub measured the same (PCR 9); False where it did not or could not say.
    """

    index: int
    pcr: int
    text: str
    confirmed: bool


@dataclass(frozen=True, slots=True)
class LoaderTexts:
    """Commands of GRUB, kernel command lines, and the events whose labels contradict the rest."""

    commands: tuple[str, ...]
    command_lines: tuple[KernelCommandLine, ...]
    disputed: tuple[Event, ...]


def loader_texts(events: Sequence[Event]) -> LoaderTexts:
    """Return what the loaders measured as text, from verified data alone."""
    texts = [(event, text) for event in events if (text := _text(event)) is not None]
    commands = [(event, text) for event, text in texts if not _is_command_line(event)]
    lines = [(event, text) for event, text in texts if _is_command_line(event)]
    confirmed = _Confirmed(event for event in events if _is_load_options(event))
    return LoaderTexts(
        tuple(text for _event, text in commands),
        tuple(KernelCommandLine(e.index, e.pcr, text, confirmed.has(text, e.pcr)) for e, text in lines),
        tuple(_disputed(commands, [(event, text) for event, text in lines if _label(event)])),
    )


def load_options_text(command_line: str, pcr: int) -> str:
    """Return what the kernel's stub is given for a command line: GRUB marks the kernel's path."""
    return f"BOOT_IMAGE={command_line}" if pcr == _GRUB_PCR else command_line


def _text(event: Event) -> str | None:
    """Return the text that a loader's event proves; by the PCR, since the type could hide it from us."""
    if event.pcr not in {_GRUB_PCR, _SYSTEMD_PCR} or event.verified is None:
        return None
    data = event.verified.data
    if not isinstance(data, Text) or (event.type == CEL_SYSTEMD and data.text == SEPARATOR):
        return None
    return data.text


def _is_command_line(event: Event) -> bool:
    """GRUB labels its texts; systemd measures nothing but command lines, without a label."""
    return _label(event) in _COMMAND_LINE_LABELS | {""}


def _label(event: Event) -> str:
    data = event.claimed.data if event.claimed is not None else None
    return data.label if isinstance(data, Labelled) else ""


def _is_load_options(event: Event) -> bool:
    data = event.claimed.data if event.claimed is not None else None
    return isinstance(data, Tagged) and data.tag == _LOAD_OPTIONS_TAG


class _Confirmed:
    """The load options that the kernel's stub measured, found by a digest: a log may be full of them and of lines."""

    def __init__(self, options: Iterable[Event]) -> None:
        self._options: dict[tuple[str, bytes], list[Event]] = {}
        self._known: dict[str, bool] = {}
        for event in options:
            first = next((bank for bank in event.digests if bank in HASHES), None)
            if first is not None:
                self._options.setdefault((first, event.digests[first]), []).append(event)
        self._banks = sorted({bank for bank, _digest in self._options})

    def has(self, command_line: str, pcr: int) -> bool:
        """Return whether a command line is among them."""
        text = load_options_text(command_line, pcr)
        if text not in self._known:
            content = text.encode("utf-16-le", "surrogatepass")
            self._known[text] = any(
                _is_of(event, content)
                for bank in self._banks
                for event in self._options.get((bank, HASHES[bank](content).digest()), ())
            )
        return self._known[text]


def _is_of(event: Event, content: bytes) -> bool:
    return hashes_to(content, event.digests, [bank for bank in event.digests if bank in HASHES])


def _disputed(commands: Iterable[tuple[Event, str]], lines: Sequence[tuple[Event, str]]) -> Iterable[Event]:
    """A ``linux`` command without its command line, or the other way round, betrays a changed label."""
    started = {_plain(match[1]): event for event, text in commands if (match := _LINUX_COMMAND.match(text))}
    given = {_plain(text): event for event, text in lines}
    if started:
        for text in sorted(started.keys() ^ given.keys()):
            yield started.get(text) or given[text]


def _plain(text: str) -> str:
    """Return a command line without quoting, which GRUB's two texts differ in."""
    return _QUOTING.sub(lambda match: " " if match[0].isspace() else "", text).strip()


__all__ = ["SEPARATOR", "UKI_SECTIONS", "KernelCommandLine", "LoaderTexts", "load_options_text", "loader_texts"]
