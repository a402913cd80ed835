# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a quote is by HMAC and when by the AK, with nodes in memory that have a soft TPM."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from ansible_collections.palantir.trust.plugins.module_utils._tpm_hmac import storage_key_public
from ansible_collections.palantir.trust.plugins.plugin_utils.watch import node as module
from ansible_collections.palantir.trust.plugins.plugin_utils.watch.conversation import ChannelError
from ansible_collections.palantir.trust.plugins.plugin_utils.watch.node import View
from tests.unit.appraisal.scene import text
from tests.unit.verifier.soft_tpm import Certification, private_key, public_area, sign, tpm2b
from tests.unit.watch.fakes import TIMING, FakeJudge, FakeNode, believing, run

pytestmark = pytest.mark.usefixtures(believing.__name__)
__all__ = ["believing"]

AK = tpm2b(public_area(private_key("p256")))
GOOD = {"evidence": {"tier": "affirming"}, "same": []}
REFUSED = {"error": {"msg": "The TPM refused to make a storage key: no.", "code": "tpm_error"}}


def offer(nonce: str) -> dict[str, Any]:
    """Return a storage key that the AK certifies."""
    point = ec.generate_private_key(ec.SECP256R1()).public_key().public_numbers()
    public = storage_key_public(point.x.to_bytes(32, "big"), point.y.to_bytes(32, "big"))
    attest = Certification(public, extra=bytes.fromhex(nonce)).encode()
    return {"public": text(public), "attest": text(attest), "signature": text(sign(private_key("p256"), attest))}


@dataclass
class Tpm:
    """What a node with a TPM answers; each kind of answer may be another, in place of what is right or of all.

    Attributes:
        offers: in place of the offer of a storage key.
        takes: in place of the word that the HMAC key was taken.
        evidence: in place of evidence, from its number on.
        by: for each request for evidence, ``ak`` or ``hmac``.
    """

    offers: Any = None
    takes: Any = None
    evidence: Mapping[int, Any] = field(default_factory=dict)
    by: list[str] = field(default_factory=list)

    def __call__(self, request: Mapping[str, Any]) -> Any:
        if "storage_key" in request:
            return {"storage_key": offer(request["storage_key"])} if self.offers is None else self.offers
        if "hmac_key" in request:
            return {"hmac_key": True} if self.takes is None else self.takes
        self.by.append("hmac" if request.get("hmac") else "ak")
        return self.evidence.get(len(self.by), GOOD)


def watched(tpm: Tpm, cycles: int = 4, duration: float = 40.0, **timing: Any) -> tuple[View, FakeNode, FakeJudge]:
    node, judge = FakeNode("node1", tpm), FakeJudge(ak=AK)
    outcome = run([node], judge, duration, timing=replace(TIMING, hmac_cycles=cycles, **timing))
    assert outcome.losses == []
    return outcome.views["node1"], node, judge


def asked(node: FakeNode, name: str) -> list[Any]:
    return [message[name] for message in node.messages if name in message]


def test_one_of_so_many_quotes_is_by_the_ak_and_only_these_count_as_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = itertools.count(1)
    monkeypatch.setattr(module, "time", SimpleNamespace(time=lambda: float(next(clock))))
    tpm = Tpm()
    view, node, judge = watched(tpm)
    assert len(tpm.by) > 15
    assert tpm.by == [("ak", "hmac", "hmac", "hmac")[number % 4] for number in range(len(tpm.by))]
    assert (view.cycles, view.rounds) == (len(tpm.by), 1)
    assert view.dual_rate.quotes == tpm.by.count("hmac")
    assert view.at == tpm.by.count("ak")
    assert judge.rounds("node1") == 1
    assert len(asked(node, "storage_key")) == len(asked(node, "hmac_key")) == 1
    assert view.dual_rate.why == ""


@pytest.mark.parametrize("cycles", [0, 1])
def test_no_node_is_asked_for_it_where_it_is_not_wanted(cycles: int) -> None:
    tpm = Tpm()
    view, node, _judge = watched(tpm, cycles)
    assert set(tpm.by) == {"ak"}
    assert not any({"storage_key", "hmac_key", "hmac"} & set(message) for message in node.messages)
    assert view.dual_rate.why == ""


def test_whatever_an_hmac_quote_does_not_confirm_is_asked_of_the_ak_at_once() -> None:
    new = {"evidence": {"tier": "affirming", "new": True}, "same": []}
    tpm = Tpm(evidence={3: new})
    _view, node, judge = watched(tpm)
    assert tpm.by[:9] == ["ak", "hmac", "hmac", "ak", "hmac", "hmac", "hmac", "ak", "hmac"]
    assert node.times[2] == node.times[3]
    assert judge.rounds("node1") == 2
    assert len(asked(node, "hmac_key")) == 1, "the key is still good"


def test_a_loss_is_proved_twice_by_the_ak_and_the_others_last_quotes_are_the_aks() -> None:
    bad = {"evidence": {"tier": "contraindicated"}, "same": []}
    lost, others = Tpm(evidence=dict.fromkeys(range(3, 99), bad)), [Tpm() for _ in range(3)]
    nodes = [FakeNode(f"node{number}", tpm) for number, tpm in enumerate([lost, *others])]
    judge = FakeJudge(ak=AK)
    outcome = run(nodes, judge, 60.0, timing=replace(TIMING, hmac_cycles=50))
    assert {loss.node for loss in outcome.losses} == {"node0"}
    assert lost.by == ["ak", "hmac", "hmac", "ak", "ak"], "an HMAC quote shows it, and two by the AK prove it"
    for tpm, node in zip(others, nodes[1:], strict=True):
        assert node.times.count(node.times[-1]) <= 2, "one more, and no HMAC quotes before it"
        assert tpm.by[0] == tpm.by[-1] == "ak"
        assert set(tpm.by[1:-1]) <= {"hmac"}


