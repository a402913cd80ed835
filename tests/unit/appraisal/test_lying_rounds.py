# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node that lies in its rounds is asked again for all that it has, and that decides."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.appraise import appraise_round
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import EvidenceError, PartError
from tests.unit.appraisal.rounds import REFERENCES, Verifier
from tests.unit.appraisal.scene import NOW, PLAIN, Guest, found


def forked(guest: Guest, verifier: Verifier) -> dict[str, Any]:
    verifier.part()
    guest.ran("/usr/bin/implant", b"evil")
    other = Guest().ran("/usr/bin/ls", b"ls")
    return guest.evidence(since=verifier.since) | {"ima_log": of_list(other, verifier)}


def of_list(guest: Guest, verifier: Verifier) -> dict[str, Any]:
    """Return the part that a node with another list sends."""
    return dict(guest.evidence(since=verifier.since)["ima_log"])


def left_out(guest: Guest, verifier: Verifier) -> dict[str, Any]:
    verifier.part()
    guest.ran("/usr/bin/implant", b"evil")
    evidence = guest.evidence(since=verifier.since)
    return evidence | {"ima_log": {**evidence["ima_log"], "data": ""}}


def rewritten(guest: Guest, verifier: Verifier) -> dict[str, Any]:
    verifier.part()
    guest.ran("/usr/bin/implant", b"evil")
    evidence = guest.evidence(since=verifier.since)
    data = base64.b64decode(evidence["ima_log"]["data"]).replace(b"/usr/bin/implant", b"/usr/bin/imprint")
    return evidence | {"ima_log": {**evidence["ima_log"], "data": data}}


def replayed(guest: Guest, verifier: Verifier) -> dict[str, Any]:
    """The part of an earlier round once more, which leads to an older value of the PCR."""
    verifier.part()
    guest.ran("/usr/bin/bash", b"bash", mode=PLAIN)
    old = guest.evidence(since=verifier.since)["ima_log"]
    verifier.part()
    guest.ran("/usr/bin/implant", b"evil")
    return guest.evidence(since=verifier.since) | {"ima_log": {**old, "offset": verifier.since["offset"]}}  # type: ignore[index]


def shifted(guest: Guest, verifier: Verifier) -> dict[str, Any]:
    verifier.part()
    evidence = guest.evidence(since=verifier.since)
    return evidence | {"ima_log": {**evidence["ima_log"], "offset": evidence["ima_log"]["offset"] - 1}}


def torn(guest: Guest, verifier: Verifier) -> dict[str, Any]:
    verifier.part()
    evidence = guest.ran("/usr/bin/ls", b"ls", mode=PLAIN).evidence(since=verifier.since)
    return evidence | {"ima_log": {**evidence["ima_log"], "data": base64.b64decode(evidence["ima_log"]["data"])[5:]}}


def without_list(guest: Guest, verifier: Verifier) -> dict[str, Any]:
    verifier.part()
    return guest.evidence(since=verifier.since) | {"ima_log": None}


def whole_without_event_log(guest: Guest, verifier: Verifier) -> dict[str, Any]:
    verifier.part()
    return guest.evidence() | {"event_log": None}


def of_another_boot_id(guest: Guest, verifier: Verifier) -> dict[str, Any]:
    """The node names another boot, and yet sends a part only."""
    verifier.part()
    since = {"boot_id": "boot-2", "offset": (verifier.since or {})["offset"]}
    guest.facts["boot_id"] = "boot-2"
    return guest.evidence(since=since)


def after_a_reset(guest: Guest, verifier: Verifier) -> dict[str, Any]:
    """The TPM was reset, and the node says that it is the same boot still."""
    verifier.part()
    guest.resets += 1
    return guest.evidence(since=verifier.since)


LIES = [
    forked,
    left_out,
    rewritten,
    replayed,
    shifted,
    torn,
    without_list,
    whole_without_event_log,
    of_another_boot_id,
    after_a_reset,
]


@pytest.mark.parametrize("lie", LIES)
def test_what_does_not_continue_the_list_accuses_nobody_and_is_asked_for_whole(
    lie: Callable[[Guest, Verifier], dict[str, Any]],
) -> None:
    guest = Guest()
    verifier = Verifier(guest)
    evidence, before = lie(guest, verifier), verifier.packed
    with pytest.raises(PartError):
        appraise_round(evidence, guest.record, {}, REFERENCES, verifier.past, whole=False, now=NOW)
    assert verifier.packed == before


@pytest.mark.parametrize("lie", [forked, left_out, rewritten, replayed])
def test_the_whole_list_of_a_node_that_hides_something_is_found_out(
    lie: Callable[[Guest, Verifier], dict[str, Any]],
) -> None:
    guest = Guest()
    verifier = Verifier(guest)
    evidence = lie(guest, verifier)
    offset = evidence["ima_log"]["offset"]
    shown = evidence["ima_log"]["data"]
    data = guest.kernel.binary[:offset] + (base64.b64decode(shown) if isinstance(shown, str) else shown)
    whole = guest.evidence() | {"ima_log": {"offset": 0, "data": data}}
    ear = appraise_round(whole, guest.record, {}, REFERENCES, verifier.past, now=NOW).ear
    assert ("os", "ima_replay_mismatch", "contraindicated") in found(ear)
    truth = verifier.whole()
    assert ("os", "unknown_executable", "contraindicated") in found(truth)


def test_a_part_without_a_past_is_refused() -> None:
    guest = Guest()
    evidence = guest.evidence(since={"boot_id": "boot-1", "offset": 10})
    with pytest.raises(EvidenceError, match=r"is 10: what comes before it is missing\. Next: ask for the list from"):
        guest.appraise(evidence)


def test_a_quote_that_is_forged_is_a_verdict_at_once() -> None:
    guest = Guest()
    verifier = Verifier(guest)
    verifier.part()
    ear = verifier.part(evidence=guest.evidence(since=verifier.since) | {"nonce": "ff" * 32})
    assert ("hardware", "nonce_mismatch", "contraindicated") in found(ear)


def test_a_state_of_another_ak_counts_for_nothing() -> None:
    guest = Guest()
    verifier = Verifier(guest)
    verifier.part()
    past = replace(verifier.past, ak="0" * 64)  # type: ignore[type-var]
    with pytest.raises(PartError):
        appraise_round(guest.evidence(since=verifier.since), guest.record, {}, REFERENCES, past, whole=False, now=NOW)
    assert found(appraise_round(guest.evidence(), guest.record, {}, REFERENCES, past, now=NOW).ear) == []


def test_a_quote_over_more_banks_than_were_verified_needs_the_whole_list() -> None:
    guest = Guest()
    verifier = Verifier(guest)
    verifier.part()
    assert verifier.past is not None
    past = replace(verifier.past, verified=replace(verifier.past.verified, aggregates={"sha384": bytes(48)}))
    with pytest.raises(PartError):
        appraise_round(guest.evidence(since=verifier.since), guest.record, {}, REFERENCES, past, whole=False, now=NOW)
