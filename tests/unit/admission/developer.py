# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A developer with a key who makes packages, and a site that has a policy for them."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from ansible_collections.palantir.trust.plugins.plugin_utils.admission import archive
from ansible_collections.palantir.trust.plugins.plugin_utils.admission.admit import Outcome, Place, admit, examine
from ansible_collections.palantir.trust.plugins.plugin_utils.admission.manifest import MANIFEST, SIGNATURE
from ansible_collections.palantir.trust.plugins.plugin_utils.admission.package import make_package
from ansible_collections.palantir.trust.plugins.plugin_utils.admission.signature import PrivateKey, sign
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.document import write
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.make import make
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store
from tests.unit.reference.test_image import image, tar

NOW = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)
PROGRAM = b"resolver"
TEMPLATE = "{% for name in dns_filter_names %}\naddress=/{{ name }}/0.0.0.0\n{% endfor %}\n"
DESCRIPTOR: dict[str, Any] = {
    "sc": "dns-filter",
    "description": "DNS resolver",
    "function": "dns-filter",
    "version": "1.4",
    "criticality": "high",
    "signer": "acme",
    "flavours": [
        {
            "name": "podman",
            "driver": "podman",
            "archive": "images/dns-filter.tar",
            "reference_values": "sc-dns-filter",
            "capabilities": ["SETUID"],
        }
    ],
    "configuration": [{"path": "/etc/dnsmasq.conf", "template": "templates/dnsmasq.conf.j2"}],
    "probe": {
        "type": "dns",
        "address": "127.0.0.1",
        "port": 5353,
        "queries": [{"name": "health.example", "addresses": ["192.0.2.53"]}],
    },
}
POLICY: dict[str, Any] = {
    "signers": [{"name": "acme", "keys": ["keys/acme.pem"], "functions": ["dns-filter"], "scs": ["dns-filter"]}],
    "grants": [
        {"sc": "dns-filter", "capabilities": ["SETUID"], "network": "host", "reason": "It drops to its own user."}
    ],
}


def key(kind: str = "p256", number: int = 0) -> PrivateKey:
    """Return a private key, the same one for the same arguments in one run."""
    return _key(kind, number)


@cache
def _key(kind: str, _number: int) -> PrivateKey:
    return ed25519.Ed25519PrivateKey.generate() if kind == "ed25519" else ec.generate_private_key(ec.SECP256R1())


def public_pem(private: PrivateKey) -> bytes:
    return private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def private_pem(private: PrivateKey) -> bytes:
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def source(directory: Path, descriptor: Mapping[str, Any] = DESCRIPTOR, program: bytes = PROGRAM) -> Path:
    """Return a directory with all that makes the package of a descriptor, whose images have one program."""
    sc = str(descriptor["sc"])
    directory.mkdir(parents=True)
    (directory / f"{sc}.yml").write_text(yaml.safe_dump(dict(descriptor), sort_keys=False))
    for flavour in descriptor["flavours"]:
        at = directory / flavour["archive"]
        at.parent.mkdir(parents=True, exist_ok=True)
        image(at, tar(("usr/sbin/dnsmasq", program)))
        write(make("sc", sc, at, NOW), directory / "reference_values" / f"{flavour['reference_values']}.json")
    for item in descriptor["configuration"]:
        at = directory / item["template"]
        at.parent.mkdir(parents=True, exist_ok=True)
        at.write_text(TEMPLATE)
    return directory


def package(target: Path, directory: Path, sc: str = "dns-filter", signer: str = "acme", kind: str = "p256") -> Path:
    """Return the package of a source, as its developer makes it."""
    return make_package(directory, sc, target, key(kind), signer, now=NOW).file


def members(file: Path) -> dict[str, bytes]:
    """Return the files of a package."""
    with file.open("rb") as stream:
        return {m.path: b"".join(archive.content(stream, m)) for m in archive.read_members(stream, file.name)}


def packed(files: Mapping[str, bytes]) -> bytes:
    """Return an archive of files, whether they make a package or not."""
    buffer = io.BytesIO()
    for path, content in files.items():
        archive.write(buffer, path, len(content), iter((content,)))
    archive.write_end(buffer)
    return buffer.getvalue()


def signed(manifest: bytes, files: Mapping[str, bytes], signer: str = "acme", kind: str = "p256") -> bytes:
    """Return what a developer could sign who does not use our tool."""
    signature = sign(manifest, key(kind), signer)
    return packed({MANIFEST: manifest, SIGNATURE: signature, **files})


@dataclass
class Market:
    """A site that admits packages: its catalogue, its Reference Values, its policy and its store."""

    root: Path
    policy: Mapping[str, Any] = field(default_factory=lambda: POLICY)
    private: PrivateKey = field(default_factory=key)

    def __post_init__(self) -> None:
        (self.place.catalogue / "packages/keys").mkdir(parents=True)
        self.place.reference_values.mkdir()
        (self.place.catalogue / "packages/keys/acme.pem").write_bytes(public_pem(self.private))
        self.rule(**self.policy)

    @property
    def place(self) -> Place:
        return Place(self.root / "catalogue", self.root / "reference_values")

    def store(self) -> Store:
        return Store(f"sqlite:///{self.root}/store.sqlite3")

    def rule(self, **changes: Any) -> None:
        """Write the policy, with changes."""
        file = self.place.catalogue / "packages/policy.yml"
        file.write_text(yaml.safe_dump({**self.policy, **changes}, sort_keys=False))

    def examine(self, file: Path, **options: Any) -> Outcome:
        return examine(file, self.place, options.pop("now", NOW), **options)

    def admit(self, file: Path, **options: Any) -> Outcome:
        return admit(file, self.place, self.store(), options.pop("now", NOW), **options)

    def files(self) -> dict[str, bytes | str]:
        """Return all that is there, but for the store and the lock."""
        return dict(_files(self.root))


def _files(root: Path) -> Iterator[tuple[str, bytes | str]]:
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        if path.is_symlink():
            yield name, str(path.readlink())
        elif path.is_file() and "store.sqlite3" not in name and path.name != ".lock":
            yield name, path.read_bytes()
        elif path.is_dir():
            yield name, ""


__all__ = [
    "DESCRIPTOR",
    "NOW",
    "POLICY",
    "TEMPLATE",
    "Market",
    "key",
    "members",
    "package",
    "packed",
    "private_pem",
    "public_pem",
    "signed",
    "source",
]
