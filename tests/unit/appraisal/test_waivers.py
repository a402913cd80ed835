# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A waiver is for some events of some hardware for some time, and says so."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.layers.boot_events import BootEvent
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.policy.waivers import Waiver, waived
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi import types as ev
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.variable import EFI_GLOBAL
from tests.unit.appraisal.scene import HARDWARE, NOW, Guest, clean_boot, found, started
from tests.unit.verifier.event_log_builder import variable

EVENT = BootEvent(1, "sha256:00", "EV_EFI_VARIABLE_BOOT2", "Boot0007", None, "what", 3)
MODEL = {"dmi": {"sys_vendor": "Maker", "product_name": "Server [gen 2] 9000", "product_serial": "7"}}


def appraised(*waivers: dict[str, Any], hardware: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    boot = clean_boot().add(1, ev.EV_EFI_VARIABLE_BOOT2, variable(EFI_GLOBAL, "Boot0007", b"option"))
    guest = Guest(boot=boot, facts={"hardware": hardware or HARDWARE})
    guest.record["recorded"]["hardware"] = hardware or HARDWARE
    ear = guest.appraise(policy={"waivers": list(waivers)})
    findings: list[dict[str, Any]] = ear["submods"]["firmware"]["palantir.findings"]
    return findings


def test_the_result_names_the_waiver_that_was_used() -> None:
    waiver = {"name": "boot-options", "pcr": 1, "variable": "Boot####", "reason": "installers add options"}
    (finding,) = appraised(waiver)
    assert (finding["code"], finding["tier"], finding["waiver"]) == ("firmware_change_waived", "none", "boot-options")
    assert finding["message"].endswith("differs from enrolment; waived by 'boot-options': installers add options.")


def test_a_waiver_without_a_name_still_waives() -> None:
    (finding,) = appraised({"pcr": 1, "reason": "installers add options"})
    assert (finding["code"], finding["waiver"]) == ("firmware_change_waived", None)
    assert finding["message"].endswith("; waived: installers add options.")


def test_a_waiver_that_has_ended_says_so_and_waives_nothing() -> None:
    ended = {"pcr": 1, "reason": "installers add options", "name": "boot-options", "expires": "2026-11-22"}
    (finding,) = appraised(ended, ended | {"name": "before", "expires": "2026-10-01"})
    assert (finding["code"], finding["tier"], finding["waiver"]) == ("firmware_configuration_changed", "warning", None)
    assert finding["message"].endswith(" It was waived by 'boot-options' until 2026-11-22T00:00:00+00:00.")


def test_a_boot_event_that_is_no_longer_waived_says_so() -> None:
    ended = {"pcr": 4, "reason": "tried by hand", "name": "try", "expires": "2026-11-22"}
    ear = Guest(boot=started(clean_boot(), 4, b"other.efi")).appraise(policy={"waivers": [ended]})
    (finding,) = ear["submods"]["os"]["palantir.findings"]
    assert " It was waived by 'try' until 2026-11-22T00:00:00+00:00." in finding["message"]
    assert found(ear) == [("os", "unknown_boot_application", "contraindicated")]
    lasting = ended | {"expires": "2027-01-01"}
    ear = Guest(boot=started(clean_boot(), 4, b"other.efi")).appraise(policy={"waivers": [lasting]})
    (finding,) = ear["submods"]["os"]["palantir.findings"]
    assert (finding["code"], finding["waiver"]) == ("boot_change_waived", "try")


def test_a_waiver_of_a_model_is_for_that_model_alone() -> None:
    waiver = {"name": "bios", "pcr": 1, "reason": "update", "model": {"product_name": "Server*"}}
    assert [f["code"] for f in appraised(waiver, hardware=MODEL)] == ["firmware_change_waived"]
    other = {"dmi": MODEL["dmi"] | {"product_name": "Desktop"}}
    assert [f["code"] for f in appraised(waiver, hardware=other)] == ["firmware_configuration_changed"]


def test_the_model_is_that_of_enrolment_and_not_what_the_node_says_now() -> None:
    """A node that calls itself another model is found out by its hardware, and gets no waiver by it."""
    waiver = {"name": "bios", "pcr": 1, "reason": "update", "model": {"product_name": "Server*"}}
    boot = clean_boot().add(1, ev.EV_EFI_VARIABLE_BOOT2, variable(EFI_GLOBAL, "Boot0007", b"option"))
    ear = Guest(boot=boot, facts={"hardware": MODEL}).appraise(policy={"waivers": [waiver]})
    assert found(ear) == [
        ("hardware", "hardware_changed", "contraindicated"),
        ("hardware", "hardware_changed", "contraindicated"),
        ("hardware", "hardware_changed", "contraindicated"),
        ("firmware", "firmware_configuration_changed", "warning"),
    ]


@pytest.mark.parametrize(
    ("model", "hardware", "covers"),
    [
        ({}, None, True),
        ({"sys_vendor": "Maker"}, None, False),
        ({"sys_vendor": "Maker"}, {}, False),
        ({"sys_vendor": "Maker"}, {"dmi": "Maker"}, False),
        ({"sys_vendor": "Maker"}, {"dmi": {"sys_vendor": ["Maker"]}}, False),
        ({"sys_vendor": "Maker"}, MODEL, True),
        ({"sys_vendor": "Mak"}, MODEL, False),
        ({"sys_vendor": "maker"}, MODEL, False),
        ({"sys_vendor": "Maker", "product_name": "Server [gen 2] *"}, MODEL, True),
        ({"sys_vendor": "Maker", "product_name": "Server ?gen 2? 9000"}, MODEL, False),
        ({"sys_vendor": "Maker", "board_name": "*"}, MODEL, False),
        ({"product_name": "*[gen*9*"}, MODEL, True),
        ({"product_name": "Server*Server*"}, MODEL, False),
        ({"product_name": "*9000*9000"}, MODEL, False),
    ],
)
def test_every_part_of_the_model_has_to_fit(model: dict[str, str], hardware: Any, *, covers: bool) -> None:
    assert Waiver(1, "x", model=model).covers(EVENT, hardware) is covers


@pytest.mark.parametrize(
    ("waiver", "covers"),
    [
        (Waiver(1, "x"), True),
        (Waiver(2, "x"), False),
        (Waiver(1, "x", type="EV_EFI_VARIABLE_BOOT2"), True),
        (Waiver(1, "x", type="EV_EFI_VARIABLE_BOOT"), False),
        (Waiver(1, "x", variable="Boot0007"), True),
        (Waiver(1, "x", variable="Boot####"), True),
        (Waiver(1, "x", variable="BootOrder"), False),
    ],
)
def test_a_waiver_is_for_a_pcr_a_type_and_a_variable(waiver: Waiver, *, covers: bool) -> None:
    assert waiver.covers(EVENT, None) is covers


def test_the_first_waiver_that_holds_counts() -> None:
    ended = Waiver(1, "old", expires=datetime(2026, 1, 1, tzinfo=UTC), name="old")
    one, two = Waiver(1, "one", name="one"), Waiver(1, "two", name="two")
    assert waived(EVENT, (ended, one, two), None, NOW) == (one, None)
    assert waived(EVENT, (ended,), None, NOW) == (None, ended)
    assert waived(EVENT, (), None, NOW) == (None, None)


@given(st.lists(st.sampled_from("ab*"), max_size=6).map("".join), st.text("ab", max_size=8))
def test_stars_stand_for_any_characters(pattern: str, value: str) -> None:
    expected = re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), value) is not None
    assert Waiver(1, "x", model={"board_name": pattern}).covers(EVENT, {"dmi": {"board_name": value}}) is expected
