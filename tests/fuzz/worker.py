# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One target under libFuzzer: ``python -m tests.fuzz.worker NAME PROGRAM`` and libFuzzer's own arguments.

PROGRAM is what libFuzzer starts again to minimise a corpus: this, with its first arguments.
"""

from __future__ import annotations

import hashlib
import resource
import sys
import warnings
from pathlib import Path
from random import Random
from typing import Final

import atheris  # type: ignore[import-untyped, import-not-found, unused-ignore]

with atheris.instrument_imports(include=["ansible_collections.palantir.trust.plugins"], enable_loader_override=False):
    from tests.fuzz.examine import Target, examine
    from tests.fuzz.mutate import mended_tar, mutated
    from tests.fuzz.targets import TARGETS

ROOM: Final = 512 << 20
"""Memory that inputs may take, in bytes: half of what a hostile length claims."""


def main(arguments: list[str]) -> None:
    """Fuzz until libFuzzer's time is over, which ends the process."""
    target = TARGETS[arguments[1]]
    warnings.simplefilter("ignore")
    used = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    _soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + ROOM, hard))
    crashes = next(option.partition("=")[2] for option in arguments if option.startswith("-artifact_prefix="))

    def test(data: bytes) -> None:
        try:
            examine(target, data)
        except BaseException:  # memory too: whatever it is, the input is kept
            Path(crashes, f"crash-{hashlib.sha256(data).hexdigest()[:16]}").write_bytes(data)
            raise

    atheris.Setup(arguments[2:], test, custom_mutator=_mutator(target))
    atheris.Fuzz()


def _mutator(target: Target):  # type: ignore[no-untyped-def] # noqa: ANN202 - as libFuzzer calls it
    def mutate(data: bytes, longest: int, seed: int) -> bytes:
        rng = Random(seed)  # noqa: S311 - chances, no secrets

        def change(part: bytes, _rng: Random) -> bytes:
            return bytes(atheris.Mutate(part, max(len(part) * 2, 64)))

        if target.form in {"bytes", "text"} or not rng.randrange(8):
            found = bytes(atheris.Mutate(data, longest))
        else:
            found = mutated(data, target.form, rng, change)
        return (mended_tar(found) if target.form == "tar" else found)[:longest]

    return mutate


if __name__ == "__main__":
    main(sys.argv)
