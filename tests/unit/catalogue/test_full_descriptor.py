# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a descriptor may say beside what it must: every key, its defaults, and the rules between keys."""

from __future__ import annotations

import copy
import json
import socket
from typing import Any

import pytest

from ansible_collections.palantir.trust.plugins.module_utils import _probe as health
from ansible_collections.palantir.trust.plugins.module_utils._errors import NodeError
from ansible_collections.palantir.trust.plugins.plugin_utils.catalogue.descriptor import Descriptor, parse
from ansible_collections.palantir.trust.plugins.plugin_utils.catalogue.model import (
    ConfigurationFile,
    HttpProbe,
    HttpRequest,
    Instances,
    Management,
    Placement,
    Port,
    Resources,
    TcpConnection,
    TcpProbe,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.catalogue.words import EVERYWHERE
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import CatalogueError
from tests.unit.catalogue.descriptors import DNS_PROBE, FULL, TCP_PROBE
from tests.unit.catalogue.test_descriptor import PLAIN


def changed(**keys: Any) -> dict[str, Any]:
    return copy.deepcopy(FULL) | keys


def message(plain: Any) -> str:
    with pytest.raises(CatalogueError) as caught:
        parse(plain, "waf.yml")
    return str(caught.value)


def web(*paths: str) -> dict[str, Any]:
    return {**FULL["probe"], "requests": [{"path": path} for path in paths]}


def test_every_key_is_read() -> None:
    waf = parse(FULL, "waf.yml")
    assert (waf.provider, waf.signer, waf.equivalent) == ("Example Security Ltd", "example-security", ("waf-lite",))
    assert waf.instances == Instances(1, 3)
    assert waf.placement == Placement(
        ("edge1", "edge2"), {"zone": "dmz", "disk/kind": "ssd"}, ("dns-filter",), ("waf",)
    )
    assert waf.resources == Resources(0.5, 128 << 20, 200, 2 << 30)
    assert waf.ports == (Port("web", 8080, "tcp", 80), Port("status", 8081, "tcp", 8081))
    assert waf.probe == HttpProbe(
        "http",
        "127.0.0.1",
        8080,
        (
            HttpRequest("/health?deep=1", 204, "HEAD", "shop.example", "healthy"),
            HttpRequest("/?id=1%27--", 200, "GET", None, None),
        ),
    )
    assert waf.management == Management(9443, "192.0.2.1")
    nginx, haproxy = waf.flavours
    assert (nginx.implementation, nginx.network) == ("nginx-1.26.3", "private")
    assert nginx.command == ("nginx", "-g", "daemon off;")
    assert (haproxy.command, haproxy.network, haproxy.components) == ((), "host", ())
    assert waf.configuration_of(nginx) == (
        ConfigurationFile("/etc/nginx/nginx.conf", "templates/nginx.conf.j2", "signal"),
    )
    assert waf.configuration_of(haproxy) == (
        ConfigurationFile("/etc/haproxy/haproxy.cfg", "templates/haproxy.cfg.j2", "replace"),
    )


def test_what_is_left_out_has_its_default() -> None:
    plain = json.loads(json.dumps(parse(PLAIN, "dns-filter.yml").plain()))
    assert plain["instances"] == {"min": 0, "max": None}
    assert plain["resources"] == {"cpu": None, "memory": None, "pids": None, "storage": None}
    assert (plain["provider"], plain["signer"], plain["equivalent"], plain["ports"]) == (None, None, [], [])
    assert plain["placement"] == {"nodes": ["node1", "node2"], "labels": {}, "affinity": [], "anti_affinity": []}
    assert plain["probe"]["type"] == "dns"
    assert plain["management"] is None
    assert parse(PLAIN | {"management": {"port": 9443}}, "dns-filter.yml").management == Management(9443, EVERYWHERE)
    (flavour,) = plain["flavours"]
    assert (flavour["network"], flavour["command"], flavour["configuration"]) == ("host", [], None)


def test_the_probes_of_other_protocols() -> None:
    connections = (TcpConnection("open", None, "220 ready"), TcpConnection("filtered", 23, None))
    assert parse(changed(probe=TCP_PROBE), "waf.yml").probe == TcpProbe("tcp", "::1", 8080, connections)


@pytest.mark.parametrize("probe", [FULL["probe"], TCP_PROBE, DNS_PROBE], ids=["http", "tcp", "dns"])
def test_what_a_descriptor_asks_for_is_what_a_node_can_ask(probe: dict[str, Any]) -> None:
    ports = [{"name": kind, "port": probe["port"], "protocol": kind} for kind in ("tcp", "udp")]
    plain = json.loads(json.dumps(parse(changed(probe=probe, ports=ports), "waf.yml").plain()))["probe"]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(NodeError) as caught:
        health.probe({**plain, "address": "127.0.0.1", "port": port}, 0.05, 1)
    assert caught.value.code in {"dns_refused", "http_refused", "tcp_mismatch"}


@pytest.mark.parametrize("key", ["probe", "flavours.0.reference_values"])
def test_without_a_probe_or_reference_values_nothing_is_run(key: str) -> None:
    plain = changed()
    inner: Any = plain["flavours"][0] if "." in key else plain
    del inner[key.rpartition(".")[2]]
    assert f": lacks {key.rpartition('.')[2]}. Next: add it;" in message(plain)


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"instances": {"min": 4, "max": 3}}, "waf.yml, instances, max: 3 is less than min, 4."),
        ({"equivalent": ["waf"]}, "waf.yml, equivalent[0]: an SC does not stand in for itself. Next: remove it."),
        ({"resources": {"memory": "128MB"}}, "waf.yml, resources, memory: '128MB' is not a size. Next: write a whole"),
        (
            {"resources": {"memory": 128}},
            "waf.yml, resources, memory: must be a text, not 128. Next: put it in quotes.",
        ),
        ({"resources": {"cpu": 0}}, "waf.yml, resources, cpu: must be a number of cores over 0 and up to 1024, not 0."),
        ({"resources": {"cpu": float("nan")}}, "waf.yml, resources, cpu: must be a number of cores"),
        ({"resources": {"cpus": 1}}, "waf.yml, resources: has the unknown key 'cpus'. Next: did you mean 'cpu'?"),
        (
            {"ports": [{"name": "a", "port": 8080}, {"name": "b", "port": 8080}]},
            "waf.yml, ports: has '8080/tcp' twice. Next: remove one of them.",
        ),
        (
            {"ports": [{"name": "a", "port": 8080, "protocol": "udp"}]},
            "waf.yml, flavours[0], network: the probe's port 8080/tcp is not among the ports of the SC. Next: add it",
        ),
        ({"management": {"port": 0}}, "waf.yml, management, port: must be an integer from 1 to 65535, not 0."),
        ({"management": {}}, "waf.yml, management: lacks port. Next: add it; known keys: port, address."),
        (
            {"management": {"port": 9443, "adress": "::"}},
            "waf.yml, management: has the unknown key 'adress'. Next: did",
        ),
        ({"management": {"port": 9443, "address": "any"}}, "waf.yml, management, address: 'any' is not an IP address"),
        (
            {"management": {"port": 8081}},
            "waf.yml, management, port: 8081/tcp is among the ports of the SC. Next: choose another: its agent serves",
        ),
        ({"placement": {"label": {}}}, "waf.yml, placement: has the unknown key 'label'. Next: did you mean 'labels'?"),
        ({"placement": {"labels": {"zone": 1}}}, "waf.yml, placement, labels, zone: must be a text, not 1."),
        ({"placement": {"labels": {1: "a"}}}, "waf.yml, placement, labels: must be a text, not 1."),
        ({"placement": {"labels": ["a"]}}, "waf.yml, placement, labels: must be a mapping, not ['a']."),
        ({"probe": {**TCP_PROBE, "type": "htttp"}}, "waf.yml, probe, type: 'htttp' is not accepted. Next: did you"),
        ({"probe": {**TCP_PROBE, "path": "/"}}, "waf.yml, probe: has the unknown key 'path'. Next: use one of: type,"),
        ({"probe": {**TCP_PROBE, "address": "fe80::1%eth0"}}, "waf.yml, probe, address: 'fe80::1%eth0' is not an IP"),
        ({"probe": web("health")}, "waf.yml, probe, requests[0], path: 'health' is not a path of a URL."),
        ({"probe": web("/a b")}, "waf.yml, probe, requests[0], path: '/a b' is not a path of a URL."),
        ({"probe": web(*["/"] * 65)}, "waf.yml, probe, requests: must have 1 to 64 items, not 65."),
        (
            {"probe": {**TCP_PROBE, "connections": [{"state": "filtered"}]}},
            "waf.yml, probe, connections: all are to meet silence, as they would where nothing is there. Next: name a",
        ),
    ],
)
def test_what_does_not_fit_is_named(keys: dict[str, Any], expected: str) -> None:
    assert message(changed(**keys)).startswith(expected)


def test_grants_of_privilege_are_not_the_descriptor_s() -> None:
    plain = changed()
    plain["flavours"][0]["privileged"] = True
    assert message(plain).startswith("waf.yml, flavours[0]: has the unknown key 'privileged'.")


def test_a_probe_by_udp_needs_a_port_by_udp() -> None:
    plain = copy.deepcopy(PLAIN)
    plain["flavours"][0]["network"] = "private"
    plain["ports"] = [{"name": "dns", "port": 5353, "protocol": "udp", "internal": 53}]
    assert isinstance(parse(plain, "dns-filter.yml"), Descriptor)
    plain["ports"][0]["protocol"] = "tcp"
    with pytest.raises(CatalogueError, match="the probe's port 5353/udp is not among the ports of the SC"):
        parse(plain, "dns-filter.yml")
