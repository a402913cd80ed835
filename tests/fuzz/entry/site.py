# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people and image builders write: policies, tables, catalogues, Reference Values and images."""

from __future__ import annotations

from typing import Any, Final

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.policy.policy import load_policy
from ansible_collections.palantir.trust.plugins.plugin_utils.catalogue import descriptor
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.table import load_table
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.unary import TYPES, parse
from ansible_collections.palantir.trust.plugins.plugin_utils.reference import document
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.boot import grub_texts
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.deb import read_deb
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.image import digest_image
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.index import ReferenceSet
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.initrd import read_initrd
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.pe import authenticode_sha256
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.tree import digest_tree
from ansible_collections.palantir.trust.plugins.plugin_utils.strict_yaml import read_file
from tests.fuzz.entry.plain import plain
from tests.fuzz.entry.scratch import written
from tests.fuzz.examine import Target
from tests.unit.appraisal.scene import NOW


def read_yaml(data: bytes) -> Any:
    """Read a YAML file of the site."""
    return read_file(written("site.yml", data))


def read_document(data: bytes) -> object:
    """Read a document of Reference Values, and index it."""
    found = document.load(written("values.json", data))
    ReferenceSet.from_plain({found.kind: {found.name: [found]} if found.kind == "sc" else [found]}, NOW)
    return document.to_plain(found)


def read_references(data: bytes) -> object:
    """Read Reference Values that came as plain data."""
    ReferenceSet.from_plain(plain(data), NOW)
    return None


def read_table(data: bytes, source: str) -> object:
    """Read a decision table whose form its name tells."""
    return load_table(data.decode("utf-8", "replace"), source)


def read_image(data: bytes) -> object:
    """Read a container image's archive."""
    return digest_image(written("image.tar", data))


def read_tree(data: bytes) -> object:
    """Read a host's image as an archive."""
    return digest_tree(written("tree.tar", data))


def read_package(data: bytes) -> object:
    """Read a Debian package."""
    return read_deb(written("package.deb", data))


def read_cell(data: bytes) -> object:
    """Read a cell of a decision table: its type (one byte), its text."""
    return parse(data[1:].decode("utf-8", "replace"), TYPES[data[0] % len(TYPES)] if data else "string", "rule r")


def read_grub(data: bytes) -> object:
    """Read a grub.cfg."""
    return grub_texts(data.decode("utf-8", "replace"))


TARGETS: Final = (
    Target("policy", "Appraisal Policy", lambda data: load_policy(read_yaml(data)), form="text"),
    Target("yaml", "YAML of the site", read_yaml, form="text"),
    Target("catalogue", "SC catalogue entry", lambda data: descriptor.parse(read_yaml(data), "sc.yml"), form="text"),
    Target("table", "decision table", lambda data: read_table(data, "t.yml"), form="text"),
    Target("table_csv", "decision table in CSV", lambda data: read_table(data, "t.csv"), form="text"),
    Target("table_dmn", "decision table in DMN XML", lambda data: read_table(data, "t.dmn"), form="text"),
    Target("cell", "cell of a decision table", read_cell, form="text"),
    Target("reference_document", "Reference Values, a file", read_document, form="json"),
    Target("reference_values", "Reference Values, plain data", read_references, form="json"),
    Target("pe", "PE image", authenticode_sha256),
    Target("initrd", "initial RAM disk", read_initrd, numbers="hexadecimal", longest=64 * 1024),
    Target("image", "container image", read_image, form="tar", numbers="octal", longest=64 * 1024),
    Target("tree", "image tree as a tar archive", read_tree, form="tar", numbers="octal", longest=64 * 1024),
    Target("deb", "Debian package", read_package, form="tar", numbers="octal", longest=64 * 1024),
    Target("grub", "grub.cfg", read_grub, form="text"),
)

__all__ = ["TARGETS"]
