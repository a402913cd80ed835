#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: incident
short_description: Record what happens to an incident
version_added: 0.1.0
description:
  - Writes steps of remediation, containment and the handing over to a person into the store and its ledger.
  - Opening and closing are not here. Only attestation results open an incident, and only a new affirming one closes it;
    see M(palantir.trust.plan).
  - Runs on the controller; no node is contacted.
options:
  id:
    description: The incident.
    type: int
    required: true
  event:
    description:
      - V(step) notes O(outcome) of a O(step) of its plan.
      - V(contained) notes that it can do no more harm. The first time counts.
      - V(held) hands it to a person, with the O(reason).
    type: str
    required: true
    choices: [step, contained, held]
  at:
    description:
      - When it was V(contained), in seconds since the epoch; now where it is left out.
      - It counts as no earlier than the incident was detected, and no later than now.
    type: float
  step:
    description: The step, as the plan has it.
    type: dict
  outcome:
    description: How far the step came.
    type: str
    choices: [started, done, failed]
  reason:
    description: Why it failed or is held.
    type: str
    default: ""
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
- name: The compromised container no longer runs
  palantir.trust.incident:
    id: 4
    event: contained
"""

RETURN = r"""
incident:
  description: The incident after the event; times are seconds since the epoch.
  returned: success
  type: dict
  sample:
    attempt: 1
    contained_at: 1795409000.2
    detected_at: 1795408991.5
    id: 4
    layer: sc:dns-filter-1
    node: node1
    restored_at: null
    state: open
"""
