# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A channel over a real socket."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Mapping
from typing import Any

from ansible_collections.palantir.trust.plugins.module_utils._frames import GREETING, frame, read_frame
from ansible_collections.palantir.trust.plugins.plugin_utils.watch.channel import Channel, Processes
from ansible_collections.palantir.trust.plugins.plugin_utils.watch.conversation import Conversation


def collector(end: socket.socket) -> None:
    """Answer what is asked, at once."""
    with end, end.makefile("rb") as asked:
        end.sendall(GREETING + frame({"protocol": 1, "digest": "d"}))
        while (message := read_frame(asked, 65536)) is not None:
            end.sendall(frame({"id": message["id"], "evidence": message["nonce"]}))


async def asked_while_busy() -> list[Mapping[str, Any]]:
    ours, theirs = socket.socketpair()
    threading.Thread(target=collector, args=(theirs,), daemon=True).start()
    channel, loop = Channel(Conversation("node1", "d"), Processes()), asyncio.get_running_loop()
    await loop.create_connection(lambda: channel, sock=ours)
    await channel.ready(5.0)
    loop.call_soon(time.sleep, 0.4)
    try:
        return [await channel.ask({"nonce": 1}, 1000, 0.2), await channel.ask({"nonce": 2}, 1000, 5.0)]
    finally:
        channel.close()


def test_an_answer_that_came_in_time_counts_also_where_this_process_was_too_busy_to_read_it() -> None:
    assert [answer["evidence"] for answer in asyncio.run(asked_while_busy())] == [1, 2]
