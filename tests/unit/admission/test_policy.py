# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import datetime as dt
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.palantir.trust.plugins.plugin_utils.admission.policy import (
    AdmissionPolicy,
    Granted,
    load_policy,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import AdmissionError
from tests.unit.admission.developer import POLICY, key, private_pem, public_pem

SIGNER: dict[str, Any] = POLICY["signers"][0]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys/acme.pem").write_bytes(public_pem(key()))
    (tmp_path / "keys/private.pem").write_bytes(private_pem(key()))
    return tmp_path


def loaded(directory: Path, plain: Any) -> AdmissionPolicy:
    file = directory / "policy.yml"
    file.write_text(plain if isinstance(plain, str) else yaml.safe_dump(plain, sort_keys=False))
    return load_policy(file)


def test_a_policy(directory: Path) -> None:
    policy = loaded(
        directory,
        {
            "signers": [SIGNER | {"scs": ["dns-filter", "acme-*"], "expires": "2027-06-30"}],
            "grants": [
                {"sc": "acme-*", "signer": "acme", "drivers": ["nspawn"], "reason": "x"},
                {"sc": "*", "capabilities": ["CAP_SETUID"]},
                {"sc": "acme-vpn", "capabilities": ["NET_ADMIN"], "network": "host"},
            ],
            "overlap": "12h",
        },
    )
    signer = policy.signers["acme"]
    assert (signer.expires, signer.functions) == (dt.date(2027, 6, 30), ("dns-filter",))
    assert [signer.may_sign(sc) for sc in ("dns-filter", "dns-filter-2", "acme-vpn", "acme", "waf")] == [
        True,
        False,
        True,
        False,
        False,
    ]
    vpn, other = policy.granted("acme-vpn", "acme"), policy.granted("acme-vpn", "other")
    assert vpn == Granted(frozenset({"podman", "nspawn"}), frozenset({"SETUID", "NET_ADMIN"}), True)
    assert other.drivers == frozenset({"podman"})
    nothing = policy.granted("waf", "acme")
    assert nothing == Granted(frozenset({"podman"}), frozenset({"SETUID"}), False)
    assert policy.overlap == dt.timedelta(hours=12)


def test_by_default_nothing_is_granted_and_nothing_denied(directory: Path) -> None:
    policy = loaded(directory, {"signers": []})
    assert policy.granted("waf", "acme") == Granted(frozenset({"podman"}), frozenset(), False)
    assert policy.denial("waf", "1", "acme", ["sha256:" + "0" * 64]) == ""
    assert policy.overlap == dt.timedelta(days=7)


@pytest.mark.parametrize(
    ("plain", "message"),
    [
        ("signers: [", r"policy\.yml: is not YAML at line"),
        ({}, "lacks signers"),
        ({"signers": [], "singers": []}, r"unknown key 'singers'.* did you mean 'signers'"),
        ({"signers": [SIGNER, deepcopy(SIGNER)]}, "has 'acme' twice"),
        ({"signers": [SIGNER | {"keys": []}]}, "keys: must name at least one"),
        ({"signers": [SIGNER | {"keys": ["../acme.pem"]}]}, "does not lie beside the policy"),
        ({"signers": [SIGNER | {"keys": ["/etc/acme.pem"]}]}, "does not lie beside the policy"),
        ({"signers": [SIGNER | {"keys": ["keys/none.pem"]}]}, "cannot be read: No such file"),
        ({"signers": [SIGNER | {"keys": ["keys/private.pem"]}]}, "holds a private key"),
        ({"signers": [SIGNER | {"keys": ["policy.yml"]}]}, "holds no public key in PEM"),
        ({"signers": [SIGNER | {"functions": ["dns-fliter"]}]}, "did you mean 'dns-filter'"),
        ({"signers": [SIGNER | {"scs": ["Acme*"]}]}, "'Acme' is not a name"),
        ({"signers": [SIGNER | {"scs": ["a*b*"]}]}, "is not a name"),
        ({"signers": [SIGNER | {"expires": "soon"}]}, "'soon' is no day"),
        ({"signers": [], "grants": [{"sc": "waf", "capabilities": ["ALL"]}]}, "'ALL' is not accepted"),
        ({"signers": [], "grants": [{"sc": "waf", "drivers": ["docker"]}]}, "'docker' is not accepted"),
        ({"signers": [], "grants": [{"sc": "waf", "network": "any"}]}, "'any' is not accepted"),
        ({"signers": [], "deny": {"digests": [{"digest": "abc", "reason": "x"}]}}, "'abc' is no digest"),
        ({"signers": [], "deny": {"signers": [{"name": "acme"}]}}, "lacks reason"),
        ({"signers": [], "deny": {"versions": [{"sc": "waf", "version": 1, "reason": "x"}]}}, "put it in quotes"),
        ({"signers": [], "overlap": "a while"}, "write 90s, 30m, 12h or 7d"),
    ],
)
def test_a_mistake_is_told_by_its_place(directory: Path, plain: Any, message: str) -> None:
    with pytest.raises(AdmissionError, match=message):
        loaded(directory, plain)


def test_a_mistake_has_its_line(directory: Path) -> None:
    with pytest.raises(AdmissionError, match=r"policy\.yml:3, grants\[0\], network: 'any' is not accepted"):
        loaded(directory, "signers: []\ngrants:\n  - {sc: waf, network: any}\n")
