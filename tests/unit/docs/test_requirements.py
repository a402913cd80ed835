# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/verifier.md: thirteen requirements, each with tests that carry its number, and findings that exist."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from functools import cache
from pathlib import Path

from ansible_collections.palantir.trust.plugins.plugin_utils.decision.codes import REASONS
from ansible_collections.palantir.trust.plugins.plugin_utils.findings import STAGES

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "verifier.md").read_text(encoding="utf-8")
REQUIREMENTS = range(1, 14)


@cache
def unit_tests() -> frozenset[str]:
    """Return the names of all unit tests."""
    return frozenset(
        node.name
        for path in (ROOT / "tests" / "unit").rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    )


def test_each_requirement_has_tests_with_its_number() -> None:
    numbered: dict[int, set[str]] = defaultdict(set)
    for name in unit_tests():
        found = re.match(r"test_field_row_(\d+)_", name)
        if found:
            numbered[int(found[1])].add(name)
    assert sorted(numbered) == list(REQUIREMENTS)
    assert {number for number, names in numbered.items() if len(names) < 2} == set()
    assert [name for name in unit_tests() if re.match(r"test_(row|field|requirement)_?\d", name)] == []


def test_the_page_has_each_requirement_once_and_names_findings_that_exist() -> None:
    rows = re.findall(r"^\| (\d+) \|(.*)\|$", PAGE, re.MULTILINE)
    assert [int(number) for number, _rest in rows] == list(REQUIREMENTS)
    known = {*REASONS, *(code for codes in STAGES.values() for code in codes)}
    for _number, rest in rows:
        codes = re.findall(r"`(\w+)`", rest.rpartition(" | ")[2])
        assert codes
        assert set(codes) <= known


def test_each_vulnerability_has_a_test_that_exists() -> None:
    requirements, _vulnerabilities, cases = PAGE.partition("A vulnerability is named")
    assert set(re.findall(r"CVE-\d+-\d+", requirements)) == set(re.findall(r"CVE-\d+-\d+", cases))
    named = set(re.findall(r"`(test_\w+)`", cases))
    assert named <= unit_tests()
