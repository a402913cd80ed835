# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""EK and AK of a node: find, make, activate.

This module is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any, Iterator, List, NamedTuple, Optional

from ansible_collections.palantir.trust.plugins.module_utils._errors import NodeError
from ansible_collections.palantir.trust.plugins.module_utils._tpm import Tpm, ak_missing, translated
from ansible_collections.palantir.trust.plugins.module_utils._tpm_templates import (
    AK_TEMPLATES,
    EK_KINDS,
    EkKind,
    is_ak,
    public_key_bytes,
)

_NV_CERTIFICATES = 0x01C00000
_PERSISTENT = 0x81000000


class Ek(NamedTuple):
    """An EK that is ready for use: ``key`` is its ESAPI object, ``public`` its TPM2B_PUBLIC."""

    kind: EkKind
    certificate: bytes
    key: Any
    public: bytes


class Ak(NamedTuple):
    """The AK at its persistent handle; ``created`` tells whether this call made it."""

    public: bytes
    created: bool


@contextmanager
def endorsement_key(tpm: Tpm, wanted: str) -> Iterator[Ek]:
    """Give the EK that the TPM's EK certificate names, made again by its template, for the time of the context.

    Args:
        tpm: an open TPM.
        wanted: name of an EkKind, or ``auto`` for the first one that has a certificate.

    Raises:
        NodeError: ``no_ek_certificate``; ``no_ek`` where no template gives the key that the certificate names.
    """
    indices = set(tpm.handles(_NV_CERTIFICATES))
    kind = _choose(indices, wanted)
    certificate = tpm.read_nv(kind.certificate_index)
    persistent = _persistent_ek(tpm, kind, certificate)
    if persistent is not None:
        yield persistent
        return
    for template in _templates(tpm, kind, indices):
        key = _create_primary(tpm, template)
        try:
            public = tpm.public(key)
            if public_key_bytes(public) in certificate:
                yield Ek(kind, certificate, key, public)
                return
        finally:
            tpm.context.flush_context(key)
    raise NodeError(
        "no_ek",
        "The TPM cannot make the EK that its certificate at NV index 0x%08x names." % kind.certificate_index,
        "choose another kind of EK with the option ek, or ask the TPM's manufacturer for its EK template.",
    )


def _choose(indices: set[int], wanted: str) -> EkKind:
    for kind in EK_KINDS:
        if wanted in ("auto", kind.name) and kind.certificate_index in indices:
            return kind
    raise NodeError(
        "no_ek_certificate",
        "The TPM holds no EK certificate%s." % ("" if wanted == "auto" else " of kind %s" % wanted),
        "provision the certificate into NV (for an emulator: swtpm_setup --create-ek-cert), "
        "or choose another kind with the option ek.",
    )


def _persistent_ek(tpm: Tpm, kind: EkKind, certificate: bytes) -> Optional[Ek]:
    if kind.persistent_handle not in tpm.handles(kind.persistent_handle, 1):
        return None
    with translated("read its persistent EK"):
        key = tpm.persistent(kind.persistent_handle)
        public = tpm.public(key)
    return Ek(kind, certificate, key, public) if public_key_bytes(public) in certificate else None


def _templates(tpm: Tpm, kind: EkKind, indices: set[int]) -> List[bytes]:
    if kind.template_index in indices:
        area = tpm.read_nv(kind.template_index)
        return [len(area).to_bytes(2, "big") + area]
    if kind.nonce_index in indices and kind.nonce_index is not None:
        return [kind.template_with_nonce(tpm.read_nv(kind.nonce_index))]
    return list(kind.templates)


def _create_primary(tpm: Tpm, template: bytes) -> Any:
    with translated("create its EK"):
        public, _size = tpm.types.TPM2B_PUBLIC.unmarshal(template)
        return tpm.context.create_primary(
            tpm.types.TPM2B_SENSITIVE_CREATE(), public, primary_handle=tpm.types.ESYS_TR.ENDORSEMENT
        )[0]


@contextmanager
def _ek_authorization(tpm: Tpm, kind: EkKind) -> Iterator[Any]:
    """Give a session that authorizes one use of the EK (TCG EK Credential Profile, PolicyA: PolicySecret)."""
    types = tpm.types
    if not kind.needs_policy:
        yield types.ESYS_TR.PASSWORD
        return
    session = tpm.context.start_auth_session(
        types.ESYS_TR.NONE,
        types.ESYS_TR.NONE,
        types.TPM2_SE.POLICY,
        types.TPMT_SYM_DEF(algorithm=types.TPM2_ALG.NULL),
        types.TPM2_ALG.SHA256,
    )
    try:
        tpm.context.policy_secret(types.ESYS_TR.ENDORSEMENT, session, b"", b"", b"", 0)
        yield session
    finally:
        tpm.context.flush_context(session)


