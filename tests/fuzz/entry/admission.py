# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What developers of Security Capabilities send, and what a site writes about them: packages, policies and records."""

from __future__ import annotations

import hashlib
import io
from typing import Final

from ansible_collections.palantir.trust.plugins.plugin_utils.admission import archive
from ansible_collections.palantir.trust.plugins.plugin_utils.admission.layout import RECORD, read_record
from ansible_collections.palantir.trust.plugins.plugin_utils.admission.manifest import (
    MANIFEST,
    SIGNATURE,
    parse_manifest,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.admission.policy import load_policy
from ansible_collections.palantir.trust.plugins.plugin_utils.admission.sandbox_child import read, sandbox
from ansible_collections.palantir.trust.plugins.plugin_utils.admission.signature import parse_signature
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import AdmissionError
from tests.fuzz.entry.scratch import scratch, written
from tests.fuzz.examine import Target


def read_package(data: bytes) -> object:
    """Read a package as an admission does before it knows who signed it, and then the digests of its files."""
    stream = io.BytesIO(data)
    members = archive.read_members(stream, "x.scpkg")
    if [member.path for member in members[:2]] != [MANIFEST, SIGNATURE]:
        raise AdmissionError("x.scpkg", "is no package.")
    contents = {member.path: b"".join(archive.content(stream, member)) for member in members}
    manifest = parse_manifest(contents.pop(MANIFEST), MANIFEST)
    signed = parse_signature(contents.pop(SIGNATURE), SIGNATURE)
    digests = {path: "sha256:" + hashlib.sha256(content).hexdigest() for path, content in contents.items()}
    return manifest, signed.signer, digests == manifest.files


def read_policy(data: bytes) -> object:
    """Read a policy for packages; the keys that it names are not there."""
    policy = load_policy(written("policy.yml", data))
    policy.granted("dns-filter", "acme")
    return policy.denial("dns-filter", "1", "acme", [])


def read_admitted(data: bytes) -> object:
    """Read the record of an SC's admitted packages."""
    (scratch() / "dns-filter").mkdir(exist_ok=True)
    (scratch() / "dns-filter" / RECORD).write_bytes(data)
    return read_record(scratch(), "dns-filter")


def read_template(data: bytes) -> object:
    """Read a developer's template, without rendering it."""
    try:
        return read(sandbox(), data.decode("utf-8", "replace"))
    except Exception as error:
        raise AdmissionError("template", "is none.") from error


TARGETS: Final = (
    Target("package", "package of an SC", read_package, form="tar", plain=True, numbers="octal"),
    Target(
        "package_manifest", "manifest of a package", lambda data: parse_manifest(data, "m"), form="json", plain=True
    ),
    Target("package_signature", "signature of a package", lambda data: parse_signature(data, "s").signer, plain=True),
    Target("package_policy", "policy for packages", read_policy, form="text", plain=True),
    Target("package_record", "record of admitted packages", read_admitted, form="json", plain=True),
    Target("package_template", "template of a package", read_template, form="text"),
)

__all__ = ["TARGETS"]
