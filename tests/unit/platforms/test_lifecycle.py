# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs at a MANO, against a server that holds every request to the description of its interface."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import PlatformError
from ansible_collections.palantir.trust.plugins.plugin_utils.platforms.deployment import read_deployment
from ansible_collections.palantir.trust.plugins.plugin_utils.platforms.hidden import Secrets
from ansible_collections.palantir.trust.plugins.plugin_utils.platforms.outcome import ABSENT, Outcome
from ansible_collections.palantir.trust.plugins.plugin_utils.platforms.site import Sol005Platform, read_platform
from ansible_collections.palantir.trust.plugins.plugin_utils.platforms.sol005.client import Client
from ansible_collections.palantir.trust.plugins.plugin_utils.platforms.sol005.clock import Clock
from ansible_collections.palantir.trust.plugins.plugin_utils.platforms.sol005.credentials import Credentials
from ansible_collections.palantir.trust.plugins.plugin_utils.platforms.sol005.lifecycle import Lifecycle
from ansible_collections.palantir.trust.plugins.plugin_utils.platforms.sol005.transport import Transport, trust
from tests.contract.mano import SECRETS, Mano, Osm
from tests.contract.server import Fault, Reply, Served, serve

SC = {
    "sc": "dns-filter",
    "flavour": "mano",
    "driver": "sol005",
    "version": "1",
    "files": [{"path": "/etc/dnsmasq.conf", "content": "port=53\n"}],
    "capabilities": [],
    "probe": {"type": "dns", "port": 53},
}
WANTED = read_deployment("dns-1", SC, "sol005")
OTHER = read_deployment("dns-1", {**SC, "files": [{"path": "/etc/dnsmasq.conf", "content": "port=5353\n"}]}, "sol005")
BEGUN = ["PROCESSING"]


class Site:
    """A MANO, its server, and the clock of whoever asks it: sleep takes no time, but counts."""

    def __init__(self, mano: Mano, served: Served, home: Path) -> None:
        self.mano = mano
        self.served = served
        self.slept: list[float] = []
        self.secrets = Secrets()
        secret = home / "secret"
        secret.write_text(SECRETS[mano.authentication] + "\n", encoding="utf-8")
        authentication: dict[str, Any] = {
            "basic": {"type": "basic", "username": "so", "password_file": str(secret)},
            "oauth2": {
                "type": "oauth2",
                "client_id": "so",
                "client_secret_file": str(secret),
                "token_url": f"{served.url}/oauth2/token",
            },
            "osm": {"type": "osm", "username": "so", "password_file": str(secret), "project": "admin"},
        }[mano.authentication]
        osm = mano.authentication == "osm"
        scaling = {"aspect": "workers"} | ({"member": "1"} if osm else {"levels": {1: "one", 2: "two"}})
        service = {"nsd": "nsd-dns", "scaling": scaling} | ({"vim_account": "v"} if osm else {"flavour": "simple"})
        told = {
            "driver": "sol005",
            "dialect": "osm" if osm else "etsi",
            "url": served.url + ("/osm" if osm else ""),
            "ca_file": str(served.ca_file),
            "authentication": authentication,
            "services": {"dns-filter": service},
        }
        platform = read_platform(told, "mano1")
        assert isinstance(platform, Sol005Platform)
        self.platform = platform

    def lifecycle(self, *, check: bool = False, **changes: Any) -> Lifecycle:
        platform = replace(self.platform, **changes)
        now = itertools.count(0.0, 0.001)
        clock = Clock(platform.timeout, lambda: next(now) + sum(self.slept), self.slept.append)
        self.slept.clear()
        transport = Transport(trust(platform.ca_file), clock)
        credentials = Credentials(platform.authentication, platform.url, transport.send, self.secrets)
        root = f"{platform.url}/nslcm/v{platform.version[0]}"
        return Lifecycle(Client(root, platform.version, transport, credentials), platform, "dns-1", check=check)

    def instantiate(self) -> Outcome:
        return self.lifecycle().instantiate(WANTED, replace=False)

    def changes(self) -> list[str]:
        """Return what was asked for so far beside reading, and forget it."""
        found = [call.replace(self.mano.prefix, "") for call in self.served.calls("POST", "DELETE")]
        self.served.asked.clear()
        return found


