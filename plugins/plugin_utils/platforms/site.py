# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a site says of its platforms: the variable ``palantir_trust_platform`` of a host of the inventory.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from ansible_collections.palantir.trust.plugins.plugin_utils.catalogue.entry import (
    Entry,
    Place,
    a_name,
    chosen,
    read,
    shown,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.catalogue.words import PLATFORMS
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import CatalogueError

PULLS: Final = {"never": "Never", "if_not_present": "IfNotPresent"}
SERVICES: Final = ("ClusterIP", "NodePort", "LoadBalancer")
DIALECTS: Final = ("etsi", "osm")
FAILURES: Final = ("rollback", "retry", "leave")
AUTHENTICATIONS: Final = ("basic", "token", "oauth2", "osm")

_PINNED: Final = re.compile(r"[a-z0-9][a-z0-9._/:-]{0,254}@sha256:[0-9a-f]{64}")
_TEXTS: Final = 64
_TIMEOUT_S: Final = 300
_POLL_S: Final = 2


@dataclass(frozen=True, slots=True)
class KubernetesPlatform:
    """A namespace of a cluster; ``images`` maps an SC, or ``SC/flavour``, to an image reference pinned by digest.

    ``kubeconfig`` is a path on the controller; where it is empty the Kubernetes client's own defaults apply.
    Credentials are in it and nowhere else.
    """

    kubeconfig: str
    context: str
    namespace: str
    images: Mapping[str, str]
    pull: str
    pull_secret: str
    service: str
    writable: tuple[str, ...]
    node_selector: Mapping[str, str]
    timeout: int


@dataclass(frozen=True, slots=True)
class Authentication:
    """How a MANO is told who we are. Secrets are not here: only the file or the environment variable that has each."""

    type: str
    username: str
    password: str
    token: str
    token_url: str
    client_id: str
    client_secret: str
    scope: str
    project: str


@dataclass(frozen=True, slots=True)
class Scaling:
    """How the number of an SC's parts is told to a MANO.

    ETSI: ``aspect`` of the NSD and the scale level of each number; OSM: ``aspect`` is the scaling group, ``member`` the
    member of the NS, and each step adds one part to the first.
    """

    aspect: str
    member: str
    levels: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class Service:
    """The Network Service Descriptor that is an SC at this MANO; ``parameters`` go with its instantiation."""

    nsd: str
    flavour: str
    level: str
    vim_account: str
    scaling: Scaling | None
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Sol005Platform:
    """A MANO with an NFV-SOL 005 interface; ``url`` is its API root, to which ``/nslcm/vN`` is added."""

    url: str
    dialect: str
    version: str
    ca_file: str
    authentication: Authentication
    services: Mapping[str, Service]
    on_failure: str
    timeout: int
    poll: int


def read_platform(data: Any, name: str) -> KubernetesPlatform | Sol005Platform:
    """Return what a site says of a platform.

    Args:
        data: the value of ``palantir_trust_platform``.
        name: the inventory's name of the platform, for errors.

    Raises:
        CatalogueError: a key is unknown or missing, or a value is not of its kind.
    """
    where = Place(name, ("palantir_trust_platform",))
    if not isinstance(data, Mapping):
        raise where.error(f"must be a mapping, not {shown(data)}.", "see docs/mano.md.")
    driver = chosen(str(data.get("driver", "")), PLATFORMS, where.inside("driver"))
    return _kubernetes(data, where) if driver == "kubernetes" else _sol005(data, where)


def image_of(platform: KubernetesPlatform, sc: str, flavour: str) -> str:
    """Return the pinned reference of the image that is an SC's flavour on this platform.

    Raises:
        CatalogueError: the site names none.
    """
    for key in (f"{sc}/{flavour}", sc):
        if key in platform.images:
            return platform.images[key]
    raise CatalogueError(
        f"palantir_trust_platform, images of {platform.namespace}",
        f"names no image for {sc}, flavour {flavour}.",
        "push the flavour's archive and name it with its digest, REPOSITORY@sha256:DIGEST.",
    )


def _kubernetes(data: Mapping[str, Any], where: Place) -> KubernetesPlatform:
    optional = ("kubeconfig", "context", "pull", "pull_secret", "service", "writable", "node_selector", "timeout")
    entry = read(data, where, ("driver", "namespace", "images"), optional)
    return KubernetesPlatform(
        kubeconfig=_optional(entry, "kubeconfig"),
        context=_optional(entry, "context"),
        namespace=entry.name("namespace"),
        images=_images(entry),
        pull=PULLS[entry.choice("pull", tuple(PULLS), "never")],
        pull_secret=entry.name("pull_secret") if entry.has("pull_secret") else "",
        service=entry.choice("service", SERVICES, SERVICES[0]),
        writable=entry.texts("writable", _directory) if entry.has("writable") else ("/run", "/tmp"),  # noqa: S108
        node_selector=entry.pairs("node_selector", _any),
        timeout=_seconds(entry, "timeout", _TIMEOUT_S),
    )


