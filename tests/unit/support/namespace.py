# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Network namespaces with a cable between them, for tests that need real packets and may not touch this machine's."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

CHECKOUT = Path(__file__).resolve().parents[3]
NFT = shutil.which("nft", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")

# The node has one end of the cable, the controller and a stranger the other.
CONTROLLER, STRANGER, NODE = "192.0.2.1", "192.0.2.9", "192.0.2.2"


def why_not() -> str:
    """Return what keeps this machine from filtering packets in a namespace."""
    if NFT is None:
        return "nft is not installed (Debian: nftables)"
    if os.geteuid() != 0 or shutil.which("unshare") is None or shutil.which("ip") is None:
        return "network namespaces need root, unshare and ip"
    probe = subprocess.run(["unshare", "--net", NFT, "add", "table", "inet", "probe"], capture_output=True, check=False)
    return f"no nf_tables in this kernel: {probe.stderr.decode()[:200]}" if probe.returncode else ""


REASON = why_not()
needs_nft = pytest.mark.skipif(bool(REASON), reason=REASON)


class Namespace:
    """A network namespace, kept by a process that sleeps in it."""

    def __init__(self) -> None:
        self._keeper = subprocess.Popen(["unshare", "--net", "sh", "-c", "echo; exec sleep 60"], stdout=subprocess.PIPE)
        assert self._keeper.stdout is not None
        assert self._keeper.stdout.readline() == b"\n"
        self.pid = self._keeper.pid
        self.run("ip", "link", "set", "lo", "up")

    def close(self) -> None:
        self._keeper.kill()
        self._keeper.communicate()

    def run(self, *command: str, check: bool = True, **options: Any) -> subprocess.CompletedProcess[str]:
        entered = ["nsenter", f"--net=/proc/{self.pid}/ns/net", *command]
        return subprocess.run(entered, check=check, capture_output=True, text=True, timeout=120, **options)

    def module(self, ssh_connection: str = f"{CONTROLLER} 40000 {NODE} 22", **arguments: Any) -> dict[str, Any]:
        """Run the module as Ansible does, below a shell that has the connection in its environment."""
        given = json.dumps({"ANSIBLE_MODULE_ARGS": arguments})
        name = "ansible_collections.palantir.trust.plugins.modules.nft_isolation"
        shell = 'env -u SSH_CONNECTION "$0" -m "$1" "$2"; exit $?'
        environment = {**os.environ, "PYTHONPATH": str(CHECKOUT / "collections"), "SSH_CONNECTION": ssh_connection}
        done = self.run("sh", "-c", shell, sys.executable, name, given, check=False, env=environment)
        result: dict[str, Any] = json.loads(done.stdout)
        return result

    def python(self, text: str, *arguments: str) -> str:
        return self.run(sys.executable, "-c", textwrap.dedent(text), *arguments).stdout.strip()


@contextmanager
def lone() -> Iterator[Namespace]:
    """A namespace with nothing but its loopback."""
    namespace = Namespace()
    try:
        yield namespace
    finally:
        namespace.close()


@contextmanager
def joined(node: Namespace) -> Iterator[Namespace]:
    """The other end of a node's cable."""
    with lone() as outside:
        node.run("ip", "link", "add", "cable", "type", "veth", "peer", "name", "far", "netns", str(outside.pid))
        for end, name, addresses in ((node, "cable", [NODE]), (outside, "far", [CONTROLLER, STRANGER])):
            for address in addresses:
                end.run("ip", "address", "add", f"{address}/24", "dev", name)
            end.run("ip", "link", "set", name, "up")
        yield outside


__all__ = ["CONTROLLER", "NFT", "NODE", "STRANGER", "Namespace", "joined", "lone", "needs_nft"]
