# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeping secrets out of messages: a platform may repeat in an error whatever it was sent.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import MIB, printable
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import PlatformError, TrustError
from ansible_collections.palantir.trust.plugins.plugin_utils.platforms.deployment import Deployment

HIDDEN: Final = "***"
_SHORTEST: Final = 4
_LINE: Final = 8
"""Characters from which on a line of a configuration, or a value of a kubeconfig, is worth hiding."""
_LONGEST: Final = 64 * 1024
_CUT: Final = "…"
_CREDENTIALS: Final = re.compile(r"\b(Bearer|Basic) [A-Za-z0-9._~+/=-]{16,}")


class Secrets:
    """What no message may show, as it becomes known."""

    def __init__(self) -> None:
        self._known: dict[str, None] = {}

    def add(self, *secrets: str) -> None:
        """Hide these from now on; what has less than 4 characters would hide half of any message, and is left."""
        self._known |= {printable(secret, _LONGEST): None for secret in secrets if len(secret) >= _SHORTEST}

    def add_configuration(self, wanted: Deployment) -> None:
        """Hide the lines of an instance's configuration."""
        for file in wanted.files:
            self.add(*(line.strip() for line in file.content.splitlines() if len(line.strip()) >= _LINE))

    def without(self, error: TrustError) -> PlatformError:
        """Return an error without any of them."""
        return PlatformError(self.hide(error.subject), self.hide(error.cause), error.next_step)

    def hide(self, text: str) -> str:
        """Return a message without any of them, nor the beginning of one where the message was cut."""
        for secret in sorted(self._known, key=len, reverse=True):
            text = text.replace(secret, HIDDEN)
        *cut, last = _CREDENTIALS.sub(rf"\1 {HIDDEN}", text).split(_CUT)
        return _CUT.join([*map(self._uncut, cut), last])

    def _uncut(self, part: str) -> str:
        begun: dict[str, list[str]] = {}
        for secret in self._known:
            begun.setdefault(secret[:_SHORTEST], []).append(secret)
        for at in range(max(len(part) - _SHORTEST + 1, 0)):
            if any(secret.startswith(part[at:]) for secret in begun.get(part[at : at + _SHORTEST], ())):
                return part[:at] + HIDDEN
        return part


def of_kubeconfig(path: str) -> list[str]:
    """Return the texts that a kubeconfig has of its users: tokens, passwords, keys.

    Args:
        path: the file; where it is empty that which the Kubernetes client takes by itself. One that cannot be read has
            none: the client is the one to complain.
    """
    file = path or os.environ.get("K8S_AUTH_KUBECONFIG") or os.environ.get("KUBECONFIG") or "~/.kube/config"
    try:
        with Path(file).expanduser().open("rb") as stream:
            data = yaml.safe_load(stream.read(MIB))
        users = data.get("users") if isinstance(data, Mapping) else None
        return [text for text in _texts(users) if len(text) >= _LINE]
    except (OSError, ValueError, RuntimeError, yaml.YAMLError):
        return []


def _texts(data: Any) -> Iterable[str]:
    if isinstance(data, str):
        yield data
    elif isinstance(data, Mapping):
        for value in data.values():
            yield from _texts(value)
    elif isinstance(data, list):
        for value in data:
            yield from _texts(value)


__all__ = ["HIDDEN", "Secrets", "of_kubeconfig"]
