# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One generation of an SC instance as a podman container: start, freeze, preserve, remove.

The container has a user-namespace range of its own, no capability that was not asked for, and configuration that is
owned by its range, so that IMA attributes what it runs and reads.

Its root file system is writable, and it gets no tmpfs to run programs from. IMA logs an inode's owner as the file
system's own user namespace sees it (i_uid_read): on the overlay, which the host mounts, that is the range; on a tmpfs
that is mounted inside the namespace it is 0, and what runs there can only be told from the host's by guessing.

This module is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Sequence

from ansible_collections.palantir.trust.plugins.module_utils._errors import NodeError
from ansible_collections.palantir.trust.plugins.module_utils._isolation import end_of_instance

_COMMAND_S = 120.0
_MAX_CHANGED = 32 << 20


class File(NamedTuple):
    """A rendered configuration file: absolute path inside the container, and its content."""

    path: str
    content: str


class Generation(NamedTuple):
    """What is to run: container name, image id without prefix, owner range, capabilities and configuration.

    ``directory`` is where the instance's configuration is kept on the node.
    """

    name: str
    image: str
    uid_base: int
    uid_count: int
    capabilities: Sequence[str]
    files: Sequence[File]
    directory: str


def start(generation: Generation) -> str:
    """Remove any container of this name, start the generation, and return the container's id.

    Raises:
        NodeError: ``no_podman``, ``no_image``, ``podman_failed``, ``not_writable``.
    """
    if _run("image", "exists", generation.image, check=False).returncode:
        raise NodeError(
            "no_image",
            "The image %s is not on this node." % generation.image[:16],
            "bring it here with palantir.trust.deploy.",
        )
    _clear(generation.name, generation.directory)
    volumes = ["--volume=%s:%s:ro" % (_write(generation, item), item.path) for item in generation.files]
    mapped = "0:%d:%d" % (generation.uid_base, generation.uid_count)
    done = _run(
        "run",
        "--detach",
        "--name=" + generation.name,
        "--pull=never",
        "--network=host",
        "--uidmap=" + mapped,
        "--gidmap=" + mapped,
        "--cap-drop=all",
        *["--cap-add=" + name for name in generation.capabilities],
        "--security-opt=no-new-privileges",
        "--log-driver=k8s-file",
        *volumes,
        generation.image,
    )
    return done.stdout.decode("ascii", "replace").strip()


def freeze(name: str) -> bool:
    """Stop all processes of a container where they stand; return whether any ran.

    Raises:
        NodeError: ``no_podman``, ``podman_failed``.
    """
    if _status(name) != "running":
        return False
    _run("pause", name)
    return True


def preserve(name: str) -> Dict[str, str]:
    """Return what shows how a container was changed, as base64 texts by file name.

    ``inspect.json``, ``changes.json`` (paths added, changed and deleted since its image), ``changed-files.tar`` (the
    first 32 MiB of them) and ``log.txt`` (its end). All of it is hostile. Empty where there is no such container.

    Raises:
        NodeError: ``no_podman``, ``podman_failed``.
    """
    inspected = _run("container", "inspect", name, check=False)
    if inspected.returncode:
        return {}
    changes = _run("diff", "--format=json", name).stdout
    with _root(name, json.loads(inspected.stdout or b"[]")) as root:
        changed_files = _changed_files(root, json.loads(changes or b"{}"))
    kept = {
        "inspect.json": inspected.stdout,
        "changes.json": changes,
        "changed-files.tar": changed_files,
        "log.txt": _run("logs", "--tail=20000", name, check=False, merge=True).stdout,
    }
    return {file: base64.b64encode(data[-_MAX_CHANGED:]).decode("ascii") for file, data in kept.items()}


def remove(name: str, directory: str) -> bool:
    """Remove a container, running or not, its configuration and its isolation; return whether anything was there.

    Raises:
        NodeError: ``no_podman``, ``podman_failed``, ``not_writable``, ``no_nft``, ``nft_failed``.
    """
    there = _status(name) is not None
    return _clear(name, directory) or there


