# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is denied after its admission: no new instance is made, and what runs on is told and left alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.palantir.trust.plugins.plugin_utils.admission.admitted import load_catalogue
from ansible_collections.palantir.trust.plugins.plugin_utils.catalogue.descriptor import select
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import AdmissionError, CatalogueError
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.image import digest_image
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.site import load_site
from tests.unit.admission.developer import DESCRIPTOR, NOW, POLICY, Market, package, source
from tests.unit.reference.test_image import sha256

SIGNER: dict[str, Any] = POLICY["signers"][0]


@pytest.fixture
def market(tmp_path: Path) -> Market:
    market = Market(tmp_path / "site")
    plain = DESCRIPTOR | {"configuration": []}
    assert market.admit(package(tmp_path / "x.scpkg", source(tmp_path / "source", plain))).changed
    return market


def withdrawn(market: Market) -> str:
    found = load_catalogue(market.place.catalogue)["dns-filter"].package
    assert found is not None
    return found.withdrawn


def test_what_counts_is_chosen(market: Market) -> None:
    assert withdrawn(market) == ""
    assert select(load_catalogue(market.place.catalogue), "dns-filter").sc == "dns-filter"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"deny": {"signers": [{"name": "acme", "reason": "Stolen."}]}}, "signer acme is denied: Stolen"),
        (
            {"deny": {"versions": [{"sc": "dns-filter", "version": "1.4", "reason": "Old."}]}},
            "version 1.4 of dns-filter is denied: Old",
        ),
        ({"signers": []}, "signer acme is not trusted any more"),
        ({"signers": [SIGNER | {"scs": ["waf"]}]}, "signer acme may not sign dns-filter any more"),
        ({"signers": [SIGNER | {"functions": ["waf"]}]}, "signer acme may not sign dns-filter any more"),
        ({"grants": []}, "the site does not grant capability SETUID, host network any more"),
    ],
)
def test_a_changed_policy_counts_at_once(market: Market, changes: dict[str, Any], reason: str) -> None:
    market.rule(**changes)
    assert withdrawn(market) == reason
    with pytest.raises(CatalogueError, match=r"^SC dns-filter: its package is withdrawn: ") as refused:
        select(load_catalogue(market.place.catalogue), "dns-filter")
    assert reason in str(refused.value)


def test_a_denied_digest_wherever_it_is(market: Market) -> None:
    descriptor = load_catalogue(market.place.catalogue)["dns-filter"]
    archive = market.place.catalogue / descriptor.flavours[0].archive
    assert descriptor.package
    digests = [
        descriptor.package.digest,
        sha256(archive.read_bytes()),
        digest_image(archive).image_id,
        sha256(b"resolver"),
    ]
    for digest in digests:
        market.rule(deny={"digests": [{"digest": digest, "reason": "CVE-2026-1."}]})
        assert withdrawn(market) == f"digest {digest} is denied: CVE-2026-1"
    market.rule(deny={"digests": [{"digest": sha256(b"another"), "reason": "x"}]})
    assert withdrawn(market) == ""


def test_a_signer_whose_time_has_passed_takes_nothing_back(market: Market) -> None:
    market.rule(signers=[SIGNER | {"expires": "2020-01-01"}])
    assert withdrawn(market) == ""


def test_its_reference_values_count_on(market: Market) -> None:
    before = load_site(market.place.reference_values, NOW).sc["dns-filter"]
    market.rule(deny={"signers": [{"name": "acme", "reason": "Stolen."}]})
    assert load_site(market.place.reference_values, NOW).sc["dns-filter"].pairs == before.pairs


def test_without_a_policy_nothing_admitted_is_believed(market: Market) -> None:
    (market.place.catalogue / "packages/policy.yml").unlink()
    with pytest.raises(AdmissionError, match=r"policy\.yml: cannot be read"):
        load_catalogue(market.place.catalogue)
