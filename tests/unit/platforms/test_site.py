# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a site says of its platforms, and every way to say it wrongly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import CatalogueError, PlatformError
from ansible_collections.palantir.trust.plugins.plugin_utils.platforms.deployment import read_deployment
from ansible_collections.palantir.trust.plugins.plugin_utils.platforms.site import (
    KubernetesPlatform,
    Sol005Platform,
    image_of,
    read_platform,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.platforms.sol005.credentials import read_secret
from ansible_collections.palantir.trust.plugins.plugin_utils.platforms.verdict import verdict

PINNED = "registry.test/dns-filter@sha256:" + "ab" * 32
CLUSTER = {"driver": "kubernetes", "namespace": "security", "images": {"dns-filter": PINNED}}
BASIC = {"type": "basic", "username": "so", "password_env": "SECRET"}
MANO = {
    "driver": "sol005",
    "url": "https://mano.test/",
    "authentication": BASIC,
    "services": {"waf": {"nsd": "n", "flavour": "f"}},
}


def message(data: Any) -> str:
    with pytest.raises(CatalogueError) as caught:
        read_platform(data, "here")
    return str(caught.value).removeprefix("here, palantir_trust_platform")


def test_a_cluster_has_careful_defaults() -> None:
    platform = read_platform(CLUSTER, "here")
    assert isinstance(platform, KubernetesPlatform)
    assert (platform.pull, platform.service, platform.writable) == ("Never", "ClusterIP", ("/run", "/tmp"))  # noqa: S108
    assert image_of(platform, "dns-filter", "any") == PINNED


def test_an_image_of_a_flavour_comes_before_that_of_its_sc() -> None:
    other = PINNED.replace("ab", "cd")
    platform = read_platform({**CLUSTER, "images": {"dns-filter": PINNED, "dns-filter/b": other}}, "here")
    assert isinstance(platform, KubernetesPlatform)
    assert image_of(platform, "dns-filter", "b") == other
    with pytest.raises(CatalogueError, match="names no image for waf, flavour b"):
        image_of(platform, "waf", "b")


def test_a_mano_has_careful_defaults() -> None:
    platform = read_platform(MANO, "here")
    assert isinstance(platform, Sol005Platform)
    assert (platform.url, platform.dialect, platform.version) == ("https://mano.test", "etsi", "2.0.0")
    assert platform.on_failure == "rollback"
    assert platform.authentication.password == "env:SECRET"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (None, " must be a mapping, not None."),
        ({"driver": "kubernets"}, ", driver: 'kubernets' is not accepted. Next: did you mean 'kubernetes'?"),
        ({**CLUSTER, "namspace": "x"}, "has the unknown key 'namspace'. Next: did you mean 'namespace'?"),
        ({**CLUSTER, "validate_certs": False}, "has the unknown key 'validate_certs'."),
        ({**CLUSTER, "images": {"dns-filter": "dns-filter:latest"}}, "'dns-filter:latest' is not pinned."),
        ({**CLUSTER, "images": {"../x": PINNED}}, "is not a name."),
        ({**CLUSTER, "writable": ["/"]}, "is not the absolute path of a directory."),
        ({**CLUSTER, "timeout": 0}, "must be an integer from 1 to 86400, not 0."),
        ({**MANO, "url": "http://mano.test"}, "is not an https URL of host and path alone."),
        ({**MANO, "url": "https://so:secret@mano.test"}, "is not an https URL of host and path alone."),
        ({**MANO, "url": "https://mano.test:x/"}, "is not an https URL of host and path alone."),
        ({**MANO, "version": "3.0.0"}, "'3.0.0' is no version of NS lifecycle management."),
        ({**MANO, "authentication": {"type": "basic", "username": "so"}}, "of type basic lacks password."),
        ({**MANO, "authentication": {**BASIC, "password": "x"}}, "has the unknown key 'password'."),
        ({**MANO, "authentication": {**BASIC, "password_file": "/x"}}, "names both password_file and password_env."),
        ({**MANO, "authentication": {**BASIC, "type": "osm"}}, "type osm needs dialect osm."),
        ({**MANO, "services": {"waf": {"nsd": "n"}}}, "lacks flavour, which dialect etsi needs."),
        ({**MANO, "dialect": "osm"}, "lacks vim_account, which dialect osm needs."),
        (
            {
                **MANO,
                "services": {"waf": {"nsd": "n", "flavour": "f", "scaling": {"aspect": "a", "levels": {"x": "y"}}}},
            },
            "must map numbers of parts to scale levels of the NSD.",
        ),
    ],
)
def test_what_is_wrong_is_named(data: Any, said: str) -> None:
    assert said.strip() in message(data)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"sc": "No Name"}, "'No Name' is not a name."),
        ({"driver": "podman"}, "driver: is 'podman', and the platform's is sol005. Next: name another flavour."),
        ({"driver": None}, "driver: is None, and the platform's is sol005."),
        ({"files": [{"path": "etc/x", "content": ""}]}, "'etc/x' is not the absolute path of a file."),
        ({"files": [{"path": "/etc/../x", "content": ""}]}, "'/etc/../x' is not the absolute path of a file."),
        ({"files": [{"path": "/x", "content": "a" * (1 << 20) + "b"}]}, "are more than 1048576 bytes in all."),
        ({"files": [{"path": "/x", "content": ""}] * 2}, "names a path twice."),
        ({"ports": [{"name": "dns", "port": 0}]}, "0 is no port."),
        ({"ports": [{"name": "dns", "port": 53, "protocol": "sctp"}]}, "'sctp' is neither tcp nor udp."),
    ],
)
def test_what_is_to_run_is_checked(change: dict[str, Any], said: str) -> None:
    with pytest.raises(CatalogueError) as caught:
        read_deployment("dns-1", {"sc": "dns-filter", "flavour": "f", "driver": "sol005", **change}, "sol005")
    assert said in str(caught.value)


def test_a_secret_comes_from_a_file_or_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret").write_text("swordfish\n", encoding="utf-8")
    assert read_secret(f"file:{tmp_path}/secret") == "swordfish"
    monkeypatch.setenv("SECRET", "swordfish")
    assert read_secret("env:SECRET") == "swordfish"
    monkeypatch.delenv("SECRET")
    with pytest.raises(PlatformError, match="SECRET: the environment variable holds no secret"):
        read_secret("env:SECRET")
    (tmp_path / "secret").write_bytes(b"\xff\xfe")
    with pytest.raises(PlatformError, match="it is no UTF-8 text"):
        read_secret(f"file:{tmp_path}/secret")


def test_nothing_on_a_platform_is_ever_better_than_none() -> None:
    said = verdict("dns-1", "cluster1", "kubernetes").plain()
    assert said["tier"] == "none"
    assert "no host there proves its integrity" in said["reason"]
