# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people are to be told of incidents: each thing once, whichever controller tells it.

The ledger remembers what was told. Who takes a notice up writes so first: two controllers do not both send it, and one
that is lost with its controller is not sent at all. One that no channel could send is taken up again by the next run.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Connection

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.store import approvals, attempts, incidents, ledger, switch
from ansible_collections.palantir.trust.plugins.plugin_utils.store.approvals import Request
from ansible_collections.palantir.trust.plugins.plugin_utils.store.attempts import Attempt
from ansible_collections.palantir.trust.plugins.plugin_utils.store.incidents import Incident

EVENTS: Final = ("opened", "contained", "lasting", "approval", "held", "recovered", "stopped")
LOOK_BACK: Final = 86_400.0
"""Seconds for which an incident that is over is still told of."""
MAX_NOTICES: Final = 100
"""Most notices that are taken up at once; the rest waits for the next time."""
_TEXT: Final = 400
_KIND: Final = "notice"


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to tell: ``key`` names it in the ledger, ``event`` is of :data:`EVENTS`.

    ``at`` is in seconds since the epoch. ``incident``, ``node`` and ``layer`` are None where it is of the whole site.
    """

    key: str
    event: str
    text: str
    at: float
    incident: int | None = None
    node: str | None = None
    layer: str | None = None

    def plain(self) -> dict[str, Any]:
        """Return the JSON-safe form that is sent; its text is one bounded line."""
        return {
            "key": self.key,
            "event": self.event,
            "incident": self.incident,
            "node": self.node,
            "layer": self.layer,
            "at": datetime.fromtimestamp(self.at, UTC).isoformat(timespec="seconds"),
            "text": printable(self.text, _TEXT),
        }


def take_up(connection: Connection, run: str, now: float, every: int | None = None) -> list[Notice]:
    """Return what is to be told now, and note that it is.

    Args:
        connection: an open transaction.
        run: name of the controller's run.
        now: seconds since the epoch.
        every: seconds between two notices of a remediation that lasts; None for no such notices.
    """
    found = [*incidents.still_open(connection), *incidents.restored_since(connection, now - LOOK_BACK)]
    due = [*_of_site(connection)]
    told = _told(connection, min([now, *(i.detected_at for i in found), *(notice.at for notice in due)]))
    numbers = [incident.id for incident in found]
    asked, tried = approvals.of_incidents(connection, numbers), attempts.of_incidents(connection, numbers)
    for incident in found:
        due += _of_incident(incident, [r for r in asked if r.incident == incident.id], f"{incident.id}/opened" in told)
        last = next((a for a in reversed(tried) if a.incident == incident.id and a.ended_at is None), None)
        if every is not None and last is not None and incident.state == "open":
            due += _lasting(incident, last, told, now, every)
    taken = [notice for notice in due if _is_new(told.get(notice.key), notice, run)][:MAX_NOTICES]
    for notice in taken:
        ledger.append(connection, now, _KIND, notice.key, {"event": notice.event, "run": run})
    return taken


def note_failed(connection: Connection, key: str, run: str, channel: str, now: float) -> None:
    """Note that a notice could not be sent over a channel."""
    ledger.append(connection, now, _KIND, printable(key, 80), {"failed": printable(channel, 80), "run": run})


def _told(connection: Connection, since: float) -> dict[str, tuple[float, Mapping[str, Any]]]:
    """Return when each notice was last taken up or failed, and the entry of it."""
    entries = ledger.every(connection, _KIND, since)
    return {subject: (at, body) for at, subject, body in entries}


def _is_new(told: tuple[float, Mapping[str, Any]] | None, notice: Notice, run: str) -> bool:
    if told is None or notice.event == "lasting":
        return True
    return "failed" in told[1] and told[1].get("run") != run


def _of_incident(incident: Incident, asked: Sequence[Request], known: bool) -> Iterator[Notice]:
    """Yield what an incident has come to; of one that is over only that, and only where its beginning was told."""
    if incident.state == "recovered":
        if known:
            yield _notice(incident, "recovered", "is recovered.", incident.restored_at)
        return
    finding = f": {incident.finding}" if incident.finding else ""
    yield _notice(incident, "opened", f"is open{finding}.", incident.detected_at)
    if incident.contained_at is not None:
        yield _notice(incident, "contained", "is contained.", incident.contained_at)
    if incident.state == "held":
        yield _notice(incident, "held", "is held for a person.", incident.last_action_at)
    for request in asked:
        if request.attempt == incident.attempt and len(request.approved) < request.need and not request.refused:
            whom = f"{request.need} of {', '.join(request.of)}" if request.of else f"{request.need} of anybody"
            text = f"asks for approval to {request.verb}, of {whom}."
            yield _notice(incident, "approval", text, request.asked_at, f"/{request.id}")


def _lasting(
    incident: Incident,
    attempt: Attempt,
    told: Mapping[str, tuple[float, Mapping[str, Any]]],
    now: float,
    every: int,
) -> Iterator[Notice]:
    before = max(attempt.began_at, told.get(f"{incident.id}/lasting", (0.0, {}))[0])
    if now - before >= every:
        step = attempt.progress[-1]["action"] if attempt.progress else attempt.verb
        text = f"is in repair for {now - attempt.began_at:.0f} s: attempt {attempt.number}, {attempt.verb}, at {step}."
        yield _notice(incident, "lasting", text, now)


def _of_site(connection: Connection) -> Iterator[Notice]:
    stopped = switch.stopped(connection)
    if stopped is not None:
        at = float(stopped["at"])
        yield Notice(f"site/stopped/{at:.0f}", "stopped", f"Remediation: {switch.told(connection)}", at)


def _notice(incident: Incident, event: str, text: str, at: float | None, key: str = "") -> Notice:
    return Notice(
        f"{incident.id}/{event}{key}",
        event,
        f"{incident.node} {incident.layer}: incident {incident.id} {text}",
        incident.detected_at if at is None else at,
        incident.id,
        incident.node,
        incident.layer,
    )


__all__ = ["EVENTS", "LOOK_BACK", "MAX_NOTICES", "Notice", "note_failed", "take_up"]
