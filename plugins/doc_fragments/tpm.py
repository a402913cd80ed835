# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that every module shares which uses the node's TPM."""

from __future__ import annotations


class ModuleDocFragment:
    """The documentation fragment ``palantir.trust.tpm``."""

    DOCUMENTATION = r"""
options:
  tcti:
    description:
      - The way to the node's TPM, as tpm2-tss writes it,
        such as C(device:/dev/tpmrm0) or C(swtpm:path=/run/swtpm.sock).
    type: str
    default: device:/dev/tpmrm0
  ak_handle:
    description:
      - The persistent handle of the attestation key (AK), as a number from 0x81000000 to 0x817FFFFF.
    type: str
    default: "0x81010020"
requirements:
  - A TPM 2.0.
  - C(tpm2-pytss) 1.2 or newer (Debian package C(python3-tpm2-pytss)) to enrol a node, and for any O(tcti) but a device
    or the socket of an emulator. The role P(palantir.trust.attester#role) installs it.
notes:
  - Using the TPM device and reading the kernel's logs need root or membership of the right groups.
    Run the task with C(become=true).
"""


__all__ = ["ModuleDocFragment"]
