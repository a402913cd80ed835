# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: ima_log
author:
  - palantir.trust contributors (@palantir-trust)
short_description: Read and replay an IMA measurement list
version_added: 0.1.0
description:
  - Reads the kernel's list of measured files, binary or ASCII, in any template and in any format of registered fields.
  - Computes the template hash of each entry anew in every bank, from the entry's data, and replays the list. The
    hashes that the list itself carries are never trusted.
  - The entries hold only once the value of PCR 10 in C(pcrs) has been compared with a valid quote.
positional: _input
options:
  _input:
    description:
      - Content of C(/sys/kernel/security/ima/binary_runtime_measurements) as bytes or as base64 text, or content of
        C(/sys/kernel/security/ima/ascii_runtime_measurements) as bytes, as base64 text or as it is.
    type: raw
    required: true
seealso:
  - plugin: palantir.trust.quote
    plugin_type: filter
  - name: IMA template management mechanism
    description: Templates and fields of the list.
    link: https://docs.kernel.org/security/IMA-templates.html
"""

EXAMPLES = r"""
- name: Read the node's measurement list
  ansible.builtin.slurp:
    src: /sys/kernel/security/ima/binary_runtime_measurements
  register: measurements

- name: Show what was run from outside the system's folders
  ansible.builtin.debug:
    msg: "{{ (measurements.content | palantir.trust.ima_log).entries | map(attribute='path')
      | reject('match', '^/(usr|etc|lib)/') }}"

- name: Show the value that PCR 10 must have
  ansible.builtin.debug:
    msg: "{{ (measurements.content | palantir.trust.ima_log).pcrs.sha256['10'] }}"
"""

RETURN = r"""
_value:
  description: The list as plain data.
  type: dict
  contains:
    entries:
      description: The entries in order.
      type: list
      elements: dict
      contains:
        index:
          description: Number in the list, from 0.
          type: int
        pcr:
          description: PCR that was extended.
          type: int
        template:
          description: Name of the template, or its format where it has no name.
          type: str
          sample: ima-sig
        digest:
          description:
            - Algorithm and digest of the file. C(verity:) stands before a digest of fs-verity. Empty where the
              template is unknown, without meaning where C(violation) is true.
          type: str
          sample: sha256:afab0352b0c8ef171a0bbee6ca66b7cc94608f8a63dc5b1d88b75716fbe013d6
        path:
          description: What was measured. The kernel writes spaces as C(_). Whoever named the file wrote it.
          type: str
          sample: /usr/bin/ls
        template_hash:
          description: SHA-256 of the entry, as it was extended into that bank.
          type: str
        violation:
          description: The file was open for writing while it was measured, so what was measured is unknown.
          type: bool
        iuid:
          description: Owner of the inode, where the template has it.
          type: int
        igid:
          description: Group of the inode, where the template has it.
          type: int
        imode:
          description: Type and permissions of the inode, where the template has it.
          type: int
        sig:
          description: Signature of the file in hexadecimal, where there is one.
          type: str
        buf:
          description: What was measured where it is no file, in hexadecimal.
          type: str
        signature:
          description:
            - What the signature says of itself, C(kind) (C(content), C(metadata) or C(fs-verity)), C(version),
              C(algorithm) and C(key_id). C(unreadable) instead where it cannot be read, and why.
            - It is not verified here. The Appraisal Policy names whose signatures count.
          type: dict
        buffer:
          description:
            - What C(buf) holds, where its digest proves that no file was measured. C(kind) is C(key), with C(subject),
              C(key_ids) and C(sha256) of a certificate; C(records), with a list of keys and values (device mapper,
              SELinux, kexec); C(text); C(digest); or C(data), of which nothing is known.
            - The name of a key's keyring is the entry's C(path).
          type: dict
        others:
          description: Further fields of the template by their names.
          type: dict
    pcrs:
      description: Bank to PCR number (as text) to the value in hexadecimal that the list leads to.
      type: dict
      sample: {sha256: {"10": 6670e91a2a68f669ad47f0c2282bbf490838e60aed7080d475b2c721d2a6ec64}}
    violations:
      description: Number of entries whose content is unknown.
      type: int
    findings:
      description: What is odd about the list.
      type: list
      elements: dict
      contains:
        code:
          description: Stable code of the finding.
          type: str
        index:
          description: Number of the entry, or null.
          type: int
        pcr:
          description: Number of the PCR, or null.
          type: int
        path:
          description: What was measured, or null.
          type: str
        message:
          description: The finding in words.
          type: str
"""

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import TrustError
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.log import parse_ima_log
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.plain import ima_bytes, plain_ima_log


def ima_log(blob: object) -> dict[str, Any]:
    """Return the list as plain data; raises AnsibleFilterError where it cannot be read."""
    try:
        return plain_ima_log(parse_ima_log(ima_bytes(blob)))
    except TrustError as error:
        raise AnsibleFilterError(str(error)) from None


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"ima_log": ima_log}
