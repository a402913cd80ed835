# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ansible_collections.palantir.trust.plugins.plugin_utils.store import (
    identities,
    instances,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store
from tests.unit.appraisal.scene import CONFIGURATION, Guest, sha256
from tests.unit.challenge.rounds import NOW, allocate


@contextmanager
def enrolled(directory: Path) -> Iterator[Store]:
    """A store with node1 enrolled and dns-filter-1 live on it, as the guest of the scene has it."""
    opened, record = Store(f"sqlite:///{directory}/store.sqlite3"), Guest().record
    with opened.transaction() as connection:
        identity = {"ak_public": record["ak_public"], "ek_certificate_sha256": "e" * 64, "tpm": {}}
        identities.save(connection, "node1", "e" * 64, identity, record["recorded"], NOW)
        files = {"/etc/dnsmasq.conf": sha256(CONFIGURATION)}
        generation = allocate(connection, files=files)
        instances.set_state(connection, generation.id, "live", NOW)
    yield opened
    opened.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with enrolled(tmp_path) as opened:
        yield opened
