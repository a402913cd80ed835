# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""SSH host keys: which a node has by its TPM's word, how they change, and which key a connection showed.

A key is a text ``TYPE BASE64``, as in a file of public keys (sshd(8), AUTHORIZED_KEYS FILE FORMAT) without the comment.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import EvidenceError

RECORDED: Final = "ssh_host_keys"
"""Where a node's record has the keys that count."""
REVOKED: Final = "ssh_host_keys_revoked"
"""Where it has those that counted once, and never do again unless they are recorded anew."""

_LIMIT: Final = 16
_KEY_LIMIT: Final = 8192
_TEXT: Final = re.compile(r"([a-z0-9][a-z0-9@.-]{0,63}) ([A-Za-z0-9+/]+={0,2})")
# One line that ssh itself writes (sshconnect2.c, verify_host_key_callback() and before); the name is that of the
# certificate's algorithm where a host shows one, the digest always that of the plain key.
_SHOWN: Final = re.compile(r"^debug1: Server host key: \S+ (SHA256:[A-Za-z0-9+/]{43})\r?$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Change:
    """How the keys that a node has differ from the recorded ones; all are texts of keys.

    Attributes:
        replaced: recorded keys that are gone while another of their type has come, or that are gone with all others.
        added: keys that are not recorded.
        gone: recorded keys that are gone without harm: others count still.
    """

    replaced: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()


def read_host_keys(facts: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the keys that a node's facts name, sorted; empty where they name none.

    Raises:
        EvidenceError: there are too many, or one is none.
    """
    told = facts.get("ssh")
    keys = told.get("host_keys", []) if isinstance(told, Mapping) else [] if told is None else None
    if not isinstance(keys, (list, tuple)) or len(keys) > _LIMIT:
        raise EvidenceError("facts.ssh.host_keys", f"must be a list of at most {_LIMIT} keys.")
    for number, key in enumerate(keys):
        if not is_key(key):
            raise EvidenceError(f"facts.ssh.host_keys[{number}]", f"{printable(key, 80)!r} is no public key.")
    return tuple(sorted(set(keys)))


def is_key(value: object) -> bool:
    """Tell whether a value is the text of a public key whose type is that which its data names (RFC 4253, 6.6)."""
    found = _TEXT.fullmatch(value) if isinstance(value, str) and len(value) <= _KEY_LIMIT else None
    if found is None:
        return False
    try:
        blob = base64.b64decode(found[2], validate=True)
    except (binascii.Error, ValueError):
        return False
    kind = found[1].encode()
    return blob.startswith(len(kind).to_bytes(4, "big") + kind) and len(blob) > len(kind) + 4


def type_of(key: str) -> str:
    """Return a key's type."""
    return key.partition(" ")[0]


def fingerprint(key: str) -> str:
    """Return a key's fingerprint as ssh shows it: ``SHA256:`` and base64 without padding."""
    digest = hashlib.sha256(base64.b64decode(key.partition(" ")[2])).digest()
    return "SHA256:" + base64.b64encode(digest).decode("ascii").rstrip("=")


def named(keys: Iterable[str]) -> str:
    """Return keys for people: type and fingerprint of each."""
    return ", ".join(f"{type_of(key)} {fingerprint(key)}" for key in keys)


def compare(recorded: Sequence[str], found: Sequence[str]) -> Change:
    """Return how the keys that a node has now differ from the recorded ones.

    A key that is new beside the recorded ones is an announcement of what is to come: no client takes it yet. So is
    one that is gone while others stay: the node is known by those. What no honest rotation does without a word before
    is to have another key *in place of* a recorded one.
    """
    gone, added = sorted(set(recorded) - set(found)), sorted(set(found) - set(recorded))
    left = set(recorded) & set(found)
    lost_types = {type_of(key) for key in gone} - {type_of(key) for key in left}
    in_place = lost_types & {type_of(key) for key in added}
    replaced = [key for key in gone if not left or type_of(key) in in_place]
    return Change(tuple(replaced), tuple(added), tuple(key for key in gone if key not in replaced))


def taken_over(before: Mapping[str, Any], found: Sequence[str]) -> dict[str, list[str]]:
    """Return what a node's record is to have of its keys, once a person has said that those found are its own.

    Args:
        before: the record so far, empty at the first enrolment.
        found: the keys that the node has now. Where it names none, none is revoked for that.
    """
    past = {*((before.get(RECORDED) or ()) if found else ()), *(before.get(REVOKED) or ())}
    return {RECORDED: sorted(found), REVOKED: sorted(past - set(found))}


def shown_keys(log: str) -> tuple[str, ...]:
    """Return the fingerprints that ssh's own log (``ssh -v -E FILE``) says the server has shown."""
    return tuple(_SHOWN.findall(log))


__all__ = [
    "RECORDED",
    "REVOKED",
    "Change",
    "compare",
    "fingerprint",
    "is_key",
    "named",
    "read_host_keys",
    "shown_keys",
    "taken_over",
    "type_of",
]
