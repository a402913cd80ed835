# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checkout as a project of AWX: what AWX lists of it, by the rules of its own code.

AWX 24.6.1, ``awx/main/utils/ansible.py`` (``skip_directory``, ``could_be_playbook``, ``could_be_inventory``) and
``awx/main/models/projects.py`` (at most 50 inventories are listed, in no order).
"""

from __future__ import annotations

import configparser
import os
import re
import stat
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.lab.paths import CHECKOUT

PLAYBOOK = re.compile(r"^\s*?-?\s*?(?:hosts|include|import_playbook):\s*?.*?$")
INVENTORY = re.compile(r"^[a-zA-Z0-9_.=\[\]]")
LISTED = 50


def files() -> list[Path]:
    listed = subprocess.run(["git", "-C", str(CHECKOUT), "ls-files", "-z"], capture_output=True, check=False)
    if listed.returncode:
        pytest.skip("this is no working copy of git, as AWX has one")
    names = [Path(name) for name in listed.stdout.decode().split("\0") if name]
    return [name for name in names if not skipped(name.parent) and (CHECKOUT / name).is_file()]


def skipped(directory: Path) -> bool:
    return bool({"roles", "tasks", "group_vars", "host_vars"} & set(directory.parts)) or any(
        part.startswith(".") for part in directory.parts
    )


def lines(name: Path) -> list[str]:
    return (CHECKOUT / name).read_text(encoding="utf-8", errors="ignore").splitlines()


def is_inventory(name: Path) -> bool:
    executable = bool((CHECKOUT / name).stat().st_mode & stat.S_IXUSR)
    if name.name in ("inventory", "hosts") or name.suffix == ".ini" or executable:
        return True
    return not name.suffix and all(INVENTORY.match(line) for line in lines(name)[:10])


def test_awx_lists_the_inventory_among_the_few_that_it_lists() -> None:
    found = [name for name in files() if is_inventory(name)]
    assert Path("inventories/lab/hosts") in found
    assert len(found) <= LISTED // 2, f"others may crowd it out: {found}"
    assert os.readlink(CHECKOUT / "inventories/lab/hosts") == "hosts.yml"


def test_awx_lists_every_playbook() -> None:
    found = {n for n in files() if n.suffix in (".yml", ".yaml") and any(map(PLAYBOOK.match, lines(n)))}
    assert {path.relative_to(CHECKOUT) for path in (CHECKOUT / "playbooks").glob("*.yml")} <= found
    assert Path("awx/configure.yml") in found


def test_the_collection_is_found_by_the_path_that_awx_makes_of_the_configuration() -> None:
    """AWX reads ``collections_path``, and gives it on behind where it installs what ``requirements.yml`` names."""
    parser = configparser.ConfigParser()
    parser.read(CHECKOUT / "ansible.cfg")
    place = CHECKOUT / parser["defaults"]["collections_path"]
    assert (place / "ansible_collections/palantir/trust").resolve() == CHECKOUT
    wanted = yaml.safe_load((CHECKOUT / "collections/requirements.yml").read_text(encoding="utf-8"))["collections"]
    galaxy = yaml.safe_load((CHECKOUT / "galaxy.yml").read_text(encoding="utf-8"))
    assert {item["name"]: item["version"] for item in wanted} == galaxy["dependencies"]
