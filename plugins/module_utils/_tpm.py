# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The node's TPM through tpm2-pytss: open, read, quote. Bytes in, bytes out; every failure is a NodeError.

tpm2-pytss is imported only when a TPM is opened: its import costs a node more than a quote does.

This module is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import os
import struct
import sys
from contextlib import contextmanager
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Sequence, Tuple

from ansible_collections.palantir.trust.plugins.module_utils._errors import NodeError

HASH_ALGORITHMS = {"sha1": 0x0004, "sha256": 0x000B, "sha384": 0x000C, "sha512": 0x000D}
"""PCR banks by name (TPM 2.0 Part 2, section 6.3)."""

_PCRS = 24
_CAP_HANDLES, _CAP_PROPERTIES = 0x1, 0x6
_PT_FIXED, _PT_FIXED_COUNT = 0x100, 64
_PT_MANUFACTURER, _PT_VENDOR, _PT_FIRMWARE, _PT_NV_BUFFER_MAX = 0x105, 0x106, 0x10B, 0x12C
_MAX_NV_BYTES = 16 * 1024

_RC_HANDLE, _RC_INTEGRITY, _RC_BAD_AUTH, _RC_AUTH_FAIL = 0x08B, 0x09F, 0x0A2, 0x08E
_RC_LOCKOUT, _RC_INITIALIZE = 0x921, 0x100


class Quote(NamedTuple):
    """What TPM2_Quote returned: TPMS_ATTEST, TPMT_SIGNATURE and the AK's TPM2B_PUBLIC, marshalled."""

    attest: bytes
    signature: bytes
    ak_public: bytes


