# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is in a package, checked where it lies unpacked: by who makes one, and again by who admits it.

::

    SC.yml                      the descriptor
    NAME                        templates and images, where the descriptor says that they are
    reference_values/DOC.json   the Reference Values that its flavours name

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final

from ansible_collections.palantir.trust.plugins.plugin_utils.admission import templates
from ansible_collections.palantir.trust.plugins.plugin_utils.admission.archive import is_path
from ansible_collections.palantir.trust.plugins.plugin_utils.admission.layout import VALUES
from ansible_collections.palantir.trust.plugins.plugin_utils.admission.version import VERSION_RULE, is_version
from ansible_collections.palantir.trust.plugins.plugin_utils.catalogue.descriptor import load_file
from ansible_collections.palantir.trust.plugins.plugin_utils.catalogue.image import TREES, image_contents
from ansible_collections.palantir.trust.plugins.plugin_utils.catalogue.model import (
    ConfigurationFile,
    Descriptor,
    Flavour,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.codec import MIB, printable
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import AdmissionError
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.document import ReferenceDocument, load

VALUES_LIMIT: Final = 32 * MIB
"""Largest document of Reference Values, in bytes."""
RATIO: Final = 100
"""How many times its size an image may have unpacked; file systems with programs have less than 10."""
_ALLOWANCE: Final = 64 * MIB
_MOST: Final = 16_384 * MIB
_MAGIC_AT: Final = 257
_HEAD: Final = _MAGIC_AT + 5


@dataclass(frozen=True, slots=True)
class Image:
    """The image of a flavour: its id, ``sha256:hex``, and its files, absolute path → ``sha256:hex``."""

    id: str
    files: Mapping[str, str]


def read_descriptor(directory: Path, sc: str) -> Descriptor:
    """Read the descriptor of a package.

    Raises:
        CatalogueError: it is not there, or is none.
        AdmissionError: its version is none that can be compared, or it names a file that cannot be in a package.
    """
    file = directory / f"{sc}.yml"
    descriptor = load_file(file)
    if not is_version(descriptor.version):
        raise AdmissionError(f"{file.name}, version", f"is {printable(descriptor.version, 80)!r}.", VERSION_RULE)
    for path in sorted(named_files(descriptor)):
        if not is_path(path):
            raise AdmissionError(
                file.name,
                f"names the file {printable(path, 120)!r}, which cannot be in a package.",
                "put it below the descriptor, by a path of letters, digits and ._+@-, without '..'.",
            )
    return descriptor


def named_files(descriptor: Descriptor) -> set[str]:
    """Return the paths of all files that make a package of a descriptor."""
    return {
        f"{descriptor.sc}.yml",
        *template_files(descriptor),
        *(flavour.archive for flavour in descriptor.flavours),
        *(document_file(flavour) for flavour in descriptor.flavours),
    }


def template_files(descriptor: Descriptor) -> list[str]:
    """Return the paths of the templates of all flavours, each once."""
    return sorted({f.template for flavour in descriptor.flavours for f in descriptor.configuration_of(flavour)})


def document_file(flavour: Flavour) -> str:
    """Return the path of a flavour's Reference Values."""
    return f"{VALUES}/{flavour.reference_values}.json"


def relocated(descriptor: Descriptor, templates_at: str, values_at: str) -> Descriptor:
    """Return a descriptor whose files lie elsewhere.

    Args:
        descriptor: as it is in its package.
        templates_at: where that is unpacked, relative to the catalogue's directory.
        values_at: the same, relative to the directory of the site's Reference Values.
    """

    def moved(files: tuple[ConfigurationFile, ...]) -> tuple[ConfigurationFile, ...]:
        return tuple(replace(file, template=f"{templates_at}/{file.template}") for file in files)

    flavours = tuple(
        replace(
            flavour,
            archive=f"{templates_at}/{flavour.archive}",
            reference_values=f"{values_at}/{VALUES}/{flavour.reference_values}",
            configuration=None if flavour.configuration is None else moved(flavour.configuration),
        )
        for flavour in descriptor.flavours
    )
    return replace(descriptor, flavours=flavours, configuration=moved(descriptor.configuration))


def read_templates(directory: Path, descriptor: Descriptor) -> dict[str, str]:
    """Return the texts of all templates of a package.

    Raises:
        AdmissionError: one is too large, or is no text.
    """
    return {name: read_template(directory / name, name) for name in template_files(descriptor)}


def read_template(file: Path, name: str) -> str:
    """Return the text of a template.

    Raises:
        AdmissionError: it cannot be read, is too large, or is no text.
    """
    try:
        with file.open("rb") as stream:
            data = stream.read(templates.TEMPLATE_LIMIT + 1)
        if len(data) > templates.TEMPLATE_LIMIT:
            raise AdmissionError(
                name, f"is larger than {templates.TEMPLATE_LIMIT} bytes.", "make the template smaller."
            )
        return data.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
        raise AdmissionError(name, f"cannot be read: {reason}.", "give a template.") from error


def check_templates(directory: Path, descriptor: Descriptor, others: Iterable[str] = ()) -> list[str]:
    """Return the variables of the site that a package's templates read.

    Args:
        directory: of the package.
        descriptor: of it.
        others: the other SCs of the site, whose variables are not this one's, however they begin.

    Raises:
        AdmissionError: one is no template, or reads what it may not.
    """
    texts = read_templates(directory, descriptor)
    if not texts:
        return []
    reads = templates.reads(texts)
    known = tuple(others)
    refused = templates.foreign(descriptor.sc, reads, known)
    if refused:
        by = next(name for name, variables in reads.items() if refused[0] in variables)
        of = templates.owner(refused[0], {descriptor.sc, *known})
        begin = templates.prefix(descriptor.sc)
        raise AdmissionError(
            by,
            f"reads the variable {printable(refused[0], 80)}{f', which is for SC {of}' if of else ''}.",
            f"read variables that begin with {begin}, and {', '.join(templates.OWN)}.",
        )
    return sorted({name for names in reads.values() for name in names} - set(templates.OWN))


def check_others(catalogue: Path, sc: str, own: Mapping[str, Descriptor]) -> None:
    """Refuse an SC to whose name variables belong that others read: it would take them.

    Args:
        catalogue: the site's directory.
        sc: the SC that is to come.
        own: the SCs of the site by name.

    Raises:
        AdmissionError: naming the SC that reads such a variable.
    """
    begin = templates.prefix(sc)
    for name, descriptor in sorted(own.items()):
        if name == sc or not begin.startswith(templates.prefix(name)):
            continue
        files = [catalogue / file for file in template_files(descriptor)]
        texts = [file.read_text(encoding="utf-8", errors="replace") for file in files if file.is_file()]
        if taken := templates.mentioned(sc, texts):
            raise AdmissionError(
                f"SC {sc}",
                f"has a name that the variable {printable(taken[0], 80)} begins with, which SC {name} reads.",
                "have it named otherwise.",
            )


def read_images(directory: Path, descriptor: Descriptor) -> dict[str, Image]:
    """Return what is in the image of each flavour, by the path of its archive and the kind of its driver.

    Raises:
        CatalogueError: an archive holds no file.
        ReferenceValueError: one cannot be read, or unpacks to more than :data:`RATIO` times its size.
        AdmissionError: one is compressed as a whole.
    """
    found: dict[tuple[str, bool], Image] = {}
    for flavour in descriptor.flavours:
        kind = (flavour.archive, (flavour.driver in TREES))
        if kind not in found:
            found[kind] = _image(directory / flavour.archive, flavour)
    return {flavour.name: found[flavour.archive, (flavour.driver in TREES)] for flavour in descriptor.flavours}


def _image(archive: Path, flavour: Flavour) -> Image:
    try:
        size = archive.stat().st_size
        with archive.open("rb") as stream:
            head = stream.read(_HEAD)
    except OSError as error:
        raise AdmissionError(flavour.archive, f"cannot be read: {error.strerror}.", "save the image there.") from error
    # What tarfile takes for compressed, by whatever format, it would unpack as a whole and without a limit.
    if flavour.driver not in TREES and head[_MAGIC_AT:] != b"ustar":
        raise AdmissionError(
            flavour.archive, "is compressed, or no tar archive.", "save it plain; compress its layers if you like."
        )
    image_id, files = image_contents(flavour, archive, most=min(_MOST, _ALLOWANCE + RATIO * size))
    return Image(image_id, files)


def check_reference_values(directory: Path, descriptor: Descriptor, images: Mapping[str, Image], now: datetime) -> int:
    """Require Reference Values of every flavour that name each file of its image, and nothing else.

    Returns:
        how many values that are.

    Raises:
        ReferenceValueError: a document cannot be read.
        AdmissionError: it is not of this SC, has ended, or knows other files than the image has.
    """
    values = {}
    for flavour in descriptor.flavours:
        name = document_file(flavour)
        document = _document(directory / name, name, descriptor.sc, now)
        _check_exact(name, document, flavour, images[flavour.name])
        values[name] = len(document.files)
    return sum(values.values())


def _document(file: Path, name: str, sc: str, now: datetime) -> ReferenceDocument:
    try:
        size = file.stat().st_size
    except OSError as error:
        raise AdmissionError(name, f"cannot be read: {error.strerror}.", _MAKE) from error
    if size > VALUES_LIMIT:
        raise AdmissionError(name, f"is larger than {VALUES_LIMIT} bytes.", "make the image smaller.")
    document = load(file)
    if document.kind != "sc" or document.name != sc:
        # What a document of another name says would count for another SC.
        raise AdmissionError(name, f"is of {document.kind} {printable(document.name, 80)}, not of sc {sc}.", _MAKE)
    if document.events or document.texts or document.modules or document.packages:
        raise AdmissionError(name, "knows more than files.", _MAKE)
    if not document.current(now):
        raise AdmissionError(name, f"has ended at {document.expires}.", _MAKE)
    return document


_MAKE: Final = "make it with palantir.trust.reference_values, of kind sc and with the name of the SC."


def _check_exact(name: str, document: ReferenceDocument, flavour: Flavour, image: Image) -> None:
    for path, digest in image.files.items():
        if document.files.get(path) != (digest,):
            raise AdmissionError(
                name, f"does not know {printable(path)} of flavour {flavour.name} as it is in {flavour.archive}.", _MAKE
            )
    beyond = sorted(set(document.files) - set(image.files))
    if beyond:
        raise AdmissionError(
            name, f"knows {printable(beyond[0])}, which is not in the image of flavour {flavour.name}.", _MAKE
        )


__all__ = [
    "RATIO",
    "Image",
    "check_others",
    "check_reference_values",
    "check_templates",
    "document_file",
    "named_files",
    "read_descriptor",
    "read_images",
    "read_template",
    "read_templates",
    "relocated",
    "template_files",
]
