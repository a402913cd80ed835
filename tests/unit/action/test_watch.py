# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.palantir.trust.plugins.action.watch import _check, _result, _Watched
from ansible_collections.palantir.trust.plugins.plugin_utils.challenge.round import Result
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import PolicyError
from ansible_collections.palantir.trust.plugins.plugin_utils.watch.engine import Loss, Outcome
from ansible_collections.palantir.trust.plugins.plugin_utils.watch.node import View
from tests.unit.appraisal.scene import Guest

AWX_LIMIT = 700_000
HEALTHY = Guest().appraise()
ATTACKED = Guest().ran("/opt/implant", b"evil").appraise()
ALL: dict[str, Any] = {
    "period": 2.0,
    "duration": 1.0,
    "renew": 1.0,
    "deadline": 1.0,
    "connect": 1.0,
    "sweep": 0.0,
    "hmac_cycles": 0,
}


def told(**nodes: dict[str, Any] | str | None) -> dict[str, Any]:
    outcome = Outcome()
    for name, ear in nodes.items():
        result = Result(name, "unreachable", f"{name}: {ear}", None, 1) if isinstance(ear, str) else None
        if isinstance(ear, dict):
            result = Result(name, "attested", "", ear, 1)
        outcome.views[name] = View(name, result, 5.0, 3, 1)
        outcome.views[name].dual_rate.why = "storage_key: " + "x" * 200
    outcome.losses = [Loss(name, "os", "contraindicated", "x") for name, ear in nodes.items() if ear is ATTACKED]
    return _result(outcome, _Watched({}, {}, {"away": "away: cannot be watched."}), 1.26)


def test_it_returns_results_as_attest_does() -> None:
    given = told(node1=HEALTHY, node2=ATTACKED, node3="is unreachable.", node4=None)
    assert (given["ended"], given["seconds"], given["changed"]) == ("loss", 1.3, False)
    assert given["losses"] == [{"node": "node2", "layer": "os", "tier": "contraindicated", "finding": "x"}]
    assert given["periodic"] == {"away": "away: cannot be watched."}
    results = given["results"]
    assert [(r["node"], r["tier"], r["state"]) for r in results] == [
        ("node1", "affirming", "attested"),
        ("node2", "contraindicated", "attested"),
        ("node3", "unreachable", "unreachable"),
        ("node4", "connecting", "unreachable"),
    ]
    assert (results[0]["ear"], results[1]["ear"]) == (HEALTHY, ATTACKED)
    assert results[1]["summary"]["status"] == "contraindicated"
    assert results[0]["hmac_quotes"] == 0
    assert given["ak_only"] == dict.fromkeys(["node1", "node2", "node3", "node4"], "storage_key: " + "x" * 200)
    assert results[3]["message"] == "node4: there was no time to connect."


def test_no_result_is_too_long_for_awx_and_what_is_lost_comes_first() -> None:
    given = told(**{f"node{n}": ATTACKED if n == 999 else HEALTHY for n in range(1000)})
    assert len(json.dumps(given)) < AWX_LIMIT
    with_ear = [result["node"] for result in given["results"] if result.get("ear")]
    assert "node999" in with_ear
    assert 20 < len(with_ear) < 1000


@pytest.mark.parametrize(
    "wrong",
    [
        {"period": 0},
        {"duration": -1},
        {"renew": 1e9},
        {"sweep": -1},
        {"connect": 0},
        {"hmac_cycles": -1},
        {"hmac_cycles": 1001},
    ],
)
def test_times_that_are_none_are_refused_by_name(wrong: dict[str, float]) -> None:
    _check(ALL)
    with pytest.raises(PolicyError, match=f"^{next(iter(wrong))}: is "):
        _check({**ALL, **wrong})
