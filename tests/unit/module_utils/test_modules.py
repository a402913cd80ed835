# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules as Ansible runs them: a process of their own, JSON in and out, against an emulated TPM."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import ansible
import pytest

from ansible_collections.palantir.trust.plugins.module_utils._enrolment import AkRequest, describe
from ansible_collections.palantir.trust.plugins.module_utils._facts_binding import qualifying_data
from ansible_collections.palantir.trust.plugins.plugin_utils.enrolment.identity import (
    begin_enrolment,
    finish_enrolment,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.enrolment.path import load_ca_directory
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.log import parse_ima_log
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.replay import match_quote
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.tpm.quote import Quote, verify_quote
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.log import parse_event_log
from tests.lab.light.node import LightNode

pytestmark = pytest.mark.slow

COLLECTIONS = Path(__file__).resolve().parents[3] / "collections"
SYSTEM_PYTHON = "/usr/bin/python3"  # Debian's, with tpm2-pytss 1.2 where the package is installed
SELECTION = {"sha256": [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10], "sha1": [10]}
AK_HANDLE = "0x81010020"
NONCE = bytes(range(32))

Result = dict[str, Any]
Run = Callable[..., Result]


@cache
def has_tpm2_pytss(python: str) -> bool:
    probe = [python, "-c", "import tpm2_pytss"]
    return Path(python).exists() and subprocess.run(probe, capture_output=True, check=False).returncode == 0


@pytest.fixture(params=[sys.executable, SYSTEM_PYTHON], ids=["own-python", "system-python"])
def run(request: pytest.FixtureRequest, tmp_path: Path, node: LightNode) -> Run:
    """Run a module of the collection with arguments for the node, which the test may change."""
    if not has_tpm2_pytss(request.param):
        pytest.skip(f"{request.param} has no tpm2_pytss")
    (tmp_path / "ansible").symlink_to(Path(ansible.__file__).parent)
    environment = {**os.environ, "PYTHONPATH": f"{COLLECTIONS}:{tmp_path}"}

    def run_module(module: str, **arguments: object) -> Result:
        given = json.dumps({"ANSIBLE_MODULE_ARGS": {"tcti": node.tcti, **arguments}})
        command = [request.param, "-m", f"ansible_collections.palantir.trust.plugins.modules.{module}", given]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
        assert done.stderr == ""
        result: Result = json.loads(done.stdout)
        assert done.returncode == (1 if result.get("failed") else 0)
        return result

    return run_module


@pytest.fixture
def evidence(run: Run, node: LightNode) -> Run:
    describe(node.tcti, AK_HANDLE, "auto", AkRequest("ecdsa_p256", replace=False, create=True))
    usual = {
        "nonce": NONCE.hex(),
        "selection": SELECTION,
        "event_log_path": str(node.event_log),
        "ima_log_path": str(node.ima_log),
        "userspace_log_path": str(node.ima_log.with_name("tpm2-measure.log")),
        "proc_path": str(node.proc),
        "sys_path": str(node.sys),
        "ssh_path": str(node.directory),
    }
    return lambda **changes: run("evidence", **{**usual, **changes})


def quote_of(gathered: Result, ak_public: str) -> Quote:
    quote = gathered["quote"]
    bound = qualifying_data(NONCE, gathered["facts"])
    return verify_quote(quote["attest"], quote["signature"], ak_public, bound, SELECTION)


def test_evidence_holds_from_quote_to_logs(run: Run, evidence: Run, node: LightNode) -> None:
    node.append_measurement("/usr/bin/example", b"program", owner=1_000_013_824)
    ak_public = run("enrolment", operation="describe")["description"]["ak"]["public"]
    gathered = evidence()["evidence"]
    quote = quote_of(gathered, ak_public)
    assert quote.valid, quote.findings
    events = parse_event_log(base64.b64decode(gathered["event_log"]))
    assert events.findings == ()
    log = parse_ima_log(base64.b64decode(gathered["ima_log"]["data"]))
    assert [(entry.path, entry.iuid) for entry in log.entries] == [
        ("boot_aggregate", None),
        ("/etc/ima/ima-policy", 0),
        ("/usr/bin/example", 1_000_013_824),
    ]
    prefix = match_quote(log, quote, events.pcrs)
    assert prefix is not None
    assert (prefix.entries, prefix.padded) == (3, False)


def test_facts_that_were_changed_after_the_quote_show(run: Run, evidence: Run) -> None:
    ak_public = run("enrolment", operation="describe")["description"]["ak"]["public"]
    gathered = evidence()["evidence"]
    gathered["facts"]["modules"].append("rootkit")
    assert "nonce_mismatch" in {finding.code for finding in quote_of(gathered, ak_public).findings}


def test_only_the_new_part_of_the_list_is_sent(evidence: Run, node: LightNode) -> None:
    whole = evidence()["evidence"]
    first, boot_id = base64.b64decode(whole["ima_log"]["data"]), whole["facts"]["boot_id"]
    node.append_measurement("/usr/bin/later", os.urandom(8))
    second = evidence(since={"boot_id": boot_id, "offset": len(first)})["evidence"]
    assert second["event_log"] is None
    assert second["ima_log"]["offset"] == len(first)
    assert first + base64.b64decode(second["ima_log"]["data"]) == node.ima_log.read_bytes()


def test_of_a_boot_that_the_controller_does_not_know_all_is_sent(evidence: Run, node: LightNode) -> None:
    gathered = evidence(since={"boot_id": "another", "offset": 100})["evidence"]
    assert base64.b64decode(gathered["event_log"]) == node.event_log.read_bytes()
    assert gathered["ima_log"]["offset"] == 0
    assert base64.b64decode(gathered["ima_log"]["data"]) == node.ima_log.read_bytes()


def test_of_a_list_that_is_shorter_than_what_is_known_nothing_is_sent(evidence: Run) -> None:
    boot_id = evidence()["evidence"]["facts"]["boot_id"]
    gathered = evidence(since={"boot_id": boot_id, "offset": 1 << 40})["evidence"]
    assert gathered["ima_log"] == {"offset": 1 << 40, "data": ""}


def test_systemds_log_is_sent_where_there_is_one(evidence: Run, node: LightNode) -> None:
    assert evidence()["evidence"]["userspace_log"] is None
    log = node.ima_log.with_name("tpm2-measure.log")
    log.write_bytes(b'\x1e{"pcr": 11}\n')
    try:
        assert base64.b64decode(evidence()["evidence"]["userspace_log"]) == b'\x1e{"pcr": 11}\n'
        refused = evidence(log_limit=5, event_log=False, ima_log=False)
        assert (refused["code"], "The log of systemd's measurements" in refused["msg"]) == ("log_too_large", True)
    finally:
        log.unlink()


def test_enrolment_goes_through_the_modules(run: Run, node: LightNode) -> None:
    described = run("enrolment", operation="describe", ek="rsa_2048")["description"]
    pending = begin_enrolment(described, load_ca_directory(node.ca), datetime.now(UTC))
    answered = run("enrolment", operation="activate", **pending.challenge())
    assert answered["changed"] is False
    assert finish_enrolment(pending, answered["answer"]).record()["ak_public"] == described["ak"]["public"]


def test_describing_twice_changes_nothing_the_second_time(run: Run) -> None:
    run("enrolment", operation="describe")
    assert run("enrolment", operation="describe")["changed"] is False


@pytest.mark.parametrize("run", [sys.executable], indirect=True)
@pytest.mark.parametrize(
    ("changes", "code", "message"),
    [
        ({"tcti": "device:/dev/no-tpm"}, "no_tpm", "The node has no TPM 2.0: /dev/no-tpm is missing. Next: switch"),
        ({"tcti": "swtpm:path=/nowhere"}, "no_tpm", "No TPM answers on TCTI swtpm:path=/nowhere: "),
        ({"tcti": "nonsense"}, "no_tpm", "No TPM answers on TCTI nonsense: "),
        ({"ak_handle": "0x81010099"}, "ak_missing", "The TPM has no AK at handle 0x81010099: the node was never"),
        ({"ak_handle": "0x40000001"}, "bad_argument", "ak_handle '0x40000001' is no persistent handle of the owner."),
        ({"ak_handle": "AK"}, "bad_argument", "ak_handle 'AK' is no persistent handle of the owner."),
        ({"ima_log_path": "/nowhere/ima"}, "no_ima", "The IMA measurement list /nowhere/ima is missing. Next: apply"),
        ({"event_log_path": "/nowhere/log"}, "no_event_log", "The UEFI event log /nowhere/log is missing. Next: boot"),
        ({"ima_log_path": "/"}, "log_unreadable", "The IMA measurement list / cannot be read: Is a directory."),
        ({"log_limit": 10}, "log_too_large", " holds more than 10 bytes after the offset asked for."),
        ({"proc_path": "/nowhere"}, "facts_unreadable", "The file /nowhere/sys/kernel/random/boot_id cannot be read."),
        ({"nonce": "00" * 31}, "bad_argument", "The nonce is not 32 bytes in hexadecimal digits."),
        ({"nonce": "secret"}, "bad_argument", "The nonce is not 32 bytes in hexadecimal digits."),
        ({"selection": {}}, "bad_argument", "The PCR selection is empty."),
        ({"selection": {"sha256": []}}, "bad_argument", "The PCR selection of bank sha256 is no list of PCRs."),
        ({"selection": {"md5": [1]}}, "bad_argument", "The PCR selection names an unknown bank 'md5'."),
        ({"selection": {"sha256": [24]}}, "bad_argument", "The PCR selection of bank sha256 holds 24."),
        ({"selection": {"sha256": 10}}, "bad_argument", "The PCR selection of bank sha256 is no list of PCRs."),
        ({"selection": {"sha256": [10], "sha512": [10]}}, "pcr_bank_missing", "The TPM left out part of the PCR"),
        ({"since": {"boot_id": "x", "offset": -1}}, "bad_argument", "since.offset or log_limit is negative."),
    ],
)
def test_a_node_that_cannot_give_evidence_says_why(evidence: Run, changes: Result, code: str, message: str) -> None:
    result = evidence(**changes)
    assert result["code"] == code
    assert message in result["msg"]
    assert " Next: " in result["msg"]
    assert "\n" not in result["msg"]
    assert "exception" not in result
    assert "evidence" not in result


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"credential_blob": "AAAA", "encrypted_secret": "AAAA"}, "bad_argument"),
        ({"credential_blob": "!", "encrypted_secret": "AAAA"}, "bad_argument"),
        ({"ek": "ecc_nist_p256", "credential_blob": "AAAA", "encrypted_secret": "AAAA"}, "no_ek_certificate"),
    ],
)
def test_a_credential_that_is_none_is_refused(run: Run, changes: Result, code: str) -> None:
    result = run("enrolment", operation="activate", **changes)
    assert result["code"] == code
    assert "exception" not in result


