# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hash that names an image: over everything it is made from, except the mirror's packages themselves."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from tests.lab.image import apt_sources
from tests.lab.image.overlay import GUEST_TREE

IMA_POLICY = Path("roles/attester/files/ima-policy")


def inputs(checkout: Path) -> dict[str, bytes]:
    """Content of each input by name: recipe and procedures, the guest's own files, IMA policy, APT sources."""
    files = [*sorted(Path(__file__).parent.glob("*.py")), *sorted(p for p in GUEST_TREE.rglob("*") if p.is_file())]
    found = {path.relative_to(GUEST_TREE.parent).as_posix(): path.read_bytes() for path in files}
    found[IMA_POLICY.as_posix()] = (checkout / IMA_POLICY).read_bytes()
    classic, deb822 = apt_sources.collect()
    return found | {"apt/classic": classic.encode(), "apt/deb822": deb822.encode()}


def fingerprint(contents: Mapping[str, bytes]) -> str:
    """32 hexadecimal digits over names, lengths and contents, in the names' order."""
    digest = hashlib.sha256()
    for name in sorted(contents):
        digest.update(f"{len(name.encode())}:{name}:{len(contents[name])}:".encode())
        digest.update(contents[name])
    return digest.hexdigest()[:32]


__all__ = ["IMA_POLICY", "fingerprint", "inputs"]
