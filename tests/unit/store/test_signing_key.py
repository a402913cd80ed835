# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import StoreError
from ansible_collections.palantir.trust.plugins.plugin_utils.store.signing_key import default_path, load_or_create

RESTORE = "Next: restore it, or remove it to have a new one made: those who verify EARs need its public half."


def pem(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey, password: bytes | None = None) -> bytes:
    encryption = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)


def message(path: Path) -> str:
    with pytest.raises(StoreError) as caught:
        load_or_create(path)
    return str(caught.value)


def private(path: Path, data: bytes, mode: int = 0o600) -> Path:
    path.write_bytes(data)
    path.chmod(mode)
    return path


def test_a_key_is_made_once_and_is_the_owner_s_alone(tmp_path: Path) -> None:
    path = tmp_path / "data" / "key.pem"
    mask = os.umask(0)
    try:
        first = load_or_create(path)
    finally:
        os.umask(mask)
    assert load_or_create(path) == first
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert [entry.name for entry in path.parent.iterdir()] == ["key.pem"]
    key = serialization.load_pem_private_key(first, password=None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert key.curve.name == "secp256r1"


def test_of_many_at_once_all_get_the_same_key(tmp_path: Path) -> None:
    barrier, keys = threading.Barrier(8), list[bytes]()

    def race() -> None:
        barrier.wait(10)
        keys.append(load_or_create(tmp_path / "new" / "key.pem"))

    threads = [threading.Thread(target=race) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 8
    assert len(set(keys)) == 1
    assert [entry.name for entry in (tmp_path / "new").iterdir()] == ["key.pem"]


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o644, 0o660, 0o602, 0o601])
def test_a_key_that_others_may_read_or_change_is_refused(tmp_path: Path, mode: int) -> None:
    path = private(tmp_path / "key.pem", pem(ec.generate_private_key(ec.SECP256R1())), mode)
    assert message(path) == f"signing key {path}: may be read or changed by others. Next: run: chmod 600 {path}"


def test_a_key_that_systemd_gave_to_this_service_alone_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = private(tmp_path / "key.pem", pem(ec.generate_private_key(ec.SECP256R1())), 0o440)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path.parent))
    assert "may be read or changed by others" in message(path), "it lies elsewhere"
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert load_or_create(path) == path.read_bytes()


def test_a_key_of_one_s_own_is_used(tmp_path: Path) -> None:
    mine = pem(ec.generate_private_key(ec.SECP256R1()))
    path = private(tmp_path / "key.pem", mine, 0o400)
    link = tmp_path / "link.pem"
    link.symlink_to(path)
    assert load_or_create(path) == load_or_create(link) == mine


@pytest.mark.parametrize(
    "data",
    [b"", b"no key", b"\xff" * 100000, pem(ec.generate_private_key(ec.SECP256R1()), b"password")],
    ids=["empty", "text", "large", "encrypted"],
)
def test_what_is_no_key_is_refused_and_kept(tmp_path: Path, data: bytes) -> None:
    path = private(tmp_path / "key.pem", data)
    assert message(path) == f"signing key {path}: holds no private key in PEM without a password. {RESTORE}"
    assert path.read_bytes() == data


@pytest.mark.parametrize("key", [ec.generate_private_key(ec.SECP384R1()), ed25519.Ed25519PrivateKey.generate()])
def test_a_key_of_another_kind_is_refused(
    tmp_path: Path, key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
) -> None:
    path = private(tmp_path / "key.pem", pem(key))
    assert message(path) == f"signing key {path}: holds no ECDSA P-256 key. {RESTORE}"


def test_what_is_no_file_is_refused_without_waiting_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path, tmp_path / "fifo"):
        assert message(path) == (
            f"signing key {path}: is not a file. Next: set PALANTIR_TRUST_SIGNING_KEY to the path of one."
        )


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    private(tmp_path / "file", b"")
    path = tmp_path / "file" / "key.pem"
    assert message(path) == (f"signing key {path}: Not a directory. Next: check it, or set PALANTIR_TRUST_SIGNING_KEY.")


def test_a_directory_that_may_not_be_written_is_named(forbidden: Path) -> None:
    assert "Permission denied" in message(forbidden / "key.pem")


def test_where_the_key_is_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PALANTIR_TRUST_SIGNING_KEY", "/etc/trust/key.pem")
    assert default_path() == Path("/etc/trust/key.pem")
    monkeypatch.delenv("PALANTIR_TRUST_SIGNING_KEY")
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    assert default_path() == Path("/data/palantir.trust/ear-signing-key.pem")
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setenv("HOME", "/home/op")
    assert default_path() == Path("/home/op/.local/share/palantir.trust/ear-signing-key.pem")
