# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the Reference Values of a flavour's image tell of its components: which image it is, and which C library.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from ansible_collections.palantir.trust.plugins.plugin_utils.catalogue.model import Descriptor, Flavour
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import ReferenceValueError
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.document import load

_LIBC: Final = re.compile(r"(/usr)?/lib(32|64|x32)?(/[^/]+)?/(libc\.so\.6|libc-[0-9.]+\.so|ld-musl-[^/]+\.so\.1)")


def with_image_components(descriptor: Descriptor, reference_values: Path) -> Descriptor:
    """Return a descriptor whose flavours name the components that their images are known to have.

    Reference Values that cannot be read tell nothing, and stand in the way of nothing: an instance of theirs is not
    started, and that is where the reason is told.
    """
    flavours = tuple(
        replace(flavour, components=(*flavour.components, *_found(flavour, reference_values)))
        for flavour in descriptor.flavours
    )
    return replace(descriptor, flavours=flavours)


def _found(flavour: Flavour, reference_values: Path) -> Iterator[str]:
    try:
        files = load(reference_values / f"{flavour.reference_values}.json").files
    except ReferenceValueError:
        return
    whole = hashlib.sha256()
    for path, digests in sorted(files.items()):
        whole.update(f"{path}\0{','.join(sorted(digests))}\0".encode("utf-8", "surrogatepass"))
        if _LIBC.fullmatch(path):
            yield from (f"libc={digest}" for digest in sorted(digests))
    yield f"image=sha256:{whole.hexdigest()}"


__all__ = ["with_image_components"]
