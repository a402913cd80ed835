# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What enrolling again may change; the node's part is told, the store is real."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.palantir.trust.plugins.action import enrol
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import EnrolmentError
from ansible_collections.palantir.trust.plugins.plugin_utils.ssh.host_keys import fingerprint
from ansible_collections.palantir.trust.plugins.plugin_utils.store import identities, ledger
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store
from tests.unit.ssh.keys import host_key
from tests.unit.verifier.soft_tpm import private_key, public_area, tpm2b

AK = tpm2b(public_area(private_key("p256")))
GOOD = {"hardware": {"pci": ["good"]}, "events": [{"pcr": 0, "type": "EV_S_CRTM_VERSION", "digest": "sha256:00"}]}
EVIL = {"hardware": {"pci": ["evil"]}, "events": [{"pcr": 0, "type": "EV_S_CRTM_VERSION", "digest": "sha256:66"}]}
NO_KEYS: dict[str, Any] = {"ssh_host_keys": [], "ssh_host_keys_revoked": []}
OLD, NEW, OTHER = host_key(b"old"), host_key(b"new"), host_key(b"other")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(f"sqlite:///{tmp_path}/store.sqlite3")


def enrolled(
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    now: dict[str, Any],
    *,
    version: str = "1",
    replace: bool = False,
    host_keys: bool = False,
    shown: tuple[str, ...] | None = None,
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
    monkeypatch.setattr(action, "connect", lambda _node: shown)
    action.act({"replace": replace, "host_keys": host_keys}, {"inventory_hostname": "node1"})
    with store.transaction() as connection:
        known = identities.find(connection, "node1")
    assert known is not None
    assert known.identity["tpm"] == tpm
    return dict(known.recorded)


def test_what_was_recorded_stays_when_the_node_says_that_it_is_another(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert enrolled(store, monkeypatch, GOOD) == GOOD | NO_KEYS
    assert enrolled(store, monkeypatch, EVIL) == GOOD | NO_KEYS
    assert enrolled(store, monkeypatch, EVIL, version="2") == GOOD | NO_KEYS
    assert enrolled(store, monkeypatch, EVIL, version="2", replace=True) == EVIL | NO_KEYS


def with_keys(boot: dict[str, Any], *keys: str) -> dict[str, Any]:
    return boot | {"ssh_host_keys": sorted(keys)}


def test_host_keys_are_recorded_once_and_taken_over_by_a_person_s_word(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = with_keys(GOOD, OLD) | {"ssh_host_keys_revoked": []}
    assert enrolled(store, monkeypatch, with_keys(GOOD, OLD)) == first
    assert enrolled(store, monkeypatch, with_keys(EVIL, NEW)) == first
    then = enrolled(store, monkeypatch, with_keys(EVIL, NEW), host_keys=True)
    assert then == with_keys(GOOD, NEW) | {"ssh_host_keys_revoked": [OLD]}, "the hardware stays as it was recorded"
    again = enrolled(store, monkeypatch, with_keys(GOOD, OLD), host_keys=True)
    assert again["ssh_host_keys"] == [OLD]
    assert again["ssh_host_keys_revoked"] == [NEW]
    with store.transaction() as connection:
        entries = list(ledger.every(connection, "enrolment", 0))
    assert [body["ssh_host_keys"] for _at, _subject, body in entries] == [[OLD], [NEW], [OLD]]


def test_a_node_of_an_earlier_release_gets_its_keys_recorded(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    with store.transaction() as connection:
        identity = {"ak_public": "AK", "tpm": {"firmware_version": "1"}}
        identities.save(connection, "node1", "e" * 64, identity, GOOD, 1.0)
    assert enrolled(store, monkeypatch, with_keys(EVIL, NEW)) == with_keys(GOOD, NEW) | {"ssh_host_keys_revoked": []}


def test_a_node_that_names_no_keys_does_not_revoke_any(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    enrolled(store, monkeypatch, with_keys(GOOD, OLD))
    with pytest.raises(EnrolmentError, match="names no SSH host keys to take over"):
        enrolled(store, monkeypatch, with_keys(GOOD), host_keys=True)
    assert enrolled(store, monkeypatch, with_keys(GOOD), replace=True) == GOOD | NO_KEYS


@pytest.mark.parametrize("shown", [(fingerprint(OTHER),), (fingerprint(OLD), fingerprint(OTHER))])
def test_a_server_whose_key_the_tpm_does_not_prove_is_refused(
    store: Store, monkeypatch: pytest.MonkeyPatch, shown: tuple[str, ...]
) -> None:
    with pytest.raises(EnrolmentError, match=r"node1: the SSH server that answers .* \(host_key_foreign\)"):
        enrolled(store, monkeypatch, with_keys(GOOD, OLD), shown=shown)
    with store.transaction() as connection:
        assert identities.find(connection, "node1") is None
        refused = ledger.newest(connection, "access", "node1")
    assert refused is not None
    assert refused[1] == {"refused": "host_key_foreign", "shown": list(shown), "proved": [OLD]}


def test_a_server_whose_key_the_tpm_proves_is_enrolled(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = (fingerprint(NEW),)
    assert enrolled(store, monkeypatch, with_keys(GOOD, OLD, NEW), shown=shown)["ssh_host_keys"] == sorted([OLD, NEW])
    with pytest.raises(EnrolmentError, match="host_key_foreign"):
        enrolled(store, monkeypatch, with_keys(GOOD, OLD, OTHER), shown=(fingerprint(OTHER),))
