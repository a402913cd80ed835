# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a measured file of the host says, for the layers ``os`` and ``runtime``.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from typing import Final

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal import ar4si
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.ar4si import Claim
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.layers.files import Match, match, nameless, under
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.layers.signed_files import SignedFiles
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.policy.policy import AppraisalPolicy
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.verdict import LayerFinding, tier_value
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.weigh import about
from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.index import FileIndex
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.initrd import is_module
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.templates import Entry

MEMORY_PLACES: Final = ("/dev/shm/", "/run/", "/tmp/")  # noqa: S108 - where programs in memory show up, not used as files
"""Where a file system in memory is mounted (systemd's file-hierarchy(7))."""

INSTALLER_PLACES: Final = ("/var/cache/debconf/tmp.ci/",)
"""Where a script of a package is run under a random name before it is installed (dpkg-preconfigure(8))."""


def of_runtime(entry: Entry, policy: AppraisalPolicy) -> bool:
    """Tell whether a file of the host belongs to the layer ``runtime``: kernel modules and the container engine."""
    return is_module(entry.path) or under(entry.path, policy.runtime_paths)


def fileless(path: str) -> bool:
    """Tell whether a path names no file on a disk: memory files, deleted files, file systems in memory."""
    return nameless(path) or under(path, MEMORY_PLACES)


def host_finding(  # noqa: PLR0911 - one return for each way a file can stand to what is known
    entry: Entry, index: FileIndex, policy: AppraisalPolicy, signed: SignedFiles
) -> LayerFinding | None:
    """Return what stands against a measured file of the host; None where nothing does.

    Args:
        entry: measurement of a file, with an owner of the host's or none.
        index: known files of the host.
        policy: what is asked.
        signed: rules on signed files.
    """
    if entry.violation:
        # No PCR covers its path, so that cannot excuse it.
        return about(entry, "ima_violation", Claim.EXECUTABLES, tier_value(policy.ima.violations, Claim.EXECUTABLES))
    if under(entry.path, policy.ignore_paths):
        return None
    found = match(entry.path, entry.digest, index, policy.aliases)
    if found is Match.KNOWN or (found is Match.MOVED and _asked_before_installation(entry, index)):
        return None
    if fileless(entry.path) and found is not Match.UNDECIDED:
        # A signature says what a program is, not that it may run from memory.
        return _fileless(entry, index, policy)
    ruling = signed.ruling(entry, found, index)
    if ruling is not None:
        return ruling.finding
    if found is Match.UNDECIDED and not index.usable:
        return None
    return signed.remarked(_COMPARED[found](entry, index, policy), entry)


def _asked_before_installation(entry: Entry, index: FileIndex) -> bool:
    return under(entry.path, INSTALLER_PLACES) and index.places[entry.digest].endswith(".config")


def _fileless(entry: Entry, index: FileIndex, policy: AppraisalPolicy) -> LayerFinding | None:
    place = index.places.get(entry.digest)
    if place is None:
        return about(entry, "fileless_execution", Claim.EXECUTABLES, tier_value(policy.fileless, Claim.EXECUTABLES))
    # Container engines run themselves from memory, so that a container cannot write to their program (CVE-2019-5736).
    if under(place, policy.runtime_paths):
        return None
    return _moved(entry, index, policy)


def _moved(entry: Entry, index: FileIndex, policy: AppraisalPolicy) -> LayerFinding:
    detail = f"known as {printable(index.places[entry.digest])}"
    return about(entry, "moved_file", Claim.EXECUTABLES, tier_value(policy.moved, Claim.EXECUTABLES), detail)


def _modified(entry: Entry, _index: FileIndex, _policy: AppraisalPolicy) -> LayerFinding:
    return about(entry, "modified_file", Claim.EXECUTABLES, ar4si.CONTRAINDICATED)


def _unknown(entry: Entry, _index: FileIndex, _policy: AppraisalPolicy) -> LayerFinding:
    code = "unknown_module" if is_module(entry.path) else "unknown_executable"
    return about(entry, code, Claim.EXECUTABLES, ar4si.CONTRAINDICATED)


def _expired(entry: Entry, _index: FileIndex, _policy: AppraisalPolicy) -> LayerFinding:
    return about(entry, "reference_value_expired", Claim.EXECUTABLES, ar4si.UNRECOGNISED_EXECUTABLES)


def _undecided(entry: Entry, _index: FileIndex, policy: AppraisalPolicy) -> LayerFinding:
    value = tier_value(policy.ima.unknown_algorithms, Claim.EXECUTABLES)
    return about(entry, "digest_algorithm_unknown", Claim.EXECUTABLES, value)


_COMPARED: Final = {
    Match.MOVED: _moved,
    Match.MODIFIED: _modified,
    Match.UNKNOWN: _unknown,
    Match.EXPIRED: _expired,
    Match.UNDECIDED: _undecided,
}

__all__ = ["MEMORY_PLACES", "fileless", "host_finding", "of_runtime"]
