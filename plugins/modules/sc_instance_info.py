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
options: {}
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
"""

RETURN = r"""
instances:
  description: The generations, each with its C(state), V(live) or V(stopped).
  returned: success
  type: list
  elements: dict
"""
