# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A table as a page: all its text escaped, its parts marked up, its findings beside their rules."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.palantir.trust.plugins.plugin_utils.decision.forms.page import write_page
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.inspection import inspect
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.table import load_table
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.vocabulary import AVAILABLE_VERBS, VERBS
from ansible_collections.palantir.trust.plugins.plugin_utils.report.rules import inspection_table
from tests.lab.paths import CHECKOUT
from tests.unit.decision.scenes import shipped_tables
from tests.unit.decision.test_forms import dressed
from tests.unit.support.examples import examples

VOID = {"meta", "br"}
EVIL = '<script>alert("x")</script>&<img src=x onerror=y>'


class Page(HTMLParser):
    """The elements of a page, and whether they nest."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        given = {name: value or "" for name, value in attrs}
        self.ids += [given["id"]] if "id" in given else []
        self.links += [given["href"]] if "href" in given else []
        assert not any(name.startswith("on") for name in given)
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def broken() -> dict[str, Any]:
    """Return a table with an overlap, a gap and a subsumed rule, in words that HTML would read as its own."""
    return {
        "decision_table": EVIL,
        "description": EVIL,
        "inputs": [{"name": EVIL, "values": [EVIL, "b"], "description": EVIL}, {"name": "n", "type": "integer"}],
        "outputs": [{"name": "verb", "values": [EVIL, "hold"]}],
        "rules": [
            {
                "id": EVIL,
                "when": {EVIL: [f'"{_quoted(EVIL)}"']},
                "then": {"verb": EVIL},
                "rationale": EVIL,
                "owner": EVIL,
            },
            {"id": "r2", "when": {"n": "< 3"}, "then": {"verb": "hold"}, "cool_down": "5m"},
            {"id": "r3", "when": {"n": "< 2"}, "then": {"verb": "hold"}, "cool_down": "5m"},
        ],
    }


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def test_what_a_table_says_stays_text() -> None:
    page = Page(write_page(load_table(broken())))
    assert {"script", "img"} & set(page.tags) == set()
    assert page.words.count(EVIL) >= 6
    assert len(page.ids) == len(set(page.ids))
    assert {link.removeprefix("#") for link in page.links} <= set(page.ids)


def test_findings_stand_beside_their_rules() -> None:
    text = write_page(load_table(broken()))
    second = text.partition('<tr id="rule-2" class="error">')[2].partition("</tr>")[0]
    assert '<a class="mark error" href="#finding-1">overlap</a>' in second
    assert "cool_down: 300" in second
    for code in ("overlap", "subsumed", "gap"):
        assert f">{code}</strong>" in text
    assert '<th scope="row">r2' in text
    assert '<span class="error">4 errors</span> and <span class="warning">1 warning</span>' in text


@examples(25)
@given(dressed())
def test_every_table_makes_a_whole_page(data: dict[str, Any]) -> None:
    page = Page(write_page(load_table(data)))
    assert page.tags.count("table") == 1
    assert page.tags.count("tr") == len(data["rules"]) + 2


@examples(25)
@given(st.dictionaries(st.sampled_from(["a.yml", "b.csv", "c.dmn"]), st.text(max_size=30), max_size=3))
def test_whatever_the_files_hold_they_are_inspected(texts: dict[str, str]) -> None:
    inspection = inspect(texts)
    assert len(inspection.errors) == len(texts)
    assert inspection_table(inspection)
    assert list(inspection.pages()) == ["index.html"]


def test_tables_are_told_together() -> None:
    texts = shipped_tables()
    texts["again.yml"] = texts["sc-remediation.yml"].replace("decision_table: sc", "decision_table: again")
    texts["bad.yml"] = texts["sc-remediation.yml"].replace("when: {tier: not(contra", "when: {tier: not(cotra")
    inspection = inspect(texts)
    assert [error.partition(",")[0] for error in inspection.errors] == ["bad.yml: table sc-remediation"]
    assert inspection_table(inspection).splitlines()[:5] == [
        "FILE                  TABLE              RULES  FINDINGS",
        "again.yml             again-remediation  4      sound",
        "bad.yml                                         1 error",
        "host-remediation.yml  host-remediation   5      sound",
        "sc-remediation.yml    sc-remediation     4      sound",
    ]
    del texts["bad.yml"]
    (error,) = inspect(texts).errors
    assert error.startswith("table sc-remediation: decides the layer sc, as table again-remediation does.")
    index = Page(inspect(texts).pages()["index.html"])
    assert index.links == ["again.html", "host-remediation.html", "sc-remediation.html"]
    assert error in index.words


def test_layers_that_nobody_decides_are_told() -> None:
    texts = {"sc.yml": shipped_tables()["sc-remediation.yml"]}
    assert inspect(texts).undecided == ("hardware", "firmware", "os", "runtime")
    assert "No table decides hardware, firmware, os, runtime" in inspection_table(inspect(texts))


@pytest.mark.parametrize("verb", sorted({*VERBS} - {"restart", "hold", "observe"}))
def test_a_verb_that_cannot_be_done_is_a_refusal_and_every_one_can_be_done_here(verb: str) -> None:
    text = shipped_tables()["sc-remediation.yml"].replace("verb: move", f"verb: {verb}").replace("[move,", f"[{verb},")
    (error,) = inspect({"sc.yml": text}, [known for known in VERBS if known != verb]).errors
    assert f"rule sc-move: the verb {verb} is not available here." in error
    assert inspect({"sc.yml": text}, AVAILABLE_VERBS).errors == ()
    assert (CHECKOUT / "roles" / "remediate" / "tasks" / "actions" / f"{verb}.yml").is_file()
