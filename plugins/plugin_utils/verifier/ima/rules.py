# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of an IMA policy text, read as the kernel reads them (Documentation/ABI/testing/ima_policy).

The kernel takes a policy as a whole or not at all: one rule that it refuses, and the policy before stays in force
(ima_read_policy() in security/integrity/ima/ima_fs.c, ima_parse_rule() and ima_validate_rule() in ima_policy.c). So
nothing is read here that a kernel would refuse; in a few places (repeated conditions) this is stricter than it.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntFlag
from typing import Final

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import PolicyError

MAX_TEXT: Final = 64 * 1024
"""Longest policy text, in characters."""
MAX_RULES: Final = 512
MAX_WORD: Final = 256
IMA_PCR: Final = 10
"""PCR that measurements go to where a rule names none (CONFIG_IMA_MEASURE_PCR_IDX)."""
USERS: Final = (1 << 32) - 1
"""Number of users: 0 and up; the last 32-bit number means none."""

Span = tuple[int, int]
"""Numbers of users, from the first up to, and without, the second."""
EVERYONE: Final[Span] = (0, USERS)


class Mask(IntFlag):
    """How a file is used (include/linux/fs.h)."""

    NONE = 0
    MAY_EXEC = 1
    MAY_WRITE = 2
    MAY_READ = 4
    MAY_APPEND = 8


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a policy.

    Attributes:
        line: its line in the text, from 1.
        action: ``measure``, ``dont_measure``, or one that decides nothing about measuring.
        func: the hook, by its present name; None for every hook that has a file.
        mask: how the file is used; None for any way.
        any_of_mask: the use has to include the mask (``^``), not to be exactly it.
        fsmagic: number of the file system's kind, or None for any.
        fsname: name of the file system's kind, or None for any.
        users: numbers of the users (``uid``) whom it concerns.
        narrowed: its other conditions, of which a text does not tell whether they hold.
        pcr: PCR that it measures into.
    """

    line: int
    action: str
    func: str | None = None
    mask: Mask | None = None
    any_of_mask: bool = False
    fsmagic: int | None = None
    fsname: str | None = None
    users: Span = EVERYONE
    narrowed: frozenset[str] = field(default=frozenset())
    pcr: int = IMA_PCR


@dataclass(frozen=True, slots=True)
class _Condition:
    name: str
    operator: str
    value: str


_ACTIONS: Final = frozenset(
    ("measure", "dont_measure", "appraise", "dont_appraise", "audit", "dont_audit", "hash", "dont_hash")
)
_SYNONYMS: Final = {"PATH_CHECK": "FILE_CHECK", "FILE_MMAP": "MMAP_CHECK"}
_LABELS: Final = frozenset(("obj_user", "obj_role", "obj_type", "subj_user", "subj_role", "subj_type"))
_OF_FILES: Final = frozenset(
    ("func", "fsmagic", "fsname", "fs_subtype", "fsuuid", "uid", "euid", "gid", "egid", "fowner", "fgroup", "pcr")
) | frozenset(("template", *_LABELS))
_SIGNED: Final = frozenset(("mask", "appraise_type", "appraise_algos", "permit_directio"))
_ANY_FILE: Final = _OF_FILES | _SIGNED | {"digest_type"}
_APPENDED: Final = _OF_FILES | _SIGNED | {"appraise_flag"}
_OF_BUFFERS: Final = frozenset(("func", "uid", "gid", "pcr", "template"))
_ALLOWED: Final[Mapping[str | None, frozenset[str]]] = {
    **dict.fromkeys((None, "FILE_CHECK", "MMAP_CHECK", "MMAP_CHECK_REQPROT", "BPRM_CHECK"), _ANY_FILE),
    **dict.fromkeys(("CREDS_CHECK", "FIRMWARE_CHECK", "POLICY_CHECK"), _ANY_FILE),
    **dict.fromkeys(("MODULE_CHECK", "KEXEC_KERNEL_CHECK", "KEXEC_INITRAMFS_CHECK"), _APPENDED),
    "KEXEC_CMDLINE": _OF_FILES,
    "KEY_CHECK": _OF_BUFFERS | {"keyrings"},
    "CRITICAL_DATA": _OF_BUFFERS | {"label"},
    "SETXATTR_CHECK": frozenset(("func", "appraise_algos")),
}
"""Hook → conditions that its rules may have (ima_validate_rule())."""
_MEASURED_ONLY: Final = frozenset(("KEXEC_CMDLINE", "KEY_CHECK", "CRITICAL_DATA"))
_APPRAISING: Final = frozenset(("appraise_type", "appraise_flag", "appraise_algos"))
_NUMBERS: Final = frozenset(("uid", "euid", "gid", "egid", "fowner", "fgroup"))
_ONE_PLACE: Final = {"euid": "uid", "egid": "gid"}
"""Conditions that the kernel keeps in the place of another: a rule has one of the two."""
_DECIDED: Final = frozenset(("func", "mask", "fsmagic", "fsname", "uid", "pcr", "template", "digest_type"))
"""Conditions that a text decides, and words that narrow nothing."""

_WORD: Final = re.compile(r"([a-z_]+)(?:([=<>])(.+))?")
_DECIMAL: Final = re.compile(r"[0-9]{1,10}")
_VALUES: Final[Mapping[str, re.Pattern[str]]] = {
    "func": re.compile("|".join((*filter(None, _ALLOWED), *_SYNONYMS))),
    "mask": re.compile(r"\^?MAY_(?:EXEC|WRITE|READ|APPEND)"),
    "fsmagic": re.compile(r"(?:0[xX])?[0-9a-fA-F]{1,16}"),
    "fsuuid": re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"),
    "pcr": re.compile(r"[0-9]|[1-5][0-9]|6[0-3]"),
    "template": re.compile(r"[a-z0-9|_-]+"),
    "keyrings": re.compile(r"[^|]+(?:\|[^|]+)*"),
    "label": re.compile(r"[^|]+(?:\|[^|]+)*"),
    "digest_type": re.compile("verity"),
    "appraise_type": re.compile(r"imasig|imasig\|modsig|sigv3"),
    "appraise_flag": re.compile(r"(?:check_)?blacklist"),
    "appraise_algos": re.compile(r"[a-z0-9-]+(?:,[a-z0-9-]+)*"),
}


def parse_rules(text: str, where: str = "IMA policy") -> tuple[Rule, ...]:
    """Read the text of an IMA policy.

    Args:
        text: the whole file, each line with its end.
        where: name of the text, for errors.

    Raises:
        PolicyError: the text is too long, or a kernel would refuse it; line and word are named.
    """
    if len(text) > MAX_TEXT:
        raise PolicyError(where, f"is longer than {MAX_TEXT} characters.")
    if not text.endswith("\n"):
        # ima_read_policy() counts an end for every line, and refuses a policy for the one that is not there.
        raise PolicyError(
            where, "does not end with a new line: the kernel refuses it.", "give the whole file as it is on the nodes."
        )
    rules = tuple(_rules(text, where))
    if not rules:
        raise PolicyError(where, "has no rule: the kernel refuses it.")
    return rules


def _rules(text: str, where: str) -> Iterator[Rule]:
    found = 0
    for number, line in enumerate(text[:-1].split("\n"), 1):
        place = f"{where}, line {number}"
        if "\0" in line:
            raise PolicyError(place, "has a NUL character: the kernel reads no further.")
        words = [word for word in re.split(r"[ \t]", line) if word]
        if not words or words[0].startswith("#"):
            continue
        found += 1
        if found > MAX_RULES:
            raise PolicyError(place, f"is one rule more than the {MAX_RULES} that are read.")
        yield _rule(number, words, place)


def _rule(number: int, words: list[str], place: str) -> Rule:
    actions: list[str] = []
    conditions: dict[str, _Condition] = {}
    for word in words:
        if word in _ACTIONS:
            if actions:
                raise _refused(place, word, "is a second action")
            actions.append(word)
            continue
        condition = _condition(word, place)
        if _ONE_PLACE.get(condition.name, condition.name) in {_ONE_PLACE.get(name, name) for name in conditions}:
            raise _refused(place, word, "is a condition that the rule has already")
        if condition.name == "template" and actions != ["measure"]:
            raise _refused(place, word, "does not stand behind 'measure'")
        conditions[condition.name] = condition
    if not actions:
        raise PolicyError(
            place, "has no action.", "begin the rule with measure or dont_measure, or with another action."
        )
    func = conditions["func"].value if "func" in conditions else None
    func = _SYNONYMS.get(func, func) if func is not None else None
    _validate(actions[0], func, conditions, place)
    return _built(number, actions[0], func, conditions)


def _condition(word: str, place: str) -> _Condition:
    found = _WORD.fullmatch(word) if len(word) <= MAX_WORD and word.isascii() and word.isprintable() else None
    name, operator, value = found.groups(default="") if found else ("", "", "")
    if name == "permit_directio" and not operator:
        return _Condition(name, "", "")
    if name in _NUMBERS:
        if not _DECIMAL.fullmatch(value) or int(value) >= USERS:
            raise _refused(place, word, "has no number of a user or group")
        return _Condition(name, operator, value)
    if operator != "=" or name not in _KNOWN:
        raise _refused(place, word, "is no action or condition")
    if name in _VALUES and not _VALUES[name].fullmatch(value):
        raise _refused(place, word, "has a value that the kernel does not know")
    return _Condition(name, operator, value)


def _validate(action: str, func: str | None, conditions: Mapping[str, _Condition], place: str) -> None:
    """Refuse what the kernel refuses of a rule as a whole: ima_validate_rule()."""
    for name, condition in conditions.items():
        word = name + condition.operator + condition.value
        if name not in _ALLOWED[func] or (name == "appraise_flag" and _type(conditions) != "imasig|modsig"):
            raise _refused(place, word, f"does not go with {'func=' + func if func else 'a rule without func'}")
        if (name in _APPRAISING and action != "appraise") or (name == "pcr" and action != "measure"):
            raise _refused(place, word, f"does not go with {action!r}")
    if func in _MEASURED_ONLY and action not in {"measure", "dont_measure"}:
        raise _refused(place, action, f"does not go with func={func}")
    if func == "SETXATTR_CHECK" and (action != "appraise" or "appraise_algos" not in conditions):
        raise _refused(place, f"func={func}", "is for 'appraise' with appraise_algos alone")
    kind, verity = _type(conditions), "digest_type" in conditions
    if kind == "imasig|modsig" and _ALLOWED[func] is not _APPENDED:
        raise _refused(place, f"appraise_type={kind}", "is for modules and kernels alone")
    if (kind == "sigv3") != (verity and action == "appraise") and (kind or action == "appraise"):
        raise PolicyError(place, "needs digest_type=verity and appraise_type=sigv3 together, or neither.")


def _type(conditions: Mapping[str, _Condition]) -> str:
    return conditions["appraise_type"].value if "appraise_type" in conditions else ""


def _built(number: int, action: str, func: str | None, conditions: Mapping[str, _Condition]) -> Rule:
    given = {name: condition.value for name, condition in conditions.items()}
    mask = given.get("mask", "")
    return Rule(
        line=number,
        action=action,
        func=func,
        mask=Mask[mask.removeprefix("^")] if mask else None,
        any_of_mask=mask.startswith("^"),
        fsmagic=int(given["fsmagic"], 16) if "fsmagic" in given else None,
        fsname=given.get("fsname"),
        users=_users(conditions["uid"]) if "uid" in given else EVERYONE,
        narrowed=frozenset(given) - _DECIDED - _SIGNED,
        pcr=int(given.get("pcr", IMA_PCR)),
    )


def _users(condition: _Condition) -> Span:
    number = int(condition.value)
    if condition.operator == "<":
        return (0, number)
    return (number + 1, USERS) if condition.operator == ">" else (number, number + 1)


def _refused(place: str, word: str, why: str) -> PolicyError:
    return PolicyError(place, f"'{printable(word, 80)}' {why}.", "see Documentation/ABI/testing/ima_policy.")


_KNOWN: Final = frozenset().union(*_ALLOWED.values())

__all__ = ["EVERYONE", "IMA_PCR", "MAX_RULES", "MAX_TEXT", "USERS", "Mask", "Rule", "Span", "parse_rules"]
