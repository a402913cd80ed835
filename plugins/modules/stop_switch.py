#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: stop_switch
short_description: Stop all remediation of a site, or let it go on
version_added: 0.1.0
description:
  - While the switch is set, no controller that uses this store begins anything that takes something away. Nodes are
    attested, verdicts are recorded, incidents are told of as before.
  - A step that has begun is brought to its end.
  - Runs on the controller; no node is contacted.
options:
  state:
    description: Whether remediation is to be stopped or to go on.
    type: str
    required: true
    choices: [stopped, released]
  person:
    description: Who asks for it, by default as in M(palantir.trust.answer).
    type: str
  reason:
    description: Why, shown with everything that waits for it.
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
- name: Touch nothing while the auditors are here
  palantir.trust.stop_switch:
    state: stopped
    reason: Audit until Friday
"""

RETURN = r"""
stopped:
  description: Who stopped remediation (C(by)), when (C(at), seconds since the epoch) and why (C(reason)), or null.
  returned: success
  type: dict
"""
