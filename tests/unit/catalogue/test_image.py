# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ansible_collections.palantir.trust.plugins.plugin_utils.catalogue.descriptor import Flavour
from ansible_collections.palantir.trust.plugins.plugin_utils.catalogue.image import pinned_image_id
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import CatalogueError, ReferenceValueError
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.document import load, write
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.image import digest_image
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.make import make
from tests.unit.reference.test_image import image, tar

FLAVOUR = Flavour("podman", "podman", "dns-filter.tar", "sc-dns-filter")
NOW = datetime(2026, 11, 23, tzinfo=UTC)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A directory with an image, and Reference Values that were made of it."""
    archive = image(tmp_path / "dns-filter.tar", tar(("usr/sbin/dnsmasq", b"resolver"), ("etc/passwd", b"root")))
    write(make("sc", "dns-filter", archive, NOW), tmp_path / "sc-dns-filter.json")
    return tmp_path


def pin(site: Path) -> str:
    return pinned_image_id(FLAVOUR, site / "dns-filter.tar", site)


def message(site: Path) -> str:
    with pytest.raises(CatalogueError) as caught:
        pin(site)
    assert str(caught.value).isprintable()
    return str(caught.value)


def test_an_image_of_which_every_file_is_known_is_pinned(site: Path) -> None:
    assert pin(site) == digest_image(site / "dns-filter.tar").image_id
    assert pin(site).startswith("sha256:")


@pytest.mark.parametrize(
    ("layer", "path"),
    [
        (tar(("usr/sbin/dnsmasq", b"other"), ("etc/passwd", b"root")), "/usr/sbin/dnsmasq"),
        (tar(("usr/sbin/dnsmasq", b"resolver"), ("etc/passwd", b"root"), ("x\x1b[2J", b"new")), r"/x\x1b[2J"),
        (tar(("usr/sbin/dnsmasq", b"resolver"), ("usr/bin/dnsmasq", b"resolver")), "/usr/bin/dnsmasq"),
    ],
    ids=["changed", "added", "moved"],
)
def test_an_image_with_a_file_that_is_not_known_is_refused(site: Path, layer: bytes, path: str) -> None:
    image(site / "dns-filter.tar", layer)
    assert message(site) == (
        f"image {site}/dns-filter.tar: its file {path} is not what Reference Values dns-filter know. "
        "Next: if the new image is wanted, review it and make its Reference Values again."
    )


def test_an_image_without_a_file_is_refused(site: Path) -> None:
    image(site / "dns-filter.tar", tar(("etc", None)))
    assert message(site) == f"image {site}/dns-filter.tar: holds no file. Next: check which image it was saved from."


def test_reference_values_of_a_host_do_not_vouch_for_an_sc(site: Path) -> None:
    document = load(site / "sc-dns-filter.json")
    write(replace(document, kind="host"), site / "sc-dns-filter.json")
    assert message(site) == (
        "flavour podman: its Reference Values sc-dns-filter are of kind host, not sc. "
        "Next: name those of the SC's image."
    )


@pytest.mark.parametrize("name", ["dns-filter.tar", "sc-dns-filter.json"])
def test_what_cannot_be_read_is_named(site: Path, name: str) -> None:
    (site / name).unlink()
    with pytest.raises(ReferenceValueError, match=name):
        pin(site)
