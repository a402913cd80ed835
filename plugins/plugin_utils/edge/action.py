# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The edge to Ansible that all action plugins of the collection share: arguments in, domain errors out.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import contextlib
import os
import time
from abc import abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from ansible import constants
from ansible.plugins.action import ActionBase
from sqlalchemy import Connection

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import TrustError
from ansible_collections.palantir.trust.plugins.plugin_utils.recovery.controllers import name_of
from ansible_collections.palantir.trust.plugins.plugin_utils.report.shorter import fitted
from ansible_collections.palantir.trust.plugins.plugin_utils.store import signing_key
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store, default_url

RESULT_LIMIT = 600_000
"""Most characters of a task's result, as JSON: ansible-runner keeps nothing of one over 700,000 (MAX_EVENT_RES)."""

FACTS_ARE_VARIABLES = (
    "ansible.cfg: inject_facts_as_vars is on, so that what a node says in any task replaces the site's variables, its "
    "Appraisal Policy too. Next: set inject_facts_as_vars = False in [defaults], or ANSIBLE_INJECT_FACT_VARS="
    "False in the environment, for every run; facts are then found in ansible_facts."
)
"""Why nothing is done: any module's answer may hold ``ansible_facts``, and facts count more than the inventory."""


class TrustAction(ActionBase):  # type: ignore[misc]
    """An action that runs on the controller and has a store, but for ``HAS_STORE``.

    A subclass gives ``SPEC``, the argument specification without ``store``, and ``act``. In check mode it must foresee
    what it would do and change nothing, or say ``_supports_check_mode = False``: Ansible takes its support for granted.
    """

    SPEC: ClassVar[dict[str, Any]] = {}
    HAS_STORE: ClassVar[bool] = True
    FOR_PEOPLE: ClassVar[tuple[str, ...]] = ()
    """Keys of the result whose lists and texts are cut where it would be too long to be kept: what is in them is for
    people alone, or whole in the store."""
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Check the arguments, act, and give a domain error as the task's one message."""
        super().run(tmp, task_vars)
        if constants.INJECT_FACTS_AS_VARS:
            return {"failed": True, "msg": FACTS_ARE_VARIABLES}
        spec = {**self.SPEC, **({"store": {"type": "str", "no_log": True}} if self.HAS_STORE else {})}
        _checked, arguments = self.validate_argument_spec(argument_spec=spec)
        try:
            result = self.act(arguments, task_vars or {})
            return fitted(result, self.FOR_PEOPLE, RESULT_LIMIT) if self.FOR_PEOPLE else result
        except TrustError as error:
            # Returned and not raised: what is raised passes failed_when by.
            return {**error.told, "failed": True, "msg": str(error)}

    @abstractmethod
    def act(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Do the work and return the task's result.

        Raises:
            TrustError: becomes the task's failure message.
        """

    def hand_over(self, action: str, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Let another action of the collection do the work of this task, and return its result.

        Args:
            action: its name without the collection's.
            arguments: its arguments; those that are None are left out.
            task_vars: of the task.
        """
        task = self._task.copy()
        task.args = {name: value for name, value in arguments.items() if value is not None}
        other = self._shared_loader_obj.action_loader.get(
            f"palantir.trust.{action}",
            task=task,
            connection=self._connection,
            play_context=self._play_context,
            loader=self._loader,
            templar=self._templar,
            shared_loader_obj=self._shared_loader_obj,
        )
        result: dict[str, Any] = other.run(task_vars=task_vars)
        return result

    def open_store(self, arguments: dict[str, Any]) -> Store:
        """Open the store of the task's argument, else of the environment, else the user's own.

        In check mode it is neither made nor upgraded.
        """
        return Store(arguments["store"] or default_url(), keep=not self._task.check_mode)

    def signing_key(self, arguments: dict[str, Any]) -> bytes | None:
        """Return the PEM of the key that signs results; None where there is none and check mode makes none."""
        path = Path(arguments["signing_key"] or signing_key.default_path())
        return None if self._task.check_mode and not path.exists() else signing_key.load_or_create(path)

    @contextlib.contextmanager
    def transaction(self, arguments: dict[str, Any], *, keep: bool = True) -> Iterator[Connection]:
        """Run the body in one transaction on the store; in check mode, or without ``keep``, nothing of it is kept."""
        with self.open_store(arguments).transaction() as connection, connection.begin_nested() as all_of_it:
            yield connection
            if self._task.check_mode or not keep:
                all_of_it.rollback()

    @staticmethod
    def controller() -> str:
        """Return the name under which this run leases incidents."""
        # The process that forks the workers: the same for all tasks of one run, and no other's.
        return name_of(os.getppid())

    @staticmethod
    def now() -> float:
        """Return the time as seconds since the epoch."""
        return time.time()


__all__ = ["FACTS_ARE_VARIABLES", "RESULT_LIMIT", "TrustAction"]
