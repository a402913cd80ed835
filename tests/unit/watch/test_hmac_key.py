# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An HMAC key's way into a real TPM, its quotes, and what root of the node can do with it: nothing."""

from __future__ import annotations

import base64
import hashlib
import secrets
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from ansible_collections.palantir.trust.plugins.module_utils import _collector, _tpm_hmac
from ansible_collections.palantir.trust.plugins.module_utils._errors import NodeError
from ansible_collections.palantir.trust.plugins.module_utils._facts_binding import qualifying_data
from ansible_collections.palantir.trust.plugins.module_utils._tpm import Tpm, open_tpm
from ansible_collections.palantir.trust.plugins.module_utils._tpm_hmac import HmacKey, hmac_key_public
from ansible_collections.palantir.trust.plugins.plugin_utils.enrolment.duplicate import Duplicate, hmac_key_for
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import EvidenceError
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.tpm import quote as verifier
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.tpm.quote import verify_hmac_quote, verify_quote
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.tpm.storage_key import verify_storage_key
from tests.lab.light.node import LightNode
from tests.unit.verifier.soft_tpm import tpm2b
from tests.unit.watch.collectors import SELECTION, Collector, places, streamed

pytestmark = pytest.mark.slow

AK = 0x81010020
NONCE = b"n" * 32
_TRANSIENT = 0x80000000


@pytest.fixture
def tpm(node: LightNode) -> Iterator[Tpm]:
    with open_tpm(node.tcti) as opened:
        yield opened
        assert opened.handles(_TRANSIENT) == [], "something was left behind"


@pytest.fixture
def ak(tpm: Tpm) -> bytes:
    return tpm.public(tpm.persistent(AK))


@pytest.fixture
def on_node(tpm: Tpm) -> Iterator[HmacKey]:
    key = HmacKey(tpm)
    yield key
    key.close()


def agreed(on_node: HmacKey, ak: bytes) -> tuple[verifier.HmacKey, Duplicate]:
    offer = on_node.offer(AK, NONCE)
    return hmac_key_for(verify_storage_key(offer.public, offer.attest, offer.signature, ak, NONCE))


def test_its_quotes_say_what_those_of_the_ak_say(tpm: Tpm, on_node: HmacKey, ak: bytes) -> None:
    key, duplicate = agreed(on_node, ak)
    on_node.take(duplicate.unique, duplicate.private, duplicate.seed)
    assert len(tpm.handles(_TRANSIENT)) == 1, "the storage key is gone"
    by_hmac, by_ak = on_node.quote(SELECTION, NONCE), tpm.quote(AK, SELECTION, NONCE)
    fast = verify_hmac_quote(by_hmac.attest, by_hmac.signature, key, NONCE, SELECTION)
    slow = verify_quote(by_ak.attest, by_ak.signature, ak, NONCE, SELECTION)
    assert fast.valid
    assert slow.valid
    # The counters, too: a key of another hierarchy would have them obfuscated.
    assert fast._replace(clock=0, qualified_signer=b"") == slow._replace(clock=0, qualified_signer=b"")
    assert not verify_hmac_quote(by_ak.attest, by_ak.signature, key, NONCE, SELECTION).valid
    with pytest.raises(EvidenceError, match="signature scheme"):
        verify_quote(by_hmac.attest, by_hmac.signature, ak, NONCE, SELECTION)


def test_the_tpm_takes_no_duplicate_of_which_a_byte_is_another(on_node: HmacKey, ak: bytes) -> None:
    for part in ("unique", "private", "seed"):
        _key, duplicate = agreed(on_node, ak)
        parts = {"unique": duplicate.unique, "private": duplicate.private, "seed": duplicate.seed}
        wrong = bytearray(parts[part])
        wrong[secrets.randbelow(len(wrong))] ^= 1 + secrets.randbelow(255)
        with pytest.raises(NodeError, match="The TPM refused to import an HMAC key"):
            on_node.take(*(bytes(wrong) if name == part else value for name, value in parts.items()))


def test_a_duplicate_for_another_storage_key_is_refused(on_node: HmacKey, ak: bytes) -> None:
    _key, duplicate = agreed(on_node, ak)
    elsewhere = verifier_key(ec.generate_private_key(ec.SECP256R1()))
    offer = on_node.offer(AK, NONCE)
    with pytest.raises(EvidenceError, match="is not the key that the AK certified"):
        verify_storage_key(elsewhere, offer.attest, offer.signature, ak, NONCE)
    with pytest.raises(EvidenceError, match="is certified for another nonce"):
        verify_storage_key(offer.public, offer.attest, offer.signature, ak, bytes(32))
    assert duplicate.unique not in offer.public


