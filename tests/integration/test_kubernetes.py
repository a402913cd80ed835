# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Instances on a cluster: the modules of kubernetes.core, against a server that knows the published schemas.

Most cases run the modules in this process; the last ones run whole playbooks.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.palantir.trust.plugins.plugin_utils.edge.kubernetes import Cluster
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import PlatformError
from ansible_collections.palantir.trust.plugins.plugin_utils.platforms.deployment import read_deployment
from ansible_collections.palantir.trust.plugins.plugin_utils.platforms.outcome import Outcome
from ansible_collections.palantir.trust.plugins.plugin_utils.platforms.site import KubernetesPlatform, read_platform
from ansible_collections.palantir.trust.plugins.plugin_utils.store import ledger
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store
from tests.contract.modules import InProcess
from tests.contract.server import Fault, Reply, Served, serve
from tests.contract.site import SC, Site

pytest.importorskip("kubernetes", reason="kubernetes.core needs the Python package kubernetes; make setup installs it")
pytest.importorskip("kubernetes_validate", reason="the published schemas are in it; make setup installs it")

from tests.contract import cluster as contract
from tests.contract.cluster import NAMESPACE

IMAGE = "registry.test/dns-filter@sha256:" + "22" * 32
THERE = {**SC, "driver": "kubernetes"}
OTHERS = {**THERE, "files": [{"path": "/etc/dnsmasq.conf", "content": "port=5353\n"}]}
WANTED = read_deployment("dns-1", THERE, "kubernetes")
OTHER = read_deployment("dns-1", OTHERS, "kubernetes")


@dataclass
class Scene:
    """A cluster, its server, a site that uses it, and the clock of whoever asks it: sleep takes no time, but counts."""

    cluster: contract.Cluster
    served: Served
    site: Site
    told: dict[str, Any]
    slept: list[float] = field(default_factory=list)

    def verbs(self, *, check: bool = False) -> Cluster:
        platform = read_platform(self.told, "platform1")
        assert isinstance(platform, KubernetesPlatform)
        return Cluster(
            platform,
            "dns-1",
            InProcess(check=check),
            check=check,
            pause=0,
            now=lambda: float(len(self.slept)),
            sleep=self.slept.append,
        )

    def instantiate(self) -> Outcome:
        return self.verbs().instantiate(WANTED, replace=False)

    def changes(self) -> list[str]:
        """Return what was asked for so far beside reading, and forget it."""
        base = f"/namespaces/{NAMESPACE}/"
        found = [
            call.replace(f"/apis/apps/v1{base}", "").replace(f"/api/v1{base}", "")
            for call in self.served.calls("POST", "PUT", "PATCH", "DELETE")
        ]
        self.served.asked.clear()
        return found


def kubeconfig(served: Served, token: str, **cluster: Any) -> str:
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "c", "cluster": {"server": served.url, **cluster}}],
            "users": [{"name": "u", "user": {"token": token}}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "x",
        }
    )


@pytest.fixture(name="scene")
def _scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    # kubernetes.core keeps there what it learned of a server.
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    cluster = contract.Cluster()
    with serve(cluster, tmp_path / "server") as served:
        config = tmp_path / "kubeconfig"
        trusted = {"certificate-authority": str(served.ca_file)}
        config.write_text(kubeconfig(served, cluster.token, **trusted), encoding="utf-8")
        platform = {
            "driver": "kubernetes",
            "kubeconfig": str(config),
            "namespace": NAMESPACE,
            "images": {"dns-filter": IMAGE},
            "timeout": 8,
        }
        # A playbook's time is the machine's.
        yield Scene(cluster, served, Site(tmp_path, {**platform, "timeout": 120}), platform)
        assert cluster.violations == []


def refused(verb: Callable[[], object]) -> str:
    with pytest.raises(PlatformError) as caught:
        verb()
    return str(caught.value)


# Every verb, twice


def test_an_instance_is_made_once(scene: Scene) -> None:
    first = scene.instantiate()
    assert first.changed
    assert (first.after["generation"], first.after["ready"]) == (1, 1)
    assert scene.changes() == ["POST secrets", "POST services", "POST deployments"]
    assert [pod["image"] for pod in scene.verbs().pods()] == [IMAGE]
    assert not scene.instantiate().changed
    assert scene.changes() == []


def test_another_configuration_is_another_generation_and_the_former_secret_goes(scene: Scene) -> None:
    scene.instantiate()
    [secret] = scene.cluster.named("secrets")
    outcome = scene.verbs().configure(OTHER)
    assert outcome.before["generation"] == 1
    assert outcome.after["generation"] == 2
    assert not scene.verbs().configure(OTHER).changed
    assert len(scene.cluster.objects["services", "dns-1"]["spec"]["ports"]) == 2
    assert len(scene.cluster.deployment("dns-1")["spec"]["template"]["spec"]["containers"][0]["ports"]) == 2
    [kept] = scene.cluster.named("secrets")
    assert kept != secret


