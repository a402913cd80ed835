# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the verifier notices in evidence that it can read.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One observation; what it means for trust is the appraisal's business.

    Attributes:
        code: stable name, registered in its stage's table of codes.
        message: one line for people; text of a node in it has passed :func:`~..codec.printable`.
        index: number of the log's entry, from 0, where one is at fault.
        pcr: number of the PCR, where one is at fault.
        path: path of the measured file, made printable, where one is at fault.
    """

    code: str
    message: str
    index: int | None = None
    pcr: int | None = None
    path: str | None = None


__all__ = ["Finding"]
