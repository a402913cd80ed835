# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finding codes of the IMA measurement list.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

CODES: Final[Mapping[str, str]] = {
    "boot_aggregate_mismatch": "The first entry's digest over the boot PCRs is not that of the PCRs of this boot.",
    "boot_aggregate_missing": "The list does not begin with the digest over the boot PCRs.",
    "boot_aggregate_unchecked": "The digest over the boot PCRs is of a PCR bank that was not given.",
    "ima_buffer_digest": "An entry that is called a buffer has not the digest of one: a file's entry was renamed.",
    "ima_other_pcr": "Entries were extended into another PCR than the list's first entry.",
    "ima_other_template": "An entry has another template than the list's first one, which is not hashed with it.",
    "ima_template_hash": "The list's SHA-1 column is not the hash of the entry: the list was altered, or badly copied.",
    "ima_unknown_template": "An entry's template has fields that are not known here: digest and path are unread.",
    "ima_violation": "A file was open for writing while it was measured: what was run or read is unknown.",
    "ima_zero_padded": "An old kernel extends SHA-1 hashes, padded with zeros: the bank is only as strong as SHA-1.",
}
"""Each finding code to its meaning."""

__all__ = ["CODES"]
