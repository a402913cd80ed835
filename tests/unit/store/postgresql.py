# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A PostgreSQL server of the tests' own, and databases on it: a directory below /tmp, no network, no fsync.

Run with PALANTIR_TRUST_TEST_POSTGRESQL=require to fail, instead of skip, where it cannot run.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import create_engine

DEADLINE = 30.0


class MissingError(Exception):
    """Why there can be no server here."""


@contextlib.contextmanager
def server() -> Iterator[str]:
    """Run a server and give its URL.

    Raises:
        MissingError: its programs or the driver are not installed.
    """
    initdb, postgres = _program("initdb"), _program("postgres")
    if importlib.util.find_spec("psycopg") is None:
        raise MissingError("the Python package psycopg is not installed")
    directory = Path(tempfile.mkdtemp(prefix="trust-pg-"))
    user = _unprivileged(directory)
    try:
        data = directory / "data"
        command = [initdb, f"--pgdata={data}", "--username=trust", "--auth=trust", "--encoding=UTF8", "--no-sync"]
        subprocess.run([*command, "--locale=C"], user=user, check=True, capture_output=True, timeout=DEADLINE)
        with (directory / "log").open("wb") as log:
            process = subprocess.Popen(
                [postgres, "-D", data, "-k", directory, "-c", "listen_addresses=", "-c", "fsync=off"],
                user=user,
                stdout=log,
                stderr=log,
            )
        try:
            _wait(process, directory)
            yield f"postgresql+psycopg://trust:geheim@/postgres?host={directory}"
        finally:
            process.send_signal(signal.SIGQUIT)
            process.wait(DEADLINE)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def execute(url: str, *statements: str) -> None:
    """Run statements on a database of the server, each on its own."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    engine.dispose()


def _program(name: str) -> str:
    debian = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda p: int(p.parts[4].split(".")[0]))
    found = shutil.which(name) or (str(debian[-1]) if debian else None)
    if found is None:
        raise MissingError(f"PostgreSQL's {name} is not installed (Debian: postgresql)")
    return found


def _unprivileged(directory: Path) -> int | None:
    """Give the directory to a user that PostgreSQL agrees to run as, where the tests run as root."""
    if os.geteuid() != 0:
        return None
    user = pwd.getpwnam("nobody").pw_uid
    os.chown(directory, user, -1)
    return user


def _wait(process: subprocess.Popen[bytes], directory: Path) -> None:
    deadline = time.monotonic() + DEADLINE
    while "ready" not in _status(directory):
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"PostgreSQL did not start: {(directory / 'log').read_text()[-2000:]}")
        time.sleep(0.05)


def _status(directory: Path) -> str:
    """Return the last line of the server's lock file, which says whether it takes connections."""
    with contextlib.suppress(OSError):
        lines = (directory / "data" / "postmaster.pid").read_text().splitlines()
        return lines[-1] if len(lines) >= 8 else ""
    return ""


__all__ = ["MissingError", "execute", "server"]
