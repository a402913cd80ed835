# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.palantir.trust.plugins.plugin_utils.catalogue.descriptor import (
    Descriptor,
    load_directory,
    parse,
    select,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.catalogue.model import DnsProbe, DnsQuery
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import CatalogueError
from tests.unit.support.examples import examples

ROOT = Path(__file__).resolve().parents[3]
PLAIN: dict[str, Any] = {
    "sc": "dns-filter",
    "description": "DNS resolver that blocks names",
    "function": "dns-filter",
    "version": "1",
    "criticality": "high",
    "flavours": [
        {
            "name": "podman",
            "driver": "podman",
            "archive": "../images/dns-filter.tar",
            "reference_values": "sc-dns-filter",
            "capabilities": ["NET_BIND_SERVICE"],
        }
    ],
    "configuration": [{"path": "/etc/dnsmasq.conf", "template": "templates/dnsmasq.conf.j2"}],
    "probe": {
        "type": "dns",
        "address": "127.0.0.1",
        "port": 5353,
        "queries": [{"name": "health.example.test", "addresses": ["192.0.2.53"]}],
    },
    "placement": ["node1", "node2"],
}
MISSING = object()
NAME_RULE = "Next: use lower-case letters, digits and hyphens, no hyphen first, 63 characters at most."


def at(place: str, value: Any) -> dict[str, Any]:
    """Return the descriptor with one value changed: ``probe.queries.0.name``."""
    plain = copy.deepcopy(PLAIN)
    *way, key = [int(part) if part.isdecimal() else part for part in place.split(".")]
    inner: Any = plain
    for part in way:
        inner = inner[part]
    if value is MISSING:
        del inner[key]
    else:
        inner[key] = value
    return plain


def message(plain: Any) -> str:
    with pytest.raises(CatalogueError) as caught:
        parse(plain, "dns-filter.yml")
    assert str(caught.value).isprintable()
    return str(caught.value)


