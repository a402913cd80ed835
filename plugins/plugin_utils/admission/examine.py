# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every check of a package, on the file that is open and what is unpacked of it.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Final

from ansible_collections.palantir.trust.plugins.plugin_utils.admission import archive, contents
from ansible_collections.palantir.trust.plugins.plugin_utils.admission.archive import Member
from ansible_collections.palantir.trust.plugins.plugin_utils.admission.checks import CHECKS, Report, run
from ansible_collections.palantir.trust.plugins.plugin_utils.admission.contents import Image
from ansible_collections.palantir.trust.plugins.plugin_utils.admission.layout import Record
from ansible_collections.palantir.trust.plugins.plugin_utils.admission.manifest import (
    MANIFEST,
    MANIFEST_LIMIT,
    SIGNATURE,
    Manifest,
    package_digest,
    parse_manifest,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.admission.policy import (
    AdmissionPolicy,
    Signer,
    missing_grants,
    needs,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.admission.signature import (
    SIGNATURE_LIMIT,
    Signed,
    algorithms,
    is_by,
    parse_signature,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.admission.version import is_lower
from ansible_collections.palantir.trust.plugins.plugin_utils.catalogue.descriptor import check_names
from ansible_collections.palantir.trust.plugins.plugin_utils.catalogue.model import Descriptor
from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import AdmissionError

RESERVED: Final = frozenset(
    {"ansible", "attester", "group", "groups", "hostvars", "inventory", "node", "omit", "orchestrate", "palantir"}
    | {"play", "playbook", "power", "remediate", "role", "sc", "timers", "vault"}
)
"""First words of names that no package may have: a site's variables that begin with them are not of an SC."""

_AGAIN: Final = "have its developer make the package again."


@dataclass(frozen=True, slots=True)
class Site:
    """What a package is held against.

    Attributes:
        policy: of the site.
        own: the SCs of the catalogue by name, those of admitted packages among them.
        records: the records of what was admitted, by SC.
        now: the time, with a zone.
        catalogue: the directory of the catalogue.
        allow_rollback: whether an older version may take the place of a newer one.
    """

    policy: AdmissionPolicy
    own: Mapping[str, Descriptor]
    records: Mapping[str, Record]
    now: datetime
    catalogue: Path
    allow_rollback: bool = False


class Examination:
    """The checks of one package, in their order; each rests on what those before it have found.

    Args:
        stream: the package, open: what is checked is what is unpacked, whatever happens to the file's name.
        where: its name, for people.
        site: what it is held against.
        staging: an empty directory of the caller's, to which it is unpacked.
    """

    def __init__(self, stream: IO[bytes], where: str, site: Site, staging: Path) -> None:
        self._stream = stream
        self._where = printable(where, 120)
        self._site = site
        self.overlap = site.policy.overlap
        self.staging = staging
        self.members: tuple[Member, ...] = ()
        self.manifest_bytes = b""
        self.manifest = Manifest("", "", {})
        self.digest = ""
        self.signed: Signed | None = None
        self.descriptor: Descriptor | None = None
        self.images: Mapping[str, Image] = {}

    def run(self) -> Report:
        """Return the report of all checks; nothing is raised for what is wrong with the package."""
        checks = run({code: getattr(self, f"_{code}") for code in CHECKS}, aside=f"{self.staging}/")
        signer = self.signed.signer if self.signed else ""
        return Report(self._where, checks, self.manifest.sc, self.manifest.version, signer, self.digest)

    # Before a signature was found to be good: nothing but these few bytes is looked at.

    def _form(self) -> str:
        try:
            self.members = archive.read_members(self._stream, self._where)
        except OSError as error:
            raise AdmissionError(self._where, f"cannot be read: {error.strerror or error}.") from error
        if [member.path for member in self.members[:2]] != [MANIFEST, SIGNATURE]:
            raise AdmissionError(
                self._where,
                f"does not begin with {MANIFEST} and {SIGNATURE}.",
                "have its developer make it with palantir.trust.package.",
            )
        return f"{len(self.members)} files, {sum(member.size for member in self.members)} bytes"

    def _manifest(self) -> str:
        self.manifest_bytes = self._small(self.members[0], MANIFEST_LIMIT)
        self.manifest = parse_manifest(self.manifest_bytes, MANIFEST)
        self.digest = package_digest(self.manifest_bytes)
        return f"{self.manifest.sc} {self.manifest.version}, {self.digest}"

    def _signer(self) -> str:
        self.signed = parse_signature(self._small(self.members[1], SIGNATURE_LIMIT), SIGNATURE)
        signer = self._trusted(self.signed)
        if signer.expires is not None and self._site.now.date() >= signer.expires:
            raise AdmissionError(
                f"signer {signer.name}",
                f"was trusted until {signer.expires}.",
                "renew it in the policy, if it is still trusted, and take away the keys that are not.",
            )
        return signer.name

    def _signature(self) -> str:
        signed = self._of_signer()
        signer = self._trusted(signed)
        key = next((key for key in signer.keys if is_by(signed, key, self.manifest_bytes)), None)
        if key is None:
            raise AdmissionError(
                SIGNATURE,
                f"is by no key of signer {signer.name}.",
                "do not use the package; ask the developer for it, and by another way for the key.",
            )
        return f"{algorithms(key)[0]} by a key of {signer.name}"

    def _denied(self) -> str:
        self._refuse_denied((self.digest, *self.manifest.files.values()))
        return "nothing of it is denied"

    def _authority(self) -> str:
        sc, signer = self.manifest.sc, self._trusted(self._of_signer())
        if sc.split("-")[0] in RESERVED:
            raise AdmissionError(f"SC {sc}", "has a name that is not for packages.", "have it named otherwise.")
        if not signer.may_sign(sc):
            raise AdmissionError(
                f"signer {signer.name}",
                f"may not sign SC {sc}.",
                "if it should, add the name to the signer's scs in the policy.",
            )
        return f"{signer.name} may sign {sc}"

    def _version(self) -> str:
        record = self._site.records.get(self.manifest.sc)
        if record is None:
            return f"{self.manifest.version} is the first"
        before = record.current
        if before.digest == self.digest:
            return f"{self.manifest.version} is admitted already"
        if before.version == self.manifest.version:
            raise AdmissionError(
                f"version {before.version}",
                f"of SC {record.sc} is admitted with other content, {before.digest}.",
                "have its developer give what has changed a new version.",
            )
        if is_lower(self.manifest.version, before.version) and not self._site.allow_rollback:
            raise AdmissionError(
                f"version {self.manifest.version}",
                f"is lower than {before.version}, which is admitted.",
                "if you want to go back, say palantir_trust_allow_rollback=true.",
            )
        return f"{self.manifest.version} takes the place of {before.version}"

    # From here on it is a trusted developer's. It may still be wrong, or the developer attacked.

    def _contents(self) -> str:
        paths = [member.path for member in self.members[2:]]
        if paths != list(self.manifest.files):
            wrong = sorted(set(paths) ^ set(self.manifest.files)) or ["another order"]
            raise AdmissionError(self._where, f"has not the files of its manifest: {wrong[0]}.", _AGAIN)
        try:
            for member in self.members:
                self._unpack(member)
        except OSError as error:
            raise AdmissionError(
                str(error.filename or self._where),
                f"cannot be unpacked: {error.strerror or error}.",
                "check space and rights; if they are right, have its developer make the package again.",
            ) from error
        return f"{len(paths)} files are those of the manifest"

    def _descriptor(self) -> str:
        manifest, signed = self.manifest, self._of_signer()
        descriptor = contents.read_descriptor(self.staging, manifest.sc)
        file = f"{manifest.sc}.yml"
        if descriptor.version != manifest.version:
            raise AdmissionError(f"{file}, version", f"is not {manifest.version}, as the manifest says.", _AGAIN)
        if descriptor.signer not in (None, signed.signer):
            raise AdmissionError(f"{file}, signer", f"is not {signed.signer}, who signed.", _AGAIN)
        named = contents.named_files(descriptor)
        for path in sorted(named - set(manifest.files)):
            raise AdmissionError(file, f"names the file {path}, which is not in the package.", _AGAIN)
        for path in sorted(set(manifest.files) - named):
            raise AdmissionError(self._where, f"has the file {path}, which its descriptor does not name.", _AGAIN)
        self.descriptor = descriptor
        return f"{descriptor.function}, with {', '.join(flavour.name for flavour in descriptor.flavours)}"

    def _function(self) -> str:
        descriptor, signer = self._described(), self._trusted(self._of_signer())
        if descriptor.function not in signer.functions:
            raise AdmissionError(
                f"signer {signer.name}",
                f"may not sign SCs of the function {descriptor.function}.",
                "if it should, add the function to the signer in the policy.",
            )
        for name in descriptor.equivalent:
            if not signer.may_sign(name):
                raise AdmissionError(
                    f"SC {descriptor.sc}",
                    f"says that it can stand in for {name}, which signer {signer.name} may not sign.",
                    "if it can, add the name to the signer's scs in the policy.",
                )
        return f"{signer.name} may sign the function {descriptor.function}"

    def _grants(self) -> str:
        descriptor = self._described()
        refused = missing_grants(self._site.policy, descriptor, self._of_signer().signer)
        if refused:
            raise AdmissionError(
                f"SC {descriptor.sc}",
                f"asks for what the site does not grant: {', '.join(refused)}.",
                "if you want it to have these, add them to grants in the policy, with the reason.",
            )
        asked = sorted({need for flavour in descriptor.flavours for need in needs(flavour)})
        return ", ".join(asked)

    def _catalogue(self) -> str:
        descriptor = self._described()
        described = self._site.own.get(descriptor.sc)
        if described is not None and described.package is None:
            raise AdmissionError(
                f"SC {descriptor.sc}",
                "is described by the site's own catalogue.",
                f"remove {descriptor.sc}.yml from the catalogue, if the package is to take its place.",
            )
        check_names(descriptor, self._site.own)
        return "the name is free" if described is None else "the SC came in a package before"

    def _templates(self) -> str:
        described, own = self._described(), self._site.own
        found = contents.check_templates(self.staging, described, own)
        contents.check_others(self._site.catalogue, described.sc, own)
        return f"read {', '.join(found)}" if found else "read no variable of the site"

    def _images(self) -> str:
        self.images = contents.read_images(self.staging, self._described())
        self._refuse_denied(image.id for image in self.images.values())
        for image in self.images.values():
            self._refuse_denied(image.files.values())
        return ", ".join(f"{name} {image.id}" for name, image in self.images.items())

    def _reference_values(self) -> str:
        count = contents.check_reference_values(self.staging, self._described(), self.images, self._site.now)
        return f"{count} values, for every file and no other"

    def _refuse_denied(self, digests: Iterable[str]) -> None:
        manifest, signed = self.manifest, self._of_signer()
        reason = self._site.policy.denial(manifest.sc, manifest.version, signed.signer, digests)
        if reason:
            raise AdmissionError("the package", f"is refused: {reason}.", "do not use it.")

    def _small(self, member: Member, limit: int) -> bytes:
        if member.size > limit:
            raise AdmissionError(member.path, f"has {member.size} bytes, over the limit of {limit}.", _AGAIN)
        try:
            return b"".join(archive.content(self._stream, member))
        except OSError as error:
            raise AdmissionError(
                self._where, f"cannot be read: {error.strerror or error}.", "fetch it again."
            ) from error

    def _unpack(self, member: Member) -> None:
        path = self.staging / member.path
        path.parent.mkdir(parents=True, exist_ok=True)
        state = hashlib.sha256()
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644), "wb") as file:
            for piece in archive.content(self._stream, member):
                state.update(piece)
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        # The two that were read before are as they were then: the package may be written to meanwhile.
        digest = "sha256:" + state.hexdigest()
        if member.path == MANIFEST and digest != self.digest:
            raise AdmissionError(self._where, "is being written to.", "wait until it is there.")
        if member.path in self.manifest.files and digest != self.manifest.files[member.path]:
            raise AdmissionError(member.path, f"has the digest {digest}, not that of the manifest.", _AGAIN)

    def _trusted(self, signed: Signed) -> Signer:
        signer = self._site.policy.signers.get(signed.signer)
        if signer is None:
            raise AdmissionError(
                f"signer {signed.signer}",
                "is not trusted.",
                "if it should be, add it to the policy, with a key that you have by another way than this package.",
            )
        return signer

    def _of_signer(self) -> Signed:
        if self.signed is None:
            raise AdmissionError(SIGNATURE, "was not read.")
        return self.signed

    def _described(self) -> Descriptor:
        if self.descriptor is None:
            raise AdmissionError("the descriptor", "was not read.")
        return self.descriptor


__all__ = ["RESERVED", "Examination", "Site"]
