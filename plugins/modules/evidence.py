#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: evidence
short_description: Collect a node's evidence for one challenge
version_added: 0.1.0
author:
  - palantir.trust contributors (@palantir-h2020)
description:
  - Collects the facts that the node reports of itself, takes one TPM quote that is bound to them and to the challenge,
    and then reads the UEFI event log, the IMA measurement list and systemd's own log, so that no log is shorter than
    the PCR it explains.
  - The evidence says nothing until a verifier has appraised it.
    The action plugin P(palantir.trust.attest#module) makes the challenge, calls this module and appraises in one task.
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    description: When run twice in a row, the second run changes nothing.
    support: full
extends_documentation_fragment:
  - palantir.trust.attributes
  - palantir.trust.tpm
options:
  nonce:
    description:
      - The challenge, 32 random bytes as 64 hexadecimal digits, used for one run only.
    type: str
    required: true
  selection:
    description:
      - The PCRs to quote, as lists of numbers from 0 to 23 by bank (V(sha1), V(sha256), V(sha384), V(sha512)).
    type: dict
    required: true
  event_log:
    description:
      - Whether to send the UEFI event log, which does not change within a boot. See O(since), too.
    type: bool
    default: true
  event_log_path:
    description:
      - The file of the UEFI event log.
    type: path
    default: /sys/kernel/security/tpm0/binary_bios_measurements
  ima_log:
    description:
      - Whether to send the IMA measurement list.
    type: bool
    default: true
  ima_log_path:
    description:
      - The file of the binary IMA measurement list.
    type: path
    default: /sys/kernel/security/ima/binary_runtime_measurements
  userspace_log_path:
    description:
      - The file in which systemd notes what it measures after the firmware is gone, into PCR 11 and 15 for example.
      - A node without the file has no such log, and sends none.
    type: path
    default: /run/log/systemd/tpm2-measure.log
  since:
    description:
      - What the controller has verified already, so that it need not be sent again.
      - In the same boot the IMA measurement list is sent from that offset on, and no UEFI event log.
        In any other boot both are sent whole.
    type: dict
    suboptions:
      boot_id:
        description: The boot, as the facts named it.
        type: str
        required: true
      offset:
        description: The number of bytes of the IMA measurement list.
        type: int
        required: true
  log_limit:
    description:
      - The largest number of bytes to send of either log. The module fails where there are more.
    type: int
    default: 67108864
  proc_path:
    description:
      - Where procfs is mounted.
    type: path
    default: /proc
  sys_path:
    description:
      - Where sysfs is mounted.
    type: path
    default: /sys
  ssh_path:
    description:
      - The directory with the public halves of the SSH server's host keys, C(ssh_host_*_key.pub).
    type: path
    default: /etc/ssh
"""

EXAMPLES = r"""
- name: Collect evidence over the PCRs of firmware, boot loader and IMA
  palantir.trust.evidence:
    nonce: "{{ lookup('ansible.builtin.pipe', 'openssl rand -hex 32') }}"
    selection:
      sha256: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 14]
  become: true
  register: node
"""

RETURN = r"""
evidence:
  description: The evidence. Binary parts are base64 text.
  returned: success
  type: dict
  contains:
    format:
      description: Version of this form.
      type: int
      sample: 1
    quote:
      description: >-
        The TPM's answer: C(attest) (TPMS_ATTEST), C(signature) (TPMT_SIGNATURE) and C(ak_public) (TPM2B_PUBLIC).
        Its qualifying data is SHA-256(nonce || SHA-256(canonical JSON of the facts)).
      type: dict
    event_log:
      description: The UEFI event log, or null where it was not asked for or is known by O(since).
      type: str
    ima_log:
      description: The IMA measurement list from byte C(offset) on as C(data), or null where it was not asked for.
      type: dict
    userspace_log:
      description: The log of systemd's measurements, or null where the node has none.
      type: str
    facts:
      description: >-
        Boot ID, kernel, modules, containers, deleted executables, firmware, hardware and SSH host keys, as the node
        says.
      type: dict
code:
  description: Stable name of the cause.
  returned: failure
  type: str
  sample: ak_missing
"""

from typing import Dict

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.palantir.trust.plugins.module_utils._errors import NodeError
from ansible_collections.palantir.trust.plugins.module_utils._evidence import Request, collect


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "nonce": {"type": "str", "required": True},
            "selection": {"type": "dict", "required": True},
            "tcti": {"type": "str", "default": "device:/dev/tpmrm0"},
            "ak_handle": {"type": "str", "default": "0x81010020"},
            "event_log": {"type": "bool", "default": True},
            "event_log_path": {"type": "path", "default": "/sys/kernel/security/tpm0/binary_bios_measurements"},
            "ima_log": {"type": "bool", "default": True},
            "ima_log_path": {"type": "path", "default": "/sys/kernel/security/ima/binary_runtime_measurements"},
            "userspace_log_path": {"type": "path", "default": "/run/log/systemd/tpm2-measure.log"},
            "since": {
                "type": "dict",
                "options": {
                    "boot_id": {"type": "str", "required": True},
                    "offset": {"type": "int", "required": True},
                },
            },
            "log_limit": {"type": "int", "default": 64 << 20},
            "proc_path": {"type": "path", "default": "/proc"},
            "sys_path": {"type": "path", "default": "/sys"},
            "ssh_path": {"type": "path", "default": "/etc/ssh"},
        },
        supports_check_mode=True,
    )
    wanted = dict(module.params)
    for log in ("event_log", "ima_log"):
        if not wanted.pop(log):
            wanted[log + "_path"] = None
    failure: Dict[str, str] = {}
    try:
        evidence = collect(Request(**wanted))
    except NodeError as error:
        failure = error.result()
    else:
        module.exit_json(changed=False, evidence=evidence)
    module.fail_json(**failure)


if __name__ == "__main__":
    main()
