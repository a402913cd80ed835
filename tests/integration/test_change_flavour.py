# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps as the role carries them out, on nodes whose podman is a script that notes its calls."""

from __future__ import annotations

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
from ansible_collections.palantir.trust.plugins.plugin_utils.store import identities, incidents, instances
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store
from tests.lab.paths import CHECKOUT
from tests.unit.module_utils.test_dns import server
from tests.unit.reference.test_image import CONFIG, image, tar

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="owners of a range can only be set by root")
PODMAN = """#!/bin/sh
echo "$@" >> {home}/podman.log
case "$*" in
  container*) exit 1 ;;
  run*{broken}*) exit 126 ;;
  run*) echo {container} > /run/palantir-podman-dns-1-g$(echo "$*" | sed 's/.*--name=dns-1-g//; s/ .*//').cid ;;
esac
"""
SYSTEMCTL = """#!/bin/sh
if [ "$1" = start ]; then exec sh -c "$(sed -n s/^ExecStart=//p /run/systemd/system/$2)"; fi
"""
JOURNALCTL = """#!/bin/sh
echo "Error: exec format error"
"""
# What is written below /run is gone with the play.
APART = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /run && exec "$@"', "-"]


def answer(question: bytes) -> list[bytes]:
    """Answer any question with 192.0.2.53."""
    record = b"\xc0\x0c\0\x01\0\x01\0\0\0\0\0\x04" + bytes([192, 0, 2, 53])
    return [question[:2] + b"\x81\x80\0\x01\0\x01\0\0\0\0" + question[12:] + record]


def site(home: Path, port: int) -> dict[str, str]:
    """Write a catalogue with one SC in two flavours; return the image ids by flavour."""
    ids: dict[str, str] = {}
    flavours = []
    for name in ("plain", "hardened"):
        archive = home / f"{name}.tar"
        image(archive, tar(("usr/sbin/dnsmasq", name.encode())), config=CONFIG + b" " * len(ids))
        write(make("sc", "dns-filter", archive, datetime.now(UTC)), home / f"sc-{name}.json")
        ids[name] = digest_image(archive).image_id.removeprefix("sha256:")
        flavours.append({"name": name, "driver": "podman", "archive": archive.name, "reference_values": f"sc-{name}"})
    descriptor = {
        "sc": "dns-filter",
        "description": "A resolver",
        "function": "dns-filter",
        "version": "1",
        "criticality": "high",
        "flavours": flavours,
        "configuration": [],
        "probe": {"address": "127.0.0.1", "port": port, "queries": [{"name": "a.test", "addresses": ["192.0.2.53"]}]},
    }
    (home / "dns-filter.yml").write_text(yaml.safe_dump(descriptor), encoding="utf-8")
    return ids


def withdrawn(play: dict[str, Any], catalogue: Path) -> None:
    """Have a play begin with an instance that runs, whose flavour the catalogue loses, and which is no more trusted."""
    role, variables = CHECKOUT / "roles" / "orchestrate", play["vars"]
    step = variables.pop("remediate_step")
    given = {key: variables[key] for key in ("palantir_trust_catalogue", "palantir_trust_reference_values")}
    rendered = "{{ lookup('palantir.trust.sc', 'dns-filter', flavour=NAME, catalogue=PLACE, reference_values=PLACE) }}"
    rendered = rendered.replace("PLACE", "palantir_trust_catalogue")
    play["vars_files"] = [str(role / "vars" / "main.yml")]
    play["vars"] = {
        **given,
        "orchestrate_step": {**step, "sc": "dns-filter", "target": None},
        "orchestrate_instance": "dns-1",
        "orchestrate_node": "localhost",
    }
    run = {
        "state": "instantiated",
        "instance": "dns-1",
        "node": "localhost",
        "sc": rendered.replace("NAME", "'plain'"),
        "replace": True,
    }
    lost = f"sed -i s/plain$/other/ {catalogue}/dns-filter.yml"
    play["tasks"] = [
        {"palantir.trust.sc_instance": run, "delegate_to": "localhost"},
        {"ansible.builtin.debug": {"msg": f"{{{{ lookup('pipe', '{lost}') }}}}"}},
        {"ansible.builtin.include_tasks": str(role / "tasks" / "bring_up.yml")},
    ]


