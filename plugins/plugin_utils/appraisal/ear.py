# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Attestation Result: an EAR claims-set (draft-ietf-rats-ear-04) as a dictionary, and as a signed JWT.

===============================  ==========================  =====================================
claim                            in draft-ietf-rats-ear-04   here
===============================  ==========================  =====================================
``eat_profile``                  section 3, mandatory        :data:`PROFILE`
``iat``                          section 3, mandatory        whole seconds
``ear_verifier_id``              section 3, mandatory        ``developer`` and ``build``
``ear_status``                   section 3, optional         worst status of all submodules
``eat_nonce``                    section 3, optional         the challenge's nonce, base64url
``submods``                      section 3, mandatory        one appraisal for each layer
``ear_status``                   section 3.1, mandatory      at best that of the layers above
``ear_trustworthiness_vector``   section 3.1, optional       the layer's own claims
``ear_appraisal_policy_ids``     section 3.1, optional       name of the Appraisal Policy
``palantir.*``                   section 4.1, extensions     :data:`LAYER_PROFILE`
===============================  ==========================  =====================================

The JWT is a JWS in compact serialisation (RFC 7515 section 7.1) with ES256 (RFC 7518 section 3.4). One
algorithm and one key make the whole of JOSE that is needed; any JOSE library verifies it.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.ar4si import Tier, worst_tier
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.verdict import LayerVerdict
from ansible_collections.palantir.trust.plugins.plugin_utils.codec import MIB
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import EvidenceError

PROFILE: Final = "tag:ietf.org,2026:rats/ear#04"
LAYER_PROFILE: Final = "tag:palantir.trust,2026:layer#1"
VERIFIER_ID: Final = {"developer": "https://github.com/palantir-h2020/palantir.trust", "build": "palantir.trust 0.1.0"}
TOKEN_LIMIT: Final = 16 * MIB
_COORDINATE: Final = 32


