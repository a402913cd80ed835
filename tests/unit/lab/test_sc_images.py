# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How an SC's image is made of packages; tests/integration/test_sc_images.py has the real packages."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from tests.lab.errors import LabError
from tests.lab.image.fingerprint import fingerprint
from tests.lab.sc.build import inputs, recipe_of
from tests.lab.sc.recipes import NOBODY, RECIPES, Recipe
from tests.lab.sc.tree import image_config, sc_entries, write_image

LIBRARIES = ("ld-linux-x86-64.so.2", "libc.so.6")


def parts(path: Path, *programs: str) -> Path:
    """A package archive as mmdebstrap unpacks one: this machine's own shell under other names, and its libraries."""
    with tarfile.open(path, "w") as archive:
        link = tarfile.TarInfo("./lib64/ld-linux-x86-64.so.2")
        link.type, link.linkname = tarfile.SYMTYPE, "/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"
        archive.addfile(link)
        libraries = (f"lib/x86_64-linux-gnu/{name}" for name in LIBRARIES)
        for name in (*libraries, *programs, "usr/share/doc/nobody-asked"):
            source = Path("/", name) if name.startswith("lib/") else Path("/bin/sh")
            data = source.resolve().read_bytes()
            info = tarfile.TarInfo(f"./{name}")
            info.size, info.mtime = len(data), path.stat().st_mtime_ns % 1_000_000
            archive.addfile(info, io.BytesIO(data))
    return path


def content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    stream = archive.extractfile(member)
    assert stream is not None
    return stream.read()


def test_an_image_names_itself_by_its_configurations_hash(tmp_path: Path) -> None:
    recipe = RECIPES["dns-filter"]
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
        write_image(recipe, parts(folder / "parts.tar", "usr/sbin/dnsmasq"), folder)
    for ending in (".tar", ".rootfs.tar", ".json"):
        assert (first / f"dns-filter{ending}").read_bytes() == (second / f"dns-filter{ending}").read_bytes()

    described = json.loads((first / "dns-filter.json").read_text())
    with tarfile.open(first / "dns-filter.tar") as archive:
        files = {m.name: content(archive, m) for m in archive}
    (manifest,) = json.loads(files["manifest.json"])
    config = files[manifest["Config"]]
    assert described["image_id"] == "sha256:" + hashlib.sha256(config).hexdigest()
    assert manifest["RepoTags"] == [described["reference"]] == ["localhost/palantir/dns-filter:1"]
    layer = files[manifest["Layers"][0]]
    assert json.loads(config)["rootfs"]["diff_ids"] == ["sha256:" + hashlib.sha256(layer).hexdigest()]
    assert "User" not in json.loads(config)["config"]
    assert layer == (first / "dns-filter.rootfs.tar").read_bytes()
    with tarfile.open(first / "dns-filter.rootfs.tar") as archive:
        names = {m.name: m for m in archive}
    assert names["lib64"].linkname == "usr/lib64"
    assert {"usr/sbin/dnsmasq", "usr/lib/x86_64-linux-gnu/libc.so.6", "etc/dnsmasq.conf", "etc/passwd"} <= set(names)
    assert "usr/share/doc/nobody-asked" not in names
    assert {names[place].mode for place in ("dev", "proc", "sys")} == {0o755}
    assert names["tmp"].mode == 0o1777


def test_what_packages_else_are_unpacked_makes_no_difference(tmp_path: Path) -> None:
    recipe = RECIPES["firewall"]
    few = sc_entries(recipe, parts(tmp_path / "few.tar", "bin/sh", "usr/sbin/nft"))
    many = sc_entries(recipe, parts(tmp_path / "many.tar", "usr/sbin/other", "usr/sbin/nft", "bin/sh"))
    assert few == many
    assert few["usr/sbin/firewall"].mode == 0o755
    assert image_config(RECIPES["waf"], "0" * 64)["config"]["User"] == NOBODY == "65534:65534"


def test_a_program_that_no_package_brings_is_named(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="needs usr/sbin/haproxy, which is in no package of the image"):
        sc_entries(RECIPES["waf-haproxy"], parts(tmp_path / "parts.tar", "usr/sbin/nginx"))


def test_an_image_that_nobody_made_is_named() -> None:
    with pytest.raises(LabError, match=r"wav: no image of an SC is called so\. Next: use one of dns-filter, "):
        recipe_of("wav")


def test_each_image_has_its_place_in_the_cache() -> None:
    names = {fingerprint(inputs(recipe)) for recipe in RECIPES.values()}
    assert len(names) == len(RECIPES)
    assert fingerprint(inputs(RECIPES["waf"])) in names
    assert fingerprint(inputs(replace(RECIPES["waf"], name="other"))) not in names


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=lambda recipe: recipe.name)
def test_an_image_starts_a_program_of_its_own(recipe: Recipe) -> None:
    program = recipe.entrypoint[0]
    assert program in recipe.programs or program.lstrip("/") in recipe.executables
