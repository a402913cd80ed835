# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An SC's image as the archive of its root file system: the same values as the container image of the same tree."""

from __future__ import annotations

import gzip
import io
import tarfile
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ansible_collections.palantir.trust.plugins.plugin_utils.catalogue.image import pinned_image_id
from ansible_collections.palantir.trust.plugins.plugin_utils.catalogue.model import Flavour
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import CatalogueError, ReferenceValueError
from ansible_collections.palantir.trust.plugins.plugin_utils.reference import archive
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.archive import Limits
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.document import ReferenceDocument, write
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.image import is_image
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.make import make
from tests.unit.reference.test_image import image as docker_archive
from tests.unit.reference.test_image import sha256, tar

NOW = datetime(2026, 11, 23, tzinfo=UTC)
TREE = tar(
    ("usr", None),
    ("usr/sbin/dnsmasq", b"resolver"),
    ("usr/share/doc/dnsmasq/copyright", b"of an SC all counts"),
    ("var/lib/dpkg/info/dnsmasq.list", b"this as well"),
    ("etc/dnsmasq.conf", b"port=5353\n"),
    ("sbin", "usr/sbin"),
    ("tmp", None),
)
FILES = {
    "/usr/sbin/dnsmasq": (sha256(b"resolver"),),
    "/usr/share/doc/dnsmasq/copyright": (sha256(b"of an SC all counts"),),
    "/var/lib/dpkg/info/dnsmasq.list": (sha256(b"this as well"),),
    "/etc/dnsmasq.conf": (sha256(b"port=5353\n"),),
}
FLAVOUR = Flavour("nspawn", "nspawn", "sc.rootfs.tar", "sc-dns-filter")


def made(source: Path) -> ReferenceDocument:
    return make("sc", "dns-filter", source, NOW)


def rootfs(directory: Path, content: bytes = TREE) -> Path:
    path = directory / "sc.rootfs.tar"
    path.write_bytes(content)
    return path


def special(name: str, kind: bytes, target: str = "") -> bytes:
    """A tree with one member of any kind, behind a file."""
    buffer = io.BytesIO(TREE)
    with tarfile.open(fileobj=buffer, mode="a:") as tree:
        member = tarfile.TarInfo(name)
        member.type, member.linkname, member.devmajor, member.devminor = kind, target, 8, 1
        tree.addfile(member)
    return buffer.getvalue()


