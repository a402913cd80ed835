# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""``manifest.json``: what a package is and the digest of every file in it. It is what its developer signs.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ansible_collections.palantir.trust.plugins.plugin_utils.admission.archive import MEMBERS, is_path
from ansible_collections.palantir.trust.plugins.plugin_utils.admission.version import VERSION_RULE, is_version
from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import AdmissionError
from ansible_collections.palantir.trust.plugins.plugin_utils.names import RULE, is_name

SCHEMA: Final = "palantir.trust/package/1"
MANIFEST: Final = "manifest.json"
SIGNATURE: Final = "manifest.jws"
MANIFEST_LIMIT: Final = 256 * 1024
"""Largest manifest, in bytes."""

_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
_AGAIN: Final = "have its developer make it with palantir.trust.package of this release."
_KEYS: Final = ("schema", "sc", "version", "files")


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a package says of itself.

    Attributes:
        sc: name of the SC.
        version: of the SC.
        files: path in the package → ``sha256:hex``, without the manifest and its signature.
    """

    sc: str
    version: str
    files: Mapping[str, str]

    def encode(self) -> bytes:
        """Return the one text of a manifest."""
        plain = {"schema": SCHEMA, "sc": self.sc, "version": self.version, "files": dict(self.files)}
        return (json.dumps(plain, indent=1, sort_keys=True, ensure_ascii=True) + "\n").encode("ascii")


def package_digest(manifest: bytes) -> str:
    """Return ``sha256:hex`` of a manifest: it names the content of a package, whoever signed it and however often."""
    return "sha256:" + hashlib.sha256(manifest).hexdigest()


def parse_manifest(data: bytes, where: str) -> Manifest:
    """Read a manifest.

    Args:
        data: its bytes.
        where: its name, for errors.

    Raises:
        AdmissionError: it is larger than :data:`MANIFEST_LIMIT`, no JSON, or has a key or value that is not accepted.
    """
    plain = _object(data, where)
    if plain.get("schema") != SCHEMA:
        raise AdmissionError(where, f"has schema {printable(plain.get('schema'), 80)!r}, not {SCHEMA!r}.", _AGAIN)
    if sorted(plain) != sorted(_KEYS):
        raise AdmissionError(where, f"must have the keys {', '.join(_KEYS)} and no others.", _AGAIN)
    sc, version, files = plain["sc"], plain["version"], plain["files"]
    if not is_name(sc):
        raise AdmissionError(where, f"sc is {printable(sc, 80)!r}, which is not a name.", RULE)
    if not is_version(version):
        raise AdmissionError(where, f"version is {printable(version, 80)!r}.", VERSION_RULE)
    return Manifest(sc, version, _files(files, where))


def _files(files: object, where: str) -> dict[str, str]:
    if not isinstance(files, dict) or not files or len(files) > MEMBERS:
        raise AdmissionError(where, f"files must be a mapping of 1 to {MEMBERS} paths to digests.", _AGAIN)
    for path, digest in files.items():
        if not is_path(path) or path in (MANIFEST, SIGNATURE):
            raise AdmissionError(where, f"files has the path {printable(path, 120)!r}, which is not accepted.", _AGAIN)
        if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
            raise AdmissionError(where, f"the digest of {path} is not of the form 'sha256:hex'.", _AGAIN)
    return dict(sorted(files.items()))


def _object(data: bytes, where: str) -> dict[str, Any]:
    if len(data) > MANIFEST_LIMIT:
        raise AdmissionError(where, f"is larger than {MANIFEST_LIMIT} bytes.", _AGAIN)
    try:
        plain = json.loads(data.decode("utf-8"), object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        raise AdmissionError(where, "is no JSON, or has a key twice.", _AGAIN) from error
    if not isinstance(plain, dict):
        raise AdmissionError(where, "is no JSON object.", _AGAIN)
    return plain


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object of JSON; two readers may differ on one that has a key twice.

    Raises:
        ValueError: it has.
    """
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key comes twice")
    return found


__all__ = ["MANIFEST", "MANIFEST_LIMIT", "SCHEMA", "SIGNATURE", "Manifest", "once", "package_digest", "parse_manifest"]
