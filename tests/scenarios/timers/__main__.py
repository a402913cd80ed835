# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""``make scenario-timers``: the role ``timers`` on a guest's systemd. Exit status 0 only if all is as it must be.

Two jobs start a program that tells where it is, what it may do and what it was given. A third runs a playbook of the
collection: ansible-core and what it needs are brought to the guest, which has none.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests.lab.lab import Lab
from tests.scenarios.site import ROOT, ScenarioError, Site
from tests.scenarios.stage import guests, perform, say

NODE = "node1"
KINDS = ("service", "timer")
SECRET = 'geheim $x "y"'
PROGRAM = """#!/usr/bin/python3
import json, os, sys, time
if sys.argv[-1].startswith("palantir.trust."):
    del os.environ["PALANTIR_TRUST_STORE"], os.environ["PALANTIR_TRUST_SIGNING_KEY"]
    os.environ["PYTHONPATH"] = "/opt/lib"
    os.execv("/usr/bin/python3", ["python3", "-m", "ansible.cli.playbook", *sys.argv[1:]])
def tried(action):
    try:
        action()
        return True
    except OSError:
        return False
key = os.environ["PALANTIR_TRUST_SIGNING_KEY"]
told = {
    "arguments": sys.argv[1:],
    "user": os.getuid(),
    "key": open(key).read(),
    "mode": oct(os.stat(key).st_mode & 0o777),
    "store": os.environ["PALANTIR_TRUST_STORE"] == SECRET,
    "own": tried(lambda: open("/var/lib/palantir.trust/mine", "w")),
    "etc": tried(lambda: open("/etc/theirs", "w")),
    "site": tried(lambda: open("theirs", "w")),
    "environment": tried(lambda: open("/etc/palantir.trust/environment")),
    "processes": tried(lambda: open("/proc/1/stat")),
}
print(json.dumps(told), flush=True)
time.sleep(SECONDS)
"""
PLAY: list[dict[str, Any]] = [{"hosts": NODE, "gather_facts": False, "roles": ["palantir.trust.timers"]}]


LIBRARIES = (
    *("ansible", "jinja2", "markupsafe", "yaml", "cryptography", "cffi", "pycparser", "sqlalchemy", "packaging"),
    *("resolvelib", "typing_extensions", "_cffi_backend", "alembic", "mako"),
)
"""What ansible-core and the collection stand on; the guest's Python is of the same version as the controller's."""


class Guest:
    """One guest, and the role on it."""

    def __init__(self, lab: Lab, site: Site) -> None:
        self._lab, self._site = lab, site

    def run(self, command: str) -> str:
        done = self._lab.ssh(NODE, command, timeout_s=120.0)
        return done.stdout.decode(errors="replace").strip()

    def write(self, path: str, text: str, mode: str) -> None:
        self._lab.ssh(NODE, f"mkdir -p $(dirname {path}); cat > {path}; chmod {mode} {path}", stdin=text.encode())

    def bring(self, directory: str, root: Path, names: Sequence[str]) -> None:
        """Bring files of this machine to a directory of the guest."""
        pack = ["tar", "-C", str(root), "--exclude=__pycache__", "--exclude=*/tests/*", "-cf", "-", *names]
        packed = subprocess.run(pack, capture_output=True, check=True).stdout
        unpack = f"mkdir -p {directory} && tar -C {directory} --no-same-owner -xf -"
        done = self._lab.ssh(NODE, unpack, stdin=packed, timeout_s=300.0)
        require(f"{len(packed) >> 20} MiB are in {directory}", done.returncode, 0)

    def apply(self, **variables: Any) -> None:
        """Apply the role.

        Raises:
            ScenarioError: it failed.
        """
        play = self._site.directory / "timers.yml"
        play.write_text(json.dumps(PLAY), encoding="utf-8")
        known = {
            "timers_directory": "/opt/site",
            "timers_inventory": "hosts.yml",
            "timers_program": "/opt/site/program",
            "timers_environment": {"PALANTIR_TRUST_STORE": SECRET},
            "timers_credentials": [
                {"name": "ear-key", "path": "/etc/keys/ear.pem", "variable": "PALANTIR_TRUST_SIGNING_KEY"}
            ],
            **variables,
        }
        status = self._site.run(play, 600.0, known)
        if status:
            raise ScenarioError(f"the role ended with status {status}")

    def journal(self, job: str) -> list[dict[str, Any]]:
        """Return what each run of a job told, by the journal."""
        lines = self.run(f"journalctl -t palantir-trust-{job} -o cat --no-pager").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def wait(self, what: str, command: str, seconds: float = 120.0) -> None:
        """Wait until a command prints something.

        Raises:
            ScenarioError: it did not in time.
        """
        end = time.monotonic() + seconds
        while not self.run(command):
            if time.monotonic() > end:
                print(self.run("journalctl -u 'palantir-trust-*' --no-pager -n 40"), flush=True)
                raise ScenarioError(f"{what}: not within {seconds:.0f} s")
            time.sleep(1)


