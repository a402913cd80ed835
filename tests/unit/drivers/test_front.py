# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The flows that the kernel is to forget when another generation serves, with conntrack(8) as it ends in each case."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.palantir.trust.plugins.module_utils import _front
from ansible_collections.palantir.trust.plugins.module_utils._errors import NodeError

NONE = "conntrack v1.4.7 (conntrack-tools): 0 flow entries have been deleted."
GONE = "conntrack v1.4.7 (conntrack-tools): Operation failed: such conntrack doesn't exist"
DENIED = "conntrack v1.4.7 (conntrack-tools): Operation failed: Operation not permitted"


@pytest.fixture
def said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A conntrack that says a line of this file each time it is run, and fails but for an empty line."""
    program, told = tmp_path / "bin" / "conntrack", tmp_path / "said"
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh\nline=$(head -n 1 {told})\nsed -i 1d {told}\n[ -z "$line" ] && exit 0\necho "$line" >&2\nexit 1\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    return told


@pytest.mark.parametrize("lines", [[""], [NONE], [GONE, ""], [GONE, GONE, NONE]])
def test_a_flow_that_ended_by_itself_is_forgotten_as_well(said: Path, lines: list[str]) -> None:
    said.write_text("".join(f"{line}\n" for line in lines))
    _front._forget("--reply-src", "10.0.0.2")
    assert said.read_text() == "", "all that had to be tried was"


@pytest.mark.parametrize("lines", [[DENIED], [GONE, DENIED], [GONE] * 1000])
def test_what_cannot_be_forgotten_is_told(said: Path, lines: list[str]) -> None:
    said.write_text("".join(f"{line}\n" for line in lines))
    with pytest.raises(NodeError) as caught:
        _front._forget("--reply-src", "10.0.0.2")
    assert caught.value.code == "conntrack_failed"
    assert lines[-1].rpartition(":")[2] in str(caught.value)
