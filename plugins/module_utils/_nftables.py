# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables of nftables that are ours, each replaced in one transaction of the kernel; see nft(8).

This module is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import Optional, Sequence

from ansible_collections.palantir.trust.plugins.module_utils._errors import NodeError

_ABSENT = b"No such file or directory"
_NFT_S = 20.0
_SYSTEM_PATH = "/usr/sbin:/sbin"


def load(text: str, check: bool = False) -> None:
    """Load rules, all or none of them.

    Args:
        text: the rules.
        check: only have them checked.

    Raises:
        NodeError: ``no_nft``, ``nft_failed``.
    """
    nft(["--check", "--file", "-"] if check else ["--file", "-"], text)


def table_text(family: str, table: str) -> Optional[bytes]:
    """Return a table's listing without what changes by itself; None where there is no such table.

    Raises:
        NodeError: ``no_nft``, ``nft_failed``.
    """
    return nft(["--stateless", "list", "table", family, table], refused=_ABSENT)


def drop_table(family: str, table: str) -> bool:
    """Delete a table; return whether there was one.

    Raises:
        NodeError: ``no_nft``, ``nft_failed``.
    """
    return nft(["delete", "table", family, table], refused=_ABSENT) is not None


def nft(arguments: Sequence[str], text: str = "", refused: bytes = b"") -> Optional[bytes]:
    """Run nft and return what it says; None where it fails with the words in ``refused``."""
    path = shutil.which("nft", path="%s:%s" % (os.environ.get("PATH", os.defpath), _SYSTEM_PATH))
    if path is None:
        raise NodeError("no_nft", "nft is not installed on this node.", "install the package nftables.")
    try:
        done = subprocess.run(  # noqa: S603 - a list of arguments, and no shell
            [path, *arguments],
            input=text.encode("ascii"),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={"PATH": _SYSTEM_PATH, "LC_ALL": "C"},
            timeout=_NFT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NodeError("nft_failed", "nft cannot be run: %s." % error, "run nft by hand on the node.") from None
    if done.returncode and refused and refused in done.stderr:
        return None
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()[:1] or ["it says nothing"]
        raise NodeError(
            "nft_failed", "nft refuses: %s." % said[0][:500], "check that the task is root's, and the kernel nf_tables."
        )
    return done.stdout


__all__ = ["drop_table", "load", "nft", "table_text"]