def build_ear(
    verdicts: Sequence[LayerVerdict],
    *,
    node: str,
    policy: str,
    now: datetime,
    nonce: bytes = b"",
    boot: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return an EAR claims-set.

    Args:
        verdicts: the layers' own verdicts in the order of their authority; every ``sc:`` layer stands under
            all that come before the first of them.
        node: name of the node.
        policy: name of the Appraisal Policy.
        now: time of the result.
        nonce: the challenge's nonce.
        boot: which boot and how much of its log was appraised.
    """
    submods: dict[str, Any] = {}
    hosts: list[LayerVerdict] = []
    for verdict in verdicts:
        submods[verdict.layer] = _submodule(verdict, hosts, policy)
        if not verdict.layer.startswith("sc:"):
            hosts.append(verdict)
    ear: dict[str, Any] = {
        "eat_profile": PROFILE,
        "iat": int(now.timestamp()),
        "ear_verifier_id": dict(VERIFIER_ID),
        "ear_status": str(worst_tier(Tier(s["ear_status"]) for s in submods.values())),
        "submods": submods,
        "palantir.node": node,
        "palantir.boot": dict(boot) if boot is not None else None,
    }
    if 8 <= len(nonce) <= 64:  # EAT, RFC 9711 section 4.1
        ear["eat_nonce"] = _encode(nonce)
    return ear


def _submodule(verdict: LayerVerdict, above: Iterable[LayerVerdict], policy: str) -> dict[str, Any]:
    own = verdict.own_status
    limit = max(above, key=lambda v: v.own_status.rank, default=None)
    limited = limit is not None and limit.own_status.rank > own.rank
    void = limit is not None and limit.own_status is Tier.CONTRAINDICATED
    return {
        "eat_profile": LAYER_PROFILE,
        "ear_status": str(limit.own_status if limit is not None and limited else own),
        "ear_trustworthiness_vector": verdict.vector,
        "ear_appraisal_policy_ids": [policy],
        "palantir.own_status": str(own),
        "palantir.void_by": limit.layer if limit is not None and void else None,
        "palantir.limited_by": limit.layer if limit is not None and limited and not void else None,
        "palantir.findings": [f.plain(verdict.layer, void=void) for f in verdict.findings],
        "palantir.retired": [f.plain(verdict.layer, void=void) for f in verdict.retired],
        "palantir.coverage": dict(verdict.coverage) if verdict.coverage is not None else None,
        "palantir.kernel": dict(verdict.kernel) if verdict.kernel is not None else None,
        "palantir.generations": None
        if verdict.generations is None
        else {str(number): str(tier) for number, tier in verdict.generations.items()},
    }


def summary(ear: Mapping[str, Any]) -> dict[str, Any]:
    """Return the few figures of an EAR that a table shows.

    Returns:
        ``{"node", "status", "layers": [{"layer", "status", "own_status", "void_by", "findings": count,
        "message": text of the gravest finding or ""}]}``, layers in order of authority.
    """
    layers = []
    for layer, appraisal in ear["submods"].items():
        findings = appraisal["palantir.findings"]
        first = max(findings, key=lambda f: Tier(f["tier"]).rank if f["tier"] != "none" else -1, default=None)
        layers.append(
            {
                "layer": layer,
                "status": appraisal["ear_status"],
                "own_status": appraisal["palantir.own_status"],
                "void_by": appraisal["palantir.void_by"],
                "findings": len(findings),
                "message": first["message"] if first else "",
            }
        )
    return {"node": ear.get("palantir.node"), "status": ear["ear_status"], "layers": layers}


def abridged(ear: Mapping[str, Any], limit: int) -> dict[str, Any]:
    """Return an EAR whose JSON text has at most so many characters, for those who cannot take a longer one.

    Nothing that a decision rests on is left out: of each layer's findings and history the gravest stay, and
    ``palantir.left_out`` counts the others. One that is short enough is returned as it is.
    """
    short = dict(ear)
    for most in (64, 16, 4, 1, 0):
        if len(json.dumps(short)) <= limit:
            break
        short = {**ear, "submods": {layer: _abridged(submod, most) for layer, submod in ear["submods"].items()}}
    return short


def _abridged(submod: Mapping[str, Any], most: int) -> dict[str, Any]:
    kept = {name: _gravest(submod[name], most) for name in ("palantir.findings", "palantir.retired")}
    return {**submod, **kept, "palantir.left_out": sum(len(submod[name]) - len(kept[name]) for name in kept)}


def _gravest(findings: Sequence[Mapping[str, Any]], most: int) -> list[Mapping[str, Any]]:
    order = sorted(range(len(findings)), key=lambda at: (-Tier(findings[at]["tier"]).rank, at))
    return [findings[at] for at in sorted(order[:most])]


def sign_ear(ear: Mapping[str, Any], private_key: bytes) -> str:
    """Return an EAR as a signed JWT.

    Args:
        ear: claims-set as :func:`build_ear` makes it.
        private_key: ECDSA P-256 key in PEM, not encrypted.

    Raises:
        EvidenceError: the key is no such key.
    """
    try:
        key = serialization.load_pem_private_key(private_key, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise EvidenceError("EAR key", "is no private key in PEM.", next_step="give a P-256 key.") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise EvidenceError("EAR key", "is no ECDSA P-256 key.", next_step="give a P-256 key.")
    header = _encode(b'{"alg":"ES256","typ":"JWT"}')
    signed = f"{header}.{_encode(json.dumps(ear, separators=(',', ':')).encode())}"
    r, s = decode_dss_signature(key.sign(signed.encode("ascii"), ec.ECDSA(hashes.SHA256())))
    return f"{signed}.{_encode(r.to_bytes(_COORDINATE, 'big') + s.to_bytes(_COORDINATE, 'big'))}"


def verify_ear(token: str, public_key: bytes) -> dict[str, Any]:
    """Return the claims-set of a signed EAR.

    Args:
        token: JWT as :func:`sign_ear` makes it.
        public_key: ECDSA P-256 key in PEM.

    Raises:
        EvidenceError: the token is malformed, of another algorithm or profile, or its signature is wrong.
    """
    key = _public_key(public_key)
    parts = token.split(".") if len(token) <= TOKEN_LIMIT else []
    if len(parts) != 3:
        raise EvidenceError("EAR token", "is no JWS in compact serialisation.")
    header, payload, signature = (_decode(part) for part in parts)
    fields = _object(header)
    if fields.get("alg") != "ES256" or "crit" in fields:
        raise EvidenceError("EAR token", "is not signed with plain ES256.")
    if len(signature) != 2 * _COORDINATE:
        raise EvidenceError("EAR token", "has a signature of the wrong length.")
    r, s = (int.from_bytes(signature[i : i + _COORDINATE], "big") for i in (0, _COORDINATE))
    try:
        key.verify(encode_dss_signature(r, s), f"{parts[0]}.{parts[1]}".encode(), ec.ECDSA(hashes.SHA256()))
    except InvalidSignature as error:
        raise EvidenceError(
            "EAR token", "has a wrong signature.", next_step="check which key its issuer uses; do not use its claims."
        ) from error
    claims = _object(payload)
    if claims.get("eat_profile") != PROFILE:
        raise EvidenceError("EAR token", "is of another profile.", next_step=f"this version reads {PROFILE}.")
    return claims


def _public_key(pem: bytes) -> ec.EllipticCurvePublicKey:
    try:
        key = serialization.load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise EvidenceError("EAR key", "is no public key in PEM.") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise EvidenceError("EAR key", "is no ECDSA P-256 key.")
    return key


def _object(data: bytes) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise EvidenceError("EAR token", "holds no JSON.") from error
    if not isinstance(value, dict):
        raise EvidenceError("EAR token", "holds no JSON object.")
    return value


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise EvidenceError("EAR token", "is not base64url.") from error


__all__ = [
    "LAYER_PROFILE",
    "PROFILE",
    "TOKEN_LIMIT",
    "VERIFIER_ID",
    "abridged",
    "build_ear",
    "sign_ear",
    "summary",
    "verify_ear",
]
