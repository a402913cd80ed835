# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: decide
author:
  - palantir.trust contributors (@palantir-trust)
short_description: Decide on attestation results by decision tables
version_added: 0.1.0
description:
  - Returns an ordered and bounded plan for the attestation results of a cycle. Nothing is carried out, and equal
    arguments give equal plans.
  - The tables are checked as by P(palantir.trust.rule_findings#filter); one with errors is refused.
  - Safety rules bound what the tables ask for. Nothing destructive is done without a verdict; under a contraindicated
    layer every lower one is void; one digest on many nodes is held for a person; few nodes are in repair at once;
    nothing moves to a node that is not affirming in every host layer.
positional: _input, tables, catalogue, state
options:
  _input:
    description:
      - Node to its result, with C(state) (C(attested), C(unreachable), C(not_enrolled), C(no_evidence), C(rebooting) or
        C(verifier_fault)), C(message) and C(ear).
    type: dict
    required: true
  tables:
    description:
      - A decision table, a list of them, or a mapping of file name to table; each as data or as YAML text.
      - Each decides the layers that the values of its input C(layer) name. Its one output is C(verb).
      - The inputs on offer are C(layer), C(tier), C(host_tier), C(claim), C(finding), C(sc), C(flavour),
        C(criticality), C(attempt), C(recurrence), C(maintenance) and C(label.KEY), a label of the node.
    type: raw
    required: true
  catalogue:
    description:
      - SC to its descriptor in plain form. C(criticality), C(instances), C(flavours), C(placement), C(equivalent),
        C(resources), C(ports) and C(probe) count; each may be left out.
    type: dict
    required: true
  state:
    description:
      - C(now), and C(nodes) (node to C(cordoned), C(isolated), C(labels) and C(maintenance), to C(components), what it
        runs on as texts C(kind=value), and to C(cpu), in cores, and C(memory), in bytes).
      - C(instances), each with C(instance), C(sc), C(flavour), C(node) and C(state).
      - C(incidents), each with C(id), C(node), C(layer), C(instance), C(attempt), C(state), C(opened_at) and
        C(last_action_at), and C(faults), what earlier actions were taken against, each with C(node) and C(digests), and
        C(tried), generations that ended since, each with C(sc), C(flavour) and C(node).
      - C(approvals) that were asked for, each with C(incident), C(attempt), C(rule), C(verb), C(asked_at), and the
        persons who have C(approved) or C(refused).
      - C(actions), when actions began lately, and C(stopped), why all remediation is stopped.
      - Times are seconds since the epoch or ISO 8601.
    type: dict
    required: true
  available_verbs:
    description: The verbs that can be carried out; a table that may yield another is refused.
    type: list
    elements: str
    default: [fence, reboot, move, change_flavour, restart, isolate, hold, observe]
  limits:
    description:
      - What bounds all remediation of a site, with the keys C(preset), C(max_in_repair), C(one_at_a_time),
        C(max_unhealthy), C(max_actions), C(storm_nodes), C(maintenance), C(notify_every) and C(remind_every).
    type: dict
    default: {}
seealso:
  - plugin: palantir.trust.rule_findings
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Decide what to do about what was found
  ansible.builtin.set_fact:
    plan: "{{ ears | palantir.trust.decide(tables, catalogue, state) }}"

- name: Show which rules decided
  ansible.builtin.debug:
    msg: "{{ item.subject }}: {{ item.verb }} by {{ item.fired | join(', ') }} of {{ item.table }}"
  loop: "{{ plan.decisions }}"
"""

RETURN = r"""
_value:
  description: The plan.
  type: dict
  contains:
    steps:
      description:
        - What to do, in order. The steps of one incident are a sequence; where one fails, its later ones are not done.
        - Each has C(id), C(action) (C(confirm), C(preserve), C(cordon), C(uncordon), C(isolate), C(release),
          C(restart), C(change_flavour), C(move), C(reboot), C(fence), C(attest), C(ask), C(hold) or C(observe)),
          C(verb), C(incident) (C(id), C(node), C(layer), C(instance)), C(attempt), C(node), C(instance), C(target),
          C(flavour) and C(sc) (where they are not those that run), C(rule), C(table), C(rationale),
          C(success_within) and C(note).
      type: list
      elements: dict
    decisions:
      description:
        - For each subject its C(inputs), C(verb), C(table), the rules that C(fired) and C(why_not) others did, and
          C(reason) and C(message) where a safety rule bounded it.
      type: list
      elements: dict
    held:
      description:
        - What waits for a person, with C(incident), C(reason) and C(message), the C(verb) and C(rule) that were due,
          and C(until) when, in seconds since the epoch, if a time ends it.
      type: list
      elements: dict
    deferred:
      description: What waits for a later cycle, in the same form.
      type: list
      elements: dict
    waiting:
      description: What waits for approval, in the same form, with C(approval).
      type: list
      elements: dict
    void:
      description: What counts for nothing because a layer above is contraindicated, in the same form.
      type: list
      elements: dict
    recovered:
      description: The incidents whose subject a new result has found affirming.
      type: list
      elements: dict
    closed:
      description: The incidents whose instance is deployed no more.
      type: list
      elements: dict
"""

from collections.abc import Callable, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.palantir.trust.plugins.plugin_utils.decision import plan
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.vocabulary import VERBS
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import TrustError


def decide(
    ears: Any,
    tables: Any,
    catalogue: Any,
    state: Any,
    available_verbs: Sequence[str] = VERBS,
    limits: Any = None,
) -> dict[str, Any]:
    """Return the plan for a cycle's attestation results as plain data."""
    try:
        return plan.decide(ears, tables, catalogue, state, available_verbs=available_verbs, limits=limits)
    except TrustError as error:
        raise AnsibleFilterError(str(error)) from None


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"decide": decide}
