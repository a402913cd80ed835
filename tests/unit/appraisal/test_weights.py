# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nothing that the verifier notices is dropped: it is weighed, or told, or there is a reason."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal import weights
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima import codes as ima
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi import codes as uefi
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi import types as ev
from tests.unit.appraisal.scene import Guest, clean_boot, found, recorded_events
from tests.unit.verifier.event_log_builder import LogBuilder

FAILED = b"Exit Boot Services Returned with Failure"


def test_every_code_of_the_logs_has_a_weight_or_a_reason_for_none() -> None:
    assert {*weights.IMA_LIST} | {*weights.EVENT_LOG} | {*weights.TOLD} == {*ima.CODES, *uefi.CODES}
    assert not {*weights.IMA_LIST, *weights.EVENT_LOG} & {*weights.TOLD}
    assert all(weights.TOLD.values())


def appraised(boot: LogBuilder) -> dict[str, Any]:
    """Appraise a boot that was so at enrolment already: only the log's own oddities are left to find."""
    guest = Guest(boot=boot)
    guest.record["recorded"]["events"] = recorded_events(boot)
    return guest.appraise()


@pytest.mark.parametrize(
    ("pcr", "kind", "data", "finding"),
    [
        (2, ev.EV_SEPARATOR, bytes(4), ("firmware", "separator_repeated", "warning")),
        (4, ev.EV_SEPARATOR, bytes(4), ("os", "separator_repeated", "warning")),
        (7, 0x1234, b"x", ("firmware", "event_type_unknown_in_pcr7", "contraindicated")),
        (2, 0x1234, b"x", ("firmware", "event_type_unknown", "none")),
        (5, ev.EV_EFI_ACTION, FAILED, ("firmware", "exit_boot_services_failed", "none")),
    ],
)
def test_an_oddity_of_the_event_log_is_found_in_the_layer_of_its_pcr(
    pcr: int, kind: int, data: bytes, finding: tuple[str, str, str]
) -> None:
    assert finding in found(appraised(clean_boot().add(pcr, kind, data)))


def test_a_log_without_a_separator_is_a_warning() -> None:
    boot = clean_boot(separated=(0, 1, 2, 4, 5, 6, 7))
    assert found(appraised(boot)) == [("firmware", "separator_missing", "warning")]


def test_another_template_is_told_once_and_weighs_nothing() -> None:
    guest = Guest()
    for _ in range(3):
        guest.template = "ima-ng"
        guest.ran("/usr/bin/ls", b"ls")
    ear = guest.appraise()
    assert found(ear) == [("os", "ima_other_template", "none")]
    assert ear["ear_status"] == "affirming"
