# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Driver ``podman``: a generation is a container, run by a service: a quadlet where podman knows these, else a unit.

The container has a user-namespace range of its own, no capability that was not asked for, and configuration that is
owned by its range, so that IMA attributes what it runs and reads.

Its root file system is writable, and it gets no tmpfs to run programs from. IMA logs an inode's owner as the file
system's own user namespace sees it (i_uid_read): on the overlay, which the host mounts, that is the range; on a tmpfs
that is mounted inside the namespace it is 0, and what runs there can only be told from the host's by guessing.

A quadlet's container is removed when it ends (podman-systemd.unit(5)); that of a unit of ours stays, with what shows
how it was changed.

This module is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from typing import Any, Dict, Iterator, List, Optional

from ansible_collections.palantir.trust.plugins.module_utils import _units
from ansible_collections.palantir.trust.plugins.module_utils._commands import Done, Tool
from ansible_collections.palantir.trust.plugins.module_utils._errors import NodeError
from ansible_collections.palantir.trust.plugins.module_utils._generation import Generation
from ansible_collections.palantir.trust.plugins.module_utils._instance_files import mounts
from ansible_collections.palantir.trust.plugins.module_utils._preserved import LIMIT, packed
from ansible_collections.palantir.trust.plugins.module_utils._private_network import connect
from ansible_collections.palantir.trust.plugins.module_utils._text_files import read_text

PODMAN = Tool("podman", "podman", "podman")
QUADLETS = "/etc/containers/systemd"
"""Read by every podman that has quadlets; nothing in it starts by itself without a section ``[Install]``."""
_GENERATOR = "/usr/lib/systemd/system-generators/podman-system-generator"
_LABEL = "palantir.trust.instance="
_ID = re.compile(r"[0-9a-f]{64}")
_LOG_LINES = "--tail=20000"
_NAMES = 1 << 20


def prepare(generation: Generation) -> None:
    """Make all ready to run a generation.

    Raises:
        NodeError: ``no_podman``, ``no_image``, ``systemd_failed``, ``not_writable``.
    """
    podman, quadlets = PODMAN.path(), _by_quadlet(generation)
    if _podman("image", "exists", generation.image, check=False).status:
        raise NodeError(
            "no_image",
            "The image %s is not on this node." % generation.image[:16],
            "bring it here with palantir.trust.deploy.",
        )
    if quadlets:
        _units.write(_path(generation, quadlets), quadlet(generation))
        _units.reread()
        return
    _units.write(_path(generation, quadlets), unit(generation, podman))
    if generation.private:
        _forget(generation)
        _podman(*_created(generation))


def start(generation: Generation) -> str:
    """Run a generation that is prepared, or that was stopped, and return its container's id.

    Raises:
        NodeError: ``unit_failed``, ``systemd_failed``, ``podman_failed``, the codes of the network.
    """
    if generation.private:
        # Its namespaces are made with it; it is connected before its program begins.
        _podman("init", generation.tag)
        process = _podman("container", "inspect", "--format={{.State.Pid}}", generation.tag).text
        connect(generation, int(process) if process.isdigit() else 0)
    _units.start(generation.unit)
    return _container(generation)


def halt(generation: Generation) -> None:
    """End all processes of a generation at once, also those that are frozen; its container stays.

    Raises:
        NodeError: ``podman_failed``, ``systemd_failed``.
    """
    container = _container(generation)
    if container:
        _units.kill("libpod-%s.scope" % container)
    elif _status(generation.tag) is not None:
        _podman("kill", "--signal=KILL", generation.tag, check=False)


def stop(generation: Generation) -> None:
    """Let a generation's program end."""
    _units.stop(generation.unit)


def reload(generation: Generation) -> None:
    """Tell a generation's program to read its configuration anew.

    Raises:
        NodeError: ``podman_failed``.
    """
    _podman("kill", "--signal=HUP", generation.tag)


def process(generation: Generation) -> int:
    """Return the first process of a generation's container; 0 where it does not run.

    Raises:
        NodeError: ``no_podman``, ``podman_failed``.
    """
    told = _podman("container", "inspect", "--format={{.State.Pid}}", generation.tag, check=False).text
    return int(told) if told.isdigit() else 0


def freeze(generation: Generation) -> bool:
    """Stop all processes of a generation where they stand; return whether any ran.

    Raises:
        NodeError: ``no_podman``, ``podman_failed``.
    """
    if _status(generation.tag) != "running":
        return False
    _podman("pause", generation.tag)
    return True


