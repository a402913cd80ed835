# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Instances at a MANO: real playbooks, against a server that holds every request to its interface's description."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.palantir.trust.plugins.plugin_utils.reference.document import write
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.make import make
from ansible_collections.palantir.trust.plugins.plugin_utils.store import instances
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store
from tests.contract.mano import SECRETS, Mano
from tests.contract.server import Fault, Reply, Served, serve
from tests.contract.site import SC as ANY
from tests.contract.site import Site
from tests.unit.reference.test_image import CONFIG, image, tar

SC = {**ANY, "driver": "sol005"}
Scene = tuple[Mano, Served, Site]


@pytest.fixture(name="scene")
def _scene(tmp_path: Path) -> Iterator[Scene]:
    mano = Mano()
    with serve(mano, tmp_path / "server") as served:
        platform = {
            "driver": "sol005",
            "url": served.url,
            "ca_file": str(served.ca_file),
            "authentication": {"type": "basic", "username": "so", "password_env": "MANO_PASSWORD"},
            "services": {
                "dns-filter": {
                    "nsd": "nsd-dns",
                    "flavour": "simple",
                    "scaling": {"aspect": "workers", "levels": {1: "one", 2: "two"}},
                }
            },
            "poll": 1,
            "timeout": 60,
        }
        site = Site(tmp_path, platform)
        site.environment["MANO_PASSWORD"] = SECRETS["basic"]
        yield mano, served, site
        assert mano.violations == []


def test_an_instance_lives_through_every_verb_and_each_is_done_once(scene: Scene, tmp_path: Path) -> None:
    mano, _served, site = scene
    verbs: list[dict[str, Any]] = [
        {"state": "instantiated", "sc": SC},
        {"state": "configured", "sc": SC},
        {"state": "scaled", "sc": SC, "replicas": 2},
        {"state": "stopped"},
        {"state": "operating"},
        {"state": "healed", "cause": "it does not answer"},
        {"state": "preserved", "dest": str(tmp_path / "kept")},
        {"state": "terminated"},
    ]
    twice = [verb for verb in verbs for _time in range(2)]
    told, output = site.run(twice, "--diff", "-vvv")
    assert not any(one.get("failed") for one in told), output
    assert [one["changed"] for one in told] == [True, False] * 5 + [True] * 4 + [True, False]
    assert {one["verdict"]["tier"] for one in told if "verdict" in one} == {"none"}
    assert "Trust tier none: dns-1 runs on platform1 by sol005" in output
    assert told[4]["diff"]["after"].count('"workers": "two"') == 1
    assert SECRETS["basic"] not in output
    assert "a-secret-of-the-site" not in "".join(str(one) for one in told)
    assert mano.instances == {}


def test_what_fails_is_the_tasks_message_without_secrets_and_nothing_is_left(scene: Scene) -> None:
    mano, served, site = scene
    echo = {"status": 400, "detail": f"so:{SECRETS['basic']} sent '# a-secret-of-the-site'"}
    served.faults.coming.append(Fault("POST", "/ns_instances$", Reply(400, echo)))
    mano.fates["INSTANTIATE"] = [["PROCESSING", "FAILED_TEMP"]]
    told, output = site.run([{"state": "instantiated", "sc": SC}] * 2, "-vvv")
    assert told[0]["msg"].endswith("is refused with status 400: so:*** sent '***'. Next: see the platform's log.")
    assert told[1]["msg"].startswith("operation op-1, INSTANTIATE: ended ROLLED_BACK: no host has room for it.")
    assert mano.instances == {}
    assert SECRETS["basic"] not in output
    assert "a-secret-of-the-site" not in output


def test_check_mode_asks_and_orders_nothing(scene: Scene) -> None:
    _mano, served, site = scene
    [told], _output = site.run([{"state": "instantiated", "sc": SC}], "--check")
    assert told["changed"]
    assert served.calls("POST", "DELETE") == []


def test_sc_instance_hands_over_by_the_flavours_driver(scene: Scene) -> None:
    mano, _served, site = scene
    task = {"palantir.trust.sc_instance": {"state": "instantiated", "instance": "dns-1", "sc": SC}}
    end = {"palantir.trust.sc_instance": {"state": "terminated", "instance": "dns-1", "driver": "sol005"}}
    done = site.play([{"hosts": "platforms", "gather_facts": False, "tasks": [task, end]}])
    assert done.returncode == 0, done.stdout + done.stderr
    assert [operation["lcmOperationType"] for operation in mano.operations.values()] == ["INSTANTIATE", "TERMINATE"]


def test_deploy_brings_up_what_platforms_run_and_says_that_nobody_attests_it(scene: Scene, tmp_path: Path) -> None:
    mano, _served, site = scene
    catalogue = tmp_path / "catalogue"
    catalogue.mkdir()
    image(catalogue / "dns.tar", tar(("usr/sbin/dnsmasq", b"dnsmasq")), config=CONFIG)
    write(make("sc", "dns-filter", catalogue / "dns.tar", datetime.now(UTC)), catalogue / "sc-dns.json")
    descriptor = {
        "sc": "dns-filter",
        "description": "A resolver",
        "function": "dns-filter",
        "version": "1",
        "criticality": "high",
        "flavours": [{"name": "mano", "driver": "sol005", "archive": "dns.tar", "reference_values": "sc-dns"}],
        "configuration": [],
        "probe": {"address": "127.0.0.1", "port": 53, "queries": [{"name": "a.test", "addresses": ["192.0.2.53"]}]},
    }
    (catalogue / "dns-filter.yml").write_text(yaml.safe_dump(descriptor), encoding="utf-8")
    site.variables(
        palantir_trust_nodes=[],
        palantir_trust_catalogue=str(catalogue),
        palantir_trust_reference_values=str(catalogue),
        palantir_trust_instances=[
            {"instance": "dns-1", "sc": "dns-filter", "flavour": "mano", "node": "platform1"},
        ],
    )
    done = site.playbook("palantir.trust.deploy")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Trust tier none" in done.stdout + done.stderr
    assert mano.instances["ns-1"]["nsState"] == "INSTANTIATED"
    # What is in no store is in no Attestation Result and in no plan.
    store = Store(site.store)
    with store.transaction() as connection:
        assert instances.of_node(connection, "platform1") == []
    store.close()
