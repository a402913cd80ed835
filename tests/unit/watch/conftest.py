# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Iterator

import pytest

from ansible_collections.palantir.trust.plugins.module_utils._enrolment import AkRequest, describe
from tests.lab.light.node import LightNode
from tests.unit.support.emulator import emulated_node


@pytest.fixture(scope="session")
def node() -> Iterator[LightNode]:
    """A booted light node whose TPM has an AK."""
    with emulated_node() as booted:
        describe(booted.tcti, "0x81010020", "auto", AkRequest("ecdsa_p256", replace=False, create=True))
        yield booted
