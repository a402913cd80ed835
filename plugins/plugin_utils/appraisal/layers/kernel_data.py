# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys and critical data that the kernel measured: told in the EAR; a key that nobody named is a finding.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.ar4si import Claim
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.policy.policy import AppraisalPolicy
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.verdict import LayerFinding, tier_value
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.weigh import about
from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.index import FileIndex
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.buffers import (
    Buffer,
    filled_at_boot,
    gives_trust,
    plain_key,
    read_buffer,
    verity_devices,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.templates import Entry

MAX_BUFFERS: Final = 4096
"""Most buffers that are read, apart from keys in keyrings that the kernel trusts: any user may load others."""
MAX_TOLD: Final = 64
"""Most keys, devices and other data that an EAR lists, of each kind."""

_SELINUX: Final = "selinux-state"
_SHOWN: Final = 1024


@dataclass(frozen=True, slots=True)
class KernelData:
    """What the kernel measured that is no file.

    Attributes:
        findings: keys that nobody named.
        plain: everything, as plain data of the EAR; None where there is nothing.
    """

    findings: tuple[LayerFinding, ...] = ()
    plain: Mapping[str, Any] | None = None


def appraise_kernel_data(entries: Iterable[Entry], policy: AppraisalPolicy, index: FileIndex) -> KernelData:
    """Return what the buffers among the host's measurements tell.

    Args:
        entries: measurements of the host that no Reference Value knows.
        policy: its signers and keys are named ones.
        index: known files of the host; a certificate among them is a named key.
    """
    found = [entry for entry in entries if entry.buf]
    trusted = [entry for entry in found if gives_trust(entry.path)]
    others = islice((entry for entry in found if not gives_trust(entry.path)), MAX_BUFFERS)
    pairs = [(entry, buffer) for entry in (*trusted, *others) if (buffer := read_buffer(entry)) is not None]
    if not pairs:
        return KernelData()
    keys = [(entry, buffer, _named_by(buffer, policy, index)) for entry, buffer in pairs if buffer.kind == "key"]
    buffers = [buffer for _entry, buffer in pairs]
    return KernelData(
        tuple(
            _unknown(entry, buffer, policy)
            for entry, buffer, named_by in keys
            if named_by is None and gives_trust(buffer.name)
        ),
        {
            "keys": [_key(buffer, named_by) for _entry, buffer, named_by in keys[:MAX_TOLD]],
            "verity": verity_devices(buffers)[:MAX_TOLD],
            "data": [_datum(buffer) for buffer in buffers if buffer.kind != "key"][:MAX_TOLD],
            "left_out": sum(max(0, count - MAX_TOLD) for count in (len(keys), len(buffers) - len(keys))),
        },
    )


def _named_by(buffer: Buffer, policy: AppraisalPolicy, index: FileIndex) -> str | None:
    """Return what names a key: a signer, the policy's list, the path of a certificate, or ``boot``; else None.

    ``boot`` is for keys that came out of what is measured at boot, and is judged there.
    """
    for signer in policy.ima.signers:
        if buffer.sha256 == signer.certificate.sha256:
            return f"signer {printable(signer.name, 80)}"
    if buffer.sha256 in policy.ima.keys:
        return "policy"
    place = index.places.get(buffer.sha256)
    if place is not None:
        return printable(place)
    return "boot" if filled_at_boot(buffer.name) else None


def _unknown(entry: Entry, buffer: Buffer, policy: AppraisalPolicy) -> LayerFinding:
    subject = buffer.key.subject if buffer.key is not None else "cannot be read"
    value = tier_value(policy.ima.unknown_keys)
    return about(entry, "ima_key_unknown", Claim.CONFIGURATION, value, f"the keyring; the key is {subject}")


def _key(buffer: Buffer, named_by: str | None) -> dict[str, Any]:
    names = plain_key(buffer.key) or {"subject": None, "key_ids": [], "sha256": buffer.sha256}
    return {"keyring": printable(buffer.name, 80), **names, "named_by": named_by}


def _datum(buffer: Buffer) -> dict[str, Any]:
    plain: dict[str, Any] = {"name": printable(buffer.name, 80), "index": buffer.index, "sha256": buffer.sha256}
    if buffer.kind == "text":
        plain["text"] = printable(buffer.text, _SHOWN)
    elif buffer.kind == "digest":
        plain["digest"] = buffer.digest
    elif buffer.name == _SELINUX and buffer.records:
        pairs = (pair for record in buffer.records for pair in record.items())
        plain["state"] = {printable(key, 80): printable(value, 80) for key, value in islice(pairs, MAX_TOLD)}
    return plain


__all__ = ["MAX_BUFFERS", "MAX_TOLD", "KernelData", "appraise_kernel_data"]
