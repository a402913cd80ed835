# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The JSON Schema (draft 2020-12) of a descriptor, for editors and for those who make descriptors by programs.

It is made from the same lists and patterns that the loader reads by. ``schema.json`` beside it is its text, made by
``python -m tests.docs.schema``. What a schema cannot say is in :data:`LOADER_ONLY`.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ansible_collections.palantir.trust.plugins.plugin_utils.catalogue import words
from ansible_collections.palantir.trust.plugins.plugin_utils.catalogue.capabilities import CAPABILITIES
from ansible_collections.palantir.trust.plugins.plugin_utils.catalogue.entry import ITEMS_LIMIT, TEXT_LIMIT

LOADER_ONLY: Final = (
    "a text has printable characters alone",
    "a whole number is written without a point",
    "names of flavours, names of ports, ports of a protocol, and paths of configuration files come once",
    "a capability comes once, with or without CAP_",
    "instances.max is not less than instances.min",
    "an SC is not equivalent to itself",
    "the probe's port is among the ports of an SC that has a flavour with a private network",
    "the port of management is not among the TCP ports of the SC",
    "the file is named after its SC",
    "an SC that is named is in the catalogue, and a stand-in has the same function",
)
"""Rules that the loader alone knows."""

_Schema = dict[str, Any]


def _whole(pattern: str, most: int = TEXT_LIMIT) -> _Schema:
    # Unlike $, this does not match before a line end at the end, in any dialect.
    return {"type": "string", "maxLength": most, "pattern": rf"^(?:{pattern})(?![\s\S])"}


def _word(choices: tuple[str, ...], default: str | None = None) -> _Schema:
    return {"type": "string", "enum": list(choices), **({} if default is None else {"default": default})}


def _integer(low: int, high: int, default: int | None = None) -> _Schema:
    bounds: _Schema = {"type": "integer", "minimum": low, "maximum": high}
    return bounds if default is None else {**bounds, "default": default}


def _list(items: _Schema, *, least: int = 0, unique: bool = False) -> _Schema:
    return {
        "type": "array",
        "items": items,
        "maxItems": ITEMS_LIMIT,
        **({"minItems": least} if least else {}),
        **({"uniqueItems": True} if unique else {}),
    }


def _checks(items: _Schema) -> _Schema:
    return {**_list(items, least=1), "maxItems": words.CHECKS_LIMIT}


def _object(required: Mapping[str, _Schema], optional: Mapping[str, _Schema] | None = None) -> _Schema:
    return {
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": list(required),
        "additionalProperties": False,
    }


def _told(schema: _Schema, description: str) -> _Schema:
    return {"description": description, **schema}


