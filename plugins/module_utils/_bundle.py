# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Python modules out of one text: what makes a program of the collector's modules that needs no file.

The text of this module is the beginning of that program; see plugin_utils/watch/program.py.

This module is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import importlib
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, Mapping, Optional


class Bundle(MetaPathFinder, Loader):
    """Finds and loads modules, and the packages that they are in, whatever the node has under these names.

    Args:
        sources: name of each module → its source.
    """

    def __init__(self, sources: Mapping[str, str]) -> None:
        self._sources = sources
        self._packages = {name.rsplit(".", depth)[0] for name in sources for depth in range(1, name.count(".") + 1)}

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> Optional[ModuleSpec]:
        """Return the specification of a module or package of the bundle; None for any other."""
        if fullname not in self._sources and fullname not in self._packages:
            return None
        return ModuleSpec(fullname, self, origin="bundle", is_package=fullname in self._packages)

    def create_module(self, spec: ModuleSpec) -> Optional[ModuleType]:
        """Leave the making of a module to Python."""
        return None

    def exec_module(self, module: ModuleType) -> None:
        """Run a module's source; a package has none."""
        name = module.__name__
        if name in self._sources:
            exec(compile(self._sources[name], "<%s>" % name, "exec"), module.__dict__)  # noqa: S102


def run(sources: Mapping[str, str], name: str, digest: str, *, installed: bool) -> None:
    """Run the function ``main`` of a module of a bundle."""
    sys.meta_path.insert(0, Bundle(sources))
    importlib.import_module(name).main(digest, installed=installed)


__all__ = ["Bundle", "run"]
