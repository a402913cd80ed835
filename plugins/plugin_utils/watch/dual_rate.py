# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which quotes of a watched node may be by HMAC instead of by the AK, and the key for them.

An HMAC quote proves to this process alone that nothing has changed since the AK proved it. It is never kept, never
part of a result, and never more than so many in a row; whatever it does not confirm is asked of the AK at once.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.enrolment.duplicate import hmac_key_for
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import TrustError
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.tpm.quote import HmacKey
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.tpm.storage_key import verify_storage_key
from ansible_collections.palantir.trust.plugins.plugin_utils.watch.conversation import ChannelError, fault

_NONCE_BYTES: Final = 32
_WHY: Final = 200

Ask = Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any]]]
"""Asks a node's collector; may raise ChannelError."""


class DualRate:
    """The two rates of one node.

    Args:
        cycles: of so many quotes in a row one has to be by the AK; below 2, all have to.

    Attributes:
        quotes: how many by HMAC have confirmed something.
        why: why there are no more of them for the rest of the watch; empty as long as there may be.
    """

    __slots__ = ("_cycles", "_key", "_left", "_trial", "quotes", "why")

    def __init__(self, cycles: int = 0) -> None:
        self.quotes = 0
        self.why = ""
        self._cycles = cycles
        self._key: HmacKey | None = None
        self._left = 0
        self._trial = ""

    def connected(self) -> None:
        """Begin with a new connection."""
        # Not tried again where the last one ended over it: a TPM may hang of what it does not know.
        self.why, self._trial = self.why or self._trial, ""

    def forget(self) -> None:
        """Forget the key: it goes with its connection."""
        self._key = None

    def proved(self) -> None:
        """Note that the AK has proved the node's state."""
        self._left = self._cycles - 1

    async def key(self, ask: Ask, ak_public: bytes) -> HmacKey | None:
        """Return the key of the next quote, agreed upon with the node where there is none; None for the AK.

        Raises:
            ChannelError: the node gave no answer.
        """
        if self._left <= 0 or self.why:
            return None
        if self._key is None:
            self._trial = "the connection ended when HMAC quotes were tried"
            try:
                self._key = await _agreed(ask, ak_public)
            except ChannelError:
                raise
            except (AttributeError, KeyError, TypeError, ValueError, TrustError) as error:
                self._refused(str(error) if isinstance(error, TrustError) else "gave no usable answer")
        return self._key

    def answered(self, answer: Mapping[str, Any], *, confirmed: bool) -> None:
        """Note what came of a quote by HMAC: where the first one confirms nothing, it is the last one."""
        self._left -= 1
        if confirmed:
            self.quotes += 1
            self._trial = ""
        elif "evidence" not in answer:
            said, code = fault(answer)
            if code == "no_hmac_key" and not self._trial:
                self.forget()  # it was given up with what else was open, over a fault that has passed
            else:
                self._refused(said)
        elif self._trial:
            self._refused("its first HMAC quote confirmed nothing")

    def _refused(self, why: str) -> None:
        self._key, self._trial = None, ""
        self.why = printable(why, _WHY)


async def _agreed(ask: Ask, ak_public: bytes) -> HmacKey:
    nonce = secrets.token_bytes(_NONCE_BYTES)
    offered = _part(await ask({"storage_key": nonce.hex()}), "storage_key")
    parent = verify_storage_key(offered["public"], offered["attest"], offered["signature"], ak_public, nonce)
    key, duplicate = hmac_key_for(parent)
    parts = {"unique": duplicate.unique, "duplicate": duplicate.private, "seed": duplicate.seed}
    _part(await ask({"hmac_key": {name: part.hex() for name, part in parts.items()}}), "hmac_key")
    return key


def _part(answer: Mapping[str, Any], name: str) -> Any:
    if name not in answer:
        raise TrustError(name, fault(answer)[0])
    return answer[name]


__all__ = ["Ask", "DualRate"]
