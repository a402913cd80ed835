# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node whose log names PCR 7's events otherwise than they are: names decide what is waived and what was recorded."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi import types as ev
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.variable import (
    EFI_GLOBAL,
    IMAGE_SECURITY,
    SHIM_LOCK,
)
from tests.unit.appraisal.scene import COMMAND_LINE, Guest, clean_boot, found, recorded_events, started, statuses
from tests.unit.verifier.event_log_builder import LogBuilder, grub, signature_list, variable

CONFIG, AUTHORITY = ev.EV_EFI_VARIABLE_DRIVER_CONFIG, ev.EV_EFI_VARIABLE_AUTHORITY
OWN_KEY = variable(IMAGE_SECURITY, "db", signature_list([b"x" * 32]))


def booted(**changed: tuple[int, bytes, bytes]) -> LogBuilder:
    """Return a boot whose variables are as recorded, but for some: name → type and data as logged, data as hashed."""
    variables = {
        "SecureBoot": variable(EFI_GLOBAL, "SecureBoot", b"\1"),
        "PK": variable(EFI_GLOBAL, "PK", signature_list([b"p" * 32])),
        "KEK": variable(EFI_GLOBAL, "KEK", signature_list([b"k" * 32])),
        "db": variable(IMAGE_SECURITY, "db", signature_list([b"d" * 32])),
        "dbx": variable(IMAGE_SECURITY, "dbx", b""),
    }
    builder = LogBuilder().add(0, ev.EV_S_CRTM_VERSION, "v1.2\0".encode("utf-16-le"))
    for name, data in variables.items():
        kind, logged, hashed = changed.get(name, (CONFIG, data, data))
        builder.add(7, kind, logged, hashed)
    for pcr in range(8):
        builder.add(pcr, ev.EV_SEPARATOR, bytes(4))
    for name, (kind, logged, hashed) in changed.items():
        if name not in variables:
            builder.add(7, kind, logged, hashed)
    started(builder, 4, b"shim")
    builder.add(14, ev.EV_IPL, b"MokList\0", b"no keys")
    return grub(builder, COMMAND_LINE)


def firmware_of(boot: LogBuilder, recorded: LogBuilder | None = None, **policy: Any) -> tuple[str, list[str]]:
    """Return the layer's tier, and the codes of what lowers it."""
    guest = Guest(boot=boot)
    guest.record["recorded"]["events"] = recorded_events(recorded or booted())
    ear = guest.appraise(policy=policy)
    return statuses(ear)["firmware"], [
        c for layer, c, tier in found(ear) if (layer, tier) == ("firmware", "contraindicated")
    ]


@pytest.mark.parametrize("secure_boot", ["required", "recorded", "any"])
@pytest.mark.parametrize(
    ("logged", "waiver"),
    [
        ((CONFIG, variable(IMAGE_SECURITY, "dbx", b"new")), {"variable": "dbx"}),
        ((AUTHORITY, OWN_KEY), {"type": "EV_EFI_VARIABLE_AUTHORITY"}),
        ((CONFIG, OWN_KEY), {"type": "EV_EFI_VARIABLE_DRIVER_CONFIG"}),
    ],
)
def test_a_key_of_ones_own_is_not_waived_by_another_name_or_type(
    logged: tuple[int, bytes], waiver: dict[str, Any], secure_boot: str
) -> None:
    waivers = [{"pcr": 7, "reason": "updates of firmware", **waiver}]
    tier, codes = firmware_of(booted(db=(*logged, OWN_KEY)), waivers=waivers, secure_boot=secure_boot)
    assert tier == "contraindicated"
    assert "secure_boot_policy_changed" in codes


def test_a_waiver_lets_the_variable_pass_that_it_names() -> None:
    new = variable(IMAGE_SECURITY, "dbx", signature_list([b"r" * 32]))
    waivers = [{"pcr": 7, "reason": "updates of revocations", "variable": "dbx"}]
    assert firmware_of(booted(dbx=(CONFIG, new, new)), waivers=waivers) == ("affirming", [])


def test_a_type_that_the_digest_belies_is_not_waived() -> None:
    waivers = [{"pcr": 0, "reason": "versions", "type": "EV_S_CRTM_VERSION"}]
    implant = clean_boot().add(0, ev.EV_S_CRTM_VERSION, "v1.3\0".encode("utf-16-le"), b"an implant")
    version = clean_boot().add(0, ev.EV_S_CRTM_VERSION, "v1.3\0".encode("utf-16-le"))
    assert firmware_of(implant, clean_boot(), waivers=waivers) == ("contraindicated", ["firmware_code_changed"])
    assert firmware_of(version, clean_boot(), waivers=waivers) == ("affirming", [])


@pytest.mark.parametrize("secure_boot", [b"\0", b""])
def test_secure_boot_that_was_on_at_enrolment_is_not_off_behind_another_event(secure_boot: bytes) -> None:
    off = variable(EFI_GLOBAL, "SecureBoot", secure_boot)
    platform_key = variable(EFI_GLOBAL, "PK", signature_list([b"p" * 32]))
    named = (CONFIG, variable(EFI_GLOBAL, "SecureBoot", b"?"), platform_key)
    policy: dict[str, Any] = {"secure_boot": "recorded", "firmware": "any"}
    assert firmware_of(booted(SecureBoot=(CONFIG, off, off)), **policy)[1] == ["secure_boot_disabled"]
    assert firmware_of(booted(SecureBoot=(CONFIG, off, off), PK=named), **policy)[1] == ["secure_boot_unproven"]


def test_shims_checks_that_were_on_at_enrolment_stay_on() -> None:
    off = variable(SHIM_LOCK, "MokSBState", b"\1")
    boot = booted(MokSBState=(AUTHORITY, off, off))
    policy: dict[str, Any] = {"secure_boot": "recorded", "firmware": "any"}
    assert firmware_of(boot, **policy) == ("contraindicated", ["shim_validation_disabled"])
    assert firmware_of(boot, boot, **policy) == ("affirming", [])


def test_what_was_not_recorded_cannot_be_as_it_was() -> None:
    off = variable(EFI_GLOBAL, "SecureBoot", b"\0")
    guest = Guest(boot=booted(SecureBoot=(CONFIG, off, off)))
    for events in (None, recorded_events(booted(), "sha1")):
        guest.record["recorded"]["events"] = events
        ear = guest.appraise(policy={"secure_boot": "recorded", "firmware": "any", "boot": "any"})
        assert [code for layer, code, _tier in found(ear) if layer == "firmware"] == ["firmware_not_recorded"]
        assert statuses(ear)["firmware"] == "none"