def test_a_python_without_tpm2_pytss_is_told_which_package(node: LightNode, tmp_path: Path) -> None:
    (tmp_path / "tpm2_pytss.py").write_text("raise ImportError('libtss2-esys.so.0: cannot open shared object file')\n")
    command = [sys.executable, "-m", "ansible_collections.palantir.trust.plugins.modules.enrolment"]
    given = json.dumps({"ANSIBLE_MODULE_ARGS": {"operation": "describe", "tcti": node.tcti}})
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}:{COLLECTIONS}"}
    done = subprocess.run([*command, given], env=environment, capture_output=True, text=True, timeout=60, check=False)
    result = json.loads(done.stdout)
    assert result["code"] == "no_tpm2_pytss"
    assert "cannot import tpm2_pytss: libtss2-esys.so.0: cannot open shared object file." in result["msg"]
    assert "Next: install python3-tpm2-pytss" in result["msg"]


def test_a_quote_takes_no_tpm2_pytss(evidence: Run, node: LightNode, tmp_path: Path) -> None:
    (tmp_path / "tpm2_pytss.py").write_text("raise ImportError('not here')\n")
    assert "evidence" in evidence()


def test_a_cleared_tpm_has_lost_its_ak(run: Run, evidence: Run, node: LightNode) -> None:
    assert "evidence" in evidence()
    node.clear_tpm()
    result = evidence()
    assert result["code"] == "ak_missing"
    assert "or its TPM was cleared" in result["msg"]
    assert run("enrolment", operation="describe")["changed"] is True


def test_a_reboot_begins_the_lists_anew_and_is_counted(run: Run, evidence: Run, node: LightNode) -> None:
    ak_public = run("enrolment", operation="describe")["description"]["ak"]["public"]
    before = evidence()["evidence"]
    node.append_measurement("/usr/bin/before", b"reboot")
    node.reboot()
    after = evidence()["evidence"]
    assert quote_of(after, ak_public).reset_count == quote_of(before, ak_public).reset_count + 1
    assert after["facts"]["boot_id"] != before["facts"]["boot_id"]
    assert after["facts"]["hardware"] == before["facts"]["hardware"]
    assert len(parse_ima_log(base64.b64decode(after["ima_log"]["data"])).entries) == 2