@contextmanager
def site(mano: Mano, home: Path) -> Iterator[Site]:
    with serve(mano, home / "server") as served:
        yield Site(mano, served, home)
        assert mano.violations == []


@pytest.fixture(name="mano")
def _mano(tmp_path: Path) -> Iterator[Site]:
    with site(Mano(), tmp_path) as made:
        yield made


@pytest.fixture(name="osm")
def _osm(tmp_path: Path) -> Iterator[Site]:
    with site(Osm(), tmp_path) as made:
        yield made


def refused(verb: Callable[[], object]) -> str:
    with pytest.raises(PlatformError) as caught:
        verb()
    return str(caught.value)


# Every verb, twice


def test_an_instance_is_created_instantiated_and_then_left_as_it_is(mano: Site) -> None:
    outcome = mano.instantiate()
    assert outcome.changed
    assert outcome.before == ABSENT
    assert outcome.after["state"] == "INSTANTIATED"
    assert outcome.operations == ("INSTANTIATE op-1",)
    assert mano.changes() == ["POST /ns_instances", "POST /ns_instances/ns-1/instantiate"]
    again = mano.instantiate()
    assert not again.changed
    assert again.before == again.after == outcome.after
    assert mano.changes() == []


def test_terminating_ends_with_the_identifier_gone(mano: Site) -> None:
    mano.instantiate()
    mano.changes()
    assert mano.lifecycle().terminate().changed
    assert mano.changes() == ["POST /ns_instances/ns-1/terminate", "DELETE /ns_instances/ns-1"]
    assert not mano.lifecycle().terminate().changed
    assert mano.changes() == []


def test_scaling_names_a_level_and_so_is_done_once(mano: Site) -> None:
    mano.instantiate()
    assert mano.lifecycle().scale("dns-filter", 2).after["scale"] == {"workers": "two"}
    assert not mano.lifecycle().scale("dns-filter", 2).changed
    assert refused(lambda: mano.lifecycle().scale("dns-filter", 3)) == (
        "instance dns-1: has no level of 3 parts. Next: use one of: 1, 2."
    )


def test_only_the_vnfs_that_run_are_stopped(mano: Site) -> None:
    mano.instantiate()
    mano.mano.instances["ns-1"]["vnfInstance"][0]["instantiatedVnfInfo"]["vnfState"] = "STOPPED"
    outcome = mano.lifecycle().operate(start=False)
    assert outcome.before["vnfs"] == {"ns-1-vnf-1": "STOPPED", "ns-1-vnf-2": "STARTED"}
    assert outcome.after["vnfs"] == {"ns-1-vnf-1": "STOPPED", "ns-1-vnf-2": "STOPPED"}
    assert b"ns-1-vnf-1" not in mano.served.asked[-6].body
    assert not mano.lifecycle().operate(start=False).changed
    assert mano.lifecycle().operate(start=True).changed


def test_a_configuration_is_sent_where_it_is_another(mano: Site) -> None:
    mano.instantiate()
    assert mano.lifecycle().configure(WANTED).changed
    assert not mano.lifecycle().configure(WANTED).changed
    assert mano.lifecycle().configure(OTHER).after["configuration"] == [OTHER.configuration]


def test_healing_is_always_done(mano: Site) -> None:
    mano.instantiate()
    assert mano.lifecycle().heal("it does not answer").operations == ("HEAL op-2",)
    assert mano.lifecycle().instantiate(WANTED, replace=True).operations == ("HEAL op-3",)


def test_what_does_not_live_can_be_asked_for_nothing(mano: Site) -> None:
    absent = "instance dns-1: does not live there. Next: instantiate it first."
    assert refused(lambda: mano.lifecycle().heal("why")) == absent
    assert refused(lambda: mano.lifecycle().operate(start=True)) == absent
    assert refused(lambda: mano.lifecycle().scale("dns-filter", 1)) == absent
    assert mano.changes() == []


def test_check_mode_sends_nothing_that_changes_anything(mano: Site) -> None:
    assert mano.lifecycle(check=True).instantiate(WANTED, replace=False).changed
    assert mano.changes() == []
    mano.instantiate()
    mano.changes()
    assert mano.lifecycle(check=True).scale("dns-filter", 2).changed
    assert not mano.lifecycle(check=True).scale("dns-filter", 1).changed
    assert mano.lifecycle(check=True).operate(start=False).changed
    assert mano.lifecycle(check=True).configure(WANTED).changed
    assert mano.lifecycle(check=True).heal("why").changed
    assert mano.lifecycle(check=True).terminate().changed
    assert mano.changes() == []


