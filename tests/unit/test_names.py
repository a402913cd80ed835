# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ansible_collections.palantir.trust.plugins.plugin_utils.names import is_name


@pytest.mark.parametrize("name", ["a", "0", "dns-filter-1", "a" * 63, "a-", "1--2"])
def test_what_is_a_name(name: str) -> None:
    assert is_name(name)


@pytest.mark.parametrize(
    "name", ["", "-a", "A", "a" * 64, "a\n", "\na", "a b", "a_b", "a.b", "a/b", "ä", "a\0", "٣", None, 1, b"a", ["a"]]
)
def test_what_is_none(name: object) -> None:
    assert not is_name(name)


@given(st.text(max_size=80) | st.from_regex(r"[a-z0-9-]{1,70}"))
@example("a\n")
def test_a_name_can_stand_in_a_path_and_on_a_command_line(text: str) -> None:
    if is_name(text):
        assert re.fullmatch(r"[a-z0-9-]{1,63}", text, re.ASCII)
        assert not text.startswith("-")
