# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: rule_table
author:
  - palantir.trust contributors (@palantir-trust)
short_description: Write a decision table in another form
version_added: 0.1.0
description:
  - Reads a decision table in any form that P(palantir.trust.rule_findings#filter) reads, and writes it as YAML, as CSV
    for a spreadsheet, as a DMN 1.3 model for a modeller, or as an HTML page for people.
  - YAML, CSV and DMN hold the whole table; reading them again gives the same one.
  - The HTML page stands alone, without scripts. It shows the findings of the analysis beside their rules.
positional: _input, form
options:
  _input:
    description: The decision table, or its text in YAML, CSV or DMN XML.
    type: raw
    required: true
  form:
    description: The form to write.
    type: str
    choices: [yaml, csv, dmn, html]
    required: true
  source:
    description: Name of the table's file, for errors. Its ending tells the form of the text.
    type: str
    default: ""
seealso:
  - plugin: palantir.trust.rule_findings
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Hand a table to a modeller
  ansible.builtin.copy:
    content: "{{ lookup('ansible.builtin.file', 'rules/sc-remediation.yml') | palantir.trust.rule_table('dmn') }}"
    dest: sc-remediation.dmn
    mode: "0644"
  delegate_to: localhost
"""

RETURN = r"""
_value:
  description: The table in that form.
  type: str
"""

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.palantir.trust.plugins.plugin_utils.decision.forms.write import write_table
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.table import load_table
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import TrustError


def rule_table(table: Any, form: str, source: str = "") -> str:
    """Return a decision table in a form."""
    try:
        return write_table(load_table(table, source), form)
    except TrustError as error:
        raise AnsibleFilterError(str(error)) from None


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"rule_table": rule_table}
