# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of workloads in certificates: SPIFFE IDs (The SPIFFE Identity and Verifiable Identity Document, section 2).

==============================================  =====================================================================
``spiffe://DOMAIN/instance/NAME/generation/N``  one generation of an SC instance
``spiffe://DOMAIN/role/ROLE``                   who may ask an instance for what: a person or a job of the site
==============================================  =====================================================================

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from cryptography import x509

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import PkiError
from ansible_collections.palantir.trust.plugins.plugin_utils.names import RULE, is_name

ROLES: Final = ("observer", "operator", "orchestrator")
"""``observer`` may ask for health, ``operator`` reloads too, ``orchestrator`` also changes configuration."""

_DOMAIN: Final = re.compile(r"[a-z0-9._-]{1,255}")
_LIMIT: Final = 2048
"""Longest SPIFFE ID that has to be accepted, in bytes (section 2.3)."""


@dataclass(frozen=True, slots=True)
class SpiffeId:
    """A trust domain, and the segments of the path in it."""

    domain: str
    path: tuple[str, ...]

    def __str__(self) -> str:
        """Return the URI."""
        return f"spiffe://{self.domain}/{'/'.join(self.path)}"

    @property
    def role(self) -> str | None:
        """The role that it names; None where it names none."""
        return self.path[1] if len(self.path) == 2 and self.path[0] == "role" and self.path[1] in ROLES else None


def of_instance(domain: str, instance: str, generation: int) -> SpiffeId:
    """Return the name of one generation of an instance.

    Raises:
        PkiError: the instance's name or the domain is none.
    """
    if not is_name(instance):
        raise PkiError(f"instance {printable(instance, 80)!r}", "is not a name.", RULE)
    return SpiffeId(_checked(domain), ("instance", instance, "generation", str(int(generation))))


def of_role(domain: str, role: str) -> SpiffeId:
    """Return the name of a role.

    Raises:
        PkiError: there is no such role, or the domain is none.
    """
    if role not in ROLES:
        raise PkiError(f"role {printable(role, 80)!r}", "is none.", f"they are {', '.join(ROLES)}.")
    return SpiffeId(_checked(domain), ("role", role))


def of_certificate(certificate: x509.Certificate) -> SpiffeId:
    """Return the one SPIFFE ID of a certificate.

    Raises:
        PkiError: it has none, or more than one URI (X509-SVID section 2: it must be refused).
    """
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        raise PkiError("certificate", "has no name of a workload.", "have one issued by the site's CA.") from None
    uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    if len(uris) != 1:
        raise PkiError("certificate", f"has {len(uris)} URIs, and one is needed.", "have one issued by the site's CA.")
    return parse(uris[0])


def parse(uri: str) -> SpiffeId:
    """Return the SPIFFE ID that a URI is.

    Raises:
        PkiError: it is none.
    """
    scheme, separator, rest = uri.partition("://")
    domain, *path = rest.split("/")
    plain = all(segment not in ("", ".", "..") and re.fullmatch(r"[A-Za-z0-9._-]+", segment) for segment in path)
    if scheme != "spiffe" or not separator or len(uri) > _LIMIT or not path or not plain:
        raise PkiError(f"name {printable(uri, 120)!r}", "is no SPIFFE ID with a path.")
    return SpiffeId(_checked(domain), tuple(path))


def trust_domain(uri: str) -> str:
    """Return the trust domain that a URI without a path names, as that of a CA does (X509-SVID section 3.2).

    Raises:
        PkiError: it names none.
    """
    return _checked(uri.removeprefix("spiffe://") if uri.startswith("spiffe://") else "")


def _checked(domain: str) -> str:
    if not _DOMAIN.fullmatch(domain):
        raise PkiError(
            f"trust domain {printable(domain, 80)!r}", "is none.", "use lower-case letters, digits, '.', '_' and '-'."
        )
    return domain


__all__ = ["ROLES", "SpiffeId", "of_certificate", "of_instance", "of_role", "parse", "trust_domain"]
