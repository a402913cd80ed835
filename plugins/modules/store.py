#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: store
short_description: Check, prune, back up or restore the store
version_added: 0.1.0
description:
  - Looks after the database that holds what the collection learns, while controllers go on working with it.
  - Runs on the controller; no node is contacted.
options:
  operation:
    description:
      - V(check) reads the file, the references between its rows, its versions and the chain of the ledger, and fails
        where something is wrong.
      - V(prune) removes what is older than O(retention), in small transactions.
      - V(backup) writes a copy as it is at one moment to O(file), whole or not at all, readable by its owner alone. It
        is an SQLite file, whatever the store is.
      - V(restore) fills a store that is new from such a copy.
    type: str
    required: true
    choices: [check, prune, backup, restore]
  retention:
    description:
      - For how long what is kept, as V(90s), V(30m), V(12h), V(7d) or V(never). Kinds are C(challenges) (V(1h)),
        C(evidence) (V(90d)), C(attestations) (V(365d)), C(incidents) (V(1095d)) and C(ledger) (V(never)).
      - What appraisal and open incidents need is kept whatever this says.
    type: dict
    default: {}
  seconds:
    description: For how long V(prune) may work. What is left then, the next call goes on with.
    type: float
    default: 60
  file:
    description: Path of the backup. Needed for V(backup) and V(restore).
    type: path
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
- name: Keep raw evidence for a month
  palantir.trust.store:
    operation: prune
    retention:
      evidence: 30d

- name: Back the store up
  palantir.trust.store:
    operation: backup
    file: /var/backups/palantir.trust.sqlite3
"""

RETURN = r"""
health:
  description:
    - Of V(check), name of the C(store), its schema C(version), its C(bytes), the C(rows) of each table, the
      C(ledger_entries), and what is wrong (C(problems)).
  returned: with O(operation=check)
  type: dict
pruned:
  description: How many rows of each kind were removed.
  returned: with O(operation=prune)
  type: dict
file:
  description: Path of the backup.
  returned: with O(operation=backup) and O(operation=restore)
  type: str
bytes:
  description: Size of the backup.
  returned: with O(operation=backup)
  type: int
"""
