# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The store may be damaged, and other rounds may be under way."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.appraise import appraise_round
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.progress import PACKED_LIMIT, Progress
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import PartError, StoreError
from tests.unit.appraisal.rounds import REFERENCES, Verifier, modest
from tests.unit.appraisal.scene import NOW, PLAIN, Guest, found


def test_a_state_that_was_altered_is_none() -> None:
    verifier = Verifier(Guest())
    verifier.part()
    assert verifier.packed is not None
    for at in range(0, len(verifier.packed), 97):
        damaged = bytearray(verifier.packed)
        damaged[at] ^= 1
        with pytest.raises(StoreError, match="state of a boot: is not what was stored"):
            Progress.unpack(bytes(damaged))


@modest
@given(st.binary(max_size=200))
def test_no_bytes_are_mistaken_for_a_state(blob: bytes) -> None:
    with pytest.raises(StoreError):
        Progress.unpack(blob)


def test_a_wrong_state_accuses_nobody_and_the_contradiction_is_told() -> None:
    guest = Guest()
    verifier = Verifier(guest)
    verifier.part()
    assert verifier.past is not None
    wrong = replace(verifier.past, verified=replace(verifier.past.verified, aggregates={"sha256": b"\1" * 32}))
    with pytest.raises(PartError):
        appraise_round(guest.evidence(since=verifier.since), guest.record, {}, REFERENCES, wrong, whole=False, now=NOW)
    round_ = appraise_round(guest.evidence(), guest.record, {}, REFERENCES, wrong, now=NOW)
    assert found(round_.ear) == [("os", "ima_history_changed", "warning")]
    assert round_.progress is None, "so it is told again"


def test_a_pcr_that_went_back_without_a_reset_is_told() -> None:
    guest = Guest().ran("/usr/bin/implant", b"evil")
    verifier = Verifier(guest)
    verifier.part()
    clean = Guest(clock=2000)
    round_ = appraise_round(clean.evidence(), clean.record, {}, REFERENCES, verifier.past, now=NOW)
    assert found(round_.ear) == [("os", "ima_history_changed", "warning")]


def test_a_round_that_ends_after_a_later_one_is_no_contradiction() -> None:
    guest = Guest(clock=1)
    late = guest.evidence()
    guest.clock = 2
    verifier = Verifier(guest.ran("/usr/bin/bash", b"bash", mode=PLAIN))
    verifier.part()
    assert found(appraise_round(late, guest.record, {}, REFERENCES, verifier.past, now=NOW).ear) == []


def test_a_state_that_is_too_large_is_not_kept() -> None:
    verifier = Verifier(Guest())
    verifier.part()
    assert verifier.past is not None
    noise = random.Random(1).randbytes(PACKED_LIMIT)  # noqa: S311 - no secret, and it does not compress
    assert replace(verifier.past, event_log=noise).pack() is None
    assert replace(verifier.past, event_log=bytes(64 << 20)).pack() is None, "however well it compresses"
