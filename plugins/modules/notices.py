#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: notices
short_description: Take up what people are to be told of incidents
version_added: 0.1.0
description:
  - Returns what has come to pass and was not told yet, and notes in the ledger that it is told now.
  - Each event of an incident is returned once for each channel, whichever controller asks.
  - What was noted as O(failed) is returned again to a later run, for that channel.
options:
  channels:
    description: Names of the channels. One without a name, or with that of an earlier one, is named by its place.
    type: list
    elements: str
    default: []
  rules:
    description:
      - Directory of the site's decision tables. One with the hit policy C(COLLECT) and the output C(notify) says which
        channels are told what. Without such a table, all are told everything.
    type: path
  limits:
    description: Limits of the site, of which C(notify_every) and C(remind_every) count.
    type: dict
    default: {}
  failed:
    description: The key of a notice that could not be sent; nothing else is done then.
    type: str
  channel:
    description: Over what it could not be sent, for the record.
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
- name: See what is to be told
  palantir.trust.notices:
    channels: [operators, manager]
  register: told
"""

RETURN = r"""
notices:
  description: What is to be told now, and over which channels, by place and name.
  returned: success
  type: list
  elements: dict
  sample:
    - notice:
        key: 4/opened
        event: opened
        incident: 4
        node: edge1
        layer: os
        at: "2026-03-01T12:00:00+00:00"
        text: "edge1 os: incident 4 is open: unknown_executable."
      to:
        - index: 0
          name: operators
problem:
  description: Why the site's table of recipients cannot be asked, so that all are told everything; empty where it can.
  returned: success
  type: str
  sample: ""
"""
