# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rounds of one boot, over SSH and with a TPM: what the node sends, and what it cannot hide."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from sqlalchemy import select

from ansible_collections.palantir.trust.plugins.plugin_utils.store import attestations, schema
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store
from tests.integration.runner import Runner
from tests.lab.light import logs, tpm
from tests.lab.light.node import LightNode

TASK = "Challenge, gather evidence, verify and appraise"


class Site:
    """A site with one node that is enrolled."""

    def __init__(self, directory: Path, node: LightNode) -> None:
        self.runner = Runner(directory, [node])
        self.node = node
        self.runner.enrol()

    def attest(self) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """Return the EAR, and the evidence that the node gave for it: twice where it was asked twice."""
        before = len(self._evidence())
        ear = dict(self.runner.run("attest").result(TASK, "node1")["ear"])
        return ear, self._evidence()[before:]

    def _evidence(self) -> list[dict[str, Any]]:
        store = Store(f"sqlite:///{self.runner.directory}/store.sqlite")
        with store.transaction() as connection:
            keys = connection.execute(select(schema.evidence.c.id).order_by(schema.evidence.c.id)).scalars().all()
            found = [attestations.load_evidence(connection, key) for key in keys]
        store.close()
        return found


def codes(ear: dict[str, Any]) -> list[str]:
    return [finding["code"] for finding in ear["submods"]["os"]["palantir.findings"]]


def sent(evidence: list[dict[str, Any]]) -> list[tuple[int, bytes]]:
    return [(given["ima_log"]["offset"], base64.b64decode(given["ima_log"]["data"])) for given in evidence]


def test_rounds_of_a_boot_and_of_the_next(tmp_path: Path, node: LightNode) -> None:
    site = Site(tmp_path / "job", node)
    ear, evidence = site.attest()
    assert ear["ear_status"] == "affirming"
    first = node.ima_log.read_bytes()
    assert sent(evidence) == [(0, first)]

    node.append_measurement("/usr/bin/implant", b"evil")
    ear, evidence = site.attest()
    assert sent(evidence) == [(len(first), node.ima_log.read_bytes()[len(first) :])]
    assert evidence[0]["event_log"] is None
    assert ear["palantir.boot"]["ima_first_entry"] == ear["palantir.boot"]["ima_entries"] - 1
    assert codes(ear) == ["unknown_executable"]

    # Another program runs, and the list that the node sends shows something else in its place.
    node.append_measurement("/usr/bin/hidden", b"evil")
    true = node.ima_log.read_bytes()
    node.ima_log.write_bytes(true.replace(b"/usr/bin/hidden", b"/usr/bin/hiddeN"))
    ear, evidence = site.attest()
    assert [offset > 0 for offset, _data in sent(evidence)] == [True, False], "asked again, for all that it has"
    assert evidence[0]["nonce"] != evidence[1]["nonce"]
    assert codes(ear) == ["ima_replay_mismatch"]

    # The list ends before it; then it ends before what is known already.
    for shown in (first, b""):
        node.ima_log.write_bytes(shown)
        ear, evidence = site.attest()
        assert len(evidence) == 2
        assert ear["submods"]["os"]["ear_status"] == "contraindicated"

    node.ima_log.write_bytes(true)
    ear, evidence = site.attest()
    assert len(evidence) == 1
    assert codes(ear) == ["unknown_executable"] * 2

    node.reboot()
    ear, evidence = site.attest()
    assert sent(evidence) == [(0, node.ima_log.read_bytes())]
    assert ear["ear_status"] == "affirming"

    # A fork: PCR 10 has an entry that the list never had.
    tpm.extend(node.directory, [logs.Measurement.of(logs.IMA_PCR, b"unseen")])
    node.append_measurement("/usr/bin/implant", b"evil")
    ear, evidence = site.attest()
    assert len(evidence) == 2
    assert codes(ear) == ["ima_replay_mismatch"]


def test_a_node_that_cannot_be_given_a_program_is_asked_by_the_module(tmp_path: Path, node: LightNode) -> None:
    site = Site(tmp_path / "job", node)
    kept = {name: site.runner.directory / "env" / name for name in ("envvars", "extravars")}
    usual = {name: json.loads(path.read_text(encoding="utf-8")) for name, path in kept.items()}
    kept["envvars"].write_text(json.dumps({**usual["envvars"], "ANSIBLE_VERBOSITY": "3"}), encoding="utf-8")
    nowhere = "/nowhere/python3"
    for variables, state, by_module in (
        ({}, "attested", False),
        ({"ansible_pipelining": False}, "attested", True),
        ({"ansible_python_interpreter": nowhere}, "no_evidence", True),
    ):
        kept["extravars"].write_text(json.dumps({**usual["extravars"], **variables}), encoding="utf-8")
        job = site.runner.run("attest")
        result = job.result(TASK, "node1")
        said = "".join(str(event.get("stdout", "")) for event in job.events)
        assert (result["state"], "modules/evidence.py" in said) == (state, by_module), said[-3000:]
    assert nowhere in result["message"]
