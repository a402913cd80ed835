# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs of an instance on one node: what the node is asked, and what the store knows then, as transcripts."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.errors import AnsibleError
from sqlalchemy import select

from ansible_collections.palantir.trust.plugins.action.sc_instance import ActionModule
from ansible_collections.palantir.trust.plugins.plugin_utils.edge.node import NodeError, UnreachableError
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import TrustError
from ansible_collections.palantir.trust.plugins.plugin_utils.orchestration import store_part
from ansible_collections.palantir.trust.plugins.plugin_utils.store import attestations, identities, incidents, instances
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store
from ansible_collections.palantir.trust.plugins.plugin_utils.store.schema import ledger

CONF = "/etc/dnsmasq.conf"
HOST = ("hardware", "firmware", "os", "runtime")


def sha256(content: str) -> str:
    return "sha256:" + hashlib.sha256(content.encode()).hexdigest()


def sc(flavour: str = "podman", content: str = "old", reload: str = "signal", network: str = "host") -> dict[str, Any]:
    return {
        "sc": "dns",
        "flavour": flavour,
        "driver": flavour,
        "image_id": "sha256:" + "0" * 64,
        "files": [{"path": CONF, "content": content, "reload": reload}],
        "capabilities": [],
        "command": [],
        "ports": [],
        "network": network,
        "resources": {},
        "probe": {"type": "dns"},
    }


