# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists whose template has no owner: two SCs of one image, an attack in one of them, and what can be told of it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.appraisal.scene import (
    BASE,
    CGROUP,
    CONFIGURATION,
    CONTAINER,
    OTHER_CGROUP,
    OTHER_CONTAINER,
    PLAIN,
    RETIRED,
    Guest,
    container,
    found,
    instance,
    sha256,
    statuses,
)

ONE, TWO = "sc:dns-filter-1", "sc:dns-filter-2"
LAYER = f"/var/lib/containers/storage/overlay/{'ab' * 32}/merged"
POLICY = {"ima": {"templates": ["ima-cgpath"]}}
NAMES = {"ima": {"templates": ["ima-dep-cgn"]}}


def two(template: str, *, recorded: bool = True, **facts: Any) -> Guest:
    """A node with two instances of one image, each of which ran its program and read its configuration."""
    instances = [
        instance(container=CONTAINER if recorded else None),
        instance(
            instance="dns-filter-2", uid_base=RETIRED, generation=1, container=OTHER_CONTAINER if recorded else None
        ),
    ]
    guest = Guest(template=template, instances=instances, facts=facts)
    guest.ran("/usr/sbin/dnsmasq", b"dnsmasq", owner=RETIRED, cgroup=OTHER_CGROUP)
    return guest.ran("/etc/dnsmasq.conf", CONFIGURATION, owner=RETIRED, mode=PLAIN, cgroup=OTHER_CGROUP)


def attributed(ear: dict[str, Any]) -> set[tuple[str, str, str, str]]:
    """Layer, code, basis and certainty of every finding that contraindicates."""
    return {
        (layer, finding["code"], finding["attribution"], finding["certainty"])
        for layer, submod in ear["submods"].items()
        for finding in submod["palantir.findings"]
        if finding["tier"] == "contraindicated"
    }


# -- control groups


@pytest.mark.parametrize(
    ("template", "policy", "certainty"), [("ima-cgpath", POLICY, "certain"), ("ima-dep-cgn", NAMES, "ambiguous")]
)
@pytest.mark.parametrize(
    ("path", "data", "code"),
    [
        ("/usr/sbin/dnsmasq", b"evil", "modified_file"),
        ("/bin/dropper", b"evil", "unknown_executable"),
        ("/etc/dnsmasq.conf", b"evil", "modified_file"),
    ],
)
def test_by_control_group_an_attack_hits_its_own_instance_alone(
    template: str, policy: dict[str, Any], certainty: str, path: str, data: bytes, code: str
) -> None:
    guest = two(template)
    clean = guest.appraise(policy=policy)
    assert (clean["ear_status"], found(clean)) == ("affirming", [])
    ear = guest.ran(path, data, cgroup=OTHER_CGROUP).appraise(policy=policy)
    assert attributed(ear) == {(TWO, code, "cgroup", certainty)}
    assert statuses(ear)[ONE] == statuses(ear)["os"] == "affirming"


def test_a_container_that_is_not_on_record_is_told_by_the_range_that_the_facts_show() -> None:
    seen = [container(), container(OTHER_CGROUP, RETIRED)]
    ear = two("ima-cgpath", recorded=False, containers=seen).ran("/bin/dropper", b"evil", cgroup=CGROUP)
    assert attributed(ear.appraise(policy=POLICY)) == {(ONE, "unknown_executable", "cgroup", "certain")}


@pytest.mark.parametrize("template", ["ima-cgpath", "ima-dep-cgn"])
def test_without_a_link_from_container_to_instance_it_is_as_without_control_groups(template: str) -> None:
    policy = {"ima": {"templates": [template]}}
    guest = two(template, recorded=False)
    assert found(guest.appraise(policy=policy)) == []
    ear = guest.ran("/bin/dropper", b"evil", cgroup=CGROUP).appraise(policy=policy)
    assert attributed(ear) == {("os", "unknown_executable", "digest", "ambiguous")}
    assert ear["submods"][ONE]["palantir.void_by"] == "os"


@pytest.mark.parametrize("template", ["ima-cgpath", "ima-dep-cgn"])
def test_a_site_that_does_not_name_the_template_gets_no_verdict_out_of_it(template: str) -> None:
    assert ("os", "ima_template_unexpected", "contraindicated") in found(two(template).appraise())


def test_a_host_file_in_a_container_is_not_known_there() -> None:
    ear = two("ima-cgpath").ran("/usr/bin/ls", b"ls", cgroup=f"{CGROUP}/init").appraise(policy=POLICY)
    assert attributed(ear) == {(ONE, "unknown_executable", "cgroup", "certain")}


def test_what_runs_in_another_container_of_the_host_is_the_hosts() -> None:
    group = "/system.slice/docker-" + "ee" * 32 + ".scope"
    ear = two("ima-cgpath").ran("/app/main", b"app", cgroup=group).appraise(policy=POLICY)
    assert attributed(ear) == {("os", "unknown_executable", "digest", "ambiguous")}


def test_root_of_the_host_cannot_hide_in_the_group_of_a_generation_that_had_ended() -> None:
    guest = two("ima-cgpath")
    ended = {"state": "retired", "generation": 1, "uid_base": RETIRED + 65_536, "reset_count": 3}
    gone = "ff" * 32
    group = f"/system.slice/docker-{gone}.scope"
    count = guest.ran("/bin/old", b"old", cgroup=group).appraise(policy=POLICY)["palantir.boot"]["ima_entries"]
    guest.record["instances"].append(instance(**ended, container=gone, sealed_entries=count))
    ear = guest.appraise(policy=POLICY)
    assert found(ear) == []
    assert [f["attribution"] for f in ear["submods"][ONE]["palantir.retired"]] == ["cgroup"]
    ear = guest.ran("/bin/implant", b"evil", cgroup=group).appraise(policy=POLICY)
    assert attributed(ear) == {("os", "unknown_executable", "cgroup", "certain")}


