# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A restricted HMAC key that the controller made, in this TPM alone: TPM 2.0 duplication, with nothing persistent.

The TPM makes a storage key, which the AK certifies; the controller wraps the HMAC key to it; the TPM imports it. Both
public areas are given here to the last bit, so that the controller has nothing of them to interpret.

The storage key can be used for TPM2_Import and TPM2_Load, and for nothing else. With one that its user may use as he
likes, as the usual SRK, root would have TPM2_Rewrap turn the HMAC key over to a key of his own.

Structures: TPM 2.0 Library, Part 2, section 12.2.4. Policies: Part 3, sections 23.6 (PolicyOR) and 23.11
(PolicyCommandCode). Duplication: Part 1, section 23.3.

This module is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import hashlib
import struct
from contextlib import contextmanager, suppress
from typing import Any, Iterator, Mapping, NamedTuple, Sequence

from ansible_collections.palantir.trust.plugins.module_utils._errors import NodeError
from ansible_collections.palantir.trust.plugins.module_utils._tpm import Quote, Tpm, ak_missing, translated

_KEYEDHASH, _ECC, _SHA256, _NULL = 0x0008, 0x0023, 0x000B, 0x0010
_HMAC, _AES, _CFB, _P256 = 0x0005, 0x0006, 0x0043, 0x0003
_FIXED_TPM, _FIXED_PARENT, _DATA_ORIGIN, _USER_WITH_AUTH = 1 << 1, 1 << 4, 1 << 5, 1 << 6
_NO_DA, _RESTRICTED, _DECRYPT, _SIGN = 1 << 10, 1 << 16, 1 << 17, 1 << 18

# No USER_WITH_AUTH: the policy is the only way to use it. No ADMIN_WITH_POLICY: certifying it needs no policy.
_STORAGE_ATTRIBUTES = _FIXED_TPM | _FIXED_PARENT | _DATA_ORIGIN | _NO_DA | _RESTRICTED | _DECRYPT
# It came from outside, so nothing of it is fixed; but with no policy, nobody can have it duplicated.
_HMAC_ATTRIBUTES = _USER_WITH_AUTH | _NO_DA | _RESTRICTED | _SIGN

_CC_IMPORT, _CC_LOAD, _CC_POLICY_COMMAND_CODE, _CC_POLICY_OR = 0x156, 0x157, 0x16C, 0x171


def _extended(command: int, data: bytes) -> bytes:
    return hashlib.sha256(bytes(32) + struct.pack(">I", command) + data).digest()


_USES = {code: _extended(_CC_POLICY_COMMAND_CODE, struct.pack(">I", code)) for code in (_CC_IMPORT, _CC_LOAD)}
_STORAGE_POLICY = _extended(_CC_POLICY_OR, b"".join(_USES.values()))


def _sized(data: bytes) -> bytes:
    return struct.pack(">H", len(data)) + data


def storage_key_public(x: bytes = b"", y: bytes = b"") -> bytes:
    """Return the TPM2B_PUBLIC of the storage key at this point of P-256; without one, its template."""
    area = struct.pack(">HHI", _ECC, _SHA256, _STORAGE_ATTRIBUTES) + _sized(_STORAGE_POLICY)
    area += struct.pack(">6H", _AES, 128, _CFB, _NULL, _P256, _NULL)
    return _sized(area + _sized(x) + _sized(y))


def hmac_key_public(unique: bytes) -> bytes:
    """Return the TPM2B_PUBLIC of an HMAC-SHA256 key; ``unique`` is SHA-256 of its seed and its secret."""
    area = struct.pack(">HHI", _KEYEDHASH, _SHA256, _HMAC_ATTRIBUTES) + _sized(b"")
    return _sized(area + struct.pack(">HH", _HMAC, _SHA256) + _sized(unique))


class StorageKey(NamedTuple):
    """A storage key as it is offered: TPM2B_PUBLIC, and TPMS_ATTEST and TPMT_SIGNATURE of the AK over it."""

    public: bytes
    attest: bytes
    signature: bytes


