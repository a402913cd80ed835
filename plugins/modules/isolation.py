#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: isolation
short_description: Cut a node or an instance of a Security Capability off from the network, and give it back
version_added: 0.1.0
description:
  - An isolated node exchanges nothing with anybody, but for SSH with the address from which the task came.
  - A node's rules are first on trial. The connection is closed and opened anew; only where that succeeds do they stay.
    Where the controller cannot come back, the kernel lets everything pass again after O(trial) seconds.
  - An isolated instance sends nothing, also not within its node, and nothing is sent to its ports.
  - It lasts until it is released or the node reboots; that of an instance also ends with its generation.
  - A node notes in the store that it is isolated.
  - It needs nftables on the node. An intruder with root there can undo it; switch off the port of a node that has one.
options:
  state:
    description: Whether it is to be cut off, or given back.
    type: str
    choices: [isolated, released]
    default: isolated
  node:
    description: Name of the node in the store; the inventory's name of the host by default. For delegated tasks.
    type: str
  instance:
    description: Name of an instance on the node; without it the node itself is meant.
    type: str
  ports:
    description: TCP and UDP ports at which the instance serves.
    type: list
    elements: int
    default: []
  allow:
    description:
      - Further IP addresses and networks that may reach an isolated node by SSH, such as other controllers of the site.
    type: list
    elements: str
    default: []
  trial:
    description: Seconds for which a node's rules are on trial.
    type: int
    default: 60
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
- name: Let nobody but the controllers reach the node
  palantir.trust.isolation:
    allow: [192.0.2.0/28]

- name: Give it back
  palantir.trust.isolation:
    state: released
"""

RETURN = r"""
peers:
  description: From where an isolated node stays reachable, as the node says.
  returned: O(state=isolated) of a node
  type: list
  elements: str
"""