def change(
    home: Path, broken: str, action: str = "change_flavour", lost: bool = False
) -> tuple[subprocess.CompletedProcess[str], list[tuple[str, str]], list[str]]:
    """Change dns-1 from plain to hardened; return the run, its generations and the images that podman was to run.

    To ``move`` it brings it to another node besides; of ``withdrawn``, see there. Where its node is ``lost``
    that takes no connection, and its evidence is to be preserved first.
    """
    url = f"sqlite:///{home}/store.sqlite3"
    store = Store(url)
    with store.transaction() as connection:
        for node in ("localhost", "other"):
            identities.save(connection, node, node[0] * 64, {}, {}, 1.0)
        of = {"instance": "dns-1", "sc": "dns-filter", "flavour": "plain", "node": "localhost"}
        incidents.open_incident(connection, "localhost", "sc:dns-1", "unknown_executable", 1.0)
        record = instances.allocate(connection, **of, files={}, reset_count=0, at=1.0)
        instances.set_state(connection, record.id, "live", 1.0)
    with server(answer) as port:
        catalogue = home / "catalogue"
        catalogue.mkdir()
        ids = site(catalogue, port)
        podman = home / "bin" / "podman"
        podman.parent.mkdir()
        podman.write_text(PODMAN.format(home=home, broken=ids.get(broken, "none"), container="c0" * 32))
        (podman.parent / "systemctl").write_text(SYSTEMCTL)
        (podman.parent / "journalctl").write_text(JOURNALCTL)
        for program in podman.parent.iterdir():
            program.chmod(0o755)
        step: dict[str, Any] = {"incident_id": 1, "node": "localhost", "instance": "dns-1", "flavour": "hardened"}
        step |= {"tier": "contraindicated", "target": "other", "attempt": 0}
        step["incident"] = {"instance": "dns-1" if lost else None}
        role = CHECKOUT / "roles" / "remediate"
        play: dict[str, Any] = {
            "hosts": "other",
            "gather_facts": False,
            "vars_files": [str(role / "vars" / "main.yml")],
            "vars": {
                "remediate_step": {**step, "generation": record.plain()},
                "palantir_trust_evidence": str(home / "evidence"),
                "palantir_trust_catalogue": str(catalogue),
                "palantir_trust_reference_values": str(catalogue),
            },
            "tasks": [{"ansible.builtin.include_tasks": str(role / "tasks" / "actions" / f"{action}.yml")}],
            "module_defaults": {"palantir.trust.sc_instance": {"directory": str(home / "configuration")}},
        }
        way = "ssh ansible_port=1" if lost else "local"
        if lost:
            play["tasks"].insert(0, {"ansible.builtin.include_tasks": str(role / "tasks/actions/preserve_host.yml")})
        if action == "withdrawn":
            withdrawn(play, catalogue)
        (home / "hosts").write_text(
            f"localhost ansible_connection={way}\nother ansible_connection=local\n", encoding="utf-8"
        )
        (home / "play.yml").write_text(yaml.safe_dump([play]), encoding="utf-8")
        environment = {
            **os.environ,
            "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"),
            "ANSIBLE_HOME": str(home / "home"),
            "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
            "PALANTIR_TRUST_STORE": url,
            "PATH": f"{podman.parent}:{os.environ['PATH']}",
        }
        command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", str(home / "hosts")]
        done = subprocess.run(
            [*APART, *command, str(home / "play.yml")],
            env=environment,
            cwd=CHECKOUT,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
    assert (home / "podman.log").is_file(), done.stdout + done.stderr
    names = {number: name for name, number in ids.items()}
    calls = (home / "podman.log").read_text(encoding="utf-8").splitlines()
    ran = [names[line.split()[-1]] for line in calls if line.startswith("run ")]
    with store.transaction() as connection:
        nodes = ("localhost", "other")
        generations = [(r.flavour, r.state) for node in nodes for r in instances.of_node(connection, node)]
    store.close()
    return done, generations, ran


def test_the_next_flavour_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    done, generations, ran = change(tmp_path, broken="")
    assert done.returncode == 0, done.stdout
    assert ran == ["hardened"]
    assert generations == [("plain", "retired"), ("hardened", "live")]


def test_where_it_does_not_come_up_a_fresh_generation_of_the_one_before_does(tmp_path: Path) -> None:
    done, generations, ran = change(tmp_path, broken="hardened")
    assert done.returncode == 2, "the step has failed, and the ladder goes on"
    shown = " ".join(done.stdout.split())
    assert "dns-1: did not come up as hardened, and runs as plain again, in a fresh generation." in shown
    assert ran == ["hardened", "plain"]
    assert generations == [("plain", "retired"), ("hardened", "retired"), ("plain", "live")]


def test_what_moves_because_it_is_contraindicated_is_given_up_first(tmp_path: Path) -> None:
    done, generations, ran = change(tmp_path, broken="", action="move")
    assert done.returncode == 0, done.stdout
    assert ran == ["hardened"]
    assert generations == [("plain", "retired"), ("hardened", "live")]
    tasks = [line for line in done.stdout.splitlines() if line.startswith("TASK")]
    gone, begun = (
        next(i for i, task in enumerate(tasks) if word in task) for word in ("that it leaves", "on the new node")
    )
    assert gone < begun


def test_what_the_catalogue_has_lost_runs_again_where_what_replaces_it_proves_nothing(tmp_path: Path) -> None:
    done, generations, ran = change(tmp_path, broken="", action="withdrawn")
    shown = " ".join(done.stdout.split())
    assert "dns-1: the new generation on localhost did not come to serve." in shown, done.stdout + done.stderr
    assert "Nothing was changed: generation 2 serves as before. Whether it answers was not asked: " in shown
    assert "SC dns-filter: has no flavour 'plain'." in shown
    assert generations == [("plain", "retired"), ("plain", "live"), ("hardened", "retired")]
    assert ran == ["plain", "hardened", "plain"]


def test_what_does_not_start_is_rolled_back_by_its_number(tmp_path: Path) -> None:
    done, generations, ran = change(tmp_path, broken="hardened", action="withdrawn")
    shown = " ".join(done.stdout.split())
    assert "Nothing was changed: generation 2 serves as before." in shown, done.stdout + done.stderr
    assert generations == [("plain", "retired"), ("plain", "live"), ("hardened", "retired")]
    assert ran == ["plain", "hardened", "plain"]


def test_a_host_that_takes_no_connection_cannot_keep_what_it_has_from_the_new_one(tmp_path: Path) -> None:
    done, generations, ran = change(tmp_path, broken="", action="move", lost=True)
    assert done.returncode == 0, done.stdout
    assert "dns-1 may be on localhost still. localhost: is unreachable: " in " ".join(done.stderr.split())
    assert generations == [("plain", "retired"), ("hardened", "live")]
    assert ran == ["hardened"]
    with Store(f"sqlite:///{tmp_path}/store.sqlite3").transaction() as connection:
        incident = incidents.find(connection, 1)
    assert (incident.state, incident.contained_at) == ("held", None), "a person sees to what may be left"
