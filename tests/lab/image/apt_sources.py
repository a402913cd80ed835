# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The machine's own APT sources of Debian 12, so that the guest comes from the mirror that is configured here."""

from __future__ import annotations

from pathlib import Path

from tests.lab.errors import LabError
from tests.lab.image.recipe import SUITE

_SUITES = frozenset({SUITE, f"{SUITE}-updates", f"{SUITE}-security", f"{SUITE}/updates"})


def debian_stanzas(text: str) -> list[str]:
    """Stanzas of a deb822 source file whose suites are all Debian 12's, in order, without comments."""
    found = []
    for stanza in text.split("\n\n"):
        lines = [line for line in stanza.splitlines() if line.strip() and not line.startswith("#")]
        fields = {
            key.strip().lower(): value.split()
            for key, _, value in (line.partition(":") for line in lines if ":" in line)
        }
        suites = fields.get("suites", [])
        enabled = fields.get("enabled", ["yes"])[0].lower() not in {"no", "false"}
        if enabled and "deb" in fields.get("types", []) and suites and _SUITES.issuperset(suites):
            found.append("\n".join(lines))
    return found


def debian_lines(text: str) -> list[str]:
    """Lines of a classic source list that name Debian 12."""
    found = []
    for line in text.splitlines():
        words = line.split("#", 1)[0].split()
        if not words or words[0] != "deb":
            continue
        rest = " ".join(words[1:])
        if rest.startswith("["):
            rest = rest.partition("]")[2]
        parts = rest.split()
        if len(parts) >= 2 and parts[1] in _SUITES:
            found.append(" ".join(words))
    return found


def collect(etc_apt: Path = Path("/etc/apt")) -> tuple[str, str]:
    """The machine's Debian 12 sources as (classic list, deb822 text); third-party archives are left out.

    Raises:
        LabError: there is none.
    """
    lists = [etc_apt / "sources.list", *sorted((etc_apt / "sources.list.d").glob("*.list"))]
    classic = [line for path in lists if path.is_file() for line in debian_lines(path.read_text(encoding="utf-8"))]
    stanzas = [
        stanza
        for path in sorted((etc_apt / "sources.list.d").glob("*.sources"))
        for stanza in debian_stanzas(path.read_text(encoding="utf-8"))
    ]
    if not classic and not stanzas:
        raise LabError(f"{etc_apt}: no APT source of Debian 12 ({SUITE}). Next: add one; the guest is built from it")
    return "".join(f"{line}\n" for line in classic), "".join(f"{stanza}\n\n" for stanza in stanzas)


__all__ = ["collect", "debian_lines", "debian_stanzas"]
