# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every parser that reads what a node, a server or a stranger wrote: one target each."""

from __future__ import annotations

from typing import Final

from tests.fuzz.entry import admission, boot, evidence, ima, site, tpm
from tests.fuzz.examine import Target

TARGETS: Final = {
    target.name: target
    for target in (*boot.TARGETS, *ima.TARGETS, *tpm.TARGETS, *evidence.TARGETS, *site.TARGETS, *admission.TARGETS)
}
"""Name → target, in the order in which they are run."""

__all__ = ["TARGETS", "Target"]
