# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A descriptor with every key, for tests."""

from __future__ import annotations

from typing import Any

FULL: dict[str, Any] = {
    "sc": "waf",
    "provider": "Example Security Ltd",
    "description": "Web application firewall",
    "function": "waf",
    "version": "2.1",
    "criticality": "medium",
    "signer": "example-security",
    "instances": {"min": 1, "max": 3},
    "equivalent": ["waf-lite"],
    "placement": {
        "nodes": ["edge1", "edge2"],
        "labels": {"zone": "dmz", "disk/kind": "ssd"},
        "affinity": ["dns-filter"],
        "anti_affinity": ["waf"],
    },
    "resources": {"cpu": 0.5, "memory": "128Mi", "pids": 200, "storage": "2Gi"},
    "ports": [
        {"name": "web", "port": 8080, "protocol": "tcp", "internal": 80},
        {"name": "status", "port": 8081},
    ],
    "management": {"port": 9443, "address": "192.0.2.1"},
    "configuration": [{"path": "/etc/nginx/nginx.conf", "template": "templates/nginx.conf.j2", "reload": "signal"}],
    "probe": {
        "type": "http",
        "address": "127.0.0.1",
        "port": 8080,
        "requests": [
            {"path": "/health?deep=1", "status": 204, "method": "HEAD", "host": "shop.example", "contains": "healthy"},
            {"path": "/?id=1%27--"},
        ],
    },
    "flavours": [
        {
            "name": "podman",
            "driver": "podman",
            "archive": "../images/waf.tar",
            "reference_values": "sc-waf",
            "capabilities": ["NET_BIND_SERVICE"],
            "implementation": "nginx-1.26.3",
            "command": ["nginx", "-g", "daemon off;"],
            "network": "private",
            "components": ["glibc-2.41", "openssl-3.5.1"],
        },
        {
            "name": "haproxy",
            "driver": "nspawn",
            "archive": "../images/haproxy.tar",
            "reference_values": "sc-waf-haproxy",
            "implementation": "haproxy-3.0.11",
            "configuration": [{"path": "/etc/haproxy/haproxy.cfg", "template": "templates/haproxy.cfg.j2"}],
        },
    ],
}
TCP_PROBE: dict[str, Any] = {"type": "tcp", "address": "::1", "port": 8080}
TCP_PROBE["connections"] = [{"banner": "220 ready"}, {"state": "filtered", "port": 23}]
DNS_PROBE: dict[str, Any] = {
    "address": "127.0.0.1",
    "port": 5353,
    "queries": [{"name": "health.example.test", "addresses": ["192.0.2.53"]}],
}

__all__ = ["DNS_PROBE", "FULL", "TCP_PROBE"]
