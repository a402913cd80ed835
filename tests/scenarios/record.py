# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the store recorded of a node at enrolment, changed as by somebody who can write to it."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable

from sqlalchemy import select, update

from ansible_collections.palantir.trust.plugins.plugin_utils.store.schema import nodes
from tests.scenarios.site import Site


def change_serial(site: Site, node: str) -> float:
    """Change the serial number of a node's recorded hardware; return when it was done."""
    return _serial(site, node, lambda serial: serial + "-changed")


def restore_serial(site: Site, node: str) -> float:
    """Undo :func:`change_serial`; return when it was done."""
    return _serial(site, node, lambda serial: serial.removesuffix("-changed"))


def _serial(site: Site, node: str, change: Callable[[str], str]) -> float:
    with site.transaction() as connection:
        recorded = connection.execute(select(nodes.c.recorded).where(nodes.c.name == node)).scalar_one()
        changed = copy.deepcopy(recorded)
        changed["hardware"]["dmi"]["product_serial"] = change(recorded["hardware"]["dmi"]["product_serial"])
        connection.execute(update(nodes).where(nodes.c.name == node).values(recorded=changed))
    return time.time()


__all__ = ["change_serial", "restore_serial"]
