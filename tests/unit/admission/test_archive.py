# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The canonical archive: what is packed comes back, other tools read it, and anything else is refused by name."""

from __future__ import annotations

import io
import tarfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.palantir.trust.plugins.plugin_utils.admission import archive
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import AdmissionError
from tests.unit.admission.developer import packed
from tests.unit.support.examples import examples

PATHS = st.from_regex(r"[A-Za-z0-9._+@-]{1,20}(/[A-Za-z0-9._+@-]{1,20}){0,3}", fullmatch=True).filter(archive.is_path)
FILES = st.dictionaries(PATHS, st.binary(max_size=1500), max_size=6)


def read(data: bytes) -> dict[str, bytes]:
    stream = io.BytesIO(data)
    return {m.path: b"".join(archive.content(stream, m)) for m in archive.read_members(stream, "x.scpkg")}


@examples(40)
@given(FILES)
def test_what_is_packed_comes_back(files: dict[str, bytes]) -> None:
    data = packed(files)
    assert read(data) == files
    assert list(read(data)) == list(files)
    assert packed(read(data)) == data


@examples(40)
@given(FILES)
def test_other_tools_read_the_same(files: dict[str, bytes]) -> None:
    with tarfile.open(fileobj=io.BytesIO(packed(files))) as tar:
        found = {member.name: tar.extractfile(member) for member in tar}
        assert {name: stream.read() for name, stream in found.items() if stream} == files
        assert all((m.mode, m.mtime, m.uid, m.gid, m.uname) == (0o644, 0, 0, 0, "") for m in tar)


@examples(150)
@given(FILES.filter(bool), st.data())
def test_no_other_bytes_are_the_same_package(files: dict[str, bytes], data: st.DataObject) -> None:
    good = packed(files)
    at = data.draw(st.integers(0, len(good) - 1))
    bad = good[:at] + bytes([good[at] ^ data.draw(st.integers(1, 255))]) + good[at + 1 :]
    try:
        found = read(bad)
    except AdmissionError:
        return
    assert found != files


@examples(60)
@given(FILES, st.data())
def test_a_part_of_it_is_no_package(files: dict[str, bytes], data: st.DataObject) -> None:
    good = packed(files)
    with pytest.raises(AdmissionError):
        read(good[: data.draw(st.integers(0, len(good) - 1))])
    with pytest.raises(AdmissionError, match="does not end with two empty blocks"):
        read(good + bytes(512))


def of_tar(change: Callable[[tarfile.TarInfo], None], form: int = tarfile.USTAR_FORMAT) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:", format=form) as tar:
        member = tarfile.TarInfo("manifest.json")
        change(member)
        tar.addfile(member, io.BytesIO(bytes(member.size)) if member.isreg() else None)
    return buffer.getvalue()


def kind(letter: bytes, target: str = "") -> Callable[[tarfile.TarInfo], None]:
    def change(member: tarfile.TarInfo) -> None:
        member.type, member.linkname = letter, target

    return change


def named(name: str) -> Callable[[tarfile.TarInfo], None]:
    return lambda member: setattr(member, "name", name)


HOSTILE = {
    "symbolic link": (of_tar(kind(tarfile.SYMTYPE, "/etc/shadow")), "has a symbolic link, 'manifest.json'"),
    "hard link": (of_tar(kind(tarfile.LNKTYPE, "/etc/shadow")), "has a hard link"),
    "character device": (of_tar(kind(tarfile.CHRTYPE)), "has a device"),
    "block device": (of_tar(kind(tarfile.BLKTYPE)), "has a device"),
    "pipe": (of_tar(kind(tarfile.FIFOTYPE)), "has a pipe"),
    "directory": (of_tar(kind(tarfile.DIRTYPE)), "has a directory"),
    "absolute": (of_tar(named("/etc/passwd")), "path is not accepted, '/etc/passwd'"),
    "above": (of_tar(named("../../etc/passwd")), "path is not accepted, '../../etc/passwd'"),
    "inner above": (of_tar(named("a/../../b")), "path is not accepted"),
    "dot": (of_tar(named("./manifest.json")), "path is not accepted"),
    "empty part": (of_tar(named("a//b")), "path is not accepted"),
    "control character": (of_tar(named("a\x1b[31m")), r"path is not accepted, 'a\\\\x1b\[31m'"),
    "backslash": (of_tar(named("a\\b")), "path is not accepted"),
    "owner": (of_tar(lambda m: setattr(m, "uid", 1000)), "header is not in the canonical form"),
    "time": (of_tar(lambda m: setattr(m, "mtime", 5)), "header is not in the canonical form"),
    "setuid": (of_tar(lambda m: setattr(m, "mode", 0o4755)), "header is not in the canonical form"),
    "long name": (of_tar(named("d/" * 40 + "x" * 90)), "path is not accepted|canonical form"),
    "gnu": (of_tar(lambda _m: None, tarfile.GNU_FORMAT), "there is no header of a file"),
    "pax": (of_tar(named("x" * 120), tarfile.PAX_FORMAT), "header of a file|path is not accepted|canonical form"),
    "nothing": (b"", "there is no header of a file|two empty blocks"),
    "text": (b"PK\x03\x04" * 300, "there is no header of a file"),
    "compressed": (b"\x1f\x8b" + bytes(600), "there is no header of a file"),
    "twice": (packed({"a": b"1"})[:-1024] + packed({"a": b"2"}), "has the file a twice"),
    "padding": (packed({"a": b"1"})[:513] + b"x" + packed({"a": b"1"})[514:], "has no empty bytes after its file a"),
    "behind": (packed({}) + b"x", "two empty blocks and nothing after"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_what_may_not_be_in_it_is_refused_by_name(case: str) -> None:
    data, message = HOSTILE[case]
    with pytest.raises(AdmissionError, match=message) as refused:
        read(data)
    assert str(refused.value).isprintable()


def test_too_many_files(monkeypatch: pytest.MonkeyPatch) -> None:
    files = {f"f{number}": b"" for number in range(archive.MEMBERS + 1)}
    with pytest.raises(AdmissionError, match="has more than 1024 files"):
        read(packed(files))
    monkeypatch.setattr(archive, "TOTAL_LIMIT", 100)
    with pytest.raises(AdmissionError, match="over the limit of 100"):
        read(packed({"a": b""}))


def test_a_claimed_size_allocates_nothing() -> None:
    data = archive.header("manifest.json", archive.FILE_LIMIT) + bytes(1024)
    tracemalloc.start()
    try:
        with pytest.raises(AdmissionError, match=r"ends before its file manifest\.json does"):
            read(data)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_a_file_that_is_cut_while_it_is_read(tmp_path: Path) -> None:
    file = tmp_path / "x.scpkg"
    file.write_bytes(packed({"a": bytes(5000)}))
    with file.open("rb") as stream:
        (member,) = archive.read_members(stream, "x")
        with file.open("r+b") as other:
            other.truncate(1000)
        with pytest.raises(OSError, match="became shorter"):
            list(archive.content(stream, member))