def attestation_key(tpm: Tpm, ek: Ek, handle: int, algorithm: str, replace: bool, create: bool) -> Ak:
    """Return the AK at a persistent handle; make it under the EK where it is absent or to be replaced.

    Args:
        tpm: an open TPM.
        ek: the EK, from :func:`endorsement_key`.
        handle: persistent handle.
        algorithm: ``ecdsa_p256`` or ``rsa_2048``.
        replace: make a new key even where there is one.
        create: whether a key may be made at all (not in check mode).

    Raises:
        NodeError: ``ak_missing`` where there is none and none may be made; ``ak_occupied`` where the handle holds
            another kind of key and is not to be replaced.
    """
    present = handle in tpm.handles(handle, 1)
    if present and not (replace and create):
        with translated("read its AK"):
            public = tpm.public(tpm.persistent(handle))
        if not replace and not is_ak(public, algorithm):
            raise NodeError(
                "ak_occupied",
                "The TPM's handle 0x%08x holds a key that is no %s AK." % (handle, algorithm),
                "choose another ak_handle, or evict the key with replace: true.",
            )
        return Ak(public, replace)
    if not create:
        raise ak_missing(handle)
    return Ak(_make_ak(tpm, ek, handle, algorithm, present), True)


def _make_ak(tpm: Tpm, ek: Ek, handle: int, algorithm: str, present: bool) -> bytes:
    types, context = tpm.types, tpm.context
    template, _size = types.TPM2B_PUBLIC.unmarshal(AK_TEMPLATES[algorithm])
    with translated("create an AK"):
        with _ek_authorization(tpm, ek.kind) as session:
            private, public = context.create(ek.key, types.TPM2B_SENSITIVE_CREATE(), template, session1=session)[:2]
        with _ek_authorization(tpm, ek.kind) as session:
            key = context.load(ek.key, private, public, session1=session)
        try:
            # Only now: where the TPM cannot make the new key, the node keeps the old one.
            if present:
                context.evict_control(types.ESYS_TR.OWNER, tpm.persistent(handle), handle)
            context.evict_control(types.ESYS_TR.OWNER, key, handle)
        finally:
            context.flush_context(key)
    return bytes(public.marshal())


def activate(tpm: Tpm, ek: Ek, handle: int, credential_blob: bytes, encrypted_secret: bytes) -> bytes:
    """Return the credential that TPM2_ActivateCredential releases (TPM 2.0 Part 3, section 12.5).

    Args:
        tpm: an open TPM.
        ek: the EK for which the credential was made.
        handle: the AK's persistent handle.
        credential_blob: TPM2B_ID_OBJECT, marshalled.
        encrypted_secret: TPM2B_ENCRYPTED_SECRET, marshalled.

    Raises:
        NodeError: ``ak_missing``; ``activation_refused`` where it was made for another AK or EK; ``bad_argument``.
    """
    types = tpm.types
    blob = _unmarshalled(types.TPM2B_ID_OBJECT, "credential_blob", credential_blob)
    secret = _unmarshalled(types.TPM2B_ENCRYPTED_SECRET, "encrypted_secret", encrypted_secret)
    if handle not in tpm.handles(handle, 1):
        raise ak_missing(handle)
    refused = NodeError(
        "activation_refused",
        "The TPM refused the credential: it was made for another EK or another AK.",
        "describe this node again and start a new enrolment.",
    )
    with translated("activate the credential", broken=refused), _ek_authorization(tpm, ek.kind) as session:
        key = tpm.persistent(handle)
        return bytes(tpm.context.activate_credential(key, ek.key, blob, secret, session2=session))


def _unmarshalled(kind: Any, name: str, data: bytes) -> Any:
    try:
        value, size = kind.unmarshal(data)
    except RuntimeError:
        size = -1
    if size != len(data):
        raise NodeError(
            "bad_argument",
            "%s is no marshalled %s." % (name, kind.__name__),
            "pass what begin_enrolment made, unchanged.",
        )
    return value


__all__ = ["Ak", "Ek", "activate", "attestation_key", "endorsement_key"]
