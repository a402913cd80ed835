# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of the store when its disk, its file or its server fails, and what a round says then."""

from __future__ import annotations

import os
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import StoreError
from ansible_collections.palantir.trust.plugins.plugin_utils.store import attestations, ledger
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store, next_step
from tests.unit.store import postgresql

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
EAR: dict[str, Any] = {"ear_status": "affirming", "submods": {"os": {"ear_status": "affirming"}}}
RESTORE = "Next: check it with palantir.trust.store, and restore it from a backup."


def record(store: Store, at: float, node: str = "n1", **values: Any) -> int:
    ear = EAR | {"palantir.boot": {"ima_entries": at}, "text": "x" * 3000}
    with store.transaction() as connection:
        key = attestations.keep_evidence(
            connection, node, at, attestations.pack_evidence({"at": at, **values}), noted=False
        )
        return attestations.record(connection, node, at, "attested", ear=ear, evidence_id=key)


def recorded(url: str) -> list[float]:
    """Return the times of all results, after the whole ledger was checked."""
    store = Store(url)
    with store.transaction() as connection:
        ledger.verify(connection)
        found = [result.at for result in attestations.history(connection, 0)]
    store.close()
    return found


def refused(store: Store, at: float, **values: Any) -> str:
    with pytest.raises(StoreError) as caught:
        record(store, at, **values)
    said = str(caught.value)
    assert said.startswith(f"store {store.name}: ")
    assert said.count(" Next: ") == 1
    assert "\n" not in said
    assert "geheim" not in said
    return said


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "store.sqlite3"


# The file


@pytest.mark.parametrize("kept", [0.9, 0.5, 0.1])
def test_a_truncated_file_gives_no_verdict(file: Path, kept: float) -> None:
    store = Store(f"sqlite:///{file}")
    for at in range(30):
        record(store, at)
    store.close()
    file.write_bytes(file.read_bytes()[: int(file.stat().st_size * kept)])
    with pytest.raises(StoreError) as caught:
        recorded(f"sqlite:///{file}")
    assert str(caught.value) == f"store sqlite:///{file}: DatabaseError: database disk image is malformed {RESTORE}"


def test_a_file_that_was_emptied_is_a_new_store_without_verdicts(file: Path) -> None:
    store = Store(f"sqlite:///{file}")
    record(store, 1)
    store.close()
    file.write_bytes(b"")
    store = Store(f"sqlite:///{file}")
    with store.transaction() as connection:
        assert attestations.latest(connection, ["n1"], 0) == {}
    store.close()


def test_a_page_that_was_overwritten_gives_no_verdict(file: Path) -> None:
    store = Store(f"sqlite:///{file}")
    for at in range(30):
        record(store, at)
    store.close()
    data = bytearray(file.read_bytes())
    for page in range(4, len(data) // 4096):
        data[page * 4096 : page * 4096 + 64] = os.urandom(64)
    file.write_bytes(data)
    with pytest.raises(StoreError, match=RESTORE):
        recorded(f"sqlite:///{file}")


@pytest.mark.parametrize("value", ['{"ear_status": "affirm', "", "\x00"])
def test_a_value_that_is_no_json_gives_no_verdict(file: Path, value: str) -> None:
    store = Store(f"sqlite:///{file}")
    record(store, 1)
    with store.transaction() as connection:
        connection.execute(text("UPDATE attestations SET ear = :value"), {"value": value})
    with pytest.raises(StoreError, match="holds a value that is no JSON") as caught, store.transaction() as connection:
        attestations.latest(connection, ["n1"], 0)
    assert str(caught.value).endswith(RESTORE)
    store.close()


def test_a_full_disk_loses_nothing_that_was_acknowledged_and_the_next_round_goes_on(file: Path) -> None:
    store = Store(f"sqlite:///{file}")
    done = [record(store, at) and float(at) for at in range(5)]
    with store.transaction() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 10}")
    said = ""
    for at in range(5, 50):
        try:
            record(store, at)
        except StoreError as error:
            said = str(error)
            break
        done.append(float(at))
    assert said.endswith("OperationalError: database or disk is full Next: free space on its disk, then run again.")
    assert recorded(f"sqlite:///{file}") == done
    with store.transaction() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 100000")
    record(store, 99)
    assert recorded(f"sqlite:///{file}") == [*done, 99.0]
    store.close()


def test_a_file_system_that_refuses_to_grow_is_an_error_in_time(file: Path) -> None:
    """RLIMIT_FSIZE stands for a full disk below SQLite: a write comes back short, in the write-ahead log."""
    url = f"sqlite:///{file}"
    record(Store(url), 1)
    program = f"""
from tests.unit.store.test_faults import limited
limited({url!r})
"""
    environment = {"PYTHONPATH": f"{ROOT / 'collections'}:{ROOT}"}
    run = subprocess.run(
        [sys.executable, "-c", program], env=environment, check=False, capture_output=True, text=True, cwd=ROOT
    )
    *done, said = run.stdout.splitlines() or [run.stderr]
    assert said.startswith(f"store {url}: OperationalError: "), run.stderr
    assert said.endswith(" Next: free space on its disk, then run again.")
    assert recorded(url) == [1.0, *map(float, done)]


