# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes, SCs and instances as an inventory shows them: groups, their children, and variables.

Names of SCs and instances have no underscore, so those of groups, where a hyphen may not stand, are as distinct.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.ar4si import Tier, worst_tier
from ansible_collections.palantir.trust.plugins.plugin_utils.catalogue.descriptor import find
from ansible_collections.palantir.trust.plugins.plugin_utils.catalogue.entry import Entry, Place, unique
from ansible_collections.palantir.trust.plugins.plugin_utils.catalogue.model import Descriptor
from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.vocabulary import HOST_LAYERS
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import CatalogueError
from ansible_collections.palantir.trust.plugins.plugin_utils.names import RULE, is_name
from ansible_collections.palantir.trust.plugins.plugin_utils.ssh.host_keys import RECORDED, fingerprint
from ansible_collections.palantir.trust.plugins.plugin_utils.store.attestations import Attestation
from ansible_collections.palantir.trust.plugins.plugin_utils.store.identities import NodeRecord
from ansible_collections.palantir.trust.plugins.plugin_utils.store.instances import InstanceRecord

PREFIX: Final = "trust_"


@dataclass(frozen=True, slots=True)
class Wanted:
    """An instance as the site asks for it."""

    instance: str
    sc: str
    node: str


@dataclass(frozen=True, slots=True)
class Known:
    """What the store knows: nodes by name, results by node that are new enough, generations that should run."""

    nodes: Mapping[str, NodeRecord]
    results: Mapping[str, Attestation]
    generations: Sequence[InstanceRecord]


NOTHING: Final = Known({}, {}, ())


@dataclass(frozen=True, slots=True)
class View:
    """What an inventory gets.

    Attributes:
        groups: group → its nodes.
        children: group → groups below it.
        nodes: node → its variable ``palantir_trust_node``.
        scs: SC → its descriptor.
        running: instance → where it runs, as what, and its tier.
    """

    groups: Mapping[str, Sequence[str]]
    children: Mapping[str, Sequence[str]]
    nodes: Mapping[str, Mapping[str, Any]]
    scs: Mapping[str, Mapping[str, Any]]
    running: Mapping[str, Mapping[str, Any]]


def read_wanted(plain: Any, catalogue: Mapping[str, Descriptor], subject: str) -> tuple[Wanted, ...]:
    """Return the instances that a site asks for.

    Raises:
        CatalogueError: an entry is of the wrong form, an instance comes twice, or an SC is not in the catalogue.
    """
    items = Entry({"instances": plain or []}, Place(subject)).entries("instances", ("instance", "sc", "node"))
    wanted = tuple(Wanted(item.name("instance"), item.name("sc"), item.text("node")) for item in items)
    unique((item.instance for item in wanted), Place(subject))
    for item in wanted:
        # Also of a package that is withdrawn: what runs of it is to be seen until it is gone.
        find(catalogue, item.sc)
    return wanted


def view(catalogue: Mapping[str, Descriptor], wanted: Iterable[Wanted], known: Known, hosts: Iterable[str]) -> View:
    """Return what an inventory shows; of nodes, those that it has.

    Args:
        catalogue: the SCs.
        wanted: the instances that the site asks for.
        known: what the store knows.
        hosts: names of the hosts of the inventory.

    Raises:
        CatalogueError: a name from the store is none.
    """
    there = set(hosts)
    running = _running(wanted, known, catalogue)
    groups: dict[str, list[str]] = {f"{PREFIX}tier_{tier}": [] for tier in Tier}
    groups |= {f"{PREFIX}{name}": [] for name in ("nodes", "cordoned", "isolated", "missing")}
    children: dict[str, set[str]] = defaultdict(set)
    nodes: dict[str, dict[str, Any]] = {}
    for name in sorted(there & (known.nodes.keys() | {item["node"] for item in running.values()})):
        nodes[name] = _node(name, known, running)
        for group in _groups_of(nodes[name]):
            groups[PREFIX + group].append(name)
    for sc, descriptor in sorted(catalogue.items()):
        children[_group("function", descriptor.function)].add(_group("sc", sc))
        groups.setdefault(_group("sc", sc), [])
    for instance, item in sorted(running.items()):
        group = _group("instance", instance)
        children[_group("sc", item["sc"])].add(group)
        here = item["node"] in there
        groups[group] = [item["node"]] if here and item["state"] != "missing" else []
        if here and item["state"] == "missing":
            groups[f"{PREFIX}missing"].append(item["node"])
    return View(
        groups,
        {group: sorted(below) for group, below in sorted(children.items())},
        nodes,
        {name: descriptor.plain() for name, descriptor in sorted(catalogue.items())},
        running,
    )


def _running(wanted: Iterable[Wanted], known: Known, catalogue: Mapping[str, Descriptor]) -> dict[str, dict[str, Any]]:
    running: dict[str, dict[str, Any]] = {
        item.instance: {
            "sc": item.sc, "flavour": None, "node": item.node, "generation": None, "state": "missing", "tier": "none",
        }
        for item in wanted
    }  # fmt: skip
    for record in known.generations:
        result = known.results.get(record.node)
        running[_name(record.instance)] = {
            "sc": _name(record.sc),
            "flavour": _name(record.flavour),
            "node": record.node,
            "generation": record.generation,
            "state": record.state,
            "tier": str(_tier(result, f"sc:{record.instance}")),
        }
    for item in running.values():
        item["function"] = catalogue[item["sc"]].function if item["sc"] in catalogue else None
    return running


def _node(name: str, known: Known, running: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    record, result = known.nodes.get(name), known.results.get(name)
    layers = {layer: _tier(result, layer) for layer in HOST_LAYERS}
    return {
        "enrolled": record is not None,
        "state": result.state if result else None,
        "attested_at": result.at if result else None,
        "tier": str(worst_tier(layers.values())),
        "layers": {layer: str(tier) for layer, tier in layers.items()},
        "cordoned": record.cordoned if record else False,
        "isolated": record.isolated if record else False,
        "host_keys": [fingerprint(key) for key in (record.recorded.get(RECORDED) or ())] if record else [],
        "instances": sorted(i for i, item in running.items() if item["node"] == name and item["state"] != "missing"),
    }


def _groups_of(node: Mapping[str, Any]) -> Iterable[str]:
    yield f"tier_{node['tier']}"
    yield from (flag for flag in ("cordoned", "isolated") if node[flag])
    if node["enrolled"]:
        yield "nodes"


def _tier(result: Attestation | None, layer: str) -> Tier:
    """Return a layer's tier; ``none`` where nothing new enough tells it."""
    submods = (result.ear or {}).get("submods") if result else None
    submod = submods.get(layer) if isinstance(submods, Mapping) else None
    told = submod.get("ear_status") if isinstance(submod, Mapping) else None
    return Tier(told) if told in list(Tier) else Tier.NONE


def _group(kind: str, name: str) -> str:
    return f"{PREFIX}{kind}_{name.replace('-', '_')}"


def _name(value: str) -> str:
    if not is_name(value):
        raise CatalogueError(f"the store's {printable(repr(value), 80)}", "is not a name.", RULE)
    return value


__all__ = ["NOTHING", "PREFIX", "Known", "View", "Wanted", "read_wanted", "view"]
