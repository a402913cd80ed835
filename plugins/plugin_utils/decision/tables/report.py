# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The form of a finding about a decision table.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ansible_collections.palantir.trust.plugins.plugin_utils.decision.codes import severity
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.boxes import Box
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.evaluate import CompiledTable
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.unary import Scalar

_MAX_WORDS = 160


@dataclass(frozen=True, slots=True)
class TableFinding:
    """One finding.

    Attributes:
        code: one of :data:`.codes.CODES`.
        severity: ``error`` stops the load of the table, ``warning`` does not.
        rules: ids of the rules concerned; the one at fault first.
        witness: an input that shows the finding; empty where a rule matches no input.
        message: one sentence that names rules and region.
    """

    code: str
    severity: str
    rules: tuple[str, ...]
    witness: Mapping[str, Any]
    message: str

    @property
    def told(self) -> str:
        """The message, with the witness where there is one."""
        pairs = ", ".join(f"{name} {value}" for name, value in self.witness.items())
        return f"{self.message} Witness: {pairs}." if pairs else self.message

    def plain(self) -> dict[str, Any]:
        """Return the JSON-safe form."""
        return {
            "code": self.code,
            "severity": self.severity,
            "rules": list(self.rules),
            "witness": dict(self.witness),
            "message": self.message,
        }


def make_finding(
    compiled: CompiledTable, code: str, rules: Sequence[int], where: Box | None, text: str, last: str = ""
) -> TableFinding:
    """Return a finding about rules, by their numbers, with a witness out of a box.

    The witness takes the smallest value of each input, and the largest of the input ``last``.
    """
    ids = tuple(compiled.table.rules[number].id for number in rules)
    named = (
        f"{'rule' if len(ids) == 1 else 'rules'} {', '.join(ids[:8])}{', …' if len(ids) > 8 else ''}: " if ids else ""
    )
    witness = {} if where is None else _witness(compiled, where, last)
    return TableFinding(code, severity(code, compiled.table.hit_policy), ids, witness, f"{named}{text}.")


def describe(compiled: CompiledTable, box: Box) -> str:
    """Return a box in words: what it asks of each input that it restricts."""
    words = []
    for item, axis, mask, full in zip(compiled.table.inputs, compiled.axes, box, compiled.boxes.full, strict=True):
        if mask != full:
            text = axis.describe(mask)
            words.append(f"{item.name} {text if len(text) <= _MAX_WORDS else text[:_MAX_WORDS] + '…'}")
    return "; ".join(words) or "any input"


def plain_scalar(value: Scalar) -> Any:
    """Return a value JSON-safe: a Decimal as an integer or float."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value


def _witness(compiled: CompiledTable, box: Box, last: str) -> dict[str, Any]:
    witness = {}
    for item, axis, mask in zip(compiled.table.inputs, compiled.axes, box, strict=True):
        atom = (mask & -mask).bit_length() - 1
        witness[item.name] = plain_scalar(axis.largest(atom) if item.name == last else axis.sample(atom))
    return witness


__all__ = ["TableFinding", "describe", "make_finding", "plain_scalar"]
