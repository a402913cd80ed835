# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Kubernetes API server on the loopback, for the few kinds that this collection uses.

Every object that comes in, and every patched object as it would become, is held to the schemas of Kubernetes'
published OpenAPI description (in the package kubernetes-validate), strictly: an unknown field is refused. What no
schema says, the server says itself: immutable fields, resource versions, dry runs, and how a Deployment rolls out,
seen poll by poll.
"""

from __future__ import annotations

import copy
import hashlib
import itertools
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import kubernetes_validate

from tests.contract.server import Asked, Reply

RELEASE = "1.37"
QUERY = {"dryRun", "labelSelector", "fieldSelector", "fieldManager", "fieldValidation", "force", "pretty", "timeout",
         "limit", "continue", "propagationPolicy", "tailLines", "follow", "container", "allContainers"}  # fmt: skip
KINDS = {
    "deployments": ("apps/v1", "Deployment"),
    "secrets": ("v1", "Secret"),
    "services": ("v1", "Service"),
    "pods": ("v1", "Pod"),
}
NAMESPACE = "security"
_PATH = re.compile(r"/(?:api/(v1)|apis/(apps/v1))/namespaces/([^/]+)/(\w+)(?:/([^/]+))?(?:/(\w+))?")


class RefusedError(Exception):
    """A request that the API server does not carry out."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        self.reply = Reply(
            status,
            {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "code": status,
             "message": message},
        )  # fmt: skip
        super().__init__(message)


