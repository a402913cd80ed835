# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ansible-inventory shows of a site: nodes, SCs and instances as groups and variables."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import update

from ansible_collections.palantir.trust.plugins.plugin_utils.ssh.host_keys import fingerprint
from ansible_collections.palantir.trust.plugins.plugin_utils.store import (
    attestations,
    identities,
    instances,
    schema,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store
from tests.unit.catalogue.test_descriptor import PLAIN
from tests.unit.ssh.keys import host_key

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]
NODES = {"hosts": dict.fromkeys(["edge1", "edge2", "edge3"])}
HOSTS = {"all": {"hosts": {"localhost": {}}, "children": {"nodes": NODES}}}
INSTANCES = [
    {"instance": "dns-filter-1", "sc": "dns-filter", "node": "edge1"},
    {"instance": "waf-1", "sc": "waf", "node": "edge2"},
]
LAYERS = ("hardware", "firmware", "os", "runtime")
TEMPLATE = "{{ 1234567 * 3 }}"


def ear(*layers: str, **tiers: str) -> dict[str, Any]:
    return {"submods": {layer: {"ear_status": tiers.get(layer, "affirming")} for layer in (*LAYERS, *layers)}}


def site(home: Path, **options: Any) -> Path:
    """Write an inventory with two SCs; dns-filter-1 is live on edge2, edge1 is contraindicated, edge3 long silent."""
    (home / "catalogue").mkdir(parents=True)
    (home / "group_vars").mkdir()
    (home / "hosts.yml").write_text(yaml.safe_dump(HOSTS))
    (home / "group_vars" / "all.yml").write_text(yaml.safe_dump({"palantir_trust_instances": INSTANCES}))
    for name in ("dns-filter", "waf"):
        plain = PLAIN | {"sc": name, "function": name, "description": TEMPLATE}
        (home / "catalogue" / f"{name}.yml").write_text(yaml.safe_dump(plain))
    (home / "palantir_trust.yml").write_text(yaml.safe_dump({"plugin": "palantir.trust.catalogue", **options}))
    fill(Store(f"sqlite:///{home}/store.sqlite3"), time.time())
    return home


def fill(store: Store, now: float) -> None:
    with store.transaction() as connection:
        for number, name in enumerate(("edge1", "edge2", "edge3", "elsewhere")):
            recorded = {"hardware": None, "events": None, "ssh_host_keys": [host_key(name.encode())]}
            identities.save(connection, name, str(number) * 64, {}, recorded, now)
        identities.set_cordoned(connection, "edge1", True, now)
        live = instances.allocate(
            connection,
            instance="dns-filter-1",
            sc="dns-filter",
            flavour="podman",
            node="edge2",
            files={},
            reset_count=1,
            at=now,
        )
        instances.set_state(connection, live.id, "live", now)
        beside = ear("sc:dns-filter-1", **{"sc:dns-filter-1": "warning"})
        attestations.record(connection, "edge1", now, "attested", ear=ear(os="contraindicated"))
        attestations.record(connection, "edge2", now, "attested", ear=beside)
        attestations.record(connection, "edge3", now - 7200, "attested", ear=ear())
    store.close()


def run(home: Path, program: str, *arguments: str, store: str = "store.sqlite3") -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_HOME": str(home / "home"),
        "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "true",
        "PALANTIR_TRUST_STORE": f"sqlite:///{home}/{store}",
    }
    sources = [argument for name in ("hosts.yml", "palantir_trust.yml") for argument in ("-i", str(home / name))]
    command = [str(Path(sys.executable).with_name(program)), *sources, *arguments]
    return subprocess.run(command, env=environment, cwd=ROOT, check=False, capture_output=True, text=True, timeout=120)


def shown(home: Path, **more: str) -> dict[str, Any]:
    done = run(home, "ansible-inventory", "--list", **more)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    found: dict[str, Any] = json.loads(done.stdout, object_hook=bare)
    return found


def bare(plain: dict[str, Any]) -> Any:
    """Return a value without the mark that says that it is no template."""
    return plain["__ansible_unsafe"] if plain.keys() == {"__ansible_unsafe"} else plain


def refusal(home: Path, **more: str) -> str:
    done = run(home, "ansible-inventory", "--list", **more)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    return " ".join(done.stderr.split())


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return shown(site(tmp_path_factory.mktemp("inventory") / "site"))


def hosts(listed: dict[str, Any], group: str) -> list[str]:
    return sorted(listed.get(group, {}).get("hosts", []))


def test_nodes_are_in_groups_by_what_is_known_of_them(listed: dict[str, Any]) -> None:
    assert hosts(listed, "trust_nodes") == ["edge1", "edge2", "edge3"]
    tiers = {tier: hosts(listed, f"trust_tier_{tier}") for tier in ("affirming", "none", "warning", "contraindicated")}
    # A node is what its host's layers say; and what edge3 said two hours ago is no verdict.
    assert tiers == {"affirming": ["edge2"], "none": ["edge3"], "warning": [], "contraindicated": ["edge1"]}
    assert (hosts(listed, "trust_cordoned"), hosts(listed, "trust_isolated")) == (["edge1"], [])


