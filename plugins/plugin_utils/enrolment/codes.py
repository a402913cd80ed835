# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finding codes of the enrolment.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

CODES: Final[Mapping[str, str]] = {
    "ek_certificate_key_usage": "The EK certificate's key usage does not allow what an EK of its kind does.",
    "ek_certificate_no_tpm_attributes": "The EK certificate does not name the TPM's manufacturer, model and version.",
    "ek_certificate_trailing_bytes": "The NV index holds bytes after the EK certificate; they were left out.",
    "ek_certificate_wrapped": "The EK certificate was wrapped in the structure of TPM 1.2; it was taken out.",
}
"""Each finding code to its meaning."""

__all__ = ["CODES"]
