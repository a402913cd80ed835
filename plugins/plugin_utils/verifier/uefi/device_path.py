# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""UEFI identifiers and device paths as text (UEFI 2.10, section 10.6; the display form is the shell's).

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from struct import Struct
from typing import Final

from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.reader import Reader

MAX_NODES: Final = 64
"""Most nodes of one device path; real ones have fewer than 20."""

_GUID = Struct("<IHH8s")
_END: Final = 0x7F


def guid_text(data: bytes) -> str:
    """Return an EFI_GUID of 16 bytes in its registry form, lower case."""
    first, second, third, rest = _GUID.unpack(data)
    return f"{first:08x}-{second:04x}-{third:04x}-{rest[:2].hex()}-{rest[2:].hex()}"


def utf16_text(data: bytes) -> str:
    """Return UTF-16 text without its terminator; what is no UTF-16 becomes U+FFFD."""
    return data.decode("utf-16-le", "replace").split("\0", 1)[0]


def device_path_text(data: bytes, field: str, base: int = 0) -> str:
    r"""Return a device path in display form (``PciRoot(0x0)/Pci(0x1,0x0)/\EFI\debian\shimx64.efi``).

    Args:
        data: the device path's nodes.
        field: name of the evidence's field, for errors.
        base: offset of ``data`` within that field.

    Raises:
        EvidenceError: a node is shorter than its header or longer than the path, or there are too many nodes.
    """
    reader = Reader(data, field, base)
    nodes: list[str] = []
    while reader.remaining:
        if len(nodes) == MAX_NODES:
            reader.fail(f"the device path has more than {MAX_NODES} nodes.")
        kind, subtype, size = reader.u8(), reader.u8(), reader.u16("a device path node's size")
        if size < 4:
            reader.fail(f"a device path node claims {size} bytes, its header alone has 4.")
        body = reader.take(size - 4, "a device path node")
        if kind == _END:
            if subtype == 0xFF:
                break
            nodes.append(",")
            continue
        nodes.append(_node_text(kind, subtype, body))
    return "/".join(nodes)


def _node_text(kind: int, subtype: int, body: bytes) -> str:
    form = _FORMS.get((kind, subtype))
    if form is not None:
        least, text = form
        if len(body) >= least:
            return text(body)
    return f"Path({kind},{subtype},{body.hex()})"


def _le(data: bytes) -> int:
    return int.from_bytes(data, "little")


def _acpi(body: bytes) -> str:
    hid, uid = _le(body[:4]), _le(body[4:8])
    name = {0x0A0341D0: "PciRoot", 0x0A0841D0: "PcieRoot"}.get(hid)
    return f"{name}(0x{uid:x})" if name else f"Acpi(0x{hid:08x},0x{uid:x})"


def _hard_drive(body: bytes) -> str:
    number, start, size = _le(body[:4]), _le(body[4:12]), _le(body[12:20])
    signature, kind = body[20:36], body[37]
    if kind == 2:
        return f"HD({number},GPT,{guid_text(signature)},0x{start:x},0x{size:x})"
    if kind == 1:
        return f"HD({number},MBR,0x{_le(signature[:4]):08x},0x{start:x},0x{size:x})"
    return f"HD({number},{kind},{signature.hex()},0x{start:x},0x{size:x})"


def _ipv4(body: bytes) -> str:
    return f"IPv4({'.'.join(str(octet) for octet in body[4:8])})"


_FORMS: Final[Mapping[tuple[int, int], tuple[int, Callable[[bytes], str]]]] = {
    (1, 1): (2, lambda b: f"Pci(0x{b[1]:x},0x{b[0]:x})"),
    (1, 3): (20, lambda b: f"MemoryMapped({_le(b[:4])},0x{_le(b[4:12]):x},0x{_le(b[12:20]):x})"),
    (1, 4): (16, lambda b: f"VenHw({guid_text(b[:16])}{',' + b[16:].hex() if b[16:] else ''})"),
    (2, 1): (8, _acpi),
    (3, 1): (4, lambda b: f"Ata({_le(b[:1])},{_le(b[1:2])},{_le(b[2:4])})"),
    (3, 2): (4, lambda b: f"Scsi(0x{_le(b[:2]):x},0x{_le(b[2:4]):x})"),
    (3, 5): (2, lambda b: f"USB(0x{b[0]:x},0x{b[1]:x})"),
    (3, 10): (16, lambda b: f"VenMsg({guid_text(b[:16])}{',' + b[16:].hex() if b[16:] else ''})"),
    (3, 11): (33, lambda b: f"MAC({b[:6].hex()},0x{b[32]:x})"),
    (3, 12): (8, _ipv4),
    (3, 13): (32, lambda b: f"IPv6({b[16:32].hex(':', 2)})"),
    (3, 17): (1, lambda b: f"Unit(0x{b[0]:x})"),
    (3, 18): (6, lambda b: f"Sata(0x{_le(b[:2]):x},0x{_le(b[2:4]):x},0x{_le(b[4:6]):x})"),
    (3, 23): (12, lambda b: f"NVMe(0x{_le(b[:4]):x},{b[4:12][::-1].hex('-')})"),
    (3, 24): (0, lambda b: f"Uri({b.decode('utf-8', 'replace')})"),
    (4, 1): (38, _hard_drive),
    (4, 2): (4, lambda b: f"CDROM(0x{_le(b[:4]):x})"),
    (4, 3): (16, lambda b: f"VenMedia({guid_text(b[:16])}{',' + b[16:].hex() if b[16:] else ''})"),
    (4, 4): (2, utf16_text),
    (4, 6): (16, lambda b: f"FvFile({guid_text(b[:16])})"),
    (4, 7): (16, lambda b: f"Fv({guid_text(b[:16])})"),
    (4, 8): (20, lambda b: f"Offset(0x{_le(b[4:12]):x},0x{_le(b[12:20]):x})"),
}
"""(type, subtype) → least size of the node's body, and its display form."""

__all__ = ["MAX_NODES", "device_path_text", "guid_text", "utf16_text"]
