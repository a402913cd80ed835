# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose file a measurement is where its template has no owner: by control group, by the place of storage, by content.

Each way down this list knows less. What it cannot tell it gives to all who may be concerned, the host among them: that
widens what a finding is about and never narrows it. Only content that is known may be given to those alone who have it.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cached_property
from typing import Final, NamedTuple

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.attribution.cgroups import CgroupMap
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.attribution.owners import OwnerMap
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.record import Instance
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.verdict import (
    BY_DIGEST,
    BY_OVERLAY_PATH,
    Attribution,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.index import FileIndex, ReferenceSet
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.templates import Entry

_STORED = re.compile(
    r"(?:.*/containers/storage/overlay/[0-9a-f]{64}/(?:merged|diff)"  # containers/storage: podman, CRI-O
    r"|/var/lib/docker/overlay2/[0-9a-z]+(?:-init)?/(?:merged|diff)"
    r"|/var/lib/containerd/io\.containerd\.snapshotter\.v1\.overlayfs/snapshots/[0-9]+/fs"
    r"|/run/containerd/io\.containerd\.runtime\.v2\.task/[^/]+/(?P<task>[^/]+)/rootfs"
    r"|/var/lib/machines/(?P<machine>[^/]+))"  # systemd-nspawn
    r"(?P<inside>/.*)",
    re.DOTALL,
)


class Share(NamedTuple):
    """Who has to answer for a measurement.

    Attributes:
        instances: generations of SC instances.
        host: whether the host has to, besides or alone.
        attribution: by what that was told, and whether it is sure.
        path: the file's path as the instances see it.
    """

    instances: tuple[Instance, ...]
    host: bool
    attribution: Attribution
    path: str


class Ownerless:
    """Tells whose files the measurements without an owner are."""

    def __init__(
        self, instances: Iterable[Instance], owners: OwnerMap, references: ReferenceSet, containers: object
    ) -> None:
        """Prepare.

        Args:
            instances: all generations on record.
            owners: their ranges.
            references: what is known.
            containers: what the node's facts say of its containers; hostile.
        """
        self._instances = tuple(instances)
        self._owners = owners
        self._references = references
        self._containers = containers

    def share(self, entry: Entry) -> Share:
        """Return who has to answer for the measurement of a file."""
        return self._by_cgroup(entry) or self._by_content(entry)

    @cached_property
    def _cgroups(self) -> CgroupMap:
        return CgroupMap(self._instances, self._containers, self._owners)

    def _by_cgroup(self, entry: Entry) -> Share | None:
        """Of a generation that had ended nothing could run any more: who is in its group then came from the host."""
        found, sure = self._cgroups.of_entry(entry)
        if not found:
            return None
        its = tuple(instance for instance in found if not self._owners.had_ended(instance, entry.index))
        # Of a violation no PCR covers any field, so neither is its group.
        certain = sure and not entry.violation
        return Share(its, not its, Attribution("cgroup", "certain" if certain else "ambiguous"), entry.path)

    def _by_content(self, entry: Entry) -> Share:
        if entry.violation or (entry.path, entry.digest) in self._references.host.pairs:
            return Share((), True, BY_DIGEST, entry.path)
        stored = _STORED.fullmatch(entry.path)
        if stored is None:
            return self._among(self._live, entry, entry.path, BY_DIGEST)
        named = self._cgroups.of_container(stored["task"] or stored["machine"] or "")
        return self._among(named or self._live, entry, stored["inside"], BY_OVERLAY_PATH)

    def _among(self, instances: tuple[Instance, ...], entry: Entry, path: str, attribution: Attribution) -> Share:
        """Return the share of those who have the content there, else of those who have the path, and of the host."""
        having = tuple(instance for instance in instances if self._has(instance, path, entry.digest))
        if having:
            return Share(having, False, attribution, path)
        concerned = tuple(instance for instance in instances if self._has_path(instance, path))
        return Share(concerned, True, attribution, path)

    @cached_property
    def _live(self) -> tuple[Instance, ...]:
        return tuple(instance for instance in self._instances if instance.live)

    def _has(self, instance: Instance, path: str, digest: str) -> bool:
        return digest in instance.files.get(path, ()) or (path, digest) in self._image(instance).pairs

    def _has_path(self, instance: Instance, path: str) -> bool:
        return path in instance.files or path in self._image(instance).paths

    def _image(self, instance: Instance) -> FileIndex:
        return self._references.sc.get(instance.sc, _NOTHING)


_NOTHING: Final = FileIndex()

__all__ = ["Ownerless", "Share"]
