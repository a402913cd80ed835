# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs that go by way of an instance's agent, as transcripts; the agent is the real one, without its network."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from sqlalchemy import select

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import TrustError
from ansible_collections.palantir.trust.plugins.plugin_utils.orchestration import agent_part, asking
from ansible_collections.palantir.trust.plugins.plugin_utils.pki import peer
from ansible_collections.palantir.trust.plugins.plugin_utils.pki.peer import (
    Client,
    Peer,
    PeerError,
    SilentPeerError,
    UnbelievedPeerError,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.pki.spiffe import of_certificate
from ansible_collections.palantir.trust.plugins.plugin_utils.store import schema
from tests.unit.orchestration.test_agent_certificates import FIRST, HOUR, Managed, managed
from tests.unit.orchestration.test_instance_verbs import CONF, sha256

_SPEC = importlib.util.spec_from_file_location("sc_agent", agent_part.PROGRAM)
assert _SPEC is not None
assert _SPEC.loader is not None
sc_agent: Any = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(sc_agent)

ROLE = "spiffe://palantir.trust/role/"
HEALTH = "observer GET /v1/health"
LOOKED, WRITTEN = "observer GET /v1/configuration", "orchestrator PUT /v1/configuration"
SILENT = SilentPeerError("dns-1", "Connection refused")


class Program:
    """What the agent stands beside."""

    def __init__(self) -> None:
        self.signals: list[int] = []
        self.ended: int | None = None

    def poll(self) -> int | None:
        return self.ended

    def send_signal(self, number: int) -> None:
        self.signals.append(number)


class Reached(Managed):
    """A site whose controller reaches the agent of dns-1."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(directory, monkeypatch)
        self.program, self.file = Program(), directory / "dnsmasq.conf"
        self.file.write_text("old")
        self.settings = {
            "name": FIRST,
            "directory": str(directory),
            "configuration": {CONF: "HUP"},
            "files": {CONF: str(self.file)},
        }
        self.agent = sc_agent.Agent(self.settings, self.program)
        self.says: dict[str, PeerError] = {}
        self.peers: list[Peer] = []
        self.lifetimes: set[float] = set()
        monkeypatch.setattr(peer, "ask", self._ask)

    def _ask(self, asked: Peer, client: Client, method: str, path: str, body: Any = None) -> Any:
        shown = x509.load_pem_x509_certificate(client.certificate)
        role = str(of_certificate(shown)).removeprefix(ROLE)
        self.lifetimes.add(shown.not_valid_after_utc.timestamp() - self.clock)
        self.peers.append(asked)
        self.asked.append(line := f"{role} {method} {path}")
        self.seen()
        if line in self.says:
            raise self.says[line]
        act, roles = sc_agent._VERBS[(method, path)]
        assert role in roles
        try:
            return json.loads(json.dumps(act(self.agent, body)))
        except sc_agent.RefusedError as error:
            raise PeerError("dns-1", error.reason, str(error)) from None

    @property
    def refused(self) -> list[str]:
        with self.store.transaction() as connection:
            found = connection.execute(select(schema.ledger.c.subject, schema.ledger.c.body)).all()
        told = [(row.subject, json.loads(row.body)) for row in found if '"refused"' in row.body]
        assert all(subject == FIRST for subject, _body in told)
        return [body["refused"] for _subject, body in told]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Reached]:
    made = Reached(tmp_path, monkeypatch)
    made.do("instantiated", sc=managed())
    made.asked.clear()
    yield made
    made.store.close()


def test_an_agent_writes_what_differs_and_the_node_asks_the_probe_then(site: Reached) -> None:
    known: list[Any] = []
    site.seen = lambda: known.append(site.files)
    told = site.do("configured", sc=managed(content="new"))
    assert site.asked == [LOOKED, HEALTH, WRITTEN, "answering g1"]
    assert known == [sha256("old"), *[[sha256("new"), sha256("old")]] * 3], "known before it is written, and not sooner"
    assert (site.file.read_text(), site.program.signals) == ("new", [sc_agent.signal.SIGHUP])
    assert (told["changed"], told["rewritten"], told["reloaded"]) == (True, [CONF], True)
    assert (told["way"], told["detour"], "warnings" in told) == ("agent", "", False)
    assert told["diff"]["after"] == f"{CONF} {sha256('new')}\n"
    assert "new" not in str(told), "content may hold secrets"
    assert sorted(site.names) == [FIRST, *[ROLE + "observer"] * 2, ROLE + "orchestrator"], (
        "what was issued is on record"
    )
    assert site.lifetimes == {300.0}
    site.asked.clear()
    again = site.do("configured", sc=managed(content="new"))
    assert (again["changed"], again["reloaded"], site.asked) == (False, False, [LOOKED])
    assert site.file.read_text() == "new"


def test_what_somebody_else_wrote_is_put_right(site: Reached) -> None:
    site.file.write_text("by hand")
    assert site.do("configured", sc=managed())["changed"]
    assert site.file.read_text() == "old"


def test_check_mode_asks_nobody_and_issues_nothing(site: Reached) -> None:
    site.check = True
    told = site.do("configured", sc=managed(content="new"))
    assert (told["changed"], told["rewritten"], site.asked, site.names) == (True, [CONF], [], [FIRST])
    assert site.do("healthy", sc=managed()) | {"seconds": 0} == {"changed": False, "seconds": 0}
    assert (site.asked, site.names, site.file.read_text()) == ([], [FIRST], "old")


def test_what_needs_a_new_generation_is_not_for_an_agent(site: Reached) -> None:
    assert site.do("configured", sc=managed(content="new", reload="replace"))["needs_replacement"] == [CONF]
    assert site.asked == []


@pytest.mark.parametrize("silent", [LOOKED, HEALTH, WRITTEN])
def test_where_nobody_answers_it_goes_over_ssh_and_says_so(site: Reached, silent: str) -> None:
    site.says[silent] = SILENT
    told = site.do("configured", sc=managed(content="new"))
    assert site.asked[-2:] == [silent, "configured g1"]
    assert (told["changed"], told["reloaded"], told["way"]) == (True, True, "ssh")
    assert told["warnings"] == ["It was configured over SSH, and not by its agent: " + str(SILENT)]
    assert site.refused == []


def without_the_ca(site: Reached) -> None:
    Path(site.url.removeprefix("sqlite:///")).with_name("ca.pem").unlink()


def at_its_end(site: Reached) -> None:
    site.clock += 24 * HOUR


@pytest.mark.parametrize(
    ("given", "why"),
    [(at_its_end, "Its agent has no valid certificate"), (without_the_ca, "The site's CA is not on this controller")],
)
def test_who_cannot_be_known_is_not_asked(site: Reached, given: Any, why: str) -> None:
    given(site)
    told = site.do("configured", sc=managed(content="new"))
    assert (site.asked, told["way"]) == (["configured g1"], "ssh")
    assert why in told["detour"]


def test_an_sc_without_management_goes_over_ssh_as_ever(site: Reached) -> None:
    told = site.do("configured", sc={**managed(content="new"), "management": None})
    assert (site.asked, told["way"], told["detour"]) == (["configured g1"], "ssh", "")


@pytest.mark.parametrize("verb", ["configured", "healthy"])
@pytest.mark.parametrize(
    "code", ["certificate_missing", "certificate_expired", "certificate_foreign", "certificate_wrong", "tls_failed"]
)
def test_who_is_somebody_else_is_refused_and_recorded_and_nothing_is_done(site: Reached, verb: str, code: str) -> None:
    wrong = UnbelievedPeerError(FIRST, code, "is not the one.", "find out what answers there.")
    site.says = {LOOKED: wrong, HEALTH: wrong}
    with pytest.raises(TrustError, match=r"is not the one\. Next: find out"):
        site.do(verb, sc=managed(content="new"))
    assert len(site.asked) == 1, "not by SSH instead"
    assert site.refused == [code]
    assert site.files == sha256("old")


def test_a_peer_counts_by_the_store(site: Reached) -> None:
    site.do("healthy", sc=managed())
    [found] = {(item.address, item.port, item.name): item for item in site.peers}.values()
    serial = site.certificate.serial_number
    assert (str(found.name), found.counts(serial), found.counts(serial + 1)) == (FIRST, True, False)
    site.do("terminated")
    assert not found.counts(serial)


def test_its_address_is_the_nodes(site: Reached) -> None:
    def reached_at(**more: Any) -> tuple[str, int]:
        site.do("configured", sc=managed(), **more)
        return site.peers[-1].address, site.peers[-1].port

    assert reached_at() == ("node1", 9443)
    site.variables = {"hostvars": {"node1": {"ansible_host": "192.0.2.7"}}}
    assert reached_at() == ("192.0.2.7", 9443)
    site.variables["hostvars"]["node1"]["palantir_trust_agent_address"] = "198.51.100.7"
    assert reached_at() == ("198.51.100.7", 9443)
    assert reached_at(agent_address="203.0.113.7") == ("203.0.113.7", 9443)


def test_what_the_agent_was_not_started_for_is_done_on_the_node(site: Reached, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "BODY_LIMIT", 30)
    told = site.do("configured", sc=managed(content="new"))
    assert site.asked == [LOOKED, "configured g1"]
    assert "reads 30 bytes of files at once" in told["detour"]
    for code in ("foreign_file", "needs_replacement"):
        monkeypatch.setattr(asking, "BODY_LIMIT", 1 << 20)
        site.asked.clear()
        site.says[WRITTEN] = PeerError("dns-1", code, "refuses.")
        assert code in site.do("configured", sc=managed(content="newer"))["detour"]
        assert site.asked == [LOOKED, HEALTH, WRITTEN, "configured g1"]


def test_an_agent_that_does_not_know_what_runs_is_not_left_to_tell_it(site: Reached) -> None:
    site.program.ended = 0
    told = site.do("configured", sc=managed(content="new"))
    assert site.asked == [LOOKED, HEALTH, "configured g1"]
    assert "does not know the process that runs" in told["detour"]
    assert site.file.read_text() == "old", "what is written by the node is read by the program that runs"


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("ended", r"is not known\. Next: configure it again, then heal it"),
        ("malformed", r"is not known\. Next: configure it again, then heal it"),
        ("not_written", "No space"),
        ("role_forbidden", "No space"),
        ("refused", "No space"),
    ],
)
def test_what_the_right_agent_does_not_do_is_not_tried_otherwise(site: Reached, code: str, told: str) -> None:
    site.says[WRITTEN] = PeerError("dns-1", code, "No space.")
    with pytest.raises(TrustError, match=told):
        site.do("configured", sc=managed(content="new"))
    assert site.asked == [LOOKED, HEALTH, WRITTEN]
    assert site.refused == [], "it is who it has to be"


def gone(_number: int) -> None:
    raise ProcessLookupError


def test_an_agent_that_does_not_have_its_program_read_it_is_told_of(site: Reached) -> None:
    site.settings["configuration"] = {CONF: ""}
    with pytest.raises(TrustError, match=r"does not tell its program to read them\. Next: heal"):
        site.do("configured", sc=managed(content="new"))
    site.settings["configuration"] = {CONF: "HUP"}
    site._patch.setattr(site.program, "send_signal", gone)
    with pytest.raises(TrustError, match=r"does not tell its program to read them\. Next: heal"):
        site.do("configured", sc=managed(content="newer"))
    assert not site.do("configured", sc=managed(content="newest", reload="none"))["reloaded"]


@pytest.mark.parametrize(
    "answer", [None, [], "x", {CONF: 1}, {CONF: "sha256:1"}, {CONF: {}}, dict.fromkeys(map(str, range(257)))]
)
def test_what_is_no_digests_is_refused(site: Reached, monkeypatch: pytest.MonkeyPatch, answer: Any) -> None:
    monkeypatch.setattr(sc_agent.Agent, "configuration", lambda _self: answer)
    with pytest.raises(PeerError) as refused:
        site.do("configured", sc=managed(content="new"))
    assert refused.value.code == "malformed"


@pytest.mark.parametrize(
    "answer", [None, [], {}, {"running": 1, "since": 1}, {"running": True, "since": "x"}, {"running": True}]
)
def test_what_is_no_health_is_refused(site: Reached, monkeypatch: pytest.MonkeyPatch, answer: Any) -> None:
    monkeypatch.setattr(sc_agent.Agent, "health", lambda _self: answer)
    with pytest.raises(PeerError, match="something else than its health"):
        site.do("healthy", sc=managed())


def test_health_is_the_probe_and_what_the_agent_says(site: Reached) -> None:
    told = site.do("healthy", sc=managed())
    assert site.asked == [HEALTH, LOOKED, "answering g1"]
    assert (told["changed"], told["probe"], told["generation"]["generation"]) == (False, "dns", 1)
    assert told["agent"] == {"running": True, "since": site.agent.started, "differing": []}
    assert "warnings" not in told
    site.program.ended = 0
    site.file.write_text("by hand")
    told = site.do("healthy", sc=managed(content="of the catalogue now"))
    assert (told["agent"]["running"], told["agent"]["differing"]) == (False, [CONF])
    assert len(told["warnings"]) == 2


def test_health_without_an_agent_is_the_probe(site: Reached) -> None:
    site.says[HEALTH] = SILENT
    told = site.do("healthy", sc=managed())
    assert (told["agent"], told["warnings"]) == (None, [str(SILENT)])
    told = site.do("healthy", sc={**managed(), "management": None})
    assert (told["agent"], "warnings" in told) == (None, False)
    assert site.asked[-1] == "answering g1"


def test_who_does_not_answer_its_probe_is_not_healthy(site: Reached) -> None:
    site.fails.add("answering g1")
    for verb in ("healthy", "configured"):
        with pytest.raises(TrustError, match="answering g1 failed"):
            site.do(verb, sc=managed(content="new"))


def test_what_is_stopped_has_no_health(site: Reached) -> None:
    site.do("stopped")
    with pytest.raises(TrustError, match=r"is stopped\. Next: start it first"):
        site.do("healthy", sc=managed())


def test_content_is_sent_as_it_is(site: Reached) -> None:
    site.do("configured", sc=managed(content="blocked=\u00e4\n"))
    assert site.file.read_bytes() == "blocked=\u00e4\n".encode()
