# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people are to be told of incidents: each thing once over each channel, whichever controller tells it.

The ledger remembers what was told. Who takes a notice up writes so first: two controllers do not both send it, and one
that is lost with its controller is not sent at all. What a channel could not send, the next run sends there.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Connection

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.recipients import Recipients
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.vocabulary import NOT_APPLICABLE
from ansible_collections.palantir.trust.plugins.plugin_utils.store import approvals, attempts, incidents, ledger, switch
from ansible_collections.palantir.trust.plugins.plugin_utils.store.approvals import Request
from ansible_collections.palantir.trust.plugins.plugin_utils.store.attempts import Attempt
from ansible_collections.palantir.trust.plugins.plugin_utils.store.incidents import Incident

LOOK_BACK: Final = 86_400.0
"""Seconds for which an incident that is over is still told of."""
MAX_NOTICES: Final = 20
"""Most notices that are taken up at once, for what is to be done waits for them; the rest waits for the next time."""
_TEXT: Final = 400
_NAME: Final = 160
_KIND: Final = "notice"
_REPEATED: Final = ("lasting", "waiting")
_MARKUP: Final = {ord(sign): f"\\x{ord(sign):02x}" for sign in "<>&{}`|*"}
"""What a chat, a mail reader or a template could take for its own; a name that a node chose may hold it."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to tell: ``key`` names it in the ledger, ``event`` is of :data:`..decision.vocabulary.NOTICE_EVENTS`.

    ``at`` is in seconds since the epoch. ``incident`` is None where it is of the whole site. ``to`` names the channels.
    """

    key: str
    event: str
    text: str
    at: float
    incident: Incident | None = None
    to: tuple[str, ...] = ()

    def plain(self) -> dict[str, Any]:
        """Return the JSON-safe form that is sent; each of its texts is one bounded line without markup."""
        of = self.incident
        return {
            "key": self.key,
            "event": self.event,
            "incident": of.id if of else None,
            "node": _harmless(of.node, _NAME) if of else None,
            "layer": _harmless(of.layer, _NAME) if of else None,
            "at": datetime.fromtimestamp(self.at, UTC).isoformat(timespec="seconds"),
            "text": _harmless(self.text, _TEXT),
        }

    def inputs(self, now: float) -> dict[str, Any]:
        """Return what a table may ask that says who is told."""
        of = self.incident
        layer, _colon, instance = of.layer.partition(":") if of else (NOT_APPLICABLE, "", "")
        return {
            "event": self.event,
            "layer": layer,
            "node": of.node if of else NOT_APPLICABLE,
            "instance": instance or NOT_APPLICABLE,
            "finding": (of.finding if of else "") or NOT_APPLICABLE,
            "attempt": of.attempt if of else 0,
            "minutes": max(int(now - (of.detected_at if of else self.at)), 0) // 60,
        }


@dataclass(frozen=True, slots=True)
class _Seen:
    """When a notice was last taken up for a channel, by which run, and whether it could not be sent."""

    at: float
    run: str
    failed: bool


_Told = Mapping[tuple[str, str], _Seen]


def take_up(
    connection: Connection,
    run: str,
    now: float,
    whom: Recipients,
    every: tuple[int | None, int | None] = (None, None),
) -> list[Notice]:
    """Return what is to be told now and to whom, and note that it is.

    Args:
        connection: an open transaction.
        run: name of the controller's run.
        now: seconds since the epoch.
        whom: the channels, and the table that chooses among them.
        every: seconds between two notices of a remediation that lasts, and of an incident that waits for a person; None
            for no such notices.
    """
    found = [*incidents.still_open(connection), *incidents.restored_since(connection, now - LOOK_BACK)]
    due = [*_of_site(connection), *_of_incidents(connection, found, now, every)]
    told = _told(connection, min([now, *(i.detected_at for i in found), *(notice.at for notice in due)]))
    taken: list[Notice] = []
    for notice in due:
        channels, rules = whom.of(notice.inputs(now))
        to = tuple(channel for channel in channels if _is_new(told, notice, channel, run, now, every))
        if to and len(taken) < MAX_NOTICES:
            taken.append(replace(notice, to=to))
            body = {"event": notice.event, "run": run, "to": list(to), "rules": list(rules)}
            ledger.append(connection, now, _KIND, notice.key, body)
    return taken


def note_failed(connection: Connection, key: str, run: str, channel: str, now: float) -> None:
    """Note that a notice could not be sent over a channel."""
    ledger.append(connection, now, _KIND, printable(key, 80), {"failed": printable(channel, 80), "run": run})


