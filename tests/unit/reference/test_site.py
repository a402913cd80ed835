# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import ReferenceValueError
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.document import (
    ReferenceDocument,
    ReferenceEvent,
    expire,
    write,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.make import make
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.site import SiteValues, load_site
from tests.unit.reference.test_image import image, sha256, tar

NOW = datetime(2026, 11, 23, 5, tzinfo=UTC)
A, B = "sha256:" + "aa" * 32, "sha256:" + "bb" * 32


def document(kind: str, name: str, digest: str = A, **changed: object) -> ReferenceDocument:
    made = ReferenceDocument(name=name, kind=kind, created=NOW, files={"/usr/bin/x": (digest,)})
    return replace(made, **changed)  # type: ignore[arg-type]


def test_a_site_is_all_documents_of_its_directory(tmp_path: Path) -> None:
    write(document("host", "node-image"), tmp_path / "node-image.json")
    write(document("sc", "dns-filter", A), tmp_path / "sc-dns-filter.json")
    write(document("sc", "dns-filter", B), tmp_path / "sc-dns-filter-2.json")
    event = ReferenceEvent(4, "EV_EFI_BOOT_SERVICES_APPLICATION", (A,), "shim")
    write(document("boot", "node-boot", files={}, events=(event,)), tmp_path / "node-boot.json")
    (tmp_path / "README.md").write_text("no document")
    site = load_site(tmp_path, NOW)
    assert ("/usr/bin/x", A) in site.host.pairs
    assert site.boot.events == {(4, A)}
    assert set(site.sc) == {"dns-filter"}
    assert site.sc["dns-filter"].pairs == {("/usr/bin/x", A), ("/usr/bin/x", B)}


def test_an_sc_is_known_by_the_name_in_its_document(tmp_path: Path) -> None:
    write(document("sc", "ids"), tmp_path / "anything.json")
    assert list(load_site(tmp_path, NOW).sc) == ["ids"]


def test_what_has_expired_no_longer_counts(tmp_path: Path) -> None:
    write(expire(document("host", "node-image"), NOW - timedelta(seconds=1)), tmp_path / "node-image.json")
    assert load_site(tmp_path, NOW).host.pairs == frozenset()


def test_what_expires_during_a_watch_no_longer_counts_from_then_on(tmp_path: Path) -> None:
    later = NOW + timedelta(hours=1)
    write(document("host", "host", expires=later), tmp_path / "host.json")
    values = SiteValues(tmp_path)
    known = values(NOW)
    assert known.host.usable
    assert values(later - timedelta(seconds=1)) is known, "read once"
    assert not values(later).host.usable


def test_a_directory_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(ReferenceValueError) as caught:
        load_site(tmp_path / "none", NOW)
    assert str(caught.value) == (
        f"Reference Values {tmp_path}/none: is not a directory. Next: make them with palantir.trust.reference_values."
    )


def test_a_document_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    write(document("host", "node-image"), tmp_path / "a.json")
    (tmp_path / "b.json").write_text("{")
    with pytest.raises(ReferenceValueError, match=r"b\.json: is no JSON\. Next: make it again from its image\.$"):
        load_site(tmp_path, NOW)


def test_values_of_a_tree_and_of_an_image_are_made(tmp_path: Path) -> None:
    (tmp_path / "root" / "usr").mkdir(parents=True)
    (tmp_path / "root" / "usr" / "tool").write_bytes(b"tool")
    host = make("host", "node-image", tmp_path / "root", NOW)
    assert (host.kind, host.name, host.source) == ("host", "node-image", "root")
    assert host.files["/usr/tool"] == (sha256(b"tool"),)
    sc = make("sc", "dns-filter", image(tmp_path / "sc.tar", tar(("bin/x", b"x"))), NOW)
    assert (sc.kind, dict(sc.files)) == ("sc", {"/bin/x": (sha256(b"x"),)})


@pytest.mark.parametrize("kind", ["host", "sc"])
def test_an_image_without_a_file_gives_no_values(tmp_path: Path, kind: str) -> None:
    source = image(tmp_path / "sc.tar", tar(("etc", None))) if kind == "sc" else tmp_path / "root"
    (tmp_path / "root").mkdir()
    with pytest.raises(ReferenceValueError) as caught:
        make(kind, "empty", source, NOW)
    assert str(caught.value).startswith(f"{source}: holds no file")
    assert " Next: " in str(caught.value)


@pytest.mark.parametrize("kind", ["host", "boot", "sc"])
def test_an_image_that_is_not_there_is_named(tmp_path: Path, kind: str) -> None:
    with pytest.raises(ReferenceValueError, match="none"):
        make(kind, "x", tmp_path / "none", NOW)