# OSM


def test_osm_takes_every_verb_that_it_has(osm: Site) -> None:
    assert osm.instantiate().changed
    assert not osm.instantiate().changed
    assert osm.lifecycle().scale("dns-filter", 3).operations == ("SCALE op-2", "SCALE op-3")
    assert not osm.lifecycle().scale("dns-filter", 3).changed
    assert osm.lifecycle().scale("dns-filter", 2).after["scale"] == {"workers": "1"}
    assert osm.lifecycle().heal("it does not answer").changed
    assert osm.lifecycle().terminate().changed
    assert not osm.lifecycle().terminate().changed
    assert osm.mano.instances == {}


def test_osm_is_not_asked_for_what_could_not_be_idempotent(osm: Site) -> None:
    osm.instantiate()
    assert refused(lambda: osm.lifecycle().operate(start=True)).startswith("instance dns-1: cannot be asked to start")
    assert refused(lambda: osm.lifecycle().configure(WANTED)).startswith("instance dns-1: cannot be asked to configure")


# What is not ours


def test_an_ns_of_that_name_that_is_not_ours_is_never_touched(mano: Site) -> None:
    mano.instantiate()
    mano.changes()
    mano.mano.instances["ns-1"]["nsInstanceDescription"] = "somebody's"
    for verb in (mano.lifecycle().terminate, mano.instantiate):
        assert refused(verb).startswith("instance dns-1: is the name of an NS that is not ours, or of several.")
    assert mano.changes() == []


def test_the_name_of_another_sc_is_refused(mano: Site) -> None:
    mano.instantiate()
    other = replace(mano.platform, services={"waf": mano.platform.services["dns-filter"]})
    waf = read_deployment("dns-1", {**SC, "sc": "waf"}, "sol005")
    said = refused(lambda: mano.lifecycle(services=other.services).instantiate(waf, replace=True))
    assert said == "instance dns-1: is dns-filter there. Next: terminate it first."


def test_a_name_that_the_filter_did_not_hold_to_is_looked_up_all_the_same(mano: Site) -> None:
    mano.mano.page = 1
    for number in range(3):
        name = f"dns-{9 - number * 4}"
        mano.mano._create({"nsdId": "n", "nsName": name, "nsDescription": "palantir.trust sc=dns-filter flavour=mano"})
    mano.instantiate()
    assert [ns["nsState"] for ns in mano.mano.instances.values()].count("INSTANTIATED") == 1
    assert mano.mano.instances["ns-3"]["nsState"] == "INSTANTIATED"


# What goes wrong in the middle


def test_a_failed_instantiation_is_rolled_back_and_leaves_nothing(mano: Site) -> None:
    mano.mano.fates["INSTANTIATE"] = [["PROCESSING", "FAILED_TEMP"]]
    assert refused(mano.instantiate) == (
        "operation op-1, INSTANTIATE: ended ROLLED_BACK: no host has room for it. "
        "Next: see why with the MANO; what was there before is there again."
    )
    assert mano.changes()[2:] == ["POST /ns_lcm_op_occs/op-1/rollback", "DELETE /ns_instances/ns-1"]
    assert mano.mano.instances == {}
    assert mano.instantiate().changed


def test_a_site_that_wants_it_retries_first(mano: Site) -> None:
    mano.mano.fates["INSTANTIATE"] = [["PROCESSING", "FAILED_TEMP"]]
    assert mano.lifecycle(on_failure="retry").instantiate(WANTED, replace=False).changed
    assert mano.changes()[2:] == ["POST /ns_lcm_op_occs/op-1/retry"]


def test_a_retry_that_fails_as_well_is_rolled_back(mano: Site) -> None:
    mano.instantiate()
    mano.changes()
    mano.mano.fates |= {"SCALE": [["FAILED_TEMP"]], "RETRY": [["FAILED_TEMP"]]}
    said = refused(lambda: mano.lifecycle(on_failure="retry").scale("dns-filter", 2))
    assert said.startswith("operation op-2, SCALE: ended ROLLED_BACK: no host has room for it.")
    assert mano.changes()[1:] == ["POST /ns_lcm_op_occs/op-2/retry", "POST /ns_lcm_op_occs/op-2/rollback"]
    assert mano.mano.instances["ns-1"]["nsScaleStatus"][0]["nsScaleLevelId"] == "one"


