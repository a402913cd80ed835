# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may be believed of an instance that a platform runs: nothing.

Its host sends us no quote, and what the platform's API tells of it is the word of that platform. The measurements of a
node that is enrolled and serves a cluster say something of that node; they are attributed to no instance, since its
kubelet, and not we, gives the pods their users. So there is one verdict, and it is never better.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class PlatformVerdict:
    """The trust tier of an instance that nobody attests, with the reason for people."""

    tier: str
    reason: str

    def plain(self) -> dict[str, Any]:
        """Return the JSON-safe form."""
        return asdict(self)


def verdict(instance: str, platform: str, driver: str) -> PlatformVerdict:
    """Return what is said of every instance on a platform, whatever the platform tells."""
    return PlatformVerdict(
        "none",
        f"{instance} runs on {platform} by {driver}: no host there proves its integrity to this site, so nothing that "
        "is measured or told of it counts as attested.",
    )


__all__ = ["PlatformVerdict", "verdict"]
