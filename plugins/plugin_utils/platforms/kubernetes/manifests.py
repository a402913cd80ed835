# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An SC instance as Kubernetes objects: a Deployment (``apps/v1``), a Secret and a Service (``v1``).

The configuration is a Secret named by its digest and immutable, so that a former ReplicaSet still finds its own when
the Deployment goes back to it. All objects carry our labels; nothing without them is ever changed.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any, Final

from ansible_collections.palantir.trust.plugins.plugin_utils.catalogue.entry import shown
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import CatalogueError
from ansible_collections.palantir.trust.plugins.plugin_utils.platforms.deployment import OWNER, Deployment, Port
from ansible_collections.palantir.trust.plugins.plugin_utils.platforms.site import KubernetesPlatform, image_of

MANAGED_BY: Final = "app.kubernetes.io/managed-by"
INSTANCE: Final = f"{OWNER}/instance"
SC: Final = f"{OWNER}/sc"
FLAVOUR: Final = f"{OWNER}/flavour"
GENERATION: Final = f"{OWNER}/generation"
CONFIGURATION: Final = f"{OWNER}/configuration"
REPLICAS: Final = f"{OWNER}/replicas"
LONGEST: Final = 46
"""Characters of an instance's name: with a hyphen and 16 of a digest it still is a DNS label (RFC 1123)."""

_SERVICE: Final = re.compile(r"[a-z]([a-z0-9-]*[a-z0-9])?")
_ACCEPTED: Final = range(200, 400)
_PROBE: Final = {"periodSeconds": 5, "timeoutSeconds": 3, "failureThreshold": 3}


def selector(instance: str) -> list[str]:
    """Return the label selectors that find all objects of an instance, and only ours."""
    return [f"{MANAGED_BY}={OWNER}", f"{INSTANCE}={instance}"]


def labels(wanted: Deployment) -> dict[str, str]:
    """Return the labels of an instance's objects."""
    return {
        "app.kubernetes.io/name": wanted.sc,
        "app.kubernetes.io/instance": wanted.instance,
        MANAGED_BY: OWNER,
        INSTANCE: wanted.instance,
        SC: wanted.sc,
        FLAVOUR: wanted.flavour,
    }


def secret_name(wanted: Deployment) -> str:
    """Return the name of the Secret with an instance's configuration as it is now."""
    return f"{wanted.instance}-{wanted.configuration[:16]}"


def manifests(
    wanted: Deployment, platform: KubernetesPlatform, *, generation: int, replicas: int
) -> list[dict[str, Any]]:
    """Return the objects of an instance in the order in which they are made: Secret, Service, Deployment.

    Args:
        wanted: what is to run.
        platform: where.
        generation: number of the instance's generation; another one makes all pods anew.
        replicas: number of pods, 0 where it is stopped.

    Raises:
        CatalogueError: it has no image there, no port, or a probe or resource that Kubernetes does not have.
    """
    if len(wanted.instance) > LONGEST or not _SERVICE.fullmatch(wanted.instance):
        raise CatalogueError(
            f"instance {wanted.instance}",
            "has a name that Kubernetes does not take for a Service.",
            f"begin with a letter, end with a letter or digit, {LONGEST} characters at most.",
        )
    common = {"namespace": platform.namespace, "labels": labels(wanted)}
    found = [_secret(wanted, common), _deployment(wanted, platform, common, generation, replicas)]
    if wanted.ports:
        found.insert(1, _service(wanted, platform, common))
    return found


def _secret(wanted: Deployment, common: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": secret_name(wanted), **common},
        "type": "Opaque",
        "immutable": True,
        "data": {
            f"f{number}": base64.b64encode(file.content.encode()).decode("ascii")
            for number, file in enumerate(wanted.files)
        },
    }


def _service(wanted: Deployment, platform: KubernetesPlatform, common: Mapping[str, Any]) -> dict[str, Any]:
    ports = [
        {"name": port.name, "port": port.port, "protocol": port.protocol.upper(), "targetPort": port.internal}
        for port in wanted.ports
    ]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": wanted.instance, **common},
        "spec": {"type": platform.service, "selector": _match(wanted.instance), "ports": ports},
    }


def _deployment(
    wanted: Deployment, platform: KubernetesPlatform, common: Mapping[str, Any], generation: int, replicas: int
) -> dict[str, Any]:
    annotations = {CONFIGURATION: wanted.configuration, GENERATION: str(generation)}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": wanted.instance, **common, "annotations": dict(annotations)},
        "spec": {
            "replicas": replicas,
            "revisionHistoryLimit": 2,
            "progressDeadlineSeconds": platform.timeout,
            "selector": {"matchLabels": _match(wanted.instance)},
            # The old pods are given up only for new ones that pass the probe.
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "template": {
                "metadata": {"labels": labels(wanted), "annotations": annotations},
                "spec": _pod(wanted, platform),
            },
        },
    }


