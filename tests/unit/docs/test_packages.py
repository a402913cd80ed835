# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/packages.md says what admissions check, and its policy and manifest are ones that load."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from ansible_collections.palantir.trust.plugins.plugin_utils.admission.checks import CHECKS
from ansible_collections.palantir.trust.plugins.plugin_utils.admission.manifest import Manifest
from ansible_collections.palantir.trust.plugins.plugin_utils.admission.policy import load_policy
from tests.unit.admission.developer import key, public_pem
from tests.unit.docs.pages import blocks, first_codes, page, rows, section


def test_the_page_has_every_check() -> None:
    told = {row[0].strip("`"): row[1] for row in rows(section(page("packages.md"), "## The checks"))}
    assert list(told.items()) == list(CHECKS.items())


def test_the_pages_policy_loads_and_all_its_keys_are_explained(tmp_path: Path) -> None:
    (block,) = blocks("yaml", "packages.md")
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys/acme.pem").write_bytes(public_pem(key()))
    (tmp_path / "policy.yml").write_text(block.text)
    assert load_policy(tmp_path / "policy.yml").signers["acme"].may_sign("acme-proxy")
    assert first_codes(section(page("packages.md"), "## The policy")) == list(yaml.safe_load(block.text))


def test_the_pages_manifest_has_the_keys_of_one() -> None:
    (manifest,) = blocks("json", "packages.md")
    assert sorted(json.loads(manifest.text)) == sorted(json.loads(Manifest("a", "1", {"a": ""}).encode()))
