# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.source import read_text
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import RuleError
from ansible_collections.palantir.trust.plugins.plugin_utils.strict_yaml import (
    MAX_MERGED,
    MAX_NUMBER,
    StrictYamlError,
    read_file,
)

LIES = ('!!int ""', '!!float ""', "!!bool maybe", "!!timestamp never", "!!set [a]")


def refusal(tmp_path: Path, text: str) -> str:
    file = tmp_path / "site.yml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(StrictYamlError) as caught:
        read_file(file)
    return str(caught.value)


@pytest.mark.parametrize("text", LIES)
def test_a_value_that_is_not_what_its_tag_says_is_an_error_of_the_file(tmp_path: Path, text: str) -> None:
    assert refusal(tmp_path, text) == "is not YAML: a value is not what its tag says."
    with pytest.raises(RuleError, match="a value is not what its tag says"):
        read_text(text, "rules.yml")


@pytest.mark.parametrize("number", ["9" * (MAX_NUMBER + 1), "0x" + "f" * MAX_NUMBER, "1" + ":59" * MAX_NUMBER])
def test_a_number_that_would_take_long_to_read_is_not_read(tmp_path: Path, number: str) -> None:
    assert refusal(tmp_path, f"a: 1\nb: {number}\n") == "is not YAML at line 2: a number has more than 64 characters."


def test_merges_of_merges_do_not_grow_without_bound() -> None:
    levels = ["a0: &a0 {x: 1}"] + [f"a{k}: &a{k} {{<<: [{', '.join([f'*a{k - 1}'] * 9)}]}}" for k in range(1, 12)]
    with pytest.raises(RuleError, match=f"a mapping merges more than {MAX_MERGED} keys"):
        read_text("\n".join(levels), "rules.yml")


def test_a_mapping_merges_others_as_yaml_says(tmp_path: Path) -> None:
    file = tmp_path / "site.yml"
    file.write_text("<<: [{a: 1, b: 2}, {b: 3}]\na: 4\n", encoding="utf-8")
    assert read_file(file) == {"a": 4, "b": 2}
