# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors of the sanity run: each names what failed, why, and what to do next."""

from __future__ import annotations


class SanityError(Exception):
    """Sanity could not be run, or found something; its message is complete for a person at a terminal."""


__all__ = ["SanityError"]
