# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collector on a light node: the same evidence as the module's, in one process, over pipes."""

from __future__ import annotations

import base64
import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.palantir.trust.plugins.module_utils import _collector
from ansible_collections.palantir.trust.plugins.module_utils._facts_binding import canonical_json, qualifying_data
from ansible_collections.palantir.trust.plugins.module_utils._frames import REQUEST_LIMIT
from ansible_collections.palantir.trust.plugins.modules import evidence as module
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.tpm.quote import verify_quote
from ansible_collections.palantir.trust.plugins.plugin_utils.watch.program import program
from tests.lab.light.node import LightNode
from tests.unit.watch.collectors import SELECTION, installed, places, streamed

pytestmark = pytest.mark.slow

NONCES = [bytes([n]) * 32 for n in range(3)]


def digest(part: Any) -> str:
    return hashlib.sha256(canonical_json(part)).hexdigest()


def valid(answer: dict[str, Any], nonce: bytes, facts: Any) -> bool:
    quote = answer["evidence"]["quote"]
    binding = qualifying_data(nonce, facts)
    return verify_quote(quote["attest"], quote["signature"], quote["ak_public"], binding, SELECTION).valid


def test_its_rounds_are_those_of_the_module_and_send_only_what_is_new(tmp_path: Path, node: LightNode) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    with streamed(empty) as collector:
        assert collector.hello is not None
        assert collector.hello["protocol"] == 1
        assert collector.hello["digest"] == program().digest

        first = collector.ask(nonce=NONCES[0].hex(), places=places(node))
        assert (first["id"], first["same"]) == (1, [])
        facts, log = first["evidence"]["facts"], node.ima_log.read_bytes()
        assert valid(first, NONCES[0], facts)
        assert first["evidence"]["event_log"] == base64.b64encode(node.event_log.read_bytes()).decode()
        assert first["evidence"]["ima_log"] == {"offset": 0, "data": base64.b64encode(log).decode()}

        since = {"boot_id": facts["boot_id"], "offset": len(log)}
        have = {"facts": digest(facts), "userspace_log": digest(None)}
        quiet = collector.ask(nonce=NONCES[1].hex(), places=places(node), since=since, have=have)
        assert quiet["same"] == ["facts", "userspace_log"]
        assert set(quiet["evidence"]) == {"format", "quote", "event_log", "ima_log"}
        assert quiet["evidence"]["ima_log"] == {"offset": len(log), "data": ""}
        assert quiet["evidence"]["event_log"] is None
        assert valid(quiet, NONCES[1], facts)
        assert not valid(quiet, NONCES[0], facts)

        node.append_measurement("/usr/bin/implant", b"evil")
        node.run_container(4711, "c0" * 32, 1_000_013_824)
        loud = collector.ask(nonce=NONCES[2].hex(), places=places(node), since=since, have=have)
        node.end_container(4711)
        assert loud["same"] == ["userspace_log"]
        assert [found["id"] for found in loud["evidence"]["facts"]["containers"]] == ["c0" * 32]
        assert base64.b64decode(loud["evidence"]["ima_log"]["data"]) == node.ima_log.read_bytes()[len(log) :]
        assert valid(loud, NONCES[2], loud["evidence"]["facts"])

        collector.stdin.close()
        assert collector.process.wait(10) == 0
        assert collector.stdout.read() == b""
        assert collector.process.stderr is not None
        assert collector.process.stderr.read() == b""
    assert list(empty.iterdir()) == []


def test_what_keeps_a_round_from_evidence_is_an_answer_and_the_next_one_goes_on(
    tmp_path: Path, node: LightNode
) -> None:
    with streamed(tmp_path) as collector:
        missing = collector.ask(places={**places(node), "ima_log_path": "/nowhere"})
        assert missing["error"]["code"] == "no_ima"
        assert "evidence" not in missing
        assert "evidence" in collector.ask(places=places(node))
        unknown = collector.ask(places={**places(node), "ak_handle": "0x81010021"})
        assert unknown["error"]["code"] == "ak_missing"
        assert "evidence" in collector.ask(places=places(node))


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"nonce": "00"}, "nonce"),
        ({"nonce": 7}, "nonce"),
        ({"selection": []}, "selection"),
        ({"selection": {"sha256": [24]}}, "selection"),
        ({"since": {"boot_id": 1, "offset": 0}}, "since"),
        ({"since": {"boot_id": "b", "offset": True}}, "since"),
        ({"since": {"boot_id": "b", "offset": -1}}, "since.offset"),
        ({"places": {"tcti": 1}}, "places"),
        ({"places": {"path": "/etc/shadow"}}, "places"),
    ],
)
def test_a_request_that_is_none_is_refused_by_name(node: LightNode, wrong: dict[str, Any], named: str) -> None:
    message = {"nonce": "00" * 32, "selection": SELECTION, "places": places(node), **wrong}
    error = _collector.answer(message, _collector.KeptOpen(), installed=False)["error"]
    assert error["code"] == "bad_argument"
    assert named in error["msg"]


def test_an_installed_one_tells_where_things_are_by_itself(tmp_path: Path, node: LightNode) -> None:
    with installed(tmp_path) as collector:
        assert collector.hello is not None
        assert collector.hello["digest"] == program().digest, "the same modules"
        for asked in ({"ima_log_path": "/etc/shadow"}, {"tcti": "cmd:touch /tmp/x"}, places(node)):
            assert collector.ask(places=asked)["error"]["code"] == "bad_argument"
        assert collector.ask(places={"ak_handle": "0"})["error"]["msg"].startswith("ak_handle")


@pytest.mark.parametrize(
    "garbage",
    [(REQUEST_LIMIT + 1).to_bytes(4, "big"), b"\0\0\0\2[]", b"\0\0\0\1\xff", b"\0\0\0\4nul"],
)
def test_it_ends_with_an_input_that_is_no_controllers(tmp_path: Path, garbage: bytes) -> None:
    with streamed(tmp_path) as collector:
        collector.write(garbage)
        collector.stdin.close()
        assert collector.process.wait(10) == 1
        assert collector.process.stderr is not None
        assert collector.process.stderr.read().startswith(b"palantir.trust collector: the ")


def test_it_ends_where_it_is_not_asked_for_long(tmp_path: Path) -> None:
    code = f"import {_collector.__name__} as c; c.IDLE_S = 1; c.main('')"
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", code], stdin=pipe, stdout=pipe, cwd=tmp_path) as process:
        assert process.wait(20) != 0


def test_its_defaults_are_the_modules() -> None:
    text = Path(module.__file__).read_text(encoding="utf-8")
    for place, default in _collector.PLACES.items():
        assert f'"default": "{default}"' in text, place
    assert "64 << 20" in text
    assert _collector.LOG_LIMIT == 64 << 20
