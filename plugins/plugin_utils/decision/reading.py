# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The situation read from plain data: attestation results, state, catalogue.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.ar4si import Tier, tier
from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.approval import Request
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.capability import read_capability
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.limits import read_limits
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.situation import (
    Elsewhere,
    Fault,
    Incident,
    Instance,
    Node,
    NodeResult,
    Situation,
    Tried,
    Verdict,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.vocabulary import (
    HOST_LAYERS,
    NOT_APPLICABLE,
    nearest,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import TrustError

NODE_STATES: Final = ("attested", "unreachable", "not_enrolled", "no_evidence", "rebooting", "verifier_fault")
INCIDENT_STATES: Final = ("open", "held")
MAX_FINDINGS: Final = 10_000
"""Findings of one layer that are regarded; more change no decision but a storm's."""


def read_situation(ears: Any, catalogue: Any, state: Any, limits: Any = None) -> Situation:
    """Return what the plain data of :func:`.plan.decide` says.

    Raises:
        RuleError: a limit is of the wrong form.
        TrustError: a key is missing or of the wrong form; the message names it.
        CatalogueError: a catalogue entry is.
    """
    state = _mapping(state, "state")
    nodes = {str(name): _node(item, f"state.nodes.{name}") for name, item in _mapping(state.get("nodes", {})).items()}
    return Situation(
        now=_time(state.get("now"), "state.now"),
        results={str(name): read_result(str(name), item) for name, item in sorted(_mapping(ears, "ears").items())},
        nodes=nodes,
        instances=tuple(_instance(item, number) for number, item in enumerate(_list(state, "instances"))),
        incidents=tuple(_incident(item, number) for number, item in enumerate(_list(state, "incidents"))),
        catalogue={str(name): read_capability(name, item) for name, item in _mapping(catalogue, "catalogue").items()},
        requests=tuple(_request(item, number) for number, item in enumerate(_list(state, "approvals"))),
        actions=tuple(_time(item, "state.actions") for item in _list(state, "actions")),
        stopped=_text(state, "stopped", "state") if state.get("stopped") else None,
        limits=read_limits(limits),
        elsewhere=_elsewhere(_mapping(state.get("elsewhere") or {}, "state.elsewhere")),
    )


def read_result(node: str, item: Any) -> NodeResult:
    """Return what attesting a node came to, from ``{state, message, ear, confirmed}``.

    Raises:
        TrustError: a key is missing or of the wrong form; the message names it.
    """
    subject = f"ears.{printable(node, 80)}"
    plain = _mapping(item, subject)
    state = _word(plain.get("state"), NODE_STATES, f"{subject}.state")
    message = printable(plain.get("message") or "")
    ear = plain.get("ear")
    if state != "attested":
        return NodeResult(node, state, message)
    submods = _mapping(_mapping(ear, f"{subject}.ear").get("submods"), f"{subject}.ear.submods")
    issued_at = _mapping(ear).get("palantir.challenged_at", _mapping(ear).get("iat"))
    return NodeResult(
        node,
        state,
        message,
        None if issued_at is None else _time(issued_at, f"{subject}.ear.iat"),
        {layer: _verdict(submods.get(layer), f"{subject}.ear.{layer}") for layer in HOST_LAYERS},
        {
            str(name)[3:]: _verdict(submod, f"{subject}.ear.{printable(str(name), 80)}")
            for name, submod in sorted(submods.items())
            if str(name).startswith("sc:")
        },
        plain.get("confirmed") is True,
    )


def _elsewhere(plain: Mapping[str, Any]) -> Elsewhere:
    subject = "state.elsewhere"
    digests = _mapping(plain.get("digests") or {}, f"{subject}.digests")
    return Elsewhere(
        _count(plain, "nodes", subject),
        _count(plain, "attested", subject),
        _count(plain, "unhealthy", subject),
        {printable(digest, 160): _count(digests, digest, f"{subject}.digests") for digest in digests},
    )


def _verdict(submod: Any, subject: str) -> Verdict:
    """Return a layer's verdict; a layer that the EAR does not speak of has the tier ``none``."""
    if submod is None:
        return Verdict(Tier.NONE)
    plain = _mapping(submod, subject)
    found = [f for f in _list(plain, "palantir.findings", subject)[:MAX_FINDINGS] if isinstance(f, Mapping)]
    ranked = sorted(
        ((_tier(f.get("tier", "none"), f"{subject}.palantir.findings"), f) for f in found if not f.get("void")),
        key=lambda item: -item[0].rank,
    )
    faulty = [(weight, f) for weight, f in ranked if weight in (Tier.WARNING, Tier.CONTRAINDICATED)]
    return Verdict(
        _tier(_claim(plain, "ear_status") or "none", f"{subject}.ear_status"),
        _worst_claim(_mapping(_claim(plain, "ear_trustworthiness_vector") or {}, subject)),
        printable(ranked[0][1].get("code", NOT_APPLICABLE), 64) if faulty else NOT_APPLICABLE,
        frozenset(printable(f["digest"], 160) for _weight, f in faulty if f.get("digest")),
    )


def _claim(plain: Mapping[str, Any], name: str) -> Any:
    """Return a claim by its name since draft-ietf-rats-ear-04, or by its older one (``ear_status``)."""
    older = "ear." + name.removeprefix("ear_").replace("_", "-")
    return plain.get(name, plain.get(older))


def _tier(value: Any, subject: str) -> Tier:
    """Return a tier from its text, or from its number (EAR section 3.1: those of AR4SI's tiers)."""
    try:
        return tier(value) if isinstance(value, int) and not isinstance(value, bool) else Tier(value)
    except ValueError:
        raise TrustError(
            f"decide: {subject}", f"{printable(str(value), 40)!r} is no tier.", nearest(value, Tier)
        ) from None


def _worst_claim(vector: Mapping[str, Any]) -> str:
    """Return the name of the claim that weighs most, the first by name among equals; none where all are affirmed."""
    values = {
        str(name): tier(value)
        for name, value in sorted(vector.items())
        if isinstance(value, int) and -128 <= value <= 127
    }
    name = max(values, key=lambda item: values[item].rank, default=NOT_APPLICABLE)
    return name if name in values and values[name] is not Tier.AFFIRMING else NOT_APPLICABLE


def _node(item: Any, subject: str) -> Node:
    plain = _mapping(item, subject)
    labels = _mapping(plain.get("labels") or {}, f"{subject}.labels")
    return Node(
        bool(plain.get("cordoned", False)),
        {str(key): str(value) for key, value in labels.items()},
        bool(plain.get("maintenance", False)),
        bool(plain.get("isolated", False)),
        frozenset(printable(component, 160) for component in _list(plain, "components", subject)),
        _amount(plain, "cpu", subject),
        _count(plain, "memory", subject) or None,
    )


def _instance(item: Any, number: int) -> Instance:
    subject = f"state.instances[{number}]"
    plain = _mapping(item, subject)
    return Instance(
        _text(plain, "instance", subject),
        _text(plain, "sc", subject),
        str(plain.get("flavour") or NOT_APPLICABLE),
        _text(plain, "node", subject),
        str(plain.get("state", "live")),
    )


def _incident(item: Any, number: int) -> Incident:
    subject = f"state.incidents[{number}]"
    plain = _mapping(item, subject)
    layer, _colon, instance = _text(plain, "layer", subject).partition(":")
    opened = plain.get("opened_at", plain.get("detected_at"))
    last = plain.get("last_action_at")
    return Incident(
        _number(plain, "id", subject),
        _text(plain, "node", subject),
        layer,
        str(plain["instance"]) if plain.get("instance") else instance or None,
        _count(plain, "attempt", subject),
        _word(plain.get("state", "open"), INCIDENT_STATES, f"{subject}.state"),
        0.0 if opened is None else _time(opened, f"{subject}.opened_at"),
        None if last is None else _time(last, f"{subject}.last_action_at"),
        tuple(_fault(fault, f"{subject}.faults") for fault in _list(plain, "faults", subject)),
        bool(plain.get("unfinished", False)),
        tuple(_tried(tried, f"{subject}.tried") for tried in _list(plain, "tried", subject)),
    )


def _fault(item: Any, subject: str) -> Fault:
    plain = _mapping(item, subject)
    return Fault(_text(plain, "node", subject), frozenset(map(str, _list(plain, "digests", subject))))


def _tried(item: Any, subject: str) -> Tried:
    plain = _mapping(item, subject)
    return Tried(_text(plain, "sc", subject), _text(plain, "flavour", subject), _text(plain, "node", subject))


def _request(item: Any, number: int) -> Request:
    subject = f"state.approvals[{number}]"
    plain = _mapping(item, subject)
    return Request(
        _number(plain, "incident", subject),
        _count(plain, "attempt", subject),
        _text(plain, "rule", subject),
        _text(plain, "verb", subject),
        _time(plain.get("asked_at"), f"{subject}.asked_at"),
        frozenset(map(str, _list(plain, "approved", subject))),
        frozenset(map(str, _list(plain, "refused", subject))),
    )


def _time(value: Any, subject: str) -> float:
    """Return seconds since the epoch, from such or from an ISO 8601 text (UTC where it names no zone)."""
    moment: float | None = None
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        moment = float(value)
    elif isinstance(value, str):
        try:
            parsed = datetime.fromisoformat(value)
            moment = (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):
            moment = None
    if moment is None or not math.isfinite(moment):
        raise TrustError(
            f"decide: {subject}",
            f"must be a time, not {printable(repr(value), 60)}.",
            "give seconds since the epoch, or ISO 8601 text.",
        )
    return moment


def _mapping(value: Any, subject: str = "state.nodes") -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise TrustError(f"decide: {subject}", f"must be a mapping, not {type(value).__name__}.")
    return value


def _list(plain: Mapping[str, Any], key: str, subject: str = "state") -> Sequence[Any]:
    value = plain.get(key) or []
    if not isinstance(value, (list, tuple)):
        raise TrustError(f"decide: {subject}.{key}", f"must be a list, not {type(value).__name__}.")
    return value


def _text(plain: Mapping[str, Any], key: str, subject: str) -> str:
    value = plain.get(key)
    if not isinstance(value, str) or not value:
        raise TrustError(f"decide: {subject}.{key}", "must be a text.")
    return str(value)


def _number(plain: Mapping[str, Any], key: str, subject: str) -> int | str:
    """Return the number of an incident, or what stands in its place."""
    value = plain.get(key)
    return value if isinstance(value, int) else str(value)


def _count(plain: Mapping[str, Any], key: str, subject: str) -> int:
    value = plain.get(key, 0)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise TrustError(f"decide: {subject}.{key}", f"must be an integer from 0, not {printable(repr(value), 40)}.")
    return int(value)


def _amount(plain: Mapping[str, Any], key: str, subject: str) -> float | None:
    value = plain.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < math.inf:
        raise TrustError(f"decide: {subject}.{key}", f"must be a number from 0, not {printable(repr(value), 40)}.")
    return float(value) or None


def _word(value: Any, known: Sequence[str], subject: str) -> str:
    if value not in known:
        raise TrustError(f"decide: {subject}", f"{printable(str(value), 40)!r} is unknown.", nearest(value, known))
    return str(value)


__all__ = ["read_result", "read_situation"]
