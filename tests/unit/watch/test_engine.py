# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The schedule of a watch, with nodes in memory, and with time that costs none: seconds are exact."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import StoreError
from ansible_collections.palantir.trust.plugins.plugin_utils.watch.conversation import ChannelError
from ansible_collections.palantir.trust.plugins.plugin_utils.watch.engine import Loss
from ansible_collections.palantir.trust.plugins.plugin_utils.watch.moments import Moments
from tests.unit.watch.fakes import TIMING, FakeJudge, FakeNode, believing, ear, run

GOOD = {"evidence": {"tier": "affirming"}, "same": []}
BAD = {"evidence": {"tier": "contraindicated"}, "same": []}
pytestmark = pytest.mark.usefixtures(believing.__name__)
__all__ = ["believing"]


def from_request(number: int, answer: Any, before: Any = GOOD) -> Any:
    """Return what answers with something else from a request on."""
    count = iter(range(1, 1_000_000))
    return lambda _request: answer if next(count) >= number else before


def test_a_node_that_does_not_change_is_asked_again_and_again_with_fresh_nonces_and_judged_once() -> None:
    node, judge = FakeNode("node1"), FakeJudge()
    outcome = run([node], judge, 60.0)
    view = outcome.views["node1"]
    assert outcome.losses == []
    assert judge.rounds("node1") == view.rounds == 1
    assert view.cycles == len(node.nonces)
    assert 28 <= view.cycles <= 33
    gaps = [later - sooner for sooner, later in pairwise(node.times)][1:]
    assert 1.7 < min(gaps) < 1.99
    assert 2.01 < max(gaps) < 2.3
    assert len(set(node.nonces)) == len(node.nonces)
    assert node.opened == node.closed == 1


def test_the_first_loss_of_trust_ends_the_watch_and_the_others_are_asked_once_more() -> None:
    lost, judge = FakeNode("node1", from_request(4, BAD)), FakeJudge()
    others = [FakeNode(f"node{n}") for n in range(2, 6)]
    outcome = run([lost, *others], judge, 30.0)
    assert outcome.losses == [Loss("node1", "os", "contraindicated", "unknown_executable")]
    for other in others:
        assert lost.times[4] == other.times[-1], "at once"
        assert other.closed == other.opened


def test_what_shows_a_loss_is_proved_a_second_time_by_a_whole_round() -> None:
    lost, other, judge = FakeNode("node1", from_request(4, BAD)), FakeNode("node2"), FakeJudge()
    run([lost, other], judge, 30.0)
    assert judge.rounds("node1") == 3, "affirming, lost, and lost again"
    assert lost.times[-1] == lost.times[-2], "at once"
    assert [call[0] for call in judge.calls if call[1] == "node1"] == ["begin", "finish"] * 3, (
        "each by its own challenge"
    )
    assert judge.rounds("node2") == 1


def test_a_storm_is_seen_as_one() -> None:
    # From the second one on: of a third one, another node's last may be the second.
    nodes = [FakeNode(f"node{n}", from_request(2, BAD)) for n in range(4)]
    outcome = run(nodes, FakeJudge(), 30.0)
    assert {loss.node for loss in outcome.losses} >= {"node0", "node1", "node2", "node3"}


def test_a_loss_that_is_known_does_not_end_the_watch() -> None:
    node, judge = FakeNode("node1", lambda _request: BAD), FakeJudge()
    outcome = run([node], judge, 10.0, known=frozenset({("node1", "os")}))
    assert outcome.losses == []
    assert outcome.views["node1"].cycles > 3


def test_a_loss_that_comes_back_after_it_was_over_ends_the_watch() -> None:
    answers = iter([BAD, {**GOOD, "same": ["facts"]}, *[GOOD] * 3, *[BAD] * 1000])
    node = FakeNode("node1", lambda _request: next(answers))
    timing = replace(TIMING, renew=2.0)
    outcome = run([node], FakeJudge(), 60.0, known=frozenset({("node1", "os")}), timing=timing)
    assert [loss.layer for loss in outcome.losses] == ["os"]
    assert outcome.views["node1"].cycles > 4


