# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of podman, with a script in its place that notes each call: on a node, each one costs time."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from ansible_collections.palantir.trust.plugins.module_utils import _podman
from ansible_collections.palantir.trust.plugins.module_utils._errors import NodeError
from tests.unit.drivers.scene import generation

PODMAN = """#!/bin/sh
echo "$@" >> {home}/calls
case "$*" in
  "container inspect --format"*) echo {status} ;;
  "container inspect"*) cat {home}/inspect.json ;;
  diff*) cat {home}/diff.json ;;
  mount*) echo {home}/root ;;
esac
"""
SYSTEMCTL = """#!/bin/sh
echo "systemctl $@" >> {home}/calls
"""
Podman = Callable[[str, str], Callable[[], list[str]]]


@pytest.fixture
def podman(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Podman:
    """Return what puts the script there, for a container in a state with its root mounted somewhere."""

    def install(status: str, mounted: str) -> Callable[[], list[str]]:
        (tmp_path / "root" / "usr" / "sbin").mkdir(parents=True)
        (tmp_path / "root" / "usr" / "sbin" / "dropper").write_bytes(b"evil")
        layers = {"GraphDriver": {"Name": "overlay", "Data": {"MergedDir": mounted}}}
        (tmp_path / "inspect.json").write_text(json.dumps([layers]), encoding="utf-8")
        (tmp_path / "diff.json").write_text(json.dumps({"added": ["/usr/sbin/dropper"]}), encoding="utf-8")
        script = tmp_path / "bin" / "podman"
        script.parent.mkdir()
        script.write_text(PODMAN.format(home=tmp_path, status=status), encoding="utf-8")
        script.chmod(0o755)
        (script.parent / "systemctl").write_text(SYSTEMCTL.format(home=tmp_path), encoding="utf-8")
        (script.parent / "systemctl").chmod(0o755)
        monkeypatch.setattr(_podman, "_container_file", lambda _generation: str(tmp_path / "container"))
        monkeypatch.setenv("PATH", f"{script.parent}:/usr/bin:/bin")
        return lambda: [line.split()[0] for line in (tmp_path / "calls").read_text(encoding="utf-8").splitlines()]

    return install


def names(kept: dict[str, bytes]) -> list[str]:
    """Return what the kept archive has."""
    with tarfile.open(fileobj=io.BytesIO(kept["changed-files.tar"])) as archive:
        return archive.getnames()


def test_what_a_stopped_container_changed_is_read_below_a_mount_that_is_taken_away_again(podman: Podman) -> None:
    calls = podman("exited", "/nowhere")
    assert names(_podman.preserve(generation())) == ["usr/sbin/dropper"]
    assert calls() == ["container", "diff", "mount", "umount", "logs"]


def test_of_a_frozen_container_podman_has_the_root_mounted_and_keeps_it(podman: Podman) -> None:
    # Any mount point will do: that it has no such file shows that it was read.
    calls = podman("paused", "/proc")
    assert names(_podman.preserve(generation())) == []
    assert calls() == ["container", "diff", "logs"]


@pytest.mark.parametrize(("status", "frozen"), [("running", True), ("paused", False), ("exited", False)])
def test_only_what_runs_is_frozen(podman: Podman, status: str, frozen: bool) -> None:
    calls = podman(status, "")
    assert _podman.freeze(generation()) is frozen
    assert calls() == ["container", *(["pause"] if frozen else [])]


def test_what_is_there_is_said_when_it_is_removed(podman: Podman, tmp_path: Path) -> None:
    calls = podman("exited", "")
    (tmp_path / "container").write_text("c0" * 32)
    assert _podman.remove(generation()) is True
    assert calls() == ["rm", "systemctl"]
    assert _podman.remove(generation()) is False


def test_processes_are_ended_by_their_control_group_which_podman_would_take_longer_for(
    podman: Podman, tmp_path: Path
) -> None:
    calls = podman("paused", "")
    (tmp_path / "container").write_text("c0" * 32 + "\n")
    _podman.halt(generation())
    assert calls() == ["systemctl"]
    assert f"kill --signal=KILL libpod-{'c0' * 32}.scope" in (tmp_path / "calls").read_text()


def test_an_image_that_is_not_here_is_told_before_anything_ends(podman: Podman, tmp_path: Path) -> None:
    podman("exited", "")
    (tmp_path / "bin" / "podman").write_text("#!/bin/sh\nexit 1\n")
    with pytest.raises(NodeError, match=r"bring it here with palantir\.trust\.deploy") as caught:
        _podman.prepare(generation())
    assert caught.value.code == "no_image"
