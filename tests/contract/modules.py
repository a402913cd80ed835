# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules of other collections as they are, run in this process: starting one by Ansible takes over a second."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
from typing import Any

from ansible.module_utils.testing import patch_module_args  # type: ignore[import-untyped,unused-ignore]


class InProcess:
    """Runs modules by their full names, with ``check`` in check mode."""

    def __init__(self, *, check: bool = False) -> None:
        self._check = check

    def __call__(self, name: str, arguments: dict[str, Any], /) -> dict[str, Any]:
        """Return a module's result, as it prints it."""
        collection, _dot, module = name.rpartition(".")
        found = importlib.import_module(f"ansible_collections.{collection}.plugins.modules.{module}")
        printed = io.StringIO()
        with (
            patch_module_args({**arguments, "_ansible_check_mode": self._check}),
            contextlib.redirect_stdout(printed),
            contextlib.suppress(SystemExit),
        ):
            try:
                found.main()
            except Exception as error:  # noqa: BLE001 # what a module does not catch, Ansible makes a failure of
                return {"failed": True, "msg": str(error)}
        result: dict[str, Any] = json.loads(printed.getvalue())
        return result


__all__ = ["InProcess"]