def test_a_loss_below_a_contraindicated_layer_is_none_of_its_own() -> None:
    node, judge = FakeNode("node1", lambda _request: BAD), FakeJudge()
    void = ear("contraindicated", runtime="contraindicated")
    void["submods"]["runtime"]["palantir.void_by"] = "os"
    judge.finish = lambda challenge, evidence: (  # type: ignore[method-assign]
        replace(FakeJudge().finish(challenge, evidence)[0], ear=void),
        None,
    )
    assert [loss.layer for loss in run([node], judge, 30.0).losses] == ["os"]


# Failures of nodes


def test_a_node_that_fails_delays_no_other() -> None:
    names = ("silent", "garbage", "refusing", "raising")
    silent = FakeNode(names[0], lambda _request: None)
    garbage = FakeNode(names[1], lambda _request: ChannelError("garbage", "gave an answer that is no JSON object."))
    refusing = FakeNode(names[2], refuses=1000)
    faulty = FakeNode(names[3], lambda _request: {"error": {"msg": "The TPM refused to quote.", "code": "tpm_error"}})
    good, judge = FakeNode("good"), FakeJudge()
    outcome = run([silent, garbage, refusing, faulty, good], judge, 200.0)
    gaps = [later - sooner for sooner, later in pairwise(good.times)]
    assert len(gaps) > 90
    assert max(gaps) < 2.3
    assert outcome.losses == []
    states = {name: outcome.views[name].result for name in names}
    assert {name: result.state for name, result in states.items() if result} == {
        "silent": "unreachable",
        "garbage": "no_evidence",
        "refusing": "unreachable",
        "raising": "no_evidence",
    }
    assert states["raising"] is not None
    assert states["raising"].message == "raising: The TPM refused to quote."
    assert silent.opened == silent.closed > 1, "it is tried again over a new connection"


def test_a_state_is_kept_once_and_not_in_every_cycle() -> None:
    judge = FakeJudge()
    run([FakeNode("node1", refuses=1000)], judge, 100.0)
    assert judge.states("node1") == ["unreachable"]


def test_a_node_that_comes_back_is_attested_anew() -> None:
    node = FakeNode("node1", from_request(3, ChannelError("node1", "ended the connection.", state="unreachable")))
    judge = FakeJudge()
    back = FakeNode("node2", refuses=2)
    outcome = run([node, back], judge, 60.0)
    assert judge.states("node2") == ["unreachable"]
    assert judge.rounds("node2") == 1
    assert outcome.views["node2"].failures == 0
    assert outcome.views["node2"].result is not None
    assert outcome.views["node2"].result.state == "attested"
    assert judge.states("node1") == ["unreachable"]
    assert outcome.views["node1"].failures > 1


@pytest.mark.parametrize("period", [2.0, 300.0])
def test_a_node_that_refuses_is_tried_less_and_less_often_whatever_the_period(period: float) -> None:
    node = FakeNode("node1", refuses=1000)
    run([node], FakeJudge(), 300.0, timing=replace(TIMING, period=period))
    assert 10 <= 1000 - node.refuses <= 20


def test_a_slow_tpm_works_half_of_the_time_at_most() -> None:
    node, judge = FakeNode("node1"), FakeJudge()

    async def ask(message: Mapping[str, Any], limit: int, seconds: float) -> Mapping[str, Any]:
        answer = await FakeNode.ask(node, message, limit, seconds)
        await asyncio.sleep(3.0)
        return answer

    node.ask = ask  # type: ignore[method-assign]
    run([node], judge, 60.0)
    gaps = [later - sooner for sooner, later in pairwise(node.times)][1:]
    assert 5.6 < min(gaps) < max(gaps) < 6.4


def test_nodes_are_not_asked_at_the_same_time() -> None:
    nodes = [FakeNode(f"node{n}") for n in range(20)]
    run(nodes, FakeJudge(), 5.0)
    seconds = sorted(node.times[1] for node in nodes)
    assert seconds[0] < 1.0 < seconds[-1] < 2.4
    assert 3 <= len(set(seconds)) <= 5