def preserve(generation: Generation) -> Dict[str, bytes]:
    """Return what shows how a generation was changed, by file name; all of it is hostile.

    ``inspect.json``, ``changes.json`` (paths added, changed and deleted since its image), ``changed-files.tar`` and
    ``log.txt``. Empty where there is no such container.

    Raises:
        NodeError: ``no_podman``, ``podman_failed``.
    """
    tag = generation.tag
    inspected = _podman("container", "inspect", tag, check=False)
    if inspected.status:
        return {}
    changes = _podman("diff", "--format=json", tag).out
    with _root(tag, json.loads(inspected.out or b"[]")) as root:
        changed_files = _changed_files(root, changes)
    return {
        "inspect.json": inspected.out,
        "changes.json": changes,
        "changed-files.tar": changed_files,
        "log.txt": _podman("logs", _LOG_LINES, tag, check=False, merge=True).out,
    }


def remove(generation: Generation) -> bool:
    """Remove a generation's container, running or not, and its service; return whether anything was there.

    Raises:
        NodeError: ``podman_failed``, ``systemd_failed``.
    """
    # Before its service: a container that is paused cannot be stopped, and may not run on for a moment.
    there = PODMAN.found() is not None and os.path.lexists(_container_file(generation))
    if PODMAN.found() is not None:
        _podman("rm", "--force", "--ignore", "--time=0", generation.tag)
    _units.stop(generation.unit)
    removed = [_units.remove(_path(generation, quadlets), generation.unit) for quadlets in (True, False)]
    _forget(generation)
    return there or any(removed)


def tags(name: str) -> List[str]:
    """Return the containers of an instance, also those that no record tells of."""
    if PODMAN.found() is None:
        return []
    options = ("--all", "--filter=label=" + _LABEL + name, "--format={{.Names}}")
    return _podman("ps", *options, check=False, limit=_NAMES).text.split()


def unit(generation: Generation, podman: str) -> str:
    """Return the unit of a generation, for a podman without quadlets."""
    if generation.private:
        begin = [
            ("Type", "forking"),
            ("PIDFile", _monitor_file(generation)),
            ("ExecStart", _units.quoted([podman, "start", generation.tag])),
        ]
    else:
        run = [podman, "run", "--detach", "--cgroups=no-conmon", "--sdnotify=conmon", *_own(generation)]
        begin = [
            ("Type", "notify"),
            ("NotifyAccess", "all"),
            # podman refuses to write over it, where the service is restarted by hand.
            ("ExecStartPre", _units.quoted(["/bin/rm", "-f", _container_file(generation)])),
            ("ExecStart", _units.quoted(run)),
        ]
    service = [
        *begin,
        ("Environment", "PODMAN_SYSTEMD_UNIT=%n"),
        ("ExecStop", _units.quoted([podman, "stop", "--ignore", "--time=%d" % _units.STOP_S, generation.tag])),
        ("Restart", "no"),
        ("Delegate", "yes"),
        ("TimeoutStartSec", "%d" % _units.START_S),
        ("TimeoutStopSec", "%d" % (3 * _units.STOP_S)),
    ]
    return _units.text([("Unit", _description(generation)), ("Service", service)])


def quadlet(generation: Generation) -> str:
    """Return the quadlet of a generation (podman-systemd.unit(5)), with the keys that podman 4.4 knows."""
    container = [
        ("ContainerName", generation.tag),
        ("Image", generation.image),
        ("PodmanArgs", _units.quoted(_options(generation))),
        ("Network", _network(generation)),
        ("DropCapability", "all"),
        ("NoNewPrivileges", "true"),
        *(("AddCapability", "CAP_" + name) for name in generation.capabilities),
        *(("Volume", "%s:%s:ro" % pair) for pair in mounts(generation)),
    ]
    service = [
        ("Restart", "no"),
        ("TimeoutStartSec", "%d" % _units.START_S),
        ("TimeoutStopSec", "%d" % (3 * _units.STOP_S)),
    ]
    return _units.text([("Unit", _description(generation)), ("Container", container), ("Service", service)])


def _description(generation: Generation) -> List[_units.Line]:
    return [("Description", "SC instance %s, generation %d (podman)" % (generation.name, generation.number))]


