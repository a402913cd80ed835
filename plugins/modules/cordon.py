#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cordon
short_description: Cordon and uncordon nodes
version_added: 0.1.0
description:
  - A cordoned node is given no Security Capability until it is uncordoned. What runs there goes on running.
  - Runs on the controller; the node is not contacted.
options:
  node:
    description: Name of the node, which must be enrolled.
    type: str
    required: true
  state:
    description: Whether the node is to be cordoned.
    type: str
    choices: [cordoned, uncordoned]
    default: cordoned
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
- name: Give node1 nothing more to run
  palantir.trust.cordon:
    node: node1
"""

RETURN = r"""# """
