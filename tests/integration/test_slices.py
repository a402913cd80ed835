# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet attested by three workers on one PostgreSQL; one dies, its nodes are picked up, and nothing is done twice.

``make slices`` runs it, with 300 light nodes; PALANTIR_TRUST_TEST_SLICE_NODES says how many.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select

from ansible_collections.palantir.trust.plugins.plugin_utils.reference.document import write
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.make import make
from ansible_collections.palantir.trust.plugins.plugin_utils.store import incidents, ledger, schema, signing_key
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store
from tests.integration.fleet import enrol, fleet
from tests.integration.slices import Site, Worker, copy_of_the_checkout, slice_of
from tests.lab.light.node import LightNode
from tests.lab.paths import CHECKOUT
from tests.unit.store.postgresql import MissingError, server

NODES = int(os.environ.get("PALANTIR_TRUST_TEST_SLICE_NODES", "0"))
SLICES = 3
AWX_LIMIT = 700_000
RULES = """
decision_table: all
hit_policy: UNIQUE
inputs:
  - {name: tier, type: string, values: [none, affirming, warning, contraindicated]}
  - {name: attempt, type: integer, range: "[0..9]"}
outputs:
  - {name: verb, type: string, values: [fence, hold, observe]}
rules:
  - id: fence
    when: {tier: contraindicated, attempt: 0}
    then: {verb: fence}
    confirmation: fresh_quote
  - {id: person, when: {tier: contraindicated, attempt: "> 0"}, then: {verb: hold}}
  - {id: nothing, when: {tier: not(contraindicated)}, then: {verb: observe}}
"""


pytestmark = pytest.mark.skipif(not NODES, reason="takes minutes: make slices runs it")


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[LightNode]]:
    # A Unix socket's path has at most 107 characters.
    with fleet(tmp_path_factory.mktemp("n"), [f"node{n:03}" for n in range(NODES)]) as nodes:
        yield nodes


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, nodes: list[LightNode]) -> Iterator[Site]:
    home = tmp_path_factory.mktemp("awx")
    copy_of_the_checkout(home / "project")
    (home / "rules").mkdir()
    (home / "rules" / "all.yml").write_text(RULES, encoding="utf-8")
    policy = home / "image" / "etc" / "ima" / "ima-policy"
    policy.parent.mkdir(parents=True)
    policy.write_bytes((CHECKOUT / "roles/attester/files/ima-policy").read_bytes())
    (home / "reference_values").mkdir()
    write(make("host", "light", home / "image", datetime.now(UTC)), home / "reference_values" / "light.json")
    try:
        with server() as url:
            enrol(nodes, Store(url))
            yield Site(
                home,
                home / "project",
                url,
                signing_key.load_or_create(home / "key.pem"),
                {
                    # As the configuration of AWX names what is beside a site's inventory.
                    "palantir_trust_catalogue": "{{ playbook_dir }}/../inventories/lab/catalogue",
                    "palantir_trust_reference_values": str(home / "reference_values"),
                    "palantir_trust_rules": str(home / "rules"),
                    "palantir_trust_evidence": str(home / "evidence"),
                    "palantir_trust_limits": {"max_in_repair": NODES},
                },
                {"localhost": {"ansible_connection": "local"}, **{node.name: variables(node) for node in nodes}},
            )
    except MissingError as missing:
        if os.environ.get("PALANTIR_TRUST_TEST_POSTGRESQL") == "require":
            raise
        pytest.skip(f"no PostgreSQL for the tests: {missing}")


def variables(node: LightNode) -> dict[str, Any]:
    """What the inventory says of a node: a fence that notes in the node's own log that it powered it off."""
    note = f"echo off >> {node.directory}/power.log"
    down = f"exec {sys.executable} -m tests.lab.light down {node.directory.parent} {node.name}"
    fence = {"driver": "command", "power_off": ["sh", "-c", f"{note}; {down}"], "chdir": str(CHECKOUT)}
    fence["power_on"] = ["false"]
    return {**node.inventory_variables(), "palantir_trust_fence": fence}


def attested(site: Site) -> Counter[str]:
    """Return how many results each node has; equal ones are kept as one run."""
    store = Store(site.store, read_only=True)
    with store.transaction() as connection:
        rows = connection.execute(
            select(schema.attestations.c.node, schema.runs.c.rounds).join_from(schema.attestations, schema.runs)
        ).all()
    store.close()
    return Counter({node: sum(row.rounds for row in rows if row.node == node) for node in {row.node for row in rows}})


