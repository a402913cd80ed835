# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""TPM emulators: one per node, each with an EK certificate of the lab's own CA."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tests.lab.errors import LabError
from tests.lab.paths import Paths
from tests.lab.progress import run_logged

_SETUP_S = 120.0
_CERTIFICATES = ("swtpm-localca-rootca-cert.pem", "issuercert.pem")


def swtpm_command(tpm: str, control: str, log: str) -> list[str]:
    """The emulator's command line, with paths relative to the node's directory; it ends with QEMU's connection."""
    command = ["swtpm", "socket", "--tpm2", "--terminate", "--tpmstate", f"dir={tpm},mode=0600"]
    return [*command, "--ctrl", f"type=unixio,path={control},mode=0600", "--log", f"file={log},level=1"]


def ca_configuration(state: Path) -> dict[str, str]:
    """swtpm's configuration files, by name, for a CA that lives in its own directory (swtpm-localca.conf(5))."""
    return {
        "swtpm-localca.conf": (
            f"statedir = {state}\nsigningkey = {state}/signkey.pem\n"
            f"issuercert = {state}/issuercert.pem\ncertserial = {state}/certserial\n"
        ),
        "swtpm-localca.options": (
            "--platform-manufacturer palantir.trust\n--platform-version 2.1\n--platform-model QEMU\n"
        ),
        "swtpm_setup.conf": (
            f"create_certs_tool = {_tool('swtpm_localca')}\ncreate_certs_tool_config = {state}/swtpm-localca.conf\n"
            f"create_certs_tool_options = {state}/swtpm-localca.options\nactive_pcr_banks = sha256,sha1\n"
        ),
    }


def make_tpm(paths: Paths, directory: Path, node: str) -> None:
    """Make a TPM with a new identity: EK and platform certificates in its NV memory, banks SHA-256 and SHA-1.

    Args:
        paths: the lab's places; the CA is made with the first TPM.
        directory: the TPM's state directory, which appears whole or not at all.
        node: the node's name, which the certificates carry as the machine's identifier.

    Raises:
        LabError: swtpm_setup failed.
    """
    state = paths.ca_state
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name, text in ca_configuration(state).items():
        # Another TPM may be in the making, and reads them.
        if not (state / name).is_file() or (state / name).read_text(encoding="utf-8") != text:
            (state / name).write_text(text, encoding="utf-8")
    partial = directory.with_name(directory.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(mode=0o700)
    command = ["swtpm_setup", "--tpm2", "--tpmstate", str(partial), "--config", str(state / "swtpm_setup.conf")]
    command += ["--create-ek-cert", "--create-platform-cert", "--pcr-banks", "sha256,sha1", "--lock-nvram"]
    command += ["--vmid", f"palantir-lab-{node}"]
    run_logged(command, directory.with_name("swtpm_setup.log"), timeout_s=_SETUP_S, env={**os.environ, "LC_ALL": "C"})
    shutil.rmtree(directory, ignore_errors=True)
    partial.rename(directory)
    _publish(paths)


def _publish(paths: Paths) -> None:
    paths.ca.mkdir(parents=True, exist_ok=True)
    for name in _CERTIFICATES:
        source = paths.ca_state / name
        if not source.is_file():
            raise LabError(f"{source}: the TPM makers' CA was not made. Next: remove {paths.ca_state} and try again")
        if not (paths.ca / name).is_file() or (paths.ca / name).read_bytes() != source.read_bytes():
            shutil.copyfile(source, paths.ca / name)


def _tool(name: str) -> str:
    return shutil.which(name) or f"/usr/bin/{name}"


__all__ = ["ca_configuration", "make_tpm", "swtpm_command"]