def test_stopped_and_started_there_are_as_many_as_before(scene: Scene) -> None:
    scene.instantiate()
    told = [
        scene.verbs().scale(3),
        scene.verbs().scale(3),
        scene.verbs().operate(start=False),
        scene.verbs().operate(start=False),
        scene.verbs().configure(OTHER),
        scene.verbs().operate(start=True),
        scene.verbs().operate(start=True),
    ]
    assert [one.changed for one in told] == [True, False, True, False, True, True, False]
    assert [one.after["ready"] for one in told] == [3, 3, 0, 0, 0, 3, 3]
    assert told[-1].after["configuration"] == OTHER.configuration


def test_healing_makes_all_pods_anew(scene: Scene) -> None:
    scene.instantiate()
    before = {pod["name"] for pod in scene.verbs().pods()}
    assert scene.verbs().heal(WANTED).after["generation"] == 2
    assert before.isdisjoint(pod["name"] for pod in scene.verbs().pods())


def test_terminating_leaves_nothing(scene: Scene) -> None:
    scene.instantiate()
    scene.changes()
    assert scene.verbs().terminate().changed
    assert [call.split("/")[0] for call in scene.changes()] == [
        "DELETE deployments",
        "DELETE services",
        "DELETE secrets",
    ]
    assert scene.cluster.objects == {}
    assert not scene.verbs().terminate().changed


def test_what_is_preserved_has_no_configuration(scene: Scene) -> None:
    scene.instantiate()
    files = scene.verbs().preserve()
    assert sorted(files) == ["log-1.txt", "objects.json"]
    assert files["log-1.txt"].startswith(b"log of dns-1-")
    assert IMAGE.encode() in files["objects.json"]
    assert b"cG9ydD01Mw" not in b"".join(files.values())


def test_check_mode_lets_the_server_validate_and_changes_nothing(scene: Scene) -> None:
    assert scene.verbs(check=True).instantiate(WANTED, replace=False).changed
    assert scene.cluster.objects == {}
    scene.instantiate()
    before = json.dumps(scene.cluster.deployment("dns-1")["spec"])
    verbs = scene.verbs(check=True)
    assert verbs.configure(OTHER).changed
    assert verbs.scale(2).changed
    assert verbs.operate(start=False).changed
    assert not verbs.operate(start=True).changed
    assert verbs.heal(WANTED).changed
    assert verbs.terminate().changed
    assert json.dumps(scene.cluster.deployment("dns-1")["spec"]) == before
    assert len(scene.cluster.objects) == 3


# What pods get


def test_pods_get_no_right_that_the_catalogue_does_not_name(scene: Scene) -> None:
    scene.instantiate()
    pod = scene.cluster.deployment("dns-1")["spec"]["template"]["spec"]
    [container] = pod["containers"]
    assert {key: pod[key] for key in ("automountServiceAccountToken", "hostUsers", "hostNetwork", "hostPID")} == {
        "automountServiceAccountToken": False,
        "hostUsers": False,
        "hostNetwork": False,
        "hostPID": False,
    }
    assert container["securityContext"] == {
        "privileged": False,
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"], "add": ["SETGID", "SETUID"]},
    }
    assert container["imagePullPolicy"] == "Never"
    assert container["resources"]["limits"] == {"cpu": "0.5", "memory": "134217728"}
    assert container["readinessProbe"]["tcpSocket"] == {"port": 53}


def test_the_configuration_is_in_the_secret_alone(scene: Scene) -> None:
    scene.instantiate()
    for (kind, _name), item in scene.cluster.objects.items():
        assert ("cG9ydD01Mw" in json.dumps(item)) == (kind == "secrets")
        assert "a-secret-of-the-site" not in json.dumps(item)


# What fails


def test_a_first_generation_that_fails_its_probe_leaves_nothing(scene: Scene) -> None:
    scene.cluster.sick = lambda template: True
    assert refused(scene.instantiate) == (
        "Deployment security/dns-1: does not roll out: "
        'ReplicaSet "dns-1-new" has timed out progressing. What was made of it is removed again.'
    )
    assert scene.cluster.objects == {}


def test_a_later_generation_that_fails_its_probe_gives_way_to_the_former(scene: Scene) -> None:
    scene.instantiate()
    spec = scene.cluster.deployment("dns-1")["spec"]
    secrets = scene.cluster.named("secrets")
    scene.cluster.sick = lambda template: template != spec["template"]
    assert refused(lambda: scene.verbs().configure(OTHER)).endswith("The former generation is back.")
    assert scene.cluster.deployment("dns-1")["spec"] == spec
    assert scene.cluster.named("secrets") == secrets
    scene.cluster.sick = lambda template: False
    assert scene.verbs().configure(OTHER).after["generation"] == 2


