#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: check_rules
short_description: Check every decision table of a site before it is used
version_added: 0.1.0
description:
  - Analyses each table of a directory as P(palantir.trust.rule_findings#filter) does, and all of them together as
    M(palantir.trust.plan) loads them, so that no layer is decided twice and no verb is asked for that cannot be done.
  - Writes an HTML page of each table, with its findings beside its rules, and an index of them.
  - Runs on the controller. What is wrong with a table is a result of the task, in RV(errors), and no failure.
options:
  rules:
    description:
      - Directory of the decision tables, in YAML, CSV or DMN XML.
      - Without it, the tables that come with the collection.
    type: path
  pages:
    description: Directory for the pages; it is made. Without it, no page is written.
    type: path
extends_documentation_fragment:
  - palantir.trust.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
author:
  - palantir.trust contributors (@palantir-h2020)
"""

EXAMPLES = r"""
- name: Check the decision tables
  palantir.trust.check_rules:
    rules: rules
    pages: build/rules
  register: checked

- name: Require that no table has errors
  ansible.builtin.assert:
    that: checked.errors | length == 0
"""

RETURN = r"""
tables:
  description: For each file its name, its C(table), its C(findings), and its C(refusal) beyond them.
  returned: success
  type: list
  elements: dict
errors:
  description: What stops the load of the tables, a line each; empty where they can be used.
  returned: success
  type: list
  elements: str
pages:
  description: Names of the pages that were written anew.
  returned: success
  type: list
  elements: str
left_out:
  description: By key, how many entries at the end of which list are left out, where the result would be too long.
  returned: where something is left out
  type: dict
table:
  description: What was found, as a table for a terminal.
  returned: success
  type: str
"""