def require(what: str, found: object, wanted: object) -> None:
    """Require that something is as it must be.

    Raises:
        ScenarioError: it is not.
    """
    if found != wanted:
        raise ScenarioError(f"{what}: {found!r}, not {wanted!r}")
    print(f"ok  {what}", flush=True)


def scenario(guest: Guest) -> None:
    """Play it."""
    program = PROGRAM.replace("SECRET", repr(SECRET), 1).replace("SECONDS", "8")
    guest.write("/opt/site/program", program, "755")
    guest.write("/etc/keys/ear.pem", "the key", "600")
    places = [Path(str(find_spec(name).origin)) for name in LIBRARIES]  # type: ignore[union-attr]
    files = [place.parent.name if place.name == "__init__.py" else place.name for place in places]
    root = Path(str(places[0])).parents[1]
    # Some of them ask for their versions.
    guest.bring("/opt/lib", root, [*files, *(found.name for found in root.glob("*.dist-info"))])
    checkout = ("ansible.cfg", "collections", "galaxy.yml", "meta", "playbooks", "plugins", "roles")
    guest.bring("/opt/site", ROOT, checkout)
    guest.write("/opt/site/hosts.yml", "all: {hosts: {localhost: {ansible_connection: local}}}", "644")
    jobs = [
        {"name": "cycle", "playbooks": ["first", "second"], "every": "20s", "jitter": "2s", "extra_vars": {"a": 1}},
        {"name": "watch", "playbooks": ["watch"], "every": "3s", "jitter": "0"},
    ]
    guest.apply(timers_jobs=jobs)
    guest.wait("a whole run of cycle", "journalctl -t palantir-trust-cycle -o cat | grep second")
    guest.wait("a run of watch", "journalctl -t palantir-trust-watch -o cat | grep '^{'")
    first = guest.journal("cycle")[0]
    arguments = ["--inventory", "hosts.yml", "--extra-vars", "@/etc/palantir.trust/palantir-trust-cycle.json", "first"]
    require("what is run", first["arguments"], arguments)
    require("as a user of its own", first["user"], int(guest.run("id -u palantir-trust")))
    require("with the key that root gave", (first["key"], first["store"]), ("the key", True))
    require("in its own directory alone", (first["own"], first["etc"], first["site"]), (True, False, False))
    require("without a look at the environment's file", first["environment"], False)
    require("with a whole /proc", first["processes"], True)
    require("as whose store nobody else's", guest.run("stat -c %a /var/lib/palantir.trust"), "700")
    print(f"    the credential's mode is {first['mode']}", flush=True)

    guest.wait("a run that came second", "systemctl show -P ExecMainStatus palantir-trust-watch.service | grep -x 75")
    both = "for job in cycle watch; do systemctl is-failed palantir-trust-$job.service; done | grep -c ^failed"
    require("who comes second has not failed", guest.run(both), "0")
    running = guest.run(
        "for n in $(seq 20); do pgrep -cf '^/usr/bin/python3 /opt/site/program'; sleep 0.5; done | sort -n | tail -1"
    )
    require("never two at once", running, "1")

    report = {"name": "report", "playbooks": ["palantir.trust.report"], "every": "1h", "jitter": "0"}
    guest.apply(timers_jobs=[report])
    whole = "journalctl -t palantir-trust-report -o cat --no-pager | grep -o 'The ledger is whole: .* entries'"
    guest.wait("a playbook's run", whole, 300.0)
    require("a playbook of the collection runs as a service", guest.run(whole), "The ledger is whole: 0 entries")

    guest.apply(timers_jobs=jobs[:1])
    units = "ls /etc/systemd/system | grep ^palantir-trust- | tr '\\n' ' '"
    require(
        "a job that is left out is taken away",
        guest.run(units),
        "palantir-trust-cycle.service palantir-trust-cycle.timer",
    )
    before = guest.run("systemctl show -P ActiveEnterTimestampMonotonic palantir-trust-cycle.timer")
    guest.apply(timers_jobs=jobs[:1])
    after = guest.run("systemctl show -P ActiveEnterTimestampMonotonic palantir-trust-cycle.timer")
    require("applied again, nothing is changed", after, before)

    guest.apply(timers_state="absent")
    require("undone", guest.run(units + "; systemctl list-timers --all --no-legend | grep palantir"), "")
    require("its store stays", guest.run("ls /var/lib/palantir.trust/mine"), "/var/lib/palantir.trust/mine")


def _play(site: Site) -> bool:
    with guests([NODE]) as lab:
        say("The role on the guest, and what systemd makes of it")
        scenario(Guest(lab, site))
    return True


def main() -> int:
    """Play the scenario on one guest, which is stopped on success, failure and Ctrl-C."""
    begun = time.monotonic()
    status = perform("scenario-timers", lambda: _play(Site.fresh("scenarios/timers")))
    ended = "all is as it must be" if status == 0 else "FAILED"
    print(f"\nscenario-timers: {ended}, {time.monotonic() - begun:.0f} s")
    return status


if __name__ == "__main__":
    sys.exit(main())
