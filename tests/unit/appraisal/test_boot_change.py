# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A kernel update is one change: known beforehand it is nothing, else one finding that says what it is."""

from __future__ import annotations

import hashlib
import time
from typing import Any

import pytest

from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi import types as ev
from tests.unit.appraisal.scene import (
    Guest,
    clean_boot,
    document,
    found,
    recorded_events,
    reference_values,
    sha256,
    started,
)
from tests.unit.verifier.event_log_builder import LogBuilder
from tests.unit.verifier.ima_kernel import Kernel

OLD, NEW = "6.1.0-29", "6.1.0-30"


def booted(version: str, *, extra: bytes | None = None) -> LogBuilder:
    """A node that shim and GRUB booted with a kernel of that version, which its own stub confirms."""
    line = f"/vmlinuz-{version} root=/dev/vda ro quiet"
    builder = clean_boot(line)
    if extra is not None:
        started(builder, 4, extra)
    started(builder, 4, f"kernel {version}".encode())
    builder.add(9, ev.EV_IPL, f"/vmlinuz-{version}\0".encode(), f"kernel {version} file".encode())
    return builder.add(9, ev.EV_EVENT_TAG, b"\xed\x22\x3b\x8f\0\0\0\0", f"BOOT_IMAGE={line}".encode("utf-16-le"))


def known(version: str) -> dict[str, Any]:
    line = f"/vmlinuz-{version} root=/dev/vda ro quiet"
    options = f"BOOT_IMAGE={line}".encode("utf-16-le")
    events = [
        (4, b"shim", "/EFI/BOOT/BOOTX64.EFI"),
        (4, f"kernel {version}".encode(), f"/vmlinuz-{version}"),
        (9, b"the initrd", "/initrd.img"),
        (9, f"kernel {version} file".encode(), f"/vmlinuz-{version}"),
        (9, options, "/grub.cfg"),
    ]
    return document(
        "boot",
        f"kernel {version}",
        events=[{"pcr": pcr, "type": "EV_IPL", "digests": [sha256(data)], "what": what} for pcr, data, what in events],
        texts=[
            {"pcr": 8, "text": f"linux {line}", "what": "/grub.cfg"},
            {"pcr": 8, "text": line, "what": "/grub.cfg"},
        ],
        modules=["virtio_blk"],
    )


def appraised(boot: LogBuilder, *versions: str, policy: dict[str, Any] | None = None) -> dict[str, Any]:
    references = reference_values() | {"boot": [known(version) for version in versions]}
    return Guest(boot=boot).appraise(policy=policy, references=references)


def test_a_kernel_update_that_reference_values_know_is_nothing() -> None:
    assert found(appraised(booted(NEW), OLD, NEW)) == []
    assert found(appraised(booted(OLD), OLD, NEW)) == []


def test_a_kernel_update_that_nobody_knows_is_one_finding() -> None:
    ear = appraised(booted(NEW), OLD)
    weighed = [finding for finding in found(ear) if finding[2] != "none"]
    assert weighed == [("os", "unknown_boot_application", "contraindicated")]
    assert ear["submods"]["os"]["ear_trustworthiness_vector"] == {"executables": 96, "configuration": 96}
    assert ear["submods"]["os"]["palantir.own_status"] == "contraindicated"
    root, *parts = ear["submods"]["os"]["palantir.findings"]
    assert root["digest"] == sha256(f"kernel {NEW}".encode())
    assert root["message"].endswith("4 more boot events changed with it: 2 in PCR 8, 2 in PCR 9.")
    assert [(part["code"], part["pcr"]) for part in parts] == [
        ("unknown_boot_file", 9),
        ("unknown_boot_file", 9),
        ("unknown_boot_command", 8),
        ("unknown_boot_command", 8),
    ]
    assert all(f"It is part of the change at event {root['index']}." in part["message"] for part in parts)


def test_what_the_change_replaces_is_told_by_name_and_by_text() -> None:
    ear = appraised(booted(NEW), OLD)
    messages = [finding["message"] for finding in ear["submods"]["os"]["palantir.findings"]]
    assert f"known is linux /vmlinuz-{OLD} root=/dev/vda ro quiet." in messages[3]
    old_digest = sha256(f"kernel {OLD} file".encode())[:19]
    assert f"It is EV_IPL /vmlinuz-{NEW} in PCR 9." in messages[1]
    assert f"known is /vmlinuz-{OLD} ({old_digest}…)." in messages[1]


def test_another_program_beside_the_update_is_named_in_the_same_change() -> None:
    ear = appraised(booted(NEW, extra=b"evil.efi"), OLD)
    digests = [finding["digest"] for finding in ear["submods"]["os"]["palantir.findings"]]
    assert digests[:2] == [sha256(b"evil.efi"), sha256(f"kernel {NEW}".encode())]
    assert len([f for f in found(ear) if f[2] == "contraindicated"]) == 1


