#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: enrol
short_description: Establish who a node is, by its TPM
version_added: 0.1.0
description:
  - Verifies the certificate of the TPM's endorsement key (EK) up to a certificate authority that you trust.
  - Has the node make a persistent attestation key (AK), and proves by MakeCredential and ActivateCredential that EK and
    AK live in the same TPM.
  - Records what cannot be computed beforehand, the firmware's events and the hardware inventory, from evidence that
    proves itself.
  - Where O(tcti), O(ak_handle) and the paths are left out, the node's variables C(palantir_trust_tcti),
    C(palantir_trust_ak_handle), C(palantir_trust_ima_log_path) and so on count.
  - Records the node's SSH host keys as the TPM proves them, and refuses a node whose SSH server shows another key on
    the very connection by which it is enrolled.
  - A node that is enrolled already with this TPM is left as it is. Another TPM is refused, unless O(replace).
options:
  ca:
    description: Directory on the controller with the certificates (PEM or DER) of the TPM makers' authorities.
    type: path
    required: true
  policy:
    description: The Appraisal Policy; it says which PCRs are quoted.
    type: dict
    default: {}
  replace:
    description: Make a new AK, accept another TPM than the one enrolled, and record the firmware and hardware anew.
    type: bool
    default: false
  host_keys:
    description:
      - Take over the SSH host keys that the node has now, and nothing else. Recorded keys that it does not have any
        more are revoked.
      - Where none are on record, they are taken over in any case.
    type: bool
    default: false
  ak_algorithm:
    description: Algorithm of the AK where it is made.
    type: str
    choices: [ecdsa_p256, rsa_2048]
    default: ecdsa_p256
extends_documentation_fragment:
  - palantir.trust.attributes
  - palantir.trust.node
  - palantir.trust.store
attributes:
  check_mode:
    support: none
  diff_mode:
    support: none
seealso:
  - module: palantir.trust.enrolment
  - module: palantir.trust.attest
author:
  - palantir.trust contributors (@palantir-h2020)
"""

EXAMPLES = r"""
- name: Enrol
  palantir.trust.enrol:
    ca: "{{ inventory_dir }}/ca"
"""

RETURN = r"""
node:
  description: Name of the node.
  returned: success
  type: str
ek_certificate_sha256:
  description: Digest of the EK certificate.
  returned: success
  type: str
ak_name:
  description: Name of the AK (TPM 2.0 Part 1, section 16), in hexadecimal digits.
  returned: success
  type: str
tpm:
  description: Manufacturer, model and version, as certified.
  returned: success
  type: dict
recorded_events:
  description: How many firmware and boot events are on record.
  returned: success
  type: int
host_keys:
  description: C(type) and C(fingerprint) of the SSH host keys on record.
  returned: success
  type: list
  elements: dict
host_key_shown:
  description: Fingerprint of the host key that the SSH server showed; null where the node is not reached by OpenSSH.
  returned: success
  type: str
findings:
  description: Oddities of the certificate that were accepted.
  returned: success
  type: list
  elements: dict
"""
