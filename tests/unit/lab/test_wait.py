# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from tests.lab.errors import DeadlineError, LabError
from tests.lab.wait import wait_for


def test_the_probes_value_is_returned() -> None:
    answers = iter([None, None, "here"])
    assert wait_for("it", lambda: next(answers), timeout_s=5, interval_s=0) == "here"


def test_a_deadline_names_what_was_waited_for_and_explains() -> None:
    with pytest.raises(DeadlineError, match=r"(?s)waited 0 s for node1 to boot, in vain\n  console.*Kernel panic"):
        wait_for(
            "node1 to boot", lambda: None, timeout_s=0.05, interval_s=0.01, explain=lambda: "  console: Kernel panic"
        )


def test_an_error_of_the_probe_ends_the_wait_at_once() -> None:
    def dead() -> None:
        raise LabError("QEMU ended")

    with pytest.raises(LabError, match="QEMU ended"):
        wait_for("it", dead, timeout_s=60)