def test_a_waived_kernel_does_not_take_the_weight_from_what_is_not_waived() -> None:
    waiver = {"pcr": 4, "reason": "tried by hand", "name": "try", "expires": "2027-01-01"}
    ear = appraised(booted(NEW), OLD, policy={"waivers": [waiver]})
    assert found(ear)[:2] == [("os", "boot_change_waived", "none"), ("os", "unknown_boot_file", "contraindicated")]
    assert ear["submods"]["os"]["palantir.own_status"] == "contraindicated"


def test_changed_machine_owner_keys_are_a_change_of_their_own() -> None:
    boot = booted(NEW).add(14, ev.EV_IPL, b"MokList\0", b"other keys")
    weighed = [finding for finding in found(appraised(boot, OLD)) if finding[2] != "none"]
    assert weighed == [
        ("os", "mok_changed", "contraindicated"),
        ("os", "unknown_boot_application", "contraindicated"),
    ]


def test_thousands_of_unknown_events_with_long_names_are_told_in_bounded_time() -> None:
    boot = booted(NEW)
    for at in range(3000):
        boot.add(9, ev.EV_IPL, b"/vmlinuz-" + b"x" * 500 + b"\0", b"%d" % at)
    start = time.process_time()
    ear = appraised(boot, OLD)
    assert time.process_time() - start < 5
    assert len([f for f in found(ear) if f[2] == "contraindicated"]) == 1


# -- firmware by Reference Values


def test_new_firmware_that_reference_values_know_is_nothing() -> None:
    boot = started(clean_boot(), 2, b"option ROM 2")
    event = {"pcr": 2, "type": "EV_EFI_BOOT_SERVICES_DRIVER", "digests": [sha256(b"option ROM 2")], "what": "ROM"}
    references = reference_values()
    references["boot"].append(document("boot", "firmware", events=[event]))
    assert found(Guest(boot=boot).appraise(references=references)) == []
    assert ("firmware", "firmware_code_changed", "contraindicated") in found(Guest(boot=boot).appraise())


# -- banks


def banked(bank: str, **changes: Any) -> Guest:
    kernel = Kernel(pcrs={bank: {}})
    return Guest(boot=clean_boot(banks=(bank,)), kernel=kernel, bank=bank, **changes)


def in_bank(bank: str) -> dict[str, Any]:
    references = reference_values()
    for event, content in zip(references["boot"][0]["events"], (b"shim", b"the initrd"), strict=True):
        event["digests"].append(f"{bank}:{hashlib.new(bank, content).hexdigest()}")
    return references


def selection(bank: str) -> dict[str, Any]:
    return {"selection": {bank: [*range(11), 14]}}


@pytest.mark.parametrize("bank", ["sha384", "sha512"])
def test_a_node_whose_tpm_has_no_sha256_bank_is_appraised_in_the_bank_that_it_has(bank: str) -> None:
    ear = banked(bank).appraise(policy=selection(bank), references=in_bank(bank))
    assert found(ear) == []
    assert set(ear["submods"]["os"]["ear_trustworthiness_vector"].values()) <= {2, 3}


def test_a_change_is_found_in_any_bank() -> None:
    guest = Guest(boot=started(clean_boot(banks=("sha384",)), 4, b"evil"), bank="sha384")
    ear = guest.appraise(policy=selection("sha384"), references=in_bank("sha384"))
    assert found(ear) == [("os", "unknown_boot_application", "contraindicated")]


def test_what_reference_values_do_not_know_in_a_bank_accuses_nobody() -> None:
    """Their digests are of SHA-256: of the node's bank they say nothing, and what was recorded counts."""
    assert found(banked("sha384").appraise(policy=selection("sha384"))) == []
    guest = banked("sha384")
    guest.record["recorded"]["events"] = recorded_events(clean_boot())
    ear = guest.appraise(policy=selection("sha384"))
    assert {code for _layer, code, _tier in found(ear)} == {"firmware_not_recorded", "boot_not_known"}
    assert "contraindicated" not in {tier for _layer, _code, tier in found(ear)}


def test_sha1_counts_by_explicit_policy_alone() -> None:
    guest = banked("sha1", hash="sha1")
    allowed = selection("sha1") | {"allow_sha1": True}
    assert found(guest.appraise(policy=allowed, references=in_bank("sha1"))) == [
        ("firmware", "event_log_sha1_only", "none")
    ]
    mixed = Guest(hash="sha1")
    assert ("hardware", "weak_hash", "contraindicated") in found(mixed.appraise())
    assert found(mixed.appraise(policy={"allow_sha1": True})) == []
