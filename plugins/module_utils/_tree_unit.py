# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the drivers ``nspawn`` and ``systemd`` share: a service that runs a program from a root tree of its own.

This module is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import os
from typing import Dict

from ansible_collections.palantir.trust.plugins.module_utils import _root_tree, _units
from ansible_collections.palantir.trust.plugins.module_utils._errors import NodeError
from ansible_collections.palantir.trust.plugins.module_utils._generation import Generation
from ansible_collections.palantir.trust.plugins.module_utils._preserved import LIMIT


def unpack(generation: Generation) -> None:
    """Give a generation a fresh root tree.

    Raises:
        NodeError: ``no_command``, ``no_image``, ``bad_image``, ``not_writable``.
    """
    if not generation.command:
        raise NodeError(
            "no_command",
            "%s has no command, and a root tree has none of its own." % generation.tag,
            "name it in the flavour of the SC's descriptor.",
        )
    _root_tree.remove(generation)
    _root_tree.unpack(generation)


def write(generation: Generation, text: str) -> None:
    """Write a generation's unit.

    Raises:
        NodeError: ``not_writable``.
    """
    _units.write(_path(generation), text)


def start(generation: Generation) -> str:
    """Run a generation that is prepared, or that was stopped, and return its name in the node's control groups.

    Raises:
        NodeError: ``unit_failed``, ``systemd_failed``.
    """
    _units.start(generation.unit)
    return generation.tag


def halt(generation: Generation) -> None:
    """End all processes of a generation at once, also those that are frozen; its root tree stays."""
    # What is frozen is not to run on for a moment, as it would where it were thawed to be stopped in order.
    _units.kill(generation.unit)
    _units.stop(generation.unit)


def stop(generation: Generation) -> None:
    """Let a generation's program end."""
    _units.stop(generation.unit)


def process(generation: Generation) -> int:
    """Return the process that systemd started; 0 where it has ended."""
    told = _units.state(generation.unit).get("MainPID", "0")
    return int(told) if told.isdigit() else 0


def freeze(generation: Generation) -> bool:
    """Stop all processes of a generation where they stand; return whether any ran.

    Raises:
        NodeError: ``systemd_failed``.
    """
    known = _units.state(generation.unit)
    if known.get("ActiveState") != "active" or known.get("FreezerState") == "frozen":
        return False
    _units.freeze(generation.unit)
    return True


def preserve(generation: Generation) -> Dict[str, bytes]:
    """Return what shows how a generation was changed, by file name; all of it is hostile.

    ``inspect.json`` (what systemd knows of the service, as it says it), ``changes.json`` (paths added, changed and
    deleted since its image), ``changed-files.tar`` and ``log.txt``. Empty where it has no root tree.

    Raises:
        NodeError: ``no_image``, ``bad_image``, ``systemd_failed``.
    """
    if not os.path.isdir(generation.root):
        return {}
    return {
        "inspect.json": _units.described(generation.unit, LIMIT),
        **_root_tree.preserved(generation),
        "log.txt": _units.log_of(generation.unit, LIMIT),
    }


def remove(generation: Generation) -> bool:
    """Remove a generation's service, running or not, and its root; return whether anything was there.

    Raises:
        NodeError: ``systemd_failed``, ``not_writable``.
    """
    ran = _units.running(generation.unit)
    if ran:
        halt(generation)
    there = _units.remove(_path(generation), generation.unit)
    return _root_tree.remove(generation) or there or ran


def _path(generation: Generation) -> str:
    return os.path.join(_units.RUNTIME, generation.unit)


__all__ = ["freeze", "halt", "preserve", "process", "remove", "start", "stop", "unpack", "write"]
