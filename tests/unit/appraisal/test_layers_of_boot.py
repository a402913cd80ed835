# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each tamper hits its own layer, and no other; each benign twin raises nothing: hardware, firmware and boot chain."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi import types as ev
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.variable import EFI_GLOBAL
from tests.unit.appraisal.scene import (
    HARDWARE,
    LAYERS,
    Guest,
    clean_boot,
    document,
    found,
    own,
    recorded_events,
    reference_values,
    sha256,
    started,
    statuses,
    worsened,
)
from tests.unit.verifier.event_log_builder import variable

# -- hardware


def test_changed_hardware_contraindicates_hardware_and_voids_the_rest() -> None:
    changed = HARDWARE | {"dmi": {"product": "Standard PC", "serial": "2"}}
    ear = Guest(facts={"hardware": changed}).appraise()
    assert found(ear) == [("hardware", "hardware_changed", "contraindicated")]
    assert worsened(ear) == {"hardware": "contraindicated"}
    assert statuses(ear) == dict.fromkeys(LAYERS, "contraindicated")
    assert "dmi.serial is 2, not 1" in ear["submods"]["hardware"]["palantir.findings"][0]["message"]


def test_a_little_less_memory_is_no_other_hardware() -> None:
    assert found(Guest(facts={"hardware": HARDWARE | {"memory_bytes": (1 << 30) - (1 << 20)}}).appraise()) == []


@pytest.mark.parametrize(
    ("last", "codes"),
    [
        ({"clock": 10, "reset_count": 2, "restart_count": 9, "safe": True}, []),
        ({"clock": 5000, "reset_count": 3, "restart_count": 0, "safe": True}, ["clock_decreased"]),
        ({"clock": 10, "reset_count": 4, "restart_count": 0, "safe": True}, ["reset_count_decreased"]),
    ],
)
def test_field_row_5_a_reboot_is_legal_and_an_old_tpm_state_a_warning(last: dict[str, Any], codes: list[str]) -> None:
    ear = Guest(record={"last": last}).appraise()
    assert found(ear) == [("hardware", code, "warning") for code in codes]


# -- firmware


def test_secure_boot_off_contraindicates_firmware() -> None:
    ear = Guest(boot=clean_boot(secure_boot=b"\0")).appraise()
    assert worsened(ear) == {"firmware": "contraindicated"}
    assert ("firmware", "secure_boot_disabled", "contraindicated") in found(ear)


def test_new_firmware_code_is_named_by_its_event() -> None:
    boot = started(clean_boot(), 2, b"option ROM")
    ear = Guest(boot=boot).appraise()
    assert worsened(ear) == {"firmware": "contraindicated"}
    (finding,) = ear["submods"]["firmware"]["palantir.findings"]
    assert finding["code"] == "firmware_code_changed"
    assert finding["pcr"] == 2
    assert "EV_EFI_BOOT_SERVICES_DRIVER" in finding["message"]


def boot_option_added() -> Any:
    return clean_boot().add(1, ev.EV_EFI_VARIABLE_BOOT2, variable(EFI_GLOBAL, "Boot0007", b"option"))


def test_a_new_boot_option_is_a_warning_and_a_waiver_by_name_makes_it_none() -> None:
    ear = Guest(boot=boot_option_added()).appraise()
    assert found(ear) == [("firmware", "firmware_configuration_changed", "warning")]
    waiver = {"pcr": 1, "variable": "Boot####", "reason": "installers add options", "expires": "2027-01-01"}
    ear = Guest(boot=boot_option_added()).appraise(policy={"waivers": [waiver]})
    assert found(ear) == [("firmware", "firmware_change_waived", "none")]
    assert statuses(ear)["firmware"] == "affirming"


def test_an_expired_waiver_waives_nothing() -> None:
    waiver = {"pcr": 1, "variable": "Boot####", "reason": "installers add options", "expires": "2026-11-22"}
    ear = Guest(boot=boot_option_added()).appraise(policy={"waivers": [waiver]})
    assert found(ear) == [("firmware", "firmware_configuration_changed", "warning")]


def test_without_recorded_events_firmware_is_neither_trusted_nor_accused() -> None:
    guest = Guest()
    guest.record["recorded"] = {"hardware": HARDWARE}
    ear = guest.appraise()
    assert own(ear)["firmware"] == "none"
    assert ("firmware", "firmware_not_recorded", "none") in found(ear)
    assert "contraindicated" not in statuses(ear).values()


# -- os: boot chain


def test_another_kernel_command_line_contraindicates_os() -> None:
    ear = Guest(boot=clean_boot("/vmlinuz root=/dev/vda ro quiet ima_appraise=off")).appraise()
    assert worsened(ear) == {"os": "contraindicated"}
    assert {code for _layer, code, _tier in found(ear)} == {"unknown_boot_command"}


def test_an_unknown_boot_program_contraindicates_os() -> None:
    ear = Guest(boot=started(clean_boot(), 4, b"evil.efi")).appraise()
    assert worsened(ear) == {"os": "contraindicated"}
    assert found(ear)[0] == ("os", "unknown_boot_application", "contraindicated")


def test_grub_commands_that_only_look_around_are_harmless_whatever_the_disk_is_called() -> None:
    boot = clean_boot().add(8, ev.EV_IPL, b"grub_cmd: search --file --set=root /x\0", b"search --file --set=root /x")
    assert found(Guest(boot=boot).appraise()) == []


def test_a_label_does_not_make_a_kernel_start_harmless() -> None:
    boot = clean_boot().add(8, ev.EV_IPL, b"grub_cmd: chainloader /evil.efi\0", b"chainloader /evil.efi")
    assert ("os", "unknown_boot_command", "contraindicated") in found(Guest(boot=boot).appraise())


def test_recorded_boot_events_do_not_keep_an_old_kernel_good_where_reference_values_speak() -> None:
    old = started(clean_boot(), 4, b"old kernel")
    guest = Guest(boot=old, facts={"modules": []})
    guest.record["recorded"]["events"] = recorded_events(old)
    assert found(guest.appraise()) == [("os", "unknown_boot_application", "contraindicated")]
    assert found(guest.appraise(references=reference_values() | {"boot": []})) == []


def test_an_expired_boot_value_warns_and_never_contraindicates() -> None:
    references = reference_values()
    references["boot"][0]["expires"] = "2026-11-22T00:00:00+00:00"
    current = document("boot", "new", events=[{"pcr": 4, "type": "x", "digests": [sha256(b"new shim")]}])
    ear = Guest().appraise(references=references | {"boot": [references["boot"][0], current]})
    assert found(ear) == [("os", "boot_value_expired", "warning")]
