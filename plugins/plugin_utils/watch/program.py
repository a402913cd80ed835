# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collector as one program, made of the same modules that Ansible ships with the module ``evidence``.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import ast
import hashlib
import shlex
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from ansible_collections.palantir.trust.plugins.module_utils import _bundle, _collector

INSTALLED: Final = "/usr/local/libexec/palantir.trust/collector"
"""Where a node has the program that was installed on it."""

_PACKAGE: Final = "ansible_collections.palantir.trust.plugins.module_utils"
_MODULE: Final = f"{_PACKAGE}._collector"
_DIRECTORY: Final = Path(_collector.__file__).parent
_FLAGS: Final = "-IB"
"""For Python: no module from the working directory, the environment or the user's own; no bytecode is written."""


@dataclass(frozen=True, slots=True)
class Program:
    """The collector's program.

    Attributes:
        text: its source; the end is a call that runs it.
        digest: SHA-256 of the modules that it is made of, as the collector tells it.
        packed: the source, compressed as it goes to a node.
    """

    text: str
    digest: str
    packed: bytes

    def bootstrap(self, interpreter: str) -> str:
        """Return the shell command by which a node's Python reads the packed program from its input, and runs it."""
        line = f"import sys,zlib;exec(zlib.decompress(sys.stdin.buffer.read({len(self.packed)})))"
        return f"{interpreter} {_FLAGS} -c {shlex.quote(line)}"


@cache
def program(*, installed: bool = False) -> Program:
    """Return the program.

    Args:
        installed: as a script, to be put on nodes at :data:`INSTALLED`; it takes no paths from who asks it.
    """
    sources = _sources()
    digest = hashlib.sha256(repr(sources).encode()).hexdigest()
    first = "#!/usr/bin/python3 -IB\n" if installed else ""
    call = f"run({sources!r}, {_MODULE!r}, {digest!r}, installed={installed!r})\n"
    text = f"{first}{Path(_bundle.__file__).read_text(encoding='utf-8')}\n\n{call}"
    return Program(text, digest, zlib.compress(text.encode(), 9))


def _sources() -> dict[str, str]:
    """Return the collector's module and those that it needs, by name."""
    sources: dict[str, str] = {}
    wanted = [_MODULE]
    while wanted:
        name = wanted.pop()
        if name not in sources:
            text = (_DIRECTORY / f"{name.rpartition('.')[2]}.py").read_text(encoding="utf-8")
            sources[name] = text
            wanted.extend(_imported(text))
    return dict(sorted(sources.items()))


def _imported(text: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{_PACKAGE}."):
            yield str(node.module)


__all__ = ["INSTALLED", "Program", "program"]
