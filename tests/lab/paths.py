# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a lab keeps its things: a state directory in the checkout, and one cache for all checkouts of a user.

A checkout has one lab, ``build/lab``. Scenarios that run side by side have one each: PALANTIR_TRUST_LAB names its
directory below ``build``, PALANTIR_TRUST_LAB_PORT its ports.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.lab.errors import LabError

CHECKOUT = Path(__file__).resolve().parents[2]
DEFAULT_PORT_BASE = 22200
_DEFAULT_NAME = "lab"
_NAME = re.compile(r"lab(-[a-z0-9]{1,20})?")


@dataclass(frozen=True)
class Paths:
    """The lab's places.

    Attributes:
        checkout: the repository's root.
        state: nodes, keys and the TPM makers' CA; gone with the checkout's ``build`` directory.
        cache: built images, by the hash of their inputs.
        port_base: node N's SSH is at 127.0.0.1, port_base + N.
    """

    checkout: Path
    state: Path
    cache: Path
    port_base: int

    @classmethod
    def default(cls, environ: Mapping[str, str] = os.environ) -> Paths:
        """The places that this checkout and this user's environment ask for."""
        home = Path(environ.get("HOME") or Path.home())
        xdg = environ.get("XDG_CACHE_HOME", "")
        cache = Path(xdg) if xdg.startswith("/") else home / ".cache"
        return cls(
            checkout=CHECKOUT,
            state=CHECKOUT / "build" / _name(environ.get("PALANTIR_TRUST_LAB", "")),
            cache=cache / "palantir-trust" / "lab",
            port_base=_port_base(environ.get("PALANTIR_TRUST_LAB_PORT", "")),
        )

    @property
    def image(self) -> Path:
        """Symbolic link to the image's entry in the cache."""
        return self.state / "image"

    @property
    def sc_images(self) -> Path:
        """Symbolic links to the images of SCs in the cache: where the catalogue expects them, whatever lab it is."""
        return self.checkout / "build" / _DEFAULT_NAME / "sc"

    @property
    def nodes(self) -> Path:
        """One directory per node."""
        return self.state / "nodes"

    @property
    def ssh(self) -> Path:
        """Key, known hosts and a configuration file for ssh -F."""
        return self.state / "ssh"

    @property
    def ca(self) -> Path:
        """Certificates (PEM) of the CA that issues the TPMs' EK certificates: what a verifier trusts."""
        return self.state / "ca"

    @property
    def ca_state(self) -> Path:
        """That CA's own state, with its signing key."""
        return self.state / "swtpm-localca"


def _name(text: str) -> str:
    if text and not _NAME.fullmatch(text):
        raise LabError(f"PALANTIR_TRUST_LAB: {text!r} is no lab's name. Next: give lab-2, lab-mine, ...")
    return text or _DEFAULT_NAME


def _port_base(text: str) -> int:
    if not text:
        return DEFAULT_PORT_BASE
    if not text.isdecimal() or not 1024 <= int(text) <= 65000:
        raise LabError(f"PALANTIR_TRUST_LAB_PORT: {text!r} is no port. Next: give a number from 1024 to 65000")
    return int(text)


__all__ = ["CHECKOUT", "DEFAULT_PORT_BASE", "Paths"]