def selection_bytes(selection: Mapping[str, Sequence[int]]) -> bytes:
    """Return a TPML_PCR_SELECTION (Part 2, section 10.9.7) for PCR numbers by bank name.

    Raises:
        NodeError: ``bad_argument`` for an unknown bank, a PCR that is no number from 0 to 23, or nothing selected.
    """
    if not selection:
        raise _selection_error("The PCR selection is empty.")
    parts = [struct.pack(">I", len(selection))]
    for bank, pcrs in selection.items():
        if bank not in HASH_ALGORITHMS:
            raise _selection_error("The PCR selection names an unknown bank %r." % (bank,))
        if not isinstance(pcrs, (list, tuple)) or not pcrs:
            raise _selection_error("The PCR selection of bank %s is no list of PCRs." % bank)
        parts.append(struct.pack(">HB", HASH_ALGORITHMS[bank], _PCRS // 8))
        parts.append(sum({1 << _pcr_number(bank, pcr) for pcr in pcrs}).to_bytes(_PCRS // 8, "little"))
    return b"".join(parts)


def _pcr_number(bank: str, pcr: Any) -> int:
    if isinstance(pcr, bool) or not isinstance(pcr, int) or not 0 <= pcr < _PCRS:
        raise _selection_error("The PCR selection of bank %s holds %r." % (bank, pcr))
    return pcr


def _selection_error(cause: str) -> NodeError:
    banks = ", ".join(HASH_ALGORITHMS)
    return NodeError("bad_argument", cause, "name PCRs from 0 to %d for at least one bank of %s." % (_PCRS - 1, banks))


class Tpm:
    """An open TPM, to be used as a context manager. Every method raises NodeError where the TPM refuses."""

    def __init__(self, context: Any, types: Any) -> None:
        self.context = context
        self.types = types
        self._keys: Dict[int, Tuple[Any, bytes]] = {}

    def handles(self, first: int, count: int = 254) -> List[int]:
        """Return the handles that exist, from ``first`` on within its range."""
        # The list is a view into the capability data: both are held until it has been read.
        data = self._capability(_CAP_HANDLES, first, count)
        return [int(handle) for handle in data.data.handles]

    def fixed_properties(self) -> Dict[int, int]:
        """Return the TPM's fixed properties by their number (Part 2, section 6.13)."""
        data = self._capability(_CAP_PROPERTIES, _PT_FIXED, _PT_FIXED_COUNT)
        return {int(item.property): int(item.value) for item in data.data.tpmProperties}

    def _capability(self, capability: int, first: int, count: int) -> Any:
        with translated("read its capabilities"):
            return self.context.get_capability(self.types.TPM2_CAP(capability), first, count)[1]

    def description(self) -> Dict[str, str]:
        """Return manufacturer, vendor string and firmware version (16 hexadecimal digits) as text."""
        properties = self.fixed_properties()
        return {
            "manufacturer": _text([properties.get(_PT_MANUFACTURER, 0)]),
            "vendor": _text([properties.get(_PT_VENDOR + n, 0) for n in range(4)]),
            "firmware_version": "%08x%08x" % (properties.get(_PT_FIRMWARE, 0), properties.get(_PT_FIRMWARE + 1, 0)),
        }

    def read_nv(self, index: int) -> bytes:
        """Return the whole content of an NV index that anyone may read."""
        chunk = min(self.fixed_properties().get(_PT_NV_BUFFER_MAX, 512), 2048)
        with translated("read NV index 0x%08x" % index):
            handle = self.context.tr_from_tpmpublic(index)
            size = int(self.context.nv_read_public(handle)[0].nvPublic.dataSize)
            if size > _MAX_NV_BYTES:
                raise NodeError(
                    "tpm_error", "NV index 0x%08x claims %d bytes." % (index, size), "check the TPM's firmware."
                )
            parts = [
                bytes(self.context.nv_read(handle, min(chunk, size - offset), offset))
                for offset in range(0, size, chunk)
            ]
        return b"".join(parts)

    def persistent(self, handle: int) -> Any:
        """Return the ESAPI object of a persistent key."""
        return self.context.tr_from_tpmpublic(handle)

    def public(self, key: Any) -> bytes:
        """Return the TPM2B_PUBLIC of a loaded key, marshalled."""
        with translated("read a public key"):
            return bytes(self.context.read_public(key)[0].marshal())

    def quote(self, ak_handle: int, selection: Mapping[str, Sequence[int]], qualifying: bytes) -> Quote:
        """Return one quote by the AK's own scheme over all PCRs of ``selection``.

        The key is looked up once: that costs the TPM two commands more.

        Raises:
            NodeError: ``ak_missing``; ``pcr_bank_missing`` where the TPM left out part of the selection.
        """
        with translated("quote", missing=ak_missing(ak_handle)):
            if ak_handle not in self._keys:
                key = self.persistent(ak_handle)
                self._keys[ak_handle] = key, self.public(key)
            key, public = self._keys[ak_handle]
            return self._quote(key, selection, qualifying)._replace(ak_public=public)

    def quote_by(self, key: Any, selection: Mapping[str, Sequence[int]], qualifying: bytes) -> Quote:
        """Return one quote by a loaded key that is not the AK; ``ak_public`` is empty.

        Raises:
            NodeError: ``tpm_error``; ``pcr_bank_missing`` where the TPM left out part of the selection.
        """
        with translated("quote"):
            return self._quote(key, selection, qualifying)

    def _quote(self, key: Any, selection: Mapping[str, Sequence[int]], qualifying: bytes) -> Quote:
        wanted = selection_bytes(selection)
        pcrs, _size = self.types.TPML_PCR_SELECTION.unmarshal(wanted)
        attest, signature = self.context.quote(key, pcrs, self.types.TPM2B_DATA(qualifying))[:2]
        quote = Quote(bytes(attest), signature.marshal(), b"")
        require_selection(quote.attest, wanted)
        return quote


def require_selection(attest: bytes, wanted: bytes) -> None:
    """Require that a quote, a TPMS_ATTEST, is over the whole selection that was asked for.

    Raises:
        NodeError: ``pcr_bank_missing``.
    """
    # TPMS_QUOTE_INFO ends a TPMS_ATTEST: the selection, then the SHA-256 digest with its size (Part 2, 10.12.1).
    signed = attest[-(len(wanted) + 34) : -34]
    if signed != wanted:
        raise NodeError(
            "pcr_bank_missing",
            "The TPM left out part of the PCR selection: a bank of it is not active.",
            "activate the bank in the node's firmware, or select the banks that tpm2_getcap pcrs shows.",
        )


def _text(words: Sequence[int]) -> str:
    raw = b"".join(word.to_bytes(4, "big") for word in words)
    return " ".join(raw.replace(b"\0", b"").decode("ascii", "backslashreplace").split())


def ak_missing(handle: int) -> NodeError:
    """Return the error of an AK that is not, or no longer, in the TPM."""
    return NodeError(
        "ak_missing",
        "The TPM has no AK at handle 0x%08x: the node was never enrolled, or its TPM was cleared." % handle,
        "if the TPM was cleared on purpose, enrol the node again; otherwise treat the node as tampered with.",
    )


@contextmanager
def open_tpm(tcti: str) -> Iterator[Tpm]:
    """Open the TPM behind a TCTI (``device:/dev/tpmrm0``, ``swtpm:path=/run/swtpm.sock``) and close it again.

    Raises:
        NodeError: ``no_tpm``, ``tpm_unreadable``, ``no_tpm2_pytss``, ``tpm_error``.
    """
    check_device(tcti)
    os.environ.setdefault("TSS2_LOG", "all+NONE")  # libtss2 writes to standard error what the exception also says
    try:
        import tpm2_pytss  # noqa: PLC0415
    except ImportError as error:
        raise NodeError(
            "no_tpm2_pytss",
            "Python %s cannot import tpm2_pytss: %s." % (sys.executable, error),
            "install python3-tpm2-pytss (the role palantir.trust.attester does), "
            "or set ansible_python_interpreter to a Python that has it.",
        ) from error
    try:
        context = tpm2_pytss.ESAPI(tcti)
    except (RuntimeError, ValueError) as error:
        raise no_answer(tcti, error) from error
    try:
        yield Tpm(context, tpm2_pytss)
    finally:
        context.close()


def no_answer(tcti: str, error: Exception) -> NodeError:
    """Return the error of a TPM that cannot be spoken to."""
    return NodeError(
        "no_tpm",
        "No TPM answers on TCTI %s: %s." % (tcti, error),
        "check the option tcti, and that no other program holds the TPM.",
    )


def check_device(tcti: str) -> None:
    """Require of a TCTI that names a device that it is there, and may be used.

    Raises:
        NodeError: ``no_tpm``, ``tpm_unreadable``.
    """
    name, _colon, path = tcti.partition(":")
    if name != "device" or not path:
        return
    if not os.path.exists(path):
        raise NodeError(
            "no_tpm",
            "The node has no TPM 2.0: %s is missing." % path,
            "switch the TPM on in the node's firmware, and check that the kernel has its driver (dmesg | grep -i tpm).",
        )
    if not os.access(path, os.R_OK | os.W_OK):
        raise NodeError(
            "tpm_unreadable",
            "The TPM device %s may not be used by this user." % path,
            "run the task with become: true.",
        )


@contextmanager
def translated(action: str, missing: NodeError | None = None, broken: NodeError | None = None) -> Iterator[None]:
    """Turn tpm2-pytss's exceptions into NodeError.

    Args:
        action: what the TPM was asked to do, to complete "The TPM refused to ...".
        missing: the error for a handle that does not exist, where that has a meaning of its own.
        broken: the error for data whose integrity is not right, where that has one.
    """
    try:
        yield
    except RuntimeError as error:  # TSS2_Exception, without importing it
        code = getattr(error, "error", None)
        if code is None:
            raise
        if code == _RC_HANDLE and missing is not None:
            raise missing from error
        if code == _RC_INTEGRITY and broken is not None:
            raise broken from error
        raise refusal(action, int(code), error) from error


def refusal(action: str, code: int, error: object) -> NodeError:
    """Return the error of a TPM that refused.

    Args:
        action: what it was asked to do.
        code: TPM_RC, without the number of a handle, session or parameter.
        error: what is shown of it.
    """
    if code in (_RC_BAD_AUTH, _RC_AUTH_FAIL):
        next_step = "clear the password of the TPM's owner and endorsement hierarchies, which must be empty."
    elif code == _RC_LOCKOUT:
        next_step = "wait until the TPM's dictionary-attack lockout has passed (tpm2_getcap properties-variable)."
    elif code == _RC_INITIALIZE:
        next_step = "the TPM was never started up: check the firmware, or restart the TPM emulator."
    else:
        next_step = "check the node's kernel log and the TPM's state (tpm2_getcap properties-variable)."
    return NodeError("tpm_error", "The TPM refused to %s: %s." % (action, error), next_step)


__all__ = [
    "HASH_ALGORITHMS",
    "Quote",
    "Tpm",
    "ak_missing",
    "check_device",
    "no_answer",
    "open_tpm",
    "refusal",
    "require_selection",
    "selection_bytes",
    "translated",
]
