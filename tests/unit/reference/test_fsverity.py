# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""fs-verity digests: those that others publish, and what they are worth as Reference Values."""

from __future__ import annotations

import hashlib
import io
import tarfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.layers.files import Match, match
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import ReferenceValueError
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.document import ReferenceDocument, from_plain
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.fsverity import fsverity_digest
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.index import FileIndex, index_files
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.make import make
from tests.unit.support.examples import examples

NOW = datetime(2026, 11, 23, tzinfo=UTC)
SALT = bytes.fromhex("f3c93fa6fb828c0e1587e5714ecf6f56")


@pytest.mark.parametrize(
    ("size", "algorithm", "salt", "digest"),
    [
        (0, "sha256", b"", "3d248ca542a24fc62d1c43b916eae5016878e2533c88238480b26128a1f1af95"),
        (4096, "sha256", b"", "babc284ee4ffe7f449377fbf6692715b43aec7bc39c094a95878904d34bac97e"),
        (65_536, "sha256", b"", "011e3f2b1dc89b75d78cddcc2a1b85cd8a64b2883e5f20f277ae4c0617e0404f"),
        (100_000_000, "sha256", SALT, "9d33cab743468fcbe4edab91a275b30dd543c12dd5e6ce6f2f737f66a1558f06"),
        (
            65_536,
            "sha512",
            b"",
            (
                "eab7224ce374a0a4babcb2db25e24836247f38b87806ad9be9e5ba4daac2f5b814fc0cbdfd9f1f8499b3c9a6c1b38fe0"
                "8974cce49883ab4ccd04462fd2f9507f"
            ),
        ),
        (
            100_000_000,
            "sha512",
            SALT,
            (
                "f7083a38644880d25539488313e9e5b41a4d431a0e383945129ad2c36e3c1d0f"
                "28928a424641bb1363c12b6e770578102566acea73baf1ce8ee15336f5ba2446"
            ),
        ),
    ],
)
def test_the_digests_of_files_of_zeros_are_those_of_xfstests_generic_575(
    size: int, algorithm: str, salt: bytes, digest: str
) -> None:
    assert fsverity_digest(io.BytesIO(bytes(size)), algorithm=algorithm, salt=salt) == f"verity:{algorithm}:{digest}"


@pytest.mark.parametrize(
    ("content", "digest"),
    [
        (b"hello", "555b589c26ee43b7a2510e6c67ced9fb3190b6da6e9e683984551f5d77a763de"),
        (b"a" * 4096, "a2a808ddaced77f0b6b3068f47b14b5a1fb3fc43674993ab11b8e7e6f2d089e2"),
        (b"\1" * 4097, "2901b849fda2d91e3929524561c4a47e77bb64734319759507b2029f18b9cc52"),
        (b"x" * (4096 * 128 + 1), "7321b423e2b765c00796ae1e5b0be1dbba66e2e76f0e06e0d6ea4f14142d8783"),
        (
            bytes(i * 7 % 256 for i in range(1_000_000)),
            "c40050f05fa9f200612b691167abfc0ca3fc6312dcb97c1cb17e6ec51ae9df74",
        ),
    ],
)
def test_the_digests_are_those_of_fsverity_utils(content: bytes, digest: str) -> None:
    assert fsverity_digest(io.BytesIO(content)) == f"verity:sha256:{digest}"


def by_the_book(content: bytes) -> str:
    """Return the digest by building the whole tree, level by level."""
    blocks = [content[at : at + 4096] for at in range(0, len(content), 4096)]
    level = [hashlib.sha256(block.ljust(4096, b"\0")).digest() for block in blocks]
    while len(level) > 1:
        hashes = b"".join(level)
        blocks = [hashes[at : at + 4096] for at in range(0, len(hashes), 4096)]
        level = [hashlib.sha256(block.ljust(4096, b"\0")).digest() for block in blocks]
    root = level[0] if level else bytes(32)
    descriptor = b"\1\1\x0c\0" + bytes(4) + len(content).to_bytes(8, "little") + root + bytes(208)
    return "verity:sha256:" + hashlib.sha256(descriptor).hexdigest()


