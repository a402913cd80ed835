# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.palantir.trust.plugins.action.sc_instance import container_id


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("c0" * 32, "c0" * 32),
        ("c0" * 31, None),
        ("C0" * 32, None),
        ("c0" * 32 + "\n", None),
        ("../" * 20 + "c0c0", None),
        ("{{ lookup('pipe', 'id') }}", None),
        (["c0" * 32], None),
        (None, None),
    ],
)
def test_only_the_id_of_a_container_is_kept_of_what_a_node_tells(told: object, kept: str | None) -> None:
    assert container_id(told) == kept
