# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node keeps of a generation: its record, and its rendered configuration.

Configuration lies outside the instance's root and is mounted over it, read-only: under names that are ours, in a
directory that only root and the range can pass. So nothing that the instance does can lead a write of ours elsewhere.
It belongs to the range, so that IMA attributes its reading.

This module is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from typing import Dict, List, Optional, Sequence, Tuple

from ansible_collections.palantir.trust.plugins.module_utils._errors import NodeError
from ansible_collections.palantir.trust.plugins.module_utils._generation import File, Generation, record, recorded
from ansible_collections.palantir.trust.plugins.module_utils._text_files import read_text

_RECORD = "generation.json"
_PROMOTED = "promoted"
_NUMBERED = re.compile(r"g([1-9][0-9]{0,9})")
_RECORD_LIMIT = 1 << 20


def mounts(generation: Generation) -> List[Tuple[str, str]]:
    """Return where each configuration file is on the node, and where in the instance."""
    return [(_kept(generation, file.path), file.path) for file in generation.files]


def digests(files: Sequence[File]) -> Dict[str, str]:
    """Return ``sha256:hex`` of each file's content, by its path in the instance."""
    return {file.path: "sha256:" + hashlib.sha256(file.content.encode("utf-8")).hexdigest() for file in files}


def lay_out(generation: Generation) -> None:
    """Make a generation's directory with its record and configuration.

    Raises:
        NodeError: ``not_writable``.
    """
    folder = os.path.join(generation.place, "config")
    try:
        os.makedirs(folder, mode=0o755, exist_ok=True)
        # A user of the node could else run what has set-user-ID in its root, and be one of the range.
        os.chown(generation.place, 0, generation.uid_base)
        os.chmod(generation.place, 0o710)  # noqa: S103 - its group is the range, and nobody of the node
        os.chown(folder, 0, generation.uid_base)
        os.chmod(folder, 0o750)  # noqa: S103 - its group is the range, and nobody of the node
        for file in generation.files:
            kept = _kept(generation, file.path)
            if os.path.lexists(kept):
                os.unlink(kept)
            _write(kept, file.content, generation.uid_base)
        _write(os.path.join(generation.place, _RECORD), json.dumps(record(generation), sort_keys=True), 0)
    except OSError as error:
        raise _not_writable(generation.place, error) from None


def changed(generation: Generation) -> List[File]:
    """Return those of a generation's files whose content is not what the node keeps."""
    wanted = digests(generation.files)
    return [file for file in generation.files if _digest(_kept(generation, file.path)) != wanted[file.path]]


def rewrite(generation: Generation, files: Sequence[File]) -> None:
    """Write files anew where they are: a mount shows the file that it was made of, and no other.

    Raises:
        NodeError: ``not_writable``.
    """
    for file in files:
        kept = _kept(generation, file.path)
        try:
            descriptor = os.open(kept, os.O_WRONLY | os.O_NOFOLLOW)
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(file.content.encode("utf-8"))
                stream.truncate()
        except OSError as error:
            raise _not_writable(kept, error) from None


def numbers(directory: str) -> List[int]:
    """Return the numbers of all generations that an instance's directory has something of, in order."""
    try:
        names = os.listdir(directory)
    except OSError:
        return []
    return sorted(int(found.group(1)) for found in map(_NUMBERED.fullmatch, names) if found)


def read(directory: str, number: int) -> Optional[Generation]:
    """Return a generation by its record; None where it has none that can be read."""
    kept = read_text(os.path.join(directory, "g%d" % number, _RECORD), _RECORD_LIMIT)
    try:
        plain = json.loads(kept or "")
        found = recorded(plain, directory) if isinstance(plain, dict) else None
    except (ValueError, NodeError):
        return None
    return found if found is not None and found.number == number else None


def promoted(directory: str) -> Optional[int]:
    """Return the number of the generation that was promoted last; None where none was."""
    kept = read_text(os.path.join(directory, _PROMOTED), 64) or ""
    return int(kept) if kept.isdigit() else None


def note_promoted(directory: str, number: int) -> None:
    """Note which generation is promoted.

    Raises:
        NodeError: ``not_writable``.
    """
    path = os.path.join(directory, _PROMOTED)
    try:
        if os.path.lexists(path):
            os.unlink(path)
        _write(path, "%d" % number, 0)
    except OSError as error:
        raise _not_writable(path, error) from None


def forget(directory: str, number: Optional[int] = None) -> bool:
    """Remove what is kept of a generation, or of all and the instance; return whether there was anything.

    Raises:
        NodeError: ``not_writable``.
    """
    path = directory if number is None else os.path.join(directory, "g%d" % number)
    if not os.path.isdir(path):
        return False
    try:
        shutil.rmtree(path)
        if number is not None and promoted(directory) == number:
            os.unlink(os.path.join(directory, _PROMOTED))
    except OSError as error:
        raise _not_writable(path, error) from None
    return True


def _kept(generation: Generation, path: str) -> str:
    return os.path.join(generation.place, "config", hashlib.sha256(path.encode("utf-8")).hexdigest())


def _digest(path: str) -> Optional[str]:
    try:
        with open(path, "rb") as stream:
            return "sha256:" + hashlib.sha256(stream.read()).hexdigest()
    except OSError:
        return None


def _write(path: str, content: str, owner: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o444)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content.encode("utf-8"))
        os.fchown(stream.fileno(), owner, owner)


def _not_writable(path: str, error: OSError) -> NodeError:
    return NodeError("not_writable", "%s: %s." % (path, error.strerror), "check the node's disk and permissions.")


__all__ = [
    "changed",
    "digests",
    "forget",
    "lay_out",
    "mounts",
    "note_promoted",
    "numbers",
    "promoted",
    "read",
    "rewrite",
]
