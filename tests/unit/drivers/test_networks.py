# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private networks and the promoted front by their rules; tests/scenarios shows them by packets."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.palantir.trust.plugins.module_utils import _front, _private_network
from ansible_collections.palantir.trust.plugins.module_utils._commands import Tool
from ansible_collections.palantir.trust.plugins.module_utils._errors import NodeError
from ansible_collections.palantir.trust.plugins.module_utils._generation import Port
from ansible_collections.palantir.trust.plugins.module_utils._private_network import cable_of
from ansible_collections.palantir.trust.plugins.plugin_utils.store.instances import RANGES, UID_COUNT, UID_FIRST
from tests.unit.drivers.scene import generation


def test_every_range_has_a_cable_of_its_own() -> None:
    cables = [cable_of(UID_FIRST + number * UID_COUNT) for number in range(RANGES)]
    assert len({cable.interface for cable in cables}) == RANGES
    assert len({cable.instance for cable in cables} | {cable.node for cable in cables}) == 2 * RANGES
    assert max(len(cable.interface) for cable in cables) < 16, "the kernel's names of interfaces have 15 characters"


def test_a_cable_leads_to_the_world_and_not_to_the_node() -> None:
    text = _private_network.rules(generation(network="private"))
    assert text.splitlines()[:3] == [
        "add table ip palantir_trust-net-dns-1-g3",
        "delete table ip palantir_trust-net-dns-1-g3",
        "table ip palantir_trust-net-dns-1-g3 {",
    ]
    assert 'iifname "pt15259" ip daddr { 127.0.0.0/8, 169.254.0.0/16 } drop' in text
    assert 'iifname "pt15259" ip saddr != 198.18.119.55 drop' in text
    answers = 'iifname "pt15259" ip saddr 198.18.119.55 ct state { established, related } accept\n'
    assert answers + 'iifname "pt15259" drop' in text
    assert 'oifname "pt15259" ct status dnat accept\noifname "pt15259" drop' in text


def test_a_gateway_may_send_what_others_sent_and_get_what_is_for_others() -> None:
    text = _private_network.rules(generation(network="private", capabilities=["NET_ADMIN"]))
    assert "ip saddr != 198.18.119.55 ip saddr { 198.18.0.0/16, 127.0.0.0/8, 169.254.0.0/16 } drop" in text
    assert 'oifname "pt15259" ct status dnat accept\noifname "pt15259" ip daddr 198.18.119.55 drop' in text


@pytest.mark.parametrize(("capabilities", "forwards"), [(["NET_ADMIN"], 1), ([], 0)])
def test_a_gateway_forwards_and_nothing_else_does(
    monkeypatch: pytest.MonkeyPatch, capabilities: list[str], forwards: int
) -> None:
    """A network namespace begins as the node's is: the first gateway of a node would pass nothing on."""
    did: list[str] = []
    monkeypatch.setattr(Tool, "run", lambda _tool, *words, **_options: did.append(" ".join(words)))
    for name in ("_allow_forwarding", "_set", "disconnect", "load"):
        monkeypatch.setattr(_private_network, name, lambda *_: None)
    _private_network.connect(generation(network="private", capabilities=capabilities))
    assert f"net.ipv4.ip_forward={forwards}" in did[-1].split()


@pytest.mark.parametrize("hook", ["prerouting priority dstnat", "output priority -100"])
def test_a_front_sends_the_nodes_ports_to_one_generation(hook: str) -> None:
    ports = [Port(5353, "udp", 53), Port(5353, "tcp", 53)]
    text = _front.rules(generation(network="private", ports=ports))
    chain = text[text.index(hook) :]
    assert "fib daddr type local udp dport 5353 dnat to 198.18.119.55:53" in chain
    assert "fib daddr type local tcp dport 5353 dnat to 198.18.119.55:53" in chain


def test_what_is_left_of_a_network_is_found_until_all_of_it_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its namespace tells that there is something: so it goes last, whatever fails before."""
    (tmp_path / "dns-1-g3").touch()
    monkeypatch.setattr(_private_network, "NAMESPACES", str(tmp_path))
    did: list[str] = []

    def fails(*_table: str) -> bool:
        raise NodeError("nft_failed", "nft was not done after 20 s.", "run nft by hand on the node.")

    monkeypatch.setattr(Tool, "run", lambda _tool, *words, **_options: did.append(" ".join(words)))
    monkeypatch.setattr(_private_network, "drop_table", fails)
    with pytest.raises(NodeError):
        _private_network.disconnect(generation(network="private"))
    assert did == ["link delete pt15259"]
    monkeypatch.setattr(_private_network, "drop_table", lambda *table: did.append(" ".join(table)))
    assert _private_network.disconnect(generation(network="private"))
    assert did[1:] == ["link delete pt15259", "ip palantir_trust-net-dns-1-g3", "netns delete dns-1-g3"]