def _match(instance: str) -> dict[str, str]:
    return {MANAGED_BY: OWNER, INSTANCE: instance}


def _pod(wanted: Deployment, platform: KubernetesPlatform) -> dict[str, Any]:
    pod: dict[str, Any] = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "hostNetwork": False,
        "hostPID": False,
        "hostIPC": False,
        # Root in the pod is nobody on the node, as in the ranges of our own drivers.
        "hostUsers": False,
        "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [_container(wanted, platform)],
        "volumes": [
            {"name": "configuration", "secret": {"secretName": secret_name(wanted), "defaultMode": 0o444}},
            *({"name": _volume(number), "emptyDir": _size(wanted)} for number in range(len(platform.writable))),
        ],
    }
    if platform.pull_secret:
        pod["imagePullSecrets"] = [{"name": platform.pull_secret}]
    if platform.node_selector:
        pod["nodeSelector"] = dict(platform.node_selector)
    return pod


def _container(wanted: Deployment, platform: KubernetesPlatform) -> dict[str, Any]:
    container: dict[str, Any] = {
        "name": "sc",
        "image": image_of(platform, wanted.sc, wanted.flavour),
        "imagePullPolicy": platform.pull,
        "securityContext": {
            "privileged": False,
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]} | ({"add": sorted(wanted.capabilities)} if wanted.capabilities else {}),
        },
        "volumeMounts": [
            *(
                {"name": "configuration", "mountPath": file.path, "subPath": f"f{number}", "readOnly": True}
                for number, file in enumerate(wanted.files)
            ),
            *({"name": _volume(n), "mountPath": path} for n, path in enumerate(platform.writable)),
        ],
        "readinessProbe": _probe(wanted),
        "resources": _resources(wanted),
    }
    if wanted.command:
        container["command"] = list(wanted.command)
    if wanted.ports:
        container["ports"] = [
            {"name": port.name[:15].rstrip("-"), "containerPort": port.internal, "protocol": port.protocol.upper()}
            for port in wanted.ports
        ]
    return container


def _volume(number: int) -> str:
    return f"writable-{number}"


def _size(wanted: Deployment) -> dict[str, Any]:
    storage = wanted.resources.get("storage")
    return {"sizeLimit": str(storage)} if storage else {}


def _resources(wanted: Deployment) -> dict[str, Any]:
    """Return requests and limits, the same for both. ``pids`` is the kubelet's to limit, for all pods alike."""
    names = {"cpu": "cpu", "memory": "memory", "storage": "ephemeral-storage"}
    told = {theirs: str(wanted.resources[ours]) for ours, theirs in names.items() if wanted.resources.get(ours)}
    return {"requests": told, "limits": dict(told)} if told else {}


def _probe(wanted: Deployment) -> dict[str, Any]:
    """Return the readiness probe, as near to the catalogue's as Kubernetes has one.

    It has none for DNS: that becomes TCP to the same port, which DNS needs as well (RFC 7766). By HTTP it has one
    request with GET, accepts 200 to 399 alone and reads no body: the first such request of the catalogue's is asked.
    Where there is none, that becomes TCP, too.
    """
    kind, port = wanted.probe.get("type", "dns"), wanted.probe.get("port")
    if isinstance(port, bool) or not isinstance(port, int):
        raise CatalogueError(f"SC {wanted.sc}, probe", f"has no port, but {shown(port)}.")
    inside = _internal(wanted.ports, port)
    request = _request(wanted.probe) if kind == "http" else None
    if request is not None:
        host = [{"name": "Host", "value": str(request["host"])}] if request.get("host") else []
        headers = {"httpHeaders": host} if host else {}
        return {"httpGet": {"path": str(request["path"]), "port": inside, "scheme": "HTTP", **headers}, **_PROBE}
    if kind in {"dns", "http", "tcp"}:
        return {"tcpSocket": {"port": inside}, **_PROBE}
    raise CatalogueError(f"SC {wanted.sc}, probe", f"{shown(kind)} is none that Kubernetes has.")


def _request(probe: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the first request of a probe by HTTP that Kubernetes can make, and takes the answer of as healthy."""
    found = probe.get("requests")
    requests = [item for item in found if isinstance(item, Mapping)] if isinstance(found, (list, tuple)) else []
    able = (r for r in requests if r.get("method") == "GET" and r.get("status") in _ACCEPTED and r.get("path"))
    return next(able, None)


def _internal(ports: tuple[Port, ...], port: int) -> int:
    """Return the port inside the pod of one that the catalogue's probe names as it is reached from outside."""
    return next((item.internal for item in ports if item.port == port), port)


__all__ = [
    "CONFIGURATION",
    "FLAVOUR",
    "GENERATION",
    "MANAGED_BY",
    "REPLICAS",
    "SC",
    "labels",
    "manifests",
    "secret_name",
    "selector",
]