@pytest.mark.parametrize("packed", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_both_forms_of_an_image_have_the_same_values(tmp_path: Path, packed: Callable[[bytes], bytes]) -> None:
    tree, container = rootfs(tmp_path, packed(TREE)), docker_archive(tmp_path / "sc.tar", TREE)
    assert (is_image(tree), is_image(container)) == (False, True)
    assert made(tree).files == made(container).files == FILES


@pytest.mark.parametrize("name", ["manifest.json", "./oci-layout"])
def test_what_is_at_the_end_of_an_archive_tells_an_image(tmp_path: Path, name: str) -> None:
    path = tmp_path / "image.tar"
    path.write_bytes(tar(("layer.tar", b"large" * 1_000_000), (name, b"{}")))
    assert is_image(path)
    path.write_bytes(tar(("layer.tar", b"large" * 1_000_000), (f"usr/{name}", b"{}")))
    assert not is_image(path)


def test_a_tree_has_no_architecture(tmp_path: Path) -> None:
    with pytest.raises(ReferenceValueError, match=r"means nothing for sc\.rootfs\.tar, a root file system"):
        make("sc", "dns-filter", rootfs(tmp_path), NOW, architecture="arm64")


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        (tarfile.BLKTYPE, ""),
        (tarfile.CHRTYPE, ""),
        (tarfile.FIFOTYPE, ""),
        (tarfile.SYMTYPE, "/etc/shadow"),
        (tarfile.SYMTYPE, "../../etc/shadow"),
    ],
    ids=["block device", "character device", "pipe", "link out", "link upwards"],
)
def test_what_is_no_file_has_no_value(tmp_path: Path, kind: bytes, target: str) -> None:
    assert made(rootfs(tmp_path, special("dev/sda", kind, target))).files == FILES


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.CHRTYPE])
def test_a_file_that_something_else_replaces_has_no_value(tmp_path: Path, kind: bytes) -> None:
    """What comes later in an archive is what is there in the end."""
    files = {path: digests for path, digests in FILES.items() if path != "/etc/dnsmasq.conf"}
    assert made(rootfs(tmp_path, special("etc/dnsmasq.conf", kind, "/proc/self/environ"))).files == files


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (tar(("../../etc/passwd", b"root")), r"its member '\.\./\.\./etc/passwd' leads out of it"),
        (tar(("usr/../../etc/passwd", b"root")), r"its member 'usr/\.\./\.\./etc/passwd' leads out of it"),
        (special("usr/bin/dig", tarfile.LNKTYPE, "../../etc/shadow"), r"its member '\.\./\.\./etc/shadow' leads out"),
        (special("usr/bin/dig", tarfile.LNKTYPE, "usr/bin/host"), "comes before its file '/usr/bin/host'"),
        (special("usr/\x1b[2Jx", tarfile.LNKTYPE, "usr/bin/host"), r"hard link '/usr/\\\\x1b\[2Jx' comes before"),
        (TREE[:700], "cannot be read"),
        (gzip.compress(TREE)[:-200], "cannot be read"),
        (b"\x7fELF" + bytes(4096), "cannot be read"),
        (tar(("etc", None)), "holds no file"),
        (b"", "cannot be read"),
    ],
    ids=[
        "upwards",
        "upwards inside",
        "link",
        "link to none",
        "terminal",
        "cut",
        "gzip cut",
        "other",
        "no file",
        "empty",
    ],
)
def test_a_tree_that_is_none_is_refused_by_name(tmp_path: Path, content: bytes, fault: str) -> None:
    with pytest.raises(ReferenceValueError, match=rf"sc\.rootfs\.tar.*{fault}") as caught:
        made(rootfs(tmp_path, content))
    assert str(caught.value).isprintable()


def test_a_tree_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ReferenceValueError, match=r"sc\.rootfs\.tar.*cannot be read.*No such file"):
        made(tmp_path / "sc.rootfs.tar")


@pytest.mark.parametrize(
    ("limits", "fault"),
    [
        (Limits(members=5), "has more than 5 members"),
        (Limits(file=9), "has 19 bytes, over the limit of 9"),
        (Limits(total=len(TREE) - 1), "unpacks to more than"),
    ],
    ids=["members", "file", "total"],
)
def test_a_tree_is_read_no_further_than_its_limits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limits: Limits, fault: str
) -> None:
    monkeypatch.setattr(archive, "Limits", lambda: limits)
    with pytest.raises(ReferenceValueError, match=fault):
        made(rootfs(tmp_path))


def test_a_compressed_tree_is_not_unpacked_into_memory(tmp_path: Path) -> None:
    size = 24 << 20
    tree = rootfs(tmp_path, gzip.compress(tar(("usr/sbin/dnsmasq", bytes(size))), compresslevel=1))
    tracemalloc.start()
    try:
        found = made(tree).files
        assert tracemalloc.get_traced_memory()[1] < size // 2
    finally:
        tracemalloc.stop()
    assert found == {"/usr/sbin/dnsmasq": (sha256(bytes(size)),)}


def test_a_tree_is_pinned_by_the_archive_s_own_digest(tmp_path: Path) -> None:
    tree = rootfs(tmp_path)
    write(made(docker_archive(tmp_path / "sc.tar", TREE)), tmp_path / "sc-dns-filter.json")
    assert pinned_image_id(FLAVOUR, tree, tmp_path) == sha256(TREE)

    path = "/var/lib/dpkg/info/other.list"
    rootfs(tmp_path, tar(("usr/sbin/dnsmasq", b"resolver"), (path[1:], b"hidden")))
    with pytest.raises(CatalogueError, match=f"its file {path} is not what Reference Values dns-filter know"):
        pinned_image_id(FLAVOUR, tree, tmp_path)
