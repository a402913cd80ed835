# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may sign files: the signers of the Appraisal Policy, from plain data.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.policy.values import (
    Reader,
    read_digests,
    read_mapping,
    read_paths,
    read_text,
    read_texts,
    read_time,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import PolicyError
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.keys import (
    KeyFormError,
    SigningKey,
    key_of_pem,
)

MAX_SIGNERS: Final = 64


@dataclass(frozen=True, slots=True)
class Signer:
    """A key whose signature lets files count that no Reference Value names.

    A certificate's own period is not regarded, as the kernel does not: a signature carries no time, and files
    do not change when a certificate ends. :attr:`expires` ends what this signer may say.

    Attributes:
        name: for findings.
        certificate: the key.
        paths: where it counts: paths, or directories ending in ``/``.
        scs: SCs in whose instances it counts; none means that it counts on the host.
        withdrawn: digests of files that it signed and that must not be run any more, ``algorithm:hex``.
        expires: when it stops to count; None for no end.
    """

    name: str
    certificate: SigningKey
    paths: tuple[str, ...]
    scs: tuple[str, ...] = ()
    withdrawn: frozenset[str] = frozenset()
    expires: datetime | None = None

    def counts_in(self, sc: str | None) -> bool:
        """Tell whether it may speak of the files of an SC or, without one, of the host's."""
        return not self.scs if sc is None else sc in self.scs

    def can_tell_withdrawn(self, digest: str) -> bool:
        """Tell whether a file of that digest, which is not withdrawn, is none that is withdrawn by another digest.

        An appended signature leaves open by which algorithm the file is measured: root of a node chooses it.
        """
        algorithm = digest.rpartition(":")[0]
        return not self.withdrawn or any(known.rpartition(":")[0] == algorithm for known in self.withdrawn)

    def expired(self, now: datetime) -> bool:
        """Tell whether its time is over."""
        return self.expires is not None and now >= self.expires


def _certificate(value: object, where: str) -> SigningKey:
    try:
        key = key_of_pem(read_text(value, where))
    except KeyFormError as error:
        raise PolicyError(where, f"the certificate {error}.") from error
    if not key.digital_signature:
        raise PolicyError(where, "the certificate's key usage does not allow to sign (digitalSignature).")
    return key


def read_certificates(value: object, where: str) -> tuple[str, ...]:
    """Read a list of digests of certificates in DER."""
    digests = read_digests(value, where)
    for i, digest in enumerate(digests):
        if not digest.startswith("sha256:"):
            raise PolicyError(f"{where}[{i}]", "must be the SHA-256 of a certificate in DER.")
    return digests


def read_signers(value: object, where: str) -> tuple[Signer, ...]:
    """Read a list of signers."""
    if not isinstance(value, (list, tuple)):
        raise PolicyError(where, "must be a list.")
    if len(value) > MAX_SIGNERS:
        raise PolicyError(where, f"has more than {MAX_SIGNERS} signers.")
    signers = []
    for i, plain in enumerate(value):
        values = read_mapping(plain, _SIGNER_READERS, f"{where}[{i}]")
        lacking = [key for key in ("name", "certificate", "paths") if not values.get(key)]
        if lacking:
            raise PolicyError(f"{where}[{i}]", f"needs {', '.join(lacking)}.")
        signers.append(Signer(**values))
    return tuple(signers)


def _file_digests(value: object, where: str) -> frozenset[str]:
    digests = read_texts(value, where)
    read_digests([digest.removeprefix("verity:") for digest in digests], where)
    return frozenset(digests)


_SIGNER_READERS: Final[Mapping[str, Reader]] = {
    "name": read_text,
    "certificate": _certificate,
    "paths": read_paths,
    "scs": read_texts,
    "withdrawn": _file_digests,
    "expires": read_time,
}

__all__ = ["MAX_SIGNERS", "Signer", "read_certificates", "read_signers"]