def test_a_site_that_wants_to_see_itself_finds_it_as_it_failed(mano: Site) -> None:
    mano.mano.fates["INSTANTIATE"] = [["FAILED_TEMP"]]
    said = refused(lambda: mano.lifecycle(on_failure="leave").instantiate(WANTED, replace=False))
    assert "ended FAILED_TEMP" in said
    assert mano.mano.operations["op-1"]["operationState"] == "FAILED_TEMP"


def test_a_termination_has_no_way_back_and_is_retried(mano: Site) -> None:
    mano.instantiate()
    mano.mano.fates["TERMINATE"] = [["FAILED_TEMP"]]
    assert mano.lifecycle().terminate().changed
    assert mano.mano.instances == {}


@pytest.mark.parametrize("state", ["FAILED", "PARTIALLY_COMPLETED"])
def test_anything_but_completed_is_a_failure(mano: Site, state: str) -> None:
    mano.instantiate()
    mano.mano.fates["HEAL"] = [[state]]
    assert f"ended {state}" in refused(lambda: mano.lifecycle().heal("why"))


def test_a_run_that_ends_at_its_deadline_is_continued_by_the_next(mano: Site) -> None:
    mano.mano.fates["INSTANTIATE"] = [[*BEGUN * 8, "COMPLETED"]]
    assert refused(lambda: mano.lifecycle(timeout=10).instantiate(WANTED, replace=False)) == (
        "operation op-1: is still PROCESSING at the deadline of 10 s. "
        "Next: run this again: it waits for the same operation and starts none anew."
    )
    again = mano.instantiate()
    assert not again.changed
    assert again.after["state"] == "INSTANTIATED"
    assert list(mano.mano.operations) == ["op-1"]


def test_a_lost_answer_starts_nothing_twice(mano: Site) -> None:
    mano.served.faults.coming += [
        Fault("POST", "/ns_instances$", lose=True),
        Fault("POST", "/instantiate$", lose=True),
    ]
    assert mano.instantiate().operations == ("INSTANTIATE op-1",)
    assert list(mano.mano.instances) == ["ns-1"]
    assert list(mano.mano.operations) == ["op-1"]


def test_a_request_that_never_arrived_is_told_and_not_repeated(mano: Site) -> None:
    mano.instantiate()
    mano.changes()
    mano.served.faults.coming.append(Fault("POST", "/heal$", drop=True))
    said = refused(lambda: mano.lifecycle().heal("why"))
    assert "/nslcm/v2/ns_instances/ns-1/heal: " in said
    assert mano.changes() == ["POST /ns_instances/ns-1/heal"]
    assert "op-2" not in mano.mano.operations


def test_reading_is_repeated_where_the_server_is_in_trouble(mano: Site) -> None:
    mano.served.faults.coming += [
        Fault("GET", "/ns_instances$", Reply(500, {"status": 500, "detail": "oops"})),
        Fault("GET", "/ns_instances$", Reply(503, None, {"Retry-After": "7"})),
        Fault("GET", "/ns_lcm_op_occs/op-1$", lose=True),
    ]
    assert mano.instantiate().changed
    assert mano.slept[:2] == [1.0, 7.0]


def test_an_order_is_repeated_only_where_the_server_says_when(mano: Site) -> None:
    busy = Reply(503, {"status": 503, "detail": "busy"}, {"Retry-After": "3"})
    mano.served.faults.coming.append(Fault("POST", "/ns_instances$", busy))
    assert mano.instantiate().changed
    mano.changes()
    for status in (409, 500, 503):
        told = Reply(status, {"status": status, "detail": "not now"})
        mano.served.faults.coming.append(Fault("POST", "/heal$", told))
        said = refused(lambda: mano.lifecycle().heal("why"))
        assert said.endswith(f"/heal: is refused with status {status}: not now. Next: see the platform's log.")
        assert mano.changes() == ["POST /ns_instances/ns-1/heal"]


