# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The IMA policy that the role ``attester`` sets, as the appraisal knows it: approved where a site names none.

Byte for byte ``roles/attester/files/ima-policy``: a test keeps the two the same.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from typing import Final

TEXT: Final = """\
measure func=POLICY_CHECK
measure func=MODULE_CHECK
measure func=FIRMWARE_CHECK
measure func=KEXEC_KERNEL_CHECK
measure func=KEXEC_INITRAMFS_CHECK
measure func=KEXEC_CMDLINE
measure func=BPRM_CHECK fsmagic=0x01021994
measure func=MMAP_CHECK mask=MAY_EXEC fsmagic=0x01021994
dont_measure fsmagic=0x9fa0
dont_measure fsmagic=0x62656572
dont_measure fsmagic=0x64626720
dont_measure fsmagic=0x01021994
dont_measure fsmagic=0x1cd1
dont_measure fsmagic=0x42494e4d
dont_measure fsmagic=0x73636673
dont_measure fsmagic=0xf97cff8c
dont_measure fsmagic=0x43415d53
dont_measure fsmagic=0x27e0eb
dont_measure fsmagic=0x63677270
dont_measure fsmagic=0x6e736673
dont_measure fsmagic=0xde5e81e4
measure func=BPRM_CHECK
measure func=MMAP_CHECK mask=MAY_EXEC
measure func=KEY_CHECK
measure func=CRITICAL_DATA
measure func=FILE_CHECK mask=^MAY_READ uid>999999999
"""

__all__ = ["TEXT"]