def _sol005(data: Mapping[str, Any], where: Place) -> Sol005Platform:
    optional = ("dialect", "version", "ca_file", "on_failure", "timeout", "poll")
    entry = read(data, where, ("driver", "url", "authentication", "services"), optional)
    dialect = entry.choice("dialect", DIALECTS, DIALECTS[0])
    services = entry.data["services"]
    if not isinstance(services, Mapping) or len(services) > _TEXTS:
        raise entry.at("services").error(f"must map at most {_TEXTS} SCs to what they are at the MANO.")
    return Sol005Platform(
        url=_https(entry.text("url"), entry.at("url")),
        dialect=dialect,
        version=_version(entry, "2.0.0" if dialect == "etsi" else "1.0.0"),
        ca_file=_optional(entry, "ca_file"),
        authentication=_authentication(entry, dialect),
        services={
            str(sc): _service(item, entry.at("services").inside(str(sc)), dialect) for sc, item in services.items()
        },
        on_failure=entry.choice("on_failure", FAILURES, FAILURES[0]),
        timeout=_seconds(entry, "timeout", 2 * _TIMEOUT_S),
        poll=_seconds(entry, "poll", _POLL_S),
    )


def _authentication(entry: Entry, dialect: str) -> Authentication:
    keys = ("username", "token_url", "client_id", "scope", "project")
    sources = [f"{secret}_{kind}" for secret in ("password", "token", "client_secret") for kind in ("file", "env")]
    found = entry.entry("authentication", ("type",), (*keys, *sources))
    kind = found.choice("type", AUTHENTICATIONS)
    needed = {
        "basic": ("username", "password"),
        "token": ("token",),
        "oauth2": ("client_id", "client_secret", "token_url"),
        "osm": ("username", "password"),
    }[kind]
    values = {key: _optional(found, key) for key in keys}
    values |= {secret: _source(found, secret) for secret in ("password", "token", "client_secret")}
    for key in needed:
        if not values[key]:
            raise found.where.error(f"of type {kind} lacks {key}.", "secrets: name KEY_file or KEY_env.")
    if kind == "osm" and dialect != "osm":
        raise found.where.error("type osm needs dialect osm.")
    if values["token_url"]:
        _https(values["token_url"], found.at("token_url"))
    return Authentication(type=kind, **values)


def _source(entry: Entry, secret: str) -> str:
    """Return where a secret is: ``file:PATH``, ``env:NAME``, or nothing."""
    kinds = [kind for kind in ("file", "env") if entry.has(f"{secret}_{kind}")]
    if len(kinds) > 1:
        raise entry.where.error(f"names both {secret}_file and {secret}_env.", "keep one of them.")
    return f"{kinds[0]}:{entry.text(f'{secret}_{kinds[0]}')}" if kinds else ""


def _service(data: Any, where: Place, dialect: str) -> Service:
    entry = read(data, where, ("nsd",), ("flavour", "level", "vim_account", "scaling", "parameters"))
    needed = "vim_account" if dialect == "osm" else "flavour"
    if not entry.has(needed):
        raise where.error(f"lacks {needed}, which dialect {dialect} needs.")
    parameters = entry.data.get("parameters") or {}
    if not isinstance(parameters, Mapping):
        raise entry.at("parameters").error(f"must be a mapping, not {shown(parameters)}.")
    return Service(
        nsd=entry.text("nsd"),
        flavour=_optional(entry, "flavour"),
        level=_optional(entry, "level"),
        vim_account=_optional(entry, "vim_account"),
        scaling=_scaling(entry, dialect) if entry.has("scaling") else None,
        parameters=dict(parameters),
    )


def _scaling(entry: Entry, dialect: str) -> Scaling:
    found = entry.entry("scaling", ("aspect", "member") if dialect == "osm" else ("aspect", "levels"))
    levels = found.data.get("levels") or {}
    if not isinstance(levels, Mapping) or not all(str(n).isdecimal() and str(level) for n, level in levels.items()):
        raise found.at("levels").error("must map numbers of parts to scale levels of the NSD.")
    return Scaling(found.text("aspect"), _optional(found, "member"), {int(n): str(v) for n, v in levels.items()})


def _optional(entry: Entry, key: str) -> str:
    return entry.text(key) if entry.has(key) else ""


def _seconds(entry: Entry, key: str, default: int) -> int:
    return entry.number(key, 1, 86400) if entry.has(key) else default


def _images(entry: Entry) -> dict[str, str]:
    images = entry.pairs("images", _any)
    for key, reference in images.items():
        where = entry.at("images").inside(key)
        for part in key.split("/", 1):
            a_name(part, where)
        if not _PINNED.fullmatch(reference):
            raise where.error(f"{shown(reference)} is not pinned.", "name the image as REPOSITORY@sha256:DIGEST.")
    return images


def _any(value: str, _where: Place) -> str:
    return value


def _directory(value: str, where: Place) -> str:
    if not value.startswith("/") or value == "/" or "//" in value or ".." in value.split("/"):
        raise where.error(f"{shown(value)} is not the absolute path of a directory.")
    return value.rstrip("/")


def _https(url: str, where: Place) -> str:
    try:
        parts = urlsplit(url)
        sound = parts.scheme == "https" and bool(parts.hostname) and parts.port != 0
    except ValueError:
        sound = False
    if not sound or parts.username is not None or parts.query or parts.fragment:
        raise where.error(f"{shown(url)} is not an https URL of host and path alone.")
    return url.rstrip("/")


def _version(entry: Entry, default: str) -> str:
    version = _optional(entry, "version") or default
    if not re.fullmatch(r"[12]\.\d{1,3}\.\d{1,3}", version):
        raise entry.at("version").error(f"{shown(version)} is no version of NS lifecycle management.")
    return version


__all__ = [
    "AUTHENTICATIONS",
    "DIALECTS",
    "FAILURES",
    "Authentication",
    "KubernetesPlatform",
    "Scaling",
    "Service",
    "Sol005Platform",
    "image_of",
    "read_platform",
]
