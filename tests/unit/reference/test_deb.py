# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import ReferenceValueError
from ansible_collections.palantir.trust.plugins.plugin_utils.reference import archive as archive_module
from ansible_collections.palantir.trust.plugins.plugin_utils.reference import deb as deb_module
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.ar import MEMBERS, Section, read_ar
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.archive import Limits, read_tar
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.deb import Deb, read_deb
from tests.unit.reference.deb_builder import ar, control, deb, packed, sha256, tar, write_deb
from tests.unit.support.examples import examples

FILES = {"/usr/bin/tool": b"program", "/usr/lib/libtool.so.1": b"library", "/etc/tool.conf": b"configuration"}
SCRIPTS = {"preinst": b"#!/bin/sh\nset -e\n", "postinst": b"#!/bin/sh\nldconfig\n", "triggers": b"activate ldconfig\n"}


def read(path: Path, data: bytes, sha: str | None = None) -> Deb:
    path.write_bytes(data)
    return read_deb(path, sha)


# What a package brings


@pytest.mark.parametrize("suffix", ["", ".gz", ".xz", ".zst"])
def test_files_and_scripts_are_read_however_they_are_compressed(tmp_path: Path, suffix: str) -> None:
    if suffix == ".zst" and shutil.which("zstd") is None:
        pytest.skip("zstd is not installed")
    package = read(tmp_path / "tool.deb", deb(FILES, scripts=SCRIPTS, control_suffix=suffix, data_suffix=suffix))
    assert str(package) == "tool=1.0-1(amd64)"
    assert package.files == {path: sha256(data) for path, data in FILES.items()}
    assert package.scripts == {name: sha256(SCRIPTS[name]) for name in ("preinst", "postinst")}


@pytest.mark.parametrize("suffix", [".bz2", ".lzma"])
def test_files_of_old_packages_are_read(tmp_path: Path, suffix: str) -> None:
    assert read(tmp_path / "tool.deb", deb(FILES, data_suffix=suffix)).files["/usr/bin/tool"] == sha256(b"program")


def test_links_count_as_in_an_image(tmp_path: Path) -> None:
    files = {
        "/usr/bin": None,
        "/usr/bin/perl": b"perl",
        "/usr/bin/perl5.36": (tarfile.LNKTYPE, "./usr/bin/perl"),
        "/usr/bin/awk": (tarfile.SYMTYPE, "mawk"),
        "/dev/null": (tarfile.CHRTYPE, ""),
    }
    package = read(tmp_path / "perl.deb", deb(files))
    assert package.files == {"/usr/bin/perl": sha256(b"perl"), "/usr/bin/perl5.36": sha256(b"perl")}


def test_scripts_are_known_where_dpkg_runs_them(tmp_path: Path) -> None:
    package = read(tmp_path / "tool.deb", deb(FILES, scripts={"prerm": b"gone"}))
    assert dict(package.run_by_dpkg()) == {
        "/var/lib/dpkg/tmp.ci/prerm": sha256(b"gone"),
        "/var/lib/dpkg/info/tool.prerm": sha256(b"gone"),
    }


def test_scripts_of_a_package_for_several_architectures_carry_its_own(tmp_path: Path) -> None:
    description = control("libc6", more="Multi-Arch: same\n")
    package = read(tmp_path / "libc6.deb", deb(FILES, scripts={"postinst": b"x"}, description=description))
    assert "/var/lib/dpkg/info/libc6:amd64.postinst" in dict(package.run_by_dpkg())


# As dpkg reads it


@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="dpkg-deb is not installed")
@pytest.mark.parametrize("compression", ["none", "gzip", "xz", "zstd"])
def test_a_package_of_dpkg_is_read_as_dpkg_unpacks_it(tmp_path: Path, compression: str) -> None:
    if compression == "zstd" and shutil.which("zstd") is None:
        pytest.skip("zstd is not installed")
    tree = tmp_path / "tree"
    for name, data in {
        "DEBIAN/control": control(more="Maintainer: M <m@example.com>\n"),
        "usr/bin/a b": b"blank",
    }.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_bytes(data)
    long = tree / ("usr/lib/" + "x" * 120 + "/" + "y" * 120)
    long.parent.mkdir(parents=True)
    long.write_bytes(b"long")
    (tree / "usr/bin/hard").hardlink_to(tree / "usr/bin/a b")
    (tree / "DEBIAN/postinst").write_bytes(b"#!/bin/sh\n")
    (tree / "DEBIAN/postinst").chmod(0o755)
    path = tmp_path / "tool.deb"
    command = ["dpkg-deb", "--root-owner-group", f"-Z{compression}", "--build", str(tree), str(path)]
    subprocess.run(command, check=True, capture_output=True)
    package = read_deb(path)
    assert str(package) == "tool=1.0-1(amd64)"
    assert package.scripts == {"postinst": sha256(b"#!/bin/sh\n")}
    assert package.files == {
        "/usr/bin/a b": sha256(b"blank"),
        "/usr/bin/hard": sha256(b"blank"),
        "/" + str(long.relative_to(tree)): sha256(b"long"),
    }


