# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Root trees as a node unpacks and compares them; only root can give files owners."""

from __future__ import annotations

import io
import json
import os
import stat
import tarfile
from pathlib import Path

import pytest

from ansible_collections.palantir.trust.plugins.module_utils import _preserved, _root_tree, _tree_unit
from ansible_collections.palantir.trust.plugins.module_utils._errors import NodeError
from tests.unit.drivers.scene import BASE, archived, member

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="owners of a range can only be set by root")
LINK = {"type": tarfile.SYMTYPE}
HARD = {"type": tarfile.LNKTYPE}


def image() -> list[tuple[tarfile.TarInfo, bytes]]:
    return [
        member("./"),
        member("usr/bin"),
        member("usr/bin/app", b"program", mode=0o4755),
        member("usr/bin/same", **HARD, linkname="usr/bin/app"),
        member("bin", **LINK, linkname="usr/bin"),
        member("etc/app.conf", b"a=1\n", uid=33, gid=34, mode=0o640),
    ]


def test_every_file_gets_an_owner_in_the_range(tmp_path: Path) -> None:
    found = archived(tmp_path, *image())
    _root_tree.unpack(found)
    root = Path(found.root)
    app, conf = (root / "usr/bin/app").lstat(), (root / "etc/app.conf").lstat()
    assert (app.st_uid, app.st_gid, stat.S_IMODE(app.st_mode)) == (BASE, BASE, 0o4755)
    assert (conf.st_uid, conf.st_gid, stat.S_IMODE(conf.st_mode)) == (BASE + 33, BASE + 34, 0o640)
    assert (root / "bin").is_symlink()
    assert (root / "bin").lstat().st_uid == BASE
    assert (root / "usr/bin/same").stat().st_ino == app.st_ino
    assert {path.lstat().st_uid - BASE for path in [root, *root.rglob("*")]} == {0, 33}
    assert stat.S_IMODE((root / "tmp").stat().st_mode) == 0o1777


def test_an_archive_that_is_not_what_its_name_says_is_never_unpacked(tmp_path: Path) -> None:
    found = archived(tmp_path, *image())
    with open(found.archive, "r+b") as archive:
        archive.seek(1024)
        archive.write(b"x")
    with pytest.raises(NodeError, match="is not what its name says") as caught:
        _root_tree.unpack(found)
    assert caught.value.code == "bad_image"
    assert not os.path.exists(found.root)


def test_an_image_that_is_not_here_is_asked_for(tmp_path: Path) -> None:
    found = archived(tmp_path, *image())
    os.unlink(found.archive)
    with pytest.raises(NodeError, match=r"bring it here with palantir\.trust\.deploy") as caught:
        _root_tree.unpack(found)
    assert caught.value.code == "no_image"


@pytest.mark.parametrize(
    "members",
    [
        [member("../evil", b"x")],
        [member("usr/../../evil", b"x")],
        [member("lib", **LINK, linkname="/usr/lib"), member("lib/evil", b"x")],
        [member("up", **LINK, linkname="../.."), member("up/evil", b"x")],
        [member("evil", **HARD, linkname="../../.images/x")],
        [member("evil", **HARD, linkname="not/there")],
        [member("dev/sda", type=tarfile.BLKTYPE)],
        [member("pipe", type=tarfile.FIFOTYPE)],
        [member("a", b"x", uid=65536)],
        [member("a", b"x", gid=-1)],
    ],
)
def test_an_archive_writes_nothing_outside_of_its_root(
    tmp_path: Path, members: list[tuple[tarfile.TarInfo, bytes]]
) -> None:
    found = archived(tmp_path, *members)
    with pytest.raises(NodeError) as caught:
        _root_tree.unpack(found)
    assert caught.value.code == "bad_image"
    assert [path for path in tmp_path.rglob("evil") if "root" not in path.parts] == []
    assert not os.path.exists("/usr/lib/evil")


@pytest.mark.parametrize("linked", ["{outside}", "../../../outside"])
def test_a_place_for_a_mount_is_made_in_the_root_and_nowhere_else(tmp_path: Path, linked: str) -> None:
    """The image has a link in the way of /var/tmp: on the node it leads to a directory of the node's."""
    outside = tmp_path / "outside"
    (outside / "tmp").mkdir(parents=True)
    found = archived(tmp_path, member("var", **LINK, linkname=linked.format(outside=outside)))
    with pytest.raises(NodeError, match="a place for a mount behind a link") as caught:
        _root_tree.unpack(found)
    assert caught.value.code == "bad_image"
    assert (outside / "tmp").stat().st_uid == 0, "it is the node's still"


def test_a_link_to_another_place_of_the_root_is_none_that_leads_out(tmp_path: Path) -> None:
    found = archived(tmp_path, member("srv"), member("var", **LINK, linkname="srv"))
    _root_tree.unpack(found)
    assert (Path(found.root) / "srv/tmp").stat().st_uid == BASE


def test_a_directory_that_leads_elsewhere_by_a_link_of_the_nodes_own_holds_roots_too(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "here").symlink_to("disk")
    found = archived(tmp_path / "here", *image())
    _root_tree.unpack(found)
    assert _root_tree.changes(found) == ([], [], [])


