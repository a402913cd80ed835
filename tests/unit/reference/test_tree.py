# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import hashlib
import io
import os
import tarfile
from pathlib import Path
from typing import Literal

import pytest

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import ReferenceValueError
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.tree import digest_tree

FILES = {
    "usr/bin/ls": b"list",
    "usr/share/doc/ls/README": b"read me",
    "usr/share/man/man1/ls.1": b"manual",
    "etc/hosts": b"127.0.0.1 localhost\n",
    "var/lib/state": b"changes",
    "boot/vmlinuz": b"kernel",
}


def sha256(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    for name, data in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    os.link(root / "usr/bin/ls", root / "usr/bin/dir")
    (root / "usr/bin/sl").symlink_to("ls")
    (root / "bin").symlink_to("usr/bin")
    (root / "etc/alternatives").symlink_to("/nowhere")
    return root


EXPECTED = {
    "/usr/bin/ls": sha256(b"list"),
    "/usr/bin/dir": sha256(b"list"),
    "/etc/hosts": sha256(b"127.0.0.1 localhost\n"),
    "/boot/vmlinuz": sha256(b"kernel"),
}


def test_directory_gives_regular_files_that_a_node_executes_or_reads(tree: Path) -> None:
    assert digest_tree(tree) == EXPECTED


@pytest.mark.parametrize("mode", ["w:", "w:gz", "w:xz"])
def test_archive_gives_the_same_as_the_directory(
    tree: Path, tmp_path: Path, mode: Literal["w:", "w:gz", "w:xz"]
) -> None:
    archive = tmp_path / "rootfs.tar"
    with tarfile.open(archive, mode) as tar:
        tar.add(tree, ".")
    assert digest_tree(archive) == EXPECTED


def test_a_single_file_can_be_left_out(tree: Path) -> None:
    assert digest_tree(tree, exclude=("/usr/share", "/usr/bin/dir")) == {
        path: digest for path, digest in EXPECTED.items() if path != "/usr/bin/dir"
    }


def test_hard_link_into_a_directory_that_is_left_out_keeps_its_content(tmp_path: Path) -> None:
    archive = tmp_path / "rootfs.tar"
    with tarfile.open(archive, "w") as tar:
        member = tarfile.TarInfo("./var/lib/original")
        member.size = 4
        tar.addfile(member, io.BytesIO(b"same"))
        link = tarfile.TarInfo("./usr/bin/copy")
        link.type, link.linkname = tarfile.LNKTYPE, "./var/lib/original"
        tar.addfile(link)
    assert digest_tree(archive) == {"/usr/bin/copy": sha256(b"same")}


def test_what_holds_no_file_of_a_host_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReferenceValueError, match=r"holds no file under /bin, .* Next: give the root of an image tree"):
        digest_tree(tmp_path)


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "rootfs.tar").write_bytes(b"no archive at all")
    with pytest.raises(ReferenceValueError, match=r"rootfs\.tar: cannot be read"):
        digest_tree(tmp_path / "rootfs.tar")
