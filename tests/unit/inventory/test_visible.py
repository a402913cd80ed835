# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an inventory shows of instances that a site asks for, without Ansible."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.palantir.trust.plugins.plugin_utils.catalogue.descriptor import parse, select
from ansible_collections.palantir.trust.plugins.plugin_utils.catalogue.model import Package
from ansible_collections.palantir.trust.plugins.plugin_utils.catalogue.visible import NOTHING, read_wanted, view
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import CatalogueError
from tests.unit.catalogue.descriptors import FULL


def test_an_instance_of_a_package_that_is_withdrawn_is_seen() -> None:
    package = Package("sha256:" + "0" * 64, "acme", withdrawn="signer acme is denied: stolen")
    catalogue = {"waf": replace(parse(FULL, "waf.yml"), package=package)}
    with pytest.raises(CatalogueError, match="is withdrawn"):
        select(catalogue, "waf")
    wanted = read_wanted([{"instance": "waf-1", "sc": "waf", "node": "edge1"}], catalogue, "instances")
    shown = view(catalogue, wanted, NOTHING, ["edge1"])
    assert shown.running["waf-1"]["state"] == "missing"
    assert shown.groups["trust_missing"] == ["edge1"]
