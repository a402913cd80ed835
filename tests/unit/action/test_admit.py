# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a developer's directory to an instance's configuration, by the playbooks and the lookup as they are run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.admission.developer import Market, private_pem, source

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]
LOOKUP = (
    "lookup('palantir.trust.sc', 'dns-filter', catalogue=palantir_trust_catalogue, "
    "reference_values=palantir_trust_reference_values)"
)


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Market:
    """A site, and a developer's directory and key beside it."""
    tmp_path = tmp_path_factory.mktemp("admit")
    market = Market(tmp_path / "site")
    source(tmp_path / "dns-filter")
    key = tmp_path / "key.pem"
    key.touch(mode=0o600)
    key.write_bytes(private_pem(market.private))
    return market


def run(market: Market, playbook: Path, **variables: Any) -> subprocess.CompletedProcess[str]:
    tmp_path = market.root.parent
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_HOME": str(tmp_path / "home")}
    environment["ANSIBLE_PYTHON_INTERPRETER"] = sys.executable
    environment["PALANTIR_TRUST_STORE"] = f"sqlite:///{market.root}/store.sqlite3"
    environment["PALANTIR_TRUST_PACKAGE_KEY_FILE"] = str(tmp_path / "key.pem")
    given = {
        "palantir_trust_package": str(tmp_path / "dns-filter.scpkg"),
        "palantir_trust_catalogue": str(market.place.catalogue),
        "palantir_trust_reference_values": str(market.place.reference_values),
        **variables,
    }
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "localhost,", "-c", "local"]
    return subprocess.run(
        [*command, str(playbook), "-e", json.dumps(given)],
        env=environment,
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )


CHECK = {
    "name": "Check, and change nothing",
    "check_mode": True,
    "palantir.trust.admit": {
        "package": "{{ palantir_trust_package }}",
        "catalogue": "{{ palantir_trust_catalogue }}",
        "reference_values": "{{ palantir_trust_reference_values }}",
    },
    "register": "checked",
}
DENY = (
    "{{ policy | combine({'deny': {'signers': [{'name': 'acme', 'reason': 'Its key was stolen.'}]}}) | to_nice_yaml }}"
)


def attempt(name: str, **variables: Any) -> dict[str, Any]:
    """Return tasks that keep what the lookup gives, or its message, under a name."""
    return {
        "vars": variables,
        "block": [{"ansible.builtin.set_fact": {name: "{{ " + LOOKUP + " }}"}}],
        "rescue": [{"ansible.builtin.set_fact": {name: "{{ ansible_failed_result.msg }}"}}],
    }


def story(market: Market) -> list[dict[str, Any]]:
    """Return a playbook: make, check, admit, look up, deny, look up again, and keep what came of it."""
    deny = {"dest": "{{ palantir_trust_catalogue }}/packages/policy.yml", "content": DENY, "mode": "0644"}
    keep = {"dest": str(market.root.parent / "found.json"), "mode": "0600"}
    names = ("checked", "absent", "found", "undefined", "denied")
    keep["content"] = "{{ {" + ", ".join(f"'{name}': {name}" for name in names) + "} | to_json }}"
    local = {"hosts": "localhost", "gather_facts": False}
    admitted = {"path": "{{ palantir_trust_catalogue }}/packages/admitted"}
    return [
        {"ansible.builtin.import_playbook": str(ROOT / "playbooks/package.yml")},
        {**local, "tasks": [CHECK, {"ansible.builtin.stat": admitted, "register": "absent"}]},
        {"ansible.builtin.import_playbook": str(ROOT / "playbooks/admit.yml")},
        {
            **local,
            "vars": {"zone": "example.test", "policy": dict(market.policy)},
            "tasks": [
                attempt("found", dns_filter_names=NAMES),
                attempt("undefined"),
                {"ansible.builtin.copy": deny},
                attempt("denied", dns_filter_names=NAMES),
                {"ansible.builtin.copy": keep},
            ],
        },
    ]


NAMES = ["ads.{{ zone }}", "{{ '{{' }} zone }}"]
"""A value may itself be a template: it is the site's. What it becomes is text in the sandbox, and rendered no more."""


def test_from_the_developer_to_an_instances_configuration(market: Market) -> None:
    tmp_path = market.root.parent
    playbook = tmp_path / "story.yml"
    playbook.write_text(yaml.safe_dump(story(market), sort_keys=False))
    result = run(
        market,
        playbook,
        palantir_trust_package_sc="dns-filter",
        palantir_trust_package_source=str(tmp_path / "dns-filter"),
        palantir_trust_package_signer="acme",
        palantir_trust_package_report=str(tmp_path / "report.json"),
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "PRIVATE KEY" not in result.stdout + result.stderr
    assert "dns-filter 1.4, sha256:" in " ".join(result.stdout.split())
    assert "reference_values  pass" in result.stdout
    assert json.loads((tmp_path / "report.json").read_text())["passed"] is True
    told = json.loads((tmp_path / "found.json").read_text())
    assert (told["checked"]["changed"], told["checked"]["report"]["passed"]) == (True, True)
    assert told["absent"]["stat"] == {"exists": False}

    (file,) = told["found"]["files"]
    assert file["content"] == "address=/ads.example.test/0.0.0.0\naddress=/{{ zone }}/0.0.0.0\n"
    assert (told["found"]["package"]["signer"], told["found"]["package"]["withdrawn"]) == ("acme", "")
    assert Path(told["found"]["archive"]).is_file()
    assert told["found"]["image_id"].startswith("sha256:")
    assert "'dns_filter_names' is undefined" in told["undefined"]
    assert "SC dns-filter: its package is withdrawn: signer acme is denied: Its key was stolen. Next" in told["denied"]


def test_a_package_that_is_refused_fails_the_playbook_with_every_check(market: Market, tmp_path: Path) -> None:
    unsigned = tmp_path / "unsigned.scpkg"
    unsigned.write_bytes(b"x" * 2048)
    before = market.files()
    refused = run(market, ROOT / "playbooks/admit.yml", palantir_trust_package=str(unsigned))
    assert refused.returncode == 2
    assert "form              FAIL" in refused.stdout
    assert "reference_values  not reached" in refused.stdout
    assert "unsigned.scpkg is refused: " in refused.stdout
    assert market.files() == before
