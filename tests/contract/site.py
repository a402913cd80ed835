# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Playbooks run against a contract server: a site with one platform, its own store, and a real ansible-playbook."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from tests.lab.paths import CHECKOUT

SC: dict[str, Any] = {
    "sc": "dns-filter",
    "flavour": "elsewhere",
    "version": "1",
    "image_id": "sha256:" + "11" * 32,
    "command": [],
    "capabilities": ["SETUID", "SETGID"],
    "files": [{"path": "/etc/dnsmasq.conf", "content": "port=53\n# a-secret-of-the-site\n", "reload": "none"}],
    "ports": [
        {"name": "dns", "port": 5353, "protocol": "udp", "internal": 53},
        {"name": "dns-tcp", "port": 5353, "protocol": "tcp", "internal": 53},
    ],
    "resources": {"cpu": 0.5, "memory": 134217728, "pids": 200, "storage": None},
    "probe": {"type": "dns", "address": "127.0.0.1", "port": 5353, "queries": []},
}
"""What lookup palantir.trust.sc returns, as far as platforms read it."""


class Site:
    """A directory with an inventory of one platform."""

    def __init__(self, home: Path, platform: dict[str, Any]) -> None:
        self.home = home
        self.environment: dict[str, str] = {}
        self.store = f"sqlite:///{home}/store.sqlite3"
        variables = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        host = {**variables, "palantir_trust_platform": platform}
        inventory = {"all": {"children": {"platforms": {"hosts": {"platform1": host}}}}}
        (home / "hosts.yml").write_text(yaml.safe_dump(inventory), encoding="utf-8")

    def run(self, verbs: list[dict[str, Any]], *options: str) -> tuple[list[dict[str, Any]], str]:
        """Carry out verbs by ``palantir.trust.sc_deployment`` in one play; return their results, and all output.

        Beside the options of the module a verb may have the task's ``check_mode``.
        """
        out = self.home / "results.json"
        out.unlink(missing_ok=True)
        tasks: list[dict[str, Any]] = []
        for number, arguments in enumerate(verbs):
            asked: dict[str, Any] = {"palantir.trust.sc_deployment": {"instance": "dns-1", **arguments}}
            if "check_mode" in arguments:
                asked["check_mode"] = asked["palantir.trust.sc_deployment"].pop("check_mode")
            tasks.append({**asked, "register": f"told_{number}", "ignore_errors": True})
        names = ", ".join(f"told_{number}" for number in range(len(verbs)))
        keep = {"content": f"{{{{ [{names}] | to_json }}}}", "dest": str(out), "mode": "0600"}
        tasks.append({"ansible.builtin.copy": keep, "check_mode": False, "diff": False, "no_log": True})
        done = self.play([{"hosts": "platforms", "gather_facts": False, "tasks": tasks}], *options)
        assert out.is_file(), done.stdout + done.stderr
        return json.loads(out.read_text(encoding="utf-8")), done.stdout + done.stderr

    def variables(self, **values: Any) -> None:
        """Give all hosts variables."""
        directory = self.home / "group_vars"
        directory.mkdir(exist_ok=True)
        (directory / "all.yml").write_text(yaml.safe_dump(values), encoding="utf-8")

    def play(self, plays: list[dict[str, Any]], *options: str) -> subprocess.CompletedProcess[str]:
        """Run plays."""
        file = self.home / "play.yml"
        file.write_text(yaml.safe_dump(plays), encoding="utf-8")
        return self.playbook(str(file), *options)

    def playbook(self, playbook: str, *options: str) -> subprocess.CompletedProcess[str]:
        """Run a playbook."""
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("K8S_", "KUBE"))},
            "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"),
            "ANSIBLE_HOME": str(self.home / "ansible"),
            "PALANTIR_TRUST_STORE": self.store,
            "TMPDIR": str(self.home),
            **self.environment,
        }
        command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", str(self.home / "hosts.yml")]
        return subprocess.run(
            [*command, playbook, *options],
            env=environment,
            cwd=CHECKOUT,
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )


__all__ = ["SC", "Site"]