def write(directory: Path, name: str, text: str | bytes) -> Path:
    (directory / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return directory


def test_a_descriptor_is_read_whole() -> None:
    descriptor = parse(PLAIN, "dns-filter.yml")
    assert descriptor.flavour("podman").capabilities == ("NET_BIND_SERVICE",)
    assert descriptor.probe == DnsProbe("dns", "127.0.0.1", 5353, (DnsQuery("health.example.test", ("192.0.2.53",)),))
    assert descriptor.placement.nodes == ("node1", "node2")
    assert descriptor.plain()["configuration"] == (
        {"path": "/etc/dnsmasq.conf", "template": "templates/dnsmasq.conf.j2", "reload": "replace"},
    )


@pytest.mark.parametrize("place", ["placement", "flavours.0.capabilities", "probe.type"])
def test_what_may_be_left_out(place: str) -> None:
    assert parse(at(place, MISSING), "dns-filter.yml").sc == "dns-filter"


@pytest.mark.parametrize(
    ("place", "name"),
    [
        *((key, "dns-filter.yml") for key in PLAIN if key != "placement"),
        *((f"flavours.0.{key}", "dns-filter.yml, flavours[0]") for key in ("name", "driver", "archive")),
        ("flavours.0.reference_values", "dns-filter.yml, flavours[0]"),
        ("configuration.0.path", "dns-filter.yml, configuration[0]"),
        ("configuration.0.template", "dns-filter.yml, configuration[0]"),
        *((f"probe.{key}", "dns-filter.yml, probe") for key in ("address", "port", "queries")),
        ("probe.queries.0.name", "dns-filter.yml, probe, queries[0]"),
        ("probe.queries.0.addresses", "dns-filter.yml, probe, queries[0]"),
    ],
)
def test_what_is_missing_is_named(place: str, name: str) -> None:
    key = place.rpartition(".")[2]
    assert message(at(place, MISSING)).startswith(f"{name}: lacks {key}. Next: add it; known keys: ")


@pytest.mark.parametrize(
    ("place", "where", "near"),
    [
        ("critcality", "dns-filter.yml", "criticality"),
        ("flavors", "dns-filter.yml", "flavours"),
        ("flavours.0.drivers", "dns-filter.yml, flavours[0]", "driver"),
        ("flavours.0.capability", "dns-filter.yml, flavours[0]", "capabilities"),
        ("configuration.0.pat", "dns-filter.yml, configuration[0]", "path"),
        ("probe.prot", "dns-filter.yml, probe", "port"),
        ("probe.queries.0.adresses", "dns-filter.yml, probe, queries[0]", "addresses"),
    ],
)
def test_a_mistyped_key_is_named_with_the_nearest(place: str, where: str, near: str) -> None:
    key = place.rpartition(".")[2]
    assert message(at(place, "x")) == f"{where}: has the unknown key '{key}'. Next: did you mean '{near}'?"


def test_a_key_that_is_near_to_none_is_named_with_all() -> None:
    assert message(at("probe.zzz", 1)) == (
        "dns-filter.yml, probe: has the unknown key 'zzz'. Next: use one of: address, port, queries, type."
    )
    assert "has the unknown key 7." in message(PLAIN | {7: "seven"})
    assert "has the unknown key True." in message(PLAIN | {True: "YAML 1.1 reads 'on' so"})


@pytest.mark.parametrize(
    ("place", "value", "expected"),
    [
        ("criticality", "hihg", "dns-filter.yml, criticality: 'hihg' is not accepted. Next: did you mean 'high'?"),
        (
            "criticality",
            "zzz",
            "dns-filter.yml, criticality: 'zzz' is not accepted. Next: use one of: low, medium, high.",
        ),
        (
            "flavours.0.driver",
            "podmann",
            "dns-filter.yml, flavours[0], driver: 'podmann' is not accepted. Next: did you mean 'podman'?",
        ),
        ("probe.type", "DNS", "dns-filter.yml, probe, type: 'DNS' is not accepted. Next: use one of: dns, http, tcp."),
        ("function", "firewal", "dns-filter.yml, function: 'firewal' is not accepted. Next: did you mean 'firewall'?"),
        (
            "flavours.0.capabilities",
            ["NET_RAVV"],
            "dns-filter.yml, flavours[0], capabilities[0]: 'NET_RAVV' is not accepted. Next: did you mean 'NET_RAW'?",
        ),
    ],
)
def test_a_mistyped_word_is_named_with_the_nearest(place: str, value: Any, expected: str) -> None:
    assert message(at(place, value)) == expected


@pytest.mark.parametrize("word", ["ALL", "all", "CAP_ALL", "NET_RAW,SYS_ADMIN", "net_raw"])
def test_a_capability_is_one_by_its_name(word: str) -> None:
    assert "is not accepted" in message(at("flavours.0.capabilities", [word]))


def test_a_capability_may_have_its_prefix_and_stand_once() -> None:
    plain = at("flavours.0.capabilities", ["CAP_NET_RAW"])
    assert parse(plain, "dns-filter.yml").flavours[0].capabilities == ("NET_RAW",)
    assert message(at("flavours.0.capabilities", ["CAP_NET_RAW", "NET_RAW"])) == (
        "dns-filter.yml, flavours[0], capabilities: has 'NET_RAW' twice. Next: remove one of them."
    )


TEXTS = [
    "sc", "description", "function", "version", "criticality", "flavours.0.name", "flavours.0.driver",
    "flavours.0.archive", "flavours.0.reference_values", "configuration.0.path", "configuration.0.template",
    "probe.address", "probe.type", "probe.queries.0.name", "placement.0", "flavours.0.capabilities.0",
    "probe.queries.0.addresses.0",
]  # fmt: skip


@pytest.mark.parametrize("place", TEXTS)
@pytest.mark.parametrize(
    ("value", "shown", "hint"),
    [
        (1, "1", " Next: put it in quotes."),
        (1.5, "1.5", " Next: put it in quotes."),
        (True, "True", " Next: put it in quotes."),
        (None, "None", ""),
        (["a"], "['a']", ""),
        ({"a": 1}, "{'a': 1}", ""),
    ],
)
def test_a_text_is_a_text(place: str, value: Any, shown: str, hint: str) -> None:
    text = message(at(place, value))
    assert text.startswith("dns-filter.yml, ")
    assert text.endswith(f": must be a text, not {shown}.{hint}")


@pytest.mark.parametrize("place", TEXTS)
@pytest.mark.parametrize("value", ["", "   ", "a\x1b[31mb", "a\u202eb", "a\0b", "x" * 2000])
def test_a_text_is_one_harmless_line(place: str, value: str) -> None:
    text = message(at(place, value))
    assert text.startswith("dns-filter.yml, ")
    assert ": must be one line of 1 to 1024 printable characters, not '" in text
    assert len(text) < 250


def test_a_description_may_go_over_lines() -> None:
    assert parse(at("description", "one\n  two\n"), "dns-filter.yml").description == "one two"


@pytest.mark.parametrize("value", [True, False, "5353", 5353.0, 0, -1, 65536, None, [5353]])
def test_a_port_is_a_number_of_a_port(value: Any) -> None:
    assert message(at("probe.port", value)) == (
        f"dns-filter.yml, probe, port: must be an integer from 1 to 65535, not {value!r}."
    )


@pytest.mark.parametrize(
    "place", ["flavours", "configuration", "probe.queries", "equivalent", "flavours.0.capabilities"]
)
@pytest.mark.parametrize("value", ["podman", {"podman": {}}, 1, None, True])
def test_a_list_is_a_list(place: str, value: Any) -> None:
    where = {"flavours.0.capabilities": "flavours[0], capabilities"}.get(place, place.replace(".", ", "))
    assert message(at(place, value)) == f"dns-filter.yml, {where}: must be a list, not {value!r}."


@pytest.mark.parametrize("place", ["flavours", "configuration", "probe.queries"])
def test_a_list_has_mappings_and_an_end(place: str) -> None:
    where = f"dns-filter.yml, {place.replace('.', ', ')}"
    assert message(at(place, ["podman"])) == f"{where}[0]: must be a mapping, not 'podman'."
    assert message(at(place, [{}] * 257)) == f"{where}: has more than 256 items."


def test_what_must_not_be_empty() -> None:
    assert message(at("flavours", [])) == "dns-filter.yml, flavours: must name at least one."
    assert message(at("probe.queries", [])) == "dns-filter.yml, probe, queries: must have 1 to 64 items, not 0."
    assert parse(at("configuration", []), "x").configuration == ()
    assert isinstance(parse(at("probe.queries.0.addresses", []), "x").probe, DnsProbe)


@pytest.mark.parametrize("data", [None, [], "text", 1, True])
def test_a_descriptor_is_a_mapping(data: Any) -> None:
    assert message(data) == f"dns-filter.yml: must be a mapping, not {data!r}."


def test_what_stands_twice_is_named() -> None:
    flavour, file = PLAIN["flavours"][0], PLAIN["configuration"][0]
    assert "flavours: has 'podman' twice." in message(at("flavours", [flavour, flavour]))
    assert "configuration: has '/etc/dnsmasq.conf' twice." in message(at("configuration", [file, file]))
    assert "placement: has 'node1' twice." in message(at("placement", ["node1", "node1"]))


@pytest.mark.parametrize(
    "path",
    [
        "etc/x", "/", "//etc/x", "/etc//x", "/etc/x/", "/etc/../x", "/..", "/etc/./x", "/etc/x:rw,exec", "/etc/x,z",
        "/etc/a b", "/etc/{{ x }}", "/etc/$HOME", "/etc/x;y", "/etc/é", "/" + "a/" * 40 + "a", "/" + "a" * 256,
    ],
)  # fmt: skip
def test_a_path_in_an_instance_goes_straight_to_one_place(path: str) -> None:
    assert message(at("configuration.0.path", path)).startswith("dns-filter.yml, configuration[0], path: '")


@pytest.mark.parametrize("path", ["/etc/passwd", "../x.j2", "templates/../../x.j2", ".", "a//b", "~/x:y", "{{ x }}"])
def test_a_template_is_in_the_catalogue_s_directory(path: str) -> None:
    assert message(at("configuration.0.template", path)).startswith(
        f"dns-filter.yml, configuration[0], template: {path!r} is not the path of a file in the catalogue's directory."
    )


@pytest.mark.parametrize("place", ["sc", "signer", "flavours.0.name", "flavours.0.reference_values"])
@pytest.mark.parametrize("name", ["-rf", "Dns", "a b", "a/b", "..", "../x", "a_b", "a.b", "é", "a" * 64, "a;b", "a:b"])
def test_a_name_can_stand_in_a_path(place: str, name: str) -> None:
    text = message(at(place, name))
    assert text.startswith("dns-filter.yml, ")
    assert text.endswith(f"is not a name. {NAME_RULE}")


@pytest.mark.parametrize("address", ["localhost", "127.0.0.1:53", "127.1", "256.0.0.1", "0x7f000001"])
def test_a_probe_asks_an_address(address: str) -> None:
    assert message(at("probe.address", address)) == f"dns-filter.yml, probe, address: {address!r} is not an IP address."


@pytest.mark.parametrize("address", ["::1", "example.test", "192.0.2.053"])
def test_a_query_is_answered_by_ipv4_addresses(address: str) -> None:
    assert message(at("probe.queries.0.addresses", ["192.0.2.1", address])) == (
        f"dns-filter.yml, probe, queries[0], addresses[1]: {address!r} is not an IPv4 address."
    )


@pytest.mark.parametrize("name", [".", "a..b", "-a.test", "a" * 64 + ".test", "a b.test", "a/b", ".".join(["a"] * 128)])
def test_a_query_asks_for_a_dns_name(name: str) -> None:
    assert "is not a DNS name." in message(at("probe.queries.0.name", name))


def test_a_flavour_is_found_by_name_or_the_nearest_is_named() -> None:
    descriptor = parse(PLAIN, "dns-filter.yml")
    with pytest.raises(CatalogueError) as caught:
        descriptor.flavour("podmna")
    assert str(caught.value) == "SC dns-filter: has no flavour 'podmna'. Next: did you mean 'podman'?"


def test_an_sc_is_found_by_name_or_the_nearest_is_named() -> None:
    catalogue = {"dns-filter": parse(PLAIN, "dns-filter.yml")}
    assert select(catalogue, "dns-filter").sc == "dns-filter"
    for name, cause in (
        ("dns-fliter", "SC 'dns-fliter': is not in the catalogue. Next: did you mean 'dns-filter'?"),
        ("ids", "SC 'ids': is not in the catalogue. Next: use one of: dns-filter."),
        ("\x1b[2J\n", r"SC '\x1b[2J\n': is not in the catalogue. Next: use one of: dns-filter."),
    ):
        with pytest.raises(CatalogueError) as caught:
            select(catalogue, name)
        assert str(caught.value) == cause
    with pytest.raises(CatalogueError, match="the catalogue is empty"):
        select({}, "dns-filter")


def test_a_directory_is_read_by_file_names(tmp_path: Path) -> None:
    write(tmp_path, "dns-filter.yml", yaml.safe_dump(PLAIN))
    write(tmp_path, "ids.yml", yaml.safe_dump(PLAIN | {"sc": "ids", "function": "ids"}))
    write(tmp_path, "README.md", "# what this is")
    (tmp_path / "templates").mkdir()
    assert list(load_directory(tmp_path)) == ["dns-filter", "ids"]


def test_the_lab_s_catalogue_is_accepted() -> None:
    assert "dns-filter" in load_directory(ROOT / "inventories" / "lab" / "catalogue")


def files(directory: Path) -> Iterator[tuple[str, str | bytes, str]]:
    good = yaml.safe_dump(PLAIN)
    yield "ids.yml", good, "describes SC 'dns-filter'. Next: name the file dns-filter.yml."
    yield "dns-filter.yaml", good, "would not be read. Next: name the file dns-filter.yml."
    yield "Dns Filter.yml", good, "is not named after an SC. Next: name it SC.yml."
    yield "dns-filter.yml", "", "must be a mapping, not None."
    yield "dns-filter.yml", "sc: [", "is not YAML at line 1: expected the node content, but found '<stream end>'."
    yield "dns-filter.yml", "a: b\n c: d\n", "is not YAML at line 2: mapping values are not allowed here."
    yield "dns-filter.yml", good + "version: '2'\n", "the key 'version' comes twice."
    yield "dns-filter.yml", "sc: &a [b]\nfunction: *a\n", "is not YAML at line 2: aliases are not accepted."
    yield "dns-filter.yml", "sc: !!python/object:os.system x", "could not determine a constructor for the tag"
    yield "dns-filter.yml", b"sc: \xff\xfe", "is not YAML: 'utf-8' codec can't decode"
    yield "dns-filter.yml", "sc: \x1b[2J", "is not YAML: unacceptable character #x001b"
    yield "dns-filter.yml", "sc: 2026-99-99", "is not YAML: month must be in 1..12."
    yield "dns-filter.yml", "[" * 100_000, "is nested too deeply."
    yield "dns-filter.yml", "#" * (2 << 20), "is larger than 1048576 bytes."
    yield "dns-filter.yml", "? [a, b]\n: c\n", "is not YAML at line 1: found unhashable key."
    yield "dns-filter.yml", "? {a: b}\n: c\n", "is not YAML at line 1: found unhashable key."


@pytest.mark.parametrize("number", range(16))
def test_a_file_that_is_no_descriptor_is_named(tmp_path: Path, number: int) -> None:
    name, text, expected = list(files(tmp_path))[number]
    with pytest.raises(CatalogueError) as caught:
        load_directory(write(tmp_path, name, text))
    assert re.match(rf"{re.escape(str(tmp_path))}/{name}(:[0-9]+(, sc)?)?: ", str(caught.value))
    assert expected in str(caught.value)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < len(str(tmp_path)) + 400


def test_a_directory_that_is_none_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "nowhere", write(tmp_path, "file", "x") / "file"):
        with pytest.raises(CatalogueError, match=r"cannot be read: .*\. Next: set palantir_trust_catalogue\.$"):
            load_directory(path)
    (tmp_path / "dns-filter.yml").mkdir()
    with pytest.raises(CatalogueError, match=r"cannot be read: Is a directory\.$"):
        load_directory(tmp_path)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8) | st.integers(), inner, max_size=3),
    max_leaves=6,
)


@given(place=st.sampled_from([*PLAIN, *TEXTS, "flavours.0", "probe.queries.0", "configuration.0"]), value=ANYTHING)
@examples(300)
def test_any_value_anywhere_is_read_or_refused_by_name(place: str, value: Any) -> None:
    try:
        assert isinstance(parse(at(place, value), "dns-filter.yml"), Descriptor)
    except CatalogueError as error:
        text = str(error)
    else:
        return
    assert text.startswith("dns-filter.yml")
    assert text.isprintable()
    assert len(text) < 600
