# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The comparison with other engines names, for each feature, where ours is."""

from __future__ import annotations

import re

import pytest

from tests.unit.docs.pages import ROOT, page, rows, section

TEXT = page("comparison.md")
COMPARED = rows(TEXT.partition("\n## ")[0])
WHERE = dict(rows(section(TEXT, "## Where each of ours is")))


def test_each_row_says_where_it_is() -> None:
    assert [row[0] for row in COMPARED] == [*WHERE]
    assert {len(row) for row in COMPARED} == {8}


@pytest.mark.parametrize("feature", [*WHERE])
def test_what_is_said_to_be_there_is_there(feature: str) -> None:
    paths = re.findall(r"`([^`]+)`", WHERE[feature])
    assert paths
    for path in paths:
        below = path if path.split("/")[0] in ("plugins", "playbooks", "roles") else f"plugins/plugin_utils/{path}"
        aim = ROOT / below
        assert aim.is_dir() if path.endswith("/") else aim.is_file(), path


def test_every_reference_is_used_and_has_an_address() -> None:
    named = set(re.findall(r"^\[([\w-]+)\]: https://", TEXT, re.MULTILINE))
    assert set(re.findall(r"\]\[([\w-]+)\]", TEXT)) == named


def test_what_the_column_of_ours_calls_by_name_is_in_the_documents() -> None:
    """A variable, a key or a verb that was renamed does not live on in the comparison."""
    pages = page("rules.md") + page("playbooks.md") + page("catalogue.md")
    for row in COMPARED:
        for word in re.findall(r"`(\w+)(?:\.\w+|: \w+)?`", row[1]):
            assert re.search(rf"`[^`\n]*\b{word}\b[^`\n]*`", pages), word