class Slow(FakeNode):
    """A node whose answers take most of a period, so that one is on its way at almost any time."""

    async def ask(self, message: Mapping[str, Any], limit: int, seconds: float) -> Mapping[str, Any]:
        await asyncio.sleep(0.9)
        return await super().ask(message, limit, seconds)


def test_an_hmac_quote_that_is_on_its_way_at_the_end_is_followed_by_one_by_the_ak() -> None:
    bad = {"evidence": {"tier": "contraindicated"}, "same": []}
    lost, others = Tpm(evidence=dict.fromkeys(range(6, 99), bad)), [Tpm() for _ in range(12)]
    nodes = [FakeNode("lost", lost), *(Slow(f"node{number}", tpm) for number, tpm in enumerate(others))]
    outcome = run(nodes, FakeJudge(ak=AK), 60.0, sweep=5.0, timing=replace(TIMING, hmac_cycles=50))
    assert {loss.node for loss in outcome.losses} == {"lost"}
    assert all(tpm.by.count("hmac") >= 2 for tpm in others)
    assert {tpm.by[-1] for tpm in others} == {"ak"}


# Nodes that cannot, or will not


@pytest.mark.parametrize(
    ("tpm", "why"),
    [
        (Tpm(offers=REFUSED), "storage_key: The TPM refused to make a storage key: no."),
        (Tpm(takes=REFUSED), "hmac_key: The TPM refused"),
        (Tpm(offers={}), "storage_key: gave neither evidence nor a reason."),
        (Tpm(offers={"error": 7}), "storage_key: gave neither evidence nor a reason."),
        (Tpm(offers={"storage_key": None}), "gave no usable answer"),
        (Tpm(offers={"storage_key": {"public": 1, "attest": 2, "signature": 3}}), "storage_key.public: must be"),
        (Tpm(offers={"storage_key": offer("00" * 32)}), "storage_key: is certified for another nonce."),
        (Tpm(offers={"error": {"msg": "\x1b[2J" + "x" * 999}}), "storage_key: \\x1b[2Jxxx"),
    ],
)
def test_a_node_that_refuses_is_watched_by_the_ak_alone_and_says_why(tpm: Tpm, why: str) -> None:
    view, node, judge = watched(tpm)
    assert set(tpm.by) == {"ak"}
    assert judge.rounds("node1") == 1, "nothing is wrong with it"
    assert view.cycles > 15
    assert view.dual_rate.why.startswith(why)
    assert len(view.dual_rate.why) <= 201
    assert len(asked(node, "storage_key")) == 1, "it is asked once"
    if tpm.takes is None:
        assert asked(node, "hmac_key") == [], "nothing is wrapped to a key that is not proved"


def test_a_node_whose_first_hmac_quote_confirms_nothing_is_watched_by_the_ak_alone() -> None:
    tpm = Tpm(evidence={2: {"evidence": {"tier": "none"}, "same": []}})
    view, _node, judge = watched(tpm)
    assert tpm.by[:3] == ["ak", "hmac", "ak"]
    assert set(tpm.by[2:]) == {"ak"}
    assert judge.rounds("node1") == 2
    assert view.dual_rate.why == "its first HMAC quote confirmed nothing"


NO_KEY = {"error": {"msg": "The collector has no HMAC key.", "code": "no_hmac_key"}}


def test_a_node_that_has_lost_its_key_is_given_another() -> None:
    tpm = Tpm(evidence={3: NO_KEY})
    view, node, judge = watched(tpm)
    assert tpm.by[:8] == ["ak", "hmac", "hmac", "ak", "hmac", "hmac", "hmac", "ak"]
    assert len(asked(node, "hmac_key")) == 2
    assert judge.rounds("node1") == 2
    assert view.dual_rate.why == ""


def test_a_node_that_loses_that_one_before_it_was_of_use_is_watched_by_the_ak_alone() -> None:
    tpm = Tpm(evidence={3: NO_KEY, 5: NO_KEY})
    view, _node, _judge = watched(tpm)
    assert tpm.by[:6] == ["ak", "hmac", "hmac", "ak", "hmac", "ak"]
    assert set(tpm.by[5:]) == {"ak"}
    assert view.dual_rate.why == "The collector has no HMAC key."


@pytest.mark.parametrize("silent", [{"offers": "silent"}, {"takes": "silent"}, {"evidence": {2: "silent"}}])
def test_a_tpm_that_hangs_of_it_is_tried_once(silent: Any) -> None:
    tpm = Tpm(**silent)
    node = FakeNode("node1", lambda request: None if (said := tpm(request)) == "silent" else said)
    judge = FakeJudge(ak=AK)
    outcome = run([node], judge, 400.0, timing=replace(TIMING, hmac_cycles=4))
    view = outcome.views["node1"]
    assert (outcome.losses, node.opened) == ([], 2)
    assert judge.states("node1") == ["unreachable"]
    assert len(asked(node, "storage_key")) == 1
    assert view.cycles > 100
    assert view.dual_rate.why == "the connection ended when HMAC quotes were tried"


def test_each_connection_has_a_key_of_its_own() -> None:
    tpm = Tpm(evidence={4: ChannelError("node1", "ended the connection.", state="unreachable")})
    view, node, _judge = watched(tpm, 3)
    assert tpm.by[:7] == ["ak", "hmac", "hmac", "ak", "ak", "hmac", "hmac"]
    keys = asked(node, "hmac_key")
    assert len(keys) == node.opened == 2
    assert keys[0]["unique"] != keys[1]["unique"]
    assert view.dual_rate.why == ""
    assert view.dual_rate._key is None, "it is gone with its connection"
