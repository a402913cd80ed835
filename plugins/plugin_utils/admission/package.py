# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Making a package: what a developer signs is what an admission will check, and is checked before it is signed.

The same content, signer and key give the same bytes.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Final

from ansible_collections.palantir.trust.plugins.plugin_utils.admission import archive, contents
from ansible_collections.palantir.trust.plugins.plugin_utils.admission.manifest import (
    MANIFEST,
    MANIFEST_LIMIT,
    SIGNATURE,
    Manifest,
    package_digest,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.admission.signature import (
    SIGNATURE_LIMIT,
    PrivateKey,
    is_by,
    parse_signature,
    read_private_key,
    sign,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.catalogue.model import Descriptor
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import AdmissionError
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.archive import digest_stream

KEY: Final = "PALANTIR_TRUST_PACKAGE_KEY"
"""Environment: the private key itself, in PEM, for those who keep it in no file."""
KEY_FILE: Final = "PALANTIR_TRUST_PACKAGE_KEY_FILE"
"""Environment: the path of the private key."""
KEY_PASSWORD: Final = "PALANTIR_TRUST_PACKAGE_KEY_PASSWORD"  # noqa: S105 - a name
"""Environment: the password of the private key, where it has one."""
_KEY_LIMIT: Final = 16 * 1024
_HOW: Final = f"set {KEY_FILE} or key_file to the path of a private key, or {KEY} to its PEM."


@dataclass(frozen=True, slots=True)
class Made:
    """A package that was made: its file, its digest, how many files are in it, and whether the file was changed."""

    file: Path
    descriptor: Descriptor
    digest: str
    files: int
    changed: bool


def make_package(
    directory: Path, sc: str, target: Path, key: PrivateKey, signer: str, *, now: datetime, dry: bool = False
) -> Made:
    """Check what an SC needs, and write its package.

    Args:
        directory: has ``SC.yml``, and below it all that this names, as :mod:`.contents` says.
        sc: name of the SC.
        target: the file to write. It is left alone where it is this package already.
        key: the developer's private key.
        signer: the developer's name, by which sites know the key.
        now: the time, with a zone.
        dry: write nothing.

    Raises:
        TrustError: something is missing or wrong; nothing is written.
    """
    descriptor = contents.read_descriptor(directory, sc)
    if descriptor.signer not in (None, signer):
        raise AdmissionError(f"{sc}.yml, signer", f"is not {signer}.", "sign as the signer that the descriptor names.")
    contents.check_templates(directory, descriptor)
    images = contents.read_images(directory, descriptor)
    contents.check_reference_values(directory, descriptor, images, now)
    paths = sorted(contents.named_files(descriptor))
    manifest = Manifest(sc, descriptor.version, {path: _digest(directory / path) for path in paths})
    signature = sign(manifest.encode(), key, signer)
    changed = not _is_this(target, manifest, key, signer)
    if changed and not dry:
        _write(directory, target, manifest, signature)
    return Made(target, descriptor, package_digest(manifest.encode()), len(paths), changed)


def find_key(file: str | None, environment: Mapping[str, str]) -> PrivateKey:
    """Return the private key that a file or the environment gives.

    Raises:
        AdmissionError: there is none, others may read its file, or it is none that signs packages.
    """
    password = environment.get(KEY_PASSWORD, "").encode() or None
    path = file or environment.get(KEY_FILE)
    if path:
        return read_private_key(_private(Path(path)), password, f"key {path}")
    if environment.get(KEY):
        return read_private_key(environment[KEY].encode(), password, f"key of {KEY}")
    raise AdmissionError("the private key", "is not given.", _HOW)


def _private(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            if os.fstat(stream.fileno()).st_mode & 0o077:
                raise AdmissionError(f"key {path}", "may be read or changed by others.", f"run: chmod 600 {path}")
            return stream.read(_KEY_LIMIT)
    except OSError as error:
        raise AdmissionError(f"key {path}", f"cannot be read: {error.strerror}.", _HOW) from error


def _digest(file: Path) -> str:
    with _readable(file) as stream:
        return digest_stream(stream)


@contextlib.contextmanager
def _readable(file: Path) -> Iterator[IO[bytes]]:
    try:
        with file.open("rb") as stream:
            yield stream
    except OSError as error:
        raise AdmissionError(str(file), f"cannot be read: {error.strerror or error}.", "put it there.") from error


def _is_this(target: Path, manifest: Manifest, key: PrivateKey, signer: str) -> bool:
    """Tell whether a file is this package already; of two good signatures of one key either will do."""
    try:
        with target.open("rb") as stream:
            members = archive.read_members(stream, target.name)
            if [member.path for member in members] != [MANIFEST, SIGNATURE, *manifest.files]:
                return False
            if members[0].size > MANIFEST_LIMIT or members[1].size > SIGNATURE_LIMIT:
                return False
            found, signature = (b"".join(archive.content(stream, member)) for member in members[:2])
            signed = parse_signature(signature, SIGNATURE)
            by_this = signed.signer == signer and is_by(signed, key.public_key(), manifest.encode())
            files = all(_digest_of(stream, member) == manifest.files[member.path] for member in members[2:])
            return found == manifest.encode() and by_this and files
    except (OSError, AdmissionError):
        return False


def _digest_of(stream: IO[bytes], member: archive.Member) -> str:
    state = hashlib.sha256()
    for piece in archive.content(stream, member):
        state.update(piece)
    return "sha256:" + state.hexdigest()


def _write(directory: Path, target: Path, manifest: Manifest, signature: bytes) -> None:
    encoded = manifest.encode()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, partial = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    except OSError as error:
        raise AdmissionError(str(target), f"cannot be written: {error.strerror}.", "check its directory.") from error
    try:
        with os.fdopen(handle, "wb") as out:
            archive.write(out, MANIFEST, len(encoded), iter((encoded,)))
            archive.write(out, SIGNATURE, len(signature), iter((signature,)))
            for path, digest in manifest.files.items():
                _append(out, directory / path, path, digest)
            archive.write_end(out)
            out.flush()
            os.fsync(out.fileno())
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(partial, 0o666 & ~umask)
        os.replace(partial, target)
    except OSError as error:
        raise AdmissionError(str(target), f"cannot be written: {error.strerror}.", "check rights and space.") from error
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(partial)


def _append(out: IO[bytes], file: Path, path: str, digest: str) -> None:
    state = hashlib.sha256()

    def hashed(stream: IO[bytes]) -> Iterator[bytes]:
        while piece := stream.read(1 << 20):
            state.update(piece)
            yield piece

    with _readable(file) as stream:
        archive.write(out, path, os.fstat(stream.fileno()).st_size, hashed(stream))
    if "sha256:" + state.hexdigest() != digest:
        raise AdmissionError(str(file), "changed while it was packed.", "try again.")


__all__ = ["KEY", "KEY_FILE", "KEY_PASSWORD", "Made", "find_key", "make_package"]
