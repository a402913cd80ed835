# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rounds with the node of the scene, in a store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.policy.policy import load_policy
from ansible_collections.palantir.trust.plugins.plugin_utils.challenge import round as attestation
from ansible_collections.palantir.trust.plugins.plugin_utils.challenge.round import Challenge, Result
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.index import ReferenceSet
from ansible_collections.palantir.trust.plugins.plugin_utils.store import (
    instances,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store
from ansible_collections.palantir.trust.plugins.plugin_utils.store.signing_key import load_or_create
from tests.unit.appraisal import scene
from tests.unit.appraisal.scene import Guest, reference_values

NOW = scene.NOW.timestamp()


def references() -> ReferenceSet:
    return ReferenceSet.from_plain(reference_values(), scene.NOW)


def allocate(connection: Any, **changed: Any) -> instances.InstanceRecord:
    values = {"instance": "dns-filter-1", "sc": "dns-filter", "flavour": "podman", "node": "node1", "files": {}}
    return instances.allocate(connection, **(values | {"reset_count": 0, "at": NOW} | changed))


def challenge(store: Store, *, whole: bool = False) -> Challenge:
    issued = attestation.begin(store, "node1", load_policy({}), references(), NOW, whole=whole)
    assert issued is not None
    return issued


def answer(asked: Challenge, monkeypatch: pytest.MonkeyPatch, guest: Guest | None = None) -> dict[str, Any]:
    """Return what the node says to a challenge: everything but the nonce, which the controller adds itself."""
    monkeypatch.setattr(scene, "NONCE", asked.nonce)
    evidence = (guest or Guest()).evidence(since=asked.since)
    del evidence["nonce"]
    return evidence


def finish(store: Store, asked: Challenge, evidence: Any, after: float = 1.0) -> Result:
    key = load_or_create(Path(store.name.removeprefix("sqlite:///")).with_name("key.pem"))
    return attestation.finish(store, asked, evidence, load_policy({}), references(), key, NOW + after)
