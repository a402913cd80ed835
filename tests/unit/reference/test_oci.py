# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import gzip
import hashlib
import io
import json
import shutil
import tarfile
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.palantir.trust.plugins.plugin_utils.catalogue.descriptor import Flavour
from ansible_collections.palantir.trust.plugins.plugin_utils.catalogue.image import pinned_image_id
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import ReferenceValueError
from ansible_collections.palantir.trust.plugins.plugin_utils.reference import image as image_module
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.document import write
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.image import digest_image
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.layers import LayeredFiles
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.make import make
from tests.unit.reference.deb_builder import Content, packed, sha256, tar
from tests.unit.support.examples import examples

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
NOW = datetime(2026, 11, 23, tzinfo=UTC)


@dataclass
class Layout:
    """An OCI image layout as a test tells it."""

    directory: Path
    manifests: list[dict[str, Any]] = field(default_factory=list)

    def blob(self, data: bytes, media_type: str, **more: Any) -> dict[str, Any]:
        digest = hashlib.sha256(data).hexdigest()
        path = self.directory / "blobs" / "sha256" / digest
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data), **more}

    def image(
        self, *layers: bytes, suffix: str = ".gz", config: dict[str, Any] | None = None, **more: Any
    ) -> dict[str, Any]:
        """Add an image's blobs, and return the descriptor of its manifest."""
        rootfs = {"type": "layers", "diff_ids": [sha256(layer) for layer in layers]}
        plain = {"architecture": "amd64", "os": "linux", "rootfs": rootfs} | (config or {})
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": self.blob(json.dumps(plain).encode(), "application/vnd.oci.image.config.v1+json"),
            "layers": [
                self.blob(packed(layer, suffix), "application/vnd.oci.image.layer.v1.tar+gzip") for layer in layers
            ],
        }
        return self.blob(json.dumps(manifest).encode(), MANIFEST, **more)

    def write(self, *manifests: dict[str, Any]) -> Path:
        (self.directory / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
        (self.directory / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": manifests}))
        return self.directory

    def archive(self, *manifests: dict[str, Any]) -> Path:
        path = self.directory.with_suffix(".tar")
        with tarfile.open(path, "w") as archive:
            archive.add(self.write(*manifests), ".")
        return path


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    (tmp_path / "layout").mkdir()
    return Layout(tmp_path / "layout")


def platform(architecture: str, system: str = "linux", **more: str) -> dict[str, str]:
    return {"architecture": architecture, "os": system, **more}


BELOW = tar({"usr/bin": None, "usr/bin/sh": b"shell", "etc/old": b"old", "data/a": b"a", "data/deep/b": b"b"})
ABOVE = tar(
    {
        "usr/bin/bash": (tarfile.LNKTYPE, "usr/bin/sh"),
        "etc/.wh.old": b"",
        "data/.wh..wh..opq": b"",
        "data/c": b"c",
        ".wh..wh.plnk/1.2": b"",
        "dev/null": (tarfile.CHRTYPE, ""),
    }
)
FILES = {
    "/usr/bin/sh": sha256(b"shell"),
    "/usr/bin/bash": sha256(b"shell"),
    "/data/c": sha256(b"c"),
}


@pytest.mark.parametrize("form", ["directory", "archive"])
@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
def test_an_image_is_read_from_a_layout(layout: Layout, form: str, suffix: str) -> None:
    if suffix == ".zst" and shutil.which("zstd") is None:
        pytest.skip("zstd is not installed")
    manifest = layout.image(
        BELOW, ABOVE, suffix=suffix, annotations={"org.opencontainers.image.ref.name": "localhost/dns-filter:1"}
    )
    digests = digest_image(layout.write(manifest) if form == "directory" else layout.archive(manifest))
    assert digests.files == FILES
    assert digests.names == ("localhost/dns-filter:1",)
    config = json.loads((layout.directory / "blobs/sha256" / manifest["digest"][7:]).read_bytes())["config"]
    assert digests.image_id == config["digest"]


def test_an_archive_that_is_compressed_is_read(layout: Layout) -> None:
    path = layout.archive(layout.image(BELOW))
    path.with_suffix(".tgz").write_bytes(gzip.compress(path.read_bytes()))
    assert digest_image(path.with_suffix(".tgz")) == digest_image(path)


# Several architectures


def several(layout: Layout) -> Path:
    images = [
        layout.image(tar({"bin/sh": name.encode()}), platform=platform(*name.split("/")[:1], **variant))
        for name, variant in (
            ("amd64", {}),
            ("arm64", {"variant": "v8"}),
            ("arm/v6", {"variant": "v6"}),
            ("arm/v7", {"variant": "v7"}),
        )
    ]
    attestation = layout.image(tar({"in-toto": b"{}"}), platform=platform("unknown", "unknown"))
    windows = layout.image(tar({"sh.exe": b"no"}), platform=platform("amd64", "windows"))
    signature = layout.image(tar({"signature": b"s"}), artifactType="application/vnd.example.signature")
    index = {"schemaVersion": 2, "manifests": [*images, attestation, windows, signature]}
    return layout.write(layout.blob(json.dumps(index).encode(), INDEX))


@pytest.mark.parametrize(
    ("architecture", "content"),
    [(None, b"amd64"), ("amd64", b"amd64"), ("arm64", b"arm64"), ("arm64/v8", b"arm64"), ("arm/v7", b"arm/v7")],
)
def test_one_of_several_architectures_is_taken(layout: Layout, architecture: str | None, content: bytes) -> None:
    assert digest_image(several(layout), architecture).files == {"/bin/sh": sha256(content)}


def test_an_architecture_that_is_missing_or_not_named_enough_is_told(layout: Layout) -> None:
    with pytest.raises(ReferenceValueError) as caught:
        digest_image(several(layout), "riscv64")
    assert str(caught.value) == (
        f"{layout.directory}: holds 0 images of architecture riscv64, not one; it has: amd64, arm/v6, arm/v7, "
        "arm64/v8. Next: name the architecture, or save one image alone."
    )
    with pytest.raises(ReferenceValueError, match="holds 2 images of architecture arm, not one"):
        digest_image(several(layout), "arm")


def test_the_only_image_is_taken_whatever_its_architecture(layout: Layout) -> None:
    path = layout.write(layout.image(BELOW, config={"architecture": "riscv64"}))
    assert digest_image(path).files["/usr/bin/sh"] == sha256(b"shell")
    assert digest_image(path, "riscv64") == digest_image(path)
    with pytest.raises(ReferenceValueError, match="holds 0 images of architecture arm64"):
        digest_image(path, "arm64")


# What is refused


def blob(layout: Layout, descriptor: dict[str, Any]) -> Path:
    return layout.directory / "blobs" / "sha256" / str(descriptor["digest"])[7:]


def test_a_blob_that_is_another_is_refused(layout: Layout) -> None:
    manifest = layout.image(BELOW)
    path = layout.write(manifest)
    layer = json.loads(blob(layout, manifest).read_bytes())["layers"][0]
    whole = blob(layout, layer).read_bytes()
    for data, message in (
        (packed(tar({"usr/bin/sh": b"other"}), ".gz"), r"has \d+ bytes, not \d+"),
        (whole[:-1] + bytes([whole[-1] ^ 1]), "has the digest sha256:.*, not sha256:"),
    ):
        blob(layout, layer).write_bytes(data)
        with pytest.raises(ReferenceValueError, match=f"layout, blob {layer['digest']}: {message}"):
            digest_image(path)
    blob(layout, layer).unlink()
    with pytest.raises(ReferenceValueError, match=f"layout, blob {layer['digest']}: is missing"):
        digest_image(path)


def test_layers_that_the_configuration_does_not_name_are_refused(layout: Layout) -> None:
    config = {"rootfs": {"type": "layers", "diff_ids": [sha256(BELOW)]}}
    path = layout.write(layout.image(BELOW, ABOVE, config=config))
    with pytest.raises(ReferenceValueError, match="has other layers than its configuration names"):
        digest_image(path)


@pytest.mark.parametrize(
    ("index", "message"),
    [
        ("[]", "is no JSON object"),
        ("{", "is no JSON object"),
        ("[" * 100_000, "is no JSON object"),
        ("{}", "has an index without manifests"),
        ('{"manifests": [1]}', "has a descriptor with the digest 'None'"),
        ('{"manifests": [{"digest": "sha256:../../../etc/passwd"}]}', "has a descriptor with the digest"),
        (json.dumps({"manifests": [{"digest": sha256(b""), "size": -1}]}), "has a descriptor with the size '-1'"),
        ('{"manifests": []}', "holds 0 images, not one; it has: none"),
    ],
)
def test_a_malformed_index_is_refused(layout: Layout, index: str, message: str) -> None:
    path = layout.write()
    (path / "index.json").write_text(index)
    with pytest.raises(ReferenceValueError) as caught:
        digest_image(path)
    assert message in str(caught.value)


def test_indexes_in_indexes_have_an_end(layout: Layout) -> None:
    inner = layout.image(BELOW)
    for depth in range(1, 7):
        inner = layout.blob(json.dumps({"manifests": [inner]}).encode(), INDEX)
        path = layout.write(inner)
        if depth <= 4:
            assert digest_image(path).files
        else:
            with pytest.raises(ReferenceValueError, match="or too deep"):
                digest_image(path)


def test_an_image_of_too_many_layers_is_refused(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_module, "LAYERS", 2)
    layers = [tar({f"l{n}": b""}) for n in range(3)]
    assert digest_image(layout.write(layout.image(*layers[:2]))).files
    with pytest.raises(ReferenceValueError, match="has more than 2 layers"):
        digest_image(layout.write(layout.image(*layers)))


def test_an_outer_archive_with_endless_headers_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "i.tar"
    path.write_bytes(tar({"x" * 2_000_000: b""}, format=tarfile.GNU_FORMAT))
    with pytest.raises(ReferenceValueError, match="an extended header of 2000001 bytes"):
        digest_image(path)


def test_a_directory_that_is_no_layout_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReferenceValueError, match=r"has no index\.json\. Next: save the image as oci-archive"):
        digest_image(tmp_path)


# Values and pinning


def test_values_are_made_and_the_catalogue_pins_by_them(layout: Layout) -> None:
    path = layout.archive(layout.image(BELOW, ABOVE))
    write(make("sc", "dns-filter", path, NOW), path.parent / "sc-dns-filter.json")
    flavour = Flavour("podman", "podman", path.name, "sc-dns-filter")
    assert pinned_image_id(flavour, path, path.parent) == digest_image(path).image_id


# Layers


NAMES = st.sampled_from(("a", "b", "c"))
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
CHANGES = st.dictionaries(
    PATHS, st.one_of(st.binary(max_size=2), st.none(), st.just((tarfile.SYMTYPE, "x"))), max_size=5
)


@given(st.lists(st.tuples(CHANGES, st.sets(PATHS, max_size=2), st.sets(PATHS, max_size=1)), max_size=4))
@examples(80)
def test_layers_are_applied_as_a_plain_list_of_paths_would_be(
    layers: list[tuple[dict[str, Content], set[str], set[str]]],
) -> None:
    """Compared with the rules of the specification, told of a flat list of files."""
    files, known = LayeredFiles(), dict[str, str]()
    for layer, removed, opaque in layers:
        # No layer has a file in another file of its own, or in a link.
        changes = {p: c for p, c in layer.items() if not any(q.startswith(p + "/") for q in layer) or c is None}
        members: dict[str, Content] = dict(changes)
        members |= {"/".join([*p.split("/")[:-1], f".wh.{p.split('/')[-1]}"]): b"" for p in removed}
        members |= {f"{p}/.wh..wh..opq": b"" for p in opaque}
        files.apply(io.BytesIO(tar(members)), "layer")
        gone = {*removed, *(p for p, c in changes.items() if c is not None)}
        known = {
            f: d
            for f, d in known.items()
            if not any(f == p or f.startswith(p + "/") for p in gone)
            and not any(f.startswith(p + "/") for p in opaque)
            and f not in changes
            and not any(p.startswith(f + "/") for p, c in changes.items() if isinstance(c, bytes))
        }
        known |= {p: sha256(c) for p, c in changes.items() if isinstance(c, bytes)}
    assert files.files() == {f"/{path}": digest for path, digest in sorted(known.items())}
