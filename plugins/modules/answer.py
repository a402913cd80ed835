#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: answer
short_description: Answer what an incident asks of a person
version_added: 0.1.0
description:
  - A rule may ask persons before it acts. This is how they approve or refuse; the next cycle goes by it.
  - An incident that is held is a person's. Once its cause is mended, it can be given back to the tables.
  - Runs on the controller; no node is contacted. What was answered, by whom, stands in the ledger.
options:
  incident:
    description: The incident.
    type: int
    required: true
  answer:
    description:
      - V(approve) and V(refuse) answer the newest request of the incident. A later answer of the same person replaces
        an earlier one.
      - V(reopen) gives a held incident back to the tables, which begin with its first attempt.
    type: str
    required: true
    choices: [approve, refuse, reopen]
  person:
    description:
      - Who answers. By default the user who launched the job in AWX (C(awx_user_name)), else the user of the
        controller's system. The controller is trusted with it.
    type: str
  reason:
    description: Why, for the record.
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
- name: Approve what incident 4 waits for
  palantir.trust.answer:
    incident: 4
    answer: approve
    reason: The customer agreed to the reboot by telephone
"""

RETURN = r"""
person:
  description: Who answered.
  returned: success
  type: str
request:
  description: The request and all answers to it.
  returned: O(answer=approve) or O(answer=refuse)
  type: dict
  sample:
    approved: [alice]
    asked_at: 1795409000.2
    attempt: 0
    incident: 4
    need: 2
    of: [alice, bob, carol]
    refused: []
    rule: host-reboot
    verb: reboot
incident:
  description: The incident; times are seconds since the epoch.
  returned: success
  type: dict
"""
