# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A home directory of its own for ansible-test, in the user's cache: its virtual environments are made once.

ansible-test hands HOME, PATH and little else down to what it starts, and keeps its environments under HOME. With a
home of its own it can be given what it needs, and nothing of the user's is touched.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.sanity.progress import say

# ansible-test downloads this script from a server of its own where the cache does not hold it; pip comes with Python.
_GET_PIP = "import ensurepip\nensurepip.bootstrap()\n"
_GET_PIP_PATH = ".ansible/test/cache/get_pip_24_2.py"
_SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"


@dataclass(frozen=True)
class Home:
    """The home directory."""

    path: Path

    @property
    def interpreters(self) -> Path:
        """Links to the interpreters by version."""
        return self.path / "interpreters"

    @property
    def environments(self) -> Path:
        """The virtual environments: test, then version, then hash of the requirements."""
        return self.path / ".ansible" / "test" / "venv"

    def environ(self) -> dict[str, str]:
        """Return the environment in which ansible-test runs."""
        path = os.pathsep.join([str(self.interpreters), str(Path(sys.executable).parent), _SYSTEM_PATH])
        return {"HOME": str(self.path), "PATH": path, "LC_ALL": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}


@contextmanager
def opened_home(pythons: Mapping[str, Path]) -> Iterator[Home]:
    """Prepare the home, held by one run at a time."""
    cache = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(cache) if cache.startswith("/") else Path.home() / ".cache"
    home = Home(base / "palantir-trust" / "sanity")
    home.interpreters.mkdir(parents=True, exist_ok=True)
    with (home.path / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for another run that uses {home.path}")
            fcntl.flock(lock, fcntl.LOCK_EX)
        _write(home.path / _GET_PIP_PATH, _GET_PIP)
        _write(home.path / ".config" / "pip" / "pip.conf", _pip_configuration())
        for version, interpreter in pythons.items():
            _link(home, version, interpreter)
        yield home


def _link(home: Home, version: str, interpreter: Path) -> None:
    link = home.interpreters / f"python{version}"
    if link.is_symlink() and link.readlink() == interpreter:
        return
    # Environments of the interpreter that was here before would go on to use the new one.
    for stale in home.environments.glob(f"*/{version}"):
        shutil.rmtree(stale)
    link.unlink(missing_ok=True)
    link.symlink_to(interpreter)


def _pip_configuration() -> str:
    """Return the user's pip configuration, from files and from the environment, as one file."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    listed = subprocess.run(command, capture_output=True, encoding="utf-8", check=True).stdout
    settings: dict[str, str] = {}
    for line in listed.splitlines():
        key, _equals, value = line.partition("=")
        section, _dot, name = key.partition(".")
        # The environment's settings, which pip marks with ":env:", are listed first and win.
        if section in {"global", "install", ":env:"} and name != "disable-pip-version-check":
            settings.setdefault(name, value.strip("'\"").replace("\\n", " "))
    return "[global]\n" + "".join(f"{name} = {value}\n" for name, value in sorted(settings.items()))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


__all__ = ["Home", "opened_home"]