_TEXT: Final[_Schema] = {"type": "string", "maxLength": TEXT_LIMIT, "pattern": r"\S"}
_NAME: Final = _whole(words.NAME)
_PORT: Final = _integer(1, 65535)
_ADDRESS: Final[_Schema] = {"type": "string", "anyOf": [{"format": "ipv4"}, {"format": "ipv6"}], "pattern": "^[^%]*$"}
_ENDPOINT: Final[Mapping[str, _Schema]] = {"address": _ADDRESS, "port": _PORT}
_LABEL: Final = _whole(words.LABEL)
_CONFIGURATION: Final = _list(
    _object(
        {
            "path": _told(_whole(words.INNER_PATH), "absolute path inside the instance"),
            "template": _told(_whole(words.TEMPLATE), "Jinja template, below the catalogue's directory"),
        },
        {"reload": _told(_word(words.RELOADS, "replace"), "what a running instance needs to read it anew")},
    )
)
_QUERY: Final = _object(
    {
        "name": _whole(words.DOMAIN, words.DOMAIN_LIMIT),
        "addresses": _list({"type": "string", "format": "ipv4"}, unique=True),
    }
)
_REQUEST: Final = _object(
    {"path": _told(_whole(words.URL_PATH), "request target, sent as it is")},
    {
        "status": _integer(100, 599, 200),
        "method": _word(words.METHODS, "GET"),
        "host": _whole(words.DOMAIN, words.DOMAIN_LIMIT),
        "contains": _told(_TEXT, "a text within the first 64 KiB of the body"),
    },
)
_CONNECTION: Final = _object(
    {},
    {
        "state": _word(words.STATES, "open"),
        "port": _told(_PORT, "port of the instance; the probe's"),
        "banner": _told(_TEXT, "what the instance says first"),
    },
)
_HEARD: Final[_Schema] = {"properties": {"state": {"enum": [word for word in words.STATES if word != "filtered"]}}}
_PROBE: Final[_Schema] = {
    "oneOf": [
        _object({**_ENDPOINT, "queries": _checks(_QUERY)}, {"type": {"const": "dns"}}),
        _object(
            {"type": {"const": "http"}, **_ENDPOINT, "requests": _checks(_REQUEST)},
        ),
        _object({"type": {"const": "tcp"}, **_ENDPOINT, "connections": {**_checks(_CONNECTION), "contains": _HEARD}}),
    ]
}
_PLACEMENT: Final[_Schema] = {
    "oneOf": [
        _list(_TEXT, unique=True),
        _object(
            {},
            {
                "nodes": _told(_list(_TEXT, unique=True), "nodes; any where there is none"),
                "labels": _told(
                    {
                        "type": "object",
                        "propertyNames": _LABEL,
                        "additionalProperties": _LABEL,
                        "maxProperties": ITEMS_LIMIT,
                    },
                    "labels that a node must have",
                ),
                "affinity": _told(_list(_NAME, unique=True), "SCs that must have an instance on the node"),
                "anti_affinity": _told(_list(_NAME, unique=True), "SCs that must have none there"),
            },
        ),
    ]
}
_FLAVOUR: Final = _object(
    {
        "name": _NAME,
        "driver": _word(words.DRIVERS),
        "archive": _told(_TEXT, "the image: a path, relative to the catalogue's directory or absolute"),
        "reference_values": _told(_NAME, "name of the Reference Values of the image"),
    },
    {
        "capabilities": _list(
            _word(tuple(prefix + name for prefix in ("", "CAP_") for name in CAPABILITIES)), unique=True
        ),
        "implementation": _told(_whole(words.COMPONENT), "the program that does the work, with its version"),
        "command": _list(_TEXT),
        "network": _word(words.NETWORKS, "host"),
        "components": _list(_whole(words.COMPONENT), unique=True),
        "configuration": _told(_CONFIGURATION, "files in place of those of the SC"),
    },
)
_RESOURCES: Final = _object(
    {},
    {
        "cpu": _told({"type": "number", "exclusiveMinimum": 0, "maximum": words.CPU_LIMIT}, "cores"),
        "memory": _whole(words.SIZE),
        "pids": _integer(1, words.PIDS_LIMIT),
        "storage": _whole(words.SIZE),
    },
)
_PORTS: Final = _list(
    _object(
        {"name": _NAME, "port": _told(_PORT, "port of the node")},
        {"protocol": _word(words.PROTOCOLS, "tcp"), "internal": _told(_PORT, "port of the instance; the same one")},
    )
)
_MANAGEMENT: Final = _object(
    {"port": _told(_PORT, "TCP port of the node at which the agent beside an instance serves")},
    {"address": _told({**_ADDRESS, "default": words.EVERYWHERE}, "address of the node at which it serves")},
)

SCHEMA: Final[_Schema] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Descriptor of a Security Capability",
    **_object(
        {
            "sc": _told(_NAME, "name of the SC, as the file's"),
            "description": _TEXT,
            "function": _word(words.FUNCTIONS),
            "version": _TEXT,
            "criticality": _word(words.CRITICALITIES),
            "flavours": _list(_FLAVOUR, least=1),
            "configuration": _CONFIGURATION,
            "probe": _PROBE,
        },
        {
            "placement": _PLACEMENT,
            "provider": _TEXT,
            "signer": _told(_NAME, "name of the developer's key"),
            "instances": _object(
                {}, {"min": _integer(0, words.INSTANCES_LIMIT, 0), "max": _integer(1, words.INSTANCES_LIMIT)}
            ),
            "equivalent": _told(_list(_NAME, unique=True), "SCs that can stand in for this one"),
            "resources": _RESOURCES,
            "ports": _PORTS,
            "management": _MANAGEMENT,
        },
    ),
}

__all__ = ["LOADER_ONLY", "SCHEMA"]
