# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A day of 10,000 nodes that are attested each minute, in an SQLite store on this machine's disk.

Really recorded are four rounds of all nodes: two that say something new, two that say nothing new. The day follows from
these by count: per node :data:`NEW` results that say something new, and the rest of 1,440 that do not.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.appraise import appraise
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.ear import sign_ear
from ansible_collections.palantir.trust.plugins.plugin_utils.store import attestations, incidents, ledger
from ansible_collections.palantir.trust.plugins.plugin_utils.store.attestations import Outcome
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store
from tests.perf.ima_lists import NOW, Node, known, packaged
from tests.perf.result import BUILD, Result
from tests.perf.timing import Seconds, timed

NODES: Final = 10_000
ROUNDS: Final = 1_440
NEW: Final = 24
"""Results of a node and day that say something new: a file that was not run before, a reboot, a verdict."""
TOGETHER: Final = 500
"""Nodes whose results one transaction records."""


def run() -> list[Result]:
    """Measure rates, size and the queries of a cycle and a report."""
    with tempfile.TemporaryDirectory(dir=BUILD) as directory:
        return _run(Path(directory) / "store.sqlite3")


def _run(file: Path) -> list[Result]:
    store = Store(f"sqlite:///{file}")
    site = _Site(store)
    empty = _size(file)
    new = [site.round(minute, entries) for minute, entries in ((0, 1), (1, 2))]
    after_new = _size(file)
    equal = [site.round(minute, 2) for minute in (2, 3)]
    after_equal = _size(file)
    latest = timed(lambda: site.read(lambda c: attestations.latest(c, site.names, 0.0)))
    report = timed(lambda: site.read(lambda c: (incidents.since(c, 0.0), incidents.still_open(c), ledger.verify(c))))
    entries = site.read(ledger.verify)
    store.close()
    per_new = (after_new - empty) / (2 * NODES)
    day = NODES * NEW * per_new + max(after_equal - after_new, 0) / 2
    work = NODES * (NEW * new[-1].cpu + (ROUNDS - NEW) * equal[-1].cpu) / NODES
    of_day = f"a day of {NODES:,} nodes, a verdict each minute, {NEW} of {ROUNDS:,} new"
    return [
        Result(
            "store_equal",
            "verdicts that say nothing new, recorded",
            "verdicts/s",
            NODES / equal[-1].cpu,
            1670,
            "least",
        ),
        Result(
            "store_new", "verdicts that say something new, recorded", "verdicts/s", NODES / new[-1].cpu, 167, "least"
        ),
        Result("store_day", f"size on disk of {of_day}", "GB", day / 1e9, 10, "most"),
        Result("store_work", f"time that the store works in {of_day}", "h", work / 3600, 6, "most"),
        Result(
            "store_latest", f"the newest EARs of {NODES:,} nodes, as a cycle reads them", "s", latest.cpu, 5, "most"
        ),
        Result(
            "store_report",
            "entries of the ledger that a report checks",
            "entries/s",
            entries / report.cpu,
            5000,
            "least",
        ),
    ]


class _Site:
    """Nodes with one real result and its evidence, with the name, times and nonce of each put in."""

    def __init__(self, store: Store) -> None:
        files = packaged(200)
        node = Node()
        node.measure(files)
        self._evidence = node.evidence()
        self._ear = appraise(self._evidence, node.record, {}, known(files), now=NOW)
        self._key = ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        self._store = store
        self.names = [f"node{number:05}" for number in range(NODES)]

    def read(self, query: Callable[[Any], Any]) -> Any:
        """Return what a query gives, in a transaction."""
        with self._store.transaction() as connection:
            return query(connection)

    def round(self, minute: int, entries: int) -> Seconds:
        """Record a result of each node; return how long the store took, without appraisal and signature."""
        outcomes = [self._outcome(name, minute, entries) for name in self.names]

        def record() -> None:
            for at in range(0, NODES, TOGETHER):
                self._record(outcomes[at : at + TOGETHER], minute)

        return timed(record)

    def _outcome(self, name: str, minute: int, entries: int) -> Outcome:
        at = NOW.timestamp() + 60 * minute
        boot = {**self._ear["palantir.boot"], "clock": 60_000 * minute, "ima_entries": entries}
        ear = {**self._ear, "iat": int(at), "palantir.node": name, "palantir.boot": boot, "eat_nonce": f"{minute:043}"}
        return Outcome(name, at, "attested", ear=ear, jwt=sign_ear(ear, self._key))

    def _record(self, outcomes: list[Outcome], minute: int) -> None:
        # As an incremental round answers: no list, no event log.
        answer = self._evidence | {"ima_log": {"offset": 0, "data": ""}, "event_log": None}
        with self._store.transaction() as connection:
            kept = [
                Outcome(o.node, o.at, o.state, "", o.ear, o.jwt, self._keep(connection, o, {**answer, "n": minute}))
                for o in outcomes
            ]
            attestations.record_all(connection, kept)

    @staticmethod
    def _keep(connection: Any, outcome: Outcome, answer: dict[str, Any]) -> int:
        return attestations.keep_evidence(
            connection, outcome.node, outcome.at, attestations.pack_evidence(answer), noted=False
        )


def _size(file: Path) -> int:
    """Return the bytes of the database, its log brought in."""
    store = Store(f"sqlite:///{file}")
    with store._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    store.close()
    return file.stat().st_size


__all__ = ["run"]
