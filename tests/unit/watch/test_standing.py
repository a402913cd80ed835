# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a quiet round may confirm, and all that it may not."""

from __future__ import annotations

import base64
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.policy.policy import load_policy
from ansible_collections.palantir.trust.plugins.plugin_utils.challenge.round import Challenge, Result
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.tpm.quote import HmacKey
from ansible_collections.palantir.trust.plugins.plugin_utils.watch.standing import Standing, confirmed, standing
from tests.unit.appraisal import scene
from tests.unit.appraisal.scene import Guest, container, text
from tests.unit.challenge.conftest import enrolled
from tests.unit.challenge.rounds import answer, challenge, finish
from tests.unit.verifier.soft_tpm import hmac_sign

NONCE = bytes(range(1, 33))


def healthy() -> Guest:
    return Guest(facts={"containers": [container()]})


@pytest.fixture
def guest() -> Guest:
    return healthy()


@dataclass(frozen=True)
class Round:
    """A whole round with the healthy guest, and the store that it is kept in."""

    store: Store
    asked: Challenge
    evidence: Any
    result: Result


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Round]:
    with pytest.MonkeyPatch.context() as patch, enrolled(tmp_path_factory.mktemp("site")) as store:
        asked = challenge(store)
        evidence = answer(asked, patch, healthy())
        yield Round(store, asked, evidence, finish(store, asked, evidence))


@pytest.fixture
def known(past: Round, monkeypatch: pytest.MonkeyPatch) -> Standing:
    found = standing(past.asked, past.evidence, past.result, load_policy({}))
    assert found is not None
    monkeypatch.setattr(scene, "NONCE", NONCE)
    return found


def quiet(guest: Guest, known: Standing, **quoted: Any) -> dict[str, Any]:
    """Return what a node sends that has nothing new, with all parts in it."""
    return guest.evidence(since=known.since, **quoted)


def test_a_fresh_quote_over_the_same_state_confirms_the_verdict(guest: Guest, known: Standing) -> None:
    evidence = quiet(guest, known)
    still = confirmed(known, NONCE, evidence, [])
    assert still == known
    for part in ("facts", "userspace_log"):
        evidence.pop(part, None)
    assert confirmed(known, NONCE, evidence, ["facts", "userspace_log"]) == known


def test_how_many_processes_a_container_has_is_no_change(guest: Guest, known: Standing) -> None:
    busy = Guest(facts={"containers": [container() | {"pids": 99}]})
    still = confirmed(known, NONCE, quiet(busy, known), [])
    assert still is not None
    assert still.facts != known.facts
    assert still.steady == known.steady


def changed(change: Callable[[dict[str, Any]], object]) -> Callable[[Guest, Standing], Any]:
    def evidence(guest: Guest, known: Standing) -> Any:
        given = copy.deepcopy(quiet(guest, known))
        change(given)
        return given

    return evidence


def forged(guest: Guest, known: Standing) -> Any:
    evidence = quiet(guest, known)
    blob = bytearray(base64.b64decode(evidence["quote"]["attest"]))
    blob[-1] ^= 1
    return {**evidence, "quote": {**evidence["quote"], "attest": text(bytes(blob))}}


@pytest.mark.parametrize(
    "evidence",
    [
        lambda guest, known: quiet(guest.ran("/usr/bin/ls", b"ls", owner=7), known),
        lambda guest, known: {
            **quiet(guest.ran("/opt/implant", b"evil"), known),
            "ima_log": {"offset": known.offset, "data": ""},
        },
        lambda guest, known: quiet(Guest(facts={"containers": []}), known),
        lambda guest, known: quiet(Guest(facts={"containers": [container(base=scene.RETIRED)]}), known),
        forged,
        lambda guest, known: quiet(Guest(facts=guest.facts, resets=4), known),
        lambda guest, known: quiet(Guest(facts=guest.facts, clock=999), known),
        lambda guest, known: quiet(Guest(facts=guest.facts, key="p384"), known),
        changed(lambda e: e["facts"].update(boot_id="other")),
        changed(lambda e: e["facts"].update(containers=[7])),
        changed(lambda e: e["ima_log"].update(offset=0)),
        changed(lambda e: e["ima_log"].update(offset=float(e["ima_log"]["offset"]))),
        changed(lambda e: e["ima_log"].update(data="AA==")),
        changed(lambda e: e.update(ima_log=None)),
        changed(lambda e: e.update(event_log="")),
        changed(lambda e: e.update(userspace_log="AA==")),
        changed(lambda e: e.update(format=2)),
        changed(lambda e: e.pop("facts")),
        changed(lambda e: e["quote"].update(signature="")),
        changed(lambda e: e.update(quote=None)),
        lambda guest, known: None,
        lambda guest, known: [],
    ],
)
def test_anything_else_asks_for_a_whole_round(
    guest: Guest, known: Standing, evidence: Callable[[Guest, Standing], Any]
) -> None:
    assert confirmed(known, NONCE, evidence(guest, known), []) is None


