# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the orchestrator's scenario tells what passes a firewall and what does not, on real sockets."""

from __future__ import annotations

import http.server
import socket
import threading
from pathlib import Path

import pytest

from tests.scenarios.orchestrator import world


def test_open_closed_and_filtered_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world, "_PATIENCE_S", 0.3)
    with (
        socket.create_server(("127.0.0.1", 0)) as serving,
        # What does not fit into its queue gets no answer.
        socket.create_server(("127.0.0.1", 0), backlog=0) as full,
        socket.create_connection(full.getsockname()),
    ):
        with socket.create_server(("127.0.0.1", 0)) as gone:
            closed = gone.getsockname()[1]
        ports = (serving.getsockname()[1], closed, full.getsockname()[1])
        told = world.reach([f"127.0.0.1:{port}" for port in ports])
    assert list(told.values()) == ["open", "closed", "filtered"]


def test_a_target_comes_through_as_it_was_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world, "SEEN", str(tmp_path / "seen"))
    with http.server.HTTPServer(("127.0.0.1", 0), world.Web) as site:
        thread = threading.Thread(target=site.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        target = "/item?id=1%27%20OR%20%271%27=%271"
        told = world.get([f"http://127.0.0.1:{site.server_port}{target}"])
        site.shutdown()
        thread.join()
    assert told == [(200, f"the site has {target}\n")]
    assert (tmp_path / "seen").read_text() == f"{target}\n"
