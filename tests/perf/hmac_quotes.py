# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the second rate of a watch saves: a quote by HMAC beside one by the AK, for the TPM and for the controller.

The TPM is swtpm, so its figure is a processor's: it shows that the one is less work than the other, and says nothing of
the time that a chip takes for either. It is the emulator's own time; by the wall's clock the way there and back counts.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from ansible_collections.palantir.trust.plugins.module_utils._enrolment import AkRequest, describe
from ansible_collections.palantir.trust.plugins.module_utils._tpm import Quote, Tpm, open_tpm
from ansible_collections.palantir.trust.plugins.module_utils._tpm_hmac import HmacKey
from ansible_collections.palantir.trust.plugins.plugin_utils.enrolment.duplicate import hmac_key_for
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.tpm.quote import verify_hmac_quote, verify_quote
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.tpm.storage_key import verify_storage_key
from tests.lab.light.node import LightNode
from tests.lab.process import ProcessRecord
from tests.perf.result import Result
from tests.perf.timing import Pairs, Seconds, paired, repeated, timed, typical

NONCE: Final = bytes(range(32))
SELECTION: Final = {"sha256": (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 14)}
ROUNDS: Final = 11
REPEATS: Final = 300
_AK: Final = 0x81010020


def run() -> list[Result]:
    """Measure both, in turn."""
    # The path of a Unix socket has at most 107 characters.
    with tempfile.TemporaryDirectory(prefix="light-") as directory:
        node = LightNode("node", Path(directory) / "node")
        node.boot()
        try:
            describe(node.tcti, hex(_AK), "auto", AkRequest("ecdsa_p256", replace=False, create=True))
            with open_tpm(node.tcti) as tpm:
                return _measured(tpm, node)
        finally:
            node.stop()


def _measured(tpm: Tpm, node: LightNode) -> list[Result]:
    on_node, ak = HmacKey(tpm), tpm.public(tpm.persistent(_AK))
    offer = on_node.offer(_AK, NONCE)
    parent = verify_storage_key(offer.public, offer.attest, offer.signature, ak, NONCE)
    key, duplicate = hmac_key_for(parent)
    on_node.take(duplicate.unique, duplicate.private, duplicate.seed)

    def by_hmac() -> Quote:
        return on_node.quote(SELECTION, NONCE)

    def by_ak() -> Quote:
        return tpm.quote(_AK, SELECTION, NONCE)

    emulator = ProcessRecord.read(node.directory / "swtpm.pid.json")
    if emulator is None:
        raise RuntimeError("the emulator left no record of itself")
    pid = emulator.pid
    made = paired(lambda: _of_emulator(pid, by_hmac), lambda: _of_emulator(pid, by_ak), ROUNDS)
    fast, slow = by_hmac(), by_ak()

    def check_hmac() -> None:
        if not verify_hmac_quote(fast.attest, fast.signature, key, NONCE, SELECTION).valid:
            raise RuntimeError("the check of a sound quote by HMAC failed")

    def check_ak() -> None:
        if not verify_quote(slow.attest, slow.signature, ak, NONCE, SELECTION).valid:
            raise RuntimeError("the check of a sound quote by the AK failed")

    checked = paired(lambda: repeated(check_hmac, REPEATS), lambda: repeated(check_ak, REPEATS), ROUNDS)
    on_node.close()
    return [
        _result("watch_hmac", "a quote by HMAC beside one by the AK, the TPM emulator's time", made, 3),
        _result("watch_hmac_check", "check of a quote by HMAC beside that of one by the AK", checked, 3),
    ]


def _result(name: str, what: str, pairs: Pairs, target: float) -> Result:
    ours, peer = typical(pairs.ours).cpu * 1e6, typical(pairs.peer).cpu * 1e6
    return Result(name, what, "µs", ours, target, "least", peer, "ECDSA P-256", pairs.speed_up)


def _of_emulator(pid: int, quote: Callable[[], Quote]) -> Seconds:
    """Return how long a quote takes: the emulator's own time, and the caller's."""

    def quotes() -> None:
        for _ in range(REPEATS):
            quote()

    before = _on_cpu(pid)
    wall = timed(quotes).wall
    return Seconds(_on_cpu(pid) - before, wall).per(REPEATS)


def _on_cpu(pid: int) -> float:
    """Return the time that a process has had, in seconds; stat(5) of procfs counts it in hundredths only."""
    threads = Path("/proc", str(pid), "task").glob("*/schedstat")
    return sum(int(thread.read_text(encoding="ascii").split()[0]) for thread in threads) / 1e9


__all__ = ["run"]
