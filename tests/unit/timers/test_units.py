# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The units of the role ``timers``, as systemd itself reads and rates them."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

from tests.lab.paths import CHECKOUT

ROLE = CHECKOUT / "roles" / "timers"
ANALYZE = shutil.which("systemd-analyze")
JOB = {"name": "cycle", "playbooks": ["palantir.trust.cycle", "palantir.trust.attest"]}
WORST = 3.0
"""Highest exposure that systemd-analyze may find; 10 is a service that nothing bounds."""


def rendered(kind: str, **variables: Any) -> str:
    """Return a unit as the role writes it."""
    known = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text(encoding="utf-8"))
    known |= {"timers_directory": "/opt/site", "timers_inventory": "inventories/lab/hosts.yml", "item": [JOB, kind]}
    known |= {"timers_user": "daemon", "timers_program": "/usr/bin/true", **variables}
    text = (ROLE / "templates" / f"{kind}.j2").read_text(encoding="utf-8")
    return str(Templar(DataLoader(), known).template(trust_as_template(text)))


def values(unit: str, key: str) -> list[str]:
    return re.findall(rf"^{key}=(.*)$", unit, re.MULTILINE)


@pytest.fixture
def units(tmp_path: Path) -> Path:
    if ANALYZE is None:
        pytest.skip("systemd-analyze is not installed")
    for kind in ("service", "timer"):
        (tmp_path / f"palantir-trust-cycle.{kind}").write_text(rendered(kind) + "\n", encoding="utf-8")
    return tmp_path


def test_systemd_finds_no_fault_with_them(units: Path) -> None:
    command = [str(ANALYZE), "verify", "--recursive-errors=no", *map(str, sorted(units.iterdir()))]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    broken = units / "palantir-trust-broken.service"
    broken.write_text("[Service]\nType=oneshoot\n", encoding="utf-8")
    done = subprocess.run([*command, str(broken)], capture_output=True, text=True, check=False, timeout=60)
    assert "oneshoot" in done.stderr, "it looks at them at all"


def test_systemd_rates_the_service_as_well_bounded(units: Path) -> None:
    command = [str(ANALYZE), "security", "--offline=yes", "--no-pager", str(units / "palantir-trust-cycle.service")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    found = re.search(r"Overall exposure level.*: ([\d.]+) ", done.stdout)
    assert found, done.stdout + done.stderr
    assert float(found[1]) <= WORST


@pytest.fixture
def ran(tmp_path: Path) -> Callable[..., tuple[int, list[str]]]:
    """What the service's command does, as systemd reads it: its status, and how the program was called until now."""
    told, program = tmp_path / "told", tmp_path / "program"
    program.write_text(f'#!/bin/sh\necho "$@" >> {told}\n[ "$5" != palantir.trust.fails ]\n', encoding="utf-8")
    program.chmod(0o755)

    def run(*playbooks: str) -> tuple[int, list[str]]:
        job = {**JOB, "playbooks": playbooks or JOB["playbooks"]}
        (command,) = values(rendered("service", item=[job, "service"], timers_program=str(program)), "ExecStart")
        words = shlex.split(command.replace("/var/lib/palantir.trust/lock", str(tmp_path / "lock")).replace("$$", "$"))
        done = subprocess.run(words, check=False, timeout=60)
        return done.returncode, told.read_text(encoding="utf-8").splitlines() if told.exists() else []

    return run


CALLED = "--inventory inventories/lab/hosts.yml --extra-vars @/etc/palantir.trust/palantir-trust-cycle.json"


def test_a_jobs_playbooks_run_one_after_the_other_as_long_as_none_fails(ran: Callable[..., Any]) -> None:
    assert ran() == (0, [f"{CALLED} palantir.trust.cycle", f"{CALLED} palantir.trust.attest"])
    status, told = ran("palantir.trust.fails", "palantir.trust.attest")
    assert (status, told[2:]) == (1, [f"{CALLED} palantir.trust.fails"])


def test_only_one_job_runs_and_who_comes_second_does_nothing_and_has_not_failed(
    tmp_path: Path, ran: Callable[..., Any]
) -> None:
    with subprocess.Popen(["/usr/bin/flock", str(tmp_path / "lock"), "cat"], stdin=subprocess.PIPE) as first:
        deadline = time.monotonic() + 10
        while not (tmp_path / "lock").exists() or ran()[0] == 0:
            assert time.monotonic() < deadline, "the lock is not taken"
        before = ran()[1]
        assert ran() == (75, before)
        first.communicate()
    assert ran()[0] == 0
    unit = rendered("service")
    assert values(unit, "SuccessExitStatus") == ["75"]
    assert values(unit, "StateDirectory") == ["palantir.trust"], "the lock outlives each of the services"


def test_what_is_secret_is_in_no_unit() -> None:
    unit = rendered(
        "service",
        timers_environment={"PALANTIR_TRUST_STORE": "postgresql+psycopg://u:geheim@h/d"},
        timers_credentials=[{"name": "ear-key", "path": "/etc/keys/ear.pem", "variable": "PALANTIR_TRUST_SIGNING_KEY"}],
    )
    assert "geheim" not in unit
    assert values(unit, "LoadCredential") == ["ear-key:/etc/keys/ear.pem"]
    # Of two the last counts, and a file counts over both.
    assert values(unit, "Environment")[-1] == "PALANTIR_TRUST_SIGNING_KEY=%d/ear-key"
    assert values(unit, "EnvironmentFile") == ["/etc/palantir.trust/environment"]


def test_proc_is_whole_as_leases_need_it() -> None:
    assert values(rendered("service"), "ProtectProc") == values(rendered("service"), "ProcSubset") == []


def test_a_timer_waits_for_the_end_of_the_run_before_and_for_chance() -> None:
    unit = rendered("timer", item=[{**JOB, "every": "2min", "jitter": "10s"}, "timer"])
    assert (values(unit, "OnUnitInactiveSec"), values(unit, "RandomizedDelaySec")) == (["2min"], ["10s"])
    assert values(rendered("timer"), "OnUnitInactiveSec") == ["5min"]
    options = yaml.safe_load((ROLE / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))
    job = options["argument_specs"]["main"]["options"]["timers_jobs"]["options"]
    assert (job["every"]["default"], job["jitter"]["default"]) == ("5min", "30s")


@pytest.mark.parametrize("value", ['with "quotes" and $dollars', "a b", "back\\slash", "%h"])
def test_the_environment_is_quoted_as_systemd_reads_it(value: str) -> None:
    text = rendered("environment", timers_environment={"SECRET": value})
    (line,) = [line for line in text.splitlines() if line.startswith("SECRET=")]
    # systemd.exec(5), EnvironmentFile=: within double quotes, a backslash escapes; nothing else is expanded.
    assert re.sub(r"\\(.)", r"\1", line.removeprefix('SECRET="').removesuffix('"')) == value
