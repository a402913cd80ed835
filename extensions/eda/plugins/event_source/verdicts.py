# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Event source of Event-Driven Ansible: what changes in the verdicts, states and incidents of a site."""

from __future__ import annotations

DOCUMENTATION = r"""
---
author:
  - palantir.trust contributors (@palantir-h2020)
short_description: Events for changes of verdicts, of nodes' states, and of incidents
version_added: 0.1.0
description:
  - Follows the ledger of the store, and emits one event for each change of a layer's verdict, of a node's state, and of
    an incident.
  - It reads the store, and never writes to it. It asks no node.
  - At its first start nothing that is older is emitted, unless O(since) says so. With O(cursor_file) it goes on after a
    restart where it was.
  - While the store is away or locked it tries again, ever more slowly, and logs that once.
  - No event holds a text that a node could choose. An event becomes a variable of playbooks and jobs, and there it may
    be evaluated as a template.
requirements:
  - SQLAlchemy, and for PostgreSQL the driver of O(store), in the environment that ansible-rulebook runs in.
options:
  store:
    description:
      - SQLAlchemy URL of the store.
      - Defaults to the environment variable E(PALANTIR_TRUST_STORE), else to an SQLite file of the user's own,
        C(~/.local/share/palantir.trust/store.sqlite3). Where it holds a password, give it by the environment.
    type: str
  interval:
    description: Seconds between two looks at the store, 1 to 3600.
    type: float
    default: 5
  nodes:
    description: Names of the nodes whose changes are emitted; all where it is empty.
    type: list
    elements: str
    default: []
  since:
    description:
      - Emit what was recorded since this time, in seconds since 1970 or as C(2026-05-01T12:00:00Z).
      - Does not count where O(cursor_file) is there.
    type: str
  cursor_file:
    description:
      - File that keeps how far the ledger was told. It is made where it is not there.
      - After a crash the last event may be emitted again; its C(id) is the same.
      - Each event source needs one of its own. One that is in use is refused.
    type: path
"""

EXAMPLES = r"""
- name: Trust
  hosts: localhost
  sources:
    - palantir.trust.verdicts:
        interval: 5
        cursor_file: /var/lib/palantir.trust/events.json
  rules:
    - name: Trust was lost
      condition: event.kind == "verdict" and event.lost
      action:
        debug:
          msg: "{{ event.node }} {{ event.layer }}: {{ event.previous_tier }} is now {{ event.tier }}"
"""

import asyncio
import sys
from pathlib import Path
from typing import Any


def _make_importable() -> None:
    """Let Python find the collection: ansible-rulebook runs this file by its path, without Ansible's loader."""
    collections = Path(__file__).absolute().parents[6]
    sys.path.append(str(collections.parent))
    package = sys.modules.get("ansible_collections")
    if package is not None and package.__file__ is not None:
        # A package of this name is there already, that of the distribution "ansible": it does not look beside itself.
        package.__path__.append(str(collections))


try:
    from ansible_collections.palantir.trust.plugins.plugin_utils.events.source import follow
except ModuleNotFoundError as missing:
    if not str(missing.name).startswith("ansible_collections"):
        raise
    _make_importable()
    from ansible_collections.palantir.trust.plugins.plugin_utils.events.source import follow


async def main(queue: asyncio.Queue[Any], args: dict[str, Any]) -> None:
    """Emit events until cancelled.

    Args:
        queue: takes the events.
        args: the options that DOCUMENTATION tells of.
    """
    await follow(queue, args)


__all__ = ["main"]
