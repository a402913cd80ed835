# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Root trees of instances: unpacked from an archive that is checked each time, and compared with it afterwards.

The archive is the pristine copy. It is hashed before anything is unpacked, so each generation has what its image's id
says, whatever became of the trees of others. Every file gets an owner in the generation's range.

This module is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import shutil
import stat
import tarfile
from typing import IO, Dict, Iterator, List, NamedTuple, Optional

from ansible_collections.palantir.trust.plugins.module_utils._errors import NodeError
from ansible_collections.palantir.trust.plugins.module_utils._generation import Generation
from ansible_collections.palantir.trust.plugins.module_utils._preserved import inside, opened, packed

_MEMBERS = 500_000
_WALKED = 500_000
"""Most paths of a root that are looked at: what an instance makes there has no end of its own."""
_STEP = 1 << 20
_PLACES = (
    ("dev", 0o755),
    ("proc", 0o755),
    ("root", 0o750),
    ("run", 0o755),
    ("sys", 0o755),
    ("tmp", 0o1777),
    ("var/tmp", 0o1777),
)
"""Directories over which something is mounted, also where the image has none."""
_NAMED = 100_000
"""Most paths of each kind that a list of changes names."""


class Changes(NamedTuple):
    """Paths that are not as in the archive, in order."""

    added: List[str]
    changed: List[str]
    deleted: List[str]


def unpack(generation: Generation) -> None:
    """Unpack a generation's archive into its root, which must not be there yet.

    Raises:
        NodeError: ``no_image``, ``bad_image``, ``not_writable``.
    """
    root = generation.root
    with _opened(generation) as archive:
        try:
            os.mkdir(root, 0o755)
            os.chown(root, generation.uid_base, generation.uid_base)
            with tarfile.open(fileobj=archive, mode="r:") as tar:
                for member in _members(tar, generation):
                    _place(tar, member, generation)
            for name, mode in _PLACES:
                place = inside(root, name)
                if place is None:
                    raise _bad_image(generation, "needs a place for a mount behind a link that leads out of its root")
                _directory(place, mode, generation.uid_base)
        except tarfile.TarError as error:
            raise _bad_image(generation, "cannot be read: %s" % error) from None
        except OSError as error:
            raise NodeError(
                "not_writable", "%s: %s." % (error.filename or root, error.strerror), "check the node's disk."
            ) from None


def remove(generation: Generation) -> bool:
    """Remove a generation's root; return whether there was one.

    Raises:
        NodeError: ``not_writable``.
    """
    if not os.path.isdir(generation.root):
        return False
    try:
        shutil.rmtree(generation.root)
    except OSError as error:
        raise NodeError(
            "not_writable", "%s: %s." % (generation.root, error.strerror), "see what is still mounted there."
        ) from None
    return True


def preserved(generation: Generation) -> Dict[str, bytes]:
    """Return ``changes.json`` and ``changed-files.tar`` (the first 32 MiB) of a generation's root; hostile.

    Raises:
        NodeError: ``no_image``, ``bad_image``, ``not_writable``.
    """
    found = changes(generation)
    kept = {key: paths[:_NAMED] for key, paths in found._asdict().items() if paths}
    return {
        "changes.json": json.dumps(kept).encode("utf-8", "backslashreplace"),
        # Of what the image has there is an end; what is added could keep it from being kept.
        "changed-files.tar": packed(generation.root, [*found.changed, *found.added]),
    }


def changes(generation: Generation) -> Changes:
    """Compare a root with its archive: kind, mode, owner, and the content of each file. Times can be faked.

    Raises:
        NodeError: ``no_image``, ``bad_image``.
    """
    try:
        with _opened(generation) as archive, tarfile.open(fileobj=archive, mode="r:") as tar:
            pristine = {"/" + _name(member): member for member in _members(tar, generation)}
            plain: Dict[str, bool] = {}
            found = {path: _looks(generation.root, path, plain) for path in pristine}
            changed = [
                path
                for path, member in pristine.items()
                if (looks := found[path]) is not None and _differs(tar, member, looks, generation)
            ]
    except tarfile.TarError as error:
        raise _bad_image(generation, "cannot be read: %s" % error) from None
    # Places for mounts, and directories that the archive only implies.
    ours = {"/" + name for name, _mode in _PLACES} | {file.path for file in generation.files}
    ours |= {above for path in [*pristine, *ours] for above in _above(path)}
    walked = itertools.islice(_walked(generation.root), _WALKED)
    return Changes(
        sorted(path for path in walked if path not in pristine and path not in ours),
        sorted(changed),
        sorted(path for path in pristine if found[path] is None),
    )


def _opened(generation: Generation) -> IO[bytes]:
    """Open a generation's archive, and return it at its begin once its digest is right."""
    try:
        archive = open(generation.archive, "rb")  # noqa: SIM115 - the caller closes it
    except OSError:
        raise NodeError(
            "no_image",
            "The image %s is not on this node." % generation.image[:16],
            "bring it here with palantir.trust.deploy.",
        ) from None
    if _digest(archive) != generation.image:
        archive.close()
        raise _bad_image(generation, "is not what its name says")
    archive.seek(0)
    return archive