def _clear(name: str, directory: str) -> bool:
    """Remove what there is of a container; return whether there was anything besides the container itself."""
    _run("rm", "--force", "--ignore", "--time=0", name)
    # Its ports are the next generation's, which is to be reached.
    there = end_of_instance(name)
    if os.path.isdir(directory):
        there = True
        try:
            shutil.rmtree(directory)
        except OSError as error:
            raise _not_writable(directory, error) from None
    return there


def _status(name: str) -> Optional[str]:
    done = _run("container", "inspect", "--format={{.State.Status}}", name, check=False)
    return None if done.returncode else done.stdout.decode("ascii", "replace").strip()


def _write(generation: Generation, item: File) -> str:
    """Write a configuration file under a name that is ours, owned by the range, and return its path."""
    target = os.path.join(generation.directory, hashlib.sha256(item.path.encode("utf-8")).hexdigest())
    try:
        os.makedirs(generation.directory, mode=0o755, exist_ok=True)
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o444)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(item.content.encode("utf-8"))
            os.fchown(stream.fileno(), generation.uid_base, generation.uid_base)
    except OSError as error:
        raise _not_writable(target, error) from None
    return target


def _not_writable(path: str, error: OSError) -> NodeError:
    return NodeError("not_writable", "%s: %s." % (path, error.strerror), "check the node's disk and permissions.")


@contextlib.contextmanager
def _root(name: str, inspected: List[Dict[str, Any]]) -> Iterator[str]:
    """Give where a container's root is on the node: of one that runs or is frozen, podman has it mounted already."""
    layers = ((inspected[0] if inspected else {}).get("GraphDriver") or {}).get("Data") or {}
    if os.path.ismount(layers.get("MergedDir") or ""):
        yield layers["MergedDir"]
        return
    try:
        yield _run("mount", name).stdout.decode("utf-8", "replace").strip()
    finally:
        _run("umount", name, check=False)


def _changed_files(root: str, changes: Dict[str, List[str]]) -> bytes:
    """Return a tar of the files that were added or changed, read below the container's own root."""
    buffer, room = io.BytesIO(), _MAX_CHANGED
    try:
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            for path in [*changes.get("added", []), *changes.get("changed", [])]:
                inside = _inside(root, path)
                if inside is None or not os.path.isfile(inside) or os.path.islink(inside):
                    continue
                room -= os.path.getsize(inside) + 1024
                if room < 0:
                    break
                tar.add(inside, arcname=path.lstrip("/"), recursive=False)
    except OSError as error:
        raise NodeError(
            "podman_failed", "The container's files cannot be read: %s." % error.strerror, "check podman."
        ) from None
    return buffer.getvalue()


def _inside(root: str, path: str) -> Optional[str]:
    """Return where a path of a container is on the node, or None where a link would lead out of the container."""
    joined = os.path.join(root, path.lstrip("/"))
    real = os.path.realpath(os.path.dirname(joined))
    return joined if real == root or real.startswith(root.rstrip("/") + "/") else None


def _run(*arguments: str, check: bool = True, merge: bool = False) -> "subprocess.CompletedProcess[bytes]":
    try:
        done = subprocess.run(  # noqa: S603 - a list of arguments, and no shell
            ["podman", *arguments],  # noqa: S607 - where podman is, the distribution knows
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if merge else subprocess.PIPE,
            timeout=_COMMAND_S,
            check=False,
        )
    except FileNotFoundError:
        raise NodeError("no_podman", "podman is not installed.", "install the package podman.") from None
    except subprocess.TimeoutExpired:
        raise NodeError(
            "podman_failed",
            "podman %s was not done after %d s." % (arguments[0], _COMMAND_S),
            "check the node's load and its containers.",
        ) from None
    if check and done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:] or ["it says nothing"]
        raise NodeError(
            "podman_failed", "podman %s failed: %s" % (arguments[0], said[0][:500]), "run it by hand on the node."
        )
    return done


__all__ = ["File", "Generation", "freeze", "preserve", "remove", "start"]
