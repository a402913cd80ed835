# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pages of the documentation, and the parts of them that tests look at."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[3]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
PLAYBOOKS = sorted((ROOT / "playbooks").glob("*.yml"))


@dataclass(frozen=True)
class Block:
    """A fenced block of a page: its language, its text, and where it is."""

    page: Path
    line: int
    language: str
    text: str

    @property
    def file(self) -> str:
        """The name in its first line, where that is a comment."""
        found = re.match(r"# (\S+)\n", self.text)
        return found.group(1) if found else ""


def blocks(language: str, *names: str) -> list[Block]:
    """Return the blocks of one language, of all pages or of those named."""
    pages = [page for page in PAGES if not names or page.name in names]
    return [block for page in pages for block in _blocks(page) if block.language == language]


def _blocks(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for found in re.finditer(r"^( *)```(\w+)\n(.*?)^\1```$", text, re.MULTILINE | re.DOTALL):
        indent, language, body = found.groups()
        plain = "".join(line.removeprefix(indent) for line in body.splitlines(keepends=True))
        yield Block(page, text.count("\n", 0, found.start()) + 1, language, plain)


def named(block: Block) -> str:
    return f"{block.page.name}:{block.line}"


def of_file(name: str) -> Any:
    """Return the data of the one YAML block of the README that is this file of a site."""
    (block,) = (block for block in blocks("yaml", "README.md") if block.file == f"inventories/mysite/{name}")
    return yaml.safe_load(block.text)


def page(name: str) -> str:
    return next(path for path in PAGES if path.name == name).read_text(encoding="utf-8")


def section(text: str, title: str) -> str:
    """Return what stands under a heading, up to the next one of its level or above."""
    level, _space, _words = title.partition(" ")
    found = re.search(rf"^{re.escape(title)}\n(.*?)(?=^#{{1,{len(level)}}} |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, f"no heading {title!r}"
    return found.group(1)


def rows(text: str) -> list[list[str]]:
    """Return the cells of all table rows, without heads and rules."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    rules = {number for number, row in enumerate(cells) if set("".join(row)) <= set("-:")}
    return [row for number, row in enumerate(cells) if number not in rules and number + 1 not in rules]


def first_codes(text: str) -> list[str]:
    """Return the words in code marks of the first cell of each table row."""
    return [word for row in rows(text) for word in re.findall(r"`([^`]+)`", row[0])]
