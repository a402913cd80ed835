# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An instance with an agent from its key to its end, by the modules that the playbooks use.

What is real: the modules on the node, openssl, the CA, the store, the agent and its port. podman and systemctl are
scripts, as this machine is no node: the one runs a program that sleeps, the other what a unit's ExecStart says.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import select

from ansible_collections.palantir.trust.plugins.plugin_utils.pki import authority as ca
from ansible_collections.palantir.trust.plugins.plugin_utils.pki.peer import Client, Peer, PeerError, ask
from ansible_collections.palantir.trust.plugins.plugin_utils.pki.spiffe import ROLES, of_instance, of_role
from ansible_collections.palantir.trust.plugins.plugin_utils.store import attestations, certificates, identities, schema
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store
from tests.integration.test_change_flavour import JOURNALCTL, answer, site
from tests.lab.paths import CHECKOUT
from tests.unit.module_utils.test_dns import server

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="owners of a range can only be set by root")
AGENT = "/run/palantir.trust/agents/dns-1-g1"
WAIT_S = 5.0
HOST = ("hardware", "firmware", "os", "runtime")
PODMAN = """#!/bin/sh
case "$*" in
  *State.Pid*) cat /run/program ;;
  container*) exit 1 ;;
  run*) sh /run/sc > /dev/null 2>&1 & echo $! > /run/program; echo {id} > /run/palantir-podman-dns-1-g1.cid ;;
  rm*) [ ! -f /run/program ] || kill $(cat /run/program) ;;
esac
""".replace("{id}", "c0" * 32)
# Tells of each signal that it gets.
PROGRAM = """trap 'echo read >> /run/read' HUP
while :; do sleep 0.1; done
"""
SYSTEMCTL = """#!/bin/sh
for unit in "$@"; do :; done
command="$(sed -n s/^ExecStart=//p /run/systemd/system/$unit 2> /dev/null)"
case "$1 $unit" in
  "start palantir-agent"*) sh -c "exec $command" > /run/agent.log 2>&1 & echo $! > /run/$unit.pid ;;
  start*) exec sh -c "$command" ;;
  "stop palantir-agent"*) [ ! -f /run/$unit.pid ] || kill $(cat /run/$unit.pid); rm -f /run/$unit.pid ;;
  "show palantir-agent"*) ! kill -0 $(cat /run/$unit.pid) || echo ActiveState=active ;;
  show*) ! kill -0 $(cat /run/program) || echo ActiveState=active ;;
esac 2> /dev/null
"""
SC = "{{ lookup('palantir.trust.sc', 'dns-filter', catalogue=here, reference_values=here) }}"
INSTANTIATE: list[dict[str, Any]] = [
    {"palantir.trust.sc_instance": {"state": "instantiated", "instance": "dns-1", "sc": SC}},
    {
        "palantir.trust.certificate": {"state": "issued", "role": "{{ item }}", "dest": "{{ here }}/../{{ item }}.pem"},
        "loop": ["observer", "operator", "orchestrator"],
    },
]
REVOKE: list[dict[str, Any]] = [
    {"palantir.trust.certificate": {"state": "revoked", "role": "operator", "reason": "lost"}},
    {"palantir.trust.agent_certificates": {}, "register": "told"},
    {"ansible.builtin.assert": {"that": "told.certificates | length == 1 and not told.waiting"}},
]


def verb(state: str, *that: str, **more: Any) -> list[dict[str, Any]]:
    """Carry out a state of dns-1 with the configuration ``content``; tell what must be so then."""
    carried_out = {"palantir.trust.sc_instance": {"state": state, "instance": "dns-1", "sc": SC}, "register": "told"}
    required = {"ansible.builtin.assert": {"that": list(that), "fail_msg": "It was {{ told }}"}}
    return [{**carried_out, **more}, required]


def by_shell(command: str) -> dict[str, Any]:
    """Run a command on this machine without the start of a module."""
    return {"ansible.builtin.set_fact": {"ran": f"{{{{ lookup('ansible.builtin.pipe', '{command}') }}}}"}}


