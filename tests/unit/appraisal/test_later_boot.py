# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""systemd's log explains what it extended after the firmware was gone, and nothing else."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.recorded import record
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi import types as ev
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.userspace import SEPARATED_PCRS
from tests.unit.appraisal.scene import PCRS, Guest, clean_boot, found, recorded_events, started, statuses
from tests.unit.verifier.cel_builder import sequence, systemd

WITH_PHASES = (*PCRS[:11], 11, 14, 15)
POLICY = {"selection": {"sha256": list(WITH_PHASES)}}
MACHINE = "0123456789abcdef" * 2
BOOT = [
    systemd(11, "enter-initrd"),
    systemd(11, "leave-initrd"),
    systemd(15, f"machine-id:{MACHINE}", "machine-id"),
    systemd(15, "cryptsetup:root:uuid", "volume-key", secret=b"key"),
    systemd(11, "sysinit"),
    systemd(11, "ready"),
]


def separators() -> list[dict[str, Any]]:
    return [systemd(pcr, "os-separator", "os-separator") for pcr in SEPARATED_PCRS]


def test_a_node_whose_systemd_extends_pcrs_that_are_not_quoted_needs_no_log() -> None:
    assert found(Guest(userspace=BOOT).appraise()) == []
    assert Guest(userspace=BOOT).appraise()["palantir.boot"]["boot_phases"] is None
    withheld = Guest(userspace=BOOT)
    assert found(withheld.appraise(withheld.evidence() | {"userspace_log": None})) == []


def test_pcr_11_and_15_are_explained_by_systemds_log_and_told() -> None:
    ear = Guest(userspace=BOOT, quoted=WITH_PHASES).appraise(policy=POLICY)
    assert found(ear) == []
    assert ear["palantir.boot"]["boot_phases"] == ["enter-initrd", "leave-initrd", "sysinit", "ready"]
    assert ear["palantir.boot"]["machine_id"] == "sha256:" + hashlib.sha256(MACHINE.encode()).hexdigest()


def test_without_systemds_log_they_are_not_explained() -> None:
    guest = Guest(userspace=BOOT, quoted=WITH_PHASES)
    ear = guest.appraise(guest.evidence() | {"userspace_log": None}, policy=POLICY)
    assert statuses(ear)["os"] == "contraindicated"


def test_evidence_of_an_older_module_has_no_such_key() -> None:
    guest = Guest()
    evidence = guest.evidence()
    del evidence["userspace_log"]
    assert found(guest.appraise(evidence)) == []


def test_the_separator_of_systemd_closes_the_firmwares_pcrs_without_an_alarm() -> None:
    guest = Guest(userspace=separators())
    assert found(guest.appraise()) == []
    recorded = record(guest.evidence(), guest.record["ak_public"], {})
    assert recorded["events"] == recorded_events(clean_boot())


def test_the_separator_needs_no_log_since_it_is_a_constant() -> None:
    guest = Guest(userspace=separators())
    assert found(guest.appraise(guest.evidence() | {"userspace_log": None})) == []
    other = Guest(userspace=[*separators(), systemd(4, "ready")])
    assert statuses(other.appraise(other.evidence() | {"userspace_log": None}))["os"] == "contraindicated"


def test_a_phase_that_began_behind_the_quote_waits_for_the_next() -> None:
    guest = Guest(userspace=BOOT[:-1], quoted=WITH_PHASES)
    quoted = guest.evidence()
    later = base64.b64encode(sequence(BOOT)).decode()
    ear = guest.appraise(quoted | {"userspace_log": later}, policy=POLICY)
    assert found(ear) == []
    assert ear["palantir.boot"]["boot_phases"] == ["enter-initrd", "leave-initrd", "sysinit"]


def test_a_boot_event_moved_into_systemds_log_is_found() -> None:
    """The PCRs are those of a boot with another program: the log says that systemd extended its digest."""
    evil = started(clean_boot(), 4, b"evil.efi")
    moved = systemd(4, "os-separator", "os-separator")
    moved["digests"] = [{"hashAlg": "sha256", "digest": hashlib.sha256(b"evil.efi").hexdigest()}]
    guest = Guest(boot=evil)
    evidence = guest.evidence() | {
        "event_log": base64.b64encode(clean_boot().build()).decode(),
        "userspace_log": base64.b64encode(sequence([moved])).decode(),
    }
    assert ("os", "later_event_foreign", "contraindicated") in found(guest.appraise(evidence))


@pytest.mark.parametrize("pcr", [0, 2, 4, 5, 7, 8, 9, 14])
def test_anything_that_a_program_extends_into_a_pcr_of_the_boot_is_found(pcr: int) -> None:
    ear = Guest(userspace=[systemd(pcr, "ready")]).appraise()
    assert ("os", "later_event_foreign", "contraindicated") in found(ear)


def test_a_word_in_pcr_11_that_is_none_of_systemds_is_a_warning() -> None:
    ear = Guest(userspace=[*BOOT, systemd(11, "custom")], quoted=WITH_PHASES).appraise(policy=POLICY)
    assert found(ear) == [("os", "later_event_unknown", "warning")]


def test_content_in_pcr_11_that_is_no_word_is_found() -> None:
    section = systemd(11, ".linux") | {"digests": systemd(11, "\0kernel")["digests"]}
    ear = Guest(userspace=[section], quoted=WITH_PHASES).appraise(policy=POLICY)
    assert found(ear) == [("os", "later_event_foreign", "contraindicated")]


def test_a_forged_log_of_systemd_does_not_lead_to_the_quote() -> None:
    guest = Guest(userspace=BOOT, quoted=WITH_PHASES)
    forged = base64.b64encode(sequence(BOOT[:2] + BOOT[3:])).decode()
    ear = guest.appraise(guest.evidence() | {"userspace_log": forged}, policy=POLICY)
    assert statuses(ear)["os"] == "contraindicated"
    assert ear["palantir.boot"]["boot_phases"] is None or ear["palantir.boot"]["boot_phases"] == []


def test_systemds_log_does_not_make_a_node_without_an_event_log_good() -> None:
    ear = Guest(userspace=separators(), event_log=False).appraise()
    assert "affirming" not in {statuses(ear)["firmware"], statuses(ear)["os"]}


def test_a_node_without_ima_is_explained_too() -> None:
    quoted = tuple(pcr for pcr in WITH_PHASES if pcr != 10)
    guest = Guest(userspace=BOOT, quoted=quoted, ima_log=False)
    policy = {"selection": {"sha256": list(quoted)}, "ima": {"required": False}}
    ear = guest.appraise(policy=policy)
    assert ear["palantir.boot"]["boot_phases"] == ["enter-initrd", "leave-initrd", "sysinit", "ready"]
    assert "contraindicated" not in statuses(ear).values()


def test_an_event_type_of_systemd_is_no_firmware_event() -> None:
    assert ev.type_name(ev.CEL_SYSTEMD) == "systemd"
