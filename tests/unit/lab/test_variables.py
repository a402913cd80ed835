# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secure Boot turned on and off in a variable store, and nothing else changed in it."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from tests.lab.errors import LabError
from tests.lab.variables import secure_boot, set_secure_boot

KEYS = Path("/usr/share/OVMF/OVMF_VARS_4M.ms.fd")
ADDED, DELETED = 0x3F, 0x3D


def variable(name: str, data: bytes, state: int = ADDED) -> bytes:
    text = (name + "\0").encode("utf-16-le")
    header = struct.pack("<HBBIQ16sIII16s", 0x55AA, state, 0, 3, 0, bytes(16), 0, len(text), len(data), bytes(16))
    return header + text + data + b"\xff" * (-len(text + data) % 4)


def store(tmp_path: Path, *variables: bytes) -> Path:
    path = tmp_path / "efivars.fd"
    path.write_bytes(b"\xff" * 100 + b"".join(variables) + b"\xff" * 100)
    return path


def test_one_byte_is_changed_and_changed_back(tmp_path: Path) -> None:
    path = store(tmp_path, variable("PK", b"key"), variable("SecureBootEnable", b"\1"), variable("db", b"keys"))
    before = path.read_bytes()
    assert secure_boot(path)
    set_secure_boot(path, on=False)
    assert not secure_boot(path)
    assert [(a, b) for a, b in zip(before, path.read_bytes(), strict=True) if a != b] == [(1, 0)]
    set_secure_boot(path, on=True)
    assert path.read_bytes() == before


def test_a_deleted_variable_is_not_the_one(tmp_path: Path) -> None:
    path = store(tmp_path, variable("SecureBootEnable", b"\1", DELETED), variable("SecureBootEnable", b"\0"))
    assert not secure_boot(path)


@pytest.mark.parametrize(
    "variables",
    [
        (variable("PK", b"key"),),
        (variable("SecureBootEnable", b"\1"),) * 2,
        (variable("SecureBootEnable", b"\1\1"),),
        (variable("x", "SecureBootEnable\0".encode("utf-16-le") + b"\1"),),
    ],
)
def test_a_store_without_exactly_one_is_refused(tmp_path: Path, variables: tuple[bytes, ...]) -> None:
    path = store(tmp_path, *variables)
    before = path.read_bytes()
    with pytest.raises(LabError, match="variables SecureBootEnable, one wanted"):
        set_secure_boot(path, on=False)
    assert path.read_bytes() == before


@pytest.mark.skipif(not KEYS.is_file(), reason="the firmware of the package ovmf is not installed")
def test_the_firmwares_own_store_has_it_on(tmp_path: Path) -> None:
    path = tmp_path / "efivars.fd"
    path.write_bytes(KEYS.read_bytes())
    assert secure_boot(path)
    set_secure_boot(path, on=False)
    assert not secure_boot(path)