class Cluster:
    """The server.

    ``sick`` tells of a pod template whether its pods never pass their probe. While it is ``blind`` the controller of
    Deployments looks at none; ``prompt`` it is done before anybody sees it at work.
    """

    def __init__(self) -> None:
        self.token = "a-token-of-the-site"
        self.objects: dict[tuple[str, str], dict[str, Any]] = {}
        self.sick: Callable[[Mapping[str, Any]], bool] = lambda template: False
        self.blind = self.prompt = False
        self.violations: list[str] = []
        self._versions = itertools.count(1)
        self._rollouts: dict[str, int] = {}
        self._serving: dict[str, dict[str, Any]] = {}

    def answer(self, asked: Asked) -> Reply:
        """Carry out a request."""
        if asked.headers.get("authorization", asked.headers.get("Authorization")) != f"Bearer {self.token}":
            return RefusedError(401, "Unauthorized", "Unauthorized").reply
        try:
            return self._discovery(asked.path) or self._resource(asked)
        except RefusedError as error:
            if error.reply.status in {400, 405, 422}:
                self.violations.append(f"{asked.method} {asked.path}: {error}")
            return error.reply

    def named(self, plural: str) -> list[str]:
        """Return the names of what there is of a kind."""
        return [name for kind, name in self.objects if kind == plural]

    def deployment(self, name: str) -> dict[str, Any]:
        """Return a Deployment as it stands."""
        return self.objects["deployments", name]

    def _discovery(self, path: str) -> Reply | None:
        groups = [{"name": "apps", "versions": [{"groupVersion": "apps/v1", "version": "v1"}],
                   "preferredVersion": {"groupVersion": "apps/v1", "version": "v1"}}]  # fmt: skip
        known: dict[str, Any] = {
            "/version": {"major": "1", "minor": "37", "gitVersion": "v1.37.0", "platform": "linux/amd64"},
            "/api": {"kind": "APIVersions", "versions": ["v1"]},
            "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups},
            "/api/v1": _resources("v1"),
            "/apis/apps/v1": _resources("apps/v1"),
        }
        found = known.get(path.rstrip("/") or "/")
        return None if found is None else Reply(200, found)

    def _resource(self, asked: Asked) -> Reply:
        found = _PATH.fullmatch(asked.path)
        if not found or found[4] not in KINDS or KINDS[found[4]][0] != (found[1] or found[2]):
            raise RefusedError(404, "NotFound", f"{asked.path} is no resource")
        if found[3] != NAMESPACE:
            raise RefusedError(404, "NotFound", f'namespaces "{found[3]}" not found')
        if set(asked.query) - QUERY:
            raise RefusedError(400, "BadRequest", f"unknown query parameters {set(asked.query) - QUERY}")
        plural, name, sub = found[4], found[5], found[6]
        if sub == "log":
            return Reply(200, f"log of {name}\n")
        if name is None:
            return self._list(plural, asked) if asked.method == "GET" else self._post(plural, asked)
        return self._one(plural, name, asked)

    def _one(self, plural: str, name: str, asked: Asked) -> Reply:
        if plural == "pods" and asked.method == "GET":
            return Reply(200, next(pod for pod in self._pods() if pod["metadata"]["name"] == name))
        current = self.objects.get((plural, name))
        if current is None:
            raise RefusedError(404, "NotFound", f'{plural} "{name}" not found')
        if asked.method == "GET":
            return self._get(plural, name, current)
        if asked.method == "DELETE":
            if "dryRun" not in asked.query:
                current["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
            return Reply(200, current)
        return self._change(plural, name, current, asked)

    def _get(self, plural: str, name: str, current: dict[str, Any]) -> Reply:
        if current["metadata"].get("deletionTimestamp"):
            # Seen once more, and then gone.
            del self.objects[plural, name]
            if plural == "deployments":
                self._serving.pop(name, None)
        elif plural == "deployments":
            for _look in range(3 if self.prompt else not self.blind):
                self._tick(current)
        return Reply(200, current)

    def _change(self, plural: str, name: str, current: dict[str, Any], asked: Asked) -> Reply:
        data = json.loads(asked.body)
        if asked.method == "PATCH":
            kind = asked.headers["Content-Type"]
            if kind not in {"application/merge-patch+json", "application/strategic-merge-patch+json"}:
                raise RefusedError(415, "UnsupportedMediaType", kind)
            return self._store(plural, name, _merged(current, data), current, asked)
        if asked.method == "PUT":
            version = current["metadata"]["resourceVersion"]
            if data["metadata"].get("resourceVersion", version) != version:
                raise RefusedError(409, "Conflict", "the object has been modified")
            return self._store(plural, name, data, current, asked)
        raise RefusedError(405, "MethodNotAllowed", asked.method)

    def _list(self, plural: str, asked: Asked) -> Reply:
        items = self._pods() if plural == "pods" else [o for (kind, _name), o in self.objects.items() if kind == plural]
        wanted = [item.split("=", 1) for item in asked.query.get("labelSelector", "").split(",") if item]
        for key, value in wanted:
            items = [item for item in items if item["metadata"].get("labels", {}).get(key) == value]
        version, kind = KINDS[plural]
        return Reply(200, {"apiVersion": version, "kind": f"{kind}List", "metadata": {}, "items": items})

    def _post(self, plural: str, asked: Asked) -> Reply:
        data = json.loads(asked.body)
        name = data["metadata"]["name"]
        if (plural, name) in self.objects:
            raise RefusedError(409, "AlreadyExists", f'{plural} "{name}" already exists')
        return self._store(plural, name, data, None, asked)

    def _store(
        self, plural: str, name: str, data: dict[str, Any], former: dict[str, Any] | None, asked: Asked
    ) -> Reply:
        made = copy.deepcopy(data)
        _check(made, plural, name)
        metadata = made["metadata"]
        metadata.setdefault("namespace", NAMESPACE)
        if former is None:
            metadata |= {"uid": f"uid-{plural}-{name}", "generation": 1}
        else:
            _immutable(plural, former, made)
            changed = plural == "deployments" and made.get("spec") != former.get("spec")
            metadata |= {"uid": former["metadata"]["uid"], "generation": former["metadata"]["generation"] + changed}
            same = {k: v for k, v in made.items() if k != "status"} == {
                k: v for k, v in former.items() if k != "status"
            }
            made["status"] = former.get("status", {})
            if same:
                return Reply(200, former)
        if plural == "deployments":
            made["spec"].setdefault("replicas", 1)
        metadata["resourceVersion"] = str(next(self._versions))
        if "dryRun" not in asked.query:
            self.objects[plural, name] = made
            if plural == "deployments":
                self._rollouts[name] = 0
        return Reply(200 if former else 201, made)

    def _tick(self, deployment: dict[str, Any]) -> None:
        """Let a poll's time pass for a Deployment."""
        name, spec = deployment["metadata"]["name"], deployment["spec"]
        seen = self._rollouts[name] = self._rollouts[name] + 1
        wanted, serving = spec["replicas"], self._serving.get(name)
        new = serving is None or serving["template"] != spec["template"]
        old = serving["replicas"] if serving else 0
        status: dict[str, Any] = {"observedGeneration": deployment["metadata"]["generation"]}
        if seen == 1:
            # The controller has seen the template, and has made nothing of it yet.
            status |= _counts(old, 0 if new else old, old)
        elif new and self.sick(spec["template"]):
            status |= _counts(old + 1, 1, old)
            late = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded",
                    "message": f'ReplicaSet "{name}-new" has timed out progressing.'}  # fmt: skip
            status["conditions"] = [late] if seen > 3 else []
        elif seen == 2 and new and wanted:
            status |= _counts(old + 1, 1, old)
        else:
            status |= _counts(wanted, wanted, wanted)
            self._serving[name] = {"template": copy.deepcopy(spec["template"]), "replicas": wanted}
        deployment["status"] = status

    def _pods(self) -> list[dict[str, Any]]:
        living = {name for kind, name in self.objects if kind == "deployments"}
        return [
            _pod(name, serving["template"], number)
            for name, serving in self._serving.items()
            if name in living
            for number in range(serving["replicas"])
        ]