def test_instances_are_below_their_sc_and_its_function(listed: dict[str, Any]) -> None:
    assert listed["trust_function_dns_filter"]["children"] == ["trust_sc_dns_filter"]
    assert listed["trust_sc_dns_filter"]["children"] == ["trust_instance_dns_filter_1"]
    # Where it runs, not where it was to run first.
    assert hosts(listed, "trust_instance_dns_filter_1") == ["edge2"]
    assert hosts(listed, "trust_instance_waf_1") == []
    assert hosts(listed, "trust_missing") == ["edge2"]


def test_variables_tell_the_same(listed: dict[str, Any]) -> None:
    variables = listed["_meta"]["hostvars"]
    node = variables["edge2"]["palantir_trust_node"]
    assert {key: node[key] for key in ("enrolled", "state", "tier", "cordoned", "instances")} == {
        "enrolled": True,
        "state": "attested",
        "tier": "affirming",
        "cordoned": False,
        "instances": ["dns-filter-1"],
    }
    assert node["host_keys"] == [fingerprint(host_key(b"edge2"))]
    assert variables["edge1"]["palantir_trust_node"]["layers"]["os"] == "contraindicated"
    assert "palantir_trust_node" not in variables["localhost"]
    running = variables["localhost"]["palantir_trust_running"]
    assert running["dns-filter-1"] == {
        "sc": "dns-filter",
        "function": "dns-filter",
        "flavour": "podman",
        "node": "edge2",
        "generation": 1,
        "state": "live",
        "tier": "warning",
    }
    assert (running["waf-1"]["state"], running["waf-1"]["generation"]) == ("missing", None)
    assert variables["edge1"]["palantir_trust_scs"]["waf"]["probe"]["port"] == 5353


def test_a_text_of_the_catalogue_is_no_template(tmp_path: Path) -> None:
    home = site(tmp_path / "site")
    tell = {"ansible.builtin.debug": {"msg": "{{ palantir_trust_scs.waf.description }}"}}
    (home / "play.yml").write_text(
        yaml.safe_dump([{"hosts": "trust_tier_affirming", "gather_facts": False, "tasks": [tell]}])
    )
    done = run(home, "ansible-playbook", "-c", "local", str(home / "play.yml"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert TEMPLATE in done.stdout
    assert "3703701" not in done.stdout


def test_without_the_store_nothing_is_trusted(tmp_path: Path) -> None:
    home = site(tmp_path / "site", use_store=False, instances=INSTANCES[:1])
    listed = shown(home, store="none.sqlite3")
    assert (hosts(listed, "trust_tier_none"), hosts(listed, "trust_tier_affirming")) == (["edge1"], [])
    assert listed["_meta"]["hostvars"]["edge1"]["palantir_trust_running"].keys() == {"dns-filter-1"}
    assert not (home / "none.sqlite3").exists()


def test_a_store_that_is_not_there_is_an_error_and_is_not_made(tmp_path: Path) -> None:
    home = site(tmp_path / "site")
    assert "store sqlite:///" in refusal(home, store="none.sqlite3")
    assert not (home / "none.sqlite3").exists()


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ([{"instance": "a_b", "sc": "waf", "node": "edge1"}], "instances[0], instance: 'a_b' is not a name."),
        ([{"instance": "{{ x }}", "sc": "waf", "node": "edge1"}], "instances[0], instance: '{{ x }}' is not a name."),
        (
            [{"instance": "waf-1", "sc": "wfa", "node": "edge1"}],
            "SC 'wfa': is not in the catalogue. Next: did you mean",
        ),
        ([{"instance": "waf-1", "sc": "waf"}], "instances[0]: lacks node."),
        ([INSTANCES[1], INSTANCES[1]], "palantir_trust_instances: has 'waf-1' twice."),
        ("waf-1", "instances: must be a list, not 'waf-1'."),
    ],
)
def test_instances_that_are_none_are_refused(tmp_path: Path, wanted: Any, message: str) -> None:
    home = site(tmp_path / "site")
    (home / "group_vars" / "all.yml").write_text(yaml.safe_dump({"palantir_trust_instances": wanted}))
    assert message in refusal(home)


def test_a_name_in_the_store_that_is_none_is_refused(tmp_path: Path) -> None:
    home = site(tmp_path / "site")
    store = Store(f"sqlite:///{home}/store.sqlite3")
    with store.transaction() as connection:
        connection.execute(update(schema.instances).values(instance="x\x1b[2J y"))
    store.close()
    told = refusal(home)
    assert "is not a name." in told
    assert "\x1b" not in told


def test_another_file_is_not_taken_for_one_of_ours(tmp_path: Path) -> None:
    home = site(tmp_path / "site")
    (home / "palantir_trust.yml").write_text(yaml.safe_dump(HOSTS))
    assert "trust_nodes" not in shown(home)
