#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: watch
short_description: Watch nodes until the first loss of trust
version_added: 0.1.0
description:
  - Attests many nodes again and again, every few seconds, each over one SSH connection that stays open, until one of
    them loses trust or O(duration) is over. Then it returns, so that the tasks that follow can remediate.
  - The program that answers on a node is streamed over the connection and gone with it. See the page
    C(docs/watch.md) for what that costs, and for what a round is.
  - One task for all O(nodes), whatever the hosts of the play are. Connection variables, C(become) and the
    C(palantir_trust_) variables are those of each node.
  - A node whose connection cannot be kept is named in RV(periodic), with the reason, and is not watched.
    Attest it with M(palantir.trust.attest), as the playbook P(palantir.trust.attest#module) and C(watch) do.
options:
  nodes:
    description: Names of the nodes in inventory and store; all hosts of the play by default.
    type: list
    elements: str
  policy:
    description: The Appraisal Policy; what it leaves out has the defaults of the collection.
    type: dict
    default: {}
  reference_values:
    description: Directory of the Reference Values on the controller.
    type: path
    required: true
  period:
    description:
      - Seconds from one quote of a node to the next, give or take a tenth. Nodes are not asked at the same time.
      - A TPM that takes longer than half of it is asked less often.
    type: float
    default: 2
  duration:
    description: Seconds after which the watch ends where no trust is lost.
    type: float
    default: 300
  sweep:
    description:
      - Seconds that all nodes have for one more quote, once trust is lost.
      - What hits many nodes at once should be seen as a storm, and not as one incident after the other.
      - And what shows a loss is proved a second time, as rules with C(confirmation) ask for.
    type: float
    default: 1
  renew:
    description:
      - Seconds after which a verdict is renewed by a whole round, and kept in the store, even if nothing changed.
      - Between whole rounds, a valid quote that shows no change of anything confirms the verdict, and is not kept.
    type: float
    default: 60
  deadline:
    description: Seconds that a node has for an answer; then its connection is given up and made anew.
    type: float
    default: 10
  connect:
    description: Seconds that a node has for its connection, and for the answer of a whole round.
    type: float
    default: 60
  hmac_cycles:
    description:
      - Of so many quotes of a node one is by its AK, and the others are by an HMAC key, which costs most TPMs much less
        time. V(0), the default, and V(1) have all of them by the AK.
      - An HMAC quote only ever confirms that nothing has changed since the AK proved it. The controller could make such
        a quote itself, so it is evidence for nobody else. All that is kept, returned or acted upon rests on the AK.
      - See the page C(docs/watch.md).
    type: int
    default: 0
  tiers:
    description:
      - Which tiers of a layer are a loss of trust.
      - A layer that has an incident which is open or held is none again.
    type: list
    elements: str
    choices: [none, warning, contraindicated]
    default: [contraindicated]
  signing_key:
    description:
      - PEM file of the P-256 key that signs EARs, on the controller; made at first use.
      - Defaults to the environment variable E(PALANTIR_TRUST_SIGNING_KEY),
        else C(~/.local/share/palantir.trust/ear-signing-key.pem).
    type: path
extends_documentation_fragment:
  - palantir.trust.attributes
  - palantir.trust.store
attributes:
  check_mode:
    support: full
    details: The nodes are only read. Results are recorded all the same, but no signing key is made for them.
  diff_mode:
    support: none
seealso:
  - module: palantir.trust.attest
author:
  - palantir.trust contributors (@palantir-h2020)
"""

EXAMPLES = r"""
- name: Watch the nodes for an hour, or until the first loss of trust
  palantir.trust.watch:
    nodes: "{{ groups.nodes }}"
    reference_values: "{{ inventory_dir }}/reference_values"
    duration: 3600
  register: watched

- name: Attest the nodes that cannot be watched
  palantir.trust.attest:
    node: "{{ item }}"
    reference_values: "{{ inventory_dir }}/reference_values"
    require: any
  delegate_to: "{{ item }}"
  loop: "{{ watched.periodic | list }}"
"""

RETURN = r"""
ended:
  description: V(loss) where trust was lost, else V(duration).
  returned: success
  type: str
losses:
  description: What was lost, each with C(node), C(layer), C(tier) and the code of the first C(finding) of that tier.
  returned: success
  type: list
  elements: dict
results:
  description:
    - The last result of each node, as M(palantir.trust.attest) returns it, with C(tier), C(cycles) (quotes checked),
      C(rounds) (whole rounds among them) and C(at), when the AK proved the verdict last, in seconds since the epoch.
    - C(hmac_quotes) is how many quotes among C(cycles) were by HMAC.
    - The EARs have room for some hundred nodes; those that are not affirming come first. All are in the store.
  returned: success
  type: list
  elements: dict
periodic:
  description: The nodes that cannot be watched, and why not.
  returned: success
  type: dict
ak_only:
  description: Up to 50 nodes that gave no HMAC quotes although O(hmac_cycles) asks for them, and why not.
  returned: success
  type: dict
seconds:
  description: How long the watch took.
  returned: success
  type: float
"""
