# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.palantir.trust.plugins.plugin_utils.reference.document import write
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.image import digest_image
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.make import make
from tests.unit.catalogue.test_descriptor import PLAIN
from tests.unit.reference.test_image import image, tar

ROOT = Path(__file__).resolve().parents[3]
CALLS = {
    "found": "query('palantir.trust.sc', 'dns-filter', catalogue=c, reference_values=c)",
    "by_flavour": "query('palantir.trust.sc', 'dns-filter', flavour='podman', catalogue=c, reference_values=c)",
    "mistyped": "query('palantir.trust.sc', 'dns-fliter', catalogue=c, reference_values=c)",
    "no_flavour": "query('palantir.trust.sc', 'dns-filter', flavour='lxc', catalogue=c, reference_values=c)",
    "no_catalogue": "query('palantir.trust.sc', 'dns-filter', catalogue=c ~ '/none', reference_values=c)",
    "changed_image": "query('palantir.trust.sc', 'dns-filter', catalogue=changed, reference_values=c)",
}


def catalogue(directory: Path, *files: tuple[str, bytes]) -> Path:
    directory.mkdir()
    image(directory / "dns-filter.tar", tar(*files))
    flavour = PLAIN["flavours"][0] | {"archive": "dns-filter.tar"}
    configuration = [{"path": "/etc/dnsmasq.conf", "template": "dnsmasq.conf.j2"}]
    descriptor = PLAIN | {"flavours": [flavour], "configuration": configuration}
    (directory / "dns-filter.yml").write_text(yaml.safe_dump(descriptor))
    (directory / "dnsmasq.conf.j2").write_text("address=/{{ blocked }}/0.0.0.0\n")
    return directory


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Results of the calls in one real playbook: the value, or the message of the failure."""
    tmp_path = tmp_path_factory.mktemp("lookup")
    good = catalogue(tmp_path / "good", ("usr/sbin/dnsmasq", b"resolver"))
    changed = catalogue(tmp_path / "changed", ("usr/sbin/dnsmasq", b"another"))
    write(make("sc", "dns-filter", good / "dns-filter.tar", datetime.now(UTC)), good / "sc-dns-filter.json")
    attempts = [
        {
            "block": [{"ansible.builtin.set_fact": {name: "{{ " + call + " }}"}}],
            "rescue": [{"ansible.builtin.set_fact": {name: "{{ ansible_failed_result.msg }}"}}],
        }
        for name, call in CALLS.items()
    ]
    results = "{{ {" + ", ".join(f"'{name}': {name}" for name in CALLS) + "} | to_json }}"
    keep = {"ansible.builtin.copy": {"content": results, "dest": str(tmp_path / "outcomes.json"), "mode": "0600"}}
    play = {
        "hosts": "localhost",
        "gather_facts": False,
        "vars": {"c": str(good), "changed": str(changed), "blocked": "ads.example.test"},
        "tasks": [*attempts, keep],
    }
    (tmp_path / "play.yml").write_text(yaml.safe_dump([play], sort_keys=False))
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "localhost,", "-c", "local"]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_HOME": str(tmp_path / "home")}
    environment["ANSIBLE_PYTHON_INTERPRETER"] = sys.executable
    run = subprocess.run(
        [*command, str(tmp_path / "play.yml")],
        env=environment,
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    found: dict[str, Any] = json.loads((tmp_path / "outcomes.json").read_text())
    return found | {"directory": str(tmp_path)}


def test_it_gives_the_pinned_descriptor(outcomes: dict[str, Any]) -> None:
    (found,) = outcomes["found"]
    directory = f"{outcomes['directory']}/good"
    assert (found["sc"], found["flavour"], found["driver"]) == ("dns-filter", "podman", "podman")
    assert found["capabilities"] == ["NET_BIND_SERVICE"]
    assert found["archive"] == f"{directory}/dns-filter.tar"
    assert found["image_id"] == digest_image(Path(directory) / "dns-filter.tar").image_id
    assert outcomes["by_flavour"] == [found]


def test_it_renders_the_configuration(outcomes: dict[str, Any]) -> None:
    assert outcomes["found"][0]["files"] == [
        {"path": "/etc/dnsmasq.conf", "content": "address=/ads.example.test/0.0.0.0\n", "reload": "replace"}
    ]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("mistyped", "SC 'dns-fliter': is not in the catalogue. Next: did you mean 'dns-filter'?"),
        ("no_flavour", "SC dns-filter: has no flavour 'lxc'. Next: use one of: podman."),
        ("no_catalogue", "/good/none: cannot be read: No such file or directory. Next: set palantir_trust_catalogue."),
        ("changed_image", "its file /usr/sbin/dnsmasq is not what Reference Values dns-filter know."),
    ],
)
def test_it_fails_with_one_message(outcomes: dict[str, Any], name: str, message: str) -> None:
    assert message in outcomes[name]
    assert "Traceback" not in outcomes[name]
