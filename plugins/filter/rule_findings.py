# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: rule_findings
author:
  - palantir.trust contributors (@palantir-trust)
short_description: Check a decision table before it is used
version_added: 0.1.0
description:
  - Reads a decision table in the manner of DMN and finds what is wrong with it, exactly, without running it.
  - Of any table, inputs that no rule matches (C(gap)), rules that the hit policy does not allow to match together
    (C(overlap)), rules that never decide (C(masked), C(never_matches)), that beat a more specific one
    (C(misleading)), that add nothing (C(subsumed)), or that can be one (C(contraction)).
  - Of a table with an output C(verb), whose values stand from most to least severe, a worse C(tier) that gets a milder
    verb (C(not_monotonic)), a verb that is never reached (C(unreachable_verb)), a ladder over C(attempt) that does not
    end in C(fence) or C(hold) (C(no_exit)), and a destructive verb without a verdict (C(destructive_on_unknown)).
  - A typing mistake in the table is an error that names the rule, the wrong word and the nearest right one.
positional: _input
options:
  _input:
    description:
      - The decision table, or its text in YAML, CSV, or DMN XML of version 1.1 to 1.6.
      - An input that a rule leaves out of C(when) is any. Tests are S-FEEL unary tests; C(-), C(a, b), C(not(a, b)),
        C(< 2), C([1..3]), C((1..3)), or a YAML list.
    type: raw
    required: true
  source:
    description: Name of the table's file, for errors. Its ending tells the form of the text.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Require that no rule table of the site has errors
  ansible.builtin.assert:
    that: >-
      lookup('ansible.builtin.file', item) | palantir.trust.rule_findings(item)
      | selectattr('severity', 'eq', 'error') | length == 0
  with_fileglob: "{{ inventory_dir }}/rules/*.yml"

- name: See why a table is refused
  ansible.builtin.debug:
    msg: >-
      {{ {'decision_table': 'example',
          'inputs': [{'name': 'attempt', 'type': 'integer', 'range': '[0..5]'}],
          'outputs': [{'name': 'verb', 'type': 'string', 'values': ['restart', 'hold']}],
          'rules': [{'id': 'r1', 'when': {'attempt': '< 2'}, 'then': {'verb': 'restart'}}]}
         | palantir.trust.rule_findings }}
"""

RETURN = r"""
_value:
  description: What was found; empty for a sound table.
  type: list
  elements: dict
  contains:
    code:
      description: Stable code of the finding.
      type: str
      sample: gap
    severity:
      description:
        - C(error) where P(palantir.trust.decide#filter) refuses the table for it, else C(warning).
      type: str
    rules:
      description: IDs of the rules concerned, the one at fault first.
      type: list
      elements: str
    witness:
      description: A value for each input that shows the finding; empty for a rule that matches nothing.
      type: dict
      sample: {attempt: 2}
    message:
      description: The finding in words.
      type: str
"""

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables import findings
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import TrustError


def rule_findings(table: Any, source: str = "") -> list[dict[str, Any]]:
    """Return the findings about a decision table as plain data."""
    try:
        return findings.rule_findings(table, source)
    except TrustError as error:
        raise AnsibleFilterError(str(error)) from None


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"rule_findings": rule_findings}
