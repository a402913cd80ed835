# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An instance as Kubernetes objects, and what is read of what a cluster tells."""

from __future__ import annotations

import base64
import contextlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.palantir.trust.plugins.plugin_utils.catalogue.descriptor import parse
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import CatalogueError, PlatformError
from ansible_collections.palantir.trust.plugins.plugin_utils.platforms.deployment import read_deployment
from ansible_collections.palantir.trust.plugins.plugin_utils.platforms.kubernetes.manifests import manifests
from ansible_collections.palantir.trust.plugins.plugin_utils.platforms.kubernetes.objects import (
    Progress,
    pods,
    progress,
    read_running,
    resources,
    restorable,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.platforms.site import KubernetesPlatform, read_platform
from tests.unit.catalogue.descriptors import FULL


def asked(*requests: dict[str, Any]) -> Any:
    """Return a probe by HTTP as the catalogue has it, with all that its parser fills in."""
    probe = {"type": "http", "address": "127.0.0.1", "port": 8080, "requests": list(requests)}
    return {**parse({**FULL, "probe": probe}, "waf.yml").plain()["probe"], "port": 8443}


SC: dict[str, Any] = {
    "sc": "waf",
    "flavour": "k",
    "driver": "kubernetes",
    "files": [{"path": "/etc/nginx.conf", "content": "x"}],
    "ports": [{"name": "web", "port": 8443, "protocol": "tcp", "internal": 443}],
    "probe": asked({"path": "/attack", "status": 403}, {"path": "/healthz", "status": 204}),
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["metadata", "spec", "status", "labels", "annotations", "replicas", "conditions", "type"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


def platform(**keys: Any) -> KubernetesPlatform:
    told = {"driver": "kubernetes", "namespace": "s", "images": {"waf": "r.test/waf@sha256:" + "ab" * 32}, **keys}
    made = read_platform(told, "here")
    assert isinstance(made, KubernetesPlatform)
    return made


def objects(instance: str = "waf-1", **change: Any) -> list[dict[str, Any]]:
    return manifests(read_deployment(instance, {**SC, **change}, "kubernetes"), platform(), generation=1, replicas=1)


def container(**change: Any) -> dict[str, Any]:
    [found] = objects(**change)[-1]["spec"]["template"]["spec"]["containers"]
    return dict(found)


def test_a_secret_is_named_by_what_is_in_it() -> None:
    first, second = objects()[0], objects(files=[{"path": "/etc/nginx.conf", "content": "y"}])[0]
    assert first["data"] == {"f0": base64.b64encode(b"x").decode()}
    assert first["immutable"] is True
    assert first["metadata"]["name"] != second["metadata"]["name"]


def test_without_ports_there_is_no_service() -> None:
    assert [item["kind"] for item in objects()] == ["Secret", "Service", "Deployment"]
    assert [item["kind"] for item in objects(ports=[])] == ["Secret", "Deployment"]


def test_a_probe_asks_the_port_inside_the_pod() -> None:
    probe = container()["readinessProbe"]
    assert probe["httpGet"] == {"path": "/healthz", "port": 443, "scheme": "HTTP"}


def test_a_probe_names_the_host_that_is_asked() -> None:
    probe = container(probe=asked({"path": "/", "host": "shop.example"}))["readinessProbe"]
    assert probe["httpGet"]["httpHeaders"] == [{"name": "Host", "value": "shop.example"}]


@pytest.mark.parametrize(
    "probe",
    [
        {"type": "dns"},
        {"type": "tcp"},
        {},
        asked({"path": "/attack", "status": 403}),
        asked({"path": "/health", "method": "HEAD"}),
        {"type": "http", "requests": [{"status": 200}, {"status": "200", "method": "GET", "path": "/"}, None]},
    ],
)
def test_a_probe_that_kubernetes_has_not_becomes_a_connection(probe: dict[str, Any]) -> None:
    assert container(probe={"port": 8443, **probe})["readinessProbe"]["tcpSocket"] == {"port": 443}


@pytest.mark.parametrize("probe", [{}, {"type": "smtp", "port": 25}, {"type": "dns", "port": "53"}])
def test_another_probe_is_refused(probe: dict[str, Any]) -> None:
    with pytest.raises(CatalogueError, match="SC waf, probe"):
        objects(probe=probe)


@pytest.mark.parametrize("instance", ["1-waf", "waf-", "w" * 47])
def test_a_name_that_no_service_may_have_is_refused(instance: str) -> None:
    with pytest.raises(CatalogueError, match="does not take for a Service"):
        objects(instance)


def deployment(**status: Any) -> dict[str, Any]:
    return {"metadata": {"generation": 2}, "spec": {"replicas": 2}, "status": status}


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ({}, Progress.GOING_ON),
        ({"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2}, Progress.GOING_ON),
        ({"observedGeneration": 2, "replicas": 2, "availableReplicas": 2}, Progress.GOING_ON),
        ({"observedGeneration": 2, "replicas": 3, "updatedReplicas": 2, "availableReplicas": 2}, Progress.GOING_ON),
        ({"observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2}, Progress.DONE),
        ({"observedGeneration": 2, "conditions": [{"type": "Progressing", "status": "False"}]}, Progress.FAILED),
        ({"observedGeneration": 1, "conditions": [{"type": "Progressing", "status": "False"}]}, Progress.GOING_ON),
    ],
)
def test_a_roll_out_is_done_when_all_pods_are_new_and_available(status: dict[str, Any], state: Progress) -> None:
    assert progress(deployment(**status), "d")[0] is state


@given(data=JSON)
@settings(max_examples=60)
def test_whatever_a_cluster_tells_is_read_or_refused(data: Any) -> None:
    for read in (
        lambda: read_running(data if isinstance(data, dict) else {}, "d"),
        lambda: progress(data if isinstance(data, dict) else {}, "d"),
        lambda: pods(resources({"resources": data}, "d")),
        lambda: restorable(data if isinstance(data, dict) else {}, "v1", "Service", {"name": "d"}),
    ):
        with contextlib.suppress(PlatformError):
            read()
