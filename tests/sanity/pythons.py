# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Pythons that are there: the one that runs the tests, and those that stand for the nodes'."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

NODE_VERSIONS = ("3.8", "3.9", "3.10", "3.11", "3.12", "3.13")
"""What ansible-core 2.19 supports on nodes."""

CONTROLLER_VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"

# Works without site packages, and prints the interpreter behind shims and links.
_PROBE = "import ensurepip, os, sys, venv; print('%d.%d' % sys.version_info[:2], os.path.realpath(sys.executable))"
_PROBE_S = 20.0


def find_pythons() -> dict[str, Path]:
    """Return, by version, an interpreter that can make virtual environments; the controller's own is always there."""
    found = {}
    for version in NODE_VERSIONS:
        for candidate in _candidates(version):
            real = _probed(candidate, version)
            if real is not None:
                found[version] = real
                break
    return found


def _candidates(version: str) -> Iterator[Path]:
    if version == CONTROLLER_VERSION:
        yield Path(sys.executable)
    name = f"python{version}"
    for directory in os.environ.get("PATH", os.defpath).split(os.pathsep):
        yield Path(directory, name)
    home = Path.home()
    pyenv = Path(os.environ.get("PYENV_ROOT", home / ".pyenv"))
    yield from sorted(pyenv.glob(f"versions/{version}.*/bin/{name}"))
    yield from sorted((home / ".local/share/uv/python").glob(f"cpython-{version}.*/bin/{name}"))


def _probed(candidate: Path, version: str) -> Path | None:
    if not os.access(candidate, os.X_OK):
        return None
    try:
        answer = subprocess.run(
            [candidate, "-I", "-c", _PROBE], capture_output=True, encoding="utf-8", timeout=_PROBE_S, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    seen, _space, path = answer.strip().partition(" ")
    return Path(path) if seen == version else None


__all__ = ["CONTROLLER_VERSION", "NODE_VERSIONS", "find_pythons"]
