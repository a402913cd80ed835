# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What enrolling again may change; the node's part is told, the store is real."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.palantir.trust.plugins.action import enrol
from ansible_collections.palantir.trust.plugins.plugin_utils.store import identities
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store
from tests.unit.verifier.soft_tpm import private_key, public_area, tpm2b

AK = tpm2b(public_area(private_key("p256")))
GOOD = {"hardware": {"pci": ["good"]}, "events": [{"pcr": 0, "type": "EV_S_CRTM_VERSION", "digest": "sha256:00"}]}
EVIL = {"hardware": {"pci": ["evil"]}, "events": [{"pcr": 0, "type": "EV_S_CRTM_VERSION", "digest": "sha256:66"}]}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(f"sqlite:///{tmp_path}/store.sqlite3")


def enrolled(
    store: Store, monkeypatch: pytest.MonkeyPatch, now: dict[str, Any], *, version: str = "1", replace: bool = False
) -> dict[str, Any]:
    """Enrol node1, whose boot is ``now`` and which says that its TPM's firmware has a version; return what is kept."""
    tpm = {"firmware_version": version}
    identity = SimpleNamespace(
        ak_public=AK,
        ek_certificate=SimpleNamespace(sha256="e" * 64),
        tpm=tpm,
        findings=(),
        record=lambda: {"ak_public": "AK", "tpm": tpm},
    )
    action = enrol.ActionModule.__new__(enrol.ActionModule)
    monkeypatch.setattr(action, "open_store", lambda _arguments: store)
    monkeypatch.setattr(action, "_prove", lambda *_arguments: identity)
    monkeypatch.setattr(action, "_record", lambda *_arguments: now)
    action.act({"replace": replace}, {"inventory_hostname": "node1"})
    with store.transaction() as connection:
        known = identities.find(connection, "node1")
    assert known is not None
    assert known.identity["tpm"] == tpm
    return dict(known.recorded)


def test_what_was_recorded_stays_when_the_node_says_that_it_is_another(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert enrolled(store, monkeypatch, GOOD) == GOOD
    assert enrolled(store, monkeypatch, EVIL) == GOOD
    assert enrolled(store, monkeypatch, EVIL, version="2") == GOOD
    assert enrolled(store, monkeypatch, EVIL, version="2", replace=True) == EVIL