def test_nothing_is_found_where_nothing_was_changed(tmp_path: Path) -> None:
    found = archived(tmp_path, *image())
    _root_tree.unpack(found)
    assert _root_tree.changes(found) == ([], [], [])


def test_what_was_changed_is_found_also_where_its_time_was_set_back(tmp_path: Path) -> None:
    found = archived(tmp_path, *image())
    _root_tree.unpack(found)
    root = Path(found.root)
    before = (root / "usr/bin/app").stat()
    (root / "usr/bin/app").write_bytes(b"PROGRAM")
    os.utime(root / "usr/bin/app", ns=(before.st_atime_ns, before.st_mtime_ns))
    (root / "usr/bin/app").chmod(0o4755)
    (root / "usr/sbin").mkdir()
    (root / "usr/sbin/dropper").write_bytes(b"dropped")
    (root / "etc/app.conf").unlink()
    (root / "bin").unlink()
    (root / "bin").symlink_to("/elsewhere")
    found_changes = _root_tree.changes(found)
    assert found_changes.added == ["/usr/sbin", "/usr/sbin/dropper"]
    assert found_changes.changed == ["/bin", "/usr/bin/app", "/usr/bin/same"], "two names of one file"
    assert found_changes.deleted == ["/etc/app.conf"]
    kept = _root_tree.preserved(found)
    assert json.loads(kept["changes.json"]) == found_changes._asdict()
    with tarfile.open(fileobj=io.BytesIO(kept["changed-files.tar"])) as tar:
        assert sorted(tar.getnames()) == ["usr/bin/app", "usr/bin/same", "usr/sbin/dropper"]


@pytest.mark.parametrize("change", ["owner", "mode", "kind"])
def test_a_file_with_another_owner_mode_or_kind_was_changed(tmp_path: Path, change: str) -> None:
    found = archived(tmp_path, *image())
    _root_tree.unpack(found)
    path = Path(found.root) / "etc/app.conf"
    if change == "owner":
        os.chown(path, 0, 0)
        path.chmod(0o640)
    elif change == "mode":
        path.chmod(0o666)
    else:
        path.unlink()
        path.mkdir()
    assert "/etc/app.conf" in _root_tree.changes(found).changed


def test_a_link_that_leads_out_is_not_followed_to_preserve_it(tmp_path: Path) -> None:
    found = archived(tmp_path, *image())
    _root_tree.unpack(found)
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret/key").write_text("the node's own")
    (Path(found.root) / "out").symlink_to(tmp_path / "secret")
    (Path(found.root) / "key").symlink_to(tmp_path / "secret/key")
    kept = _root_tree.preserved(found)
    assert b"the node's own" not in kept["changed-files.tar"]


def test_a_large_file_does_not_hide_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_preserved, "LIMIT", 8192)
    found = archived(tmp_path, *image())
    _root_tree.unpack(found)
    root = Path(found.root)
    (root / "aaa").write_bytes(bytes(9000))
    for number in range(9):
        (root / f"bbb{number}").write_bytes(bytes(100))
    (root / "usr/bin/app").write_bytes(b"PROGRAM")
    with tarfile.open(fileobj=io.BytesIO(_root_tree.preserved(found)["changed-files.tar"])) as tar:
        names = tar.getnames()
    assert names[:2] == ["usr/bin/app", "usr/bin/same"], "what was changed has an end, what can be added has none"
    assert "aaa" not in names
    assert len(names) > 4


def test_what_is_no_file_any_more_is_neither_waited_for_nor_followed(tmp_path: Path) -> None:
    """An instance that was not frozen, as its service was just ending, puts something else in the place of a file."""
    root = tmp_path / "root"
    (root / "etc").mkdir(parents=True)
    (tmp_path / "secret").write_text("the node's own")
    os.mkfifo(root / "etc/pipe")
    (root / "etc/link").symlink_to(tmp_path / "secret")
    (root / "lib").symlink_to(tmp_path)
    (root / "etc/file").write_text("kept")
    kept = _preserved.packed(
        str(root), ["/etc/pipe", "/etc/link", "/lib/secret", "/gone", "/etc", "/etc/../etc/file", "/etc/file"]
    )
    with tarfile.open(fileobj=io.BytesIO(kept)) as tar:
        assert tar.getnames() == ["etc/file"]


def test_however_many_files_there_are_their_list_has_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = archived(tmp_path, *image())
    _root_tree.unpack(found)
    root = Path(found.root)
    monkeypatch.setattr(_root_tree, "_WALKED", 20)
    (root / "0").mkdir()
    for number in range(50):
        (root / f"0/{number:02}").touch()
    (root / "usr/bin/app").write_bytes(b"PROGRAM")
    (root / "etc/app.conf").unlink()
    found_changes = _root_tree.changes(found)
    assert len(found_changes.added) <= 20
    assert found_changes.changed == ["/usr/bin/app", "/usr/bin/same"]
    assert found_changes.deleted == ["/etc/app.conf"]


def test_a_root_tree_has_no_command_of_its_own(tmp_path: Path) -> None:
    found = archived(tmp_path, *image())._replace(command=())
    with pytest.raises(NodeError, match="name it in the flavour") as caught:
        _tree_unit.unpack(found)
    assert caught.value.code == "no_command"