def _told(connection: Connection, since: float) -> dict[tuple[str, str], _Seen]:
    told = {}
    for at, key, body in ledger.every(connection, _KIND, since):
        failed = "failed" in body
        for channel in [body["failed"]] if failed else body.get("to", ()):
            told[key, str(channel)] = _Seen(at, str(body.get("run")), failed)
    return told


def _is_new(
    told: _Told, notice: Notice, channel: str, run: str, now: float, every: tuple[int | None, int | None]
) -> bool:
    """Return whether a channel is to be told this now; of an end only if it was told of the beginning."""
    seen = told.get((notice.key, channel))
    if notice.event == "recovered" and notice.incident and (f"{notice.incident.id}/opened", channel) not in told:
        return False
    if seen is not None and notice.event in _REPEATED:
        return now - seen.at >= (every[_REPEATED.index(notice.event)] or 0)
    return seen is None or (seen.failed and seen.run != run)


def _of_incidents(
    connection: Connection, found: Sequence[Incident], now: float, every: tuple[int | None, int | None]
) -> Iterator[Notice]:
    numbers = [incident.id for incident in found]
    asked, tried = approvals.of_incidents(connection, numbers), attempts.of_incidents(connection, numbers)
    holds = incidents.why_held(connection, found)
    for incident in found:
        if incident.state == "recovered":
            yield _notice(incident, "recovered", "is recovered.", incident.restored_at)
            continue
        finding = f": {incident.finding}" if incident.finding else ""
        yield _notice(incident, "opened", f"is open{finding}.", incident.detected_at)
        if incident.contained_at is not None:
            yield _notice(incident, "contained", "is contained.", incident.contained_at)
        last = next((a for a in reversed(tried) if a.incident == incident.id and a.ended_at is None), None)
        if every[0] is not None and last is not None and incident.state == "open":
            yield from _lasting(incident, last, now, every[0])
        for notice in [*_asked(incident, asked), *_held(incident, holds)]:
            yield notice
            if every[1] is not None and now - notice.at >= every[1]:
                text = f"waits for a person for {now - notice.at:.0f} s."
                yield _notice(incident, "waiting", text, now)


def _asked(incident: Incident, asked: Sequence[Request]) -> Iterator[Notice]:
    for request in asked:
        if (request.incident, request.attempt) != (incident.id, incident.attempt) or incident.state != "open":
            continue
        if len(request.approved) < request.need and not request.refused:
            whom = f"{request.need} of {', '.join(request.of)}" if request.of else f"{request.need} of anybody"
            text = f"asks for approval to {request.verb}, of {whom}."
            yield _notice(incident, "approval", text, request.asked_at, f"/{request.id}")


def _held(incident: Incident, holds: Mapping[int, tuple[float, str]]) -> Iterator[Notice]:
    """Yield that an incident is held; anew where it was given back since and is held again."""
    if incident.state == "held":
        at, reason = holds.get(incident.id, (incident.detected_at, ""))
        why = f": {reason}" if reason else "."
        yield _notice(incident, "held", f"is held for a person{why}", at, f"/{at:.0f}")


def _lasting(incident: Incident, attempt: Attempt, now: float, every: int) -> Iterator[Notice]:
    if now - attempt.began_at >= every:
        step = attempt.progress[-1]["action"] if attempt.progress else attempt.verb
        text = f"is in repair for {now - attempt.began_at:.0f} s: attempt {attempt.number}, {attempt.verb}, at {step}."
        yield _notice(incident, "lasting", text, now)


def _of_site(connection: Connection) -> Iterator[Notice]:
    stopped = switch.stopped(connection)
    if stopped is not None:
        at = float(stopped["at"])
        yield Notice(f"site/stopped/{at:.0f}", "stopped", f"Remediation: {switch.told(connection)}", at)


def _notice(incident: Incident, event: str, text: str, at: float | None, key: str = "") -> Notice:
    subject = f"{printable(incident.node, _NAME)} {printable(incident.layer, _NAME)}"
    when = incident.detected_at if at is None else at
    return Notice(f"{incident.id}/{event}{key}", event, f"{subject}: incident {incident.id} {text}", when, incident)


def _harmless(text: str, limit: int) -> str:
    return printable(printable(text, limit).translate(_MARKUP), limit)


__all__ = ["LOOK_BACK", "MAX_NOTICES", "Notice", "note_failed", "take_up"]
