# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks of an admission: their stable codes, what each means, and which must have passed before it.

Nothing of a package is unpacked, parsed or rendered before a signer whom the site trusts has been found to have signed
it. From there on as much is checked as can be, so that a developer gets all faults at once.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import TrustError

CHECKS: Final[Mapping[str, str]] = {
    "form": "The file is a tar archive in the canonical form, within its limits, of regular files alone.",
    "manifest": "The manifest says what the package is, and the digest of every file.",
    "signer": "The signature names a signer whom the site trusts, and whose time has not passed.",
    "signature": "The manifest is signed by a key of that signer.",
    "denied": "Neither the signer, nor the version, nor the digest of the package or of a file in it is denied.",
    "authority": "The signer may sign an SC of this name.",
    "version": "The version is newer than the one that was admitted before, if any.",
    "contents": "The files are those of the manifest, each with its digest.",
    "descriptor": "The descriptor is valid, is of this SC, version and signer, and names all files and no others.",
    "function": "The signer may sign SCs of this function, and those that it says it can stand in for.",
    "grants": "The site grants the drivers, capabilities and networks that its flavours ask for.",
    "catalogue": "The site does not describe this SC itself, and all SCs that it names are in the catalogue.",
    "templates": "The templates are sound, and read variables of this SC alone.",
    "images": "The images can be read within their limits, and neither they nor a file in them is denied.",
    "reference_values": "The Reference Values of each flavour are exactly the files of its image.",
}
"""Code → what has been shown when it passes, in the order of the report."""

NEEDS: Final[Mapping[str, tuple[str, ...]]] = {
    "form": (),
    "manifest": ("form",),
    "signer": ("manifest",),
    "signature": ("signer",),
    "denied": ("signature",),
    "authority": ("signature",),
    "version": ("signature",),
    "contents": ("denied", "authority"),
    "descriptor": ("contents",),
    "function": ("descriptor",),
    "grants": ("descriptor",),
    "catalogue": ("descriptor",),
    "templates": ("descriptor",),
    "images": ("descriptor",),
    "reference_values": ("images",),
}
"""Code → what must have passed before it is reached."""

Outcome = Literal["pass", "fail", "not_reached"]


@dataclass(frozen=True, slots=True)
class Check:
    """What a check came to: what was found, or what is wrong and what to do next."""

    code: str
    outcome: Outcome
    detail: str = ""
    next_step: str = ""

    def plain(self) -> dict[str, str]:
        """Return the JSON-safe form."""
        return {"check": self.code, "result": self.outcome, "detail": self.detail, "next": self.next_step}


@dataclass(frozen=True, slots=True)
class Report:
    """All checks of a package, in their order.

    Attributes:
        package: the file.
        checks: every check.
        sc, version, signer, digest: as the manifest and its signature say; empty where they were not reached.
    """

    package: str
    checks: tuple[Check, ...]
    sc: str = ""
    version: str = ""
    signer: str = ""
    digest: str = ""

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return all(check.outcome == "pass" for check in self.checks)

    @property
    def failures(self) -> tuple[Check, ...]:
        """The checks that failed."""
        return tuple(check for check in self.checks if check.outcome == "fail")

    def plain(self) -> dict[str, Any]:
        """Return the JSON-safe form."""
        return {
            "package": self.package,
            "sc": self.sc,
            "version": self.version,
            "signer": self.signer,
            "digest": self.digest,
            "passed": self.passed,
            "checks": [check.plain() for check in self.checks],
        }


def run(steps: Mapping[str, Callable[[], str]], aside: str = "") -> tuple[Check, ...]:
    """Run each check whose needs have passed.

    Args:
        steps: a function for each code; it returns what was found, or raises what is wrong.
        aside: the begin of paths that means nothing to people: where the package lies while it is checked.
    """
    done: dict[str, Check] = {}
    for code in CHECKS:
        if all(done[need].outcome == "pass" for need in NEEDS[code]):
            done[code] = _tried(code, steps[code], aside)
        else:
            done[code] = Check(code, "not_reached")
    return tuple(done.values())


def _tried(code: str, step: Callable[[], str], aside: str) -> Check:
    try:
        return Check(code, "pass", step())
    except TrustError as error:
        told = f"{error.subject}: {error.cause}"
        return Check(code, "fail", told.replace(aside, "") if aside else told, error.next_step)


__all__ = ["CHECKS", "NEEDS", "Check", "Outcome", "Report", "run"]