CONTENT = "lookup('file', here ~ '/../kept/dns-1/g1/config/' ~ ('/etc/dns.conf' | hash('sha256')))"
CONFIGURE: list[dict[str, Any]] = [
    *INSTANTIATE[:1],
    *verb("configured", "told is changed", "told.way is undefined", check_mode=True, vars={"content": "second"}),
    *verb("configured", "told.way == 'agent'", "told.reloaded", f"{CONTENT} == 'second'", vars={"content": "second"}),
    *verb("configured", "told is not changed", "told.way == 'agent'", vars={"content": "second"}),
    *verb("healthy", "told is not changed", "told.agent.running", "told.agent.differing == []", "told.probe == 'dns'"),
]


WRONG = {
    "wrong": "is spiffe://palantir.trust/instance/dns-2/generation/1",
    "expired": "certificate has expired",
    "revoked": "does not count any more",
}
REFUSED: list[dict[str, Any]] = [
    task
    for name, why in WRONG.items()
    for task in (
        by_shell(f"cp ' ~ here ~ '/../{name}.pem {AGENT}/certificate.pem"),
        # Nor has SSH written it.
        *verb("configured", f"told.msg is search('{why}')", f"{CONTENT} == 'second'", ignore_errors=True),
    )
]
DOWN: list[dict[str, Any]] = [
    by_shell("kill -9 $(cat /run/palantir-agent-dns-1-g1.service.pid)"),
    *verb("configured", f"{CONTENT} == 'third'", "told.way == 'ssh'", "told.detour is search('refused')"),
]
TERMINATE: list[dict[str, Any]] = [{"palantir.trust.sc_instance": {"state": "terminated", "instance": "dns-1"}}]


