# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A MANO on the loopback: holds every request and its own answers to the description, and keeps NS instances."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from tests.contract.description import Call, Description, ViolationError
from tests.contract.server import Asked, Reply

HERE = Path(__file__).parent
TOKEN = "an-access-token"
SECRETS = {"basic": "swordfish", "oauth2": "squid+ink=", "osm": "plaice"}
TIME = "2026-01-01T00:00:00Z"


class Mano:
    """A MANO with two VNFs in each NS.

    ``fates`` has, by type of operation, the states in which polls find the next ones; the last state stays.
    ``violations`` is what was wrong with requests or with our own answers.
    """

    def __init__(self, authentication: str = "basic") -> None:
        self.description = Description(HERE / "sol005.yml")
        self.authentication = authentication
        self.instances: dict[str, dict[str, Any]] = {}
        self.operations: dict[str, dict[str, Any]] = {}
        self.fates: dict[str, list[list[str]]] = {}
        self.violations: list[str] = []
        self.token = TOKEN
        self.page = 0
        self._coming: dict[str, list[str]] = {}
        self._effects: dict[str, Callable[[], None]] = {}
        self._before: dict[str, dict[str, Any]] = {}

    prefix = "/nslcm/v2"

    def answer(self, asked: Asked) -> Reply:
        """Carry out a request."""
        if asked.path == "/oauth2/token":
            return self._grant(asked)
        try:
            call, data = self.description.call(asked.method, asked.path, asked.query, asked.headers, asked.body)
            reply = self._dispatch(call, data, asked) if self._known(asked) else self.problem(401, "who are you")
            if self.authentication != "osm":
                reply = Reply(reply.status, reply.body, {**reply.headers, "Version": "2.0.0"})
            self.description.answered(call, reply.status, reply.headers, reply.body)
        except ViolationError as error:
            self.violations.append(str(error))
            return self.problem(400, str(error))
        return reply

    @staticmethod
    def problem(status: int, detail: str) -> Reply:
        return Reply(status, {"status": status, "detail": detail})

    def _known(self, asked: Asked) -> bool:
        given = asked.headers.get("Authorization", "")
        if self.authentication == "basic":
            return given == "Basic " + base64.b64encode(f"so:{SECRETS['basic']}".encode()).decode()
        return given == f"Bearer {self.token}"

    def _grant(self, asked: Asked) -> Reply:
        form = {name: values[0] for name, values in parse_qs(asked.body.decode()).items()}
        wanted = "Basic " + base64.b64encode(b"so:squid%2Bink%3D").decode()
        if asked.headers.get("Authorization") != wanted or form.get("grant_type") != "client_credentials":
            return Reply(401, {"error": "invalid_client", "error_description": asked.headers.get("Authorization")})
        return Reply(200, {"access_token": self.token, "token_type": "Bearer", "expires_in": 3600})

    def _dispatch(self, call: Call, data: Any, asked: Asked) -> Reply:
        below = call.template.removeprefix(self.prefix)
        if below == "/ns_instances":
            return self._create(data) if call.method == "POST" else self._list(self.instances, asked)
        if below == "/ns_lcm_op_occs":
            return self._list(self.operations, asked)
        return self._occurrence(call, below) if "op_occs/" in below else self._instance(call, below, data)

    def _instance(self, call: Call, below: str, data: Any) -> Reply:
        ns = self.instances.get(call.path["nsInstanceId"])
        if ns is None:
            return self.problem(404, "no such NS instance")
        if call.method == "GET":
            return Reply(200, ns)
        if call.method == "DELETE":
            return self._delete(ns)
        return self._task(ns, below.rsplit("/", 1)[1].upper(), data)

    def _create(self, data: Mapping[str, Any]) -> Reply:
        number = f"ns-{len(self.instances) + 1}"
        self.instances[number] = {
            "id": number,
            "nsInstanceName": data["nsName"],
            "nsInstanceDescription": data["nsDescription"],
            "nsdId": data["nsdId"],
            "nsdInfoId": f"info-{data['nsdId']}",
            "nsState": "NOT_INSTANTIATED",
            "_links": {"self": {"href": f"{self.prefix}/ns_instances/{number}"}},
        }
        return Reply(201, self.instances[number], {"Location": f"{self.prefix}/ns_instances/{number}"})

    def _list(self, items: Mapping[str, dict[str, Any]], asked: Asked) -> Reply:
        found = list(items.values())
        if "filter" in asked.query:
            _operator, name, value = asked.query["filter"].strip("()").split(",")
            found = [item for item in found if item[name] == value]
        # As clause 6.4.2.3.2 allows, a list leaves out what is large.
        found = [{k: v for k, v in item.items() if k not in {"vnfInstance", "nsScaleStatus"}} for item in found]
        if not self.page:
            return Reply(200, found)
        start = int(asked.query.get("nextpage_opaque_marker", "0"))
        more = start + self.page < len(found)
        link = {"Link": f'<{asked.path}?nextpage_opaque_marker={start + self.page}>; rel="next"'} if more else {}
        return Reply(200, found[start : start + self.page], link)

    def _delete(self, ns: dict[str, Any]) -> Reply:
        if ns["nsState"] == "INSTANTIATED":
            return self.problem(409, "the NS is instantiated")
        del self.instances[ns["id"]]
        return Reply(204)

    def _task(self, ns: dict[str, Any], kind: str, data: Any) -> Reply:
        if any(
            op["nsInstanceId"] == ns["id"] and op["operationState"] in {"PROCESSING", "ROLLING_BACK", "FAILED_TEMP"}
            for op in self.operations.values()
        ):
            return self.problem(409, "another operation is in progress")
        if (kind == "INSTANTIATE") == (ns["nsState"] == "INSTANTIATED"):
            return self.problem(409, f"the NS is {ns['nsState']}")
        number = self._begin(ns, kind)
        self._effects[number] = lambda: self._effect(ns, kind, data)
        return Reply(202, None, {"Location": f"{self.prefix}/ns_lcm_op_occs/{number}"})

    def _begin(self, ns: dict[str, Any], kind: str) -> str:
        number = f"op-{len(self.operations) + 1}"
        self.operations[number] = {
            "id": number,
            "nsInstanceId": ns["id"],
            "operationState": "PROCESSING",
            "lcmOperationType": kind,
            "statusEnteredTime": TIME,
            "startTime": TIME,
            "isAutomaticInvocation": False,
            "isCancelPending": False,
            "_links": {"self": {"href": number}},
        }
        fates = self.fates.get(kind, [])
        self._coming[number] = fates.pop(0) if fates else ["PROCESSING", "COMPLETED"]
        return number

    def _occurrence(self, call: Call, below: str) -> Reply:
        operation = self.operations.get(call.path["nsLcmOpOccId"])
        if operation is None:
            return self.problem(404, "no such operation")
        if call.method == "GET":
            self._advance(operation)
            return Reply(200, operation)
        if operation["operationState"] != "FAILED_TEMP":
            return self.problem(409, f"the operation is {operation['operationState']}")
        task = below.rsplit("/", 1)[1].upper()
        fates = self.fates.get(task, [])
        usual = ["ROLLING_BACK", "ROLLED_BACK"] if task == "ROLLBACK" else ["PROCESSING", "COMPLETED"]
        self._coming[operation["id"]] = fates.pop(0) if fates else usual
        operation["operationState"] = "ROLLING_BACK" if task == "ROLLBACK" else "PROCESSING"
        return Reply(202)

    def _advance(self, operation: dict[str, Any]) -> None:
        coming = self._coming[operation["id"]]
        state = coming.pop(0) if len(coming) > 1 else coming[0]
        if state == operation["operationState"] and state != "PROCESSING":
            return
        operation["operationState"] = state
        operation.pop("error", None)
        if state in {"FAILED_TEMP", "FAILED"}:
            operation["error"] = {"status": 500, "detail": "no host has room for it"}
        if state == "COMPLETED":
            self._effects.pop(operation["id"], lambda: None)()

    def _effect(self, ns: dict[str, Any], kind: str, data: Any) -> None:
        if kind == "INSTANTIATE":
            ns |= {"nsState": "INSTANTIATED", "flavourId": data["nsFlavourId"]}
            ns["vnfInstance"] = [_vnf(f"{ns['id']}-vnf-{number}") for number in (1, 2)]
            ns["nsScaleStatus"] = [{"nsScalingAspectId": "workers", "nsScaleLevelId": "one"}]
        elif kind == "TERMINATE":
            ns["nsState"] = "NOT_INSTANTIATED"
            for key in ("flavourId", "vnfInstance", "nsScaleStatus"):
                ns.pop(key, None)
        elif kind == "SCALE":
            ns["nsScaleStatus"] = data["scaleNsData"]["scaleNsToLevelData"]["nsScaleInfo"]
        elif kind == "UPDATE":
            vnfs = {vnf["id"]: vnf for vnf in ns["vnfInstance"]}
            for item in data.get("operateVnfData", []):
                vnfs[item["vnfInstanceId"]]["instantiatedVnfInfo"]["vnfState"] = item["changeStateTo"]
            for item in data.get("modifyVnfInfoData", []):
                vnfs[item["vnfInstanceId"]]["vnfConfigurableProperties"] = item["vnfConfigurableProperties"]