class Site:
    """A site of one node, which does what it is asked unless it is told to fail."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.url = f"sqlite:///{directory}/store.sqlite3"
        self.store = Store(self.url)
        self.asked: list[str] = []
        self.fails: set[str] = set()
        self.seen: Callable[[], None] = lambda: None
        self.check = False
        self.variables: dict[str, Any] = {}
        self.clock = 100.0
        self._patch = monkeypatch
        with self.store.transaction() as connection:
            identities.save(connection, "node1", "e" * 64, {}, {}, 1.0)

    def do(self, state: str, **more: Any) -> dict[str, Any]:
        """Carry out a state; the node's part is noted, and answered."""
        self.clock += 10
        action = ActionModule.__new__(ActionModule)
        self._patch.setattr(action, "_task", SimpleNamespace(check_mode=self.check), raising=False)
        self._patch.setattr(action, "now", lambda: self.clock)
        self._patch.setattr(action, "ask", self._answer)
        given = {name: option.get("default") for name, option in ActionModule.SPEC.items()}
        given |= {"state": state, "instance": "dns-1", "node": "node1", "store": self.url, **more}
        return action.act(given, self.variables)

    def _answer(self, _node: str, module: str, asked: dict[str, Any], _vars: object) -> dict[str, Any]:
        assert module == "sc_generation"
        how = [key for key in ("replace_previous", "displace_previous") if asked.get(key)]
        number = [f"g{asked['generation']}"] if "generation" in asked else []
        line = " ".join([asked["state"], *number, *how])
        changed = asked["state"] != "promoted" or line not in self.asked
        self.asked.append(line)
        self.seen()
        if line in self.fails:
            raise NodeError("node1", f"{line} failed.")
        return {"changed": changed, "container": f"dns-1-g{asked.get('generation')}", "reloaded": True, "gap_ms": 7}

    def attest(self, at: float | None = None, host: str = "affirming", **generations: str) -> int:
        """Record a result that gives each generation a tier, from a second later unless a time is given."""
        self.clock += 1
        submods: dict[str, Any] = {layer: {"ear_status": host} for layer in HOST}
        finding = {"code": "unknown_executable", "tier": "contraindicated", "message": "Unknown."}
        submods["sc:dns-1"] = {
            "palantir.generations": {name[1:]: tier for name, tier in generations.items()},
            "palantir.findings": [finding] if "contraindicated" in generations.values() else [],
        }
        ear = {"palantir.challenged_at": self.clock if at is None else at, "submods": submods}
        with self.store.transaction() as connection:
            return attestations.record(connection, "node1", self.clock, "attested", ear=ear)

    @property
    def known(self) -> list[str]:
        with self.store.transaction() as connection:
            found = instances.of_node(connection, "node1")
        return [f"g{record.generation} {record.flavour} {record.state}" for record in found]

    @property
    def files(self) -> Any:
        with self.store.transaction() as connection:
            return instances.of_node(connection, "node1")[-1].files[CONF]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A site where dns-1 lives as podman."""
    made = Site(tmp_path, monkeypatch)
    made.do("instantiated", sc=sc())
    assert made.asked == ["started g1 replace_previous"]
    made.asked.clear()
    yield made
    made.store.close()


@pytest.mark.parametrize("network", ["host", "private"])
def test_the_one_before_is_kept_until_the_new_one_is_proved(site: Site, network: str) -> None:
    begun = site.do("instantiated", sc=sc("nspawn", network=network), beside=True)
    assert (begun["generation"]["state"], begun["gap_ms"]) == ("allocated", 7)
    assert site.known == ["g1 podman live", "g2 nspawn allocated"]
    proof = site.attest(g1="affirming", g2="affirming")
    kept = site.do("promoted", sc=sc("nspawn", network=network), attestation=proof)
    assert site.asked == ["started g2 displace_previous", "promoted g2 replace_previous"]
    assert site.known == ["g1 podman retired", "g2 nspawn live"]
    assert (kept["generation"]["state"], kept["generation"]["container"]) == ("live", "dns-1-g2")
    assert not site.do("promoted", sc=sc("nspawn", network=network))["changed"], "it is so already"


@pytest.mark.parametrize(
    ("result", "why"),
    [
        ({"g1": "affirming", "g2": "contraindicated"}, "is contraindicated: unknown_executable: Unknown."),
        ({"g1": "affirming", "g2": "none"}, "is none: nothing of it was measured."),
        ({"g1": "affirming"}, "is none: nothing of it was measured."),
        ({"g2": "affirming", "host": "warning"}, "its host's layer hardware is warning."),
        ({"g2": "affirming", "at": 119.9}, "is from before it was begun."),
        ({"g2": "affirming", "at": 120.0}, "is from before it was begun."),
    ],
)
def test_what_is_not_proved_does_not_serve(site: Site, result: dict[str, Any], why: str) -> None:
    site.do("instantiated", sc=sc("nspawn"), beside=True)
    proof = site.attest(**result)
    with pytest.raises(TrustError) as refused:
        site.do("promoted", sc=sc("nspawn"), attestation=proof)
    assert why in str(refused.value)
    back = site.do("rolled_back", sc=sc())
    assert back["changed"]
    assert site.asked == ["started g2 displace_previous", "absent g2", "operating g1"]
    assert site.known == ["g1 podman live", "g2 nspawn retired"]
    assert not site.do("rolled_back")["changed"], "it is so already"


def test_an_older_worse_generation_takes_nothing_from_a_new_one(site: Site) -> None:
    site.do("instantiated", sc=sc("nspawn"), beside=True)
    site.do("promoted", sc=sc("nspawn"), attestation=site.attest(g1="contraindicated", g2="affirming"))
    assert site.known == ["g1 podman retired", "g2 nspawn live"]


def test_no_proof_is_no_proof(site: Site) -> None:
    site.do("instantiated", sc=sc("nspawn"), beside=True)
    with pytest.raises(TrustError, match="needs attestation"):
        site.do("promoted", sc=sc("nspawn"))
    with pytest.raises(TrustError, match="is not of this node"):
        site.do("promoted", sc=sc("nspawn"), attestation=9)
    with site.store.transaction() as connection:
        silent = attestations.record(connection, "node1", 120.0, "unreachable", "No route.")
    with pytest.raises(TrustError, match="proves nothing: unreachable: No route"):
        site.do("promoted", sc=sc("nspawn"), attestation=silent)


def test_a_contraindicated_one_is_not_revived(site: Site) -> None:
    site.do("instantiated", sc=sc("nspawn"), beside=True)
    assert site.do("rolled_back", revive=False)["generation"] is None
    assert site.asked == ["started g2 displace_previous", "absent g2"]


def opened(site: Site, layer: str, at: float) -> int:
    with site.store.transaction() as connection:
        return incidents.open_incident(connection, "node1", layer, "unknown_executable", at).id


@pytest.mark.parametrize("network", ["host", "private"])
def test_what_is_found_contraindicated_meanwhile_is_not_rolled_back_to(site: Site, network: str) -> None:
    site.do("instantiated", sc=sc("nspawn", network=network), beside=True)
    site.attest(g1="contraindicated", g2="none")
    with site.store.transaction() as connection:
        attestations.record(connection, "node1", site.clock, "unreachable", "No route.")
    back = site.do("rolled_back", sc=sc())
    assert (back["changed"], back["generation"]) == (True, None)
    assert back["withheld"] == {
        "generation": 1,
        "why": "sc:dns-1 is contraindicated: unknown_executable: Unknown.",
    }
    assert site.asked == ["started g2 displace_previous", "absent g2"]
    assert site.known == ["g1 podman live", "g2 nspawn retired"], "it is missed: the tables decide what becomes of it"


def test_nothing_is_rolled_back_to_on_a_contraindicated_host(site: Site) -> None:
    site.do("instantiated", sc=sc("nspawn"), beside=True)
    site.attest(host="contraindicated", g1="affirming")
    assert site.do("rolled_back")["withheld"]["why"].startswith("hardware is contraindicated: ")


@pytest.mark.parametrize(
    ("layer", "at", "attested", "withheld"),
    [
        ("sc:dns-1", 115.0, None, True),
        ("os", 50.0, None, True),
        ("sc:dns-1", 115.0, "affirming", False),
        ("sc:dns-1", 115.0, "none", True),
        ("sc:dns-1", 200.0, "affirming", True),
        ("sc:dns-1", 50.0, None, False),
        ("sc:dns-2", 115.0, None, False),
    ],
    ids=["its own", "its host's", "refuted", "not refuted", "newer", "of what it replaced", "of another"],
)
def test_an_open_incident_counts_unless_a_newer_proof_refutes_it(
    site: Site, layer: str, at: float, attested: str | None, withheld: bool
) -> None:
    site.do("instantiated", sc=sc("nspawn"), beside=True)
    number = opened(site, layer, at)
    if attested:
        site.attest(g1=attested)
    back = site.do("rolled_back", sc=sc())
    assert bool(back["withheld"]) is withheld
    assert ("operating g1" in site.asked) is not withheld
    if withheld:
        assert back["withheld"]["why"] == f"incident {number} is open: {layer}: unknown_executable."


class Killed(BaseException):
    """The controller is gone at once."""


def killed() -> None:
    raise Killed


def test_who_is_killed_while_it_gives_the_one_before_up_leaves_a_record_of_what_serves(site: Site) -> None:
    site.do("instantiated", sc=sc("nspawn"), beside=True)
    proof = site.attest(g1="affirming", g2="affirming")
    site.seen = killed
    with pytest.raises(Killed):
        site.do("promoted", sc=sc("nspawn"), attestation=proof)
    site.seen = lambda: None
    assert site.known == ["g1 podman live", "g2 nspawn live"], "the node may have either, or both"
    assert not site.do("rolled_back")["changed"], "what is proved is not taken away"
    assert site.do("promoted", sc=sc("nspawn"))["changed"]
    assert site.asked[1:] == ["promoted g2 replace_previous"] * 2
    assert site.known == ["g1 podman retired", "g2 nspawn live"]
    assert not site.do("promoted", sc=sc("nspawn"))["changed"]


def test_a_verb_after_one_that_was_killed_goes_back_to_what_serves(site: Site) -> None:
    site.do("instantiated", sc=sc("nspawn"), beside=True)
    proof = site.attest(g1="affirming", g2="affirming")
    site.seen = killed
    with pytest.raises(Killed):
        site.do("promoted", sc=sc("nspawn"), attestation=proof)
    site.seen = lambda: None
    site.do("instantiated", sc=sc("systemd"), beside=True)
    assert site.do("rolled_back")["generation"]["generation"] == 2
    assert site.asked[-2:] == ["absent g3", "operating g2"]
    site.do("instantiated", sc=sc("systemd"), beside=True)
    site.do("promoted", sc=sc("systemd"), attestation=site.attest(g4="affirming"))
    assert site.known == ["g1 podman retired", "g2 nspawn retired", "g3 systemd retired", "g4 systemd live"]


def fail_promotion(site: Site, error: TrustError) -> None:
    """Have a new generation promoted, and the node answer that with an error."""

    def seen() -> None:
        if site.asked[-1].startswith("promoted"):
            raise error

    site.do("instantiated", sc=sc("nspawn"), beside=True)
    site.seen = seen
    with pytest.raises(TrustError, match=re.escape(str(error))):
        site.do("promoted", sc=sc("nspawn"), attestation=site.attest(g1="affirming", g2="affirming"))
    site.seen = lambda: None


@pytest.mark.parametrize("code", ["busy", "no_generation", "not_running"])
def test_a_node_that_does_not_promote_leaves_the_one_before(site: Site, code: str) -> None:
    fail_promotion(site, NodeError("node1", "It has not begun.", code=code))
    assert site.known == ["g1 podman live", "g2 nspawn allocated"]
    site.do("rolled_back")
    assert site.asked[2:] == ["absent g2", "operating g1"]
    assert site.known == ["g1 podman live", "g2 nspawn retired"]


@pytest.mark.parametrize(
    "error",
    [
        UnreachableError("node1", "is unreachable: Shared connection closed.", "check its power and network."),
        NodeError("node1", "podman rm timed out.", code="podman_failed"),
        NodeError("node1", "the module gave no reason."),
    ],
    ids=["the answer is lost", "half of it is done", "nobody knows"],
)
def test_what_may_be_all_that_is_left_is_not_rolled_back(site: Site, error: TrustError) -> None:
    fail_promotion(site, error)
    assert site.known == ["g1 podman live", "g2 nspawn live"], "the node may have either, or both"
    assert not site.do("rolled_back")["changed"]
    assert site.do("promoted", sc=sc("nspawn"))["changed"], "it goes on"
    assert site.asked[1:] == ["promoted g2 replace_previous"] * 2
    assert site.known == ["g1 podman retired", "g2 nspawn live"]


def test_a_first_generation_that_is_not_promoted_for_certain_is_promoted_the_next_time(site: Site) -> None:
    site.do("terminated")
    site.do("instantiated", sc=sc(network="private"), beside=True)
    proof, site.fails = site.attest(g2="affirming"), {"promoted g2 replace_previous"}
    with pytest.raises(TrustError, match="it is not known"):
        site.do("promoted", sc=sc(network="private"), attestation=proof)
    site.fails.clear()
    site.do("promoted", sc=sc(network="private"))
    assert site.asked[-2:] == ["promoted g2 replace_previous"] * 2
    assert site.known[-1] == "g2 podman live"


def test_a_promotion_that_is_not_finished_says_how_to_go_on(site: Site) -> None:
    site.do("instantiated", sc=sc("nspawn"), beside=True)
    site.fails.add("promoted g2 replace_previous")
    with pytest.raises(TrustError) as broken:
        site.do("promoted", sc=sc("nspawn"), attestation=site.attest(g2="affirming"))
    assert str(broken.value) == (
        "dns-1, generation 2: is proved, and on record as live, but it is not known what node1 has given up. "
        "node1: promoted g2 replace_previous failed. "
        "Next: once node1 answers, run the verb again, or state promoted of palantir.trust.sc_instance."
    )


def test_two_verbs_roll_back_and_promote_what_is_their_own(site: Site) -> None:
    one, two = (site.do("instantiated", sc=sc(f, network="private"), beside=True) for f in ("nspawn", "systemd"))
    numbers = [begun["generation"]["generation"] for begun in (one, two)]
    assert numbers == [2, 3]
    assert site.do("rolled_back", sc=sc(), generation=2)["generation"]["generation"] == 1
    assert site.asked[2:] == ["absent g2", "operating g1"]
    proof = site.attest(g1="affirming", g3="affirming")
    kept = site.do("promoted", sc=sc("systemd", network="private"), attestation=proof, generation=3)
    assert (kept["changed"], kept["generation"]["generation"]) == (True, 3)
    assert site.known == ["g1 podman retired", "g2 nspawn retired", "g3 systemd live"]


def test_what_another_verb_gave_up_is_not_taken_for_promoted(site: Site) -> None:
    site.do("instantiated", sc=sc("nspawn"), beside=True)
    site.do("rolled_back", sc=sc())
    with pytest.raises(TrustError, match="generation 2: was given up by another task"):
        site.do("promoted", sc=sc("nspawn"), attestation=site.attest(g1="affirming"), generation=2)


def test_an_older_one_is_promoted_and_the_newer_is_left_to_who_began_it(site: Site) -> None:
    for flavour in ("nspawn", "systemd"):
        site.do("instantiated", sc=sc(flavour, network="private"), beside=True)
    proof = site.attest(g2="affirming", g3="affirming")
    site.do("promoted", sc=sc("nspawn", network="private"), attestation=proof, generation=2)
    assert site.known == ["g1 podman retired", "g2 nspawn live", "g3 systemd allocated"]
    assert site.do("rolled_back", generation=3)["generation"]["generation"] == 2
    assert site.asked[-2:] == ["absent g3", "operating g2"]


def test_what_is_proved_is_not_rolled_back_by_its_number(site: Site) -> None:
    fail_promotion(site, UnreachableError("node1", "is unreachable: Shared connection closed."))
    with pytest.raises(TrustError) as refused:
        site.do("rolled_back", sc=sc(), generation=2)
    assert str(refused.value) == (
        "dns-1, generation 2: is proved, and on record as what serves: it is not given up. "
        "Next: once node1 answers, run the verb again, or state promoted of palantir.trust.sc_instance."
    )
    assert "absent g2" not in site.asked


def test_who_began_nothing_rolls_nothing_back(site: Site) -> None:
    site.do("instantiated", sc=sc("nspawn"), beside=True)
    back = site.do("rolled_back", sc=sc(), generation=0)
    assert (back["changed"], back["generation"]["generation"]) == (False, 1)
    assert site.known == ["g1 podman live", "g2 nspawn allocated"]


def within(site: Site, line: str, act: Callable[[], object]) -> None:
    """Have another task act while the node does what it is asked."""

    def seen() -> None:
        if site.asked[-1] == line:
            site.seen = lambda: None
            act()

    site.seen = seen


def test_what_served_meanwhile_is_what_is_gone_back_to(site: Site) -> None:
    site.do("instantiated", sc=sc("nspawn"), beside=True)
    within(site, "absent g2", lambda: site.do("instantiated", sc=sc("systemd"), replace=True))
    back = site.do("rolled_back", sc=sc(), generation=2)
    assert back["generation"]["generation"] == 3
    assert site.asked[1:] == ["absent g2", "started g3 replace_previous", "operating g3"]
    assert site.known == ["g1 podman retired", "g2 nspawn retired", "g3 systemd live"]


def test_what_was_given_up_before_the_node_ran_it_is_removed_all_the_same(site: Site) -> None:
    within(site, "started g2 displace_previous", lambda: site.do("rolled_back"))
    with pytest.raises(TrustError, match="is retired since it was begun") as refused:
        site.do("instantiated", sc=sc("nspawn"), beside=True)
    number = refused.value.told["generation"]["generation"]
    site.asked.clear()
    assert site.do("rolled_back", sc=sc(), generation=number)["generation"]["generation"] == 1
    assert site.asked == ["absent g2", "operating g1"]


def test_of_two_deployments_at_once_the_newer_is_the_one_that_lives(site: Site) -> None:
    within(site, "started g2 replace_previous", lambda: site.do("instantiated", sc=sc("systemd"), replace=True))
    with pytest.raises(TrustError, match="is retired; it cannot become live"):
        site.do("instantiated", sc=sc("nspawn"), replace=True)
    assert site.known == ["g1 podman retired", "g2 nspawn retired", "g3 systemd live"]


def test_nor_does_the_older_one_live_on_where_it_was_noted_first(site: Site) -> None:
    site.do("instantiated", sc=sc("nspawn"), beside=True)
    before = store_part.here(site.store, "node1", "dns-1").allocated[0]

    def older() -> None:
        store_part.serve(site.store, before, site.clock, None, alone=True)

    within(site, "started g3 replace_previous", older)
    site.do("instantiated", sc=sc("systemd"), replace=True)
    assert site.known == ["g1 podman retired", "g2 nspawn retired", "g3 systemd live"]


def test_a_start_that_fails_leaves_its_generation_on_record_until_it_is_rolled_back(site: Site) -> None:
    site.fails.add("started g2 displace_previous")
    with pytest.raises(NodeError) as failed:
        site.do("instantiated", sc=sc("nspawn"), beside=True)
    assert failed.value.told["generation"]["generation"] == 2, "whoever began it rolls it back"
    assert site.known == ["g1 podman live", "g2 nspawn allocated"]
    site.fails.add("absent g2")
    with pytest.raises(NodeError):
        site.do("rolled_back")
    assert site.known[1] == "g2 nspawn allocated", "it may run all the same"
    site.fails.clear()
    site.do("rolled_back")
    assert site.known == ["g1 podman live", "g2 nspawn retired"]


def test_whatever_fails_says_which_generation_it_left(site: Site) -> None:
    def seen() -> None:
        raise AnsibleError("The module cannot be sent.")

    site.seen = seen
    with pytest.raises(NodeError, match="node1: The module cannot be sent") as failed:
        site.do("instantiated", sc=sc("nspawn"), beside=True)
    assert failed.value.told["generation"]["generation"] == 2


def test_the_store_knows_a_configuration_before_the_node_has_it(site: Site) -> None:
    known: list[Any] = []
    site.seen = lambda: known.append(site.files)
    told = site.do("configured", sc=sc(content="new"))
    assert known == [[sha256("new"), sha256("old")]], "what was read before is right, too"
    assert (told["changed"], told["rewritten"], told["reloaded"]) == (True, [CONF], True)
    assert site.asked == ["configured g1"]
    assert "new" not in str(told), "content may hold secrets"
    assert told["diff"]["before"] == f"{CONF} {sha256('old')}\n"
    assert told["diff"]["after"] == f"{CONF} {sha256('new')}\n"
    site.do("configured", sc=sc(content="old"))
    assert site.files == [sha256("old"), sha256("new")]
    with site.store.transaction() as connection:
        bodies = connection.execute(select(ledger.c.body).order_by(ledger.c.sequence)).scalars().all()
    assert sum('"configured"' in body for body in bodies) == 2


def test_a_configuration_that_cannot_be_written_is_written_the_next_time(site: Site) -> None:
    site.fails.add("configured g1")
    with pytest.raises(NodeError):
        site.do("configured", sc=sc(content="new"))
    site.fails.clear()
    site.do("configured", sc=sc(content="new"))
    assert site.asked == ["configured g1", "configured g1"]
    assert site.files == [sha256("new"), sha256("old")]


def test_what_is_read_once_only_needs_a_new_generation(site: Site) -> None:
    told = site.do("configured", sc=sc(content="new", reload="replace"))
    assert (told["changed"], told["needs_replacement"]) == (False, [CONF])
    other = sc()
    other["files"].append({"path": "/etc/more", "content": "", "reload": "signal"})
    assert site.do("configured", sc=other)["needs_replacement"] == ["/etc/more"]
    assert site.asked == []
    assert not site.do("configured", sc=sc(reload="replace"))["needs_replacement"], "nothing of it has changed"


def test_what_an_operator_stops_stays_stopped_until_it_is_started(site: Site) -> None:
    assert site.do("stopped")["changed"]
    assert not site.do("stopped")["changed"]
    assert site.known == ["g1 podman stopped"]
    assert not site.do("instantiated", sc=sc())["changed"], "a deployment does not start it"
    with pytest.raises(TrustError, match="is stopped"):
        site.do("configured", sc=sc(content="new"))
    assert site.do("operating", sc=sc())["changed"]
    assert site.known == ["g1 podman live"]
    assert site.asked == ["stopped g1", "operating g1"]
    site.do("operating", sc=sc(), restart=True)
    assert site.asked[2:] == ["stopped g1", "operating g1"]


def test_what_was_found_contraindicated_is_not_started_again(site: Site) -> None:
    """Not for a moment: what it would do before it is attested, nobody takes back."""
    site.do("stopped")
    site.attest(g1="contraindicated")
    for site.check in (True, False):
        with pytest.raises(TrustError) as refused:
            site.do("operating", sc=sc())
    assert str(refused.value) == (
        "dns-1, generation 1: is not started again: sc:dns-1 is contraindicated: unknown_executable: Unknown. "
        "Next: heal it: a new generation takes its place."
    )
    assert site.asked == ["stopped g1"]
    assert site.known == ["g1 podman stopped"]
    site.attest(g1="affirming")
    assert site.do("operating", sc=sc())["changed"]


def test_nor_is_what_nothing_was_rolled_back_to(site: Site) -> None:
    site.do("instantiated", sc=sc("nspawn"), beside=True)
    site.attest(g1="contraindicated", g2="none")
    assert site.do("rolled_back", sc=sc())["withheld"]
    asked = list(site.asked)
    for site.check in (True, False):
        with pytest.raises(TrustError, match="generation 1: is not started again: sc:dns-1 is contraindicated"):
            site.do("operating", sc=sc())
    assert site.asked == asked
    assert site.known[0] == "g1 podman live"


def test_nor_is_what_an_open_incident_is_about(site: Site) -> None:
    site.do("stopped")
    number = opened(site, "sc:dns-1", 115.0)
    with pytest.raises(TrustError, match=f"incident {number} is open"):
        site.do("operating", sc=sc())
    assert site.asked == ["stopped g1"]


def test_what_was_stopped_before_a_boot_cannot_run_again(site: Site) -> None:
    site.do("stopped")
    with site.store.transaction() as connection:
        identities.set_last(connection, "node1", {"reset_count": 1, "clock": 1})
    with pytest.raises(TrustError, match="ran before node1 was booted: nothing of it is there"):
        site.do("operating", sc=sc())


def test_what_is_not_deployed_is_said(site: Site) -> None:
    site.do("terminated")
    assert site.known == ["g1 podman retired"]
    for state in ("operating", "stopped", "configured", "promoted"):
        with pytest.raises(TrustError, match="is not deployed on node1"):
            site.do(state, sc=sc())
    assert not site.do("rolled_back")["changed"]


def test_check_mode_foresees_by_the_store_alone(site: Site) -> None:
    site.check = True
    foreseen = {
        "instantiated": site.do("instantiated", sc=sc("nspawn"), beside=True),
        "promoted": site.do("promoted", sc=sc("nspawn")),
        "rolled_back": site.do("rolled_back"),
        "configured": site.do("configured", sc=sc(content="new")),
        "operating": site.do("operating", sc=sc()),
        "stopped": site.do("stopped"),
        "terminated": site.do("terminated"),
    }
    assert [state for state, told in foreseen.items() if not told["changed"]] == ["rolled_back", "operating"]
    assert site.asked == []
    assert (site.known, site.files) == (["g1 podman live"], sha256("old"))


def test_a_host_that_is_given_up_cannot_keep_what_it_does_not_remove(site: Site) -> None:
    site.fails = {"absent"}
    with pytest.raises(TrustError, match="absent failed"):
        site.do("terminated")
    assert site.known == ["g1 podman live"]
    given_up = site.do("terminated", regardless=True)
    assert given_up["left"] == "dns-1 may be on node1 still. node1: absent failed."
    assert given_up["warnings"] == [given_up["left"]]
    assert site.known == ["g1 podman retired"]
    site.fails = set()
    assert site.do("terminated")["left"] == "", "once it answers, what is left is removed"
    assert site.asked == ["absent"] * 3
