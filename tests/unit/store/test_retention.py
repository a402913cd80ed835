# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import PolicyError
from ansible_collections.palantir.trust.plugins.plugin_utils.store.retention import DAY, Retention, load_retention


def test_what_a_site_leaves_out_has_its_default() -> None:
    assert load_retention({}) == Retention()
    assert load_retention({"evidence": "30d", "ledger": "400d", "incidents": "never"}) == Retention(
        evidence=30 * DAY, ledger=400 * DAY, incidents=None
    )


def test_the_ledger_is_never_pruned_by_default() -> None:
    assert Retention().ledger is None


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ({"evidenc": "3d"}, "palantir_trust_retention: has no kind 'evidenc'. Next: take one of challenges, evidence,"),
        ({"evidence": "soon"}, "palantir_trust_retention.evidence: 'soon' is no time. Next: write never, or a time as"),
        ({"evidence": 90}, "palantir_trust_retention.evidence: '90' is no time."),
        ({"evidence": None}, "palantir_trust_retention.evidence: 'None' is no time."),
        ({"evidence": "1h"}, "palantir_trust_retention.evidence: is shorter than what the collection itself looks at"),
        ({"incidents": "30d"}, "palantir_trust_retention.incidents: is shorter"),
        ({"ledger": "7d"}, "palantir_trust_retention.ledger: is shorter"),
        ({"attestations": "80d"}, "palantir_trust_retention.evidence: is longer than attestations"),
        ({"evidence": "never"}, "palantir_trust_retention.evidence: is longer than attestations"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(written: dict[str, object], expected: str) -> None:
    with pytest.raises(PolicyError) as caught:
        load_retention(written)
    assert str(caught.value).startswith(expected)
