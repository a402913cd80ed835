# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The three SCs of the lab, from Debian's packages to what they let pass and what they refuse."""

from __future__ import annotations

import hashlib
import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ansible_collections.palantir.trust.plugins.plugin_utils.reference.make import make
from tests.integration.cage import BASE
from tests.integration.scs import Catalogue, Running, flavours, needs_root, running
from tests.lab.progress import say
from tests.lab.sc.build import build
from tests.lab.sc.recipes import RECIPES
from tests.lab.wait import wait_for
from tests.unit.support.namespace import Namespace, lone

pytestmark = needs_root
ENDINGS = (".tar", ".rootfs.tar", ".json")
# Each takes what its SC refuses out of a flavour's configuration; the probe must tell.
TOOTHLESS = {
    ("dns-filter", "podman"): ("address=/tracker.example.com/", "address=/other.example.com/", "dns_mismatch"),
    ("dns-filter-unbound", "podman"): ('"tracker.example.com. 3600', '"www.example.com. 3600', "dns_mismatch"),
    ("waf", "podman"): ("SecRuleEngine On", "SecRuleEngine DetectionOnly", "http_mismatch"),
    ("waf", "haproxy"): (
        "  acl form ",
        "  http-request return status 200 content-type a/b string ok\n  acl form ",
        "http_mismatch",
    ),
    ("firewall", "nspawn"): ("counter drop", "counter accept", "tcp_mismatch"),
}


@pytest.fixture
def namespace() -> Iterator[Namespace]:
    with lone() as made:
        yield made


def digests(folder: Path) -> dict[str, str]:
    files = [folder / f"{name}{ending}" for name in RECIPES for ending in ENDINGS]
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def test_an_image_built_again_is_the_same_bit_for_bit(tmp_path: Path) -> None:
    first, again = tmp_path / "first", tmp_path / "again"
    for folder in (first, again):
        folder.mkdir()
        # Of other packages each, but for the image's own: what is unpacked beside it makes no difference.
        build(RECIPES.values() if folder == again else [RECIPES["firewall"], RECIPES["waf-haproxy"]], folder)
    made = digests(again)
    for file in first.glob("*.tar"):
        assert hashlib.sha256(file.read_bytes()).hexdigest() == made[file.name]
    say(f"images: {', '.join(sorted(path.name for path in again.glob('*.rootfs.tar')))}")


@pytest.mark.parametrize("image", RECIPES)
def test_both_forms_of_an_image_have_the_same_values(catalogue: Catalogue, image: str) -> None:
    made = [make("sc", image, catalogue.images / f"{image}{end}", datetime.now(UTC)) for end in (".tar", ".rootfs.tar")]
    assert made[0].files == made[1].files == catalogue.values[f"sc-{image}"].files
    # Each is measured when it is loaded, by guests that are slow.
    assert len(made[0].files) < 60


@pytest.mark.parametrize(("sc", "flavour"), flavours())
def test_an_sc_is_healthy_and_nobody_outside_of_its_range(
    catalogue: Catalogue, namespace: Namespace, tmp_path: Path, sc: str, flavour: str
) -> None:
    with running(catalogue, sc, flavour, tmp_path, namespace) as sound:
        assert sound.health() == str(len(checks(sound))), sound.cage.log.read_text()
        owners = sound.cage.owners()
    assert all(BASE <= owner < BASE + 65536 for owner in owners)
    if flavour == "podman" and sc != "firewall":
        assert BASE not in owners


def checks(sc: Running) -> list[object]:
    return next(value for key, value in sc.probe.items() if key in ("queries", "requests", "connections"))


@pytest.mark.parametrize(("sc", "flavour"), TOOTHLESS)
def test_an_sc_that_refuses_nothing_is_not_healthy(
    catalogue: Catalogue, namespace: Namespace, tmp_path: Path, sc: str, flavour: str
) -> None:
    *replaced, code = TOOTHLESS[sc, flavour]
    with running(catalogue, sc, flavour, tmp_path, namespace, replaced=replaced) as toothless:
        assert toothless.health(4).startswith(f"{code} "), toothless.cage.log.read_text()


@pytest.mark.parametrize(
    ("sc", "flavour"), [place for place in TOOTHLESS if place != ("dns-filter", "podman")]
)  # dnsmasq reads its configuration once, and its descriptor says so
def test_what_a_descriptor_says_is_read_anew_by_a_signal_is(
    catalogue: Catalogue, namespace: Namespace, tmp_path: Path, sc: str, flavour: str
) -> None:
    old, new, code = TOOTHLESS[sc, flavour]
    with running(catalogue, sc, flavour, tmp_path, namespace, replaced=(old, new)) as served:
        assert served.health(4).startswith(f"{code} ")
        for file in catalogue.entries[sc, flavour]["files"]:
            assert file["reload"] == "signal"
            served.write(file["path"], file["content"])
        served.cage.signal(signal.SIGHUP)
        wait_for("the SC to be healthy", lambda: served.health(1).isdecimal() or None, timeout_s=15, interval_s=0.2)


def test_a_fault_in_new_rules_leaves_the_old_ones_in_force(catalogue: Catalogue, tmp_path: Path) -> None:
    with lone() as namespace, running(catalogue, "firewall", "nspawn", tmp_path, namespace) as firewall:
        assert firewall.health() == "2"
        firewall.write("/etc/nftables.conf", "table inet firewall { chain input { nonsense } }\n")
        firewall.cage.signal(signal.SIGHUP)
        said = "the rules that were in force stay"
        wait_for("the fault", lambda: said in firewall.cage.log.read_text() or None, timeout_s=10, interval_s=0.1)
        assert firewall.health() == "2"
