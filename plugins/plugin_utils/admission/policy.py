# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A site's policy for packages: who may sign what, what is granted to it, and what is denied.

It is ``packages/policy.yml`` in the catalogue's directory, where everything that reads the catalogue finds it: nobody
can forget to pass it on.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ansible_collections.palantir.trust.plugins.plugin_utils.admission.signature import PublicKey, read_public_key
from ansible_collections.palantir.trust.plugins.plugin_utils.admission.version import VERSION_RULE, is_version
from ansible_collections.palantir.trust.plugins.plugin_utils.catalogue import values
from ansible_collections.palantir.trust.plugins.plugin_utils.catalogue.entry import (
    Entry,
    Place,
    a_name,
    chosen,
    read,
    shown,
    unique,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.catalogue.model import Descriptor, Flavour
from ansible_collections.palantir.trust.plugins.plugin_utils.catalogue.words import DRIVERS, FUNCTIONS, NETWORKS
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import (
    AdmissionError,
    CatalogueError,
    ReferenceValueError,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.update import overlap_of
from ansible_collections.palantir.trust.plugins.plugin_utils.strict_yaml import StrictYamlError, read_located

DEFAULT_OVERLAP: Final = dt.timedelta(days=7)
FREE_DRIVERS: Final = ("podman",)
"""Drivers that need no grant: those with a user namespace and a root file system of the instance's own."""

_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
_KEY_LIMIT: Final = 16 * 1024
_GRANT: Final = ("signer", "drivers", "capabilities", "network", "reason")
_DENY: Final = ("digests", "versions", "signers")


@dataclass(frozen=True, slots=True)
class Signer:
    """A developer whose packages the site takes.

    Attributes:
        name: as the signature names it.
        keys: public keys; any of them may have signed, so that keys can be changed.
        functions: function classes of the SCs that it may sign.
        scs: names of the SCs that it may sign, or their begin and ``*``.
        expires: the first day on which nothing of it is admitted any more; None for no end.
    """

    name: str
    keys: tuple[PublicKey, ...]
    functions: tuple[str, ...]
    scs: tuple[str, ...]
    expires: dt.date | None = None

    def may_sign(self, sc: str) -> bool:
        """Tell whether it may sign an SC of this name."""
        return any(_matches(sc, pattern) for pattern in self.scs)


@dataclass(frozen=True, slots=True)
class Grant:
    """What flavours of some SCs may have beyond what every package may; ``signer`` empty for any."""

    sc: str
    signer: str = ""
    drivers: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()
    network: str = "private"


@dataclass(frozen=True, slots=True)
class Granted:
    """All that is granted to one SC of one signer."""

    drivers: frozenset[str]
    capabilities: frozenset[str]
    host_network: bool


@dataclass(frozen=True, slots=True)
class Denied:
    """What is denied, each with the reason that people read: digests, (SC, version) pairs and signers."""

    digests: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[tuple[str, str], str] = field(default_factory=dict)
    signers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AdmissionPolicy:
    """What a site takes.

    Attributes:
        signers: by name.
        grants: what is granted.
        denied: what is not taken, or not any more.
        overlap: for how long the Reference Values of a replaced version still count.
    """

    signers: Mapping[str, Signer]
    grants: tuple[Grant, ...] = ()
    denied: Denied = field(default_factory=Denied)
    overlap: dt.timedelta = DEFAULT_OVERLAP

    def granted(self, sc: str, signer: str) -> Granted:
        """Return what is granted to an SC of a signer."""
        grants = [g for g in self.grants if _matches(sc, g.sc) and g.signer in ("", signer)]
        return Granted(
            frozenset(FREE_DRIVERS).union(*(grant.drivers for grant in grants)),
            frozenset[str]().union(*(grant.capabilities for grant in grants)),
            any(grant.network == "host" for grant in grants),
        )

    def denial(self, sc: str, version: str, signer: str, digests: Iterable[str]) -> str:
        """Return why a package is denied; empty where it is not."""
        if signer in self.denied.signers:
            return f"signer {signer} is denied: {self.denied.signers[signer]}"
        if (sc, version) in self.denied.versions:
            return f"version {version} of {sc} is denied: {self.denied.versions[sc, version]}"
        found = next((digest for digest in digests if digest in self.denied.digests), None)
        return f"digest {found} is denied: {self.denied.digests[found]}" if found else ""


def needs(flavour: Flavour) -> tuple[str, ...]:
    """Return, for people, all that a flavour needs to be granted or may have."""
    return (
        f"driver {flavour.driver}",
        f"{flavour.network} network",
        *(f"capability {name}" for name in flavour.capabilities),
    )


def missing_grants(policy: AdmissionPolicy, descriptor: Descriptor, signer: str) -> list[str]:
    """Return, for people, what the flavours of an SC ask for and the site does not grant, sorted."""
    granted = policy.granted(descriptor.sc, signer)
    allowed = {f"driver {name}" for name in granted.drivers} | {f"capability {name}" for name in granted.capabilities}
    allowed |= {"private network", "host network"} if granted.host_network else {"private network"}
    return sorted({need for flavour in descriptor.flavours for need in needs(flavour)} - allowed)


def load_policy(file: Path) -> AdmissionPolicy:
    """Read a policy and the keys that it names, which lie beside it.

    Raises:
        AdmissionError: it cannot be read, or a key or value is not accepted; the message names it.
    """
    try:
        located = read_located(file)
        entry = read(located.data, Place(str(file), lines=located.lines), ("signers",), ("grants", "deny", "overlap"))
        signers = entry.entries("signers", ("name", "keys", "functions", "scs"), ("expires",))
        unique((item.name("name") for item in signers), entry.at("signers"))
        return AdmissionPolicy(
            signers={item.name("name"): _signer(item, file.parent) for item in signers},
            grants=tuple(_grant(item) for item in entry.entries("grants", ("sc",), _GRANT)),
            denied=_denied(entry.entry("deny", (), _DENY)) if entry.has("deny") else Denied(),
            overlap=overlap_of(entry.text("overlap")) if entry.has("overlap") else DEFAULT_OVERLAP,
        )
    except StrictYamlError as error:
        raise AdmissionError(str(file), str(error), "docs/packages.md shows its form.") from error
    except (CatalogueError, ReferenceValueError) as error:
        raise AdmissionError(error.subject, error.cause, error.next_step) from error


def _signer(entry: Entry, directory: Path) -> Signer:
    keys = entry.texts("keys", _beside)
    if not keys:
        raise entry.at("keys").error("must name at least one.")
    return Signer(
        name=entry.name("name"),
        keys=tuple(_key(directory / path) for path in keys),
        functions=entry.texts("functions", lambda text, where: chosen(text, FUNCTIONS, where)),
        scs=entry.texts("scs", _pattern),
        expires=_day(entry) if entry.has("expires") else None,
    )


def _beside(text: str, where: Place) -> str:
    if text.startswith("/") or ".." in text.split("/"):
        raise where.error(f"{shown(text)} does not lie beside the policy.", "put the key there.")
    return text


def _key(path: Path) -> PublicKey:
    try:
        with path.open("rb") as stream:
            pem = stream.read(_KEY_LIMIT + 1)
    except OSError as error:
        raise AdmissionError(
            f"key {path}", f"cannot be read: {error.strerror}.", "put the public key there."
        ) from error
    if len(pem) > _KEY_LIMIT:
        raise AdmissionError(f"key {path}", f"is larger than {_KEY_LIMIT} bytes.", "give one public key in PEM.")
    return read_public_key(pem, f"key {path}")


def _grant(entry: Entry) -> Grant:
    if entry.has("reason"):
        entry.prose("reason")
    return Grant(
        sc=_pattern(entry.text("sc"), entry.at("sc")),
        signer=entry.name("signer") if entry.has("signer") else "",
        drivers=entry.texts("drivers", lambda text, where: chosen(text, DRIVERS, where)),
        capabilities=entry.texts("capabilities", values.capability),
        network=entry.choice("network", NETWORKS, "private"),
    )


def _denied(entry: Entry) -> Denied:
    return Denied(
        digests={
            _checked(item, "digest", _is_digest, "give it as sha256:hex."): _reason(item)
            for item in entry.entries("digests", ("digest", "reason"))
        },
        versions={
            (item.name("sc"), _checked(item, "version", is_version, VERSION_RULE)): _reason(item)
            for item in entry.entries("versions", ("sc", "version", "reason"))
        },
        signers={item.name("name"): _reason(item) for item in entry.entries("signers", ("name", "reason"))},
    )


def _reason(entry: Entry) -> str:
    """Return a reason as it stands inside of a sentence."""
    return entry.prose("reason").rstrip(".")


def _checked(entry: Entry, key: str, accepts: Callable[[object], bool], hint: str) -> str:
    value = entry.text(key)
    if not accepts(value):
        raise entry.at(key).error(f"{shown(value)} is no {key}.", hint)
    return value


def _is_digest(value: object) -> bool:
    return isinstance(value, str) and _DIGEST.fullmatch(value) is not None


def _day(entry: Entry) -> dt.date:
    value = entry.data["expires"]
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return value
    try:
        return dt.date.fromisoformat(entry.text("expires"))
    except ValueError:
        raise entry.at("expires").error(f"{shown(value)} is no day.", "give it as 2027-06-30.") from None


def _pattern(text: str, where: Place) -> str:
    if text != "*":
        a_name(text.removesuffix("*"), where)
    return text


def _matches(name: str, pattern: str) -> bool:
    return name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern


__all__ = [
    "DEFAULT_OVERLAP",
    "FREE_DRIVERS",
    "AdmissionPolicy",
    "Denied",
    "Grant",
    "Granted",
    "Signer",
    "load_policy",
    "missing_grants",
    "needs",
]
