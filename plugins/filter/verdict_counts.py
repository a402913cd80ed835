# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter palantir.trust.verdict_counts."""

from __future__ import annotations

DOCUMENTATION = r"""
name: verdict_counts
short_description: Attestation results as counts
version_added: 0.1.0
description:
  - Turns results of M(palantir.trust.attest) into a few figures, for the jobs that follow in a workflow.
  - Nothing in them was written by a node, so they may be given on as variables.
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
- name: Leave the counts to the jobs that follow
  ansible.builtin.set_stats:
    data:
      verdicts: "{{ [attestation] | palantir.trust.verdict_counts }}"
    aggregate: false
"""

RETURN = r"""
_value:
  description:
    - C(nodes), how many there are.
    - How many of them have which tier (C(affirming), C(none), C(warning), C(contraindicated)), or why there is none
      (C(unreachable), C(not_enrolled), C(no_evidence), C(verifier_fault), C(no_result)).
    - C(not_affirming), the names of those that are not affirming, 100 at most; C(not_named), how many more there are.
  type: dict
"""

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.palantir.trust.plugins.plugin_utils.report.outcome import verdict_counts


def _verdict_counts(results: Any) -> dict[str, Any]:
    try:
        return verdict_counts(results)
    except (KeyError, TypeError, AttributeError) as error:
        raise AnsibleFilterError(
            f"verdict_counts: the input is not a list of results of palantir.trust.attest: {error}"
        ) from None


class FilterModule:
    """Filter C(palantir.trust.verdict_counts)."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"verdict_counts": _verdict_counts}
