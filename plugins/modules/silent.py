#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: silent
short_description: Require that a node does not answer
version_added: 0.1.0
description:
  - Asks the node over a new connection until it gives no answer, and fails where it goes on answering.
  - It is how a fence is confirmed. What powers a node may be wrong about it, or belong to another one.
options:
  node:
    description: Name of the node, for messages; the inventory's name of the host by default. For delegated tasks.
    type: str
  timeout:
    description: Seconds for which it may go on answering.
    type: int
    default: 30
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
- name: Require that the node is off
  palantir.trust.silent:
"""

RETURN = r"""# Nothing but whether it was so."""