def test_a_violation_is_never_sure_to_be_where_its_entry_says() -> None:
    policy = {"ima": {"templates": ["ima-cgpath"], "violations": "contraindicated"}}
    ear = two("ima-cgpath").ran("/usr/sbin/dnsmasq", b"", violation=True, cgroup=CGROUP).appraise(policy=policy)
    assert attributed(ear) == {(ONE, "ima_violation", "cgroup", "ambiguous")}
    owned = Guest().ran("/usr/sbin/dnsmasq", b"", violation=True, owner=BASE)
    ear = owned.appraise(policy={"ima": {"violations": "contraindicated"}})
    assert attributed(ear) == {(ONE, "ima_violation", "owner", "ambiguous")}


@pytest.mark.parametrize("name", ["sha256:", "ima:sha256:", "md5:"])
def test_a_group_with_the_name_of_an_algorithm_does_not_make_the_evidence_unreadable(name: str) -> None:
    guest = two("ima-dep-cgn").ran("/usr/sbin/dnsmasq", b"dnsmasq", cgroup=f"/docker/{name}")
    assert found(guest.appraise(policy=NAMES)) == []


# -- the place of storage


def _of_host(root: str) -> str:
    return "fileless_execution" if root.startswith("/run/") else "unknown_executable"


@pytest.mark.parametrize(
    "root",
    [
        LAYER,
        LAYER.replace("merged", "diff"),
        LAYER.replace("/var/lib/", "/home/sc/.local/share/"),
        "/var/lib/docker/overlay2/4f3a9c/merged",
        "/var/lib/docker/overlay2/4f3a9c-init/diff",
        "/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots/41/fs",
        "/run/containerd/io.containerd.runtime.v2.task/k8s.io/other/rootfs",
        "/var/lib/machines/other",
    ],
)
def test_a_file_in_a_layer_is_compared_as_the_container_sees_it(root: str) -> None:
    guest = two("ima-ng")
    assert found(guest.ran(f"{root}/usr/sbin/dnsmasq", b"dnsmasq").appraise()) == []
    ear = guest.ran(f"{root}/usr/sbin/dnsmasq", b"evil").appraise()
    assert attributed(ear) == {
        ("os", _of_host(root), "overlay_path", "ambiguous"),
        (ONE, "modified_file", "overlay_path", "ambiguous"),
        (TWO, "modified_file", "overlay_path", "ambiguous"),
    }
    paths = {layer: ear["submods"][layer]["palantir.findings"][0]["path"] for layer in ("os", ONE)}
    assert paths == {"os": f"{root}/usr/sbin/dnsmasq", ONE: "/usr/sbin/dnsmasq"}


@pytest.mark.parametrize(
    "root",
    [f"/run/containerd/io.containerd.runtime.v2.task/k8s.io/{CONTAINER}/rootfs", f"/var/lib/machines/{CONTAINER}"],
)
def test_a_place_that_names_the_container_leaves_out_the_other_instance_but_not_the_host(root: str) -> None:
    ear = two("ima-ng").ran(f"{root}/usr/sbin/dnsmasq", b"evil").appraise()
    assert attributed(ear) == {
        ("os", _of_host(root), "overlay_path", "ambiguous"),
        (ONE, "modified_file", "overlay_path", "ambiguous"),
    }


@pytest.mark.parametrize("path", [f"{LAYER}x/usr/sbin/dnsmasq", "/var/lib/machines/a", f"{LAYER}/bin/dropper"])
def test_what_no_image_has_there_is_the_hosts(path: str) -> None:
    (finding,) = attributed(two("ima-ng").ran(path, b"evil").appraise())
    assert finding[:2] == ("os", "unknown_executable")


# -- content


def test_by_content_an_attack_hits_both_instances_and_the_host_and_says_that_it_cannot_tell() -> None:
    guest = two("ima-sig")
    assert found(guest.appraise()) == []
    ear = guest.ran("/usr/sbin/dnsmasq", b"evil").appraise()
    assert attributed(ear) == {
        ("os", "unknown_executable", "digest", "ambiguous"),
        (ONE, "modified_file", "digest", "ambiguous"),
        (TWO, "modified_file", "digest", "ambiguous"),
    }


def test_by_content_what_nobody_has_is_the_hosts_and_voids_every_instance() -> None:
    ear = two("ima-sig").ran("/bin/dropper", b"evil").appraise()
    assert attributed(ear) == {("os", "unknown_executable", "digest", "ambiguous")}
    assert {ear["submods"][layer]["palantir.void_by"] for layer in (ONE, TWO)} == {"os"}


def test_an_owner_decides_before_any_control_group() -> None:
    template = "d-ng|n-ng|iuid|igid|imode|cg-path"
    ear = two(template).ran("/bin/dropper", b"evil", owner=RETIRED, cgroup=CGROUP)
    assert attributed(ear.appraise(policy={"ima": {"templates": [template]}})) == {
        (TWO, "unknown_executable", "owner", "certain")
    }


def test_findings_that_are_about_no_file_are_their_layers_own() -> None:
    ear = Guest(facts={"modules": ["rootkit"], "deleted_executables": [{"pid": 1, "path": "/opt/x (deleted)"}]})
    findings = [finding for submod in ear.appraise()["submods"].values() for finding in submod["palantir.findings"]]
    assert [(f["code"], f["attribution"], f["certainty"]) for f in findings] == [
        ("deleted_executable", "layer", "ambiguous"),
        ("module_not_measured", "layer", "certain"),
    ]
    assert sha256(b"") not in str(findings)
