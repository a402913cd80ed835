# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: appraise
author:
  - palantir.trust contributors (@palantir-trust)
short_description: Appraise the evidence of a node
version_added: 0.1.0
description:
  - Verifies the quote, replays both logs onto it, and compares what was measured with Reference Values, layer by layer.
  - Whatever is provably wrong with the node is a finding in the result. Only what cannot be read is an error.
  - It keeps no state and asks no node. Use M(palantir.trust.attest) for a whole round with challenge and store.
positional: _input, node, policy, reference_values
options:
  _input:
    description:
      - Result of M(palantir.trust.evidence), with the challenge added as C(nonce) in hexadecimal.
    type: dict
    required: true
  node:
    description:
      - The node's record with C(name), C(ak_public), C(recorded), C(last) and C(instances).
      - C(ak_public) is the enrolled AK. Never take it from the evidence itself.
    type: dict
    required: true
  policy:
    description: The Appraisal Policy. An empty mapping is the strict default.
    type: dict
    required: true
  reference_values:
    description: Documents of Reference Values as C(host), C(boot) and C(sc).
    type: dict
    required: true
seealso:
  - name: EAT Attestation Results
    description: The form of the result.
    link: https://datatracker.ietf.org/doc/draft-ietf-rats-ear/04/
"""

EXAMPLES = r"""
- name: Appraise evidence that was kept as a file
  ansible.builtin.set_fact:
    ear: "{{ evidence | palantir.trust.appraise(node, policy, reference_values) }}"
  vars:
    evidence: "{{ lookup('ansible.builtin.file', 'node1.evidence.json') | from_json }}"
    node: "{{ lookup('ansible.builtin.file', 'node1.record.json') | from_json }}"
    policy: {}
    reference_values:
      host: ["{{ lookup('ansible.builtin.file', 'debian-12.json') | from_json }}"]

- name: Refuse a node that is not affirmed
  ansible.builtin.assert:
    that: ear.ear_status == 'affirming'
"""

RETURN = r"""
_value:
  description: The claims-set of an EAT Attestation Result (draft-ietf-rats-ear-04).
  type: dict
  contains:
    eat_profile:
      description: Profile of the result.
      type: str
      sample: tag:ietf.org,2026:rats/ear#04
    iat:
      description: Time of the result in seconds since 1970.
      type: int
    ear_status:
      description: Worst status of all layers.
      type: str
      sample: affirming
    submods:
      description:
        - One appraisal for each of C(hardware), C(firmware), C(os), C(runtime) and C(sc:<instance>).
        - C(ear_status) is at best that of the layers above. C(ear_trustworthiness_vector) and C(palantir.own_status)
          are the layer's own. C(palantir.void_by) names a contraindicated layer above. C(palantir.findings) holds
          the findings, C(palantir.retired) those of earlier generations of the instance.
      type: dict
    palantir.node:
      description: Name of the node.
      type: str
    palantir.boot:
      description: Which boot was appraised. Null where the quote is not valid.
      type: dict
"""

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal import appraise as appraisal
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import TrustError


def appraise(evidence: object, node: object, policy: object, reference_values: object) -> dict[str, Any]:
    """Return the EAR; raises AnsibleFilterError where something cannot be read."""
    try:
        return appraisal.appraise(evidence, node, policy, reference_values)
    except TrustError as error:
        raise AnsibleFilterError(str(error)) from None


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"appraise": appraise}
