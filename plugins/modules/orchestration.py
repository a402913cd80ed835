#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: orchestration
short_description: Foresee a verb of the Security Orchestrator
version_added: 0.1.0
description:
  - Says what a verb means here and now, by what the store knows - which instances, on which nodes, in which flavours.
  - A node that is not named is chosen by the placement of the Security Capability.
  - One that is not affirming is refused, whether it is named or not.
  - Runs on the controller. Nothing is carried out; see the role P(palantir.trust.orchestrate#role).
options:
  verb:
    description: The verb, as docs/orchestrator.md of the collection describes them.
    type: str
    required: true
    choices: [instantiate, configure, health, start, stop, heal, change_flavour, migrate, scale, terminate]
  instance:
    description: Name of the instance; needed but for V(scale).
    type: str
  sc:
    description:
      - Name of the Security Capability, for V(instantiate) and V(scale).
      - By default what is before the last hyphen of O(instance).
    type: str
  flavour:
    description: The flavour. By default the one that runs, for V(change_flavour) the next one, else the first.
    type: str
  node:
    description: The node where it is to run, for V(instantiate) and V(migrate).
    type: str
  count:
    description: How many instances there are to be; needed for V(scale).
    type: int
  nodes:
    description: The nodes to choose from.
    type: list
    elements: str
    required: true
  max_age:
    description: Seconds after which an attestation result says no more that a node is affirming.
    type: float
    default: 900.0
  catalogue:
    description: Directory of the catalogue of Security Capabilities.
    type: path
    required: true
  labels:
    description: Node to its labels, key to text; what is left out has none.
    type: dict
    default: {}
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
- name: See where an instance would go
  palantir.trust.orchestration:
    verb: migrate
    instance: dns-filter-1
    nodes: "{{ groups['nodes'] }}"
    catalogue: catalogue
  register: migration
"""

RETURN = r"""
steps:
  description:
    - What to do, in order, each with C(action), C(instance), C(sc), C(flavour), C(node), C(target) and C(note).
    - With C(generation), the record of what runs; null where nothing does.
  returned: success
  type: list
  elements: dict
lines:
  description: The same for people; empty where it is so already.
  returned: success
  type: list
  elements: str
"""
