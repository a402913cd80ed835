# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Domain errors of the controller's code: raised deep inside, translated once at a plugin's edge.

Every error says three things: what was being read or done, why it failed, and what to do next. A text
that comes from a node must pass through :func:`~.codec.printable` before it becomes part of an error.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class TrustError(Exception):
    """Base of all errors that this collection raises on purpose.

    Args:
        subject: the thing at fault, named so that its owner finds it (``node1: IMA log``, ``rules/sc.yml, rule r3``).
        cause: what is wrong with it.
        next_step: what to check or do next; empty where the cause says it all.
    """

    def __init__(self, subject: str, cause: str, next_step: str = "") -> None:
        self.subject = subject
        self.cause = cause
        self.next_step = next_step
        self.told: Mapping[str, Any] = {}
        """What a task returns besides the message: what it left behind."""
        super().__init__(f"{subject}: {cause}" + (f" Next: {next_step}" if next_step else ""))


class EvidenceError(TrustError):
    """Evidence that cannot be read: malformed, truncated or over a limit. Never a verdict of trust.

    Args:
        field: the field of the evidence (``ima_log``, ``quote.attest``).
        cause: what is wrong with it.
        offset: byte offset within the field where reading stopped, when known.
        next_step: what to check or do next.
    """

    def __init__(self, field: str, cause: str, *, offset: int | None = None, next_step: str = "") -> None:
        self.field = field
        self.offset = offset
        super().__init__(field if offset is None else f"{field} at offset {offset}", cause, next_step)


class PartError(EvidenceError):
    """A part of a list that does not continue what was verified before: the whole list has to be asked for.

    It says nothing of the node: the fault may be in what was remembered.
    """


class EnrolmentError(TrustError):
    """An identity that cannot be established: EK certificate, chain, key attributes, credential activation."""


class ChallengeError(TrustError):
    """A challenge that is unknown, used, expired or of another node."""


class ReferenceValueError(TrustError):
    """Reference Values that cannot be read or made."""


class PolicyError(TrustError):
    """An Appraisal Policy that cannot be read."""


class RuleError(TrustError):
    """A decision table that cannot be read, or that its static analysis refuses."""


class CatalogueError(TrustError):
    """An SC catalogue entry that cannot be read, or an SC, flavour or node that it does not name."""


class AdmissionError(TrustError):
    """A package of an SC, or a site's policy for packages, that cannot be read, made or admitted."""


class PlatformError(TrustError):
    """A platform that runs SC instances elsewhere cannot be reached, refuses, or answers what it must not."""


class StoreError(TrustError):
    """The store cannot be opened, read or written."""


class PkiError(TrustError):
    """A certificate, a key or a request for one that does not hold, or a peer that shows none that does."""


class EventError(TrustError):
    """An event source, or a rulebook for one, that cannot be set up as asked."""


__all__ = [
    "AdmissionError",
    "CatalogueError",
    "ChallengeError",
    "EnrolmentError",
    "EventError",
    "EvidenceError",
    "PartError",
    "PkiError",
    "PlatformError",
    "PolicyError",
    "ReferenceValueError",
    "RuleError",
    "StoreError",
    "TrustError",
]
