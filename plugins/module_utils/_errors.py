# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one error of the code that runs on a node: a module translates it to ``fail_json`` once, at its edge.

This module is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations


class NodeError(Exception):
    """What keeps a node from giving evidence or an identity.

    Args:
        code: stable name of the cause, for programs (``no_tpm``, ``ak_missing``, ...).
        cause: what is wrong, as a sentence.
        next_step: what to check or do next, as a sentence.
    """

    def __init__(self, code: str, cause: str, next_step: str) -> None:
        self.code = code
        self.cause = cause
        self.next_step = next_step
        super().__init__("%s Next: %s" % (cause, next_step))

    def result(self) -> dict[str, str]:
        """Return the arguments of ``fail_json``."""
        return {"msg": str(self), "code": self.code}


__all__ = ["NodeError"]
