#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ssh_certificate
short_description: Issue and revoke SSH certificates of roles
version_added: 0.1.0
description:
  - A node that the role P(palantir.trust.node_access#role) has set up lets the accounts of roles in by certificates of
    the site's SSH CA alone.
  - A certificate is short-lived, names one account, and allows no terminal and no forwarding. That of the role
    V(observer) runs one command, whatever its holder asks for.
  - The CA is made at first use, in a file that its owner alone may read. Who can read it can be any role.
  - Runs on the controller; no node is contacted. What was issued and revoked stands in the ledger.
options:
  state:
    description:
      - V(issued) makes a certificate for O(role), and a key where no O(public_key) is given.
      - V(revoked) takes back all certificates of O(role) that are valid still, or the one of O(serial). Nodes know of
        it once they are given RV(revocations), as the playbook C(access) does.
      - V(listed) changes nothing, and returns what nodes have to be given.
    type: str
    required: true
    choices: [issued, revoked, listed]
  role:
    description:
      - V(observer) may run the read-only collector of evidence, and nothing else.
      - V(operator) may run the commands that the node's sudo rules name.
      - V(orchestrator) may run modules of Ansible as root.
    type: str
    choices: [observer, operator, orchestrator]
  holder:
    description:
      - Who or what it is for. It becomes part of the key ID, which the node's SSH server writes into its log at each
        login.
      - By default who runs the task.
    type: str
  dest:
    description:
      - For V(issued), the file on the controller that takes the private key; it must not be there yet. The certificate
        is put beside it, as C(DEST-cert.pub), where ssh looks for it by itself.
      - With O(public_key), the file that takes the certificate. One that is there is replaced.
    type: path
  public_key:
    description: File with the public key of somebody who keeps the private one, as C(ssh-keygen) writes it.
    type: path
  hours:
    description: How long it is valid, 1 to 168.
    type: int
    default: 12
  source_addresses:
    description: Addresses and networks that it may be used from. By default, all.
    type: list
    elements: str
    default: []
  command:
    description: The one command of an V(observer), where nodes have the collector elsewhere than by default.
    type: str
    default: ""
  serial:
    description: Serial number of the only certificate to revoke, in hexadecimal.
    type: str
  reason:
    description: Why it is revoked, for the record.
    type: str
    default: ""
  ca:
    description:
      - File of the SSH CA.
      - Defaults to the environment variable E(PALANTIR_TRUST_SSH_CA), else to
        C(~/.local/share/palantir.trust/ssh-ca.pem).
    type: path
extends_documentation_fragment:
  - palantir.trust.attributes
  - palantir.trust.store
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
seealso:
  - module: palantir.trust.known_hosts
author:
  - palantir.trust contributors (@palantir-h2020)
"""

EXAMPLES = r"""
- name: Let a job collect evidence for a day, from one network
  palantir.trust.ssh_certificate:
    state: issued
    role: observer
    holder: nightly
    dest: ~/.ssh/trust-observer
    hours: 24
    source_addresses: [192.0.2.0/24]

- name: Certify a key that a person keeps
  palantir.trust.ssh_certificate:
    state: issued
    role: operator
    holder: anna
    public_key: anna.pub
    dest: anna-cert.pub
    hours: 8

- name: Take back what was lost
  palantir.trust.ssh_certificate:
    state: revoked
    role: operator
    reason: The laptop was stolen
"""

RETURN = r"""
certificates:
  description: Those that were issued or revoked; times are seconds since the epoch.
  returned: success
  type: list
  elements: dict
  sample:
    - issued_at: 1795409000.2
      name: ssh:trust-observer
      not_after: 1795495400.0
      reason: ""
      revoked_at:
      serial: 3f2a1b0c9d8e7f60
authority:
  description: The SSH CA's public key, for C(TrustedUserCAKeys).
  returned: success
  type: str
revocations:
  description: The list of all revoked certificates as base64, for C(RevokedKeys).
  returned: success
  type: str
revocations_file:
  description: The same list as a file on the controller, beside the CA.
  returned: success
  type: str
dest:
  description: The file of O(dest).
  returned: O(state=issued)
  type: str
certificate:
  description: The file of the certificate.
  returned: O(state=issued)
  type: str
account:
  description: The account on the nodes.
  returned: O(state=issued)
  type: str
key_id:
  description: What the nodes' SSH servers write into their logs.
  returned: O(state=issued)
  type: str
"""
