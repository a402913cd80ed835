# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the images of the lab's SCs are made of: Debian's packages, and what of them is taken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final

_FILES: Final = Path(__file__).with_name("files")
# A program that starts as this user needs no capability to give up root, and has none to lose.
NOBODY: Final = "65534:65534"
_NONE: Final = "# Overridden by the instance's own configuration, mounted read-only. As it stands: "


@dataclass(frozen=True, eq=False)
class Recipe:
    """One image.

    Attributes:
        name: of the image, and of its files.
        packages: Debian packages; what they depend on is unpacked with them.
        programs: programs, and objects that they load by name: each with all that its dynamic loader needs.
        entrypoint: what an instance runs, without a shell or an init.
        user: who runs it, as an engine takes it; a driver without such a thing runs it as root of its range.
        texts: the image's own files.
        executables: the same, with the right to be run.
    """

    name: str
    packages: tuple[str, ...]
    programs: tuple[str, ...]
    entrypoint: tuple[str, ...]
    texts: Mapping[str, str]
    user: str = NOBODY
    executables: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def reference(self) -> str:
        """Repository and tag, for people."""
        return f"localhost/palantir/{self.name}:1"


_DNSMASQ: Final = Recipe(
    name="dns-filter",
    packages=("dnsmasq-base",),
    programs=("/usr/sbin/dnsmasq",),
    entrypoint=("/usr/sbin/dnsmasq", "--keep-in-foreground", "--conf-file=/etc/dnsmasq.conf"),
    # It gives up root once its port is open.
    user="",
    texts={
        "etc/dnsmasq.conf": (
            f"{_NONE}answers nothing.\nport=5353\nlisten-address=127.0.0.1\nbind-interfaces\nno-resolv\nno-hosts\n"
            "no-poll\nuser=nobody\ngroup=nogroup\npid-file=\n"
        )
    },
)
_UNBOUND: Final = Recipe(
    name="dns-filter-unbound",
    packages=("unbound",),
    programs=("/usr/sbin/unbound",),
    entrypoint=("/usr/sbin/unbound", "-d", "-c", "/etc/unbound.conf"),
    texts={
        "etc/unbound.conf": (
            f"{_NONE}answers nobody.\nserver:\n  interface: 127.0.0.1\n  port: 5353\n  access-control: 0.0.0.0/0 deny\n"
        )
    },
)
_NGINX: Final = Recipe(
    name="waf",
    packages=("libnginx-mod-http-modsecurity", "nginx"),
    programs=("/usr/sbin/nginx", "/usr/lib/nginx/modules/ngx_http_modsecurity_module.so"),
    entrypoint=("/usr/sbin/nginx", "-e", "stderr", "-c", "/etc/nginx.conf", "-g", "daemon off;"),
    texts={"etc/nginx.conf": f"{_NONE}does not start.\n", "etc/modsecurity.conf": f"{_NONE}has no rules.\n"},
)
_HAPROXY: Final = Recipe(
    name="waf-haproxy",
    packages=("haproxy",),
    programs=("/usr/sbin/haproxy",),
    entrypoint=("/usr/sbin/haproxy", "-W", "-db", "-f", "/etc/haproxy.cfg"),
    texts={"etc/haproxy.cfg": f"{_NONE}does not start.\n"},
)
_NFTABLES: Final = Recipe(
    name="firewall",
    packages=("dash", "nftables"),
    programs=("/usr/bin/sh", "/usr/sbin/nft"),
    entrypoint=("/usr/sbin/firewall",),
    user="",
    texts={
        "etc/nftables.conf": (
            f"{_NONE}lets nothing pass.\ntable inet firewall {{\n  chain input {{\n"
            "    type filter hook input priority filter; policy drop;\n  }\n  chain forward {\n"
            "    type filter hook forward priority filter; policy drop;\n  }\n}\n"
        )
    },
    executables={"usr/sbin/firewall": (_FILES / "firewall.sh").read_text(encoding="utf-8")},
)

RECIPES: Final[Mapping[str, Recipe]] = MappingProxyType(
    {recipe.name: recipe for recipe in (_DNSMASQ, _UNBOUND, _NGINX, _HAPROXY, _NFTABLES)}
)

__all__ = ["NOBODY", "RECIPES", "Recipe"]
