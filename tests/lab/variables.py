# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The firmware's variable store of a node that is off: Secure Boot as its set-up screen turns it on and off."""

from __future__ import annotations

import struct
from pathlib import Path

from tests.lab.errors import LabError

# EDK II's AUTHENTICATED_VARIABLE_HEADER (MdeModulePkg/Include/Guid/VariableFormat.h), packed: magic, state, reserved,
# attributes, monotonic count, time stamp, index of a public key, size of name, size of data, vendor's GUID.
_HEADER = struct.Struct("<HBBIQ16sIII16s")
_MAGIC = 0x55AA
_ADDED = 0x3F
# Whether Secure Boot is wished for. Firmware derives SecureBoot from it at each start; keys are left as they are.
_NAME = "SecureBootEnable\0".encode("utf-16-le")


def set_secure_boot(store: Path, *, on: bool) -> None:
    """Turn Secure Boot on or off in a variable store; platform key, KEK, db and dbx stay what they are.

    Raises:
        LabError: the store has no such variable, or several.
    """
    data = bytearray(store.read_bytes())
    data[_switch(bytes(data), store)] = int(on)
    partial = store.with_name(store.name + ".partial")
    partial.write_bytes(data)
    partial.replace(store)


def secure_boot(store: Path) -> bool:
    """Whether Secure Boot is wished for in a variable store.

    Raises:
        LabError: the store has no such variable, or several.
    """
    data = store.read_bytes()
    return data[_switch(data, store)] == 1


def _switch(data: bytes, store: Path) -> int:
    """Offset of the one byte of the variable that counts; deleted ones stay in the store with another state."""
    found = []
    at = data.find(_NAME)
    while at >= 0:
        if at >= _HEADER.size:
            magic, state, *_rest, name_size, data_size, _vendor = _HEADER.unpack_from(data, at - _HEADER.size)
            if (magic, state, name_size, data_size) == (_MAGIC, _ADDED, len(_NAME), 1):
                found.append(at + len(_NAME))
        at = data.find(_NAME, at + 1)
    if len(found) != 1:
        raise LabError(
            f"{store}: {len(found)} variables SecureBootEnable, one wanted. Next: python3 -m tests.lab reset"
        )
    return found[0]


__all__ = ["secure_boot", "set_secure_boot"]
