#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: instance
short_description: Register generations of Security Capability instances
version_added: 0.1.0
description:
  - Gives each new generation of an instance a user-namespace range of its own on a node.
  - Keeps in the store which generations are live.
  - IMA logs an entry once in a boot, so a range is never used again before the node has rebooted.
  - Runs on the controller; the node is not contacted.
options:
  state:
    description:
      - V(allocated) registers the next generation and takes a fresh range for it.
      - V(live) and V(retired) move the generation with that O(id) on; a retired one never comes back.
    type: str
    required: true
    choices: [allocated, live, retired]
  id:
    description: Which generation to move on, as returned by V(allocated).
    type: int
  instance:
    description: Name of the instance.
    type: str
  sc:
    description: Name of the Security Capability.
    type: str
  flavour:
    description: Deployment flavour.
    type: str
  node:
    description: Node that it is to run on, which must be enrolled.
    type: str
  files:
    description: Digests (C(sha256:hex)) of the rendered configuration by path inside the instance.
    type: dict
    default: {}
extends_documentation_fragment:
  - palantir.trust.store
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying target.
    support: none
  diff_mode:
    description: Returns details on what has changed when in diff mode.
    support: none
author:
  - palantir.trust contributors (@palantir-h2020)
"""

EXAMPLES = r"""
- name: Take a fresh range
  palantir.trust.instance:
    state: allocated
    instance: dns-filter-1
    sc: dns-filter
    flavour: podman
    node: node1
  register: taken

- name: It runs
  palantir.trust.instance:
    state: live
    id: "{{ taken.generation.id }}"
"""

RETURN = r"""
generation:
  description: The new generation.
  returned: O(state=allocated)
  type: dict
  sample:
    flavour: podman
    generation: 3
    id: 7
    instance: dns-filter-1
    node: node1
    sc: dns-filter
    state: allocated
    uid_base: 1000144896
    uid_count: 65536
"""