class Dribble(io.BytesIO):
    """A stream that returns less than was asked for."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(size or 0, 1000) if size and size > 0 else size)


@examples(40)
@given(st.integers(0, 4096 * 300), st.integers(0, 255))
def test_any_size_gives_the_digest_of_the_whole_tree(size: int, byte: int) -> None:
    content = bytes((byte,)) * size
    assert fsverity_digest(Dribble(content)) == by_the_book(content)


def host(**files: str) -> FileIndex:
    names = {"/usr/bin/" + name: (digest,) for name, digest in files.items()}
    return index_files([ReferenceDocument("edge", "host", NOW, files=names)], NOW)


def test_a_digest_of_one_kind_says_nothing_of_one_of_the_other() -> None:
    content, verity, other = "sha256:" + "1" * 64, "verity:sha256:" + "2" * 64, "verity:sha256:" + "3" * 64
    assert match("/usr/bin/ls", verity, host(ls=content), {}) is Match.UNDECIDED
    assert match("/usr/bin/ls", verity, host(ls=content, bash=other), {}) is Match.UNDECIDED
    assert match("/usr/bin/ls", "verity:" + content, host(ls=content), {}) is Match.UNDECIDED
    assert match("/usr/bin/ls", content, host(ls=verity), {}) is Match.UNDECIDED


def test_a_known_fs_verity_digest_is_known_moved_or_modified_as_any_other() -> None:
    verity, other = "verity:sha256:" + "2" * 64, "verity:sha256:" + "3" * 64
    assert match("/usr/bin/ls", verity, host(ls=verity), {}) is Match.KNOWN
    assert match("/usr/bin/ls", other, host(ls=verity), {}) is Match.MODIFIED
    assert match("/usr/bin/sl", verity, host(ls=verity), {}) is Match.MOVED
    assert match("/usr/bin/sl", other, host(ls=verity), {}) is Match.UNKNOWN


def test_a_host_document_has_both_digests_where_it_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "root/usr/bin").mkdir(parents=True)
    (tmp_path / "root/usr/bin/ls").write_bytes(b"hello")
    with tarfile.open(tmp_path / "root.tar", "w") as tar:
        tar.add(tmp_path / "root/usr", "usr")
    both = (
        "sha256:" + hashlib.sha256(b"hello").hexdigest(),
        "verity:sha256:555b589c26ee43b7a2510e6c67ced9fb3190b6da6e9e683984551f5d77a763de",
    )
    for source in (tmp_path / "root", tmp_path / "root.tar"):
        assert make("host", "edge", source, NOW, fsverity=True).files == {"/usr/bin/ls": both}
        assert make("host", "edge", source, NOW).files == {"/usr/bin/ls": both[:1]}
    with pytest.raises(ReferenceValueError, match="is not for kind 'sc'"):
        make("sc", "x", tmp_path / "root.tar", NOW, fsverity=True)


@pytest.mark.parametrize(("digest", "good"), [("verity:sha256:" + "0" * 64, True), ("verity:sha1:" + "0" * 40, False)])
def test_a_document_takes_fs_verity_digests_of_files_alone(digest: str, good: bool) -> None:
    plain = {
        "format": "palantir.trust/reference-values/1",
        "name": "edge",
        "kind": "host",
        "created": NOW,
        "files": {"/usr/bin/ls": digest},
    }
    if good:
        assert from_plain(plain).files == {"/usr/bin/ls": (digest,)}
    else:
        with pytest.raises(ReferenceValueError, match="is no digest"):
            from_plain(plain)
    event = {"pcr": 4, "type": "EV_IPL", "digests": ["verity:sha256:" + "0" * 64], "what": "x"}
    with pytest.raises(ReferenceValueError, match="is no digest"):
        from_plain(plain | {"kind": "boot", "files": {}, "events": [event]})
