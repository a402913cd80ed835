# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""UEFI variables as measured, and the signature databases among them.

Specifications: UEFI_VARIABLE_DATA (PFP 1.06, section 10.2.6), EFI_SIGNATURE_LIST (UEFI 2.10, section 32.4.1),
EFI_LOAD_OPTION (UEFI 2.10, section 3.1.3). This package is private to the collection: its interfaces may change
in any release.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import EvidenceError
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.reader import Reader
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.device_path import (
    device_path_text,
    guid_text,
    utf16_text,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.model import EventData

EFI_GLOBAL: Final = "8be4df61-93ca-11d2-aa0d-00e098032b8c"
IMAGE_SECURITY: Final = "d719b2cb-3d3a-4596-a3bc-dad00e67656f"
SHIM_LOCK: Final = "605dab50-e046-4300-abb6-3dd810dd8b23"

_X509: Final = "x509"
_SIGNATURE_TYPES: Final[Mapping[str, str]] = {
    "a5c059a1-94e4-4aa7-87b5-ab155c2bf072": _X509,
    "c1c41626-504c-4092-aca9-41f936934328": "sha256",
    "826ca512-cf10-4ac9-b187-be01496631bd": "sha1",
    "ff3e5307-9fd0-48c9-85f1-8ad56c701e01": "sha384",
    "093e0fae-a6c4-4f50-9f1b-d41e2b89c19a": "sha512",
    "0b6e5233-a65c-44c9-9407-d9ab83bfc8bd": "sha224",
    "3c5766e8-269c-4e34-aa14-ed776e85b3b6": "rsa2048",
    "3bd2a492-96c0-4079-b420-fcf98ef103ed": "x509_sha256",
    "7076876e-80c2-4ee6-aad2-28b349a6865b": "x509_sha384",
    "446dbf63-2502-4cda-bcfa-2465d2b0fe9d": "x509_sha512",
}


@dataclass(frozen=True, slots=True)
class SignatureList:
    """One EFI_SIGNATURE_LIST.

    Attributes:
        type: kind of its entries (``x509``, ``sha256``), or the type's GUID where we have no name for it.
        entries: what identifies each entry, as hexadecimal: SHA-256 of a certificate's DER, a digest as it is.
    """

    type: str
    entries: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Variable(EventData):
    """A variable with its name: GUID of its namespace, name, value."""

    guid: str
    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class VariableName(EventData):
    """The name alone, of an event whose digest covers the value alone."""

    guid: str
    name: str


@dataclass(frozen=True, slots=True)
class VariableValue(EventData):
    """The value alone, of an event whose digest covers the value alone."""

    data: bytes


@dataclass(frozen=True, slots=True)
class LoadOption(EventData):
    """The value of a Boot#### variable: attributes, description, device path."""

    attributes: int
    description: str
    path: str


def read_variable(data: bytes, field: str, slack: int = 0) -> Variable:
    """Return the variable of a UEFI_VARIABLE_DATA.

    Args:
        data: the structure's bytes.
        field: name of the evidence's field, for errors.
        slack: bytes that may follow it (old shims log up to 8).

    Raises:
        EvidenceError: the lengths and the data disagree, or the name is not UTF-16.
    """
    reader = Reader(data, field)
    guid = guid_text(reader.take(16, "the variable's GUID"))
    name_length, data_length = reader.u64("the variable name's length"), reader.u64("the variable's size")
    raw_name = reader.take(2 * name_length, "the variable's name")
    value = reader.take(data_length, "the variable's value")
    if reader.remaining > slack:
        reader.end("variable")
    try:
        name = raw_name.decode("utf-16-le")
    except UnicodeDecodeError:
        reader.fail("the variable's name is not UTF-16.")
    return Variable(guid, name, value)


def read_signature_lists(data: bytes, field: str) -> tuple[SignatureList, ...]:
    """Return the lists of a signature database (PK, KEK, db, dbx, ...); none of an empty one.

    Raises:
        EvidenceError: sizes that the data does not hold, or entries that do not fill their list.
    """
    reader = Reader(data, field)
    lists = []
    while reader.remaining:
        lists.append(_read_signature_list(reader))
    return tuple(lists)


def _read_signature_list(outer: Reader) -> SignatureList:
    guid = guid_text(outer.take(16, "a signature list's type"))
    size = outer.u32("a signature list's size")
    header_size, entry_size = outer.u32("a signature header's size"), outer.u32("a signature's size")
    if size < 28:
        outer.fail(f"a signature list claims {size} bytes, its header alone has 28.")
    reader = outer.sub(size - 28, "a signature list")
    reader.take(header_size, "a signature header")
    if entry_size <= 16 or reader.remaining % entry_size:
        reader.fail(f"{reader.remaining} bytes of signatures are no multiple of {entry_size}, or too few for each.")
    body = reader.rest()
    entries = (body[start + 16 : start + entry_size] for start in range(0, len(body), entry_size))
    kind = _SIGNATURE_TYPES.get(guid, guid)
    if kind == _X509:
        return SignatureList(kind, tuple(sha256(entry).hexdigest() for entry in entries))
    return SignatureList(kind, tuple(entry.hex() for entry in entries))


def authority_certificate(value: bytes) -> str | None:
    """Return the SHA-256 of the certificate in an authority's value, or None where there is none.

    It is EFI_SIGNATURE_DATA (owner's GUID, certificate); old shims log the certificate alone.
    """
    for der in (value[16:], value):
        if len(der) > 4 and der[:2] == b"\x30\x82" and int.from_bytes(der[2:4], "big") + 4 == len(der):
            return sha256(der).hexdigest()
    return None


def read_load_option(data: bytes, field: str) -> LoadOption:
    """Return the load option of a Boot#### variable's value.

    Raises:
        EvidenceError: lengths that the data does not hold, or a description without its end.
    """
    reader = Reader(data, field)
    attributes, path_length = reader.u32("a load option's attributes"), reader.u16("a device path's size")
    rest = reader.peek(reader.remaining)
    end = next((at for at in range(0, len(rest) - 1, 2) if rest[at : at + 2] == b"\0\0"), None)
    if end is None:
        raise EvidenceError(field, "a load option's description has no end.", offset=reader.offset)
    description = utf16_text(reader.take(end))
    reader.take(2)
    base = reader.offset
    return LoadOption(attributes, description, device_path_text(reader.take(path_length, "a device path"), field, base))


__all__ = [
    "EFI_GLOBAL",
    "IMAGE_SECURITY",
    "SHIM_LOCK",
    "LoadOption",
    "SignatureList",
    "Variable",
    "VariableName",
    "VariableValue",
    "authority_certificate",
    "read_load_option",
    "read_signature_lists",
    "read_variable",
]
