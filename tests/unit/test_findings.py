# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import String

from ansible_collections.palantir.trust.plugins.plugin_utils.decision.codes import REASONS
from ansible_collections.palantir.trust.plugins.plugin_utils.findings import CODES, LIMIT, STAGES, merge
from ansible_collections.palantir.trust.plugins.plugin_utils.store.schema import incidents
from tests.docs.findings import PAGE, page

SOURCE = Path(__file__).resolve().parents[2] / "plugins" / "plugin_utils"
TABLES = sorted(path for path in SOURCE.rglob("*.py") if path.name == "codes.py" or path.name.endswith("_codes.py"))


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def raised() -> Iterator[tuple[Path, int, str]]:
    """Yield every code that the source writes out where it makes a finding."""
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(parsed(path)):
            called = getattr(node, "func", None)
            name = str(getattr(called, "id", getattr(called, "attr", "")))
            if isinstance(node, ast.Call) and name.lower().endswith("finding") and node.args:
                first = node.args[0]
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    yield path.relative_to(SOURCE), node.lineno, first.value


def test_every_table_of_codes_is_part_of_the_one_table() -> None:
    assert len(TABLES) == len(STAGES)
    for path in TABLES:
        (table,) = (
            node.value
            for node in parsed(path).body
            if isinstance(node, ast.AnnAssign) and getattr(node.target, "id", "") == "CODES" and node.value is not None
        )
        assert ast.literal_eval(table).items() <= CODES.items(), path


def test_no_code_is_written_twice_in_its_table() -> None:
    for path in TABLES:
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.Dict):
                keys = [key.value for key in node.keys if isinstance(key, ast.Constant)]
                assert len(keys) == len(set(keys)), path


@pytest.mark.parametrize("code", CODES)
def test_a_code_is_a_short_lower_case_name(code: str) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", code)
    assert len(code) <= LIMIT


def test_the_store_has_room_for_a_code() -> None:
    column = incidents.c.finding.type
    assert isinstance(column, String)
    assert column.length == LIMIT


@pytest.mark.parametrize("meaning", [*CODES.values(), *REASONS.values()])
def test_a_meaning_is_one_line_that_ends(meaning: str) -> None:
    assert re.fullmatch(r"[A-Z].*\.", meaning)
    assert meaning.isprintable()


def test_a_code_with_two_meanings_is_refused() -> None:
    assert merge({"a": {"x": "One."}, "b": {"x": "One.", "y": "Two."}}) == {"x": "One.", "y": "Two."}
    with pytest.raises(ValueError, match=r"^finding code 'x' of b means something else in a stage before it$"):
        merge({"a": {"x": "One."}, "b": {"x": "Two."}})


def test_every_code_that_is_written_out_is_registered() -> None:
    found = list(raised())
    assert found, "no finding is made anywhere: this test looks in the wrong place"
    assert [(str(path), line, code) for path, line, code in found if code not in CODES] == []


def test_every_registered_code_is_used() -> None:
    texts = [path.read_text(encoding="utf-8") for path in SOURCE.rglob("*.py") if path not in TABLES]
    assert [code for code in CODES if not any(f'"{code}"' in text for text in texts)] == []


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: PYTHONPATH=collections python -m tests.docs.findings"
