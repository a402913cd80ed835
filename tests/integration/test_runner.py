# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks as AWX runs them: ansible-runner, a private data directory, and a project that is this checkout."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.runner import Runner
from tests.lab.light import logs, tpm
from tests.lab.light.node import LightNode

AWX_LIMIT = 700_000  # characters; AWX puts {} in the place of a longer event
ENTRIES = 3000
PATH_LENGTH = 200


@pytest.fixture
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[LightNode]]:
    # A Unix socket's path has at most 107 characters.
    directory = tmp_path_factory.mktemp("n")
    with LightNode("node1", directory / "node1") as node1, LightNode("node2", directory / "node2") as node2:
        yield [node1, node2]


def run_unknown_programs(node: LightNode, count: int) -> None:
    """Have a node measure so many programs that no Reference Value names, each with a long path."""
    data = [logs.file_data(f"/opt/{n:05}".ljust(PATH_LENGTH, "x"), b"%d" % n, 0, 0o100755) for n in range(count)]
    with node.ima_log.open("ab") as log:
        log.writelines(map(logs.entry, data))
    tpm.extend(node.directory, (logs.Measurement.of(logs.IMA_PCR, entry) for entry in data))


def test_no_event_of_a_job_is_too_long_for_awx(tmp_path: Path, nodes: list[LightNode]) -> None:
    runner = Runner(tmp_path / "job", nodes)
    assert runner.run("reference_values").status == "successful"
    assert runner.run("enrol").status == "successful"
    assert runner.run("attest").status == "successful"

    run_unknown_programs(nodes[0], ENTRIES)
    assert nodes[0].ima_log.stat().st_size > AWX_LIMIT
    job = runner.run("attest")

    attest = "Challenge, gather evidence, verify and appraise"
    assert job.status == "failed"
    assert job.result(attest, "node1")["ear"]["submods"]["os"]["ear_status"] == "contraindicated"
    assert job.result(attest, "node2")["ear"]["ear_status"] == "affirming"
    longest = max(job.events, key=lambda event: len(json.dumps(event)))
    assert len(json.dumps(longest)) < AWX_LIMIT, f"{longest['event']} of {longest['event_data'].get('task')}"