def test_trouble_without_end_ends(mano: Site) -> None:
    mano.served.faults.coming.append(Fault("GET", "/", Reply(502, None), times=99))
    assert "is refused with status 502" in refused(mano.instantiate)
    assert len(mano.served.asked) == 6


# Who we are, and who they are


def test_a_token_is_asked_for_once_and_again_when_it_is_refused(tmp_path: Path) -> None:
    with site(Mano("oauth2"), tmp_path) as mano:
        mano.instantiate()
        assert mano.served.calls("POST").count("POST /oauth2/token") == 1
        lifecycle = mano.lifecycle()
        lifecycle.heal("why")
        mano.mano.token = "another-token"
        mano.served.asked.clear()
        lifecycle.heal("why")
        assert mano.served.calls("POST").count("POST /oauth2/token") == 1


@pytest.mark.parametrize("make", [Mano, lambda: Mano("oauth2"), Osm], ids=["basic", "oauth2", "osm"])
def test_a_wrong_secret_is_refused_and_told_nowhere(tmp_path: Path, make: Callable[[], Mano]) -> None:
    with site(make(), tmp_path) as mano:
        (tmp_path / "secret").write_text("a-wrong-secret\n", encoding="utf-8")
        said = refused(mano.instantiate)
        assert "status 401" in said
        assert "a-wrong-secret" not in said
        assert mano.mano.instances == {}


def test_a_secret_that_is_not_there_is_named(mano: Site, tmp_path: Path) -> None:
    (tmp_path / "secret").unlink()
    assert refused(mano.instantiate).startswith(f"{tmp_path}/secret: cannot be read: No such file or directory.")
    assert mano.served.asked == []


def test_a_server_that_does_not_prove_itself_is_told_nothing(mano: Site) -> None:
    said = refused(lambda: mano.lifecycle(ca_file="").instantiate(WANTED, replace=False))
    assert "the server's certificate is not accepted" in said
    assert mano.served.asked == []


def test_no_redirect_is_followed(mano: Site) -> None:
    elsewhere = Reply(307, None, {"Location": "https://127.0.0.1:1/"})
    mano.served.faults.coming.append(Fault("GET", "/ns_instances$", elsewhere))
    assert "is refused with status 307" in refused(mano.instantiate)


@pytest.mark.parametrize(
    ("reply", "cause"),
    [
        (Reply(200, b"{"), "was answered with what is no JSON."),
        (Reply(200, b"[" * 100_000), "was answered with what is no JSON."),
        (Reply(200, b"[NaN]"), "was answered with what is no JSON."),
        (Reply(200, {"items": []}), "was answered with what is no list."),
        (Reply(200, ["dns-1"]), "was answered with what is no object."),
        (Reply(200, [{"id": "../../admin", "nsState": "INSTANTIATED"}]), "names what is no identifier"),
        (Reply(200, [{"id": "a", "nsState": "GONE"}]), "names the unknown state 'GONE'."),
        (Reply(200, b" " * (4 << 20) + b"[]"), "was answered with more than 4194304 bytes."),
        (Reply(200, [], {"Link": '<https://127.0.0.1:1/x>; rel="next"'}), "was answered with a next page elsewhere."),
        (Reply(200, [], {"Link": '<?nextpage_opaque_marker=0>; rel="next"'}), "has more than 64 pages."),
    ],
)
def test_what_a_mano_must_not_answer_is_refused(mano: Site, reply: Reply, cause: str) -> None:
    mano.served.faults.coming.append(Fault("GET", "/ns_instances$", reply, times=99))
    assert cause in refused(mano.instantiate)
    assert mano.mano.instances == {}


@pytest.mark.parametrize("place", ["", "https://127.0.0.1:1/", "/nslcm/v2/ns_lcm_op_occs/../ns_instances", "/x/op-1"])
def test_an_operation_elsewhere_is_not_followed(mano: Site, place: str) -> None:
    mano.instantiate()
    mano.served.faults.coming.append(Fault("POST", "/heal$", Reply(202, None, {"Location": place})))
    said = refused(lambda: mano.lifecycle().heal("why"))
    assert "Location below" in said or "no identifier" in said


def test_what_is_preserved_is_what_the_mano_says(mano: Site) -> None:
    mano.instantiate()
    files = mano.lifecycle().preserve()
    assert set(files) == {"ns-instance.json", "operations.json"}
    assert b'"INSTANTIATE"' in files["operations.json"]
