#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: reboot
short_description: Reboot a node and wait until it is back
version_added: 0.1.0
description:
  - Asks the node to reboot, and waits until it answers from another boot.
  - Unlike M(ansible.builtin.reboot) it runs no Python on the node, asks every second, and fails instead of leaving the
    play when the node cannot be reached.
  - A node that was isolated is not after its reboot, and the store notes so.
  - That the node says it has rebooted proves nothing. Attest it afterwards.
options:
  node:
    description: Name of the node, for messages; the inventory's name of the host by default. For delegated tasks.
    type: str
  timeout:
    description: Seconds that it may take to come back.
    type: int
    default: 300
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
- name: Reboot
  palantir.trust.reboot:
"""

RETURN = r"""
boot_id:
  description: The boot that the node says it is in.
  returned: success, not in check mode
  type: str
elapsed:
  description: Seconds that it took.
  returned: success, not in check mode
  type: float
"""
