#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: enrolment
short_description: Describe a node's TPM identity, and prove it
version_added: 0.1.0
author:
  - palantir.trust contributors (@palantir-h2020)
description:
  - With O(operation=describe), reads the endorsement key (EK) certificate out of the TPM, makes the EK again by its
    template, makes the persistent attestation key (AK) under it where there is none, and returns all three.
  - With O(operation=activate), recovers a credential that the controller made for this EK and this AK, which proves
    that both live in the same TPM.
  - The action plugin P(palantir.trust.enrol#module) does both and verifies the certificate's chain in one task.
attributes:
  check_mode:
    support: partial
    details:
      - No AK is made in check mode. Where there is none, O(operation=describe) fails with the code C(ak_missing).
  diff_mode:
    support: none
  idempotent:
    description: When run twice in a row, the second run changes nothing.
    support: partial
    details:
      - With O(replace=true), every run makes a new AK.
extends_documentation_fragment:
  - palantir.trust.attributes
  - palantir.trust.tpm
options:
  operation:
    description:
      - The step of the enrolment.
    type: str
    choices: [describe, activate]
    required: true
  ek:
    description:
      - The kind of EK to use.
      - V(auto) takes the first kind that has a certificate in the TPM, elliptic curves first.
    type: str
    choices: [auto, ecc_nist_p256, ecc_nist_p384, rsa_2048]
    default: auto
  ak_algorithm:
    description:
      - The algorithm of the AK that O(operation=describe) makes.
    type: str
    choices: [ecdsa_p256, rsa_2048]
    default: ecdsa_p256
  replace:
    description:
      - Whether O(operation=describe) makes a new AK in place of the key at O(ak_handle), which is lost.
    type: bool
    default: false
  credential_blob:
    description:
      - For O(operation=activate), the credential, a TPM2B_ID_OBJECT as base64.
    type: str
  encrypted_secret:
    description:
      - For O(operation=activate), the seed encrypted to the EK, a TPM2B_ENCRYPTED_SECRET as base64.
    type: str
"""

EXAMPLES = r"""
- name: Describe the node's TPM identity, with an AK
  palantir.trust.enrolment:
    operation: describe
  become: true
  register: identity

- name: Prove that AK and EK live in the same TPM
  palantir.trust.enrolment:
    operation: activate
    ek: "{{ identity.description.ek.kind }}"
    credential_blob: "{{ challenge.credential_blob }}"
    encrypted_secret: "{{ challenge.encrypted_secret }}"
  become: true
"""

RETURN = r"""
description:
  description: The node's TPM identity. Binary parts are base64 text.
  returned: success, when O(operation=describe)
  type: dict
  contains:
    format:
      description: Version of this form.
      type: int
      sample: 1
    ek:
      description: >-
        The EK: its C(kind), the C(nv_index) of its C(certificate) (the NV index's whole content)
        and its C(public) part (TPM2B_PUBLIC).
      type: dict
    ak:
      description: The AK's persistent C(handle), its C(public) part (TPM2B_PUBLIC) and whether it was C(created).
      type: dict
    tpm:
      description: The TPM's C(manufacturer), C(vendor) string and C(firmware_version) (16 hexadecimal digits).
      type: dict
answer:
  description: The recovered credential as base64, worth nothing once the controller has compared it.
  returned: success, when O(operation=activate)
  type: str
code:
  description: Stable name of the cause.
  returned: failure
  type: str
  sample: no_ek_certificate
"""

from typing import Any, Dict

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.palantir.trust.plugins.module_utils._enrolment import AkRequest, answer, describe
from ansible_collections.palantir.trust.plugins.module_utils._errors import NodeError


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "operation": {"type": "str", "choices": ["describe", "activate"], "required": True},
            "tcti": {"type": "str", "default": "device:/dev/tpmrm0"},
            "ak_handle": {"type": "str", "default": "0x81010020"},
            "ek": {
                "type": "str",
                "choices": ["auto", "ecc_nist_p256", "ecc_nist_p384", "rsa_2048"],
                "default": "auto",
            },
            "ak_algorithm": {"type": "str", "choices": ["ecdsa_p256", "rsa_2048"], "default": "ecdsa_p256"},
            "replace": {"type": "bool", "default": False},
            "credential_blob": {"type": "str", "no_log": False},
            "encrypted_secret": {"type": "str", "no_log": False},
        },
        required_if=[("operation", "activate", ("credential_blob", "encrypted_secret"))],
        supports_check_mode=True,
    )
    failure: Dict[str, str] = {}
    try:
        result = run(module.params, create=not module.check_mode)
    except NodeError as error:
        failure = error.result()
    else:
        module.exit_json(**result)
    module.fail_json(**failure)


def run(given: Dict[str, Any], create: bool) -> Dict[str, Any]:
    """Return the module's result.

    Raises:
        NodeError: what makes it fail.
    """
    tpm = (given["tcti"], given["ak_handle"], given["ek"])
    if given["operation"] == "activate":
        return {"changed": False, "answer": answer(*tpm, given["credential_blob"], given["encrypted_secret"])}
    description = describe(*tpm, AkRequest(given["ak_algorithm"], given["replace"], create))
    return {"changed": description["ak"]["created"], "description": description}


if __name__ == "__main__":
    main()
