# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The closed lists of words of a descriptor, and its bounds: what the loader reads and the JSON Schema is made from.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from typing import Final

from ansible_collections.palantir.trust.plugins.plugin_utils.names import LIMIT

FUNCTIONS: Final = (
    "antivirus",
    "backup",
    "data-loss-prevention",
    "dns-filter",
    "endpoint-protection",
    "firewall",
    "honeypot",
    "ids",
    "ips",
    "mail-filter",
    "proxy",
    "siem",
    "siem-agent",
    "traffic-analysis",
    "vpn",
    "vulnerability-scanner",
    "waf",
)
CRITICALITIES: Final = ("low", "medium", "high")
PLATFORMS: Final = ("kubernetes", "sol005")
"""Drivers of what runs elsewhere, where nobody attests it."""
DRIVERS: Final = ("podman", "nspawn", "systemd", *PLATFORMS)
NETWORKS: Final = ("host", "private")
PROBES: Final = ("dns", "http", "tcp")
PROTOCOLS: Final = ("tcp", "udp")
RELOADS: Final = ("none", "signal", "replace")
UNITS: Final = {"Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "Ti": 1 << 40}

EVERYWHERE: Final = "0.0.0.0"  # noqa: S104 - whoever comes has to show a certificate
"""Address at which an agent serves where none is named."""
INSTANCES_LIMIT: Final = 1000
CPU_LIMIT: Final = 1024
PIDS_LIMIT: Final = 1 << 22
"""The kernel's own (``PID_MAX_LIMIT``, linux/threads.h)."""
METHODS: Final = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
STATES: Final = ("open", "closed", "filtered")
CHECKS_LIMIT: Final = 64
"""Most checks of one probe."""
DOMAIN_LIMIT: Final = 253

# Each is matched against the whole text, by Python here and by ECMA-262 in the JSON Schema: a common subset of both.
_PART: Final = r"(?!\.{1,2}(?:/|(?![\s\S])))[A-Za-z0-9._+@-]{1,255}"
_DNS_LABEL: Final = "[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
NAME: Final = f"[a-z0-9][a-z0-9-]{{0,{LIMIT - 1}}}"
INNER_PATH: Final = f"(?:/{_PART}){{1,32}}"
TEMPLATE: Final = f"{_PART}(?:/{_PART}){{0,31}}"
DOMAIN: Final = rf"{_DNS_LABEL}(?:\.{_DNS_LABEL})*\.*"
URL_PATH: Final = "/[!-~]*"
SIZE: Final = f"[1-9][0-9]{{0,5}}(?:{'|'.join(UNITS)})"
COMPONENT: Final = "[A-Za-z0-9][A-Za-z0-9.:+~_-]{0,127}"
LABEL: Final = "[A-Za-z0-9](?:[A-Za-z0-9._/-]{0,61}[A-Za-z0-9])?"

__all__ = [
    "CHECKS_LIMIT",
    "COMPONENT",
    "CPU_LIMIT",
    "CRITICALITIES",
    "DOMAIN",
    "DOMAIN_LIMIT",
    "DRIVERS",
    "EVERYWHERE",
    "FUNCTIONS",
    "INNER_PATH",
    "INSTANCES_LIMIT",
    "LABEL",
    "METHODS",
    "NAME",
    "NETWORKS",
    "PIDS_LIMIT",
    "PROBES",
    "PROTOCOLS",
    "RELOADS",
    "SIZE",
    "STATES",
    "TEMPLATE",
    "UNITS",
    "URL_PATH",
]
