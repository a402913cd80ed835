#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: incident_info
short_description: Tell which incidents there are
version_added: 0.1.0
description:
  - Reads the incidents from the store, and checks the chain of its ledger from the first entry to the last.
  - Runs on the controller; no node is contacted.
options:
  since:
    description: Incidents detected from this time on, in seconds since the epoch. Open ones are always told.
    type: float
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
- name: See what happened
  palantir.trust.incident_info:
  register: happened
"""

RETURN = r"""
incidents:
  description: The incidents; times are seconds since the epoch.
  returned: success
  type: list
  elements: dict
holds:
  description:
    - What the newest plan held back, each with its subject, C(kind), C(reason) and C(message), the C(verb) and C(rule)
      that were due, if any, C(since) when, C(until) when if a time ends it, and what C(ends) it.
    - Times are seconds since the epoch.
  returned: success
  type: list
  elements: dict
left_out:
  description: By key, how many entries at the end of which list are left out, where the result would be too long.
  returned: where something is left out
  type: dict
ledger_entries:
  description: How many entries the ledger has, all of which follow from the one before.
  returned: success
  type: int
table:
  description: The incidents as a table for a terminal.
  returned: success
  type: str
"""
