# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the corpus: ``python -m tests.fuzz.seeds``. What is there already stays, unless it is named.

Keys, certificates and signatures in it are of the moment, everything else is the same in every run. Inputs that a
fuzzer found are named after what they broke, and are made by nobody again.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.fuzz.entry.scratch import CORPUS
from tests.fuzz.seeds import admission, boot, evidence, ima, site, tpm
from tests.fuzz.seeds.boot import Seed

LARGEST: Final = 8 * 1024
"""Largest seed, in bytes."""


def seeds() -> Iterator[Seed]:
    """Return target, name and content of every seed that can be made."""
    for stage in (boot, ima, tpm, evidence, site, admission):
        yield from stage.seeds()


def main(targets: list[str]) -> int:
    """Write the seeds that are missing, and all of the targets that are named."""
    for target, name, content in seeds():
        file = Path(CORPUS, target, name)
        if file.exists() and target not in targets:
            continue
        if len(content) > LARGEST:
            raise ValueError(f"{target}/{name} is {len(content)} bytes, over {LARGEST}")
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(content)
        print(f"{target}/{name}: {len(content)} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
