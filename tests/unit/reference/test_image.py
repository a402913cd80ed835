# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Literal

import pytest

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import ReferenceValueError
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.image import digest_image

CONFIG = b'{"architecture":"amd64"}'
Member = tuple[str, bytes | str | None]
"""Name with content; with a text, a symbolic link's target; with None, a directory."""


def sha256(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def tar(*members: Member, mode: Literal["w:", "w:gz"] = "w:") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:
        for name, content in members:
            member = tarfile.TarInfo(name)
            if content is None:
                member.type = tarfile.DIRTYPE
            elif isinstance(content, str):
                member.type, member.linkname = tarfile.SYMTYPE, content
            else:
                member.size = len(content)
            archive.addfile(member, io.BytesIO(content) if isinstance(content, bytes) else None)
    return buffer.getvalue()


def image(path: Path, *layers: bytes, config: bytes = CONFIG) -> Path:
    names = [f"layer{i}.tar" for i in range(len(layers))]
    manifest = [{"Config": "config.json", "RepoTags": ["localhost/dns-filter:1"], "Layers": names}]
    members: list[Member] = [("config.json", config), ("manifest.json", json.dumps(manifest).encode())]
    path.write_bytes(tar(*members, *zip(names, layers, strict=True)))
    return path


def test_layers_lie_on_each_other_as_the_image_specification_says(tmp_path: Path) -> None:
    below = tar(
        ("bin", None),
        ("bin/sh", b"shell"),
        ("etc/old.conf", b"old"),
        ("etc/kept.conf", b"kept"),
        ("data/one", b"1"),
        ("data/two", b"2"),
        ("was/dir/file", b"deep"),
    )
    above = tar(
        ("bin/sh", b"other shell"),
        ("etc/.wh.old.conf", b""),
        ("data/three", b"3"),
        ("data/.wh..wh..opq", b""),
        ("was", b"a file now"),
        mode="w:gz",
    )
    digests = digest_image(image(tmp_path / "image.tar", below, above))
    assert digests.image_id == sha256(CONFIG)
    assert digests.names == ("localhost/dns-filter:1",)
    assert digests.files == {
        "/bin/sh": sha256(b"other shell"),
        "/etc/kept.conf": sha256(b"kept"),
        "/data/three": sha256(b"3"),
        "/was": sha256(b"a file now"),
    }


def test_a_link_replaces_the_file_below_it(tmp_path: Path) -> None:
    digests = digest_image(image(tmp_path / "i.tar", tar(("bin/sh", b"shell")), tar(("bin/sh", "busybox"))))
    assert digests.files == {}


def test_an_archive_without_manifest_is_refused(tmp_path: Path) -> None:
    (tmp_path / "i.tar").write_bytes(tar(("blobs", None)))
    with pytest.raises(ReferenceValueError, match=r"has no member 'manifest\.json'.*--format docker-archive or oci"):
        digest_image(tmp_path / "i.tar")


def test_an_archive_of_two_images_is_refused(tmp_path: Path) -> None:
    (tmp_path / "i.tar").write_bytes(tar(("manifest.json", b'[{"Layers":[]},{"Layers":[]}]')))
    with pytest.raises(ReferenceValueError, match="does not hold exactly one image"):
        digest_image(tmp_path / "i.tar")


def test_a_truncated_layer_is_refused(tmp_path: Path) -> None:
    layer = tar(("bin/sh", b"shell" * 400))[:700]
    with pytest.raises(ReferenceValueError, match="cannot be read"):
        digest_image(image(tmp_path / "i.tar", layer))