def verifier_key(key: ec.EllipticCurvePrivateKey) -> bytes:
    point = key.public_key().public_numbers()
    return _tpm_hmac.storage_key_public(point.x.to_bytes(32, "big"), point.y.to_bytes(32, "big"))


# What root of the node may try


def rewrapped(tpm: Tpm, parent: Any, duplicate: Duplicate, session: Any) -> bytes:
    """Have the TPM turn a duplicate over to a key of ours, and return the secret that is in it."""
    from tpm2_pytss.utils import unwrap

    types, mine = tpm.types, ec.generate_private_key(ec.SECP256R1())
    template = bytearray(verifier_key(mine))
    template[6:10] = struct.pack(">I", 1 << 6 | 1 << 16 | 1 << 17)  # may be anybody's
    public = types.TPM2B_PUBLIC.unmarshal(bytes(template))[0]
    name = b"\x00\x0b" + hashlib.sha256(hmac_key_public(duplicate.unique)[2:]).digest()
    loaded = tpm.context.load_external(public)
    try:
        wrapped, seed = tpm.context.rewrap(
            parent,
            loaded,
            types.TPM2B_PRIVATE.unmarshal(duplicate.private)[0],
            types.TPM2B_NAME(name),
            types.TPM2B_ENCRYPTED_SECRET.unmarshal(duplicate.seed)[0],
            session1=session,
        )
    finally:
        tpm.context.flush_context(loaded)
    private = types.TPMT_SENSITIVE(sensitiveType=types.TPM2_ALG.ECC)
    private.sensitive.ecc = types.TPM2B_ECC_PARAMETER(mine.private_numbers().private_value.to_bytes(32, "big"))
    key = types.TPM2B_PUBLIC.unmarshal(hmac_key_public(duplicate.unique))[0]
    return bytes(unwrap(public.publicArea, private, key, wrapped, seed).sensitiveArea.sensitive.bits)


def test_root_cannot_have_the_key_wrapped_to_a_key_of_its_own(tpm: Tpm, on_node: HmacKey, ak: bytes) -> None:
    _key, duplicate = agreed(on_node, ak)
    with pytest.raises(RuntimeError, match="authValue or authPolicy is not available"):
        rewrapped(tpm, on_node._parent, duplicate, tpm.types.ESYS_TR.PASSWORD)
    for use in _tpm_hmac._USES:
        with on_node._use(use) as session, pytest.raises(RuntimeError, match="commandCode in the policy"):
            rewrapped(tpm, on_node._parent, duplicate, session)


