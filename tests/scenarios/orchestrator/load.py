# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs on a node: asks a DNS filter again and again, and tells what was lost.

``python3 - PORT NAME STOP``, read from standard input. It asks until the file STOP is there, ten minutes at most, and
says then in one line of JSON how many queries were sent, how many were not answered, and the longest time between two
answers in milliseconds. Standard library alone.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import sys
import time

PERIOD_S = 0.1
PATIENCE_S = 2.0
LONGEST_S = 600.0


def question(number: int, name: str) -> bytes:
    """Return a query of type A (RFC 1035 section 4.1)."""
    labels = b"".join(bytes([len(label)]) + label.encode("ascii") for label in name.split("."))
    return struct.pack(">HHHHHH", number, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">HH", 1, 1)


def main(port: int, name: str, stop: str) -> dict[str, int]:
    """Ask until the file is there; a new socket each time, as clients do."""
    waiting: dict[socket.socket, float] = {}
    begun = last = time.monotonic()
    sent = lost = 0
    gap = 0.0
    while time.monotonic() - begun < LONGEST_S and not os.path.exists(stop):
        sent += 1
        asked = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        asked.setblocking(False)
        asked.connect(("127.0.0.1", port))
        try:
            asked.send(question(sent & 0xFFFF, name))
            waiting[asked] = time.monotonic()
        except OSError:
            lost += 1
            asked.close()
        time.sleep(PERIOD_S)
        now = time.monotonic()
        for one, since in list(waiting.items()):
            try:
                answered = len(one.recv(512)) > 12
            except BlockingIOError:
                answered = False
                if now - since < PATIENCE_S:
                    continue
            except OSError:
                answered = False
            one.close()
            del waiting[one]
            lost += not answered
            if answered:
                gap, last = max(gap, now - last), now
    return {"sent": sent - len(waiting), "lost": lost, "gap_ms": round(max(gap, time.monotonic() - last) * 1000)}


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]), sys.argv[2], sys.argv[3])))
