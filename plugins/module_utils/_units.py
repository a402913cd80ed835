# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services of systemd that run generations of SC instances: their text, and what is done with them.

Units are written below /run: they are gone with the boot, so that no instance starts on a host that has not proven
itself.

This module is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import os
from typing import Dict, Iterable, List, Sequence, Tuple

from ansible_collections.palantir.trust.plugins.module_utils._commands import Tool
from ansible_collections.palantir.trust.plugins.module_utils._errors import NodeError
from ansible_collections.palantir.trust.plugins.module_utils._generation import Resources

RUNTIME = "/run/systemd/system"
SYSTEMCTL = Tool("systemctl", "systemd", "systemd")
JOURNAL = Tool("journalctl", "systemd", "systemd")
START_S = 90
STOP_S = 10
_LOG_LINES = 20000
_NOT_FOUND = 5
"""Exit status of systemctl for a unit that is not installed (systemctl(1), "Exit status")."""
_STATES = ("ActiveState", "SubState", "MainPID", "FreezerState", "Result", "ExecMainStatus")

Line = Tuple[str, str]

HARDENED = (
    ("NoNewPrivileges", "yes"),
    ("LockPersonality", "yes"),
    ("MemoryDenyWriteExecute", "yes"),
    ("PrivateDevices", "yes"),
    ("PrivateMounts", "yes"),
    ("PrivateTmp", "yes"),
    ("ProtectClock", "yes"),
    ("ProtectControlGroups", "yes"),
    ("ProtectHome", "yes"),
    ("ProtectHostname", "yes"),
    ("ProtectKernelLogs", "yes"),
    ("ProtectKernelModules", "yes"),
    ("ProtectKernelTunables", "yes"),
    ("ProtectSystem", "strict"),
    ("RestrictNamespaces", "yes"),
    ("RestrictRealtime", "yes"),
    ("RestrictSUIDSGID", "yes"),
    ("SystemCallArchitectures", "native"),
    ("SystemCallErrorNumber", "EPERM"),
    ("DevicePolicy", "closed"),
    ("KeyringMode", "private"),
    ("UMask", "0077"),
)
"""What no service that faces the network needs (systemd.exec(5)); which calls and families it has is its own matter."""


def quoted(words: Sequence[str]) -> str:
    """Return a command line as systemd.service(5) reads it back into exactly these words."""
    return " ".join(_word(word) for word in words)


def path_value(path: str) -> str:
    """Return a path as a unit's setting takes it; its characters are checked, only specifiers are left."""
    return path.replace("%", "%%")


def text(sections: Sequence[Tuple[str, Iterable[Line]]]) -> str:
    """Return a unit's text."""
    parts = ["# Written by palantir.trust for one generation of an SC instance; gone with it."]
    for name, lines in sections:
        parts += ["", "[%s]" % name, *("%s=%s" % line for line in lines)]
    return "\n".join(parts) + "\n"


def limits(resources: Resources) -> List[Line]:
    """Return the limits as settings of a unit (systemd.resource-control(5))."""
    lines: List[Line] = []
    if resources.cpu is not None:
        lines.append(("CPUQuota", "%d%%" % max(1, round(resources.cpu * 100))))
    if resources.memory is not None:
        lines += [("MemoryMax", "%d" % resources.memory), ("MemorySwapMax", "0")]
    if resources.pids is not None:
        lines.append(("TasksMax", "%d" % resources.pids))
    return lines


def write(path: str, content: str) -> None:
    """Write a unit. systemd finds by itself one that it has not loaded, and reads a directory anew that was changed.

    Raises:
        NodeError: ``not_writable``.
    """
    try:
        os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o644)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(content)
    except OSError as error:
        raise NodeError(
            "not_writable", "%s: %s." % (path, error.strerror), "check the node's disk and permissions."
        ) from None


def reread() -> None:
    """Have systemd run its generators and read all units anew, which may take seconds.

    Raises:
        NodeError: ``systemd_failed``.
    """
    SYSTEMCTL.run("daemon-reload")


