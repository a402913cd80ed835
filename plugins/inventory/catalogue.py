# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Show nodes, Security Capabilities and their instances as groups and variables."""

from __future__ import annotations

DOCUMENTATION = r"""
name: catalogue
short_description: Show nodes, Security Capabilities and their instances as groups and variables
version_added: 0.1.0
description:
  - Puts the hosts of the inventory into groups by what the store knows of them, and by what runs on them.
  - Of nodes it shows those that another source of the inventory has, which must come before it.
  - >-
    The groups are V(trust_nodes) (enrolled nodes), V(trust_tier_TIER) (nodes by the tier of their host, TIER one of
    V(affirming), V(none), V(warning) and V(contraindicated)), V(trust_cordoned), V(trust_isolated), V(trust_missing)
    (nodes that lack an instance), V(trust_function_FUNCTION), below it V(trust_sc_SC), and below that
    V(trust_instance_INSTANCE). Hyphens of names become underscores.
  - A node whose newest result is older than O(max_age), or that gave none, is in V(trust_tier_none). Ask for
    V(trust_tier_affirming) rather than for all but the others.
  - >-
    Each of these nodes gets the variable C(palantir_trust_node), with C(enrolled), C(state) and C(attested_at) of the
    newest result, C(tier), C(layers), C(cordoned), C(isolated), C(host_keys) (fingerprints on record) and
    C(instances).
  - >-
    All hosts get C(palantir_trust_scs), the descriptor of each Security Capability, and C(palantir_trust_running), for
    each instance C(sc), C(function), C(flavour), C(node), C(generation), C(state) (V(live), V(stopped), V(allocated) or
    V(missing)) and C(tier). No text of these is evaluated as a template.
options:
  plugin:
    description: The name of this plugin, V(palantir.trust.catalogue).
    type: str
    required: true
    choices: [palantir.trust.catalogue]
  catalogue:
    description: Directory of the catalogue, absolute or relative to the directory of the file.
    type: str
    default: catalogue
  instances:
    description:
      - The instances that should run, each with C(instance), C(sc) and C(node).
      - By default C(palantir_trust_instances) of the group V(all), in C(group_vars) beside the file or in a source
        before it.
    type: list
    elements: dict
  use_store:
    description: Whether to read the store. Without it, instances are shown as missing, and no tier is known.
    type: bool
    default: true
  max_age:
    description: Seconds for which a result counts.
    type: int
    default: 3600
extends_documentation_fragment:
  - palantir.trust.store
author:
  - palantir.trust contributors (@palantir-h2020)
"""

EXAMPLES = r"""
# inventories/mysite/palantir_trust.yml, used after hosts.yml:
#   ansible-inventory -i inventories/mysite/hosts.yml -i inventories/mysite/palantir_trust.yml --graph
plugin: palantir.trust.catalogue
catalogue: catalogue
max_age: 900
"""

import time
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleParserError
from ansible.plugins.inventory import BaseInventoryPlugin
from ansible.vars.plugins import get_vars_from_inventory_sources

from ansible_collections.palantir.trust.plugins.plugin_utils.admission.admitted import load_catalogue
from ansible_collections.palantir.trust.plugins.plugin_utils.catalogue import visible
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import TrustError
from ansible_collections.palantir.trust.plugins.plugin_utils.store import attestations, identities, instances
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store, default_url

VARIABLE = "palantir_trust_instances"


class InventoryModule(BaseInventoryPlugin):  # type: ignore[misc]
    """Inventory C(palantir.trust.catalogue)."""

    NAME = "palantir.trust.catalogue"

    def verify_file(self, path: str) -> bool:
        """Accept files that are named for this plugin."""
        named = path.endswith(("palantir_trust.yml", "palantir_trust.yaml"))
        return named and bool(super().verify_file(path))

    def parse(self, inventory: Any, loader: Any, path: str, cache: bool = True) -> None:
        """Put the hosts into groups and set variables."""
        super().parse(inventory, loader, path, cache)
        self._read_config_data(path)
        try:
            catalogue = load_catalogue(Path(path).parent / self.get_option("catalogue"))
            wanted = visible.read_wanted(self._instances(path), catalogue, VARIABLE)
            known = self._known(inventory.hosts)
            self._show(visible.view(catalogue, wanted, known, inventory.hosts))
        except TrustError as error:
            raise AnsibleParserError(str(error)) from None

    def _instances(self, path: str) -> Any:
        given = self.get_option("instances")
        if given is not None:
            return given
        everyone = self.inventory.groups["all"]
        sources = [*getattr(self.inventory, "processed_sources", []), path]
        beside = get_vars_from_inventory_sources(self.loader, sources, [everyone], "all")
        return {**everyone.get_vars(), **beside}.get(VARIABLE)

    def _known(self, hosts: Any) -> visible.Known:
        if not self.get_option("use_store"):
            return visible.NOTHING
        store = Store(self.get_option("store") or default_url(), read_only=True)
        try:
            with store.transaction() as connection:
                return visible.Known(
                    identities.every(connection, hosts),
                    attestations.latest(connection, hosts, time.time() - self.get_option("max_age")),
                    instances.standing(connection),
                )
        finally:
            store.close()

    def _show(self, view: visible.View) -> None:
        for group, nodes in view.groups.items():
            self.inventory.add_group(group)
            for node in nodes:
                self.inventory.add_child(group, node)
        for group, below in view.children.items():
            self.inventory.add_group(group)
            for child in below:
                self.inventory.add_child(group, child)
        for node, told in view.nodes.items():
            self.inventory.set_variable(node, "palantir_trust_node", told)
        self.inventory.set_variable("all", "palantir_trust_scs", view.scs)
        self.inventory.set_variable("all", "palantir_trust_running", view.running)
