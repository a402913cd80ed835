# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A developer's side: the same content is the same bytes, and what no site would take is not packed."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from ansible_collections.palantir.trust.plugins.plugin_utils.admission.package import (
    KEY,
    KEY_FILE,
    KEY_PASSWORD,
    find_key,
    make_package,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import AdmissionError, TrustError
from tests.unit.admission.developer import DESCRIPTOR, NOW, key, members, package, private_pem, public_pem, source

PLAIN = DESCRIPTOR | {"configuration": []}


@pytest.mark.parametrize("kind", ["p256", "ed25519"])
def test_the_same_content_is_the_same_bytes(tmp_path: Path, kind: str) -> None:
    first, second = source(tmp_path / "first", PLAIN), source(tmp_path / "second", PLAIN)
    os.utime(second / "dns-filter.yml", (1, 1))
    (second / "images/dns-filter.tar").chmod(0o600)
    made = [package(tmp_path / f"{at.name}.scpkg", at, kind=kind).read_bytes() for at in (first, second)]
    assert made[0] == made[1]


def test_a_package_has_what_its_descriptor_names_and_no_more(tmp_path: Path) -> None:
    directory = source(tmp_path / "source")
    (directory / "notes.txt").write_text("mine")
    found = members(package(tmp_path / "x.scpkg", directory))
    assert list(found) == [
        "manifest.json",
        "manifest.jws",
        "dns-filter.yml",
        "images/dns-filter.tar",
        "reference_values/sc-dns-filter.json",
        "templates/dnsmasq.conf.j2",
    ]
    assert found["dns-filter.yml"] == (directory / "dns-filter.yml").read_bytes()


def test_it_is_left_alone_when_it_is_there_already(tmp_path: Path) -> None:
    directory, target = source(tmp_path / "source", PLAIN), tmp_path / "x.scpkg"

    def make(number: int = 0) -> bool:
        return make_package(directory, "dns-filter", target, key("p256", number), "acme", now=NOW).changed

    assert [make(), make(), make(1), make(1)] == [True, False, True, False]
    target.write_bytes(target.read_bytes()[:-1])
    assert make(1)


def test_dry_nothing_is_written(tmp_path: Path) -> None:
    directory, target = source(tmp_path / "source", PLAIN), tmp_path / "out/x.scpkg"
    assert make_package(directory, "dns-filter", target, key(), "acme", now=NOW, dry=True).changed
    assert not target.parent.exists()


def spoilt(directory: Path, case: str) -> None:
    values = directory / "reference_values/sc-dns-filter.json"
    if case == "no image":
        (directory / "images/dns-filter.tar").unlink()
    elif case == "no values":
        values.unlink()
    elif case == "other values":
        values.write_text(json.dumps(json.loads(values.read_text()) | {"files": {}}))
    elif case == "template":
        (directory / "templates/dnsmasq.conf.j2").write_text("{{ hostvars }}")


@pytest.mark.parametrize(
    ("case", "changes", "message"),
    [
        ("no image", {}, "images/dns-filter.tar: cannot be read"),
        ("no values", {}, "sc-dns-filter.json: cannot be read"),
        ("other values", {}, "does not know /usr/sbin/dnsmasq"),
        ("template", {}, "reads the variable hostvars"),
        ("", {"version": "latest"}, "version: is 'latest'"),
        ("", {"signer": "other"}, "signer: is not acme"),
    ],
)
def test_what_no_site_would_take_is_not_packed(
    tmp_path: Path, case: str, changes: dict[str, Any], message: str
) -> None:
    descriptor = (DESCRIPTOR if case == "template" else PLAIN) | changes
    directory = source(tmp_path / "source", descriptor)
    spoilt(directory, case)
    with pytest.raises(TrustError, match=message):
        package(tmp_path / "x.scpkg", directory)
    assert not (tmp_path / "x.scpkg").exists()


def test_an_image_elsewhere_is_not_packed(tmp_path: Path) -> None:
    flavour = DESCRIPTOR["flavours"][0] | {"archive": "../images/dns-filter.tar"}
    directory = source(tmp_path / "inner/source", PLAIN | {"flavours": [flavour]})
    with pytest.raises(AdmissionError, match=r"'\.\./images/dns-filter\.tar', which cannot be in a package"):
        package(tmp_path / "x.scpkg", directory)


# The key


def test_a_key_of_a_file_or_of_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    file.touch(mode=0o600)
    file.write_bytes(private_pem(key()))
    for given, environment in (
        (str(file), {}),
        (None, {KEY_FILE: str(file)}),
        (None, {KEY: private_pem(key()).decode()}),
    ):
        assert public_pem(find_key(given, environment)) == public_pem(key())


def test_a_key_with_a_password(tmp_path: Path) -> None:
    pem = key("ed25519").private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"hush"))
    found = find_key(None, {KEY: pem.decode(), KEY_PASSWORD: "hush"})
    assert public_pem(found) == public_pem(key("ed25519"))
    for environment in ({KEY: pem.decode()}, {KEY: pem.decode(), KEY_PASSWORD: "wrong"}):
        with pytest.raises(AdmissionError, match="holds no private key in PEM that can be read") as refused:
            find_key(None, environment)
        assert "wrong" not in str(refused.value)


def test_a_key_that_others_may_read(tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    file.write_bytes(private_pem(key()))
    file.chmod(0o640)
    with pytest.raises(AdmissionError, match="may be read or changed by others"):
        find_key(str(file), {})


def test_no_key() -> None:
    with pytest.raises(AdmissionError, match="the private key: is not given"):
        find_key(None, {})
