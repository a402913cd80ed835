# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab as a whole: the commands' Python interface, for the demo's driver and for tests."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.lab import ssh
from tests.lab.errors import LabError
from tests.lab.image.build import ensure_image
from tests.lab.image.cache import locked
from tests.lab.node import Node, is_node, node_index
from tests.lab.paths import Paths
from tests.lab.progress import say
from tests.lab.qemu import Board
from tests.lab.sc.build import ensure_sc_images
from tests.lab.wait import wait_for

DEFAULT_NODES = ("node1", "node2")
DEFAULT_SCS = ("dns-filter",)
BOOT_S = 300.0
_SHUTDOWN_S = 40.0
_LOCK_S = 900.0
# known_hosts and the configuration are written once for every node there can reasonably be.
_NAMED = tuple(f"node{n}" for n in range(1, 10))


@dataclass(frozen=True)
class NodeStatus:
    """What is seen of a node without logging in.

    Attributes:
        name: its name.
        port: SSH at 127.0.0.1.
        state: ``absent`` (never made), ``off``, ``booting`` (no SSH greeting yet), ``up``, or ``panic``.
        pids: process numbers by what they are.
    """

    name: str
    port: int
    state: str
    pids: dict[str, int]


@dataclass(frozen=True)
class Lab:
    """Nodes of one checkout. Commands that change them hold a lock: two callers never interfere."""

    paths: Paths

    @classmethod
    def default(cls) -> Lab:
        """The lab of this checkout."""
        return cls(Paths.default())

    def node(self, name: str) -> Node:
        """A node by name; it need not exist yet."""
        node_index(name)
        return Node(self.paths, name)

    def existing(self) -> list[Node]:
        """Nodes that have a directory, in order."""
        folders = self.paths.nodes.iterdir() if self.paths.nodes.is_dir() else ()
        names = [path.name for path in folders if path.is_dir() and is_node(path.name)]
        return [self.node(name) for name in sorted(names, key=node_index)]

    def image(self) -> Path:
        """The image's entry in the cache, built where absent (minutes); the lab's inventory deploys an SC besides."""
        ensure_sc_images(self.paths, DEFAULT_SCS)
        return ensure_image(self.paths)

    def sc_images(self, *names: str) -> Path:
        """The directory with these images of SCs, each built where absent (ten seconds or so)."""
        return ensure_sc_images(self.paths, names)

    def up(self, names: Sequence[str] = DEFAULT_NODES) -> None:
        """Make nodes that are not there, power on those that are off, and wait until root can log in to each.

        On an error or Ctrl-C, those that this call powered on are stopped again.

        Raises:
            LabError: a node cannot be started, or was not reached in time; the message carries its console's tail.
        """
        nodes = [self.node(name) for name in dict.fromkeys(names)]
        with self._lock():
            image = self.image()
            self._start_and_wait(nodes, image)

    def poweron(self, name: str) -> None:
        """Power on one node with the disk it has, and wait until root can log in."""
        self.up([name])

    def poweroff(self, name: str) -> None:
        """Pull a node's plug: its operating system is not told."""
        with self._lock():
            if not self.node(name).stop():
                say(f"{name}: was off")

    def shutdown(self, name: str) -> None:
        """Let a node's operating system shut down and power off; its plug is pulled where it does not in time."""
        with self._lock():
            self._shut_down([self.node(name)])
            self.node(name).stop()

    def rebuild(self, name: str, board: Board) -> None:
        """Build a node's machine of something else while it is off; a reset undoes it."""
        with self._lock():
            self.node(name).rebuild(board)

    def set_secure_boot(self, name: str, *, on: bool) -> None:
        """Turn Secure Boot on or off in the firmware of a node that is off; TPM, keys and disk stay."""
        with self._lock():
            self.node(name).set_secure_boot(on=on)

    def reboot(self, name: str) -> None:
        """Let a node's operating system reboot, and wait until root can log in to the new boot.

        Raises:
            LabError: the node cannot be logged in to, or was not back in time.
        """
        before = self._boot_id(name)
        # The connection may end before the command does.
        with suppress(LabError):
            self.ssh(name, "systemctl", "reboot", timeout_s=15.0)
        node = self.node(name)

        def rebooted() -> bool | None:
            if not node.greets():
                return None
            with suppress(LabError):
                return True if self._boot_id(name) != before else None
            return None

        begun = time.monotonic()
        wait_for(f"{name} to reboot", rebooted, timeout_s=BOOT_S, interval_s=1.0, explain=node.console_tail)
        say(f"{name}: rebooted in {time.monotonic() - begun:.1f} s")

    def _boot_id(self, name: str) -> bytes:
        done = self.ssh(name, "cat", "/proc/sys/kernel/random/boot_id")
        if done.returncode:
            raise LabError(f"{name}: its boot cannot be told. Next: python3 -m tests.lab ssh {name}")
        return done.stdout.strip()

    def down(self, *, now: bool = False) -> int:
        """Stop every process of every node; guests are shut down in order unless ``now``.

        Returns:
            How many processes ran before.

        Raises:
            LabError: a process could not be ended.
        """
        with self._lock():
            nodes = [node for node in self.existing() if node.running()]
            before = [record for node in nodes for record in node.running()]
            if not now:
                self._shut_down([node for node in nodes if node.is_on()])
            stopped = [record for node in nodes for record in node.stop()]
            left = [record for record in before if record.is_running()]
        for record in before:
            if record not in stopped and record not in left:
                say(f"{record.name} (process {record.pid}) ended with its guest's shutdown")
        if left:
            raise LabError("still running: " + ", ".join(f"{record.name} ({record.pid})" for record in left))
        say(f"down: {len(before)} processes of {len(nodes)} nodes ran, none is left")
        return len(before)

    def reset(self, names: Sequence[str] = (), *, tpm: bool = False) -> None:
        """Fresh disks from the image; the TPM keeps its identity unless ``tpm``. Nodes that ran are booted again."""
        nodes = [self.node(name) for name in names] or self.existing()
        with self._lock():
            image = self.image()
            ran = [node for node in nodes if node.is_on()]
            for node in nodes:
                node.stop()
                node.wipe(tpm=tpm)
                say(f"{node.name}: disk{' and TPM' if tpm else ''} reset")
            self._start_and_wait(ran, image)

    def ssh(
        self, name: str, *remote: str, timeout_s: float = 60.0, stdin: bytes = b""
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a command on a node as root; see :func:`tests.lab.ssh.run`."""
        return ssh.run(self.paths, self.node(name).name, remote, timeout_s=timeout_s, stdin=stdin)

    def status(self) -> list[NodeStatus]:
        """What is seen of each node."""
        nodes = self.existing() or [self.node(name) for name in DEFAULT_NODES]
        return [NodeStatus(node.name, node.port, _state(node), _pids(node)) for node in nodes]

    def wait_login(self, names: Sequence[str], *, timeout_s: float = BOOT_S) -> None:
        """Wait until root can log in to each of these nodes.

        Raises:
            DeadlineError: the deadline passed; the message carries the console's tail.
            LabError: a node's QEMU ended or its kernel panicked.
        """
        begun = time.monotonic()
        pending = [self.node(name) for name in names]

        def all_up() -> bool | None:
            for node in [node for node in pending if node.greets()]:
                ssh.run(self.paths, node.name, ["true"], timeout_s=60.0)
                pending.remove(node)
                seconds = time.monotonic() - begun
                say(f"{node.name}: up after {seconds:.1f} s (ssh -F {self.paths.ssh}/config {node.name})")
            return None if pending else True

        wait_for(
            f"SSH of {', '.join(f'{node.name} (127.0.0.1:{node.port})' for node in pending)}",
            all_up,
            timeout_s=timeout_s,
            explain=lambda: "\n".join(f"no SSH: {node.name}\n{node.console_tail()}" for node in pending),
        )

    @contextmanager
    def _lock(self) -> Iterator[None]:
        with locked(self.paths.state / "lock", "another command of the lab to end", timeout_s=_LOCK_S):
            yield

    def _start_and_wait(self, nodes: Sequence[Node], image: Path) -> None:
        known = (*_NAMED, *(node.name for node in nodes))
        ssh.install(self.paths, {name: self.node(name).port for name in known})
        started: list[Node] = []
        try:
            for node in nodes:
                if node.is_on():
                    if node.boots_from(image):
                        continue
                    say(f"{node.name}: runs another image, and is started anew")
                started.append(node)
                node.prepare(image)
                node.start(image)
                say(f"{node.name}: powered on")
            self.wait_login([node.name for node in nodes])
        except BaseException:
            for node in started:
                node.stop()
            raise

    def _shut_down(self, nodes: Sequence[Node]) -> None:
        """Ask guests to shut down, together; those that do not in time have their plug pulled by the caller."""
        asked = []
        for node in nodes:
            try:
                ssh.run(self.paths, node.name, ["systemctl", "poweroff"], timeout_s=15.0)
                asked.append(node)
            except LabError as error:
                say(f"{node.name}: cannot be shut down in order, its plug is pulled: {error}")
        try:
            wait_for(
                "the guests to shut down",
                lambda: None if any(node.is_on() for node in asked) else True,
                timeout_s=_SHUTDOWN_S,
            )
        except LabError as error:
            say(str(error))


def _state(node: Node) -> str:
    if not node.directory.is_dir():
        return "absent"
    if not node.is_on():
        return "off"
    try:
        return "up" if node.greets() else "booting"
    except LabError:
        return "panic"


def _pids(node: Node) -> dict[str, int]:
    return {record.name.removeprefix(f"{node.name} "): record.pid for record in node.running()}


__all__ = ["BOOT_S", "DEFAULT_NODES", "Lab", "NodeStatus"]