def test_with_an_ordinary_storage_key_it_could(
    tpm: Tpm, on_node: HmacKey, ak: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that the test before shows something."""
    monkeypatch.setattr(_tpm_hmac, "_STORAGE_ATTRIBUTES", _tpm_hmac._STORAGE_ATTRIBUTES | 1 << 6)
    monkeypatch.setattr(_tpm_hmac, "_STORAGE_POLICY", b"")
    key, duplicate = agreed(on_node, ak)
    assert rewrapped(tpm, on_node._parent, duplicate, tpm.types.ESYS_TR.PASSWORD) == key.secret
    monkeypatch.undo()
    offer = on_node.offer(AK, NONCE)
    monkeypatch.setattr(_tpm_hmac, "_STORAGE_POLICY", b"")
    with pytest.raises(EvidenceError, match="is not of the kind"):
        verify_storage_key(offer.public, offer.attest, offer.signature, ak, NONCE)


def test_root_can_neither_duplicate_the_key_nor_sign_what_it_likes(tpm: Tpm, on_node: HmacKey, ak: bytes) -> None:
    _key, duplicate = agreed(on_node, ak)
    on_node.take(duplicate.unique, duplicate.private, duplicate.seed)
    types, context = tpm.types, tpm.context
    none = types.TPMT_SYM_DEF_OBJECT(algorithm=types.TPM2_ALG.NULL)
    session = context.start_auth_session(
        types.ESYS_TR.NONE,
        types.ESYS_TR.NONE,
        types.TPM2_SE.POLICY,
        types.TPMT_SYM_DEF(algorithm=types.TPM2_ALG.NULL),
        types.TPM2_ALG.SHA256,
    )
    context.policy_command_code(session, types.TPM2_CC.Duplicate)
    with pytest.raises(RuntimeError, match="policy check failed"):
        context.duplicate(on_node._key, types.ESYS_TR.NONE, b"", none, session1=session)
    context.flush_context(session)
    forged = b"\xff\x54\x43\x47\x80\x18 a quote of a clean node"
    with pytest.raises(RuntimeError, match="inconsistent attributes"):
        context.hmac(on_node._key, forged, types.TPM2_ALG.SHA256)
    digest, ticket = context.hash(forged, types.TPM2_ALG.SHA256, types.ESYS_TR.OWNER)
    scheme = types.TPMT_SIG_SCHEME(scheme=types.TPM2_ALG.NULL)
    with pytest.raises(RuntimeError, match="ticket"):
        context.sign(on_node._key, digest, scheme, ticket)


# The collector


def given(collector: Collector, node: LightNode) -> verifier.HmacKey:
    """Do what a controller does to come to a key."""
    whole = collector.ask(places=places(node))
    ak = whole["evidence"]["quote"]["ak_public"]
    offer = collector.ask(storage_key=NONCE.hex(), places=places(node))["storage_key"]
    parent = verify_storage_key(offer["public"], offer["attest"], offer["signature"], ak, NONCE)
    key, duplicate = hmac_key_for(parent)
    parts = {"unique": duplicate.unique, "duplicate": duplicate.private, "seed": duplicate.seed}
    taken = collector.ask(hmac_key={name: part.hex() for name, part in parts.items()})
    assert taken == {"id": 1, "hmac_key": True}
    return key


def test_a_collector_quotes_by_either_key_as_it_is_asked_and_forgets_with_its_end(
    tmp_path: Path, node: LightNode
) -> None:
    with streamed(tmp_path) as collector:
        key = given(collector, node)
        for by in (True, False, True):
            answer = collector.ask(nonce=NONCE.hex(), places=places(node), hmac=by)
            quote, bound = answer["evidence"]["quote"], qualifying_data(NONCE, answer["evidence"]["facts"])
            assert verify_hmac_quote(quote["attest"], quote["signature"], key, bound, SELECTION).valid is by
            assert bool(quote["ak_public"]) is not by
        collector.stdin.close()
        assert collector.process.wait(10) == 0
    with open_tpm(node.tcti) as tpm:
        assert tpm.handles(_TRANSIENT) == []


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"hmac": True}, "no_hmac_key"),
        ({"hmac_key": {"unique": "00", "duplicate": "00", "seed": "00"}}, "no_hmac_key"),
        ({"hmac_key": 7}, "bad_argument"),
        ({"storage_key": 7}, "bad_argument"),
        ({"storage_key": "no hex"}, "bad_argument"),
        ({"storage_key": "00" * 32, "places": {"tcti": 7}}, "bad_argument"),
        ({"storage_key": "00" * 32, "places": {"ak_handle": "0"}}, "bad_argument"),
    ],
)
def test_what_comes_out_of_turn_or_is_none_is_refused(node: LightNode, wrong: dict[str, Any], code: str) -> None:
    message = {"nonce": "00" * 32, "selection": SELECTION, "places": places(node), **wrong}
    assert _collector.answer(message, _collector.KeptOpen(), installed=False)["error"]["code"] == code


def test_a_key_that_is_not_taken_ends_the_attempt(tmp_path: Path, node: LightNode) -> None:
    with streamed(tmp_path) as collector:
        offer = collector.ask(storage_key=NONCE.hex(), places=places(node))["storage_key"]
        assert base64.b64decode(offer["public"])
        garbage = {"unique": "00" * 32, "duplicate": tpm2b(b"x" * 90).hex(), "seed": tpm2b(b"y" * 68).hex()}
        assert collector.ask(hmac_key=garbage)["error"]["code"] == "tpm_error"
        assert collector.ask(places=places(node), hmac=True)["error"]["code"] == "no_hmac_key"
        collector.stdin.close()
        assert collector.process.wait(10) == 0
    with open_tpm(node.tcti) as tpm:
        assert tpm.handles(_TRANSIENT) == []
