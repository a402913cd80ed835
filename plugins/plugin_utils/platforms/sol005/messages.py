# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bodies of requests, as NFV-SOL 005 clause 6.5.2 has them and as OSM's NBI does.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from ansible_collections.palantir.trust.plugins.plugin_utils.platforms.deployment import Deployment
from ansible_collections.palantir.trust.plugins.plugin_utils.platforms.site import Service
from ansible_collections.palantir.trust.plugins.plugin_utils.platforms.sol005.resources import (
    CONFIGURATION,
    FILES,
    description,
)

GRACE_S: Final = 30


def create(wanted: Deployment, service: Service, dialect: str) -> dict[str, Any]:
    """Return CreateNsRequest."""
    body = {
        "nsdId": service.nsd,
        "nsName": wanted.instance,
        "nsDescription": description(wanted.sc, wanted.flavour),
    }
    return body | ({"vimAccountId": service.vim_account} if dialect == "osm" else {})


def instantiate(wanted: Deployment, service: Service, dialect: str) -> dict[str, Any]:
    """Return InstantiateNsRequest (6.5.2.11), with the rendered configuration among the NS's parameters."""
    parameters = {"additionalParamsForNs": {**service.parameters, **properties(wanted)}}
    if dialect == "osm":
        named = {"nsName": wanted.instance, "nsdId": service.nsd, "vimAccountId": service.vim_account}
        return named | parameters
    level = {"nsInstantiationLevelId": service.level} if service.level else {}
    return {"nsFlavourId": service.flavour} | level | parameters


def properties(wanted: Deployment) -> dict[str, Any]:
    """Return the configuration as properties of a VNF; a VNFD that takes it declares both."""
    return {
        CONFIGURATION: wanted.configuration,
        FILES: [{"path": file.path, "content": file.content} for file in wanted.files],
    }


def heal(vnfs: Iterable[str], cause: str, dialect: str, *, reset: bool) -> dict[str, Any]:
    """Return HealNsRequest (6.5.2.13): the whole NS (HealNsData, 6.5.3.43), at OSM each of its VNFs."""
    if dialect == "osm":
        return {"healVnfData": [{"vnfInstanceId": vnf, "cause": cause} for vnf in vnfs]}
    return {"healNsData": {"degreeHealing": "HEAL_RESET" if reset else "HEAL_RESTORE"}}


def scale_to_level(aspect: str, level: str) -> dict[str, Any]:
    """Return ScaleNsRequest (6.5.2.14) to a level of an aspect: asked twice, it is done once."""
    wanted = [{"nsScalingAspectId": aspect, "nsScaleLevelId": level}]
    return {"scaleType": "SCALE_NS", "scaleNsData": {"scaleNsToLevelData": {"nsScaleInfo": wanted}}}


def scale_by_step(group: str, member: str, *, more: bool) -> dict[str, Any]:
    """Return OSM's request for one step of a scaling group."""
    step = {"scaling-group-descriptor": group, "member-vnf-index": member}
    kind = "SCALE_OUT" if more else "SCALE_IN"
    return {"scaleType": "SCALE_VNF", "scaleVnfData": {"scaleVnfType": kind, "scaleByStepData": step}}


def operate(vnfs: Iterable[str], *, start: bool) -> dict[str, Any]:
    """Return UpdateNsRequest (6.5.2.12) with OperateVnfData (6.5.3.31) for each VNF."""
    how = {"changeStateTo": "STARTED"} if start else {"changeStateTo": "STOPPED", "stopType": "GRACEFUL"}
    grace = {} if start else {"gracefulStopTimeout": GRACE_S}
    return {"updateType": "OPERATE_VNF", "operateVnfData": [{"vnfInstanceId": vnf, **how, **grace} for vnf in vnfs]}


def modify(vnfs: Iterable[str], wanted: Deployment) -> dict[str, Any]:
    """Return UpdateNsRequest (6.5.2.12) that gives each VNF its configuration anew."""
    data = [{"vnfInstanceId": vnf, "vnfConfigurableProperties": properties(wanted)} for vnf in vnfs]
    return {"updateType": "MODIFY_VNF_INFORMATION", "modifyVnfInfoData": data}


__all__ = ["create", "heal", "instantiate", "modify", "operate", "properties", "scale_by_step", "scale_to_level"]
