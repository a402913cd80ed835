# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The TPM of a light node: a swtpm process behind a Unix socket, and what firmware and kernel do with it."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from socket import AF_UNIX, socket
from typing import Any

from tests.lab import process
from tests.lab.errors import LabError
from tests.lab.light.logs import BANKS, Measurement
from tests.lab.process import ProcessRecord
from tests.lab.progress import tail
from tests.lab.wait import wait_for

_SOCKET = "tpm.sock"
_CONTROL = f"{_SOCKET}.ctrl"  # tcti-swtpm adds the suffix
_LONGEST_SOCKET_PATH = 107  # sun_path, unix(7)
_START_S = 20.0


def tcti(directory: Path) -> str:
    """The TCTI of the TPM in a node's directory."""
    return f"swtpm:path={directory / _SOCKET}"


def start(name: str, directory: Path) -> None:
    """Power on the TPM in ``directory``/tpm: its PCRs begin anew and its reset count goes up.

    Raises:
        LabError: the directory's name is too long for a socket, or swtpm ended at once.
    """
    if len(str(directory / _CONTROL)) > _LONGEST_SOCKET_PATH:
        raise LabError(f"{directory}: the path is too long for a Unix socket. Next: choose a shorter one")
    for end in (_SOCKET, _CONTROL):
        (directory / end).unlink(missing_ok=True)
    command = ["swtpm", "socket", "--tpm2", "--tpmstate", "dir=tpm,mode=0600", "--log", "file=swtpm.log,level=1"]
    command += ["--server", f"type=unixio,path={_SOCKET},mode=0600", "--ctrl", f"type=unixio,path={_CONTROL},mode=0600"]
    command += ["--flags", "not-need-init,startup-clear"]
    record = process.start(
        f"{name} TPM emulator", command, cwd=directory, log=directory / "swtpm.out", record=_record(directory)
    )

    def listening() -> bool | None:
        if not record.is_running():
            raise LabError(f"{name}: the TPM emulator ended.\n{tail(directory / 'swtpm.log')}")
        return all(_answers(directory / end) for end in (_SOCKET, _CONTROL)) or None

    wait_for(f"{name}'s TPM emulator", listening, timeout_s=_START_S, interval_s=0.02)


def _answers(path: Path) -> bool:
    """Whether somebody listens: a socket is there a moment before."""
    with socket(AF_UNIX) as client:
        return client.connect_ex(str(path)) == 0


def stop(directory: Path) -> None:
    """Power off; nothing happens where it is off."""
    record = ProcessRecord.read(_record(directory))
    if record is not None:
        process.stop(record)


def _record(directory: Path) -> Path:
    return directory / "swtpm.pid.json"


def extend(directory: Path, measurements: Iterable[Measurement]) -> None:
    """Extend the PCRs, in order."""
    with _opened(directory) as (types, context):
        for measurement in measurements:
            values = struct.pack(">I", len(measurement.digests))
            for bank, digest in measurement.digests.items():
                values += struct.pack(">H", BANKS[bank]) + digest
            digests, _size = types.TPML_DIGEST_VALUES.unmarshal(values)
            context.pcr_extend(types.ESYS_TR(measurement.pcr), digests)


def shut_down(directory: Path) -> None:
    """TPM2_Shutdown(CLEAR), as an orderly operating system sends it before the power goes."""
    with _opened(directory) as (types, context):
        context.shutdown(types.TPM2_SU.CLEAR)


def clear(directory: Path) -> None:
    """TPM2_Clear: all keys of owner and endorsement hierarchy are lost, as when the firmware's menu clears the TPM."""
    with _opened(directory) as (types, context):
        context.clear(types.ESYS_TR.LOCKOUT)


@contextmanager
def _opened(directory: Path) -> Iterator[tuple[Any, Any]]:
    try:
        import tpm2_pytss
    except ImportError as error:
        raise LabError("tpm2_pytss is missing. Next: use the environment of make, or python3-tpm2-pytss") from error
    with tpm2_pytss.ESAPI(tcti(directory)) as context:
        yield tpm2_pytss, context


__all__ = ["clear", "extend", "shut_down", "start", "stop", "tcti"]
