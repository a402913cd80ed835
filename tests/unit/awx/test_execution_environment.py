# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The execution environment: its build context is made by ansible-builder; the image itself needs a registry."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.lab.paths import CHECKOUT


def read(name: str) -> Any:
    return yaml.safe_load((CHECKOUT / name).read_text(encoding="utf-8"))


def requirements(name: str) -> set[str]:
    lines = (CHECKOUT / name).read_text(encoding="utf-8").splitlines()
    return {line for line in lines if line and not line.startswith("#")}


def test_ansible_builder_makes_the_build_context(tmp_path: Path) -> None:
    builder = shutil.which("ansible-builder", path=str(Path(sys.executable).parent)) or shutil.which("ansible-builder")
    if builder is None:
        pytest.skip("ansible-builder is not installed; requirements-dev.txt has it")
    command = [builder, "create", "--file", str(CHECKOUT / "execution-environment.yml"), "--context", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    text = next(tmp_path.glob("*file")).read_text(encoding="utf-8")
    assert 'ARG EE_BASE_IMAGE="palantir-trust-base:latest"' in text
    assert set(re.findall(r"^FROM (\S+)", text, re.MULTILINE)) <= {"$EE_BASE_IMAGE", "base", "galaxy", "builder"}
    built = tmp_path / "_build"
    assert (built / "requirements.txt").read_text(encoding="utf-8").splitlines()[2:]
    assert (built / "requirements.yml").read_bytes() == (CHECKOUT / "collections/requirements.yml").read_bytes()
    assert (built / "bindep.txt").read_bytes() == (CHECKOUT / "bindep.txt").read_bytes()


def test_what_the_image_has_is_what_the_collection_needs() -> None:
    here, of_the_collection = read("execution-environment.yml")["dependencies"], read("meta/execution-environment.yml")
    assert of_the_collection["dependencies"] == {"python": here["python"], "system": here["system"]}
    core = here["ansible_core"]["package_pip"]
    assert requirements(here["python"]) | {core} == requirements("requirements.txt") | {"psycopg[binary]>=3.2"}
    assert here["galaxy"] == "collections/requirements.yml"


def test_no_registry_is_named() -> None:
    image = read("execution-environment.yml")["images"]["base_image"]["name"]
    assert "." not in image.partition(":")[0]
    assert "/" not in image