class Osm(Mano):
    """The same, as OSM has it."""

    prefix = "/osm/nslcm/v1"

    def __init__(self) -> None:
        super().__init__("osm")
        self.description = Description(HERE / "osm.yml")

    def _known(self, asked: Asked) -> bool:
        return asked.path == "/osm/admin/v1/tokens" or super()._known(asked)

    def _dispatch(self, call: Call, data: Any, asked: Asked) -> Reply:
        if call.template == "/osm/admin/v1/tokens":
            sound = data == {"username": "so", "password": SECRETS["osm"], "project_id": "admin"}
            return Reply(200, {"id": self.token}) if sound else self.problem(401, json.dumps(data))
        return super()._dispatch(call, data, asked)

    def _create(self, data: Mapping[str, Any]) -> Reply:
        number = f"ns-{len(self.instances) + 1}"
        self.instances[number] = {
            "_id": number,
            "id": number,
            "name": data["nsName"],
            "description": data["nsDescription"],
            "_admin": {"nsState": "NOT_INSTANTIATED"},
            "nsState": "NOT_INSTANTIATED",
        }
        return Reply(201, {"id": number}, {"Location": f"{self.prefix}/ns_instances/{number}"})

    def _list(self, items: Mapping[str, dict[str, Any]], asked: Asked) -> Reply:
        return Reply(200, [i for i in items.values() if all(i[key] == value for key, value in asked.query.items())])

    def _task(self, ns: dict[str, Any], kind: str, data: Any) -> Reply:
        reply = super()._task(ns, kind, data)
        if reply.status != 202:
            return reply
        number = reply.headers["Location"].rsplit("/", 1)[1]
        self.operations[number]["lcmOperationType"] = kind.lower()
        return Reply(202, {"id": number}, reply.headers)

    def _effect(self, ns: dict[str, Any], kind: str, data: Any) -> None:
        if kind == "INSTANTIATE":
            ns["nsState"] = ns["_admin"]["nsState"] = "INSTANTIATED"
            ns["constituent-vnfr-ref"] = [f"{ns['id']}-vnf-1"]
        elif kind == "TERMINATE":
            ns["nsState"] = ns["_admin"]["nsState"] = "NOT_INSTANTIATED"
        elif kind == "SCALE":
            step = data["scaleVnfData"]
            group = step["scaleByStepData"]["scaling-group-descriptor"]
            [found] = ns["_admin"].setdefault("scaling-group", [{"name": group, "nb-scale-op": 0}])
            found["nb-scale-op"] += 1 if step["scaleVnfType"] == "SCALE_OUT" else -1


def _vnf(number: str) -> dict[str, Any]:
    return {
        "id": number,
        "vnfdId": "vnfd",
        "vnfProvider": "a provider",
        "vnfProductName": "a product",
        "vnfSoftwareVersion": "1",
        "vnfdVersion": "1",
        "vnfPkgId": "package",
        "instantiationState": "INSTANTIATED",
        "instantiatedVnfInfo": {"flavourId": "simple", "vnfState": "STARTED"},
    }


__all__ = ["SECRETS", "Mano", "Osm"]
