# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reference Values as a site keeps them, edited as a reviewer edits them; and Debian packages to install."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.lab.image.esp import read_members
from tests.lab.paths import Paths
from tests.lab.progress import run_logged
from tests.scenarios.site import ScenarioError

_BUILD_S: Final = 60.0
_HOST: Final = "node-image.json"


@dataclass(frozen=True)
class Values:
    """A directory of Reference Values.

    Attributes:
        directory: what ``palantir_trust_reference_values`` names.
    """

    directory: Path

    def forget_module(self, name: str) -> None:
        """Take a kernel module out of the host's document.

        Raises:
            ScenarioError: it is not in there.
        """
        path = self.directory / _HOST
        document = json.loads(path.read_text(encoding="utf-8"))
        named = [file for file in document["files"] if file.endswith(f"/{name}.ko")]
        if not named:
            raise ScenarioError(f"{path}: names no module {name}")
        self._aside.write_bytes(path.read_bytes())
        for file in named:
            del document["files"][file]
        path.write_text(json.dumps(document), encoding="utf-8")

    def remember_module(self) -> None:
        """Undo :meth:`forget_module`."""
        self._aside.replace(self.directory / _HOST)

    @property
    def _aside(self) -> Path:
        return self.directory / "node-image.whole"


@dataclass(frozen=True)
class Package:
    """A Debian package that brings one program.

    Attributes:
        name: the package's name, and its program's below /usr/bin.
        archive: the ``.deb`` file.
    """

    name: str
    archive: Path


def build_package(paths: Paths, directory: Path, name: str) -> Package:
    """Build a package, once: its program is one of the guest's with the package's name appended, its script runs it.

    Raises:
        LabError: dpkg-deb failed.
    """
    tree, archive = directory / name, directory / f"{name}.deb"
    if archive.is_file():
        return Package(name, archive)
    shutil.rmtree(tree, ignore_errors=True)
    program = tree / "usr" / "bin" / name
    program.parent.mkdir(parents=True)
    known = read_members(paths.image / "rootfs.tar", {"id": "usr/bin/id"})["id"]
    program.write_bytes(known + name.encode())
    program.chmod(0o755)
    control = tree / "DEBIAN" / "control"
    control.parent.mkdir()
    control.write_text(
        f"Package: {name}\nVersion: 1\nArchitecture: amd64\nMaintainer: palantir.trust contributors <root@localhost>\n"
        "Description: program of the tamper matrix\n",
        encoding="ascii",
    )
    script = tree / "DEBIAN" / "postinst"
    script.write_text(f"#!/bin/sh\nset -e\n/usr/bin/{name} >/dev/null\n", encoding="ascii")
    script.chmod(0o755)
    command = ["dpkg-deb", "--root-owner-group", "--build", str(tree), str(archive)]
    run_logged(command, directory / "dpkg-deb.log", timeout_s=_BUILD_S)
    return Package(name, archive)


__all__ = ["Package", "Values", "build_package"]
