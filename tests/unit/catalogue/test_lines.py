# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fault in a catalogue names the file, the line and the nearest word, also deep inside and between files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.palantir.trust.plugins.plugin_utils.catalogue.descriptor import load_directory, load_file
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import CatalogueError
from ansible_collections.palantir.trust.plugins.plugin_utils.strict_yaml import read_located
from tests.unit.support.examples import examples

TEXT = """\
---
# A comment.
sc: dns-filter
description: >-
  DNS resolver that blocks names,
  over two lines
function: dns-filter
version: "1"
criticality: high
placement:
  labels: {zone: dmz}
  anti_affinity:
    - dns-filter
flavours:
  - name: podman
    driver: podman
    archive: dns-filter.tar
    reference_values: sc-dns-filter
    capabilities: [SETGID,
                   SETUID]
configuration: []
probe:
  type: dns
  address: 127.0.0.1
  port: 5353
  queries:
    - name: health.example.test
      addresses: [192.0.2.53]
    - {name: tracker.example.com, addresses: [0.0.0.0]}
"""


def refusal(directory: Path, **files: str) -> str:
    for name, text in files.items():
        (directory / f"{name.replace('_', '-')}.yml").write_text(text)
    with pytest.raises(CatalogueError) as caught:
        load_directory(directory)
    return str(caught.value).removeprefix(f"{directory}/")


FAULTS = [
    ("criticality: high", "criticality: hihg", ":9, criticality: 'hihg' is not accepted. Next: did you mean 'high'?"),
    ("criticality", "critcality", ":9: has the unknown key 'critcality'. Next: did you mean 'criticality'?"),
    ("  labels: ", "  label: ", ":11, placement: has the unknown key 'label'. Next: did you mean 'labels'?"),
    ("zone: dmz", "zone: 1", ":11, placement, labels, zone: must be a text, not 1. Next: put it in quotes."),
    ("    driver: podman\n", "", ":15, flavours[0]: lacks driver. Next: add it;"),
    ("driver", "drivr", ":16, flavours[0]: has the unknown key 'drivr'. Next: did you mean 'driver'?"),
    ("SETUID]", "SETUDI]", ":20, flavours[0], capabilities[1]: 'SETUDI' is not accepted. Next: did you mean 'SETUID'?"),
    ("port: 5353", "port: 65536", ":25, probe, port: must be an integer from 1 to 65535, not 65536."),
    ("[0.0.0.0]", "[0.0.0]", ":29, probe, queries[1], addresses[0]: '0.0.0' is not an IPv4 address."),
    ("sc: dns-filter", "sc: dns-fliter", ":3, sc: describes SC 'dns-fliter'."),
    ("- dns-filter", "- dns-fliter", ":13, placement, anti_affinity[0]: the SC 'dns-fliter' is not in the catalogue."),
    ("version:", "version: '2'\nversion:", ": is not YAML at line 9: the key 'version' comes twice."),
]


@pytest.mark.parametrize(("right", "wrong", "expected"), FAULTS)
def test_a_fault_has_its_line(tmp_path: Path, right: str, wrong: str, expected: str) -> None:
    assert right in TEXT
    assert refusal(tmp_path, dns_filter=TEXT.replace(right, wrong, 1)).startswith(f"dns-filter.yml{expected}")


def test_without_a_fault_it_is_accepted(tmp_path: Path) -> None:
    (tmp_path / "dns-filter.yml").write_text(TEXT)
    assert load_directory(tmp_path) == {"dns-filter": load_file(tmp_path / "dns-filter.yml")}


def test_a_stand_in_is_there_and_does_the_same(tmp_path: Path) -> None:
    ours = TEXT + "equivalent:\n  - unbound-filtre\n"
    theirs = TEXT.replace("sc: dns-filter", "sc: unbound-filter").replace("- dns-filter", "- unbound-filter")
    assert refusal(tmp_path, dns_filter=ours, unbound_filter=theirs) == (
        "dns-filter.yml:31, equivalent[0]: the SC 'unbound-filtre' is not in the catalogue. "
        "Next: did you mean 'unbound-filter'?"
    )
    ours = ours.replace("unbound-filtre", "unbound-filter")
    other = theirs.replace("function: dns-filter", "function: proxy")
    assert refusal(tmp_path, dns_filter=ours, unbound_filter=other) == (
        "dns-filter.yml:31, equivalent[0]: the SC unbound-filter has the function proxy, not dns-filter. "
        "Next: only an SC of the same function can stand in."
    )
    (tmp_path / "unbound-filter.yml").write_text(theirs)
    assert load_directory(tmp_path)["dns-filter"].equivalent == ("unbound-filter",)


def test_what_is_merged_has_the_line_where_it_stands(tmp_path: Path) -> None:
    file = tmp_path / "a.yml"
    file.write_text("a: 1\n<<:\n  b: [c,\n    d]\n")
    located = read_located(file)
    assert located.data == {"b": ["c", "d"], "a": 1}
    assert located.lines == {(): 1, ("b",): 3, ("b", 0): 3, ("b", 1): 4, ("a",): 1}


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)


class WithoutAliases(yaml.SafeDumper):
    """Writes what is empty, and comes twice, twice."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def ways(data: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield way
    inner = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in inner:
        yield from ways(value, (*way, key))


@given(data=PLAIN, flow=st.booleans())
@examples(100)
def test_every_value_has_a_line_of_its_file(tmp_path_factory: pytest.TempPathFactory, data: Any, flow: bool) -> None:
    file = tmp_path_factory.getbasetemp() / "any.yml"
    text = yaml.dump(data, Dumper=WithoutAliases, default_flow_style=flow, allow_unicode=False)
    file.write_text(text)
    located = read_located(file)
    assert located.data == data
    assert located.lines.keys() == set(ways(data))
    assert all(1 <= line <= text.count("\n") for line in located.lines.values())
