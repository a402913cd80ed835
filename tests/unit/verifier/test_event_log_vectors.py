# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real logs of real firmware give exactly the PCRs that the firmware's TPM had."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import EvidenceError
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.log import parse_event_log

SHARED = Path(os.environ.get("PALANTIR_TRUST_SHARED") or Path(__file__).resolve().parents[3] / ".." / "shared")
VECTORS = SHARED / "vectors"
TRUNCATED = "tpm2-tools/specid-vendordata.bin"

pytestmark = pytest.mark.skipif(
    not (VECTORS / "expected.json").is_file(), reason="the shared event log vectors are not there"
)


def expected() -> dict[str, Any]:
    path = VECTORS / "expected.json"
    if not path.is_file():
        return {}
    every: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return {name: value for name, value in every.items() if (VECTORS / name).is_file()}


@pytest.mark.parametrize("name", [name for name in expected() if name != TRUNCATED])
def test_real_logs_replay_to_their_pcrs(name: str) -> None:
    want = expected()[name]
    log = parse_event_log((VECTORS / name).read_bytes())
    pcrs = {bank: {str(pcr): value.hex() for pcr, value in values.items()} for bank, values in log.pcrs.items()}
    assert len(log.events) == want["events"]
    assert log.startup_locality == want["startup_locality"]
    assert pcrs == want["replayed_pcrs"]
    for bank, values in want.get("published_pcrs", {}).items():
        assert {pcr: pcrs[bank][pcr] for pcr in values} == values


def test_vendor_information_outside_the_headers_event_is_a_truncated_log() -> None:
    """The header says 4 bytes of vendor information and has an event size that leaves no room for them."""
    with pytest.raises(EvidenceError) as error:
        parse_event_log((VECTORS / TRUNCATED).read_bytes())
    assert str(error.value) == "event_log at offset 69: the vendor information wants 4 bytes, 0 remain."


ALLOWED = {
    "go-tpm-tools/eventlogs/gdc-host.bin": {"event_data_mismatch", "dma_protection_disabled"},
    "go-tpm-tools/eventlogs/debian-10.bin": {"event_log_sha1_only"},
    "go-tpm-tools/eventlogs/ubuntu-2404-amd-sevsnp.bin": {"exit_boot_services_failed"},
    "rust-keylime/push-uefi_log.bin": {"event_type_unknown"},
    "rust-keylime/uefi_log.bin": {"event_type_unknown"},
    "tpm2-tools/event-uefi-sha1-log.bin": {"event_log_sha1_only"},
}
"""Findings that are true of these machines; an honest log has no others."""


@pytest.mark.parametrize("name", [name for name, value in expected().items() if value["events"] > 2])
def test_honest_logs_raise_no_false_alarm(name: str) -> None:
    log = parse_event_log((VECTORS / name).read_bytes())
    assert {finding.code for finding in log.findings} == ALLOWED.get(name, set())


@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("go-tpm-tools/eventlogs/cos-101-amd-sev.bin", True),
        ("go-tpm-tools/eventlogs/debian-10.bin", True),
        ("go-tpm-tools/eventlogs/rhel8-uefi.bin", True),
        ("tpm2-tools/event-moklisttrusted.bin", True),
        ("go-tpm-tools/eventlogs/ubuntu-2104-no-secure-boot.bin", False),
        ("go-tpm-tools/eventlogs/arch-linux-workstation.bin", False),
        ("tpm2-tools/event-uefiaction.bin", None),
    ],
)
def test_secure_boot_is_what_the_verified_variable_says(name: str, state: bool | None) -> None:
    assert parse_event_log((VECTORS / name).read_bytes()).claims.secure_boot is state


def test_every_text_of_real_grubs_is_verified() -> None:
    for name in ("go-tpm-tools/eventlogs/rhel8-uefi.bin", "go-tpm-tools/eventlogs/ubuntu-2404-amd-sevsnp.bin"):
        log = parse_event_log((VECTORS / name).read_bytes())
        assert all(event.verified is not None for event in log.events if event.pcr == 8)


def test_the_kernels_stub_confirms_real_command_lines() -> None:
    log = parse_event_log((VECTORS / "go-tpm-tools/eventlogs/gdc-host.bin").read_bytes())
    assert [(line.text[:20], line.confirmed) for line in log.claims.command_lines] == [("/vmlinuz-6.9.0-rc7+ ", True)]


@pytest.mark.parametrize("state", ["clean", "attacked"])
def test_a_guests_log_replays_to_the_pcrs_it_reported(state: str) -> None:
    folder = SHARED / "samples" / "guest" / state
    if not folder.is_dir():
        pytest.skip("the shared guest samples are not there")
    log = parse_event_log((folder / "binary_bios_measurements").read_bytes())
    reported = _reported_pcrs((folder / "pcrs.yaml").read_text(encoding="utf-8"))
    for bank, values in reported.items():
        assert {pcr: log.pcrs[bank][pcr].hex() for pcr in values if pcr in log.pcrs[bank]} == {
            pcr: value for pcr, value in values.items() if pcr in log.pcrs[bank]
        }
        untouched = {value for pcr, value in values.items() if pcr not in log.pcrs[bank] and pcr != 10}
        assert all(set(value) <= {"0"} for value in untouched)


def _reported_pcrs(text: str) -> dict[str, dict[int, str]]:
    pcrs: dict[str, dict[int, str]] = {}
    bank = ""
    for line in text.splitlines():
        if match := re.match(r"\s*(sha\d+)\s*:", line):
            bank = match[1]
        elif match := re.match(r"\s*(\d+)\s*:\s*0x([0-9A-Fa-f]+)", line):
            pcrs.setdefault(bank, {})[int(match[1])] = match[2].lower()
    return pcrs
