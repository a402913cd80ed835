# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of single values of a descriptor: each takes a text and its place, and returns the text as it counts.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from typing import Any, Final

from ansible_collections.palantir.trust.plugins.plugin_utils.catalogue import words
from ansible_collections.palantir.trust.plugins.plugin_utils.catalogue.capabilities import CAPABILITIES
from ansible_collections.palantir.trust.plugins.plugin_utils.catalogue.entry import Place, a_text, chosen, shown


def _matching(pattern: str, what: str, hint: str = "") -> Callable[[str, Place], str]:
    compiled = re.compile(pattern)

    def check(text: str, where: Place) -> str:
        if compiled.fullmatch(text) is None:
            raise where.error(f"{shown(text)} is not {what}.", hint)
        return text

    return check


inner_path: Final = _matching(
    words.INNER_PATH,
    "an absolute path in its shortest form",
    "use letters, digits and ._+@- between slashes, no '.', '..' or empty part.",
)
"""A path inside an instance, which also becomes an argument to its driver."""
template: Final = _matching(
    words.TEMPLATE,
    "the path of a file in the catalogue's directory",
    "put it there, and use letters, digits and ._+@- between slashes, no '..'.",
)
url_path: Final = _matching(words.URL_PATH, "a path of a URL", "begin with a slash; encode what is not ASCII.")
component: Final = _matching(words.COMPONENT, "a component", "write NAME-VERSION, with letters, digits and .:+~_-")
label: Final = _matching(words.LABEL, "a label", "use letters, digits and ._/- inside, 63 characters at most.")
_domain: Final = _matching(words.DOMAIN, "a DNS name")


def any_text(text: str, _where: Place) -> str:
    """Return a text as it is."""
    return text


def domain(text: str, where: Place) -> str:
    """Return a DNS name (RFC 1035 section 2.3.4)."""
    if len(text) > words.DOMAIN_LIMIT:
        raise where.error(f"{shown(text)} is not a DNS name.")
    return _domain(text, where)


def capability(text: str, where: Place) -> str:
    """Return the name of a Linux capability without its prefix."""
    return chosen(text.removeprefix("CAP_"), CAPABILITIES, where)


def address(text: str, where: Place) -> str:
    """Return an IP address; one of a zone is none that a probe on any node could ask."""
    try:
        if "%" not in text:
            return str(ipaddress.ip_address(text))
    except ValueError:
        pass
    raise where.error(f"{shown(text)} is not an IP address.")


def ipv4(text: str, where: Place) -> str:
    """Return an IPv4 address."""
    try:
        return str(ipaddress.IPv4Address(text))
    except ValueError:
        raise where.error(f"{shown(text)} is not an IPv4 address.") from None


def size(value: Any, where: Place) -> int:
    """Return the bytes of a text such as ``128Mi``."""
    text = a_text(value, where)
    if re.fullmatch(words.SIZE, text) is None:
        raise where.error(f"{shown(text)} is not a size.", f"write a whole number and {', '.join(words.UNITS)}: 128Mi.")
    return int(text[:-2]) * words.UNITS[text[-2:]]


def cores(value: Any, where: Place) -> float:
    """Return a number of processor cores."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= words.CPU_LIMIT:
        raise where.error(f"must be a number of cores over 0 and up to {words.CPU_LIMIT}, not {shown(value)}.")
    # A number so small that it is none in thousandths of a core.
    return max(round(value * 1000), 1) / 1000


__all__ = [
    "address",
    "any_text",
    "capability",
    "component",
    "cores",
    "domain",
    "inner_path",
    "ipv4",
    "label",
    "size",
    "template",
    "url_path",
]
