# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A decision table as one HTML page that stands alone, with the findings of the analysis beside their rules.

No script, nothing fetched; light and dark; it prints. All text of the table is escaped.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import Final

from ansible_collections.palantir.trust.plugins.plugin_utils.decision.codes import CODES, ERROR, WARNING
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.forms.page_style import STYLE
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.forms.plain import plain_guards
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.findings import analyse
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.report import TableFinding
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.table import Input, Output, Rule, Table
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.unary import (
    Scalar,
    Test,
    show,
    write_interval,
)

_POLICIES: Final = {
    "UNIQUE": "exactly one rule matches",
    "ANY": "rules that match together have the same result",
    "PRIORITY": "of the rules that match, the one whose result stands first in the list of the output's values decides",
    "COLLECT": "every rule that matches counts",
}
Lines = Iterator[str]


def write_page(table: Table, findings: Sequence[TableFinding] | None = None) -> str:
    """Return a table as an HTML page.

    Args:
        table: the table.
        findings: those of its analysis, where they are known already.
    """
    found = analyse(table) if findings is None else list(findings)
    body = [*_head(table, found), *_table(table, found), *_findings(table, found)]
    return page(f"Decision table {table.name}", body)


def page(title: str, body: Sequence[str]) -> str:
    """Return a whole page around the lines of its body, which must be escaped."""
    lines = (
        "<!DOCTYPE html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
        f"<title>{escape(title)}</title>",
        f"<style>{STYLE}</style>",
        "</head>",
        "<body>",
        "<main>",
        *body,
        "</main>",
        "</body>",
        "</html>",
    )
    return "\n".join(lines) + "\n"


def verdict(found: Sequence[TableFinding]) -> str:
    """Return in a marked phrase how many findings there are."""
    errors = sum(finding.severity == ERROR for finding in found)
    counts = [(errors, ERROR), (len(found) - errors, WARNING)]
    told = [f'<span class="{kind}">{_count(count, kind)}</span>' for count, kind in counts if count]
    return " and ".join(told) or '<span class="sound">no findings</span>'


def _count(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"


def _head(table: Table, found: Sequence[TableFinding]) -> Lines:
    yield f"<h1>{escape(table.name)}</h1>"
    if table.description:
        yield f"<p>{escape(table.description)}</p>"
    yield (
        f"<p>{_count(len(table.rules), 'rule')}, {verdict(found)}. Hit policy <strong>{table.hit_policy}</strong>:"
        f" {_POLICIES[table.hit_policy]}.</p>"
    )


def _table(table: Table, found: Sequence[TableFinding]) -> Lines:
    guarded = any(plain_guards(rule) for rule in table.rules)
    reasoned = any(rule.rationale for rule in table.rules)
    extra = [name for name, there in (("Guard rails", guarded), ("Rationale", reasoned)) if there]
    yield '<div class="scroll" role="region" aria-labelledby="caption" tabindex="0">'
    yield "<table>"
    yield '<caption id="caption">Rules, their tests and their results. A hyphen matches anything.</caption>'
    yield "<thead>"
    yield '<tr><th scope="col" rowspan="2">Rule</th>'
    yield f'<th scope="colgroup" colspan="{len(table.inputs)}" class="in">Inputs</th>'
    yield f'<th scope="colgroup" colspan="{len(table.outputs)}" class="out">Outputs</th>'
    yield from (f'<th scope="col" rowspan="2">{name}</th>' for name in extra)
    yield "</tr><tr>"
    yield from map(_column, table.inputs)
    yield from map(_column, table.outputs)
    yield "</tr></thead><tbody>"
    for number, rule in enumerate(table.rules):
        yield from _rule(number, rule, found, guarded=guarded, reasoned=reasoned)
    yield "</tbody></table></div>"


def _column(column: Input | Output) -> str:
    if column.values is not None:
        domain = ", ".join(map(show, column.values))
    else:
        interval = column.range if isinstance(column, Input) else None
        domain = "" if interval is None else write_interval(interval)
    about = "".join(f"<small>{escape(text)}</small>" for text in (column.type, domain, column.description) if text)
    place = "in" if isinstance(column, Input) else "out"
    return f'<th scope="col" class="{place}">{escape(column.name)}{about}</th>'


def _rule(number: int, rule: Rule, found: Sequence[TableFinding], *, guarded: bool, reasoned: bool) -> Lines:
    mine = [(place, finding) for place, finding in enumerate(found, 1) if rule.id in finding.rules]
    worst = ERROR if any(finding.severity == ERROR for _place, finding in mine) else WARNING if mine else "sound"
    marks = "".join(
        f'<a class="mark {finding.severity}" href="#finding-{place}">{finding.code.replace("_", " ")}</a>'
        for place, finding in mine
    )
    yield f'<tr id="rule-{number + 1}" class="{worst}"><th scope="row">{escape(rule.id)}{marks}</th>'
    yield from (_test(test) for test in rule.when)
    yield from (_result(value) for value in rule.then)
    if guarded:
        rails = "<br>".join(f"{escape(key)}: {escape(str(value))}" for key, value in plain_guards(rule).items())
        yield f"<td>{rails}</td>"
    if reasoned:
        yield f'<td class="why">{escape(rule.rationale)}</td>'
    yield "</tr>"


def _test(test: Test) -> str:
    return '<td class="any">-</td>' if test.is_any else f"<td>{escape(test.text)}</td>"


def _result(value: Scalar) -> str:
    return f'<td class="out">{escape(show(value))}</td>'


def _findings(table: Table, found: Sequence[TableFinding]) -> Lines:
    places = {rule.id: number for number, rule in enumerate(table.rules, 1)}
    yield "<h2>Findings</h2>"
    if not found:
        yield "<p>The table answers every input, and every rule decides somewhere.</p>"
        return
    yield "<ol>"
    for place, finding in enumerate(found, 1):
        links = ", ".join(f'<a href="#rule-{places[rule]}">{escape(rule)}</a>' for rule in finding.rules[:20])
        yield f'<li id="finding-{place}"><strong class="{finding.severity}">{finding.code.replace("_", " ")}</strong>'
        yield f"<p>{escape(finding.message)}</p>"
        yield f'<p class="about">{escape(CODES[finding.code])}{f" Rules: {links}." if links else ""}</p>'
        if finding.witness:
            yield f'<p class="about">Witness: {_witness(finding)}</p>'
        yield "</li>"
    yield "</ol>"


def _witness(finding: TableFinding) -> str:
    pairs = (f"{name} = {show(value)}" for name, value in finding.witness.items())
    return ", ".join(f"<code>{escape(pair)}</code>" for pair in pairs)


__all__ = ["page", "verdict", "write_page"]
