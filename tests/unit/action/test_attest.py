# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.palantir.trust.plugins.action.attest import _requirement
from ansible_collections.palantir.trust.plugins.plugin_utils.challenge.round import Result
from tests.unit.appraisal.scene import Guest

ATTACKED = Result("node1", "attested", "", Guest().ran("/opt/implant", b"evil").appraise())


@pytest.mark.parametrize("layers", [None, [], ["os"], ["firmware", "os"], ["sc:other"]])
def test_a_node_that_was_attacked_meets_no_requirement(layers: list[str] | None) -> None:
    assert _requirement(ATTACKED, "warning", layers)["failed"]


def test_only_the_layers_that_are_named_count() -> None:
    assert _requirement(ATTACKED, "affirming", ["hardware", "firmware"]) == {}
    assert _requirement(ATTACKED, "any", None) == {}
