# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is told: a decision table with the hit policy COLLECT, of which every rule that fires names a channel.

A table without an answer tells nobody; one that cannot be asked tells everybody.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.evaluate import CompiledTable
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.table import Table
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.vocabulary import (
    INTEGER_INPUTS,
    LAYERS,
    NOT_APPLICABLE,
    NOTICE_EVENTS,
    NOTICE_INPUTS,
    nearest,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import RuleError

_NAME: Final = 60
_DOMAINS: Final[Mapping[str, tuple[str, ...]]] = {"event": NOTICE_EVENTS, "layer": (*LAYERS, NOT_APPLICABLE)}


@dataclass(frozen=True, slots=True)
class Recipients:
    """The channels of a site, and the table that chooses among them for each notice; None for all of them."""

    channels: tuple[str, ...]
    table: CompiledTable | None = None

    def of(self, inputs: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return who is told, in the order of the channels, and the rules that say so.

        Args:
            inputs: a value for each of :data:`.vocabulary.NOTICE_INPUTS`.
        """
        if self.table is None:
            return self.channels, ()
        try:
            outcome = self.table.evaluate({item.name: inputs[item.name] for item in self.table.table.inputs})
        except RuleError:
            return self.channels, ()
        named = {str(result[0]) for result in outcome.results}
        return tuple(channel for channel in self.channels if channel in named), outcome.fired


def channel_names(given: Iterable[Any]) -> tuple[str, ...]:
    """Return a name for each channel: its own, or its place where it has none, or that of an earlier one."""
    names: list[str] = []
    for index, name in enumerate(given):
        text = printable(name, _NAME) if name else ""
        names.append(text if text and text not in names else f"palantir_trust_notify[{index}]")
    return tuple(names)


def check_notify(table: Table, subject: str) -> None:
    """Refuse a table that cannot say who is told.

    Raises:
        RuleError: its output or an input has another form.
    """
    output = table.outputs[0]
    if output.type != "string" or output.values is None:
        raise RuleError(
            f"{subject}, outputs",
            "notify must be a string with the names of the channels as its values.",
            "write {name: notify, type: string, values: [...]}.",
        )
    for column in table.inputs:
        if column.name not in NOTICE_INPUTS:
            raise RuleError(subject, f"the input {column.name!r} is unknown.", nearest(column.name, NOTICE_INPUTS))
        kind = "integer" if column.name in INTEGER_INPUTS else "string"
        if column.type != kind:
            raise RuleError(f"{subject}, input {column.name}", f"must have the type {kind}, not {column.type}.")
        _check_domain(column.values or (), _DOMAINS.get(column.name), f"{subject}, input {column.name}")


def check_channels(table: Table, channels: Sequence[str]) -> None:
    """Refuse a table that names a channel that there is not.

    Raises:
        RuleError: with the first one.
    """
    subject = f"table {table.name}, output notify"
    _check_domain(table.outputs[0].values or (), channels, subject)


def _check_domain(values: Iterable[Any], known: Sequence[str] | None, subject: str) -> None:
    for value in values if known is not None else ():
        if value not in (known or ()):
            raise RuleError(subject, f"the value {printable(repr(value), 80)} is unknown.", nearest(value, known or ()))


__all__ = ["Recipients", "channel_names", "check_channels", "check_notify"]
