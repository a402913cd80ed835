# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""FIELD row 11: what the node's IMA policy does not measure is named, and where it is silent nothing is affirmed."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.layers.ima_coverage import appraise_ima_policy
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.policy import own_ima_policy
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.policy.policy import load_policy
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import PolicyError
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.index import FileIndex
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.log import parse_ima_log
from tests.unit.appraisal.scene import (
    HOST,
    IMA_POLICY,
    PLAIN,
    Guest,
    document,
    files,
    found,
    instance,
    reference_values,
    sha256,
    statuses,
)

SC = "sc:dns-filter-1"
OWN = own_ima_policy.TEXT
PATH = "/etc/ima/ima-policy"


def appraised(text: str, policy: dict[str, Any] | None = None) -> dict[str, Any]:
    """Appraise a node that follows a policy of the site, which the Appraisal Policy names by its text."""
    return Guest(ima_policy=text.encode()).appraise(policy={"ima": {"policies": [text]}} if policy is None else policy)


def findings(ear: dict[str, Any], layer: str) -> dict[str, str]:
    return {f["code"]: f["message"].partition("It leaves out: ")[2] for f in ear["submods"][layer]["palantir.findings"]}


def without(*lines: str) -> str:
    return "".join(line for line in OWN.splitlines(keepends=True) if line.strip() not in lines)


def test_the_text_of_the_role_is_the_one_that_the_appraisal_knows() -> None:
    role = Path(__file__).parents[3] / "roles/attester/files/ima-policy"
    assert role.read_bytes() == OWN.encode()


def test_what_the_policy_of_the_role_leaves_out_is_named_and_weighs_nothing() -> None:
    ear = Guest().appraise()
    assert found(ear) == []
    assert set(statuses(ear).values()) == {"affirming"}
    coverage = ear["submods"]["os"]["palantir.coverage"]
    assert coverage["ima_policy"] == sha256(IMA_POLICY)
    everyone, memory = [[0, 4294967294]], ["tmpfs", "devtmpfs"]
    named = [(item["what"], item["file_systems"], item["users"]) for item in coverage["not_measured"]]
    by_host, by_all = named
    assert by_host[0] == by_all[0] == "files read"
    assert {"ext4", "overlay"} < set(by_host[1])
    assert by_host[2] == [[0, 999_999_999]]
    assert by_all[1:] == (memory, everyone)
    assert len(json.dumps(coverage)) < 2000


def test_other_layers_tell_no_coverage() -> None:
    submods = Guest().appraise()["submods"]
    assert [layer for layer, submod in submods.items() if submod["palantir.coverage"] is not None] == ["os"]


def test_field_row_11_a_policy_that_leaves_out_overlayfs_cannot_yield_affirming_for_an_sc() -> None:
    ear = appraised("dont_measure fsmagic=0x794c7630\n" + OWN)
    assert found(ear) == [
        ("os", "ima_coverage_programs", "warning"),
        ("os", "ima_coverage_kernel", "warning"),
        ("runtime", "ima_coverage_modules", "warning"),
        (SC, "ima_coverage_programs", "warning"),
        (SC, "ima_coverage_reads", "warning"),
    ]
    assert findings(ear, SC) == {
        "ima_coverage_programs": "programs on overlay; libraries on overlay.",
        "ima_coverage_reads": "files read on overlay.",
    }
    assert ear["submods"][SC]["palantir.own_status"] == ear["submods"][SC]["ear_status"] == "warning"


def test_field_row_11_what_scs_read_without_a_rule_for_them_is_theirs_alone() -> None:
    ear = appraised(without("measure func=FILE_CHECK mask=^MAY_READ uid>999999999"))
    assert found(ear) == [(SC, "ima_coverage_reads", "warning")]
    assert findings(ear, SC) == {"ima_coverage_reads": "files read on every file system."}


def test_a_rule_for_other_readers_does_not_cover_an_instance() -> None:
    ear = appraised(OWN.replace("uid>999999999", "uid>1500000000"))
    assert found(ear) == [(SC, "ima_coverage_reads", "warning")]
    moved = Guest(
        instances=[instance(uid_base=1_600_000_000)], ima_policy=OWN.replace("uid>999999999", "uid>1500000000").encode()
    )
    named = {"ima": {"policies": [moved.ima_policy.decode()]}}
    assert [code for _, code, _ in found(moved.appraise(policy=named)) if "coverage" in code] == []


def test_programs_in_memory_that_are_not_measured_are_the_hosts() -> None:
    ear = appraised(without("measure func=BPRM_CHECK fsmagic=0x01021994"))
    assert findings(ear, "os") == {"ima_coverage_programs": "programs on tmpfs, devtmpfs."}
    assert findings(ear, SC) == {"ima_coverage_programs": "programs on tmpfs, devtmpfs."}


