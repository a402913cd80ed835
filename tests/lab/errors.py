# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors of the test lab: each names what failed, why, and what to do next."""

from __future__ import annotations


class LabError(Exception):
    """A step of the lab that failed; its message is complete for a person at a terminal."""


class DeadlineError(LabError):
    """Something that was waited for did not come in time."""


__all__ = ["DeadlineError", "LabError"]