def attest(site: Site, name: str) -> list[Worker]:
    """Start a job of ``attest`` in slices."""
    return [
        site.job(f"{name}-{number}", "attest", slice_of(site.hosts, number, SLICES)) for number in range(1, SLICES + 1)
    ]


@contextlib.contextmanager
def measured(what: str) -> Iterator[None]:
    """Tell how long something took, and what the jobs in it took of the processors."""
    began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    yield
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"{NODES} nodes: {what}: {time.monotonic() - began:.1f} s, {spent:.1f} s of processors", flush=True)


def longest(job: Any) -> int:
    return max(len(str(event["event_data"].get("res", ""))) for event in job.events)


def artifacts(job: Any) -> dict[str, Any]:
    (end,) = [event for event in job.events if event["event"] == "playbook_on_stats"]
    return dict(end["event_data"]["artifact_data"])


def test_three_workers_and_one_that_dies(site: Site, nodes: list[LightNode]) -> None:
    names = {node.name for node in nodes}
    slices = [set(slice_of(site.hosts, number, SLICES)) for number in range(1, SLICES + 1)]
    assert set.union(*slices) == {*names, "localhost"}
    tampered = [max(part - {"localhost"}) for part in slices[:2]]
    for node in nodes:
        if node.name in tampered:
            node.append_measurement("/usr/bin/implant", node.name.encode())

    # A round in which the second worker dies.
    with measured("a round, one of three workers killed"):
        workers = attest(site, "first")
        while not slices[1] & attested(site).keys():
            assert workers[1].process.poll() is None, "it ended before it was killed"
            time.sleep(0.1)
        workers[1].kill()
        jobs = [workers[0].end(), workers[2].end()]
    counts = attested(site)
    assert {job.status for job in jobs} == {"failed", "successful"}, "the first slice has an intruder"
    for part, exactly in ((slices[0], True), (slices[1], False), (slices[2], True)):
        assert {counts[name] for name in part - {"localhost"}} == ({1} if exactly else {0, 1})
    assert all(longest(job) < AWX_LIMIT for job in jobs)
    left = [artifacts(job)["palantir_trust_verdicts"] for job in jobs]
    assert [verdicts["contraindicated"] for verdicts in left] == [1, 0]
    assert left[0]["not_affirming"] == [tampered[0]]

    # Two controllers decide at once, for all nodes.
    with measured("two controllers decide, and one of them acts"):
        both = [job.end() for job in [site.job(f"decide-{n}", "remediate") for n in range(2)]]
    assert "failed" in {job.status for job in both}, "an incident is left for a person"
    fenced = [name for name in tampered if counts[name]]
    assert powered_off(nodes) == dict.fromkeys(fenced, 1)
    before = attested(site)

    # The next round has all nodes, those of the worker that died among them.
    with measured("a round"):
        jobs = [worker.end() for worker in attest(site, "second")]
    assert attested(site) - before == Counter(names), "each node exactly once"
    assert sum(artifacts(job)["palantir_trust_verdicts"]["affirming"] for job in jobs) == NODES - len(tampered)

    with measured("a controller decides and acts"):
        job = site.job("decide-again", "remediate").end()
    assert powered_off(nodes) == dict.fromkeys(tampered, 1)
    assert artifacts(job)["palantir_trust_incidents"]["held"] == len(tampered)
    assert powered_by_the_ledger(site) == Counter(tampered)
    told = json.dumps([event for ended in (*jobs, job) for event in ended.events])
    assert json.dumps(site.signing_key.decode().strip())[1:-1] not in told


def powered_off(nodes: list[LightNode]) -> dict[str, int]:
    """Return how often each node was powered off, by its own log."""
    logs = {node.name: node.directory / "power.log" for node in nodes}
    return {name: len(log.read_text(encoding="utf-8").splitlines()) for name, log in logs.items() if log.is_file()}


def powered_by_the_ledger(site: Site) -> Counter[str]:
    """Return how often each node's fence was done, by the ledger, all of which is whole."""
    store = Store(site.store, read_only=True)
    with store.transaction() as connection:
        assert ledger.verify(connection)
        bodies = connection.execute(select(schema.ledger.c.body).where(schema.ledger.c.kind == "action")).scalars()
        steps = [json.loads(body) for body in bodies]
        assert {incident.state for incident in incidents.still_open(connection)} == {"held"}
    store.close()
    done = [action["step"] for action in steps if action.get("outcome") == "done"]
    return Counter(step["node"] for step in done if step["action"] == "fence")
