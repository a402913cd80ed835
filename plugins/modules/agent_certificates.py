#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: agent_certificates
short_description: Renew the certificates of the agents beside instances on a node
version_added: 0.1.0
description:
  - An instance whose Security Capability has C(management) gets its agent and its first certificate from
    M(palantir.trust.sc_instance). This renews what is valid for less than 12 of its 24 hours.
  - It also brings a new certificate and the CA's list of revoked ones to each agent that had its own before a role's
    certificate was taken back.
  - A generation that lives in this boot gets a certificate only if the newest result affirms it and its host.
  - The node is asked for nothing where none is due, by the store.
options:
  node:
    description: Name of the node in the store; the inventory's name of the host by default. For delegated tasks.
    type: str
  max_age:
    description: Seconds after which a result proves nothing any more.
    type: int
    default: 900
  directory:
    description: Where configuration is kept on the node.
    type: path
    default: /var/lib/palantir.trust
  ca:
    description:
      - File of the CA.
      - Defaults to the environment variable E(PALANTIR_TRUST_CA), else to C(~/.local/share/palantir.trust/ca.pem).
    type: path
extends_documentation_fragment:
  - palantir.trust.attributes
  - palantir.trust.store
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
author:
  - palantir.trust contributors (@palantir-h2020)
"""

EXAMPLES = r"""
- name: Renew what ends soon
  palantir.trust.agent_certificates:
"""

RETURN = r"""
certificates:
  description: Those that were issued; times are seconds since the epoch.
  returned: success
  type: list
  elements: dict
  sample:
    - issued_at: 1795409000.2
      name: spiffe://palantir.trust/instance/dns-filter-1/generation/3
      not_after: 1795495400.0
      reason: ""
      revoked_at:
      serial: 3f2a1b0c9d8e7f60514233241506f7e8d9cabb1c
waiting:
  description: Instances whose certificate is due, and that are not proved.
  returned: success
  type: list
  elements: dict
  contains:
    instance:
      description: Name of the instance.
      type: str
    generation:
      description: Number of the generation.
      type: int
    why:
      description: What the newest result says of it.
      type: str
"""