class HmacKey:
    """The HMAC key's way into the TPM, and its quotes; every method raises NodeError where the TPM refuses.

    Args:
        tpm: an open TPM.
    """

    def __init__(self, tpm: Tpm) -> None:
        self._tpm = tpm
        self._parent: Any = None
        self._key: Any = None

    def offer(self, ak_handle: int, nonce: bytes) -> StorageKey:
        """Make the storage key and have the AK certify it (TPM2_Certify, Part 3, section 18.2)."""
        self.close()
        types, context = self._tpm.types, self._tpm.context
        template, _size = types.TPM2B_PUBLIC.unmarshal(storage_key_public())
        with translated("make a storage key", missing=ak_missing(ak_handle)):
            # Of the endorsement hierarchy, as the AK: of another one, the counters in quotes would be others.
            self._parent, public = context.create_primary(
                types.TPM2B_SENSITIVE_CREATE(), template, primary_handle=types.ESYS_TR.ENDORSEMENT
            )[:2]
            scheme = types.TPMT_SIG_SCHEME(scheme=types.TPM2_ALG.NULL)
            ak = self._tpm.persistent(ak_handle)
            attest, signature = context.certify(self._parent, ak, types.TPM2B_DATA(nonce), scheme)
        return StorageKey(bytes(public.marshal()), bytes(attest), bytes(signature.marshal()))

    def take(self, unique: bytes, duplicate: bytes, seed: bytes) -> None:
        """Import and load the key, and let go of the storage key (TPM2_Import, Part 3, section 13.3).

        Args:
            unique: of the key's public area.
            duplicate: TPM2B_PRIVATE, as TPM2_Duplicate would give it.
            seed: TPM2B_ENCRYPTED_SECRET.
        """
        if self._parent is None:
            raise NodeError("no_hmac_key", "The collector has no storage key to import to.", "ask for one first.")
        types, context = self._tpm.types, self._tpm.context
        with translated("import an HMAC key"):
            public, _size = types.TPM2B_PUBLIC.unmarshal(hmac_key_public(unique))
            wrapped, _size = types.TPM2B_PRIVATE.unmarshal(duplicate)
            secret, _size = types.TPM2B_ENCRYPTED_SECRET.unmarshal(seed)
            inner = types.TPMT_SYM_DEF_OBJECT(algorithm=types.TPM2_ALG.NULL)
            with self._use(_CC_IMPORT) as session:
                private = context.import_(self._parent, b"", public, wrapped, secret, inner, session1=session)
            with self._use(_CC_LOAD) as session:
                self._key = context.load(self._parent, private, public, session1=session)
            context.flush_context(self._parent)
            self._parent = None

    def quote(self, selection: Mapping[str, Sequence[int]], qualifying: bytes) -> Quote:
        """Return a quote by the key."""
        if self._key is None:
            raise NodeError("no_hmac_key", "The collector has no HMAC key to quote with.", "give one first.")
        return self._tpm.quote_by(self._key, selection, qualifying)

    def close(self) -> None:
        """Flush what is in the TPM of it."""
        for handle in (self._key, self._parent):
            if handle is not None:
                with suppress(RuntimeError):  # a TPM that was reset has forgotten it
                    self._tpm.context.flush_context(handle)
        self._key = self._parent = None

    @contextmanager
    def _use(self, command: int) -> Iterator[Any]:
        """Give a session that authorizes one use of the storage key, for one of its two commands."""
        types, context = self._tpm.types, self._tpm.context
        session = context.start_auth_session(
            types.ESYS_TR.NONE,
            types.ESYS_TR.NONE,
            types.TPM2_SE.POLICY,
            types.TPMT_SYM_DEF(algorithm=types.TPM2_ALG.NULL),
            types.TPM2_ALG.SHA256,
        )
        try:
            context.policy_command_code(session, command)
            context.policy_or(session, types.TPML_DIGEST([types.TPM2B_DIGEST(digest) for digest in _USES.values()]))
            yield session
        finally:
            context.flush_context(session)


__all__ = ["HmacKey", "StorageKey", "hmac_key_public", "storage_key_public"]
