# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a node keeps its TPM and logs: the options that actions pass on to the node's modules."""

from __future__ import annotations


class ModuleDocFragment:
    """The documentation fragment ``palantir.trust.node``."""

    DOCUMENTATION = r"""
options:
  tcti:
    description: How the node reaches its TPM; see M(palantir.trust.evidence).
    type: str
  ak_handle:
    description: Persistent handle of the AK; see M(palantir.trust.evidence).
    type: str
  event_log_path:
    description: The UEFI event log on the node; see M(palantir.trust.evidence).
    type: str
  ima_log_path:
    description: The IMA measurement list on the node; see M(palantir.trust.evidence).
    type: str
  userspace_log_path:
    description: Systemd's log of what it measured on the node; see M(palantir.trust.evidence).
    type: str
  proc_path:
    description: Where procfs is mounted on the node; see M(palantir.trust.evidence).
    type: str
  sys_path:
    description: Where sysfs is mounted on the node; see M(palantir.trust.evidence).
    type: str
  ssh_path:
    description: Directory of the SSH server's host keys on the node; see M(palantir.trust.evidence).
    type: str
"""


__all__ = ["ModuleDocFragment"]
