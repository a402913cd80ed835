# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many examples hypothesis tries: some of them in `make check`, all in `make test`, or more.

PALANTIR_TRUST_EXAMPLES is how many times as many as the tests say; `make test` sets 1.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from hypothesis import HealthCheck, settings

TIMES = float(os.environ.get("PALANTIR_TRUST_EXAMPLES", "0.3"))
"""How many times as many examples as a test names are tried."""


def tried(number: int) -> int:
    """Return how many are tried where a test names so many."""
    return max(1, round(number * TIMES))


def examples(number: int, *, deadline: int | None = None, suppressed: Sequence[HealthCheck] = ()) -> settings:
    """Return settings for so many examples, times what is asked for; the deadline of one is in milliseconds."""
    return settings(max_examples=tried(number), deadline=deadline, suppress_health_check=suppressed)


__all__ = ["TIMES", "examples", "tried"]