@pytest.mark.parametrize(
    ("line", "finding", "told"),
    [
        ("func=BPRM_CHECK", ("os", "ima_coverage_programs"), "programs on "),
        ("func=MMAP_CHECK mask=MAY_EXEC", ("os", "ima_coverage_programs"), "libraries on "),
        ("func=MODULE_CHECK", ("runtime", "ima_coverage_modules"), "kernel modules on every file system."),
        ("func=FIRMWARE_CHECK", ("os", "ima_coverage_kernel"), "firmware on every file system."),
        ("func=KEXEC_KERNEL_CHECK", ("os", "ima_coverage_kernel"), "kernels for kexec on every file system."),
        ("func=KEXEC_CMDLINE", ("os", "ima_coverage_kernel"), "command lines for kexec on every file system."),
        ("func=POLICY_CHECK", ("os", "ima_coverage_kernel"), "IMA policies on every file system."),
    ],
)
def test_each_rule_that_is_missing_is_missed(line: str, finding: tuple[str, str], told: str) -> None:
    ear = appraised(without(f"measure {line}"))
    layer, code = finding
    assert findings(ear, layer)[code].startswith(told)
    assert {tier for _layer, _code, tier in found(ear)} == {"warning"}


@pytest.mark.parametrize("line", ["func=KEY_CHECK", "func=CRITICAL_DATA"])
def test_what_no_layer_rests_on_is_named_without_weight(line: str) -> None:
    ear = appraised(without(f"measure {line}"))
    assert found(ear) == []
    assert [] in [item["file_systems"] for item in ear["submods"]["os"]["palantir.coverage"]["not_measured"]]


def test_a_policy_that_is_approved_by_digest_alone_is_told_to_be_unknown() -> None:
    text = "measure\n"
    ear = appraised(text, {"ima": {"policy_digests": [sha256(text.encode())]}})
    assert found(ear) == [("os", "ima_coverage_unknown", "warning")]
    assert ear["submods"]["os"]["palantir.coverage"] is None
    assert ear["submods"][SC]["ear_status"] == "warning"
    assert ear["submods"][SC]["palantir.limited_by"] == "os"


def test_so_is_one_that_the_hosts_reference_values_approve() -> None:
    text = b"measure\n"
    references = reference_values()
    references["host"] = [document("host", "debian", files=files(HOST | {PATH: text}))]
    ear = Guest(ima_policy=text).appraise(references=references)
    assert found(ear) == [("os", "ima_coverage_unknown", "warning")]


def test_our_own_policy_is_known_however_it_is_approved() -> None:
    assert found(Guest().appraise(policy={"ima": {"policy_digests": [sha256(IMA_POLICY)]}})) == []


def test_texts_approve_and_where_there_are_any_nothing_else_does() -> None:
    named = {"ima": {"policies": ["measure\n"]}}
    assert found(Guest().appraise(policy=named)) == [("os", "ima_policy_unknown", "contraindicated")]
    both = {"ima": {"policies": ["measure\n"], "policy_digests": [sha256(IMA_POLICY)]}}
    assert found(Guest().appraise(policy=both)) == []


def test_the_first_policy_of_a_boot_decides_and_a_later_one_can_take_nothing_away() -> None:
    weak = without("measure func=MODULE_CHECK")
    named = {"ima": {"policies": [OWN, weak]}}
    assert found(Guest().ran(PATH, weak.encode(), mode=PLAIN).appraise(policy=named)) == []
    weak_first = Guest(ima_policy=weak.encode()).ran(PATH, OWN.encode(), mode=PLAIN)
    assert found(weak_first.appraise(policy=named)) == [("runtime", "ima_coverage_modules", "warning")]


def test_every_policy_of_a_boot_has_to_be_approved_and_of_one_that_is_not_nothing_is_said() -> None:
    later = Guest().ran(PATH, b"dont_measure\n", mode=PLAIN).appraise()
    assert found(later) == [("os", "ima_policy_unknown", "contraindicated")]
    first = Guest(ima_policy=b"dont_measure\n").ran(PATH, IMA_POLICY, mode=PLAIN).appraise()
    assert found(first) == [("os", "ima_policy_unknown", "contraindicated")]
    assert first["submods"]["os"]["palantir.coverage"] is None


def test_a_violation_is_no_load_of_a_policy() -> None:
    ear = Guest().ran(PATH, b"", mode=PLAIN, violation=True).appraise()
    assert found(ear) == [("os", "ima_violation", "warning")]
    assert ear["submods"]["os"]["palantir.coverage"] is not None


@pytest.mark.parametrize(
    ("policies", "message"),
    [
        ("measure\n", "ima, policies: must be a list."),
        (["measure"], "ima, policies[0]: does not end with a new line"),
        (["measure\n", "measure\nmesure\n"], "ima, policies[1], line 2: 'mesure' is no action or condition."),
        (["measure\n"] * 17, "ima, policies: has more than 16 texts."),
    ],
)
def test_a_text_that_the_kernel_would_refuse_is_an_error_of_the_appraisal_policy(policies: Any, message: str) -> None:
    with pytest.raises(PolicyError) as raised:
        load_policy({"ima": {"policies": policies}})
    assert message in str(raised.value)


@pytest.mark.parametrize("bank", ["sha1", "sha256", "sha384", "sha512"])
def test_texts_are_known_in_every_bank(bank: str) -> None:
    log = parse_ima_log(Guest().kernel.binary)
    (entry,) = (e for e in log.entries if e.path == PATH)
    measured = entry._replace(digest=f"{bank}:{hashlib.new(bank, IMA_POLICY).hexdigest()}")
    coverage = appraise_ima_policy([measured], load_policy({}), FileIndex())
    assert coverage.findings == ()
    assert coverage.known is not None
