# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each tamper hits its own layer, and no other; each benign twin raises nothing: files of the host."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.appraisal.scene import (
    BASE,
    PLAIN,
    SC,
    Guest,
    document,
    files,
    found,
    reference_values,
    sha256,
    statuses,
    worsened,
)


@pytest.mark.parametrize(
    ("path", "data", "code", "tier"),
    [
        ("/usr/local/bin/evil", b"evil", "unknown_executable", "contraindicated"),
        ("/usr/bin/ls", b"evil", "modified_file", "contraindicated"),
        ("/usr/bin/ls", b"bash", "modified_file", "contraindicated"),
        ("/opt/ls", b"ls", "moved_file", "warning"),
        ("memfd:x", b"evil", "fileless_execution", "contraindicated"),
        ("/dev/shm/x", b"evil", "fileless_execution", "contraindicated"),  # noqa: S108
        ("/opt/x_(deleted)", b"evil", "fileless_execution", "contraindicated"),
        ("memfd:x", b"bash", "moved_file", "warning"),
    ],
)
def test_a_host_file_hits_os_alone(path: str, data: bytes, code: str, tier: str) -> None:
    ear = Guest().ran(path, data).appraise()
    assert worsened(ear) == {"os": tier}
    assert found(ear) == [("os", code, tier)]


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("/bin/ls", b"ls"),
        ("/root/usr/bin/ls", b"ls"),
        ("memfd:runc_cloned:/proc/self/exe", b"crun"),
        ("/usr/bin/ls", b"ls"),
    ],
)
def test_another_name_of_a_known_file_is_no_finding(path: str, data: bytes) -> None:
    assert found(Guest().ran(path, data).appraise()) == []


def test_a_package_with_its_reference_values_raises_nothing_while_old_and_new_are_known() -> None:
    references = reference_values()
    references["host"].append(document("host", "debian", files=files({"/usr/bin/ls": b"ls 2", "/usr/bin/new": b"n"})))
    assert found(Guest().ran("/usr/bin/ls", b"ls 2").ran("/usr/bin/new", b"n").appraise(references=references)) == []


def test_a_file_that_only_an_expired_document_knows_is_a_warning() -> None:
    references = reference_values()
    old = document("host", "old", files=files({"/usr/bin/old": b"old"}), expires="2026-11-22T00:00:00+00:00")
    references["host"].append(old)
    ear = Guest().ran("/usr/bin/old", b"old").appraise(references=references)
    assert found(ear) == [("os", "reference_value_expired", "warning")]


@pytest.mark.parametrize("expires", [None, "2026-11-22T00:00:00+00:00"])
def test_without_reference_values_that_count_nothing_is_affirmed_and_nothing_contraindicated(
    expires: str | None,
) -> None:
    references = reference_values()
    if expires is None:
        references["host"], references["sc"] = [], {}
    else:
        references["host"][0]["expires"] = references["sc"]["dns-filter"][0]["expires"] = expires
    ear = Guest().ran("/usr/local/bin/evil", b"evil").appraise(references=references)
    code = "reference_values_missing" if expires is None else "reference_values_expired"
    # What an expired document knows is told as a warning; without any document there is nothing to tell.
    told = "none" if expires is None else "warning"
    assert worsened(ear) == {"os": told, "runtime": told, SC: told}
    assert ("os", code, "none") in found(ear)
    assert "contraindicated" not in statuses(ear).values()


def test_field_row_8_a_violation_is_a_finding_by_policy() -> None:
    guest = Guest().ran("/usr/bin/ls", b"", violation=True)
    assert found(guest.appraise()) == [("os", "ima_violation", "warning")]
    assert found(guest.appraise(policy={"ima": {"violations": "contraindicated"}})) == [
        ("os", "ima_violation", "contraindicated")
    ]


def test_field_row_8_no_word_of_the_node_hides_a_violation() -> None:
    # Of a violation's entry the PCR covers nothing but that it is one: its template, path and owner prove nothing.
    buffer = b"\4\0\0\0"
    honest = Guest().ran("/usr/bin/ls", b"", violation=True)
    for policy in ({"ignore_paths": ["/usr/"]}, {"runtime_paths": ["/usr/bin/ls"]}):
        assert [finding[1:] for finding in found(honest.appraise(policy=policy))] == [("ima_violation", "warning")]
    altered = Guest()
    altered.kernel.measure(
        "ima-buf",
        violation=True,
        d_ng=(b"sha256:\0" + bytes.fromhex(sha256(buffer)[7:]), ""),
        n_ng=(b".ima\0", ""),
        buf=(buffer, ""),
    )
    assert found(altered.appraise()) == [("os", "ima_violation", "warning")]


def test_a_violation_does_not_stand_for_the_measurement_of_a_module() -> None:
    guest = Guest(facts={"modules": ["rootkit"]}).ran("/usr/lib/modules/6.1/rootkit.ko", b"", violation=True)
    assert found(guest.appraise()) == [
        ("runtime", "ima_violation", "warning"),
        ("runtime", "module_not_measured", "warning"),
    ]


def test_a_file_of_a_container_does_not_stand_for_the_measurement_of_a_module() -> None:
    guest = Guest(facts={"modules": ["rootkit"]}).ran("/opt/rootkit.ko", b"shell", owner=BASE)
    assert ("runtime", "module_not_measured", "warning") in found(guest.appraise())


def test_field_row_11_a_weakened_ima_policy_contraindicates_os() -> None:
    ear = Guest().ran("/etc/ima/ima-policy", b"dont_measure\n", mode=PLAIN).appraise()
    assert found(ear) == [("os", "ima_policy_unknown", "contraindicated")]


def test_the_ima_policy_of_the_role_attester_is_approved_by_itself() -> None:
    own = (Path(__file__).parents[3] / "roles/attester/files/ima-policy").read_bytes()
    assert found(Guest().ran("/etc/ima/ima-policy", own, mode=PLAIN).appraise()) == []


def test_field_row_11_only_approved_policies_count_where_the_policy_names_them() -> None:
    approved = {"ima": {"policy_digests": [sha256(b"another policy")]}}
    assert found(Guest().appraise(policy=approved)) == [("os", "ima_policy_unknown", "contraindicated")]


def test_an_owner_in_no_range_is_the_hosts_fault() -> None:
    ear = Guest().ran("/bin/sh", b"shell", owner=1_900_000_000).appraise()
    assert found(ear) == [("os", "owner_unallocated", "contraindicated")]


def test_an_ordinary_user_of_the_host_is_the_hosts() -> None:
    assert found(Guest().ran("/home/a/x", b"evil", owner=1000).appraise()) == [
        ("os", "unknown_executable", "contraindicated")
    ]


def test_a_program_that_an_update_deleted_is_known_and_another_a_warning() -> None:
    deleted = [{"pid": 1, "path": "/usr/bin/ls (deleted)"}]
    assert found(Guest(facts={"deleted_executables": deleted}).appraise()) == []
    deleted = [{"pid": 1, "path": "/opt/x (deleted)"}]
    ear = Guest(facts={"deleted_executables": deleted}).appraise()
    assert found(ear) == [("os", "deleted_executable", "warning")]
