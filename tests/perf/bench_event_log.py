# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A UEFI event log of 100 to 200 events: read, verified, replayed, its claims derived and its findings told."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.log import parse_event_log
from tests.perf.result import Result
from tests.perf.timing import repeated, typical

ROOT: Final = Path(__file__).resolve().parents[2]
VECTOR: Final = Path("vectors/go-tpm-tools/eventlogs/gdc-host.bin")
FIXTURE: Final = ROOT / "tests/unit/appraisal/lab_guest/binary_bios_measurements"
ROUNDS: Final = 15
REPEATS: Final = 50


def run() -> list[Result]:
    """Measure a server's log where the shared vectors are at hand, else that of the lab's guest."""
    shared = Path(os.environ.get("PALANTIR_TRUST_SHARED", ROOT.parent / "shared")) / VECTOR
    log = shared if shared.is_file() else FIXTURE
    blob = log.read_bytes()
    count = len(parse_event_log(blob).events)
    took = typical(tuple(repeated(lambda: parse_event_log(blob), REPEATS) for _ in range(ROUNDS)))
    return [Result("event_log", f"event log of {count} events ({log.name})", "ms", took.cpu * 1e3, 3, "most")]


__all__ = ["run"]
