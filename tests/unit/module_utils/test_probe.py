# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ansible
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.palantir.trust.plugins.module_utils._errors import NodeError
from ansible_collections.palantir.trust.plugins.module_utils._http import BODY_LIMIT
from ansible_collections.palantir.trust.plugins.module_utils._probe import CHECKS, Health, probe
from tests.unit.module_utils.test_dns import response, server
from tests.unit.support.examples import examples

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
DENIED = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"

Talk = Callable[[socket.socket, bytes], None]


@contextmanager
def talker(talk: Talk, *, greeting: bytes = b"") -> Iterator[tuple[int, list[bytes]]]:
    """A TCP server on the loopback that hands each connection to ``talk``; gives its port, and what was said to it."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                channel, _peer = listener.accept()
                with channel, contextlib.suppress(OSError):
                    channel.settimeout(5)
                    channel.sendall(greeting)
                    said = channel.recv(65536)
                    if said == b"end":
                        return
                    heard.append(said)
                    talk(channel, said)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1], heard
        finally:
            with socket.create_connection(listener.getsockname()) as poke:
                poke.sendall(b"end")
            thread.join(10)


def saying(*answers: bytes) -> Talk:
    """Answer the first connection with the first, and so on; the last with all that follow."""
    left = list(answers)
    return lambda channel, _said: channel.sendall(left.pop(0) if len(left) > 1 else left[0])


def http(port: int, *requests: dict[str, Any], seconds: float = 2.0, tries: int = 1) -> Health:
    asked = requests or ({"path": "/", "status": [200]},)
    return probe({"type": "http", "address": "127.0.0.1", "port": port, "requests": list(asked)}, seconds, tries)


def tcp(port: int, *connections: dict[str, Any], seconds: float = 2.0, tries: int = 1) -> Health:
    plain = {"type": "tcp", "address": "127.0.0.1", "port": port, "connections": list(connections)}
    return probe(plain, seconds, tries)


@contextmanager
def refused(code: str) -> Iterator[pytest.ExceptionInfo[NodeError]]:
    with pytest.raises(NodeError) as caught:
        yield caught
    assert caught.value.code == code


def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def test_a_dns_probe_asks_every_query() -> None:
    with server(lambda question: [response(question, "192.0.2.1")]) as port:
        queries = [{"name": "a.example", "addresses": ["192.0.2.1"]}, {"name": "b.example", "addresses": None}]
        health = probe({"address": "127.0.0.1", "port": port, "queries": queries}, 2.0, 1)
    assert (health.type, health.checks) == ("dns", 2)
    assert 0 < health.milliseconds < 4000


def test_a_dns_answer_that_is_not_the_right_one_ends_the_probe() -> None:
    with server(lambda question: [response(question, "192.0.2.1")]) as port, refused("dns_mismatch"):
        queries = [{"name": "a.example", "addresses": ["0.0.0.0"]}]  # noqa: S104 - an answer, not a place to listen at
        probe({"type": "dns", "address": "127.0.0.1", "port": port, "queries": queries}, 2.0, 40)


def test_an_http_request_goes_out_as_it_is_written() -> None:
    asked = {
        "method": "POST",
        "path": "/../../etc/passwd?a=%27%20OR%201",
        "status": [403, 200],
        "host": "shop.example",
        "headers": {"Content-Type": "text/plain"},
        "body": "é",
        "contains": "ell",
    }
    with talker(saying(OK)) as (port, heard):
        health = http(port, asked)
    (said,) = heard
    assert said == (
        b"POST /../../etc/passwd?a=%27%20OR%201 HTTP/1.1\r\n"
        b"Host: shop.example\r\n"
        b"Connection: close\r\n"
        b"Content-Type: text/plain\r\n"
        b"Content-Length: 2\r\n\r\n"
        b"\xc3\xa9"
    )
    assert (health.type, health.checks) == ("http", 1)


def test_another_status_is_told_beside_the_right_ones() -> None:
    with talker(saying(OK)) as (port, heard), refused("http_mismatch") as caught:
        http(port, {"path": "/a?id=1", "status": [403, 400]}, tries=5)
    assert str(caught.value) == (
        "The HTTP server answers GET /a?id=1 with status 200, not with 403 or 400. "
        "Next: check the server's configuration."
    )
    assert len(heard) == 1


def test_a_text_that_is_missing_is_told() -> None:
    with talker(saying(OK)) as (port, _heard), refused("http_mismatch") as caught:
        http(port, {"path": "/", "status": [200], "contains": "world"})
    assert "The HTTP server's answer to GET / does not contain 'world'." in str(caught.value)


def test_a_text_is_found_across_chunks() -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"
    with talker(saying(chunked)) as (port, _heard):
        http(port, {"path": "/", "status": 200, "contains": "hello"})


def test_a_server_that_starts_up_is_asked_again() -> None:
    busy = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
    with talker(saying(b"", busy, OK)) as (port, heard):
        http(port, seconds=0.5, tries=4)
    assert len(heard) == 3


def test_a_server_that_stays_unavailable_is_told() -> None:
    busy = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
    with talker(saying(busy)) as (port, heard), refused("http_mismatch"):
        http(port, seconds=0.1, tries=2)
    assert len(heard) == 2
    with talker(saying(busy)) as (port, _heard):
        http(port, {"path": "/", "status": [503]})


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"", "http_refused"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "http_malformed"),
        (b"HTTP/1.1 abc OK\r\n\r\n", "http_malformed"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", "http_malformed"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "http_malformed"),
        (b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n", "http_malformed"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 20_000, "http_malformed"),
        (b"HTTP/1.1 200 OK\r\nA: " + b"x" * 300_000, "http_malformed"),
    ],
)
def test_an_answer_that_is_none_is_refused(answer: bytes, code: str) -> None:
    with talker(saying(answer)) as (port, _heard), refused(code):
        http(port)


def test_an_answer_without_an_end_is_read_to_the_limit() -> None:
    def flood(channel: socket.socket, _said: bytes) -> None:
        channel.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            channel.sendall(b"x" * 65536)

    with talker(flood) as (port, _heard):
        http(port)
        with refused("http_mismatch"):
            http(port, {"path": "/", "status": [200], "contains": "y"})


def test_an_answer_that_trickles_ends_with_its_time() -> None:
    def trickle(channel: socket.socket, _said: bytes) -> None:
        for byte in OK:
            channel.sendall(bytes([byte]))
            time.sleep(0.05)

    begun = time.monotonic()
    with talker(trickle) as (port, _heard), refused("http_timeout"):
        http(port, seconds=0.3)
    # The server's own last words come on top.
    assert time.monotonic() - begun < 4


def test_a_port_where_nobody_listens_is_told_after_the_tries() -> None:
    port, begun = unused_port(), time.monotonic()
    with refused("http_refused") as caught:
        http(port, seconds=0.1, tries=3)
    assert time.monotonic() - begun > 0.2
    assert f"The HTTP server 127.0.0.1 port {port} cannot be asked: Connection refused." in str(caught.value)


@examples(60)
@given(st.binary(max_size=200), st.booleans())
def test_whatever_a_server_says_is_read_or_refused(said: bytes, begins_well: bool) -> None:
    answer = b"HTTP/1.1 200 OK\r\n" + said if begins_well else said
    with talker(saying(answer)) as (port, _heard):
        try:
            http(port, seconds=1.0)
            code = ""
        except NodeError as error:
            code = error.code
    assert code in {"", "http_malformed", "http_refused", "http_mismatch"}


def test_a_large_body_is_looked_at_up_to_the_limit() -> None:
    body = b"a" * (BODY_LIMIT - 4) + b"end!" + b"beyond"
    whole = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    with talker(saying(whole)) as (port, _heard):
        http(port, {"path": "/", "status": [200], "contains": "end!"})
        with refused("http_mismatch"):
            http(port, {"path": "/", "status": [200], "contains": "beyond"})


@pytest.mark.parametrize(
    "asked",
    [
        {"path": "/", "status": [200], "headers": {"A": "b\r\nC: d"}},
        {"path": "/", "status": [200], "headers": {"A\r\nC": "d"}},
        {"path": "/", "status": [200], "headers": {"content-length": "7"}},
        {"path": "/", "status": [200], "host": "a\r\nb"},
        {"path": "/ HTTP/1.1\r\nA: b", "status": [200]},
        {"path": "", "status": [200]},
        {"path": "/", "status": [200], "method": "get"},
        {"path": "/", "status": []},
        {"path": "/", "status": ["200"]},
        {"path": "/"},
        {"status": [200]},
    ],
)
def test_a_request_that_is_none_is_not_sent(asked: dict[str, Any]) -> None:
    with refused("bad_argument"):
        http(9, asked)


def test_ports_are_told_apart_by_their_states() -> None:
    with talker(saying(b"")) as (port, _heard):
        health = tcp(port, {}, {"state": "open", "port": None}, {"state": "closed", "port": unused_port()})
    assert (health.type, health.checks) == ("tcp", 3)


def test_a_port_in_another_state_is_told_after_the_tries() -> None:
    port = unused_port()
    with refused("tcp_mismatch") as caught:
        tcp(port, {"state": "open"}, seconds=0.1, tries=3)
    assert f"Port {port} of 127.0.0.1 is closed, not open." in str(caught.value)


def test_a_port_that_opens_late_is_waited_for() -> None:
    port = unused_port()

    def open_late() -> None:
        time.sleep(0.3)
        with socket.create_server(("127.0.0.1", port)) as listener:
            listener.settimeout(5)
            listener.accept()[0].close()

    thread = threading.Thread(target=open_late)
    thread.start()
    tcp(port, {"state": "open"}, tries=20)
    thread.join(5)


def test_a_port_whose_queue_is_full_is_silent() -> None:
    # Linux drops what a full queue has no room for: to a client that is what a filter does.
    with contextlib.ExitStack() as held:
        listener = held.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(2):
            filler = held.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        port = listener.getsockname()[1]
        tcp(port, {"state": "filtered"}, {"state": "closed", "port": unused_port()}, seconds=0.2)
        with refused("tcp_mismatch"):
            tcp(port, {"state": "closed"}, seconds=0.1)


def test_a_banner_is_what_a_port_says_first() -> None:
    with talker(saying(b""), greeting=b"SSH-2.0-x\r\n") as (port, _heard):
        tcp(port, {"banner": "SSH-2.0-"})
        with refused("tcp_mismatch") as caught:
            tcp(port, {"banner": "220 "})
        assert "is mute, not open" in str(caught.value)
        with refused("bad_argument"):
            tcp(port, {"banner": "x" * 2000})


def test_silence_alone_is_no_health() -> None:
    with refused("bad_argument") as caught:
        tcp(9, {"state": "filtered"}, {"state": "filtered", "port": 23})
    assert "A probe that wants silence alone is passed by what is not there." in str(caught.value)


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "icmp"},
        {"address": "localhost"},
        {"port": 0},
        {"port": "80"},
        {"requests": []},
        {"requests": [{"path": "/", "status": [200]}] * (CHECKS + 1)},
        {"requests": None},
    ],
)
def test_a_probe_that_is_none_is_refused(changes: dict[str, Any]) -> None:
    plain = {"type": "http", "address": "127.0.0.1", "port": 9, "requests": [{"path": "/", "status": [200]}]}
    with refused("bad_argument"):
        probe({**plain, **changes}, 1.0, 1)


@pytest.mark.parametrize(("seconds", "tries"), [(0.0, 1), (1.0, 0)])
def test_a_probe_that_is_never_tried_is_refused(seconds: float, tries: int) -> None:
    with refused("bad_argument"):
        http(9, seconds=seconds, tries=tries)


def test_the_module_says_what_it_found(tmp_path: Path) -> None:
    (tmp_path / "ansible").symlink_to(Path(ansible.__file__).parent)
    collections = Path(__file__).resolve().parents[3] / "collections"

    def run(**arguments: Any) -> dict[str, Any]:
        module = "ansible_collections.palantir.trust.plugins.modules.probe"
        command = [sys.executable, "-m", module, json.dumps({"ANSIBLE_MODULE_ARGS": arguments})]
        environment = {**os.environ, "PYTHONPATH": f"{collections}:{tmp_path}"}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
        assert done.stderr == ""
        told: dict[str, Any] = json.loads(done.stdout)
        return told

    with talker(saying(OK, DENIED)) as (port, _heard):
        asked = {"type": "http", "address": "127.0.0.1", "port": port, "requests": [{"path": "/", "status": [200]}]}
        passed, failed = run(**asked), run(**asked, tries=1)
    assert (passed["changed"], passed["checks"]) == (False, 1)
    assert (failed["failed"], failed["code"]) == (True, "http_mismatch")
