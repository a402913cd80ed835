# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a generation that was begun beside another comes to: it is promoted, or rolled back.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ansible_collections.palantir.trust.plugins.plugin_utils.edge.agent import AgentAction
from ansible_collections.palantir.trust.plugins.plugin_utils.edge.node import NodeError
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import StoreError, TrustError
from ansible_collections.palantir.trust.plugins.plugin_utils.orchestration import node_part, store_part
from ansible_collections.palantir.trust.plugins.plugin_utils.orchestration.node_part import DRIVERS, container_id
from ansible_collections.palantir.trust.plugins.plugin_utils.orchestration.store_part import Here
from ansible_collections.palantir.trust.plugins.plugin_utils.store.instances import InstanceRecord

_DEPLOY: Final = "see what is deployed with palantir.trust.sc_instance_info."
_GO_ON: Final = "once {} answers, run the verb again, or state promoted of palantir.trust.sc_instance."
_NOT_BEGUN: Final = ("busy", "no_generation", "not_private", "not_running")
"""Codes of a node that has promoted nothing, and given nothing up."""


class GenerationAction(AgentAction):
    """An action on the generations of one instance on one node."""

    def promote(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Let a proved generation serve, and give all others up.

        Raises:
            TrustError: it is not proved, or given up meanwhile; or the node did not do its part.
        """
        sc = node_part.supported(arguments["instance"], arguments["sc"])
        here = self.here(arguments)
        if self._task.check_mode:
            return {"changed": True}
        store = self.open_store(arguments)
        record = self._begun(here, arguments)
        if record is None:
            record = self.serving(here, arguments)
            # Where a run ended while its node promoted it, this one goes on.
            if record.state != "live" or (len(here.deployed) == 1 and sc["network"] != "private"):
                return {"changed": False, "generation": record.plain()}
            self.certify(record, sc.get("management"), arguments, task_vars)
            return self._alone(record, here, sc, arguments, task_vars)
        if arguments["attestation"] is None:
            raise StoreError(
                arguments["instance"],
                "state promoted needs attestation.",
                "give the id that palantir.trust.attest returned.",
            )
        store_part.require_proof(store, record, arguments["attestation"])
        # Before the node gives up what served: whoever is killed then leaves a record of what still can.
        store_part.serve(store, record, self.now(), record.container)
        try:
            # Before the others are given up: without its agent it does not serve.
            self.certify(record, sc.get("management"), arguments, task_vars)
        except TrustError:
            store_part.take_back(store, record, self.now())
            raise
        return {**self._alone(record, here, sc, arguments, task_vars, fresh=True), "changed": True}

    @staticmethod
    def _begun(here: Here, arguments: Mapping[str, Any]) -> InstanceRecord | None:
        """Return the generation that is to be promoted; None where it is on record as what serves.

        Raises:
            StoreError: the one that is named does not serve, and is not begun any more.
        """
        number = arguments["generation"]
        if number is None:
            return here.allocated[-1] if here.allocated else None
        if here.serving is not None and here.serving.generation == number:
            return None
        found = [record for record in here.allocated if record.generation == number]
        if not found:
            what = f"{arguments['instance']}, generation {number}"
            raise StoreError(what, "was given up by another task, or replaced.", _DEPLOY)
        return found[0]

    def _alone(
        self,
        record: InstanceRecord,
        here: Here,
        sc: Mapping[str, Any],
        arguments: dict[str, Any],
        task_vars: dict[str, Any],
        *,
        fresh: bool = False,
    ) -> dict[str, Any]:
        """Let a generation that is on record as live serve on its node, and give all others up.

        Raises:
            NodeError: the node has not begun, and a fresh one is taken back; or nobody knows how far it came: either
                generation may be all that it has.
        """
        others = [other for other in here.all if other.id != record.id]
        changed = bool(others)
        try:
            if others or sc["network"] == "private":
                asked = node_part.of_generation("promoted", record, arguments["directory"], replace_previous=True)
                answer = self.ask(arguments["node"], DRIVERS[sc["driver"]], asked, task_vars)
                changed |= bool(answer.get("changed"))
        except NodeError as error:
            if error.code not in _NOT_BEGUN:
                raise NodeError(
                    f"{record.instance}, generation {record.generation}",
                    f"is proved, and on record as live, but it is not known what {record.node} has given up. {error}",
                    _GO_ON.format(record.node),
                ) from None
            if fresh:
                store_part.take_back(self.open_store(arguments), record, self.now())
            raise
        kept = store_part.serve(self.open_store(arguments), record, self.now(), record.container, alone=True)
        return {"changed": changed, "generation": kept}

    def roll_back(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Give up what was begun, and let the generation before it serve again, unless something speaks against it.

        Raises:
            TrustError: what is to be given up is proved; or the node did not do its part.
        """
        begun = self._to_roll_back(arguments)
        if self._task.check_mode or not begun:
            before, withheld = self._before(arguments, judged=bool(begun))
            return {"changed": bool(begun), "generation": before.plain() if before else None, "withheld": withheld}
        for record in begun:
            asked = node_part.of_generation("absent", record, arguments["directory"])
            self.ask(arguments["node"], DRIVERS[arguments["driver"]], asked, task_vars)
            store_part.retire(self.open_store(arguments), [record], self.now())
        # Seen now: while the node was busy, another task may have let another one serve.
        before, withheld = self._before(arguments)
        if before is not None and before.state == "live":
            self.run_again(before, arguments, task_vars)
            self.certify(before, (arguments["sc"] or {}).get("management"), arguments, task_vars)
        return {"changed": True, "generation": before.plain() if before else None, "withheld": withheld}

    def _to_roll_back(self, arguments: dict[str, Any]) -> Sequence[InstanceRecord]:
        """Return what is to be given up: all that was begun, or the generation that is named, also if it is retired.

        Whoever retired it may have been before the node ran it.

        Raises:
            StoreError: the one that is named is proved.
        """
        number, here = arguments["generation"], self.here(arguments)
        if number is None:
            return here.allocated
        if any(record.generation == number for record in here.deployed):
            raise StoreError(
                f"{arguments['instance']}, generation {number}",
                "is proved, and on record as what serves: it is not given up.",
                _GO_ON.format(arguments["node"]),
            )
        found = store_part.begun(self.open_store(arguments), arguments["node"], arguments["instance"], number)
        return [found] if found else []

    def _before(
        self, arguments: dict[str, Any], *, judged: bool = True
    ) -> tuple[InstanceRecord | None, dict[str, Any] | None]:
        """Return what is to serve again; or, where it is judged and something speaks against it, that instead."""
        before = self.here(arguments).serving if arguments["revive"] else None
        why = store_part.speaks_against(self.open_store(arguments), before) if before and judged else ""
        if before and why:
            return None, {"generation": before.generation, "why": why}
        return before, None

    def run_again(
        self, record: InstanceRecord, arguments: dict[str, Any], task_vars: dict[str, Any]
    ) -> tuple[bool, str | None]:
        """Have a node run a generation that it has, until it answers; return whether it ran, and its container."""
        health = {"probe": arguments["sc"]["probe"]} if arguments["sc"] else {}
        asked = node_part.of_generation("operating", record, arguments["directory"], **health)
        answer = self.ask(arguments["node"], DRIVERS[arguments["driver"]], asked, task_vars)
        container = container_id(answer.get("container"), f"{record.instance}-g{record.generation}")
        return not answer.get("changed"), container

    def here(self, arguments: dict[str, Any]) -> Here:
        """Return what the store knows of the instance on the task's node."""
        return store_part.here(self.open_store(arguments), arguments["node"], arguments["instance"])

    @staticmethod
    def serving(here: Here, arguments: Mapping[str, Any]) -> InstanceRecord:
        """Return the generation that is on record as what serves.

        Raises:
            StoreError: there is none.
        """
        if here.serving is None:
            raise StoreError(str(arguments["instance"]), f"is not deployed on {arguments['node']}.", _DEPLOY)
        return here.serving


__all__ = ["GenerationAction"]
