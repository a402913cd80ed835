# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The style of the pages that show decision tables.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from typing import Final

STYLE: Final = """
:root { color-scheme: light dark; --text: #1c2430; --faint: #5a6675; --back: #fff; --raised: #f3f5f8;
  --line: #ccd3dc; --in: #e8eef7; --out: #e6f3ea; --error: #a3121f; --error-back: #fdecee; --warning: #7a5200;
  --warning-back: #fff5dd; --sound: #17692f; }
@media (prefers-color-scheme: dark) { :root { --text: #e5e9ef; --faint: #a3aebc; --back: #14181e; --raised: #1d232b;
  --line: #3a4450; --in: #1e2a3b; --out: #1b3024; --error: #ff8f98; --error-back: #3a1a1f; --warning: #f3c669;
  --warning-back: #352a12; --sound: #7fd699; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--text); font: 1rem/1.5 system-ui, sans-serif; }
main { max-width: 90rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0 0 .5rem; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 2rem 0 .5rem; }
p { margin: 0 0 .75rem; max-width: 50rem; }
a { color: inherit; }
.scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: .4rem; }
.scroll:focus-visible { outline: 3px solid currentColor; outline-offset: 2px; }
table { border-collapse: separate; border-spacing: 0; width: 100%; font-size: .9rem; }
caption { text-align: left; padding: .5rem .75rem; color: var(--faint); }
th, td { padding: .45rem .75rem; text-align: left; vertical-align: top; border-top: 1px solid var(--line);
  border-right: 1px solid var(--line); }
tr > :last-child { border-right: 0; }
thead th { background: var(--raised); }
thead th.in { background: var(--in); }
thead th.out { background: var(--out); }
th small { display: block; font-weight: normal; color: var(--faint); max-width: 16rem; }
tbody th, thead tr:first-child th:first-child { position: sticky; left: 0; z-index: 1; }
tbody th { background: var(--back); min-width: 9rem; overflow-wrap: break-word; }
td.any { color: var(--faint); }
td.out { font-weight: 600; }
td.why { min-width: 16rem; white-space: pre-line; }
tr.error > * { background: var(--error-back); }
tr.warning > * { background: var(--warning-back); }
tr:target > * { box-shadow: inset 0 0 0 99rem var(--in); }
.mark { display: block; width: fit-content; margin-top: .2rem; font-size: .8rem; font-weight: normal; }
.error, .warning, .sound { font-weight: 600; }
tr.error, tr.warning, tr.sound { font-weight: inherit; }
.error { color: var(--error); }
.warning { color: var(--warning); }
.sound { color: var(--sound); }
tr.error, tr.warning, tr.sound { color: inherit; }
ol { padding-left: 1.5rem; }
li { margin-bottom: 1rem; scroll-margin-top: 1rem; }
li p { margin: .1rem 0; overflow-wrap: anywhere; }
.about { color: var(--faint); font-size: .9rem; }
code { font-family: ui-monospace, monospace; }
@media (max-width: 40rem) { tbody th { min-width: 7rem; } th, td { padding: .4rem .5rem; } }
@media print { :root { --text: #000; --back: #fff; --faint: #333; } main { max-width: none; padding: 0; }
  .scroll { overflow: visible; border: 0; } table { font-size: .75rem; } thead { display: table-header-group; }
  tr, li { break-inside: avoid; } tbody th { position: static; } td.why { min-width: 0; } }
"""
"""CSS, without characters that HTML would read as its own."""

__all__ = ["STYLE"]
