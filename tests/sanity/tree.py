# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection as users get it: built, and installed into a tree of its own without git around it."""

from __future__ import annotations

import shutil
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.sanity.errors import SanityError
from tests.sanity.progress import require, run

_TIMEOUT_S = 120.0
_UNWANTED = ("tests/", "build/", "collections/", "molecule/", ".")
_WANTED = ("tests/", "tests/sanity/", "tests/sanity/ignore-2.19.txt")


@contextmanager
def installed(checkout: Path, work: Path, log: Path) -> Iterator[Path]:
    """Build the artifact into ``work`` and install it; yield the installed collection's directory.

    The tree is out of the checkout: inside, ansible-test would ask git for files and find all of them ignored.

    Raises:
        SanityError: it cannot be built or installed, or holds what no user needs.
    """
    galaxy = Path(sys.executable).with_name("ansible-galaxy")
    shutil.rmtree(work / "artifact", ignore_errors=True)
    build: list[str | Path] = [galaxy, "collection", "build", checkout, "--output-path", work / "artifact"]
    require(run(build, log, timeout_s=_TIMEOUT_S, cwd=work), "ansible-galaxy collection build", log)
    artifact = next((work / "artifact").glob("palantir-trust-*.tar.gz"))
    _check(artifact)
    with TemporaryDirectory(prefix="palantir-trust-sanity-") as tree:
        place: list[str | Path] = [galaxy, "collection", "install", "--offline", "--no-deps", "-p", tree, artifact]
        require(run(place, log, timeout_s=_TIMEOUT_S, cwd=work), "ansible-galaxy collection install", log)
        yield Path(tree, "ansible_collections", "palantir", "trust")


def _check(artifact: Path) -> None:
    with tarfile.open(artifact) as archive:
        names = archive.getnames()
    unwanted = [
        name
        for name in names
        if (name.startswith(_UNWANTED) and name not in _WANTED and f"{name}/" not in _WANTED) or name.endswith(".pyc")
    ]
    if unwanted:
        some = ", ".join(unwanted[:5])
        raise SanityError(f"{artifact.name}: holds {some}. Next: name them in build_ignore of galaxy.yml")


__all__ = ["installed"]
