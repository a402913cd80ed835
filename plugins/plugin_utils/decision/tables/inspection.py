# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""All decision tables of a site at once: what is wrong with each, and with all together.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import PurePath
from typing import Any

from ansible_collections.palantir.trust.plugins.plugin_utils.decision.codes import ERROR
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.forms.page import page, verdict, write_page
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.rulebook import load_rulebook
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.findings import analyse
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.report import TableFinding
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.table import Table, load_table
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.vocabulary import AVAILABLE_VERBS, LAYERS
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import RuleError


@dataclass(frozen=True, slots=True)
class Inspected:
    """One file.

    Attributes:
        file: its name.
        table: the table, None where the file cannot be read as one.
        findings: of its analysis.
        refusal: why remediation refuses it beyond its findings, empty where it does not.
    """

    file: str
    table: Table | None
    findings: tuple[TableFinding, ...]
    refusal: str

    @property
    def errors(self) -> list[str]:
        """What stops its load, a line each."""
        found = [f"{self.file}: {item.code}: {item.told}" for item in self.findings if item.severity == ERROR]
        return found + ([self.refusal] if self.refusal else [])

    @property
    def page_name(self) -> str:
        """Name of the file of its page."""
        stem = PurePath(self.file).stem
        return f"{stem}.table.html" if stem == "index" else f"{stem}.html"

    def plain(self) -> dict[str, Any]:
        """Return the JSON-safe form."""
        return {
            "file": self.file,
            "table": self.table.name if self.table else None,
            "findings": [finding.plain() for finding in self.findings],
            "refusal": self.refusal,
        }


@dataclass(frozen=True, slots=True)
class Inspection:
    """All files of a site.

    Attributes:
        files: each of them.
        errors: what stops their load, alone or together, a line each.
        undecided: the layers that no table decides: what is found there is held for a person.
    """

    files: tuple[Inspected, ...]
    errors: tuple[str, ...]
    undecided: tuple[str, ...]

    def pages(self) -> dict[str, str]:
        """Return the HTML pages by file name: one for each table, and ``index.html``."""
        pages = {item.page_name: write_page(item.table, item.findings) for item in self.files if item.table is not None}
        return {**pages, "index.html": page("Decision tables", list(self._index()))}

    def _index(self) -> list[str]:
        lines = ["<h1>Decision tables</h1>", "<ul>"]
        for item in self.files:
            name = escape(f"{item.table.name} ({item.file})" if item.table else item.file)
            told = f'<a href="{escape(item.page_name)}">{name}</a>: {verdict(item.findings)}' if item.table else name
            refusal = f'<p class="error">{escape(item.refusal)}</p>' if item.refusal else ""
            lines.append(f"<li>{told}{refusal}</li>")
        lines.append("</ul>")
        together = [error for error in self.errors if not any(error in item.errors for item in self.files)]
        lines += [f'<p class="error">{escape(error)}</p>' for error in together]
        if self.undecided:
            lines.append(f'<p class="warning">No table decides {escape(", ".join(self.undecided))}.</p>')
        return lines


def inspect(texts: Mapping[str, str], verbs: Sequence[str] = AVAILABLE_VERBS) -> Inspection:
    """Return what is wrong with the tables of a site; nothing is raised for a table that is refused.

    Args:
        texts: file name → text.
        verbs: the verbs that can be carried out.
    """
    files = tuple(_inspect(name, text, verbs) for name, text in sorted(texts.items()))
    errors = [error for item in files for error in item.errors]
    undecided: tuple[str, ...] = ()
    if not errors:
        try:
            book = load_rulebook(dict(texts), verbs)
            undecided = tuple(layer for layer in LAYERS if layer not in book.by_layer)
        except RuleError as error:
            errors.append(str(error))
    return Inspection(files, tuple(errors), undecided)


def _inspect(name: str, text: str, verbs: Sequence[str]) -> Inspected:
    try:
        table = load_table(text, name)
    except RuleError as error:
        return Inspected(name, None, (), str(error))
    found = tuple(analyse(table))
    refusal = ""
    if all(finding.severity != ERROR for finding in found):
        try:
            load_rulebook({name: text}, verbs)
        except RuleError as error:
            refusal = str(error)
    return Inspected(name, table, found, refusal)


__all__ = ["Inspected", "Inspection", "inspect"]
