#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: sc_instance_info
short_description: Tell which Security Capability instances are deployed, and where
version_added: 0.1.0
description:
  - Reads from the store the generations of all instances that are live, or were stopped by an operator.
  - Runs on the controller; no node is contacted.
options:
  instances:
    description: Names of the instances that are asked for. All of them where this is not given.
    type: list
    elements: str
  after:
    description: Only generations with a greater C(id), to go on after the last one of a result that was too long.
    type: int
    default: 0
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
- name: See what runs
  palantir.trust.sc_instance_info:
  register: running

- name: See where two of them run
  palantir.trust.sc_instance_info:
    instances: [dns-filter-1, dns-filter-2]
  register: filters
"""

RETURN = r"""
instances:
  description:
    - The generations, the oldest first, each with its C(id), C(instance), C(sc), C(flavour), C(node), C(generation),
      its C(state), V(live) or V(stopped), and others of the store's columns.
    - Of the C(files), each has the digest of what was rendered last.
  returned: success
  type: list
  elements: dict
left_out:
  description:
    - Under C(instances), how many generations at the end of the list are left out, where the result would be too long
      for AWX, as it is with more than about 1,200 of them. Ask for the rest with O(after).
  returned: where something is left out
  type: dict
  sample: {instances: 512}
"""