def _options(generation: Generation) -> List[str]:
    """Return what a quadlet of podman 4.4 has no keys for."""
    mapped = "0:%d:%d" % (generation.uid_base, generation.uid_count)
    cpu, memory, pids = generation.resources
    options = [
        "--pull=never",
        "--label=%s%s" % (_LABEL, generation.name),
        "--uidmap=" + mapped,
        "--gidmap=" + mapped,
        "--log-driver=k8s-file",
        # What it says must not fill the node's disk. As much is kept as evidence would bring.
        "--log-opt=max-size=%db" % LIMIT,
    ]
    options += [] if cpu is None else ["--cpus=%g" % cpu]
    options += [] if memory is None else ["--memory=%db" % memory, "--memory-swap=%db" % memory]
    options += [] if pids is None else ["--pids-limit=%d" % pids]
    # In JSON form it takes the place of the image's command, too.
    options += ["--entrypoint=" + json.dumps(list(generation.command))] if generation.command else []
    return options


def _own(generation: Generation) -> List[str]:
    """Return what follows ``podman run`` or ``podman create`` where there is no quadlet."""
    named = ["--replace", "--name=" + generation.tag, "--cidfile=" + _container_file(generation)]
    return [*named, *_options(generation), *_isolated(generation), generation.image]


def _created(generation: Generation) -> List[str]:
    return ["create", "--conmon-pidfile=" + _monitor_file(generation), *_own(generation)]


def _isolated(generation: Generation) -> List[str]:
    """Return what a quadlet has keys for."""
    return [
        "--network=" + _network(generation),
        "--cap-drop=all",
        *["--cap-add=" + name for name in generation.capabilities],
        "--security-opt=no-new-privileges",
        *["--volume=%s:%s:ro" % pair for pair in mounts(generation)],
    ]


def _network(generation: Generation) -> str:
    # None is a namespace without a cable, which it gets from this module.
    return "none" if generation.private else "host"


def _by_quadlet(generation: Generation) -> bool:
    """Tell whether a quadlet runs a generation. One cannot be connected between its making and its start."""
    return not generation.private and os.path.exists(_GENERATOR)


def _container_file(generation: Generation) -> str:
    """Return where the container's id is: where quadlets have it, too."""
    return "/run/%s.cid" % generation.unit[: -len(".service")]


def _monitor_file(generation: Generation) -> str:
    return "/run/%s.pid" % generation.unit[: -len(".service")]


def _forget(generation: Generation) -> None:
    """Remove the files that tell of a container; podman refuses to write over them."""
    for path in (_container_file(generation), _monitor_file(generation)):
        if os.path.lexists(path):
            os.unlink(path)


def _container(generation: Generation) -> str:
    told = (read_text(_container_file(generation), 256) or "").strip()
    return told if _ID.fullmatch(told) else ""


def _path(generation: Generation, quadlets: bool) -> str:
    if quadlets:
        return os.path.join(QUADLETS, generation.unit[: -len(".service")] + ".container")
    return os.path.join(_units.RUNTIME, generation.unit)


def _status(tag: str) -> Optional[str]:
    done = _podman("container", "inspect", "--format={{.State.Status}}", tag, check=False)
    return None if done.status else done.text


@contextlib.contextmanager
def _root(tag: str, inspected: List[Dict[str, Any]]) -> Iterator[str]:
    """Give where a container's root is on the node: of one that runs or is frozen, podman has it mounted already."""
    layers = ((inspected[0] if inspected else {}).get("GraphDriver") or {}).get("Data") or {}
    if os.path.ismount(layers.get("MergedDir") or ""):
        yield layers["MergedDir"]
        return
    try:
        yield _podman("mount", tag).text
    finally:
        _podman("umount", tag, check=False)


def _changed_files(root: str, changes: bytes) -> bytes:
    """Return a tar of the files that were added or changed, read below the container's own root."""
    try:
        told: Dict[str, List[str]] = json.loads(changes or b"{}")
    except ValueError:  # so many that their list was cut
        return b""
    return packed(root, [*told.get("changed", []), *told.get("added", [])])


def _podman(*arguments: str, check: bool = True, merge: bool = False, limit: int = LIMIT) -> Done:
    return PODMAN.run(*arguments, check=check, merge=merge, limit=limit)


__all__ = [
    "PODMAN",
    "QUADLETS",
    "freeze",
    "halt",
    "prepare",
    "preserve",
    "process",
    "quadlet",
    "reload",
    "remove",
    "start",
    "stop",
    "tags",
    "unit",
]
