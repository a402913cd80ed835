# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.lab.light.node import LightNode
from tests.unit.support.emulator import emulated_node


@pytest.fixture(scope="session")
def node() -> Iterator[LightNode]:
    with emulated_node() as booted:
        yield booted
