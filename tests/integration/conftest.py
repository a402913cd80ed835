# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from tests.integration.scs import Catalogue, open_catalogue


@pytest.fixture(scope="session")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    """The lab's SCs: images, Reference Values, and what the lookup makes of each flavour; made once."""
    return open_catalogue(tmp_path_factory.mktemp("catalogue"))
