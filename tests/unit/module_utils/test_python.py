# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs on a node runs on Python 3.8."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PLUGINS = Path(__file__).parents[3] / "plugins"
AGENT = PLUGINS.parent / "extensions" / "sc_agent" / "sc_agent.py"
FILES = sorted([*(PLUGINS / "module_utils").glob("*.py"), *(PLUGINS / "modules").glob("*.py"), AGENT])
NEWER = {"removeprefix", "removesuffix", "is_relative_to", "with_stem", "randbytes", "unparse", "lcm"}
"""Methods and functions since Python 3.9 that a node's code could be tempted by."""


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_node_needs_no_python_newer_than_3_8(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 8))
    names = {node.attr: node.lineno for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert {name: line for name, line in names.items() if name in NEWER} == {}