def test_a_service_goes_back_with_its_deployment(scene: Scene) -> None:
    scene.instantiate()
    service = scene.cluster.objects["services", "dns-1"]["spec"]
    template = scene.cluster.deployment("dns-1")["spec"]["template"]
    scene.cluster.sick = lambda found: found != template
    ports = [{"name": "dns", "port": 5454, "protocol": "udp", "internal": 53}]
    moved = read_deployment("dns-1", {**OTHERS, "ports": ports}, "kubernetes")
    assert refused(lambda: scene.verbs().configure(moved)).endswith("The former generation is back.")
    assert scene.cluster.objects["services", "dns-1"]["spec"] == service
    scene.cluster.sick = lambda found: False
    assert scene.verbs().configure(read_deployment("dns-1", {**OTHERS, "ports": []}, "kubernetes")).changed
    assert scene.cluster.named("services") == []


def test_a_run_that_was_cut_off_is_continued_by_the_next(scene: Scene) -> None:
    scene.instantiate()
    scene.cluster.blind = True
    refused(lambda: scene.verbs().scale(2))
    refused(lambda: scene.verbs().scale(2))
    scene.cluster.blind = False
    scene.changes()
    again = scene.verbs().scale(2)
    assert not again.changed
    assert (again.before["ready"], again.after["ready"]) == (1, 2)
    assert scene.changes() == []


def test_a_controller_that_never_looks_is_waited_for_no_longer_than_the_site_says(scene: Scene) -> None:
    scene.instantiate()
    scene.slept.clear()
    scene.cluster.blind = True
    said = refused(lambda: scene.verbs().scale(2))
    assert (
        said
        == "Deployment security/dns-1: is not rolled out in time: replicas 1, updatedReplicas 1, availableReplicas 1."
    )
    assert len(scene.slept) == 8


def test_pods_of_the_former_template_do_not_pass_for_new_ones(scene: Scene) -> None:
    scene.instantiate()
    scene.verbs().instantiate(WANTED, replace=True)
    status = scene.cluster.deployment("dns-1")["status"]
    assert (status["updatedReplicas"], status["replicas"]) == (1, 1)


def test_a_failure_in_the_middle_takes_back_what_was_made(scene: Scene) -> None:
    told = {"kind": "Status", "status": "Failure", "reason": "InternalError", "message": "etcd is gone", "code": 500}
    scene.served.faults.coming.append(Fault("POST", "/deployments$", Reply(500, told), times=9))
    assert refused(scene.instantiate).endswith("What was made of it is removed again.")
    assert scene.cluster.objects == {}


def test_a_server_that_repeats_a_secret_is_not_quoted(scene: Scene) -> None:
    told = {"kind": "Status", "status": "Failure", "message": "cannot store cG9ydD01Mw", "code": 422}
    scene.served.faults.coming.append(Fault("POST", "/secrets$", Reply(422, told)))
    assert refused(scene.instantiate) == (
        "Deployment security/dns-1: its Secret is refused: Unprocessable Entity. What was made of it is removed again."
    )


# What is not ours


def test_a_deployment_that_is_not_ours_is_never_touched(scene: Scene) -> None:
    scene.instantiate()
    del scene.cluster.deployment("dns-1")["metadata"]["labels"]["app.kubernetes.io/managed-by"]
    scene.changes()
    verbs = scene.verbs()
    for verb in (scene.instantiate, verbs.terminate, lambda: verbs.operate(start=False), lambda: verbs.scale(2)):
        assert "is the name of a Deployment that is not ours" in refused(verb)
    assert scene.changes() == []


def test_a_service_that_is_not_ours_is_never_touched(scene: Scene) -> None:
    theirs = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "dns-1", "namespace": NAMESPACE}}
    scene.cluster.objects["services", "dns-1"] = theirs
    assert refused(scene.instantiate) == (
        "Service security/dns-1: is not ours. Next: name the instance otherwise, or remove that one."
    )
    assert scene.changes() == []
    assert scene.cluster.objects == {("services", "dns-1"): theirs}


# Who we are, and who they are


def test_no_kubeconfig_can_switch_off_that_the_server_proves_itself(scene: Scene) -> None:
    insecure = {"insecure-skip-tls-verify": True}
    text = kubeconfig(scene.served, scene.cluster.token, **insecure)
    Path(scene.told["kubeconfig"]).write_text(text, encoding="utf-8")
    assert "CERTIFICATE_VERIFY_FAILED" in refused(scene.instantiate)
    assert scene.served.asked == []


