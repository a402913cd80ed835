# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""``awx/configure.yml`` as AWX's modules would be given it: every task, with its loop, its variables filled in."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ansible._internal._templating._utils import Omit
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

from tests.lab.paths import CHECKOUT

AWX = CHECKOUT / "awx"


def asked(**variables: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each call of a module of awx.awx, in order: the module's name, and its arguments."""
    loader = DataLoader()
    (play,) = loader.load_from_file(str(AWX / "configure.yml"), trusted_as_template=True)
    known = dict(play["vars"])
    for name in play["vars_files"]:
        known |= loader.load_from_file(str(AWX / name), trusted_as_template=True)
    known |= {"awx_scm_url": "git@git.example.net:site.git", "awx_image": "registry.example.net/ee:1", "omit": Omit}
    known |= variables
    for task in play["tasks"]:
        for module in (key.removeprefix("awx.awx.") for key in task if key.startswith("awx.awx.")):
            for item in Templar(loader, known).template(task.get("loop", [None])):
                arguments = Templar(loader, known | {"item": item}).template(task[f"awx.awx.{module}"])
                yield module, dict(arguments)


@cache
def specification(module: str) -> dict[str, Any]:
    """Return a module's argument specification, as it stands in its own file.

    Raises:
        LookupError: the collection is not installed.
    """
    for place in find_spec("ansible_collections").submodule_search_locations or ():  # type: ignore[union-attr]
        file = Path(place) / "awx" / "awx" / "plugins" / "modules" / f"{module}.py"
        if file.is_file():
            return _specification(ast.parse(file.read_text(encoding="utf-8")))
    raise LookupError("the collection awx.awx is not installed")


def _specification(tree: ast.Module) -> dict[str, Any]:
    kinds: dict[str, Any] = {"list": list}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            if name == "KIND_CHOICES":
                kinds[name] = ast.literal_eval(node.value)
            if name == "argument_spec":
                return dict(eval(compile(ast.Expression(node.value), name, "eval"), {**kinds, "dict": dict}))  # noqa: S307
    raise LookupError("the module has no argument specification")


__all__ = ["AWX", "asked", "specification"]
