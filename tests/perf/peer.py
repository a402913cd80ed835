# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keylime as the peer: its own environment, made once, and a process in it that appraises when asked."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.log import parse_ima_log
from tests.perf.ima_lists import Node
from tests.perf.result import BUILD
from tests.perf.timing import Seconds

HERE = Path(__file__).resolve().parent
REQUIREMENTS = HERE / "keylime-requirements.txt"
VENV = BUILD / "keylime-venv"
NAME = "Keylime 7.14.3"


def environment() -> Path:
    """Return the Python of Keylime's environment; make it where it is absent or of other requirements.

    Raises:
        subprocess.CalledProcessError: pip failed, and has said why.
    """
    made, wanted = VENV / ".made-of", hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    python = VENV / "bin" / "python"
    if not made.is_file() or made.read_text(encoding="ascii") != wanted:
        print(f"{VENV}: made for Keylime, about half a minute")
        subprocess.run([sys.executable, "-m", "venv", "--clear", VENV], check=True)
        pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "--no-deps"]
        subprocess.run([python, *pip, "-r", REQUIREMENTS], check=True)
        made.write_text(wanted, encoding="ascii")
    return python


class Keylime:
    """A process that appraises lists by Keylime, one at a time."""

    def __init__(self) -> None:
        """Start it."""
        self._log = (BUILD / "keylime.log").open("w", encoding="utf-8")
        self._process = subprocess.Popen(
            [environment(), "-P", HERE / "keylime_worker.py"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )

    def __enter__(self) -> Keylime:
        """Use it, and end it behind."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._log):
            if stream is not None:
                stream.close()

    def appraise(self, work: PeerFiles) -> Seconds:
        """Appraise a list, and return how long it took.

        Raises:
            RuntimeError: Keylime refuses the list, or cannot run.
        """
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(json.dumps({"list": str(work.text), "policy": str(work.policy), "pcr": work.pcr}) + "\n")
        stdin.flush()
        answer = stdout.readline()
        if not answer:
            raise RuntimeError(f"Keylime failed; see {self._log.name}.")
        took = json.loads(answer)
        return Seconds(took["cpu"], took["wall"])


class PeerFiles:
    """A node's list and what Keylime is to know, in files."""

    def __init__(self, name: str, node: Node, others: tuple[Node, ...] = ()) -> None:
        """Write them: the list in ASCII, as the kernel shows it; the allow list of what all nodes measured."""
        self.text, self.policy = BUILD / f"{name}.ascii", BUILD / f"{name}.policy.json"
        self.pcr = node.kernel.pcrs["sha256"][10].hex()
        log = parse_ima_log(node.kernel.binary)
        lines = [
            f"{entry.pcr:2d} {hashlib.sha1(data, usedforsecurity=False).hexdigest()} {entry.template} "
            f"{entry.digest} {entry.path} {entry.sig.hex()}\n"
            for entry, data in zip(log.entries, log.data, strict=True)
        ]
        self.text.write_text("".join(lines), encoding="utf-8")
        digests: dict[str, list[str]] = {}
        for one in (log, *(parse_ima_log(other.kernel.binary) for other in others)):
            for entry in one.entries:
                digests.setdefault(entry.path, []).append(entry.digest.partition(":")[2])
        self.policy.write_text(json.dumps(digests), encoding="utf-8")

    def remove(self) -> None:
        """Remove them."""
        self.text.unlink()
        self.policy.unlink()


@contextmanager
def peer_files(name: str, node: Node, others: tuple[Node, ...] = ()) -> Iterator[PeerFiles]:
    """Have the files for a while."""
    files = PeerFiles(name, node, others)
    try:
        yield files
    finally:
        files.remove()


__all__ = ["NAME", "Keylime", "PeerFiles", "environment", "peer_files"]
