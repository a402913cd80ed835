# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Conversations with collectors, and with what only pretends to be one."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.palantir.trust.plugins.module_utils._frames import GREETING, LENGTH, frame
from ansible_collections.palantir.trust.plugins.plugin_utils.watch.conversation import (
    MARKS_LIMIT,
    NOISE_LIMIT,
    ChannelError,
    Conversation,
    Escalation,
    fault,
)
from tests.unit.support.examples import examples

HELLO = GREETING + frame({"protocol": 1, "digest": "d"})
SUDO = Escalation(b"BECOME-SUCCESS-x", b"[sudo via ansible, key=x] password:", b"s3cret")


def ready() -> Conversation:
    conversation = Conversation("node1", "d", b"program")
    assert conversation.begin() == b"program"
    assert conversation.received(HELLO) == (b"", None)
    assert conversation.ready
    return conversation


def asked(limit: int = 1000) -> Conversation:
    conversation = ready()
    assert conversation.request(1, {"nonce": "n"}, limit) == frame({"nonce": "n", "id": 1})
    return conversation


def test_a_request_has_one_answer() -> None:
    conversation = asked()
    assert conversation.received(frame({"id": 1, "evidence": {}})) == (b"", {"id": 1, "evidence": {}})
    conversation.request(2, {}, 1000)
    assert conversation.received(frame({"id": 2, "error": {}})) == (b"", {"id": 2, "error": {}})


def test_all_may_be_written_at_once_and_come_at_once() -> None:
    conversation = Conversation("node1", "d", b"program")
    assert conversation.at_once({"nonce": "n"}, 1000) == b"program" + frame({"nonce": "n", "id": 1})
    answer = {"id": 1, "evidence": {}}
    assert conversation.received(b"Welcome!\n" + HELLO + frame(answer)) == (b"", answer)
    for cut in (b"", HELLO, HELLO + frame(answer)[:-1]):
        conversation = Conversation("node1", "d", b"program")
        conversation.at_once({}, 1000)
        assert conversation.received(cut) == (b"", None)
    for wrong in (frame({"id": 2}), frame(answer) * 2, frame({"id": 1, "evidence": "x" * 1000})):
        conversation = Conversation("node1", "d", b"program")
        conversation.at_once({}, 1000)
        with pytest.raises(ChannelError):
            conversation.received(HELLO + wrong)


@pytest.mark.parametrize("error", [None, "no TPM", {"msg": ["a list"]}, {"msg": "\x1b[2Jno TPM\n", "code": "no_tpm"}])
def test_what_keeps_a_node_from_evidence_is_told_in_its_words_made_printable(error: Any) -> None:
    said, code = fault({"error": error})
    assert said.isprintable()
    assert code in ("", "no_tpm")


@given(st.integers(1, 40))
@examples(20)
def test_bytes_may_come_in_any_pieces(size: int) -> None:
    conversation = Conversation("node1", "d")
    for at in range(0, len(HELLO), size):
        assert conversation.received(HELLO[at : at + size]) == (b"", None)
    conversation.request(1, {}, 1000)
    answer, found = frame({"id": 1, "evidence": "x" * 50}), []
    for at in range(0, len(answer), size):
        found.append(conversation.received(answer[at : at + size])[1])
    assert found[:-1] == [None] * (len(found) - 1)
    assert found[-1] == {"id": 1, "evidence": "x" * 50}


def test_what_a_login_shell_says_first_does_not_count() -> None:
    conversation = Conversation("node1", "d", b"program")
    assert conversation.received(b"Welcome!\nLast login: never\n" + HELLO) == (b"", None)
    assert conversation.ready


# sudo


def test_sudo_without_a_password_gives_way_to_the_program() -> None:
    conversation = Conversation("node1", "d", b"program", Escalation(b"BECOME-SUCCESS-x"))
    assert conversation.begin() == b""
    assert conversation.received(b"BECOME-SUC") == (b"", None)
    assert conversation.received(b"CESS-x\n") == (b"program", None)
    assert conversation.received(HELLO) == (b"", None)
    assert conversation.ready


def test_the_password_is_written_when_it_is_asked_for_and_not_before() -> None:
    conversation = Conversation("node1", "d", b"program", SUDO)
    assert conversation.begin() == b""
    assert conversation.complained(b"We trust you have received the usual lecture\n") == b""
    assert conversation.complained(SUDO.prompt) == b"s3cret\n"
    assert conversation.received(b"BECOME-SUCCESS-x\n") == (b"program", None)
    assert conversation.complained(SUDO.prompt) == b"", "nobody else is told it"


def test_a_password_that_sudo_remembers_is_not_written() -> None:
    conversation = Conversation("node1", "d", b"program", SUDO)
    assert conversation.received(b"BECOME-SUCCESS-x\n") == (b"program", None)


