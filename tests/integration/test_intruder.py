# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the scenarios' intruder does on a node, done to an SC that runs on this machine."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from tests.integration.cage import BASE, Caged, caged, unpack
from tests.integration.scs import needs_root
from tests.lab.paths import Paths
from tests.lab.sc.build import ensure_sc_images
from tests.lab.sc.recipes import RECIPES
from tests.lab.wait import wait_for
from tests.scenarios import intruder

pytestmark = needs_root
PROGRAM = "/usr/sbin/dnsmasq"
as_it_runs = partial(caged, capabilities=("SETGID", "SETUID"), fixed=("/etc/dnsmasq.conf",))


@dataclass(frozen=True)
class Victim:
    """An instance, told by the directory that its mounts come from."""

    name: str
    root: Path
    cage: Caged

    def suffer(self, verb: str, *rest: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-", verb, self.name, PROGRAM, *rest]
        code = Path(intruder.__file__).read_text(encoding="utf-8")
        return subprocess.run(command, input=code, capture_output=True, text=True, timeout=30, check=False)

    def owner(self, path: str) -> tuple[int, int]:
        found = os.stat(self.root / path.lstrip("/"))
        return found.st_uid, found.st_gid


@pytest.fixture
def victim(tmp_path: Path) -> Iterator[Victim]:
    images = ensure_sc_images(Paths.default(), ["dns-filter"])
    name = f"victim-{os.getpid()}"
    root = tmp_path / name / "g1" / "root"
    root.mkdir(parents=True)
    os.chown(root, BASE, BASE)
    unpack(images / "dns-filter.rootfs.tar", root)
    argv = RECIPES["dns-filter"].entrypoint
    with as_it_runs(root, argv, log=tmp_path / "log") as cage:
        wait_for("the program", lambda: intruder.processes(name, PROGRAM) or None, timeout_s=10, interval_s=0.05)
        yield Victim(name, root, cage)


def test_a_new_program_is_brought_in_and_run_by_a_user_of_the_range(victim: Victim) -> None:
    done = victim.suffer("drop", "mark")
    assert (done.returncode, done.stdout, done.stderr) == (0, "/usr/sbin/dropper\n", "")
    assert (victim.root / "usr/sbin/dropper").read_bytes() == (victim.root / "usr/sbin/dnsmasq").read_bytes() + b"mark"
    assert victim.owner("/usr/sbin/dropper") == (BASE, BASE)


def test_a_program_that_runs_is_changed(victim: Victim) -> None:
    before = (victim.root / PROGRAM[1:]).read_bytes()
    done = victim.suffer("modify", "mark")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{PROGRAM}\n", "")
    assert (victim.root / PROGRAM[1:]).read_bytes() == before + b"mark"
    assert victim.owner(PROGRAM) == (BASE, BASE)


def test_a_file_is_read_and_a_signal_sent(victim: Victim) -> None:
    assert victim.suffer("read", "/etc/dnsmasq.conf").returncode == 0
    assert "No such file" in victim.suffer("read", "/etc/shadow").stderr
    assert victim.suffer("signal", str(signal.SIGKILL.value)).returncode == 0
    wait_for("its end", lambda: not intruder.processes(victim.name, PROGRAM) or None, timeout_s=10, interval_s=0.05)
    done = victim.suffer("drop", "mark")
    assert (done.returncode, done.stderr) == (1, f"nothing runs {PROGRAM} in {victim.name}\n")


def test_whoever_sits_beside_an_instance_changes_its_successor_too(victim: Victim, tmp_path: Path) -> None:
    watcher = int(victim.suffer("keep", "mark").stdout)
    try:
        assert (victim.root / PROGRAM[1:]).read_bytes().endswith(b"mark")
        after = victim.root.parent.parent / "g2" / "root"
        after.mkdir(parents=True)
        os.chown(after, BASE, BASE)
        unpack(Paths.default().sc_images / "dns-filter.rootfs.tar", after)
        argv = RECIPES["dns-filter"].entrypoint
        with as_it_runs(after, argv, log=tmp_path / "log2"):
            changed = after / PROGRAM[1:]
            wait_for("the change", lambda: changed.read_bytes().endswith(b"mark") or None, timeout_s=10, interval_s=0.1)
    finally:
        os.kill(watcher, signal.SIGKILL)
        shutil.rmtree(victim.root.parent.parent / "g2", ignore_errors=True)
