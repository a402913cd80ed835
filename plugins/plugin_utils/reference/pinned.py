# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sources that are known by their digest before anything of them is read.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Final

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import ReferenceValueError
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.archive import digest_stream

_SHA256: Final = re.compile(r"[0-9a-fA-F]{64}")


def expected_sha256(path: Path, sha256: Mapping[str, str]) -> str:
    """Return the digest that a file must have, as ``sha256:hex``.

    Raises:
        ReferenceValueError: none is given for its name, or what is given is no digest.
    """
    digest = sha256.get(path.name)
    if digest is None:
        raise ReferenceValueError(str(path), "has no SHA-256 that it must have.", "name it in sha256, or remove it.")
    if not isinstance(digest, str) or not _SHA256.fullmatch(digest):
        raise ReferenceValueError(
            f"sha256 of {path.name}", f"is {printable(digest)!r}.", "give 64 hexadecimal digits, in quotes."
        )
    return f"sha256:{digest.lower()}"


def check_sha256(stream: IO[bytes], expected: str, where: str) -> None:
    """Read a file to its end, and require its digest.

    Raises:
        ReferenceValueError: it has another one.
    """
    found = digest_stream(stream)
    if found != expected:
        raise ReferenceValueError(
            where,
            f"has the digest {found}, not {expected}.",
            "fetch it again, and take the digest from the signed index of where it comes from.",
        )


__all__ = ["check_sha256", "expected_sha256"]
