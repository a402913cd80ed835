# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: event_log
author:
  - palantir.trust contributors (@palantir-trust)
short_description: Read, verify and replay a UEFI event log
version_added: 0.1.0
description:
  - Reads the firmware's event log (TCG PC Client Platform Firmware Profile), in the crypto-agile and the SHA-1 format,
    and a TCG Canonical Event Log, in TLV and in JSON. Its first bytes tell which of them it is.
  - The data of each event is hashed again. What its digest proves is C(verified_data). Everything else is
    C(claimed_data), which whoever could write the log could write.
  - Replays the log in every bank. The claims hold only once C(pcrs) has been compared with a valid quote.
positional: _input
options:
  _input:
    description:
      - Content of C(/sys/kernel/security/tpm0/binary_bios_measurements), or a Canonical Event Log, as bytes or as
        base64 text.
    type: raw
    required: true
  final_events:
    description:
      - The firmware's final events table (C(EFI_TCG2_FINAL_EVENTS_TABLE)), as bytes or as base64 text, where it comes
        by itself. Linux has joined it to its file already.
    type: raw
seealso:
  - name: TCG PC Client Platform Firmware Profile Specification
    description: The format of the log and the use of PCR 0 to 7.
    link: https://trustedcomputinggroup.org/resource/pc-client-specific-platform-firmware-profile-specification/
  - name: TCG Canonical Event Log Format
    description: One form for the logs of firmware, IMA and others.
    link: https://trustedcomputinggroup.org/resource/canonical-event-log-format/
"""

EXAMPLES = r"""
- name: Read the node's event log
  ansible.builtin.slurp:
    src: /sys/kernel/security/tpm0/binary_bios_measurements
  register: firmware_log

- name: Say whether the log claims that Secure Boot was on
  ansible.builtin.debug:
    msg: "{{ (firmware_log.content | palantir.trust.event_log).claims.secure_boot }}"

- name: Show what is odd about the log
  ansible.builtin.debug:
    msg: "{{ (firmware_log.content | palantir.trust.event_log).findings | map(attribute='message') }}"
"""

RETURN = r"""
_value:
  description: The log as plain data.
  type: dict
  contains:
    events:
      description:
        - The events in order. The header of a crypto-agile log is the first.
      type: list
      elements: dict
      contains:
        index:
          description: Number in the log, from 0.
          type: int
        pcr:
          description: PCR that was extended, or the NV index, which is above 23. C(EV_NO_ACTION) extends none.
          type: int
        type:
          description: >-
            Specified name of the type, or its number in hexadecimal. Of a record of a Canonical Event Log that is no
            event of the PC Client, its content: C(cel), C(ima_template), C(ima_tlv), C(systemd) or C(unknown content).
          type: str
        type_number:
          description: Number of the type; above 32 bits for a content that is no event of the PC Client.
          type: int
        digests:
          description: Bank to digest in hexadecimal.
          type: dict
        size:
          description: Size of the data in bytes.
          type: int
        verified_data:
          description: What the digest proves, with its C(kind); null where it proves nothing of the data.
          type: dict
        verified_form:
          description: Which bytes were hashed, for example C(data), C(variable_data) or C(text).
          type: str
        claimed_data:
          description: What the data says besides, with its C(kind); nothing proves it.
          type: dict
    pcrs:
      description: Bank to PCR number (as text) to the value in hexadecimal that the log leads to.
      type: dict
      sample: {sha256: {"0": 3d458cfe55cc03ea1f443f1562beec8df51c75e14a9fcf9a7234a13f198e7969}}
    claims:
      description:
        - What the verified data says of the boot. Null where it says nothing certain.
        - Holds C(secure_boot), C(setup_mode), C(audit_mode), C(deployed_mode), C(databases), C(authorities),
          C(shim_validation), C(mok), C(mok_list_trusted), C(sbat_level), C(firmware_version), C(applications),
          C(drivers), C(devices), C(files), C(command_lines), C(grub_commands) and C(uki_sections), and of a log
          of systemd's own C(boot_phases), C(machine_id), C(file_systems) and C(volume_keys).
        - Applications, drivers and files are measured by digest alone, their C(claimed_name) is only claimed.
      type: dict
    findings:
      description: What is odd about the log.
      type: list
      elements: dict
      contains:
        code:
          description: Stable code of the finding.
          type: str
        index:
          description: Number of the event, or null.
          type: int
        pcr:
          description: Number of the PCR, or null.
          type: int
        message:
          description: The finding in words.
          type: str
    algorithms:
      description: Banks that the log declares.
      type: list
      elements: str
      sample: [sha1, sha256]
    startup_locality:
      description: Locality of C(TPM2_Startup), which is the first value of PCR 0.
      type: int
    format:
      description: C(tcg_crypto_agile), C(tcg_sha1), C(cel_tlv) or C(cel_json).
      type: str
"""

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import LIMITS, binary
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import TrustError
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.log import parse_event_log
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.plain import plain_event_log


def event_log(blob: object, final_events: object = None) -> dict[str, Any]:
    """Return the log as plain data; raises AnsibleFilterError where it cannot be read."""
    try:
        log = binary(blob, "event_log", LIMITS["event_log"])
        final = None if final_events is None else binary(final_events, "final_events", LIMITS["event_log"])
        return plain_event_log(parse_event_log(log, final))
    except TrustError as error:
        raise AnsibleFilterError(str(error)) from None


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"event_log": event_log}
