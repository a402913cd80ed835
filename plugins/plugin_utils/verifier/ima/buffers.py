# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What IMA measures that is no file: keys, command lines, and the critical data of kernel subsystems.

process_buffer_measurement() and ima_measure_critical_data() in security/integrity/ima/ima_main.c; what writes them:
ima_asymmetric_keys.c, drivers/md/dm-ima.c (Documentation/admin-guide/device-mapper/dm-ima.rst),
security/selinux/ima.c, ima_init.c (``kernel_version``) and ima_kexec.c.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier import der
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.keys import (
    KeyFormError,
    SigningKey,
    key_of_der,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.templates import Entry

BufferKind = Literal["key", "records", "text", "digest", "data"]

MAX_TEXT: Final = 8 * 1024
"""Largest buffer that is read as text, in bytes; device mapper's have 4096 at most."""
MAX_PAIRS: Final = 1024
"""Most keys with values that one buffer may have."""

_OPEN_KEYRINGS: Final = frozenset({"_ima", "_evm", "_module"})
"""What kernels without trusted keyrings take keys from."""
_REVOKING: Final = frozenset({".blacklist", ".ima_blacklist"})
_FILLED_AT_BOOT: Final = frozenset({".builtin_trusted_keys", ".platform", ".machine"})
"""What the kernel fills as it starts, and no user may write to: certs/system_keyring.c, and integrity_init_keyring() in
security/integrity/digsig.c."""
TABLE_LOAD: Final = ("dm_table_load", "table_load")
DEVICE_RESUME: Final = ("dm_device_resume", "device_resume")
_RECORDS: Final = frozenset(
    {
        *(*TABLE_LOAD, *DEVICE_RESUME, "dm_device_remove", "device_remove", "dm_device_rename", "device_rename"),
        *("dm_table_clear", "table_clear", "dm_target_update", "selinux-state", "kexec_load", "kexec_execute"),
    }
)
_TEXTS: Final = frozenset({"kexec-cmdline", "kernel_version"})
_DIGESTS: Final = frozenset({"selinux-policy-hash", "blacklisted-hash"})
_HEADINGS: Final = frozenset({"device_active_metadata", "device_inactive_metadata"})
_TOKEN: Final = re.compile(r"\\.?|[^\\;,=]+|[;,=]", re.DOTALL)
_ESCAPED: Final = re.compile(r"\\([\\;=,])")

Record = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Buffer:
    """One measured buffer.

    Attributes:
        index: number of its entry.
        name: what it is called; for a key the keyring's name, which whoever made the keyring chose.
        kind: which of the following is set; ``data`` where none is.
        sha256: ``sha256:hex`` of the buffer.
        key: the key that was loaded; None where it is of a kind that cannot sign files here.
        records: keys and values, of one device, target or state each.
        text: the text, not made printable.
        digest: hexadecimal digits.
    """

    index: int
    name: str
    kind: BufferKind
    sha256: str
    key: SigningKey | None = None
    records: tuple[Record, ...] = ()
    text: str = ""
    digest: str = ""

    def plain(self) -> dict[str, Any]:
        """Return what is known of the buffer as plain, printable data."""
        plain: dict[str, Any] = {"kind": self.kind}
        if self.kind == "key":
            plain |= plain_key(self.key)
        elif self.kind == "records":
            plain["records"] = [{printable(k): printable(v) for k, v in record.items()} for record in self.records]
        elif self.kind == "text":
            plain["text"] = printable(self.text, MAX_TEXT)
        elif self.kind == "digest":
            plain["digest"] = self.digest
        return plain


def plain_key(key: SigningKey | None) -> dict[str, Any]:
    """Return a key's names; empty for one that cannot be read."""
    return {} if key is None else {"subject": key.subject, "key_ids": sorted(key.ids), "sha256": key.sha256}


def read_buffer(entry: Entry) -> Buffer | None:
    """Return what an entry measured, where it is proven to be no file; else None."""
    if entry.violation or not entry.is_buffer:
        return None
    name, data = entry.path, entry.buf
    sha256 = "sha256:" + hashlib.sha256(data).hexdigest()
    if gives_trust(name) or _is_der(data):
        return Buffer(entry.index, name, "key", sha256, key=_key(data))
    if name in _DIGESTS:
        return Buffer(entry.index, name, "digest", sha256, digest=data[:64].hex())
    text = _text(data) if name in _RECORDS or name in _TEXTS else None
    if text is not None and name in _TEXTS:
        return Buffer(entry.index, name, "text", sha256, text=text)
    records = _records(text) if text is not None else ()
    return Buffer(entry.index, name, "records" if records else "data", sha256, records=records)


def gives_trust(keyring: str) -> bool:
    """Tell whether the kernel may trust what is in a keyring.

    Any user may make a keyring, but none whose name begins with a dot (add_key(2)); and no critical data is called so,
    so that whatever was measured under such a name is a key, whether it can be read here or not.
    """
    return (keyring.startswith(".") and keyring not in _REVOKING) or keyring in _OPEN_KEYRINGS


def filled_at_boot(keyring: str) -> bool:
    """Tell whether all keys of a keyring are out of the kernel's image and UEFI's lists: db, and machine owner keys.

    All three are measured themselves: with the kernel, in PCR 7 and in PCR 14.
    """
    return keyring in _FILLED_AT_BOOT


def verity_devices(buffers: Iterable[Buffer]) -> list[dict[str, Any]]:
    """Return the dm-verity targets of the tables that were loaded.

    Returns:
        ``[{"name", "root_digest", "algorithm", "resumed"}]``, printable; ``resumed`` tells whether the kernel
        has said that a device runs with just that table.
    """
    known = tuple(buffers)
    resumed = {r.get("active_table_hash") for b in known if b.name in DEVICE_RESUME for r in b.records}
    return [
        {
            "name": printable(next((r["name"] for r in buffer.records if "name" in r), "")),
            "root_digest": printable(record.get("root_digest", "")),
            "algorithm": printable(record.get("verity_algorithm", "")),
            "resumed": buffer.sha256 in resumed or buffer.sha256.removeprefix("sha256:") in resumed,
        }
        for buffer in known
        if buffer.name in TABLE_LOAD
        for record in buffer.records
        if record.get("target_name") == "verity"
    ]


def _is_der(data: bytes) -> bool:
    try:
        return der.read_value(data).tag == der.SEQUENCE
    except der.DerError:
        return False


def _key(data: bytes) -> SigningKey | None:
    try:
        return key_of_der(data)
    except KeyFormError:
        return None


def _text(data: bytes) -> str | None:
    if len(data) > MAX_TEXT:
        return None
    try:
        return data.rstrip(b"\0").decode("utf-8")
    except UnicodeDecodeError:
        return None


def _records(text: str) -> tuple[Record, ...]:
    r"""Return records that end in ``;``, of pairs ``key=value`` with ``,`` between them; ``\`` escapes these.

    A heading in front of a record (``device_active_metadata=name=...``) becomes a pair of its own. None are there where
    the text is no such list.
    """
    if text.count(";") + text.count(",") > MAX_PAIRS:
        return ()
    records = [_pairs(part) for part in filter(None, _split(text, ";"))]
    return tuple(records) if all(records) else ()


def _pairs(text: str) -> Record:
    pairs: dict[str, str] = {}
    for part in filter(None, _split(text, ",")):
        key, *values = _split(part, "=")
        if key in _HEADINGS and len(values) > 1:
            pairs[key] = ""
            key, *values = values
        if not values:
            return {}
        pairs[_unescaped(key)] = _unescaped("=".join(values))
    return pairs


def _split(text: str, separator: str) -> list[str]:
    """Return the parts between separators that are not escaped; what is escaped stays so."""
    parts: list[list[str]] = [[]]
    for token in _TOKEN.findall(text):
        if token == separator:
            parts.append([])
        else:
            parts[-1].append(token)
    return ["".join(part) for part in parts]


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(r"\1", text)


__all__ = [
    "DEVICE_RESUME",
    "MAX_PAIRS",
    "MAX_TEXT",
    "TABLE_LOAD",
    "Buffer",
    "BufferKind",
    "Record",
    "filled_at_boot",
    "gives_trust",
    "plain_key",
    "read_buffer",
    "verity_devices",
]
