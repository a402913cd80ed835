# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many examples hypothesis tries: as many as `make check` has time for, or, when asked, twenty times as many.

Set PALANTIR_TRUST_THOROUGH=1 to ask.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from hypothesis import HealthCheck, settings

TIMES = 20 if os.environ.get("PALANTIR_TRUST_THOROUGH") == "1" else 1


def examples(number: int, *, deadline: int | None = None, suppressed: Sequence[HealthCheck] = ()) -> settings:
    """Return settings for a number of examples that suits `make check`; the deadline of one is in milliseconds."""
    return settings(max_examples=number * TIMES, deadline=deadline, suppress_health_check=suppressed)


__all__ = ["TIMES", "examples"]
