# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import ipaddress
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.palantir.trust.plugins.module_utils._dns import Answer, _read_response, ask, require
from ansible_collections.palantir.trust.plugins.module_utils._errors import NodeError

Responder = Callable[[bytes], list[bytes]]


@contextmanager
def server(respond: Responder) -> Iterator[int]:
    """A UDP server on the loopback that answers each question with what ``respond`` makes of it; gives its port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
        channel.bind(("127.0.0.1", 0))

        def serve() -> None:
            while True:
                question, client = channel.recvfrom(512)
                if not question:
                    return
                for answer in respond(question):
                    channel.sendto(answer, client)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield channel.getsockname()[1]
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as poke:
                poke.sendto(b"", channel.getsockname())
            thread.join(5)


def response(question: bytes, *addresses: str, rcode: int = 0) -> bytes:
    head = question[:2] + struct.pack(">HHHHH", 0x8180 | rcode, 1, len(addresses), 0, 0)
    record = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 60, 4)
    return head + question[12:] + b"".join(record + ipaddress.IPv4Address(a).packed for a in addresses)


def question_for(name: str) -> bytes:
    asked: list[bytes] = []

    def respond(question: bytes) -> list[bytes]:
        asked.append(question)
        return [response(question)]

    with server(respond) as port:
        ask("127.0.0.1", port, name, 2.0, 0)
    return asked[0]


def failure(port: int, timeout: float = 0.2, retries: int = 0, name: str = "a.example") -> NodeError:
    with pytest.raises(NodeError) as caught:
        ask("127.0.0.1", port, name, timeout, retries)
    return caught.value


def test_the_question_is_that_of_rfc_1035() -> None:
    question = question_for("blocked.example.")
    assert question[2:] == b"\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07blocked\x07example\x00\x00\x01\x00\x01"


def test_an_answer_has_addresses_a_code_and_a_time() -> None:
    with server(lambda question: [response(question, "192.0.2.1", "192.0.2.2")]) as port:
        answer = ask("127.0.0.1", port, "a.example", 2.0, 0)
    assert (answer.rcode, answer.addresses) == ("NOERROR", ["192.0.2.1", "192.0.2.2"])
    assert 0 < answer.milliseconds < 2000


def test_a_refusal_is_an_answer_too() -> None:
    with server(lambda question: [response(question, rcode=3)]) as port:
        answer = ask("127.0.0.1", port, "a.example", 2.0, 0)
    assert (answer.rcode, answer.addresses) == ("NXDOMAIN", [])


def test_other_records_are_passed_over() -> None:
    def respond(question: bytes) -> list[bytes]:
        alias = b"\xc0\x0c" + struct.pack(">HHIH", 5, 1, 60, 7) + b"\x05other\x00"
        whole = response(question, "192.0.2.3")
        start = len(question)
        return [whole[:6] + b"\x00\x02" + whole[8:start] + alias + whole[start:]]

    with server(respond) as port:
        assert ask("127.0.0.1", port, "a.example", 2.0, 0).addresses == ["192.0.2.3"]


def test_an_answer_to_another_question_is_waited_past() -> None:
    def respond(question: bytes) -> list[bytes]:
        forged = bytes([question[0] ^ 1]) + question[1:]
        return [b"", b"\0", response(forged, "203.0.113.9"), response(question, "192.0.2.4")]

    with server(respond) as port:
        assert ask("127.0.0.1", port, "a.example", 2.0, 0).addresses == ["192.0.2.4"]


def test_silence_ends_after_the_retries() -> None:
    asked = []

    def stay_silent(question: bytes) -> list[bytes]:
        asked.append(question)
        return []

    with server(stay_silent) as port:
        error = failure(port, timeout=0.05, retries=2)
    assert len(asked) == 3
    assert error.code == "dns_timeout"
    assert str(error) == (
        f"The DNS server 127.0.0.1 port {port} does not answer within 0.05 s. "
        "Next: check that the service runs and listens there."
    )


def test_a_server_that_wakes_up_late_is_asked_again() -> None:
    asked = []

    def respond(question: bytes) -> list[bytes]:
        asked.append(question)
        return [response(question, "192.0.2.5")] if len(asked) == 2 else []

    with server(respond) as port:
        assert ask("127.0.0.1", port, "a.example", 0.2, 3).addresses == ["192.0.2.5"]


def test_a_port_where_nobody_listens_is_refused() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    assert failure(port).code == "dns_refused"


@pytest.mark.parametrize("name", ["", ".", "a..b", "x" * 64, "é.example", ".".join(["abcdefgh"] * 30)])
def test_what_is_no_name_is_refused(name: str) -> None:
    assert failure(1, name=name).code == "bad_argument"


def test_a_server_by_name_is_refused() -> None:
    with pytest.raises(NodeError, match=r"'localhost' is no IP address\. Next: give the server by address\."):
        ask("localhost", 53, "a.example", 0.1, 0)


@pytest.mark.parametrize("tail", [b"", b"\xc0", b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\x01", b"\x3f" * 9])
def test_an_answer_that_is_cut_short_is_malformed(tail: bytes) -> None:
    with server(lambda question: [response(question)[:6] + b"\x00\x01" + response(question)[8:] + tail]) as port:
        assert failure(port).code == "dns_malformed"


@given(st.binary(min_size=12, max_size=80))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    query = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01a\x00\x00\x01\x00\x01"
    answer = data[:2] + bytes([data[2] | 0x80]) + data[3:12] + query[12:] + data[12:]
    try:
        _rcode, addresses = _read_response(answer, query)
    except NodeError as error:
        addresses = []
        code = error.code
    else:
        code = "dns_malformed"
    assert code == "dns_malformed"
    assert len(addresses) <= len(data)


def test_a_right_answer_passes_in_any_order() -> None:
    answer = Answer("NOERROR", ["192.0.2.2", "192.0.2.1"], 1.0)
    require(answer, "a.example", ["192.0.2.1", "192.0.2.2"])
    require(answer, "a.example", None)
    require(Answer("NXDOMAIN", [], 1.0), "a.example", [])


def test_a_wrong_answer_is_told_beside_the_right_one() -> None:
    with pytest.raises(NodeError) as caught:
        require(Answer("NOERROR", ["192.0.2.1"], 1.0), "bad.example", ["192.0.2.9"])
    assert caught.value.code == "dns_mismatch"
    assert str(caught.value) == (
        "The DNS server answers for bad.example with 192.0.2.1 (NOERROR), not with 192.0.2.9. "
        "Next: check the server's configuration."
    )
