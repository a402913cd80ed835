# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each tamper hits its own layer, and no other; each benign twin raises nothing: runtime and containers."""

from __future__ import annotations

import pytest

from tests.unit.appraisal.scene import (
    BASE,
    CONFIGURATION,
    PLAIN,
    RETIRED,
    SC,
    Guest,
    found,
    instance,
    sha256,
    statuses,
    worsened,
)

# -- runtime


@pytest.mark.parametrize(
    ("path", "data", "code"),
    [
        ("/usr/lib/modules/6.1/dummy.ko", b"dummy", "unknown_module"),
        ("/usr/lib/modules/6.1/fuse.ko", b"evil", "modified_file"),
        ("/usr/bin/crun", b"evil", "modified_file"),
        ("/usr/libexec/podman/helper", b"evil", "unknown_executable"),
    ],
)
def test_a_module_or_container_engine_hits_runtime_alone(path: str, data: bytes, code: str) -> None:
    ear = Guest().ran(path, data).appraise()
    assert worsened(ear) == {"runtime": "contraindicated"}
    assert found(ear) == [("runtime", code, "contraindicated")]
    assert statuses(ear)["os"] == "affirming"
    assert ear["submods"][SC]["palantir.void_by"] == "runtime"


def test_a_loaded_module_that_nothing_explains_is_a_warning() -> None:
    ear = Guest(facts={"modules": ["fuse", "rootkit"]}).appraise()
    assert found(ear) == [("runtime", "module_not_measured", "warning")]


# -- sc


@pytest.mark.parametrize(
    ("path", "data", "mode", "code"),
    [
        ("/bin/dropper", b"evil", 0o100755, "unknown_executable"),
        ("/usr/sbin/dnsmasq", b"evil", 0o100755, "modified_file"),
        ("/etc/dnsmasq.conf", b"evil", PLAIN, "changed_configuration"),
        ("/etc/dnsmasq.conf", b"default", PLAIN, "changed_configuration"),
        ("/etc/passwd", b"evil", PLAIN, "changed_configuration"),
        ("/lib/evil.so", b"evil", PLAIN, "unknown_file"),
        ("memfd:x", b"evil", 0o100777, "fileless_execution"),
        ("/bin/dropper_(deleted)", b"evil", 0o100755, "fileless_execution"),
        ("/tmp/dropper", b"evil", 0o100755, "unknown_executable"),  # noqa: S108 - on the container's root, no tmpfs
    ],
)
def test_a_container_file_hits_its_own_instance_alone(path: str, data: bytes, mode: int, code: str) -> None:
    other = instance(instance="dns-filter-2", uid_base=RETIRED)
    guest = Guest(instances=[instance(), other]).ran("/usr/sbin/dnsmasq", b"dnsmasq", owner=RETIRED)
    ear = guest.ran(path, data, owner=BASE + 5, mode=mode).appraise()
    assert found(ear) == [(SC, code, "contraindicated")]
    assert worsened(ear) == {SC: "contraindicated"}
    assert statuses(ear)["sc:dns-filter-2"] == "affirming"


def test_a_host_file_in_a_container_is_not_known_there() -> None:
    ear = Guest().ran("/usr/bin/ls", b"ls", owner=BASE).appraise()
    assert found(ear) == [(SC, "unknown_executable", "contraindicated")]


def test_a_container_file_on_the_host_is_not_known_there() -> None:
    assert found(Guest().ran("/usr/sbin/dnsmasq", b"dnsmasq").appraise()) == [
        ("os", "unknown_executable", "contraindicated")
    ]


def test_a_container_restarted_in_a_fresh_range_raises_nothing() -> None:
    instances = [instance(state="retired"), instance(uid_base=RETIRED, generation=3)]
    guest = Guest(instances=instances).ran("/usr/sbin/dnsmasq", b"dnsmasq", owner=RETIRED)
    assert found(guest.ran("/etc/dnsmasq.conf", CONFIGURATION, owner=RETIRED, mode=PLAIN).appraise()) == []


def test_what_a_retired_generation_did_is_history_without_weight() -> None:
    instances = [instance(state="retired"), instance(uid_base=RETIRED, generation=3)]
    guest = Guest(instances=instances).ran("/bin/dropper", b"evil", owner=BASE)
    ear = guest.ran("/usr/sbin/dnsmasq", b"dnsmasq", owner=RETIRED).appraise()
    assert found(ear) == []
    assert ear["ear_status"] == "affirming"
    (history,) = ear["submods"][SC]["palantir.retired"]
    assert (history["code"], history["tier"], history["digest"]) == ("unknown_executable", "none", sha256(b"evil"))
    assert history["message"].startswith("Generation 2 of dns-filter-1: ")


def test_root_of_the_host_cannot_hide_in_a_range_of_an_earlier_boot() -> None:
    ended = instance(state="retired", generation=1, uid_base=RETIRED, reset_count=2, sealed_entries=900)
    guest = Guest(instances=[ended, instance()]).ran("/opt/implant", b"evil", owner=RETIRED)
    assert found(guest.appraise()) == [("os", "owner_unallocated", "contraindicated")]


def test_root_of_the_host_cannot_hide_in_the_range_of_a_generation_that_had_ended() -> None:
    guest = Guest().ran("/bin/dropper", b"evil", owner=RETIRED)
    ended = {"state": "retired", "generation": 1, "uid_base": RETIRED, "reset_count": 3}
    count = guest.appraise()["palantir.boot"]["ima_entries"]
    guest.record["instances"] = [instance(**ended, sealed_entries=count), instance()]
    assert found(guest.appraise()) == []
    guest.ran("/bin/implant", b"evil", owner=RETIRED)
    assert found(guest.appraise()) == [("os", "owner_unallocated", "contraindicated")]


def test_history_of_an_instance_that_is_gone_stands_with_the_host() -> None:
    ear = Guest(instances=[instance(state="retired")]).ran("/bin/dropper", b"evil", owner=BASE).appraise()
    assert [f["code"] for f in ear["submods"]["os"]["palantir.retired"]] == ["unknown_executable"]
    assert list(ear["submods"]) == ["hardware", "firmware", "os", "runtime"]


def test_a_live_instance_of_which_nothing_was_measured_is_not_clean() -> None:
    ear = Guest(instances=[instance(), instance(instance="dns-filter-2", uid_base=RETIRED)]).appraise()
    assert found(ear) == [("sc:dns-filter-2", "no_measurements", "warning")]


def test_data_files_that_the_policy_names_are_left_alone_unless_they_can_be_executed() -> None:
    policy = {"sc_data_paths": ["/var/lib/"]}
    guest = Guest().ran("/var/lib/leases", b"1", owner=BASE, mode=PLAIN)
    assert found(guest.appraise(policy=policy)) == []
    guest.ran("/var/lib/evil", b"2", owner=BASE)
    assert found(guest.appraise(policy=policy)) == [(SC, "unknown_executable", "contraindicated")]
