# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.palantir.trust.plugins.module_utils._errors import NodeError
from ansible_collections.palantir.trust.plugins.module_utils._logs import EVENT_LOG, IMA_LOG, LogKind, read_log


def failure(kind: LogKind, path: Path | str, limit: int = 100) -> NodeError:
    with pytest.raises(NodeError) as caught:
        read_log(kind, str(path), 0, limit)
    return caught.value


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "log"
    path.write_bytes(bytes(range(100)))
    return path


def test_a_log_is_read_from_its_offset_to_its_end(log: Path) -> None:
    assert read_log(IMA_LOG, str(log), 0, 100) == bytes(range(100))
    assert read_log(IMA_LOG, str(log), 90, 100) == bytes(range(90, 100))


@pytest.mark.parametrize("offset", [100, 101, 1 << 40])
def test_after_its_end_a_log_is_empty(log: Path, offset: int) -> None:
    assert read_log(IMA_LOG, str(log), offset, 100) == b""


def test_a_file_of_the_kernel_is_read_from_an_offset() -> None:
    """securityfs has no sizes, as procfs has none."""
    whole = read_log(IMA_LOG, "/proc/self/limits", 0, 1 << 20)
    assert read_log(IMA_LOG, "/proc/self/limits", 20, 1 << 20) == whole[20:]
    assert read_log(IMA_LOG, "/proc/self/limits", len(whole) + 1, 1 << 20) == b""


def test_a_log_over_the_limit_is_refused(log: Path) -> None:
    assert len(read_log(IMA_LOG, str(log), 0, 100)) == 100
    error = failure(IMA_LOG, log, limit=99)
    assert error.code == "log_too_large"
    assert str(error) == (
        f"The IMA measurement list {log} holds more than 99 bytes after the offset asked for. "
        "Next: raise log_limit, or narrow the node's IMA policy and reboot it."
    )


def test_an_endless_log_is_refused() -> None:
    assert failure(IMA_LOG, "/dev/zero", limit=1 << 20).code == "log_too_large"


def test_a_node_without_ima_is_told_what_to_do(tmp_path: Path) -> None:
    error = failure(IMA_LOG, tmp_path / "none")
    assert error.code == "no_ima"
    assert str(error) == (
        f"The IMA measurement list {tmp_path}/none is missing. Next: apply the role palantir.trust.attester, "
        "which sets the IMA boot parameters, and reboot the node."
    )


def test_a_node_without_an_event_log_is_told_what_to_do(tmp_path: Path) -> None:
    error = failure(EVENT_LOG, tmp_path / "none")
    assert error.code == "no_event_log"
    assert "boot the node under UEFI with its TPM switched on" in str(error)


@pytest.mark.skipif(os.path.ismount("/sys/kernel/security"), reason="securityfs is mounted here")
def test_a_missing_securityfs_is_named() -> None:
    error = failure(IMA_LOG, "/sys/kernel/security/ima/binary_runtime_measurements")
    assert "securityfs is not mounted" in str(error)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_log_that_may_not_be_read_is_named(log: Path) -> None:
    log.chmod(0)
    error = failure(IMA_LOG, log)
    assert error.code == "log_unreadable"
    assert str(error).endswith("may not be read by this user. Next: run the task with become: true.")


def test_a_log_that_is_a_directory_is_named(tmp_path: Path) -> None:
    error = failure(IMA_LOG, tmp_path)
    assert error.code == "log_unreadable"
    assert "cannot be read: Is a directory." in str(error)
