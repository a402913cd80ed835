#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: certificate
short_description: Issue and revoke certificates of the site's own CA
version_added: 0.1.0
description:
  - An instance whose image has the agent is asked over mutual TLS 1.3 alone, by who shows a certificate of a role.
  - The CA is made at first use, in a file that its owner alone may read. Who can read it can be any role.
  - Runs on the controller; no node is contacted. What was issued and revoked stands in the ledger.
options:
  state:
    description:
      - V(issued) makes a key and a certificate for O(role).
      - V(revoked) takes back all certificates of O(role) or O(name) that are valid still.
    type: str
    required: true
    choices: [issued, revoked]
  role:
    description:
      - V(observer) may ask for health, digests of configuration, and refusals.
      - V(operator) may have an instance read its configuration again, too.
      - V(orchestrator) may also change configuration, and bring lists of revoked certificates.
    type: str
    choices: [observer, operator, orchestrator]
  name:
    description: SPIFFE ID, for V(revoked); for example that of an instance.
    type: str
  dest:
    description: File on the controller that takes key, certificate and the CA's, in PEM. It must not be there yet.
    type: path
  hours:
    description: How long the certificate is valid, 1 to 8784.
    type: int
    default: 12
  reason:
    description: Why it is revoked, for the record.
    type: str
    default: ""
  ca:
    description:
      - File of the CA.
      - Defaults to the environment variable E(PALANTIR_TRUST_CA), else to C(~/.local/share/palantir.trust/ca.pem).
    type: path
  trust_domain:
    description: Trust domain of a CA that is made.
    type: str
    default: palantir.trust
extends_documentation_fragment:
  - palantir.trust.attributes
  - palantir.trust.store
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
author:
  - palantir.trust contributors (@palantir-h2020)
"""

EXAMPLES = r"""
- name: Let a person see the health of instances for a day
  palantir.trust.certificate:
    state: issued
    role: observer
    dest: ~/observer.pem
    hours: 24

- name: Take back what was lost
  palantir.trust.certificate:
    state: revoked
    role: observer
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
      name: spiffe://palantir.trust/role/observer
      not_after: 1795495400.0
      reason: ""
      revoked_at:
      serial: 3f2a1b0c9d8e7f60514233241506f7e8d9cabb1c
dest:
  description: The file of O(dest).
  returned: O(state=issued)
  type: str
revocations:
  description: The CA's list of all revoked certificates, in PEM, as instances are to be given it.
  returned: O(state=revoked)
  type: str
"""