@pytest.mark.parametrize(("nodes", "moments"), [(1, 4), (32, 4), (80, 10), (160, 20), (10_000, 20)])
def test_a_controller_wakes_for_several_nodes_at_once(nodes: int, moments: int) -> None:
    found = Moments.of(nodes, 2.0, 0.1)
    seconds = {found.nearest(at / 1000) for at in range(100_000, 101_000)}
    assert len(seconds) == pytest.approx(moments / 2, abs=1)


def test_nodes_of_one_moment_stay_together_and_no_two_periods_are_equally_long() -> None:
    nodes = [FakeNode(f"node{n}") for n in range(32)]
    run(nodes, FakeJudge(), 30.0)

    def together(cycle: int) -> set[frozenset[str]]:
        seconds = {node.times[cycle] for node in nodes}
        return {frozenset(node.name for node in nodes if node.times[cycle] == moment) for moment in seconds}

    assert together(2) == together(10)
    assert len(together(2)) <= 5
    gaps = [later - sooner for sooner, later in pairwise(nodes[0].times[1:])]
    assert len({round(gap, 6) for gap in gaps}) == len(gaps)
    assert 1.8 <= min(gaps) < max(gaps) <= 2.2


# Rounds


def test_a_change_is_judged_by_a_whole_round_of_its_own() -> None:
    changed = {"evidence": {"tier": "affirming", "new": True}, "same": []}
    answers = iter([GOOD, GOOD, changed, *[GOOD] * 1000])
    node, judge = FakeNode("node1", lambda _request: next(answers)), FakeJudge()
    run([node], judge, 30.0)
    assert judge.rounds("node1") == 2


def test_a_part_that_does_not_continue_is_asked_for_whole() -> None:
    part = {"evidence": {"tier": "affirming", "part": True}, "same": []}
    node, judge = FakeNode("node1", from_request(2, GOOD, part)), FakeJudge()
    run([node], judge, 1.0)
    assert judge.calls[:3] == [
        ("begin", "node1", False),
        ("finish", "node1", part["evidence"]),
        ("begin", "node1", True),
    ]
    assert judge.rounds("node1") == 2


def test_a_verdict_is_renewed_after_its_time() -> None:
    node, judge = FakeNode("node1"), FakeJudge()
    run([node], judge, 600.0, timing=replace(TIMING, renew=60.0))
    assert 10 <= judge.rounds("node1") <= 14


def test_rounds_that_settle_nothing_become_rare() -> None:
    unsettled = {"evidence": {"tier": "affirming", "stands": False}, "same": []}
    node, judge = FakeNode("node1", lambda _request: unsettled), FakeJudge()
    run([node], judge, 600.0, timing=replace(TIMING, renew=60.0))
    assert 12 <= judge.rounds("node1") <= 18


def test_rounds_that_never_settle_go_on_for_ever() -> None:
    unsettled = {"evidence": {"tier": "affirming", "stands": False}, "same": []}
    node, judge = FakeNode("node1", lambda _request: unsettled), FakeJudge()
    run([node], judge, 2600.0, timing=replace(TIMING, renew=1.0))
    assert judge.rounds("node1") > 1100


def test_a_node_that_is_not_enrolled_is_not_asked() -> None:
    node, judge = FakeNode("node1"), FakeJudge(enrolled=False)
    outcome = run([node], judge, 20.0)
    assert node.nonces == []
    assert judge.states("node1") == ["not_enrolled"]
    assert outcome.views["node1"].result is not None


def test_a_fault_of_the_store_ends_the_watch_and_makes_up_nothing() -> None:
    judge = FakeJudge()

    def broken(challenge: Any, evidence: Any) -> Any:
        raise StoreError("store", "disk full.")

    judge.finish = broken  # type: ignore[method-assign]
    nodes = [FakeNode("node1"), FakeNode("node2", lambda _request: None)]
    with pytest.raises(StoreError, match="disk full"):
        run(nodes, judge, 30.0)
    assert [node.closed for node in nodes] == [1, 1]


def test_without_nodes_it_waits_for_its_time() -> None:
    assert run([], FakeJudge(), 1.0).views == {}
