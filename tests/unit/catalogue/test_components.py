# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the Reference Values of an image tell of what it is made of."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from ansible_collections.palantir.trust.plugins.plugin_utils.catalogue.components import with_image_components
from ansible_collections.palantir.trust.plugins.plugin_utils.catalogue.descriptor import parse
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.document import ReferenceDocument, write
from tests.unit.catalogue.descriptors import FULL

GLIBC, MUSL = "sha256:" + "a" * 64, "sha256:" + "b" * 64


def components(directory: Path, **files: str) -> list[tuple[str, ...]]:
    """Return the components of each flavour, whose images have these files (``_`` for ``/``) and one C library."""
    for name, paths in (("sc-waf", {"/usr/lib/x86_64-linux-gnu/libc.so.6": GLIBC}), ("sc-waf-haproxy", files)):
        document = ReferenceDocument(
            name="waf",
            kind="sc",
            created=datetime(2026, 1, 1, tzinfo=UTC),
            files={path.replace("__", "/"): (digest,) for path, digest in paths.items()},
        )
        write(document, directory / f"{name}.json")
    found = with_image_components(parse(FULL, "waf.yml"), directory)
    return [flavour.components for flavour in found.flavours]


def test_the_c_library_and_the_image_are_components(tmp_path: Path) -> None:
    nginx, haproxy = components(tmp_path, **{"__lib__ld-musl-x86_64.so.1": MUSL, "__usr__sbin__haproxy": GLIBC})
    # What the descriptor itself names stays.
    assert nginx[:3] == ("glibc-2.41", "openssl-3.5.1", f"libc={GLIBC}")
    assert haproxy[0] == f"libc={MUSL}"
    assert nginx[3].startswith("image=sha256:")
    assert nginx[3] != haproxy[1]


def test_the_same_image_is_the_same_component(tmp_path: Path) -> None:
    nginx, haproxy = components(tmp_path, **{"__usr__lib__x86_64-linux-gnu__libc.so.6": GLIBC})
    assert set(haproxy) <= set(nginx)


def test_reference_values_that_are_not_there_tell_nothing(tmp_path: Path) -> None:
    waf = parse(FULL, "waf.yml")
    assert with_image_components(waf, tmp_path) == waf
    (tmp_path / "sc-waf.json").write_text("{")
    assert with_image_components(waf, tmp_path) == waf