@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="dpkg-deb is not installed")
def test_dpkg_takes_a_package_of_ours(tmp_path: Path) -> None:
    path = write_deb(tmp_path / "tool.deb", FILES, scripts=SCRIPTS)
    subprocess.run(["dpkg-deb", "-x", str(path), str(tmp_path / "out")], check=True, capture_output=True)
    out = {f"/{p.relative_to(tmp_path / 'out')}": p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file()}
    assert out == FILES


# What is refused


def test_another_package_than_the_one_asked_for_is_refused(tmp_path: Path) -> None:
    data = deb(FILES)
    assert read(tmp_path / "tool.deb", data, sha256(data)).name == "tool"
    with pytest.raises(ReferenceValueError) as caught:
        read(tmp_path / "tool.deb", data, sha256(b"other"))
    assert str(caught.value) == (
        f"{tmp_path}/tool.deb: has the digest {sha256(data)}, not {sha256(b'other')}. Next: fetch it again, and take "
        "the digest from the signed index of where it comes from."
    )


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is no ar archive"),
        (b"PK\3\4", "is no ar archive"),
        (ar(), "does not begin with debian-binary"),
        (ar(("control.tar", b"")), "does not begin with debian-binary"),
        (ar(("debian-binary", b"3.0\n")), "has format '3.0', not 2"),
        (ar(("debian-binary", b"2.0\n")), "has the members debian-binary, not control.tar and data.tar"),
        (
            ar(("debian-binary", b"2.0\n"), ("data.tar", tar({})), ("control.tar", tar({}))),
            "has the members debian-binary, data.tar, control.tar, not control.tar and data.tar",
        ),
        (
            ar(("debian-binary", b"2.0\n"), ("control.tar.lz4", b""), ("data.tar", b"")),
            "control.tar.lz4: is compressed in a way that dpkg does not know",
        ),
        (
            ar(("debian-binary", b"2.0\n"), ("control.tar.xz", b"\xfd7zXZ\0 damaged"), ("data.tar", b"")),
            "control.tar.xz: cannot be read",
        ),
        (deb(FILES)[:-100], "ends within its member 'data.tar.xz'"),
        (deb(FILES, description=b"Package: tool\n"), "control: Version is ''"),
        (deb(FILES, description=control("../../etc/x")), "control: Package is '../../etc/x'"),
        (deb(FILES, description=control() + b"Package: other\n"), "control: has the wrong line 'Package: other'"),
        (deb({"/../etc/shadow": b""}), "its member './../etc/shadow' leads out of it"),
        (deb({"/a": (tarfile.LNKTYPE, "./b")}), "hard link '/a' comes before its file"),
    ],
)
def test_what_is_no_package_is_refused_by_its_fault(tmp_path: Path, data: bytes, message: str) -> None:
    with pytest.raises(ReferenceValueError) as caught:
        read(tmp_path / "tool.deb", data)
    assert message in str(caught.value)
    assert str(caught.value).startswith(f"{tmp_path}/tool.deb")
    assert " Next: " in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ReferenceValueError, match=r"none\.deb: cannot be read: .*No such file"):
        read_deb(tmp_path / "none.deb")


@pytest.mark.parametrize("suffix", [".gz", ".xz", ".zst", ".bz2", ".lzma"])
def test_damage_at_the_very_end_is_seen(tmp_path: Path, suffix: str) -> None:
    if suffix == ".zst" and shutil.which("zstd") is None:
        pytest.skip("zstd is not installed")
    whole = packed(tar({"./usr/bin/tool": b"program"}), suffix)
    parts = [("debian-binary", b"2.0\n"), ("control.tar", tar({"./control": control()}))]
    read(tmp_path / "whole.deb", ar(*parts, (f"data.tar{suffix}", whole)))
    with pytest.raises(ReferenceValueError, match="cannot be read"):
        read(tmp_path / "cut.deb", ar(*parts, (f"data.tar{suffix}", whole[:-3])))


# Bounds


