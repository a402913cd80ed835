# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: quote
author:
  - palantir.trust contributors (@palantir-trust)
short_description: Check a TPM quote
version_added: 0.1.0
description:
  - Checks that a quote was made by a TPM, signed by a known attestation key, for this challenge and over exactly the
    PCRs that were asked for.
  - A quote that can be read and is not what was asked for gives C(valid) false with a finding for each reason.
    One that cannot be read is an error.
  - Where the key comes as a TPM public area, its attributes, scheme and name algorithm are checked too. A PEM shows
    none of them.
positional: _input, signature, ak_public, nonce, selection
options:
  _input:
    description: The quote (TPMS_ATTEST), as bytes or as base64 text.
    type: raw
    required: true
  signature:
    description:
      - The signature (TPMT_SIGNATURE), as bytes or as base64 text. Schemes are RSASSA, RSAPSS and ECDSA on P-256 and
        P-384, over SHA-256, SHA-384 or SHA-512.
    type: raw
    required: true
  ak_public:
    description:
      - The enrolled attestation key, never one that came with the quote. A PEM, or a TPM2B_PUBLIC or TPMT_PUBLIC as
        bytes or as base64 text.
    type: raw
    required: true
  nonce:
    description: The qualifying data that was asked for, as bytes or as hexadecimal text.
    type: raw
    required: true
  selection:
    description: Bank to the PCR numbers that were asked for.
    type: dict
    required: true
  allow_sha1:
    description: Accept a signature over SHA-1.
    type: bool
    default: false
seealso:
  - plugin: palantir.trust.ima_log
    plugin_type: filter
  - name: TPM 2.0 Library, Part 2
    description: The structures.
    link: https://trustedcomputinggroup.org/resource/tpm-library-specification/
"""

EXAMPLES = r"""
- name: Fail unless the node's quote is what was asked for
  vars:
    result: "{{ lookup('file', 'quote.attest.b64') | palantir.trust.quote(
      lookup('file', 'quote.signature.b64'), lookup('file', 'ak.pem'),
      'd11e4c331b251109b47562cd541a3387bd78b122', {'sha256': [0, 1, 2, 3, 4, 5, 6, 7, 10]}) }}"
  ansible.builtin.assert:
    that: result.valid
    fail_msg: "{{ result.findings | map(attribute='message') | join(' ') }}"
"""

RETURN = r"""
_value:
  description: What the quote says, and whether it may be believed.
  type: dict
  contains:
    valid:
      description: The quote is what was asked for. Nothing else of the result counts where this is false.
      type: bool
    pcr_digest:
      description: Digest over the selected PCRs, in hexadecimal.
      type: str
    pcr_select:
      description: Bank to PCR numbers, as they were signed, in the order in which they were digested.
      type: dict
      sample: {sha256: [0, 1, 2, 3, 4, 5, 6, 7, 10]}
    hash_alg:
      description: Hash of the signature and of C(pcr_digest).
      type: str
      sample: sha256
    clock:
      description: Clock of the TPM in milliseconds.
      type: int
    reset_count:
      description: Number of boots, obfuscated for keys outside the endorsement hierarchy.
      type: int
    restart_count:
      description: Number of resumes since the last boot.
      type: int
    safe:
      description: False after a power loss, until the clock has passed its last value that was stored.
      type: bool
    firmware_version:
      description: Firmware version of the TPM, as its vendor counts.
      type: int
    qualified_signer:
      description: Qualified name of the signing key, in hexadecimal.
      type: str
    findings:
      description: Each reason why the quote is not valid.
      type: list
      elements: dict
      contains:
        code:
          description: Stable code of the finding.
          type: str
          sample: nonce_mismatch
        message:
          description: The finding in words.
          type: str
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import EvidenceError, TrustError
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.tpm.quote import verify_quote


def quote(
    attest: object,
    signature: object,
    ak_public: object,
    nonce: object,
    selection: Mapping[str, Sequence[int]],
    allow_sha1: bool = False,  # noqa: FBT001, FBT002, RUF100 - options of a filter have positions too
) -> dict[str, Any]:
    """Return what the quote says; raises AnsibleFilterError where it cannot be read."""
    try:
        result = verify_quote(attest, signature, ak_public, _nonce(nonce), selection, allow_sha1=allow_sha1)
    except TrustError as error:
        raise AnsibleFilterError(str(error)) from None
    return {
        "valid": result.valid,
        "pcr_digest": result.pcr_digest.hex(),
        "pcr_select": {bank: list(numbers) for bank, numbers in result.pcr_select.items()},
        "hash_alg": result.hash_alg,
        "clock": result.clock,
        "reset_count": result.reset_count,
        "restart_count": result.restart_count,
        "safe": result.safe,
        "firmware_version": result.firmware_version,
        "qualified_signer": result.qualified_signer.hex(),
        "findings": [{"code": finding.code, "message": finding.message} for finding in result.findings],
    }


def _nonce(value: object) -> bytes:
    if isinstance(value, (bytes, bytearray)):
        return bytes(value)
    try:
        return bytes.fromhex(value if isinstance(value, str) else "-")
    except ValueError as error:
        raise EvidenceError("nonce", "is neither bytes nor hexadecimal text.") from error


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"quote": quote}