def _check(data: dict[str, Any], plural: str, name: str) -> None:
    version, kind = KINDS[plural]
    if (data.get("apiVersion"), data.get("kind"), data["metadata"].get("name")) != (version, kind, name):
        raise RefusedError(400, "BadRequest", f"the object is not the {kind} {name}")
    try:
        kubernetes_validate.validate({k: v for k, v in data.items() if k != "status"}, RELEASE, strict=True)
    except kubernetes_validate.ValidationError as error:
        place = "/".join(map(str, error.absolute_path))
        raise RefusedError(422, "Invalid", f"{kind} {name}, {place}: {error.message}") from None
    if plural == "deployments":
        wanted, given = data["spec"]["selector"]["matchLabels"], data["spec"]["template"]["metadata"]["labels"]
        if not wanted.items() <= given.items():
            raise RefusedError(422, "Invalid", "`selector` does not match template `labels`")


def _immutable(plural: str, former: Mapping[str, Any], made: Mapping[str, Any]) -> None:
    if plural == "deployments" and made["spec"]["selector"] != former["spec"]["selector"]:
        raise RefusedError(422, "Invalid", "spec.selector: field is immutable")
    if plural == "secrets" and former.get("immutable") and made.get("data") != former.get("data"):
        raise RefusedError(422, "Invalid", "data: field is immutable when `immutable` is set")


def _merged(current: Any, patch: Any) -> Any:
    """Merge as RFC 7396 does."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(current) if isinstance(current, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = _merged(merged.get(key), value)
    return merged


def _counts(replicas: int, updated: int, available: int) -> dict[str, int]:
    told = {"replicas": replicas, "updatedReplicas": updated, "readyReplicas": available,
            "availableReplicas": available, "unavailableReplicas": replicas - available}  # fmt: skip
    return {key: count for key, count in told.items() if count}


def _pod(name: str, template: Mapping[str, Any], number: int) -> dict[str, Any]:
    made = hashlib.sha256(json.dumps(template, sort_keys=True).encode()).hexdigest()[:10]
    image = template["spec"]["containers"][0]["image"]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"{name}-{made}-{number}",
            "namespace": NAMESPACE,
            "labels": template["metadata"]["labels"],
        },
        "spec": {**template["spec"], "nodeName": "worker-1"},
        "status": {"phase": "Running", "containerStatuses": [{"name": "sc", "ready": True, "imageID": image}]},
    }


def _resources(version: str) -> dict[str, Any]:
    verbs = ["create", "delete", "get", "list", "patch", "update"]
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": version,
        "resources": [
            {"name": plural, "singularName": kind.lower(), "namespaced": True, "kind": kind, "verbs": verbs}
            for plural, (group, kind) in KINDS.items()
            if group == version
        ]
        + [{"name": "pods/log", "singularName": "", "namespaced": True, "kind": "Pod", "verbs": ["get"]}]
        * (version == "v1"),
    }


__all__ = ["NAMESPACE", "Cluster"]