def test_a_wrong_password_is_written_once() -> None:
    conversation = Conversation("node1", "d", b"program", SUDO)
    conversation.complained(SUDO.prompt)
    with pytest.raises(ChannelError) as caught:
        conversation.complained(b"\nSorry, try again.\n" + SUDO.prompt)
    assert str(caught.value) == ("node1: does not accept the become password. Next: check ansible_become_password.")
    assert "s3cret" not in repr(SUDO)


# Hostile collectors


def failure(conversation: Conversation, data: bytes) -> str:
    with pytest.raises(ChannelError) as caught:
        conversation.received(data)
    assert caught.value.state == "no_evidence"
    return str(caught.value)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (LENGTH.pack(1001), "announced an answer of 1001 bytes, over the limit of 1000"),
        (LENGTH.pack(0xFFFFFFFF), "announced an answer of 4294967295 bytes"),
        (LENGTH.pack(2) + b"{]", "gave an answer that is no JSON object"),
        (LENGTH.pack(2) + b"[]", "gave an answer that is no JSON object"),
        (LENGTH.pack(900) + b"[" * 900, "gave an answer that is no JSON object"),
        (frame({"id": 2}), "answered what it was not asked"),
        (frame({"id": "1"}), "answered what it was not asked"),
        (frame({"id": True}) * 2, "answered what it was not asked"),
        (frame({"id": 1}) * 2, "answered what it was not asked"),
        (frame({"evidence": {}}), "answered what it was not asked"),
    ],
    ids=str,
)
def test_an_answer_that_is_none_ends_the_conversation(data: bytes, said: str) -> None:
    assert said in failure(asked(), data)


def test_an_answer_that_would_take_far_more_memory_than_it_has_bytes_ends_the_conversation() -> None:
    few: list[list[None]] = [[]] * (MARKS_LIMIT // 2 - 10)
    many = few + [[]] * 20
    assert asked(10_000_000).received(frame({"id": 1, "evidence": few}))[1] is not None
    with pytest.raises(ChannelError, match="more than 1000000 values"):
        asked(10_000_000).received(frame({"id": 1, "evidence": many}))


def test_an_answer_without_a_request_ends_the_conversation() -> None:
    assert "answered what it was not asked" in failure(ready(), frame({"id": 1}))
    assert "answered what it was not asked" in failure(ready(), b"\0")


def test_an_answer_that_is_given_twice_ends_the_conversation() -> None:
    conversation = asked()
    conversation.received(frame({"id": 1, "evidence": {}}))
    assert "answered what it was not asked" in failure(conversation, frame({"id": 1, "evidence": {}}))


def test_noise_without_end_is_not_kept() -> None:
    conversation = Conversation("node1", "d")
    assert conversation.received(b"x" * NOISE_LIMIT) == (b"", None)
    assert f"wrote {NOISE_LIMIT} bytes that are no collector's" in failure(conversation, b"x")


@pytest.mark.parametrize("hello", [{}, {"protocol": 2, "digest": "d"}, {"protocol": 1, "digest": "e"}])
def test_another_version_is_refused(hello: dict[str, Any]) -> None:
    assert "another version of the collector" in failure(Conversation("node1", "d"), GREETING + frame(hello))


def test_a_collector_is_asked_one_thing_at_a_time() -> None:
    conversation = asked()
    with pytest.raises(ChannelError):
        conversation.request(2, {}, 1000)
    with pytest.raises(ChannelError):
        Conversation("node1", "d").request(1, {}, 1000)


def test_what_a_node_complains_of_is_bounded_and_printable() -> None:
    conversation = asked()
    conversation.complained(b"x" * 100_000 + b"\n\x1b[31mKilled\n\n")
    assert str(conversation.ended()) == r"node1: ended the connection: \x1b[31mKilled."
    assert conversation.ended().state == "unreachable"
    starting = Conversation("node1", "d")
    starting.complained(b"sh: 1: python9: not found\n")
    assert str(starting.ended()).startswith(
        "node1: ended while it waits for the collector's start: sh: 1: python9: not found. Next: check its interpreter"
    )
    assert starting.ended().state == "no_evidence"


@given(st.lists(st.binary(max_size=64), max_size=8))
@examples(50)
def test_whatever_comes_is_an_answer_an_error_or_nothing(pieces: list[bytes]) -> None:
    for conversation in (Conversation("node1", "d"), asked(), Conversation("node1", "d", b"", SUDO)):
        with contextlib.suppress(ChannelError):
            for piece in pieces:
                reply, _answer = conversation.received(piece)
                assert b"s3cret" not in reply
