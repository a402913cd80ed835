# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting an operation on an NS instance and waiting until it is over (NFV-SOL 005 clauses 6.4.4 to 6.4.15).

None is ever started twice: where an answer is lost, what the MANO lists decides whether it began.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import PlatformError
from ansible_collections.palantir.trust.plugins.plugin_utils.platforms.site import Sol005Platform
from ansible_collections.palantir.trust.plugins.plugin_utils.platforms.sol005.client import Client, identifier
from ansible_collections.palantir.trust.plugins.plugin_utils.platforms.sol005.resources import (
    RUNNING,
    Operation,
    read_operation,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.platforms.sol005.transport import Answer, UnansweredError

OCCURRENCES: Final = "/ns_lcm_op_occs"
_NO_WAY_BACK: Final = "TERMINATE"


class FailedError(PlatformError):
    """An operation that is over and did not do what it was to do; ``operation`` is how it ended."""

    def __init__(self, subject: str, cause: str, next_step: str, operation: Operation) -> None:
        self.operation = operation
        super().__init__(subject, cause, next_step)


class Operations:
    """The operations of one platform; ``done`` lists those that completed here, as ``TYPE ID``."""

    def __init__(self, client: Client, platform: Sol005Platform) -> None:
        self._client = client
        self._platform = platform
        self.done: list[str] = []

    def run(self, ns: str, task: str, kind: str, body: Mapping[str, Any]) -> Operation:
        """Start an operation and return it when it has completed.

        Args:
            ns: identifier of the NS instance.
            task: the task resource below it, ``instantiate``.
            kind: its type as occurrences name it, ``INSTANTIATE``.
            body: of the request.

        Raises:
            FailedError: it ended otherwise, after what the platform's ``on_failure`` asks for.
            PlatformError: it was refused, or is not over at the deadline.
        """
        operation = self._over(self._start(ns, task, kind, body))
        if operation.state == "FAILED_TEMP":
            operation = self._mended(operation)
        if operation.state != "COMPLETED":
            raise _failed(operation)
        self.done.append(f"{operation.type} {operation.id}")
        return operation

    def settle(self, ns: str) -> None:
        """Wait for what others, or a run that was cut off, have begun on an NS instance.

        Raises:
            PlatformError: it is not over at the deadline.
        """
        for operation in self._of(ns):
            ended = self._over(operation.id) if operation.state in RUNNING else operation
            if ended.state == "FAILED_TEMP":
                self._mended(ended)

    def listed(self, ns: str) -> list[Any]:
        """Return what the MANO lists of all operations on an NS instance, as it is."""
        if self._platform.dialect == "osm":
            return self._client.query(OCCURRENCES, {"nsInstanceId": ns})
        return self._client.query(OCCURRENCES, {"filter": f"(eq,nsInstanceId,{ns})"})

    def _of(self, ns: str) -> list[Operation]:
        subject = f"operations on {ns}"
        return [found for item in self.listed(ns) if (found := read_operation(item, subject)).ns == ns]

    def _start(self, ns: str, task: str, kind: str, body: Mapping[str, Any]) -> str:
        path = f"/ns_instances/{ns}/{task}"
        known = {operation.id for operation in self._of(ns)}
        try:
            answer = self._client.post(path, body, {201, 202})
        except UnansweredError:
            begun = [found for found in self._of(ns) if found.id not in known and found.type == kind]
            if len(begun) != 1:
                raise
            return begun[0].id
        return self._id(answer, path)

    def _id(self, answer: Answer, path: str) -> str:
        if self._platform.dialect == "osm":
            data = answer.json(path)
            return identifier(data.get("id") if isinstance(data, dict) else None, path)
        return self._client.created(answer, OCCURRENCES, path)

    def _over(self, operation: str) -> Operation:
        while True:
            found = self._read(operation)
            if found.state not in RUNNING:
                return found
            if not self._client.clock.wait(self._platform.poll):
                raise PlatformError(
                    f"operation {operation}",
                    f"is still {found.state} at the deadline of {self._platform.timeout} s.",
                    "run this again: it waits for the same operation and starts none anew.",
                )

    def _mended(self, failed: Operation) -> Operation:
        """Retry or roll back as the site wants; what cannot be rolled back is retried."""
        choice = self._platform.on_failure
        if choice == "leave":
            return failed
        if choice == "retry" or failed.type == _NO_WAY_BACK:
            again = self._task(failed, "retry")
            if again.state != "FAILED_TEMP" or again.type == _NO_WAY_BACK:
                return again
        return self._task(failed, "rollback")

    def _task(self, operation: Operation, task: str) -> Operation:
        self._client.post(f"{OCCURRENCES}/{operation.id}/{task}", None, {202, 204})
        ended = self._over(operation.id)
        # Why it was rolled back is told where it failed.
        return ended if ended.error else Operation(ended.id, ended.ns, ended.type, ended.state, operation.error)

    def _read(self, operation: str) -> Operation:
        path = f"{OCCURRENCES}/{operation}"
        found = read_operation(self._client.read(path), path)
        if found.id != operation:
            raise PlatformError(path, "was answered with another operation.")
        return found


def _failed(operation: Operation) -> FailedError:
    why = f": {operation.error.rstrip('.')}" if operation.error else ""
    step = {
        "ROLLED_BACK": "see why with the MANO; what was there before is there again.",
        "FAILED_TEMP": "retry, roll back or fail it at the MANO.",
    }.get(operation.state, "see why with the MANO.")
    subject = f"operation {operation.id}, {operation.type}"
    return FailedError(subject, f"ended {operation.state}{why}.", step, operation)


__all__ = ["OCCURRENCES", "FailedError", "Operations"]
