#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: attest
short_description: Attest a node and the Security Capabilities that it runs
version_added: 0.1.0
description:
  - Issues a fresh challenge and gathers evidence from the node in one round trip, by the program of which the module
    M(palantir.trust.evidence) is made. It goes to the node's Python over the connection, without a file and without
    Ansible's frame of a module, which would take longer than the evidence does. Where pipelining is off, or that fails,
    the module is run.
    Of a list that was verified before in the same boot, only what is new is sent; see O(whole).
  - Verifies and appraises it on the controller, and keeps the signed Attestation Result (EAR) and the raw evidence in
    the store.
  - Where O(tcti), O(ak_handle) and the paths are left out, the node's variables C(palantir_trust_tcti),
    C(palantir_trust_ak_handle), C(palantir_trust_ima_log_path) and so on count.
  - A node that cannot be reached, is not enrolled or gives no evidence has no verdict. RV(state) tells these apart.
options:
  node:
    description: Name of the node in the store; the inventory's name of the host by default. For delegated tasks.
    type: str
  policy:
    description: The Appraisal Policy; what it leaves out has the defaults of the collection.
    type: dict
    default: {}
  reference_values:
    description: Directory of the Reference Values on the controller.
    type: path
    required: true
  require:
    description: The worst tier with which the task succeeds. With V(any) it always does.
    type: str
    choices: [affirming, warning, any]
    default: affirming
  whole:
    description:
      - Ask for the whole IMA measurement list, and appraise it without what earlier rounds verified of it.
      - Otherwise a node is asked for what is new since the last round of the same boot. Where that does not lead from
        what was verified to the new quote, it is asked for the whole list, with another challenge, in the same task.
        The verdict is the same either way.
    type: bool
    default: false
  layers:
    description: The layers that O(require) counts; all by default, and where the list is empty.
    type: list
    elements: str
  signing_key:
    description:
      - PEM file of the P-256 key that signs the EAR, on the controller; made at first use.
      - Defaults to the environment variable E(PALANTIR_TRUST_SIGNING_KEY),
        else C(~/.local/share/palantir.trust/ear-signing-key.pem).
    type: path
extends_documentation_fragment:
  - palantir.trust.attributes
  - palantir.trust.node
  - palantir.trust.store
attributes:
  check_mode:
    support: full
    details: The node is only read. The result is recorded all the same, but no signing key is made for it.
  diff_mode:
    support: none
seealso:
  - module: palantir.trust.evidence
author:
  - palantir.trust contributors (@palantir-h2020)
"""

EXAMPLES = r"""
- name: Go on only with nodes that prove their integrity
  palantir.trust.attest:
    reference_values: "{{ inventory_dir }}/reference_values"

- name: Record a result, whatever it is
  palantir.trust.attest:
    reference_values: "{{ inventory_dir }}/reference_values"
    require: any
  register: attestation
"""

RETURN = r"""
node:
  description: Name of the node.
  returned: always
  type: str
state:
  description: V(attested), V(unreachable), V(not_enrolled), V(no_evidence) or V(verifier_fault).
  returned: always
  type: str
message:
  description: Why there is no verdict, and what to do next; empty where there is one.
  returned: always
  type: str
attestation:
  description: Number of the result in the store.
  returned: always
  type: int
ear:
  description:
    - The Attestation Result, one submodule a layer; null where there is no verdict.
    - The findings of one that is very long are cut to the gravest, and C(palantir.left_out) counts the others.
      It is whole, and signed, in the store.
  returned: always
  type: dict
summary:
  description: Tier, number of findings and first message of each layer; null where there is no verdict.
  returned: always
  type: dict
"""
