# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The IMA measurement list, its templates, and the IMA policy."""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Final

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import EvidenceError
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.coverage import coverage
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.keys import (
    KeyFormError,
    key_of_der,
    key_of_pem,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.log import parse_ima_log
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.modsig import read_modsig
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.plain import ima_bytes, plain_ima_log
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.policy import check_boot_aggregate
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.rules import parse_rules
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.signature import (
    SignatureFormError,
    hashed,
    read_signature,
    signed_digest,
    verifies,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.signed import signatures_of
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.templates import (
    MalformedEntryError,
    template_named,
)
from tests.fuzz.examine import Target
from tests.unit.verifier.ima_signer import Vendor


def read_list(data: bytes) -> object:
    """Read as the filter ``ima_log`` does."""
    log = parse_ima_log(ima_bytes(data))
    return plain_ima_log(log), check_boot_aggregate(log, {"sha256": {}})


def read_ascii(data: bytes) -> object:
    """Read a list that came as text."""
    return read_list(ima_bytes(data.decode("utf-8", "surrogateescape")))


def read_template(data: bytes) -> object:
    """Read template data: the size of the template's name (one byte), the name, the data."""
    end = 1 + data[0] if data else 1
    try:
        entry = template_named(data[1:end]).entry(0, 10, data[end:], bytes(32), violation=False)
    except MalformedEntryError as error:  # the reader of the list makes it a domain error
        raise EvidenceError("ima_log", f"entry 0 {error}.") from error
    return entry, entry.is_buffer, signatures_of(entry)


def read_signature_of(data: bytes) -> object:
    """Read an attribute, and the digest that it signs."""
    try:
        signature = read_signature(data)
    except SignatureFormError as error:
        raise EvidenceError("ima_log", f"has a signature that is {error}.") from error
    digest = signed_digest(signature, f"{signature.algorithm}:{hashed(signature.algorithm, b'').hex()}")
    return signature, digest, verifies(_vendor().key.public_key(), signature.algorithm, digest or b"", signature.value)


@cache
def _vendor() -> Vendor:
    return Vendor()


def read_appended(data: bytes) -> object:
    """Read the message that is appended to a module."""
    try:
        return read_modsig(data, "sha256:" + hashlib.sha256(b"module").hexdigest())
    except SignatureFormError as error:
        raise EvidenceError("ima_log", f"has a signature that is {error}.") from error


def read_signing_key(data: bytes) -> object:
    """Read a certificate that was measured into the log, or is of the policy."""
    try:
        key = key_of_pem(data.decode("utf-8", "replace")) if data[:1] == b"-" else key_of_der(data)
    except KeyFormError as error:
        raise EvidenceError("ima_log", f"has a certificate that {error}.") from error
    return key.subject, key.ids, key.sha256, key.key_identifier, key.issuer


def read_rules(data: bytes) -> object:
    """Read an IMA policy's text, and what it leaves out."""
    text = data.decode("utf-8", "replace")
    rules = parse_rules(text)
    assert all(gap.users for gap in coverage(text).gaps)
    return rules


TARGETS: Final = (
    Target("ima_binary", "IMA list, binary", read_list, plain=True, factor=256),
    Target("ima_ascii", "IMA list, ASCII", read_ascii, plain=True, form="text"),
    Target("ima_template", "fields of every IMA template", read_template),
    Target("ima_signature", "signature of a file", read_signature_of, numbers="big"),
    Target("ima_modsig", "signature appended to a module", read_appended, numbers="big"),
    Target("ima_key", "certificate of who signs files", read_signing_key, numbers="big", plain=True),
    Target("ima_rules", "IMA policy", read_rules, form="text"),
)

__all__ = ["TARGETS"]