def test_an_archive_that_unpacks_to_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deb_module, "_LIMITS", Limits(members=10, file=4_000_000, total=2_000_000))
    bomb = deb({"/usr/lib/zeros": bytes(3_000_000)})
    assert len(bomb) < 3000
    with pytest.raises(ReferenceValueError, match=r"data\.tar\.xz: cannot be read: it unpacks to more than 2000000"):
        read(tmp_path / "bomb.deb", bomb)


def test_a_file_over_the_limit_is_refused_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deb_module, "_LIMITS", replace(deb_module._LIMITS, file=99))
    with pytest.raises(ReferenceValueError, match=r"its member /usr/bin/x has 100 bytes, over the limit of 99"):
        read(tmp_path / "x.deb", deb({"/usr/bin/x": bytes(100)}))


def test_an_archive_of_too_many_members_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deb_module, "_LIMITS", replace(deb_module._LIMITS, members=2))
    read(tmp_path / "two.deb", deb({"/a": b"", "/b": b""}))
    with pytest.raises(ReferenceValueError, match="has more than 2 members"):
        read(tmp_path / "three.deb", deb({"/a": b"", "/b": b"", "/c": b""}))


def test_long_names_are_read_and_endless_ones_are_refused() -> None:
    for form in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        name = "x" * 5000
        data = tar({name: b"long"}, format=form)
        assert [e.path for e in read_tar(io.BytesIO(data), "t")] == ["/" + name]
        endless = tar({"x" * (archive_module._HEADER_LIMIT + 1): b""}, format=form)
        with pytest.raises(ReferenceValueError, match="the headers of one member have more than 16777216 bytes"):
            list(read_tar(io.BytesIO(endless), "t"))


def test_headers_for_all_members_do_not_pile_up() -> None:
    headers = (tarfile.TarInfo.create_pax_global_header({f"key{n}": "v" * 300_000}) for n in range(8))
    data = b"".join(header + tarfile.TarInfo("x").tobuf() for header in headers)
    with pytest.raises(ReferenceValueError, match="its global headers are too large"):
        list(read_tar(io.BytesIO(data + bytes(1024)), "t"))


def test_a_damaged_header_is_not_taken_for_the_end() -> None:
    data = tar({"one": b"1", "two": b"2"})
    with pytest.raises(ReferenceValueError, match="has no header at offset 1024"):
        list(read_tar(io.BytesIO(data[:1024] + b"\xff" * 512 + data[1536:]), "t"))


# The ar archive


@given(st.lists(st.tuples(st.from_regex(r"[a-z._-]{1,16}", fullmatch=True), st.binary(max_size=40)), max_size=6))
@examples(60)
def test_members_lie_where_they_were_put(members: list[tuple[str, bytes]]) -> None:
    stream = io.BytesIO(ar(*members))
    found = [(m.name, Section(stream, m.offset, m.size).read()) for m in read_ar(stream, "a")]
    assert found == members


@given(st.data())
@examples(150)
def test_a_damaged_archive_is_read_within_bounds_or_refused(data: st.DataObject) -> None:
    whole = bytearray(ar(("debian-binary", b"2.0\n"), ("control.tar", b"c" * 33), ("data.tar", b"d" * 70)))
    for at, byte in data.draw(st.lists(st.tuples(st.integers(0, len(whole) - 1), st.integers(0, 255)), max_size=4)):
        whole[at] = byte
    damaged = bytes(whole[: data.draw(st.integers(0, len(whole)))])
    try:
        members = read_ar(io.BytesIO(damaged), "a")
    except ReferenceValueError:
        return
    assert len(members) <= MEMBERS
    assert all(m.offset + m.size <= len(damaged) for m in members)


def test_an_archive_of_too_many_parts_is_refused() -> None:
    assert len(read_ar(io.BytesIO(ar(*[("m", b"")] * MEMBERS)), "a")) == MEMBERS
    with pytest.raises(ReferenceValueError, match=f"has more than {MEMBERS} members"):
        read_ar(io.BytesIO(ar(*[("m", b"")] * (MEMBERS + 1))), "a")


@given(st.data())
@examples(100)
def test_a_damaged_package_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    whole = bytearray(deb(FILES, scripts=SCRIPTS, control_suffix="", data_suffix=""))
    for at, byte in data.draw(st.lists(st.tuples(st.integers(0, len(whole) - 1), st.integers(0, 255)), max_size=6)):
        whole[at] = byte
    path = tmp_path_factory.mktemp("deb") / "tool.deb"
    try:
        package = read(path, bytes(whole))
    except ReferenceValueError:
        return
    assert all(file.startswith("/") and "/../" not in file for file in package.files)
