# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs on a node: two networks beside it, an office and a site, with hosts of their own; and who asks from where.

=================================  =================================================================================
``world.py lay``                   lay both networks, and run the site's services
``world.py lead INTERFACE PEER``   send what goes from one to the other by way of a gateway
``world.py reach HOST:PORT…``      say of each TCP port within two seconds whether it is open, closed or filtered
``world.py get URL…``              say of each the status and the body of its answer
=================================  =================================================================================

The answers are one line of JSON. Standard library alone.
"""

from __future__ import annotations

import errno
import http.client
import http.server
import json
import os
import select
import socket
import subprocess
import sys
import threading
import time
import urllib.parse

OFFICE, SITE = "198.51.100", "192.0.2"
SERVER, OTHER = SITE + ".80", SITE + ".81"
SERVED = (22, 23, 443)
WEB = 80
SEEN = "/run/world.seen"
"""What the site's web server was asked for, a line each."""
_READY = "/run/world.ready"
_TABLE = "100"
_PATIENCE_S = 2.0
_READY_S = 30.0


def lay() -> None:
    """Lay both networks. The node is the router of each, and forwards nothing between them by itself."""
    for name, network, hosts in (("office", OFFICE, ("9",)), ("site", SITE, ("80", "81"))):
        _ip("netns", "add", name)
        _batch(
            f"link add {name} type veth peer name eth0 netns {name}",
            f"address add {network}.1/24 dev {name}",
            f"link set {name} up",
        )
        _batch(
            "link set lo up",
            *(f"address add {network}.{host}/24 dev eth0" for host in hosts),
            "link set eth0 up",
            f"route add default via {network}.1",
            namespace=name,
        )
    words = ["systemd-run", "--quiet", "--unit=world", "--property=NetworkNamespacePath=/run/netns/site"]
    subprocess.run([*words, sys.executable, os.path.abspath(__file__), "serve"], check=True)
    end = time.monotonic() + _READY_S
    while not os.path.exists(_READY):
        if time.monotonic() > end:
            raise SystemExit("the site's services did not come up")
        time.sleep(0.05)


def lead(interface: str, gateway: str) -> None:
    """Send what goes from one network to the other by way of a gateway behind an interface."""
    rules = [f"rule add iif {name} lookup {_TABLE}" for name in ("office", "site")]
    routes = [f"route add {net}.0/24 via {gateway} dev {interface} table {_TABLE}" for net in (OFFICE, SITE)]
    _batch(*rules, *routes)


def reach(places: list[str]) -> dict[str, str]:
    """Ask all at once; who does not answer in time is filtered."""
    waiting, told = {}, dict.fromkeys(places, "filtered")
    for place in places:
        host, _colon, port = place.rpartition(":")
        asked = socket.socket()
        asked.setblocking(False)
        asked.connect_ex((host, int(port)))
        waiting[asked] = place
    end = time.monotonic() + _PATIENCE_S
    while waiting and (left := end - time.monotonic()) > 0:
        for asked in select.select([], list(waiting), [], left)[1]:
            status = asked.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            told[waiting.pop(asked)] = {0: "open", errno.ECONNREFUSED: "closed"}.get(status, "filtered")
            asked.close()
    return told


def get(urls: list[str]) -> list[tuple[int, str]]:
    """Ask as a client does, with the target as it was given."""
    told = []
    for url in urls:
        parts = urllib.parse.urlsplit(url)
        connection = http.client.HTTPConnection(parts.netloc, timeout=20)
        connection.request("GET", url.partition(parts.netloc)[2], headers={"Connection": "close"})
        answer = connection.getresponse()
        told.append((answer.status, answer.read(1 << 16).decode("utf-8", "replace")))
        connection.close()
    return told


class Web(http.server.BaseHTTPRequestHandler):
    """Says what it was asked for, and notes it."""

    def do_GET(self) -> None:
        """Answer with the target."""
        with open(SEEN, "a", encoding="utf-8") as seen:
            seen.write(self.path + "\n")
        body = f"the site has {self.path}\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the base class
        """Say nothing."""


def serve() -> None:
    """Be the hosts of the site."""
    listening = [socket.create_server(("", port)) for port in SERVED]
    web = http.server.ThreadingHTTPServer(("", WEB), Web)
    open(SEEN, "w", encoding="utf-8").close()
    open(_READY, "w", encoding="utf-8").close()
    for one in listening:
        threading.Thread(target=_greet, args=(one,), daemon=True).start()
    web.serve_forever()


def _greet(listening: socket.socket) -> None:
    while True:
        listening.accept()[0].close()


def _ip(*words: str, text: str | None = None) -> None:
    subprocess.run(["ip", *words], input=text, text=True, check=True, timeout=30)


def _batch(*lines: str, namespace: str = "") -> None:
    inside = ["-netns", namespace] if namespace else []
    _ip(*inside, "-batch", "-", text="\n".join(lines) + "\n")


def main(verb: str, *words: str) -> None:
    """Do what is asked for."""
    if verb == "lay":
        lay()
    elif verb == "lead":
        lead(*words)
    elif verb == "serve":
        serve()
    elif verb == "reach":
        print(json.dumps(reach(list(words))))
    else:
        print(json.dumps(get(list(words))))


if __name__ == "__main__":
    main(*sys.argv[1:])