def test_a_wrong_token_is_refused(scene: Scene) -> None:
    scene.cluster.token = "another"
    assert "401" in refused(scene.instantiate)
    assert scene.cluster.objects == {}


@pytest.mark.parametrize("name", ["../../../nodes/n", "DNS-1", "a" * 300, "", None, 7])
def test_what_a_server_calls_a_pod_is_a_name_or_refused(scene: Scene, name: Any) -> None:
    scene.instantiate()
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}}
    told = {"apiVersion": "v1", "kind": "PodList", "metadata": {}, "items": [pod]}
    scene.served.faults.coming.append(Fault("GET", "/pods$", Reply(200, told)))
    assert "whose name is none" in refused(scene.verbs().preserve)
    assert not any("/log" in call for call in scene.served.calls("GET"))


def test_a_list_without_end_is_refused(scene: Scene) -> None:
    scene.instantiate()
    pods = [{"metadata": {"name": "p"}}] * 1001
    told = {"apiVersion": "v1", "kind": "PodList", "metadata": {}, "items": pods}
    scene.served.faults.coming.append(Fault("GET", "/pods$", Reply(200, told)))
    assert "no list of at most 1000 objects" in refused(scene.verbs().pods)


@pytest.mark.parametrize("items", [{"a": 1}, [7], "x" * 100_000])
def test_what_is_no_list_is_refused(scene: Scene, items: Any) -> None:
    scene.instantiate()
    told = {"apiVersion": "v1", "kind": "PodList", "metadata": {}, "items": items}
    scene.served.faults.coming.append(Fault("GET", "/pods$", Reply(200, told)))
    assert len(refused(scene.verbs().pods)) < 1200


# Whole playbooks


def test_a_playbook_runs_an_instance_and_tells_no_secret(scene: Scene) -> None:
    echo = {"kind": "Status", "status": "Failure", "message": f"who is {scene.cluster.token}", "code": 403}
    scene.served.faults.coming.append(Fault("GET", "/deployments/dns-1$", Reply(403, echo)))
    scene.cluster.prompt = True
    told, output = scene.site.run(
        [{"state": "stopped"}, {"state": "instantiated", "sc": THERE}, {"state": "stopped", "check_mode": True}],
        "-vvv",
        "--diff",
    )
    assert "who is ***" in told[0]["msg"]
    assert [one.get("changed") for one in told[1:]] == [True, True], output
    assert scene.changes() == ["POST secrets", "POST services", "POST deployments", "PATCH deployments/dns-1"]
    assert scene.cluster.deployment("dns-1")["spec"]["replicas"] == 1
    assert told[2]["diff"]["before"] != told[2]["diff"]["after"]
    assert told[1]["verdict"]["tier"] == "none"
    assert "no host there proves its integrity" in told[1]["warnings"][0]
    assert [pod["image"] for pod in told[1]["pods"]] == [IMAGE]
    for secret in ("cG9ydD01Mw", "a-secret-of-the-site", scene.cluster.token):
        assert secret not in output
        assert secret not in json.dumps(told)
    store = Store(scene.site.store)
    with store.transaction() as connection:
        at_body = ledger.newest(connection, "action", "sc:dns-1")
    store.close()
    assert at_body is not None
    assert (at_body[1]["state"], at_body[1]["after"]["generation"]) == ("instantiated", 1)


def test_what_a_playbook_must_not_do_is_refused(scene: Scene) -> None:
    platform = {"driver": "kubernetes", "namespace": NAMESPACE, "images": {"dns-filter": "registry.test/dns-filter:1"}}
    insecure = scene.site.home / "insecure"
    text = kubeconfig(scene.served, scene.cluster.token, **{"insecure-skip-tls-verify": True})
    insecure.write_text(text, encoding="utf-8")
    told, _output = scene.site.run(
        [
            {"state": "instantiated", "sc": THERE, "platform": platform},
            {"state": "instantiated", "sc": {**THERE, "driver": "podman"}},
            {"state": "stopped", "platform": {**scene.told, "kubeconfig": str(insecure)}},
        ]
    )
    assert [one["msg"] for one in told[:-1]] == [
        (
            "platform1, palantir_trust_platform, images, dns-filter: 'registry.test/dns-filter:1' is not pinned. "
            "Next: name the image as REPOSITORY@sha256:DIGEST."
        ),
        "instance dns-1, sc, driver: is 'podman', and the platform's is kubernetes. Next: name another flavour.",
    ]
    assert "CERTIFICATE_VERIFY_FAILED" in told[-1]["msg"]
    assert scene.served.asked == []
