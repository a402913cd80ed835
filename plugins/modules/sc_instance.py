#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: sc_instance
short_description: Instantiate, preserve and terminate instances of Security Capabilities
version_added: 0.1.0
description:
  - Each new generation of an instance gets a user-namespace range of its own on its node.
  - IMA logs an entry once in a boot, so a range is never used again before the node has rebooted.
  - The store keeps which generations are live, with the digests of their configuration.
  - The node's part is done by the module of the driver, in one round trip.
  - In check mode no node is contacted; what would change is foreseen from the store.
options:
  state:
    description:
      - V(instantiated) runs a new generation where none lives on the node, or always with O(replace), and waits until
        it answers its probe.
      - V(preserved) freezes the instance and brings to O(dest) what shows how it was changed.
      - V(terminated) removes it and retires its generations on the node.
    type: str
    required: true
    choices: [instantiated, preserved, terminated]
  instance:
    description: Name of the instance.
    type: str
    required: true
  node:
    description: Name of the node in the store; the inventory's name of the host by default. For delegated tasks.
    type: str
  sc:
    description: What runs, as lookup P(palantir.trust.sc#lookup) returns it; needed for V(instantiated).
    type: dict
  replace:
    description: Replace a generation that lives.
    type: bool
    default: false
  driver:
    description: What the instance runs in. Its node knows better, and removes whatever runs as this instance.
    type: str
    choices: [nspawn, podman, systemd]
    default: podman
  directory:
    description: Where configuration is kept on the node.
    type: path
    default: /var/lib/palantir.trust
  dest:
    description: Directory on the controller that takes the evidence; needed for V(preserved).
    type: path
extends_documentation_fragment:
  - palantir.trust.attributes
  - palantir.trust.store
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
author:
  - palantir.trust contributors (@palantir-h2020)
"""

EXAMPLES = r"""
- name: Run the DNS filter
  palantir.trust.sc_instance:
    state: instantiated
    instance: dns-filter-1
    sc: "{{ lookup('palantir.trust.sc', 'dns-filter', catalogue='catalogue', reference_values='reference_values') }}"
"""

RETURN = r"""
generation:
  description: The generation that lives.
  returned: O(state=instantiated), but not for a generation that check mode foresees
  type: dict
  sample:
    container: 3f2a1b0c9d8e7f60514233241506f7e8d9cabb1c2d3e4f5061728394a5b6c7d8
    flavour: podman
    generation: 3
    id: 7
    instance: dns-filter-1
    node: node1
    sc: dns-filter
    state: live
    uid_base: 1000144896
    uid_count: 65536
frozen:
  description: Whether processes were running, and were frozen.
  returned: O(state=preserved)
  type: bool
frozen_at:
  description:
    - When they stood still, in seconds since the epoch, by the controller's clock.
    - Null where they did already, where none were running, and where it is only known that they do by now.
  returned: O(state=preserved)
  type: float
  sample: 1795409000.2
preserved:
  description: Digests of the files in O(dest), by name.
  returned: O(state=preserved)
  type: dict
"""
