# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The machine's own packages: what is missing of packages.txt is installed by apt."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from tests.lab.errors import LabError
from tests.lab.paths import Paths
from tests.lab.progress import run_logged, say, step

_LIST = Path(__file__).with_name("packages.txt")
_UPDATE_S = 300.0
_INSTALL_S = 900.0


def parse_list(text: str) -> tuple[str, ...]:
    """Package names, one a line; a hash begins a comment."""
    lines = (line.split("#", 1)[0].strip() for line in text.splitlines())
    return tuple(line for line in lines if line)


def wanted() -> tuple[str, ...]:
    """The packages that the lab needs."""
    return parse_list(_LIST.read_text(encoding="utf-8"))


def missing(names: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the packages that dpkg does not know as installed."""
    query = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\\n", *names],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    installed = {line.split()[0] for line in query.stdout.splitlines() if line.endswith(" installed")}
    return tuple(name for name in names if name not in installed)


def privileged(argv: list[str]) -> list[str]:
    """The command, through sudo where this user is not root.

    Raises:
        LabError: not root, and no sudo.
    """
    if os.geteuid() == 0:
        return argv
    if shutil.which("sudo") is None:
        raise LabError(f"{argv[0]}: needs root, and sudo is not installed. Next: run the lab as root, or install sudo")
    return ["sudo", *argv]


def install(paths: Paths) -> None:
    """Install what is missing.

    Raises:
        LabError: this is no Debian, or apt failed.
    """
    if shutil.which("dpkg-query") is None or shutil.which("apt-get") is None:
        raise LabError(f"this machine has no apt-get. Next: install by hand: {' '.join(wanted())}")
    absent = missing(wanted())
    if not absent:
        say("packages: all installed")
        return
    paths.state.mkdir(parents=True, exist_ok=True)
    log = paths.state / "packages.log"
    apt = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-o", "DPkg::Lock::Timeout=120"]
    if os.geteuid() != 0:
        # sudo asks for a password at the terminal before the output goes to the log.
        subprocess.run(privileged(["true"]), check=True, timeout=120)
    with step(f"install packages: {' '.join(absent)}"):
        run_logged(privileged([*apt, "update"]), log, timeout_s=_UPDATE_S)
        run_logged(privileged([*apt, "install", "-y", "--no-install-recommends", *absent]), log, timeout_s=_INSTALL_S)


__all__ = ["install", "missing", "parse_list", "privileged", "wanted"]
