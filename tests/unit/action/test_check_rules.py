# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook ``rules``, run as a user runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
SHIPPED = ROOT / "roles" / "remediate" / "files" / "rules"


def run(site: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the playbook for a site; with a home of its own, so that nothing of the user's counts."""
    site.mkdir(exist_ok=True)
    inventory = site / "hosts.yml"
    inventory.write_text("all: {hosts: {localhost: {ansible_connection: local}}}\n", encoding="utf-8")
    return subprocess.run(
        [
            Path(sys.executable).with_name("ansible-playbook"),
            "-i",
            inventory,
            "palantir.trust.rules",
            *arguments,
        ],
        cwd=ROOT,
        env={**os.environ, "HOME": str(site), "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "collections")},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_a_site_without_rules_has_the_shipped_ones_and_their_pages(tmp_path: Path) -> None:
    done = run(tmp_path / "site")
    assert done.returncode == 0, done.stdout
    assert "sc-remediation.yml    sc-remediation    4      sound" in done.stdout
    pages = tmp_path / "site" / "rule_pages"
    assert sorted(path.name for path in pages.iterdir()) == [
        "host-remediation.html",
        "index.html",
        "sc-remediation.html",
    ]


def test_an_error_fails_the_playbook_and_names_rule_and_witness(tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    rules.mkdir()
    text = (SHIPPED / "sc-remediation.yml").read_text(encoding="utf-8")
    (rules / "sc.yml").write_text(text.replace("attempt: 2}", "attempt: 1}"), encoding="utf-8")
    done = run(tmp_path / "site", "--check", "-e", f"palantir_trust_rules={rules}")
    assert done.returncode == 2, done.stdout
    said = " ".join(done.stdout.split())
    assert "sc.yml: overlap: rules sc-restart, sc-move: both match tier contraindicated; attempt 1" in said
    assert "sc.yml: gap: no rule matches tier contraindicated; attempt 2." in said
    assert not (tmp_path / "site" / "rule_pages").exists()
