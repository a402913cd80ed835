#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: known_hosts
short_description: Write known_hosts with the keys that nodes' TPMs have proved
version_added: 0.1.0
description:
  - Writes a file of SSH host keys, as enrolment recorded them, so that ssh can check strictly whom it talks to.
  - A node stands in it by its name, and by its address and O(aliases) at its port, as Ansible's variables have them.
    Keys that a node had once, and has no more, are marked as revoked.
  - The file is replaced whole; what else was in it is gone. Runs on the controller; no node is contacted.
options:
  dest:
    description: The file on the controller.
    type: path
    required: true
  nodes:
    description: Names of nodes. By default, all hosts of the inventory that are enrolled.
    type: list
    elements: str
  aliases:
    description: Further names and addresses of nodes, by node, each a list.
    type: dict
    default: {}
extends_documentation_fragment:
  - palantir.trust.attributes
  - palantir.trust.store
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
seealso:
  - module: palantir.trust.enrol
author:
  - palantir.trust contributors (@palantir-h2020)
"""

EXAMPLES = r"""
- name: Know the nodes by what their TPMs have proved
  palantir.trust.known_hosts:
    dest: "{{ inventory_dir }}/known_hosts"
"""

RETURN = r"""
dest:
  description: The file.
  returned: success
  type: str
nodes:
  description: The nodes that stand in it.
  returned: success
  type: list
  elements: str
missing:
  description: Nodes without a host key on record. Strict ssh refuses to talk to them.
  returned: success
  type: list
  elements: str
"""
