# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The JSON Schema and the loader accept the same descriptors, but for the rules that are named as the loader's."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from ansible_collections.palantir.trust.plugins.plugin_utils.catalogue.descriptor import parse
from ansible_collections.palantir.trust.plugins.plugin_utils.catalogue.schema import LOADER_ONLY, SCHEMA
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import CatalogueError
from tests.docs import schema
from tests.unit.catalogue.descriptors import DNS_PROBE, FULL, TCP_PROBE
from tests.unit.catalogue.test_descriptor import PLAIN
from tests.unit.support.examples import TIMES, examples

ROOT = Path(__file__).resolve().parents[3]
VALIDATOR = Draft202012Validator(SCHEMA, format_checker=Draft202012Validator.FORMAT_CHECKER)
LOADERS = {
    "a text has printable characters alone": r"must be one line of",
    "a whole number is written without a point": r"must be an integer from .*\.0\.$",
    "names of flavours, names of ports, ports of a protocol, and paths of configuration files come once": "twice",
    "a capability comes once, with or without CAP_": r"capabilities: has '[A-Z_]+' twice",
    "instances.max is not less than instances.min": r"is less than min",
    "an SC is not equivalent to itself": r"does not stand in for itself",
    "the probe's port is among the ports of an SC that has a flavour with a private network": r"is not among the ports",
    "the port of management is not among the TCP ports of the SC": r"is among the ports of the SC",
}
"""How the loader refuses what the schema accepts."""


def refusal(plain: Any) -> str | None:
    try:
        parse(plain, "sc.yml")
    except CatalogueError as error:
        return str(error)
    return None


def agree(plain: Any) -> None:
    told, valid = refusal(plain), VALIDATOR.is_valid(plain)
    if told is None:
        assert valid, [error.message for error in VALIDATOR.iter_errors(plain)]
    elif valid:
        assert any(re.search(pattern, told) for pattern in LOADERS.values()), told


def test_the_rules_of_the_loader_alone_are_named() -> None:
    assert set(LOADERS) < set(LOADER_ONLY)
    assert set(LOADER_ONLY) - set(LOADERS) == {
        "the file is named after its SC",
        "an SC that is named is in the catalogue, and a stand-in has the same function",
    }


def test_the_schema_is_one_and_its_file_is_its_text() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert schema.FILE.read_text(encoding="utf-8") == schema.text(), "run python -m tests.docs.schema"
    assert json.loads(schema.text()) == SCHEMA


@pytest.mark.parametrize("path", sorted((ROOT / "inventories").glob("*/catalogue/*.yml")), ids=lambda path: path.stem)
def test_what_is_shipped_fits_the_schema(path: Path) -> None:
    VALIDATOR.validate(yaml.safe_load(path.read_text(encoding="utf-8")))


def ways(data: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    inner = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in inner:
        yield (*way, key)
        yield from ways(value, (*way, key))


def with_value(plain: Any, way: tuple[Any, ...], *value: Any) -> Any:
    """Return data with one value changed, or removed where none is given."""
    plain = copy.deepcopy(plain)
    inner = plain
    for key in way[:-1]:
        inner = inner[key]
    if value:
        inner[way[-1]] = value[0]
    else:
        del inner[way[-1]]
    return plain


DOCUMENTS = [
    PLAIN,
    FULL,
    FULL | {"probe": TCP_PROBE},
    FULL | {"probe": {**DNS_PROBE, "port": 8080}, "ports": [{"name": "dns", "port": 8080, "protocol": "udp"}]},
]
PLACES = [(number, way) for number, plain in enumerate(DOCUMENTS) for way in ways(plain)]
NEAR = [
    "", " ", "a", "A", "dns", "http", "tcp", "udp", "waf", "waf-lite", "podman", "private", "host", "replace", "1",
    "a\n", "a b", "NET_RAW", "CAP_NET_RAW", "128Mi", "0Mi", "1000000Ki", "/etc/x", "/etc/..", "/etc/.../x", "/..x",
    "a/../b", "..", ".a", "/etc/x/", "/etc/x\n", "/" + "a" * 256, "127.0.0.1", "::1", "fe80::1%eth0", "1.2.3", "a.b.",
    "a..b", "-a", "a-", "a-1.0", "x" * 63, "x" * 64, "x" * 253, "x" * 1024, "x" * 1025, "zone/a", "zone/", 0, 1, -1,
    0.5, 1.0, 80, 8080, 99, 599, 65535, 65536, 4194304, 1e308, True, None, [], {}, [""], ["a", "a"], ["waf"], [{}],
    {"a": "b"}, {"min": 1}, {"max": 0}, ["podman"] * 257, {"nodes": ["a"]}, {"labels": {"a": 1}},
    {"labels": {"a ": "b"}}, {"cpu": 1}, {"cpu": 1025},
]  # fmt: skip
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def test_they_agree_on_what_is_right() -> None:
    for plain in DOCUMENTS:
        assert refusal(plain) is None
        VALIDATOR.validate(plain)


@pytest.mark.slow
def test_they_agree_wherever_a_near_miss_stands() -> None:
    each = max(1, round(4 / TIMES))  # of the values at a place; its neighbours have the others
    for place, (number, way) in enumerate(PLACES):
        agree(with_value(DOCUMENTS[number], way))
        for value in NEAR[place % each :: each]:
            agree(with_value(DOCUMENTS[number], way, value))


@given(
    place=st.sampled_from(PLACES),
    key=st.sampled_from(["", "type", "status", "labels", "reload", "min", "x"]),
    value=ANYTHING,
)
@examples(300)
def test_they_agree_on_generated_documents(place: tuple[int, tuple[Any, ...]], key: str, value: Any) -> None:
    plain, way = DOCUMENTS[place[0]], place[1]
    agree(with_value(plain, way, value))
    *outer, last = way
    if key and not isinstance(last, int):
        agree(with_value(plain, (*outer, key), value))


@given(data=st.data())
@examples(100)
def test_they_agree_on_documents_of_parts_of_others(data: st.DataObject) -> None:
    plain = copy.deepcopy(data.draw(st.sampled_from(DOCUMENTS)))
    for _ in range(data.draw(st.integers(1, 4))):
        number, source = data.draw(st.sampled_from(PLACES))
        value: Any = DOCUMENTS[number]
        for key in source:
            value = value[key]
        plain = with_value(plain, data.draw(st.sampled_from(list(ways(plain)))), value)
        agree(plain)
