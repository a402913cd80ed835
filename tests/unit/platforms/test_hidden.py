# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a platform repeats of a secret, and how little of it is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import PlatformError
from ansible_collections.palantir.trust.plugins.plugin_utils.platforms.deployment import read_deployment
from ansible_collections.palantir.trust.plugins.plugin_utils.platforms.hidden import Secrets, of_kubeconfig


def secrets(*known: str) -> Secrets:
    made = Secrets()
    made.add(*known)
    return made


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("no such user", "no such user"),
        ("bad password swordfish", "bad password ***"),
        ("swordfish, swordfish-2", "***, ***"),
        ("sword is not all of it", "sword is not all of it"),
        ("it was cut: sword…", "it was cut: ***…"),
        ("it was cut: swordfis…, and goes on", "it was cut: ***…, and goes on"),
        ("who is Bearer eyJhbGciOiJFUzI1NiJ9.e30.AAAA", "who is Bearer ***"),
        ("got Basic c286c3dvcmRmaXNo==", "got Basic ***"),
        ("Basic authentication is off", "Basic authentication is off"),
    ],
)
def test_a_secret_is_hidden_wherever_it_stands(told: str, shown: str) -> None:
    assert secrets("swordfish", "swordfish-2").hide(told) == shown


def test_what_is_too_short_would_hide_half_of_a_message() -> None:
    assert secrets("is", "").hide("this is it") == "this is it"


def test_an_error_is_told_without_them_and_keeps_its_next_step() -> None:
    error = secrets("swordfish").without(PlatformError("GET /swordfish", "is refused: swordfish.", "see docs/mano.md."))
    assert str(error) == "GET /***: is refused: ***. Next: see docs/mano.md."


def test_lines_of_a_configuration_are_hidden() -> None:
    sc = {"sc": "waf", "flavour": "f", "driver": "sol005"}
    files = [{"path": "/etc/x", "content": "a\n\tpassword = swordfish  \r\nb"}]
    made = Secrets()
    made.add_configuration(read_deployment("waf-1", {**sc, "files": files}, "sol005"))
    assert made.hide("cannot parse 'password = swordfish' in line a") == "cannot parse '***' in line a"


@given(secret=st.text(min_size=4, max_size=24), before=st.text(max_size=40), limit=st.integers(8, 60))
@settings(max_examples=60)
def test_nothing_of_a_secret_is_left_however_a_message_is_cut(secret: str, before: str, limit: int) -> None:
    told = secrets(secret).hide(printable(f"{before}{secret}", limit) + ".")
    assert printable(secret, 200) not in told.replace(printable(before, 200), "")


@pytest.mark.parametrize(
    ("config", "found"),
    [
        ({"users": [{"name": "u", "user": {"token": "a-long-token", "client-key-data": "LS0tLS1CRUdJTg=="}}]}, 2),
        ({"users": [{"user": {"auth-provider": {"config": {"id-token": "a-long-token"}}}}]}, 1),
        ({"users": [{"user": {"token": "short"}}]}, 0),
        ({"users": 7}, 0),
        (["users"], 0),
        (None, 0),
    ],
)
def test_a_kubeconfig_names_what_is_to_hide(tmp_path: Path, config: Any, found: int) -> None:
    file = tmp_path / "kubeconfig"
    file.write_text(yaml.safe_dump(config), encoding="utf-8")
    assert len(of_kubeconfig(str(file))) == found


@pytest.mark.parametrize("data", [b"\xff\xfe\x00", b"a: [", b"users: &a [*a]"])
def test_a_kubeconfig_that_cannot_be_read_is_the_clients_to_complain_of(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "kubeconfig").write_bytes(data)
    assert of_kubeconfig(str(tmp_path / "kubeconfig")) == []
    assert of_kubeconfig(str(tmp_path / "none")) == []
