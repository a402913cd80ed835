# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keylime's appraisal of a measurement list, in Keylime's own environment; :mod:`.peer` talks to it.

For each line on its input, ``{"list": path, "policy": path, "pcr": hex}``, it appraises once and answers with the
seconds that it took. The list and the policy of a path are read and kept ahead of the time that is measured.
"""

from __future__ import annotations

import importlib
import json
import logging
import sys
import time
import types
from functools import lru_cache
from pathlib import Path
from typing import Any

logging.basicConfig(level=logging.WARNING)  # a log line for each entry would be Keylime's loss
sys.modules["gpg"] = types.ModuleType("gpg")  # it is for signed policies, and comes with the distribution only

ima = importlib.import_module("keylime.ima.ima")
states = importlib.import_module("keylime.agentstates")
sha256 = importlib.import_module("keylime.common.algorithms").Hash.SHA256


@lru_cache(maxsize=2)
def policy(path: str) -> dict[str, Any]:
    """Return a runtime policy with the digests that a file holds, path → digests."""
    empty: dict[str, Any] = ima.empty_policy()
    return {**empty, "digests": json.loads(Path(path).read_bytes())}


@lru_cache(maxsize=4)
def measurement_list(path: str) -> str:
    """Return an ASCII list, as the agent sends it."""
    return Path(path).read_text(encoding="utf-8")


def appraise(text: str, rules: dict[str, Any], pcr: str) -> dict[str, float]:
    """Appraise one list, as the verifier does for a node that it sees for the first time.

    Raises:
        RuntimeError: Keylime finds fault with the list.
    """
    wall, cpu = time.perf_counter(), time.process_time()
    state = states.AgentAttestState("bench")
    state.tpm_state.init_pcr(10, sha256)
    value, failure = ima.process_measurement_list(state, text.split("\n"), rules, pcrval=pcr, hash_alg=sha256)
    took = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
    if failure or value != pcr:
        raise RuntimeError(f"Keylime refuses the list: {[event.event_id for event in failure.events][:3]}")
    return took


def main() -> None:
    """Answer until the input ends."""
    for line in sys.stdin:
        asked = json.loads(line)
        took = appraise(measurement_list(asked["list"]), policy(asked["policy"]), asked["pcr"])
        print(json.dumps(took), flush=True)


if __name__ == "__main__":
    main()
