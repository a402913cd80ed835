# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Templates of packages: rendered without Ansible, in a sandbox, in a process of their own that has limits.

A template of the site's own catalogue is code of the site, and may look up what it likes. One of a package is a
stranger's: it sees the variables that are named after its SC, and what the package says of itself, and no more.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import jinja2
import markupsafe

from ansible_collections.palantir.trust.plugins.plugin_utils.admission import sandbox_child
from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import AdmissionError

TEMPLATE_LIMIT: Final = 256 * 1024
"""Largest template, in bytes."""
SECONDS: Final = 20
"""For all templates of an SC, by the clock."""
OWN: Final = ("sc_name", "sc_version", "sc_flavour")
"""Variables that the package itself gives."""

_WORD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NEXT: Final = "have the developer of the package mend it."


def reads(templates: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Return for each template the variables that it reads; nothing is rendered.

    Raises:
        AdmissionError: one is no template, needs what the sandbox does not have, or takes too much to read.
    """
    answer = _ask(templates, None)
    return {name: tuple(found) for name, found in answer["reads"].items()}


def render(templates: Mapping[str, str], variables: Mapping[str, Any]) -> dict[str, str]:
    """Return what templates become.

    Args:
        templates: name → text.
        variables: JSON-safe values.

    Raises:
        AdmissionError: one fails, or takes more time, memory or room than it may have.
    """
    contents: dict[str, str] = _ask(templates, variables)["contents"]
    return contents


def foreign(sc: str, variables: Mapping[str, tuple[str, ...]], others: Iterable[str] = ()) -> list[str]:
    """Return those of the variables that an SC's templates may not read, sorted.

    Args:
        sc: the SC.
        variables: what each template reads.
        others: the SCs of the site.
    """
    scs = {sc, *others}
    wanted = {name for names in variables.values() for name in names}
    return sorted(name for name in wanted if name not in OWN and owner(name, scs) != sc)


def owner(variable: str, scs: Iterable[str]) -> str | None:
    """Return the SC that a variable of the site is for: the one with the longest name that it begins with."""
    return max((sc for sc in scs if variable.startswith(prefix(sc))), key=len, default=None)


def mentioned(sc: str, texts: Iterable[str]) -> list[str]:
    """Return the words in other SCs' templates that would be this SC's variables, sorted."""
    return sorted({word for text in texts for word in _WORD.findall(text) if word.startswith(prefix(sc))})


def prefix(sc: str) -> str:
    """Return how the variables begin that a site sets for an SC: ``dns_filter_`` for ``dns-filter``."""
    return sc.replace("-", "_") + "_"


def plain(variables: Mapping[str, Any]) -> dict[str, Any]:
    """Return values as JSON has them, so that nothing with a behaviour of its own comes into the sandbox.

    Raises:
        AdmissionError: one is no plain data.
    """
    found = {}
    for name, value in variables.items():
        try:
            found[name] = json.loads(json.dumps(value))
        except (TypeError, ValueError, RecursionError) as error:
            raise AdmissionError(
                f"variable {name}", "is no plain data.", "give texts, numbers, lists and mappings."
            ) from error
    return found


def _ask(templates: Mapping[str, str], variables: Mapping[str, Any] | None) -> dict[str, Any]:
    for name, text in templates.items():
        if len(text) > TEMPLATE_LIMIT:
            raise AdmissionError(name, f"is larger than {TEMPLATE_LIMIT} characters.", _NEXT)
    with tempfile.TemporaryFile("w+") as question, tempfile.TemporaryFile("w+b") as answer:
        json.dump({"templates": dict(templates), "variables": variables}, question)
        question.seek(0)
        try:
            code = subprocess.run(  # noqa: S603 - our own program, with the interpreter that runs this
                [sys.executable, "-s", "-P", sandbox_child.__file__],
                stdin=question,
                stdout=answer,
                stderr=subprocess.DEVNULL,
                env={"PYTHONPATH": _libraries(), "PYTHONUTF8": "1"},
                timeout=SECONDS,
                check=False,
            ).returncode
        except subprocess.TimeoutExpired:
            code = None
        answer.seek(0)
        told = _told(answer.read(sandbox_child.OUTPUT + 1)) if code == 0 else None
    if told is None:
        raise AdmissionError(
            printable(", ".join(templates), 200), "take more time or memory than templates may have.", _NEXT
        )
    if "fault" in told:
        line = f" at line {told['line']}" if told["line"] else ""
        raise AdmissionError(str(told["template"]), f"{printable(str(told['fault']).rstrip('.'), 200)}{line}.", _NEXT)
    return told


def _told(data: bytes) -> dict[str, Any] | None:
    try:
        plain = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return plain if isinstance(plain, dict) else None


def _libraries() -> str:
    """Return where the sandbox finds Jinja, and nothing else of this process."""
    return ":".join(dict.fromkeys(str(Path(str(m.__file__)).parents[1]) for m in (jinja2, markupsafe)))


__all__ = [
    "OWN",
    "SECONDS",
    "TEMPLATE_LIMIT",
    "foreign",
    "mentioned",
    "owner",
    "plain",
    "prefix",
    "reads",
    "render",
]