class Home:
    """A site of one node, localhost, whose /run is a file system of its own."""

    def __init__(self, home: Path) -> None:
        self.home, self.url = home, f"sqlite:///{home}/store.sqlite3"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        (home / "bin").mkdir()
        for name, text in {"podman": PODMAN, "systemctl": SYSTEMCTL, "journalctl": JOURNALCTL}.items():
            (home / "bin" / name).write_text(text)
            (home / "bin" / name).chmod(0o755)
        with Store(self.url).transaction() as connection:
            identities.save(connection, "localhost", "e" * 64, {}, {}, 1.0)
        command = ["unshare", "--mount", "sh", "-c", "mount -t tmpfs none /run && echo && exec sleep 600"]
        self.keeper = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert self.keeper.stdout is not None
        assert self.keeper.stdout.readline() == b"\n"
        self.run = Path(f"/proc/{self.keeper.pid}/root/run")
        (self.run / "sc").write_text(PROGRAM)

    def close(self) -> None:
        for file in [self.run / "program", *self.run.glob("*.service.pid")]:
            if file.exists():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(file.read_text()), signal.SIGKILL)
        self.keeper.kill()
        self.keeper.communicate()

    def play(self, tasks: list[dict[str, Any]], content: str = "first") -> None:
        play = {
            "hosts": "localhost",
            "gather_facts": False,
            "tasks": tasks,
            "vars": {"here": str(self.home / "catalogue"), "content": content},
        }
        play["module_defaults"] = {
            f"palantir.trust.{name}": {"directory": str(self.home / "kept")}
            for name in ("sc_instance", "agent_certificates")
        }
        (self.home / "play.yml").write_text(yaml.safe_dump([play]), encoding="utf-8")
        environment = {
            **os.environ,
            "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"),
            "ANSIBLE_HOME": str(self.home / "home"),
            "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
            "PALANTIR_TRUST_STORE": self.url,
            "PALANTIR_TRUST_CA": str(self.home / "ca.pem"),
            "PATH": f"{self.home}/bin:{os.environ['PATH']}",
        }
        enter = ["nsenter", f"--mount=/proc/{self.keeper.pid}/ns/mnt", f"--wd={CHECKOUT}"]
        command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "localhost,", "-c", "local"]
        done = subprocess.run(
            [*enter, *command, str(self.home / "play.yml")],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        log = self.run / "agent.log"
        assert done.returncode == 0, done.stdout + done.stderr + (log.read_text() if log.exists() else "")

    @property
    def authority(self) -> ca.Authority:
        return ca.load((self.home / "ca.pem").read_bytes(), "CA")

    def role(self, role: str) -> Client:
        """Who has the file that ``certificate`` wrote for a role: key, certificate, the CA's."""
        pem = (self.home / f"{role}.pem").read_bytes()
        return Client(pem, pem, self.authority.pem)

    def other(self, issuer: ca.Authority, at: datetime, name: Any = None) -> Client:
        key = ec.generate_private_key(ec.SECP256R1())
        name = name or of_role("palantir.trust", "orchestrator")
        issued = ca.issue(issuer, name, key.public_key(), at, timedelta(hours=1))
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return Client(issued.public_bytes(serialization.Encoding.PEM), private, self.authority.pem)

    def ask(self, client: Client, method: str = "GET", path: str = "/v1/health") -> Any:
        return ask(Peer("127.0.0.1", self.port, NAME, self.counts), client, method, path)

    def told(self, subject: str) -> list[dict[str, Any]]:
        """What the ledger has of certificates whose name begins so."""
        wanted = select(schema.ledger.c.body).where(schema.ledger.c.kind == "certificate")
        with Store(self.url).transaction() as connection:
            found = connection.execute(wanted.where(schema.ledger.c.subject.startswith(subject))).scalars()
            return [json.loads(body) for body in found]

    def issued(self) -> dict[str, int]:
        """How many certificates of which role were issued."""
        told = {role: self.told(f"spiffe://palantir.trust/role/{role}") for role in ROLES}
        return {role: len(found) for role, found in told.items() if found}

    def refusals(self) -> list[str]:
        return [body["refused"] for body in self.told(str(NAME)) if "refused" in body]

    def counts(self, serial: int) -> bool:
        with Store(self.url).transaction() as connection:
            return certificates.is_valid(connection, serial, str(NAME))

    def refused(self, client: Client, method: str = "GET", path: str = "/v1/health") -> str:
        """Be turned away, and see what the agent has recorded of it."""
        with pytest.raises(PeerError):
            self.ask(client, method, path)
        return str(self.ask(self.role("observer"), path="/v1/refusals")[-1]["reason"])


NAME = of_instance("palantir.trust", "dns-1", 1)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    made = Home(tmp_path)
    try:
        yield made
    finally:
        made.close()


def catalogue(home: Home, port: int, **more: Any) -> None:
    """Describe an SC with an agent, whose probe is at a port."""
    (home.home / "catalogue").mkdir()
    site(home.home / "catalogue", port)
    file = home.home / "catalogue" / "dns-filter.yml"
    described = {**yaml.safe_load(file.read_text()), "management": {"port": home.port, "address": "127.0.0.1"}}
    file.write_text(yaml.safe_dump({**described, **more}))


def test_from_the_key_to_its_end(home: Home) -> None:
    with server(answer) as port:
        catalogue(home, port)
        home.play(INSTANTIATE)
    agent = home.run / "palantir.trust" / "agents" / "dns-1-g1"
    key = (agent / "key.pem").stat()
    assert (key.st_mode & 0o777, key.st_uid) == (0o600, 0)
    secret = (agent / "key.pem").read_text().splitlines()[1].encode()
    kept = [path for path in home.home.rglob("*") if path.is_file() and secret in path.read_bytes()]
    assert kept == [], "neither the store nor anything else on the controller has seen it"

    assert home.ask(home.role("observer")) | {"since": 0} == {"name": str(NAME), "running": True, "since": 0}
    assert home.ask(home.role("operator"), "POST", "/v1/reload") == {"signals": []}
    now, authority = datetime.now(UTC), home.authority
    mine = ca.load(ca.make("palantir.trust", now), "CA")
    reasons = {
        "role_forbidden": home.refused(home.role("observer"), "POST", "/v1/reload"),
        "certificate_foreign": home.refused(home.other(mine, now)),
        "certificate_expired": home.refused(home.other(authority, now - timedelta(hours=9))),
        "certificate_wrong_purpose": home.refused(home.other(authority, now, NAME)),
        "role_unknown": home.refused(home.other(authority, now, of_role("example.org", "orchestrator"))),
    }
    assert reasons == {name: name for name in reasons}

    with Store(home.url).transaction() as connection:
        submods: dict[str, Any] = {layer: {"ear_status": "affirming"} for layer in HOST}
        submods["sc:dns-1"] = {"ear_status": "affirming", "palantir.generations": {"1": "affirming"}}
        at = now.timestamp()
        ear = {"iat": int(at), "palantir.challenged_at": int(at), "submods": submods}
        attestations.record(connection, "localhost", at, "attested", ear=ear)
    before, process = (agent / "certificate.pem").read_bytes(), (agent / "listening").read_text()
    home.play(REVOKE)
    assert (agent / "certificate.pem").read_bytes() != before
    assert (agent / "listening").read_text() == process, "no restart was needed"
    assert home.refused(home.role("operator"), "POST", "/v1/reload") == "certificate_revoked"

    serial = x509.load_pem_x509_certificate((agent / "certificate.pem").read_bytes()).serial_number
    assert home.counts(serial)
    home.play(TERMINATE)
    assert not home.counts(serial)
    assert not agent.exists()
    with pytest.raises(PeerError) as gone:
        home.ask(home.role("orchestrator"))
    assert gone.value.code == "unreachable"
    last = json.loads((home.run / "agent.log").read_text().splitlines()[-1])
    assert last["refused"]["reason"] == "certificate_revoked", "the service's log has it, too"


def mislead(home: Home) -> None:
    """Make certificates, NAME.pem each, that the agent of dns-1 is not to be believed with."""
    own = (home.run / AGENT.removeprefix("/run/") / "certificate.pem").read_bytes()
    shown, now, authority = x509.load_pem_x509_certificate(own), datetime.now(UTC), home.authority
    key = shown.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    hour = timedelta(hours=1)
    made = {
        "wrong": ca.issue(authority, of_instance("palantir.trust", "dns-2", 1), key, now, hour),
        "expired": ca.issue(authority, NAME, key, now - 9 * hour, hour),
    }
    for name, issued in made.items():
        (home.home / f"{name}.pem").write_bytes(issued.public_bytes(serialization.Encoding.PEM))
    (home.home / "revoked.pem").write_bytes(own)
    with Store(home.url).transaction() as connection:
        # It was to get the next one, and has the one that was taken back.
        certificates.revoke(connection, str(NAME), now.timestamp(), "lost", serial=f"{shown.serial_number:x}")
        certificates.record(connection, ca.issue(authority, NAME, key, now, hour), now.timestamp())


def until(true: Callable[[], bool], what: str) -> None:
    """Wait for what comes a moment later."""
    deadline = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < deadline, f"waited {WAIT_S} s for {what}"
        time.sleep(0.02)


def test_the_verbs_go_by_way_of_the_agent_and_to_nobody_else(home: Home) -> None:
    with server(answer) as port:
        files = [{"path": "/etc/dns.conf", "template": "dns.conf.j2", "reload": "signal"}]
        catalogue(home, port, configuration=files)
        (home.home / "catalogue" / "dns.conf.j2").write_text("{{ content }}")
        home.play(CONFIGURE)
        until((home.run / "read").exists, "its program to be told")
        assert (home.run / "read").read_text() == "read\n", "and once"
        assert home.issued() == {"observer": 5, "orchestrator": 1}, "one certificate for each question"
        mislead(home)
        home.play([*REFUSED, *DOWN], "third")
    assert home.refusals() == [f"certificate_{name}" for name in WRONG]