def test_a_quote_that_was_recorded_confirms_nothing(guest: Guest, known: Standing) -> None:
    recorded = quiet(guest, known)
    assert confirmed(known, NONCE, recorded, []) is not None
    assert confirmed(known, bytes(32), recorded, []) is None
    assert confirmed(known, b"", recorded, []) is None


@pytest.mark.parametrize("same", [["facts"], "facts", {"facts": 1}])
def test_facts_that_are_left_out_are_those_that_are_known(guest: Guest, known: Standing, same: Any) -> None:
    other = Guest(facts={"containers": []})
    assert confirmed(known, NONCE, quiet(other, known), same) is None, "the quote binds others"


@pytest.mark.parametrize("same", [None, 7, object()])
def test_a_list_of_parts_that_is_none_confirms_nothing(guest: Guest, known: Standing, same: Any) -> None:
    assert confirmed(known, NONCE, quiet(guest, known), same) is None


# By HMAC

KEY = HmacKey(b"\x17" * 32, b"\x00\x0b" + b"\x42" * 32)


def by_hmac(evidence: dict[str, Any], key: HmacKey = KEY) -> dict[str, Any]:
    """Return evidence with the same quote by an HMAC key."""
    blob = bytearray(base64.b64decode(evidence["quote"]["attest"]))
    blob[8:42] = key.qualified_name
    signature = hmac_sign(key.secret, bytes(blob))
    return {**evidence, "quote": {"attest": text(bytes(blob)), "signature": text(signature), "ak_public": ""}}


def test_a_quote_by_hmac_confirms_the_verdict_and_says_no_more_than_that_the_clock_went_on(
    guest: Guest, known: Standing
) -> None:
    later = Guest(facts=guest.facts, clock=known.quote.clock + 7)
    still = confirmed(known, NONCE, by_hmac(quiet(later, known)), [], KEY)
    assert still == replace(known, quote=known.quote._replace(clock=known.quote.clock + 7))
    assert confirmed(still, NONCE, quiet(later, known), []) == still, "the AK goes on from there"
    assert confirmed(still, NONCE, quiet(guest, known), []) is None, "and the clock does not go back"


@pytest.mark.parametrize(
    "evidence",
    [
        quiet,
        lambda guest, known: by_hmac(quiet(guest, known), HmacKey(bytes(32), KEY.qualified_name)),
        lambda guest, known: by_hmac(quiet(guest, known), HmacKey(KEY.secret, b"\x00\x0b" + bytes(32))),
        lambda guest, known: by_hmac(quiet(Guest(facts=guest.facts, resets=4), known)),
        lambda guest, known: by_hmac(quiet(Guest(facts=guest.facts, clock=999), known)),
        lambda guest, known: by_hmac(quiet(Guest(facts={"containers": []}), known)),
        lambda guest, known: by_hmac(quiet(guest.ran("/usr/bin/ls", b"ls", owner=7), known)),
        lambda guest, known: {
            **by_hmac(quiet(guest.ran("/opt/implant", b"evil"), known)),
            "ima_log": {"offset": known.offset, "data": ""},
        },
        lambda guest, known: {**by_hmac(quiet(guest, known)), "quote": {"attest": "", "signature": ""}},
    ],
)
def test_anything_else_by_hmac_asks_for_a_whole_round(
    guest: Guest, known: Standing, evidence: Callable[[Guest, Standing], Any]
) -> None:
    assert confirmed(known, NONCE, evidence(guest, known), [], KEY) is None


def test_a_quote_by_hmac_never_stands_for_one_by_the_ak(guest: Guest, known: Standing) -> None:
    assert confirmed(known, NONCE, by_hmac(quiet(guest, known)), []) is None
    assert confirmed(known, bytes(32), by_hmac(quiet(guest, known)), [], KEY) is None, "nor a recorded one for itself"


def test_a_verdict_that_the_next_round_may_change_by_itself_stands_on_nothing(past: Round) -> None:
    assert past.result.ear is not None
    boot = {**past.result.ear["palantir.boot"], "ima_tail_entries": 1}
    lagging = replace(past.result, ear={**past.result.ear, "palantir.boot": boot})
    assert standing(past.asked, past.evidence, lagging, load_policy({})) is None
    refused = finish(past.store, challenge(past.store), {})
    assert standing(past.asked, past.evidence, refused, load_policy({})) is None
