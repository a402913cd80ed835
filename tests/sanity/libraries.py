# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Give the tests that load controller plugins the libraries that requirements.txt declares, and no others.

ansible-test has no option for that: it loads plugins with Jinja2 and PyYAML alone. With the libraries there, an
import that fails is an undeclared dependency or a real mistake, and nothing has to be ignored.
"""

from __future__ import annotations

import re
import sys
from importlib.metadata import version
from pathlib import Path

from tests.sanity.home import Home
from tests.sanity.progress import require, run, say

_TIMEOUT_S = 600.0
TESTS = ("ansible-doc", "import")
_ENVIRONMENTS = ("sanity.ansible-doc", "sanity.import.plugin")
# ansible-test brings its own of these.
_PROVIDED = {"ansible-core", "pyyaml", "jinja2"}


def provide(home: Home, requirements: Path, log: Path) -> None:
    """Install the libraries, as pinned for this environment, into every environment of those tests.

    Raises:
        SanityError: pip failed.
    """
    wanted = [f"{name}=={version(name)}" for name in _declared(requirements)]
    markers = [marker for name in _ENVIRONMENTS for marker in home.environments.glob(f"{name}/*/*/marker.txt")]
    for marker in markers:
        environment, stamp = marker.parent, marker.with_name("libraries.txt")
        if stamp.is_file() and stamp.read_text(encoding="utf-8").split() == wanted:
            continue
        say(f"libraries for {environment.parts[-3]} on Python {environment.parts[-2]}: {', '.join(wanted)}")
        pip: list[str | Path] = [sys.executable, "-m", "pip", "--python", environment / "bin" / "python"]
        pip += ["install", "--quiet", *wanted]
        require(run(pip, log, timeout_s=_TIMEOUT_S), "pip install", log)
        stamp.write_text("\n".join(wanted) + "\n", encoding="utf-8")


def _declared(requirements: Path) -> list[str]:
    lines = (line.partition("#")[0].strip() for line in requirements.read_text(encoding="utf-8").splitlines())
    names = (re.split(r"[<>=!~;\[ ]", line, maxsplit=1)[0] for line in lines if line)
    return [name for name in names if name.lower() not in _PROVIDED]


__all__ = ["TESTS", "provide"]
