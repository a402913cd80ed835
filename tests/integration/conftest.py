# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.scs import Catalogue, open_catalogue
from tests.lab.light.node import LightNode

LONGEST = (
    *("node_access", "rounds", "power", "watch", "notify", "host_keys", "kubernetes", "sol005", "sc_images"),
    *("orchestrate", "runner", "agents", "isolation", "playbooks"),
)
"""Files by the time that they take, the longest first; what is not named takes less."""

# What is ignored here, as under nohup, is ignored by all that is started, and a shell cannot even trap it. A handler is
# not passed on.
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, lambda _number, _frame: None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes long, so that no worker waits for another one in the end."""
    places = {Path(__file__).with_name(f"test_{name}.py"): place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))


@pytest.fixture
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LightNode]:
    """A light node that is on."""
    # A Unix socket's path has at most 107 characters.
    with LightNode("node1", tmp_path_factory.mktemp("n") / "node1") as node:
        yield node


@pytest.fixture(scope="session")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    """The lab's SCs: images, Reference Values, and what the lookup makes of each flavour; made once."""
    return open_catalogue(tmp_path_factory.mktemp("catalogue"))