def _bad_image(generation: Generation, why: str) -> NodeError:
    return NodeError(
        "bad_image",
        "The archive %s %s." % (generation.archive, why),
        "remove it, bring it again with palantir.trust.deploy, and find out who changed it.",
    )


def _members(tar: tarfile.TarFile, generation: Generation) -> Iterator[tarfile.TarInfo]:
    """Yield the members of an archive but its root itself, each with a name that stays below it."""
    for number, member in enumerate(tar):
        parts = _name(member).split("/")
        if number >= _MEMBERS or (any(part in ("", "..") for part in parts) and parts != [""]):
            raise _bad_image(generation, "has too many members, or one outside of its root")
        if not (0 <= member.uid < generation.uid_count and 0 <= member.gid < generation.uid_count):
            raise _bad_image(generation, "has an owner that does not fit into a range of %d" % generation.uid_count)
        if parts != [""]:
            yield member


def _name(member: tarfile.TarInfo) -> str:
    return _shortest(member.name)


def _shortest(name: str) -> str:
    name = name.strip("/")
    return "" if name == "." else name[2:] if name.startswith("./") else name


def _place(tar: tarfile.TarFile, member: tarfile.TarInfo, generation: Generation) -> None:
    name = _name(member)
    path = inside(generation.root, name)
    if path is None:
        raise _bad_image(generation, "has a member behind a link that leads out of its root")
    if not os.path.isdir(os.path.dirname(path)):
        _directory(os.path.dirname(path), 0o755, generation.uid_base)
    mode = stat.S_IMODE(member.mode)
    if member.isdir():
        _directory(path, mode, generation.uid_base + member.uid, generation.uid_base + member.gid)
        return
    if member.islnk():
        target = inside(generation.root, _shortest(member.linkname))
        if target is None or os.path.islink(target) or not os.path.isfile(target):
            raise _bad_image(generation, "has a hard link without a file")
        os.link(target, path, follow_symlinks=False)
        return
    if member.issym():
        os.symlink(member.linkname, path)
        os.lchown(path, generation.uid_base + member.uid, generation.uid_base + member.gid)
        return
    stream = tar.extractfile(member) if member.isreg() else None
    if stream is None:
        raise _bad_image(generation, "has a member that is no file, directory or link")
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with stream, os.fdopen(descriptor, "wb") as target_file:
        shutil.copyfileobj(stream, target_file, _STEP)
        # First the owner: the kernel takes set-user-ID away with a change of it.
        os.fchown(target_file.fileno(), generation.uid_base + member.uid, generation.uid_base + member.gid)
        os.fchmod(target_file.fileno(), mode)


def _directory(path: str, mode: int, owner: int, group: Optional[int] = None) -> None:
    """Make a directory with those above it, or give the one that is there its owner and mode."""
    if os.path.islink(path):
        return
    if not os.path.isdir(path):
        if not os.path.isdir(os.path.dirname(path)):
            _directory(os.path.dirname(path), 0o755, owner)
        os.mkdir(path)
    os.chown(path, owner, owner if group is None else group)
    os.chmod(path, mode)


def _walked(root: str) -> Iterator[str]:
    for folder, folders, files in os.walk(root):
        for name in [*folders, *files]:
            yield os.path.join(folder, name)[len(root) :]


def _looks(root: str, path: str, plain: Dict[str, bool]) -> Optional[os.stat_result]:
    """Return what a path of a root is; None where there is nothing, or a link on the way to it.

    ``plain`` remembers of directories whether they are where they are called.
    """
    folder = os.path.dirname(path)
    if folder not in plain:
        plain[folder] = os.path.realpath(root + folder) == os.path.realpath(root) + folder.rstrip("/")
    try:
        return os.lstat(root + path) if plain[folder] else None
    except OSError:
        return None


def _differs(tar: tarfile.TarFile, member: tarfile.TarInfo, found: os.stat_result, generation: Generation) -> bool:
    path = generation.root + "/" + _name(member)
    if member.issym():
        return not stat.S_ISLNK(found.st_mode) or os.readlink(path) != member.linkname
    owner = (generation.uid_base + member.uid, generation.uid_base + member.gid)
    looks = (stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid)
    if not member.islnk() and looks != (stat.S_IMODE(member.mode), *owner):
        return True
    if member.isdir():
        return not stat.S_ISDIR(found.st_mode)
    stream = tar.extractfile(member)
    if stream is None or not stat.S_ISREG(found.st_mode) or (member.isreg() and found.st_size != member.size):
        return True
    return _digest_of(generation.root, _name(member)) != _digest(stream)


def _above(path: str) -> Iterator[str]:
    while path.rpartition("/")[0]:
        path = path.rpartition("/")[0]
        yield path


def _digest_of(root: str, path: str) -> Optional[str]:
    stream = opened(root, path)
    if stream is None:
        return None
    with stream:
        return _digest(stream)


def _digest(stream: IO[bytes]) -> str:
    state = hashlib.sha256()
    for chunk in iter(lambda: stream.read(_STEP), b""):
        state.update(chunk)
    return state.hexdigest()


__all__ = ["Changes", "changes", "preserved", "remove", "unpack"]