def limited(url: str) -> None:
    """Keep results, and print the time of each that is acknowledged, until the store refuses."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    store = Store(url)
    size = sum(path.stat().st_size for path in Path(url.removeprefix("sqlite:///")).parent.iterdir())
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 200_000, size + 200_000))
    for at in range(2, 500):
        try:
            record(store, at, rest=os.urandom(4000).hex())
        except StoreError as error:
            print(error)
            return
        print(at)


def test_a_read_only_file_is_named(file: Path) -> None:
    store = Store(f"sqlite:///{file}")
    record(store, 1)
    with store.transaction() as connection:
        connection.exec_driver_sql("PRAGMA query_only = ON")
    assert refused(store, 2).endswith(
        "attempt to write a readonly database Next: make its file and its directory writable, then run again."
    )
    store.close()
    assert recorded(f"sqlite:///{file}") == [1.0]


# The server


@pytest.fixture(scope="module")
def doomed() -> Iterator[str]:
    """URL of a server of its own, which a test may kill."""
    try:
        with postgresql.server() as url:
            yield url
    except postgresql.MissingError as missing:
        if os.environ.get("PALANTIR_TRUST_TEST_POSTGRESQL") == "require":
            raise
        pytest.skip(f"no PostgreSQL for the tests: {missing}")


LOST = " Next: see that its server runs and can be reached, then run again: nothing of this step was kept."


def end_others(url: str) -> None:
    """End all connections to a server but this one, as its administrator or a restart does."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
        connection.execute(text(others + " AND backend_type = 'client backend'")).all()
    engine.dispose()


def test_a_connection_lost_between_two_statements_keeps_nothing_of_the_step(doomed: str) -> None:
    url = doomed
    store = Store(url)
    record(store, 1)
    with pytest.raises(StoreError) as caught:  # noqa: PT012, SIM117 - what is lost is the transaction
        with store.transaction() as connection:
            attestations.record(connection, "n1", 2, "attested", ear=EAR)
            end_others(url)
            attestations.record(connection, "n2", 2, "attested", ear=EAR)
    assert str(caught.value).endswith(LOST)
    assert "geheim" not in str(caught.value)
    assert recorded(url) == [1.0]
    # Nothing has to be opened anew.
    record(store, 3)
    assert recorded(url) == [1.0, 3.0]
    store.close()


def test_a_connection_lost_between_two_transactions_is_not_even_noticed(doomed: str) -> None:
    url = doomed
    store = Store(url)
    before = recorded(url)
    record(store, 10)
    end_others(url)
    record(store, 11)
    assert recorded(url) == [*before, 10.0, 11.0]
    store.close()


def test_a_server_that_is_killed_in_the_middle_loses_nothing_acknowledged(doomed: str) -> None:
    url = doomed
    store = Store(url)
    before = recorded(url)
    for at in (20, 21, 22):
        record(store, at)
    with pytest.raises(StoreError) as caught:  # noqa: PT012, SIM117 - what is lost is the transaction
        with store.transaction() as connection:
            attestations.record(connection, "n1", 23, "attested", ear=EAR)
            # As the kernel does where memory ends: the server takes all its processes down, and starts over.
            os.kill(connection.execute(text("SELECT pg_backend_pid()")).scalar_one(), signal.SIGKILL)
            connection.execute(text("SELECT 1"))
    assert str(caught.value).endswith(LOST)
    # The server starts over: it takes what it had acknowledged from its log.
    refusals = []
    for _attempt in range(300):
        try:
            record(store, 30)
        except StoreError as error:
            refusals.append(str(error))
            time.sleep(0.1)
        else:
            break
    assert [said for said in refusals if not said.endswith(LOST)] == []
    assert recorded(url) == [*before, 20.0, 21.0, 22.0, 30.0]
    store.close()


@pytest.mark.parametrize(
    ("message", "step"),
    [
        ("disk I/O error", "free space on its disk, then run again."),
        ("file is not a database", "check it with palantir.trust.store, and restore it from a backup."),
        ("canceling statement due to lock timeout", "see who else works on it for so long, then run again."),
        ("could not extend file: No space left on device", "free space on its disk, then run again."),
        ("something new", "check that it exists, has space and can be written."),
    ],
)
def test_each_cause_has_its_next_step(message: str, step: str) -> None:
    assert next_step(message) == step


def test_a_commit_that_fails_is_no_result(file: Path) -> None:
    store = Store(f"sqlite:///{file}")
    record(store, 1)
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("CREATE TABLE late (attestation INTEGER REFERENCES attestations (id) DEFERRABLE INITIALLY DEFERRED)")
    other.close()
    with pytest.raises(StoreError, match="FOREIGN KEY"):  # noqa: PT012, SIM117 - it is the commit that fails
        with store.transaction() as connection:
            attestations.record(connection, "n1", 2, "attested", ear=EAR)
            connection.execute(text("INSERT INTO late VALUES (77)"))
    assert recorded(f"sqlite:///{file}") == [1.0]
    store.close()
