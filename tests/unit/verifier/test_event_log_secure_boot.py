# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""FIELD.md row 9: what PCR 7 says of Secure Boot, and what would hide it."""

from __future__ import annotations

from hashlib import sha256

import pytest

from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi import types as ev
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.codes import CODES
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.data import Separator
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.model import Text, Verified
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.variable import (
    EFI_GLOBAL,
    IMAGE_SECURITY,
    SHIM_LOCK,
    SignatureList,
)
from tests.unit.verifier.event_log_builder import LogBuilder, codes, firmware, parse, signature_list, variable

CONFIG = ev.EV_EFI_VARIABLE_DRIVER_CONFIG


@pytest.mark.parametrize(
    ("value", "state"), [(b"\1", True), (b"\0", False), (b"", False), (b"\2", None), (b"\1\1", None)]
)
def test_secure_boots_state_is_the_variables_value(value: bytes, state: bool | None) -> None:
    assert parse(firmware(LogBuilder(), value)).claims.secure_boot is state


def test_field_row_9_a_secure_boot_variable_after_the_separator_does_not_count() -> None:
    builder = firmware(LogBuilder(), b"\0").add(7, CONFIG, variable(EFI_GLOBAL, "SecureBoot", b"\1"))
    log = parse(builder)
    assert (log.claims.secure_boot, codes(log)) == (False, ["secure_boot_variable_late"])


def test_field_row_9_a_secure_boot_variable_measured_twice_is_no_claim() -> None:
    log = parse(firmware(LogBuilder().add(7, CONFIG, variable(EFI_GLOBAL, "SecureBoot", b"\1")), b"\0"))
    assert log.claims.secure_boot is None
    assert codes(log) == ["secure_boot_variable_repeated", "secure_boot_not_established"]


def test_field_row_9_each_secure_boot_variable_must_be_there() -> None:
    builder = LogBuilder()
    for pcr in range(8):
        builder.add(pcr, ev.EV_SEPARATOR, bytes(4))
    log = parse(builder)
    assert codes(log) == ["secure_boot_variable_missing"] * 5 + ["secure_boot_not_established"]


def test_field_row_9_an_unknown_type_in_pcr_7_is_an_error_and_secure_boot_no_claim() -> None:
    log = parse(firmware(LogBuilder().add(7, 0x8000F00D, b"x", b"SecureBoot=0 hidden")))
    assert log.claims.secure_boot is None
    assert codes(log) == ["event_type_unknown_in_pcr7", "secure_boot_not_established"]
    assert log.findings[0].message == f"{CODES['event_type_unknown_in_pcr7']} It is 0x8000f00d."


def test_field_row_9_an_unknown_type_elsewhere_is_a_finding_and_its_data_verified_if_it_hashes() -> None:
    log = parse(firmware(LogBuilder()).add(2, 0x8401, b"\1"))
    assert (codes(log), log.events[-1].type_name) == (["event_type_unknown"], "0x00008401")
    assert log.events[-1].verified == Verified(Text("\1"), "data")


def test_field_row_9_each_of_pcr_0_to_7_has_one_separator() -> None:
    log = parse(firmware(LogBuilder()).add(3, ev.EV_SEPARATOR, bytes(4)))
    assert [(f.code, f.pcr) for f in log.findings] == [("separator_repeated", 3)]
    alone = parse(LogBuilder().add(0, ev.EV_SEPARATOR, b"\xff" * 4))
    assert [f.pcr for f in alone.findings if f.code == "separator_missing"] == [1, 2, 3, 4, 5, 6, 7]


def test_field_row_9_a_separator_in_pcr_7_cannot_hide_under_another_type() -> None:
    builder = LogBuilder()
    builder.add(7, CONFIG, variable(EFI_GLOBAL, "SecureBoot", b"\0"))
    builder.add(7, ev.EV_EFI_ACTION, bytes(4))
    log = parse(firmware(builder))
    assert log.claims.secure_boot is None
    assert {"separator_disguised", "separator_repeated", "secure_boot_variable_late"} <= set(codes(log))


def test_honest_data_can_have_a_separators_digest_outside_pcr_7() -> None:
    """Boot order 0001, 0000 hashes like an error separator; seen on real machines."""
    order = variable(EFI_GLOBAL, "BootOrder", b"\1\0\0\0")
    builder = firmware(LogBuilder()).add(1, ev.EV_EFI_VARIABLE_BOOT, order, b"\1\0\0\0")
    assert codes(parse(builder)) == []


@pytest.mark.parametrize(("data", "form"), [(b"\1\0\0\0", "data"), (b"oops", "error_value")])
def test_field_row_9_a_separator_can_tell_of_an_error(data: bytes, form: str) -> None:
    log = parse(LogBuilder().add(2, ev.EV_SEPARATOR, data, b"\1\0\0\0"))
    assert log.events[1].verified == Verified(Separator(1), form)
    assert "separator_error" in codes(log)


def test_shims_state_comes_from_pcr_7() -> None:
    builder = firmware(LogBuilder()).add(14, ev.EV_IPL, b"MokList\0", b"keys")
    builder.add(7, ev.EV_EFI_VARIABLE_AUTHORITY, variable(SHIM_LOCK, "SbatLevel", b"sbat,1,2025021800\n"))
    log = parse(builder)
    assert (log.claims.shim_validation, log.claims.sbat_level) == (True, "sbat,1,2025021800\n")
    assert set(log.claims.mok) == {"MokList"}
    off = parse(builder.add(7, ev.EV_EFI_VARIABLE_AUTHORITY, variable(SHIM_LOCK, "MokSBState", b"\1")))
    assert off.claims.shim_validation is False


def test_a_certificates_identity_is_the_hash_of_its_der() -> None:
    der = b"\x30\x82\0\4cert"
    x509 = "a5c059a1-94e4-4aa7-87b5-ab155c2bf072"
    builder = LogBuilder().add(7, CONFIG, variable(IMAGE_SECURITY, "db", signature_list([der], x509)))
    builder.add(7, ev.EV_SEPARATOR, bytes(4))
    builder.add(7, ev.EV_EFI_VARIABLE_AUTHORITY, variable(IMAGE_SECURITY, "db", bytes(16) + der))
    builder.add(7, ev.EV_EFI_VARIABLE_AUTHORITY, variable(SHIM_LOCK, "Shim", der))
    claims = parse(builder).claims
    identity = sha256(der).hexdigest()
    assert claims.databases["db"].lists == (SignatureList("x509", (identity,)),)
    assert [authority.certificate for authority in claims.authorities] == [identity, identity]
