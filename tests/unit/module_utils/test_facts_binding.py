# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.palantir.trust.plugins.module_utils._facts_binding import canonical_json, qualifying_data

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def test_canonical_form_is_sorted_compact_ascii() -> None:
    assert canonical_json({"b": [1, None, True], "a": "é\n"}) == b'{"a":"\\u00e9\\n","b":[1,null,true]}'


def test_qualifying_data_is_the_nested_hash() -> None:
    nonce = bytes(range(32))
    inner = hashlib.sha256(b'{"boot_id":"x"}').digest()
    assert qualifying_data(nonce, {"boot_id": "x"}) == hashlib.sha256(nonce + inner).digest()


@given(plain)
def test_a_round_trip_through_json_does_not_change_the_binding(value: object) -> None:
    assert canonical_json(json.loads(canonical_json(value))) == canonical_json(value)


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_nonce_of_another_size_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match=f"the nonce is {size} bytes, not 32"):
        qualifying_data(bytes(size), {})


def test_not_a_number_is_refused() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json({"load": float("nan")})


def test_bottomless_nesting_is_a_value_error() -> None:
    value: list[object] = []
    for _ in range(200_000):
        value = [value]
    with pytest.raises(ValueError, match="nested too deeply"):
        canonical_json(value)