def start(unit: str) -> None:
    """Start a unit, and wait until its program runs.

    Raises:
        NodeError: ``unit_failed``, with what it said last; ``systemd_failed``.
    """
    done = SYSTEMCTL.run("start", unit, check=False, seconds=START_S + 30)
    if done.status == _NOT_FOUND:
        reread()
        done = SYSTEMCTL.run("start", unit, check=False, seconds=START_S + 30)
    if done.status:
        raise NodeError(
            "unit_failed",
            "The service %s does not start: %s" % (unit, last_words(unit)),
            "see journalctl -u %s on the node." % unit,
        )


def begin(unit: str) -> None:
    """Begin to start a unit, without waiting for its program.

    Raises:
        NodeError: ``systemd_failed``.
    """
    SYSTEMCTL.run("start", "--no-block", unit)


def last_words(unit: str) -> str:
    """Return the end of what a unit said, as one bounded line."""
    done = JOURNAL.run("--unit=" + unit, "--lines=4", "--output=cat", "--no-pager", check=False, limit=4096)
    return " / ".join(" ".join(line.split()) for line in done.text.splitlines())[-500:] or "it says nothing."


def log_of(unit: str, limit: int) -> bytes:
    """Return the last lines of a unit's log."""
    lines = "--lines=%d" % _LOG_LINES
    options = ("--output=short-iso-precise", "--no-pager")
    return JOURNAL.run("--unit=" + unit, lines, *options, check=False, merge=True, limit=limit).out


def stop(unit: str) -> None:
    """Stop a unit; nothing happens where it does not run."""
    SYSTEMCTL.run("stop", unit, check=False)


def kill(unit: str) -> None:
    """End all processes of a unit at once, also those that are frozen."""
    SYSTEMCTL.run("kill", "--signal=KILL", unit, check=False)


def signal(unit: str, name: str) -> None:
    """Send a signal to a unit's main process.

    Raises:
        NodeError: ``systemd_failed``.
    """
    SYSTEMCTL.run("kill", "--kill-who=main", "--signal=" + name, unit)


def freeze(unit: str) -> None:
    """Stop all processes of a unit where they stand.

    Raises:
        NodeError: ``systemd_failed``.
    """
    SYSTEMCTL.run("freeze", unit)


def state(unit: str) -> Dict[str, str]:
    """Return what systemd knows of a unit, by property."""
    done = SYSTEMCTL.run("show", "--property=" + ",".join(_STATES), unit, check=False, limit=1 << 16)
    return dict(line.split("=", 1) for line in done.text.splitlines() if "=" in line)


def described(unit: str, limit: int) -> bytes:
    """Return all that systemd knows of a unit."""
    return SYSTEMCTL.run("show", unit, check=False, limit=limit).out


def running(unit: str) -> bool:
    """Tell whether a unit's program runs, or is frozen."""
    return state(unit).get("ActiveState") in ("active", "activating", "reloading", "deactivating")


def remove(path: str, unit: str) -> bool:
    """Forget a unit that has ended; return whether there was one. systemd lets go of it by itself."""
    if not os.path.lexists(path):
        return False
    os.unlink(path)
    SYSTEMCTL.run("reset-failed", unit, check=False)
    return True


def _word(word: str) -> str:
    # Specifiers (%) and variables ($) are looked for inside quotes, too.
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return '"%s"' % escaped if not escaped or any(sign in " ;'\"\\" for sign in escaped) else escaped


__all__ = [
    "JOURNAL",
    "RUNTIME",
    "START_S",
    "STOP_S",
    "SYSTEMCTL",
    "begin",
    "described",
    "freeze",
    "kill",
    "last_words",
    "limits",
    "log_of",
    "path_value",
    "quoted",
    "remove",
    "reread",
    "running",
    "signal",
    "start",
    "state",
    "stop",
    "text",
    "write",
]
