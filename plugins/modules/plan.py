#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: plan
short_description: Decide on attestation results by the site's rule tables
version_added: 0.1.0
description:
  - Takes the newest result of each node, the open incidents and what runs where from the store, and decides by
    decision tables.
  - Opens an incident for each subject that is to be acted on, counts the attempt and leases it to this run.
    A subject that another controller holds is left out.
  - Closes the incidents whose subject a new result has found affirming.
  - Runs on the controller, once for all nodes. Nothing is carried out; see the role P(palantir.trust.remediate#role).
options:
  nodes:
    description: The nodes whose results count.
    type: list
    elements: str
    required: true
  since:
    description: Results before this time, in seconds since the epoch, do not count. A node without one has no verdict.
    type: float
    required: true
  rules:
    description: Directory of the decision tables. Without it, the tables that come with the collection.
    type: path
  catalogue:
    description: Directory of the catalogue of Security Capabilities.
    type: path
    required: true
  reference_values:
    description:
      - Directory of the Reference Values. With it, what the images of Security Capabilities are made of counts where a
        place or a flavour is chosen that shares little with what failed.
    type: path
  limits:
    description: Limits of the site, as docs/rules.md of the collection gives them.
    type: dict
    default: {}
  labels:
    description: Node to its labels, key to text; what is left out has none.
    type: dict
  maintenance:
    description: Node to whether its operators are at work on it; what is left out is not.
    type: dict
  act:
    description:
      - Whether the plan is to be carried out. Otherwise no incident is opened, counted or leased, no step is given, and
        the result only says how things stand.
    type: bool
    default: true
  dry_run:
    description: Whether only to show what would be done. The steps are returned, and nothing is written.
    type: bool
    default: false
extends_documentation_fragment:
  - palantir.trust.attributes
  - palantir.trust.store
attributes:
  check_mode:
    support: full
    details: It is a O(dry_run).
  diff_mode:
    support: none
author:
  - palantir.trust contributors (@palantir-h2020)
"""

EXAMPLES = r"""
- name: Decide on what the last minute brought
  palantir.trust.plan:
    nodes: "{{ groups['nodes'] }}"
    since: "{{ now().timestamp() - 60 }}"
    rules: rules
    catalogue: catalogue
  register: plan
"""

RETURN = r"""
steps:
  description: What to do, in order. Where a step fails, the later ones of its incident are not to be done.
  returned: success
  type: list
  elements: dict
decisions:
  description: For each subject, the inputs, the rules that fired, and why others did not.
  returned: success
  type: list
  elements: dict
unresolved:
  description: A line for each subject that is not over, because its incident is open, or it is held or deferred.
  returned: success
  type: list
  elements: str
verdicts:
  description: How many of the nodes are how, as P(palantir.trust.verdict_counts#filter) gives it.
  returned: success
  type: dict
incidents:
  description: How many incidents are C(open) and C(held), and their numbers, C(ids), 100 at most.
  returned: success
  type: dict
left_out:
  description:
    - By key, how many entries at the end of which list are left out, where the result would be too long to be
      kept by AWX. The steps are always all there; the store has the whole plan.
  returned: where something is left out
  type: dict
table:
  description: The steps as a table for a terminal; empty where there are none.
  returned: success
  type: str
"""
