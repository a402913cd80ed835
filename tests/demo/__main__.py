# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""``make demo``: a real attack is found and undone. Exit status 0 only if every act went as it must."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict
from datetime import UTC, datetime

from ansible_collections.palantir.trust.plugins.plugin_utils.report.table import table
from tests.demo.story import ACTS, Outcome
from tests.lab.lab import DEFAULT_NODES
from tests.scenarios.site import Site, tiers
from tests.scenarios.stage import guests, perform, say


def _play(site: Site) -> bool:
    with guests(DEFAULT_NODES) as lab:
        outcomes = []
        for title, act in ACTS.items():
            say(title)
            outcome = act(site, lab)
            if outcome is not None:
                outcomes.append(outcome)
        _report(site, outcomes)
    return True


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
    say("Seconds from the tampering on")
    head = ("INCIDENT", "NODE", "LAYER", "DETECTED", "CONTAINED", "RESTORED")
    print(table(head, [(o.name, o.node, o.layer, o.detected_s, o.contained_s, o.restored_s) for o in outcomes], 80))
    print(f"\nReport: {path}")


def main() -> int:
    """Run the demo; lab processes are stopped on success, failure and Ctrl-C."""
    begun = time.monotonic()
    status = perform("demo", lambda: _play(Site.fresh("demo")))
    print(f"\ndemo: {'every step went as it must' if status == 0 else 'FAILED'}, {time.monotonic() - begun:.0f} s")
    return status


if __name__ == "__main__":
    sys.exit(main())
