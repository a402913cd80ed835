# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An OpenAPI description as a judge: of what a client sends, and of what a server answers."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

METHODS = ("get", "post", "patch", "put", "delete")


class ViolationError(Exception):
    """A request or an answer that the description does not have."""


@dataclass(frozen=True)
class Call:
    """One operation of the description, met by a request; ``path`` has its variables."""

    method: str
    template: str
    path: Mapping[str, str]
    operation: Mapping[str, Any]


class Description:
    """A description of OpenAPI 3.1, whose ``$ref`` are all its own."""

    def __init__(self, file: Path) -> None:
        self.data, self._validators = _read(file)
        self._paths = [
            (re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", template)), template) for template in self.data["paths"]
        ]

    def call(
        self, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes
    ) -> tuple[Call, Any]:
        """Return the operation that a request is, and its data."""
        for pattern, template in self._paths:
            found = pattern.fullmatch(path)
            operation = self.data["paths"][template].get(method.lower()) if found else None
            if found and operation is not None:
                call = Call(method, template, found.groupdict(), operation)
                self._parameters(call, query, headers)
                return call, self._body(call, headers, body)
        raise ViolationError(f"{method} {path} is no operation")

    def answered(self, call: Call, status: int, headers: Mapping[str, str], body: Any) -> None:
        """Hold an answer to the description."""
        where = f"answer {status} to {call.method} {call.template}"
        answers = call.operation["responses"]
        answer = self._resolved(answers.get(str(status), answers.get("default")))
        if answer is None:
            raise ViolationError(f"{where} is none of {', '.join(answers)}")
        for name in answer.get("headers", {}):
            if name.lower() not in {header.lower() for header in headers}:
                raise ViolationError(f"{where} lacks {name}")
        content = answer.get("content")
        if not content and body is not None:
            raise ViolationError(f"{where} has a body")
        if content:
            self._check(next(iter(content.values()))["schema"], body, where)

    def _parameters(self, call: Call, query: Mapping[str, str], headers: Mapping[str, str]) -> None:
        described = [self._resolved(item) for item in call.operation.get("parameters", [])]
        described += [self._resolved(item) for item in self.data["paths"][call.template].get("parameters", [])]
        known = {(item["in"], item["name"].lower()): item for item in described}
        for name in query:
            if ("query", name.lower()) not in known:
                raise ViolationError(f"{call.method} {call.template} has the query parameter {name}")
        given = {"query": query, "header": {name.lower(): value for name, value in headers.items()}}
        for (place, name), item in known.items():
            if place not in given:
                continue
            value = given[place].get(item["name"] if place == "query" else name)
            if value is None and item.get("required"):
                raise ViolationError(f"{call.method} {call.template} lacks the {place} {item['name']}")
            if value is not None:
                self._check(item["schema"], value, f"{call.method} {call.template}, {item['name']}")

    def _body(self, call: Call, headers: Mapping[str, str], body: bytes) -> Any:
        where = f"{call.method} {call.template}"
        described = self._resolved(call.operation.get("requestBody"))
        if described is None:
            if body:
                raise ViolationError(f"{where} has a body")
            return None
        kind = {name.lower(): value for name, value in headers.items()}.get("content-type", "")
        if kind not in described["content"]:
            raise ViolationError(f"{where} is of type {kind!r}")
        data = json.loads(body or b"null")
        self._check(described["content"][kind]["schema"], data, where)
        return data

    def _resolved(self, item: Any) -> Any:
        while isinstance(item, dict) and "$ref" in item:
            found = self.data
            for part in item["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            item = found
        return item

    def _check(self, schema: Any, data: Any, where: str) -> None:
        validator = self._validators.get(id(schema))
        if validator is None:
            whole = {**schema, "components": self.data["components"]}
            validator = self._validators[id(schema)] = Draft202012Validator(whole)
        errors = [
            f"{'/'.join(map(str, error.absolute_path)) or 'it'}: {error.message}"
            for error in validator.iter_errors(data)
        ]
        if errors:
            raise ViolationError(f"{where}: {'; '.join(errors[:3])}")


@functools.cache
def _read(file: Path) -> tuple[Any, dict[int, Any]]:
    """Return a description, and a place for the validators of its schemas, which live as long as it does."""
    return yaml.safe_load(file.read_text(encoding="utf-8")), {}


__all__ = ["Call", "Description", "ViolationError"]
