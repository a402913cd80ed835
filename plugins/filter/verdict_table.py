# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter palantir.trust.verdict_table."""

from __future__ import annotations

DOCUMENTATION = r"""
name: verdict_table
short_description: Attestation results as a table
version_added: 0.1.0
description: Turns results of M(palantir.trust.attest) into a table for a terminal, one line for each node and layer.
options:
  _input:
    description: The results.
    type: list
    elements: dict
    required: true
author:
  - palantir.trust contributors (@palantir-h2020)
"""

EXAMPLES = r"""
- name: Show the verdicts
  ansible.builtin.debug:
    msg: "{{ [attestation] | palantir.trust.verdict_table }}"
"""

RETURN = r"""
_value:
  description:
    - Lines of at most 72 characters.
    - What would be over 400,000 characters counts the nodes that are affirming, and shows the others.
  type: str
"""

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.palantir.trust.plugins.plugin_utils.report.verdicts import verdict_table


def _verdict_table(results: Any) -> str:
    try:
        return verdict_table(results)
    except (KeyError, TypeError, AttributeError) as error:
        raise AnsibleFilterError(
            f"verdict_table: the input is not a list of results of palantir.trust.attest: {error}"
        ) from None


class FilterModule:
    """Filter C(palantir.trust.verdict_table)."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"verdict_table": _verdict_table}
