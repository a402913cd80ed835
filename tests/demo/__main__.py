# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""``make demo``: a real attack is found and undone. Exit status 0 only if every act went as it must."""

from __future__ import annotations

import json
import signal
import sys
import time
from dataclasses import asdict
from datetime import UTC, datetime
from typing import NoReturn

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import TrustError
from ansible_collections.palantir.trust.plugins.plugin_utils.report.table import table
from tests.demo.story import ACTS, Outcome
from tests.lab.errors import LabError
from tests.lab.lab import Lab
from tests.scenarios.site import ScenarioError, Site, tiers


def _say(text: str) -> None:
    print(f"\n=== {text}", flush=True)


def _play(site: Site, lab: Lab) -> list[Outcome]:
    _say("Lab: two guests with UEFI Secure Boot, a TPM each, and IMA")
    lab.down(now=True)
    lab.reset(["node1", "node2"], tpm=True)
    lab.up()
    outcomes = []
    for title, act in ACTS.items():
        _say(title)
        outcome = act(site, lab)
        if outcome is not None:
            outcomes.append(outcome)
    return outcomes


def _report(site: Site, outcomes: list[Outcome]) -> None:
    verdicts = [
        {
            "at": datetime.fromtimestamp(result.at, UTC).isoformat(timespec="milliseconds"),
            "node": result.node,
            "state": result.state,
            "layers": dict(tiers(result)),
        }
        for result in site.history()
    ]
    path = site.directory / "report.json"
    path.write_text(json.dumps({"incidents": [asdict(o) for o in outcomes], "verdicts": verdicts}, indent=1) + "\n")
    _say("Seconds from the tampering on")
    head = ("INCIDENT", "NODE", "LAYER", "DETECTED", "CONTAINED", "RESTORED")
    print(table(head, [(o.name, o.node, o.layer, o.detected_s, o.contained_s, o.restored_s) for o in outcomes], 80))
    print(f"\nReport: {path}")


def _terminated(_signal: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt


def main() -> int:
    """Run the demo; lab processes are stopped on success, failure and Ctrl-C."""
    signal.signal(signal.SIGTERM, _terminated)
    signal.signal(signal.SIGHUP, _terminated)
    begun, site, lab = time.monotonic(), Site.fresh("demo"), Lab.default()
    status = 1
    try:
        outcomes = _play(site, lab)
        _report(site, outcomes)
        status = 0
    except (ScenarioError, LabError, TrustError) as error:
        print(f"\ndemo: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        print("\ndemo: interrupted", file=sys.stderr)
        status = 130
    finally:
        _say("Stop the lab")
        lab.down(now=True)
    print(f"\ndemo: {'every step went as it must' if status == 0 else 'FAILED'}, {time.monotonic() - begun:.0f} s")
    return status


if __name__ == "__main__":
    sys.exit(main())
