# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import shutil
import subprocess
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.palantir.trust.plugins.plugin_utils.admission.version import is_lower, is_version
from tests.unit.support.examples import examples

VERSIONS = st.from_regex(r"[0-9][A-Za-z0-9.+~-]{0,8}", fullmatch=True)
ORDER = [
    "0",
    "0.1",
    "1~",
    "1~rc1",
    "1~rc2",
    "1",
    "1.0",
    "1.0a",
    "1.0-1",
    "1.2",
    "1.9",
    "1.10",
    "1.10.1",
    "2.0~rc1",
    "2.0",
]


def test_the_order_of_versions() -> None:
    assert [pair for pair in pairwise(ORDER) if not is_lower(*pair)] == []
    assert [pair for pair in pairwise(ORDER) if is_lower(*reversed(pair))] == []


@examples(200)
@given(VERSIONS, VERSIONS, VERSIONS)
def test_it_is_an_order(a: str, b: str, c: str) -> None:
    assert not is_lower(a, a)
    assert not (is_lower(a, b) and is_lower(b, a))
    if is_lower(a, b) and is_lower(b, c):
        assert is_lower(a, c)


@pytest.mark.skipif(shutil.which("dpkg") is None, reason="no dpkg, whose order it is")
@examples(25)
@given(VERSIONS, VERSIONS)
def test_it_is_the_order_of_dpkg(a: str, b: str) -> None:
    # With an empty revision, so that all of it is the upstream version.
    command = ["dpkg", "--compare-versions", f"{a}-0", "lt", f"{b}-0"]
    assert is_lower(a, b) == (subprocess.run(command, check=False, capture_output=True).returncode == 0)


@pytest.mark.parametrize("value", ["", "a1", "1:2", "1 2", "1\n", "9" * 65, 1, None, "1/2"])
def test_what_is_no_version(value: object) -> None:
    assert not is_version(value)
