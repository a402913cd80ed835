# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One CPU for the whole run, and what the figures were measured on."""

from __future__ import annotations

import os
import platform
import ssl
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path


def pin() -> int:
    """Keep this process, and those that it starts, on one CPU; return its number."""
    cpu = max(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cpu})
    return cpu


def describe() -> str:
    """Return one sentence on the machine, now."""
    return (
        f"Measured on {datetime.now(UTC):%Y-%m-%d}, on one of {os.cpu_count()} CPUs ({_model()}), with Python "
        f"{platform.python_version()}, {' '.join(ssl.OPENSSL_VERSION.split()[:2])} and cryptography "
        f"{version('cryptography')}; load average {os.getloadavg()[0]:.1f}."
    )


def _model() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


__all__ = ["describe", "pin"]
