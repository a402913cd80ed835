# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may sign files: the signers of the Appraisal Policy, from plain data.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.keys import SigningKey


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

    def expired(self, now: datetime) -> bool:
        """Tell whether its time is over."""
        return self.expires is not None and now >= self.expires


__all__ = ["Signer"]
