# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Seeds of the IMA measurement list, its templates and its policy."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from cryptography.hazmat.primitives.serialization import pkcs7

from tests.fuzz.seeds.boot import Seed
from tests.unit.appraisal.scene import IMA_POLICY
from tests.unit.verifier.ima_kernel import FORMATS, VALUES, Kernel
from tests.unit.verifier.ima_signer import PORTABLE, VERITY, Vendor

OWNERS = "d-ng|n-ng|sig|iuid|igid|imode"
RULES = {
    "uid": b"dont_measure fsmagic=0x9fa0\nmeasure func=BPRM_CHECK mask=MAY_EXEC uid>999999999\n"
    b"measure uid=0 fowner=0\n",
    "labels": b"measure func=FILE_CHECK mask=^MAY_READ obj_type=etc_t subj_user=system_u fsname=overlay "
    b"template=ima-sig\n",
    "keys": b"measure func=KEY_CHECK keyrings=.ima|.evm\nmeasure func=CRITICAL_DATA label=selinux pcr=12\n",
    "appraise": b"appraise func=MODULE_CHECK appraise_type=imasig|modsig appraise_flag=check_blacklist\n"
    b"measure digest_type=verity\nappraise appraise_type=sigv3 digest_type=verity\n# end\n",
    "xattr": b"appraise func=SETXATTR_CHECK appraise_algos=sha256,sha512\n"
    b"audit fsuuid=12345678-1234-1234-1234-123456789abc\n",
}


def kernels() -> Iterator[tuple[str, Kernel]]:
    for template in (*FORMATS, OWNERS):
        yield template.replace("|", "_"), Kernel().measure("d-ng|n-ng").measure(template).measure(template)
    yield "ima", Kernel().measure_old(b"boot_aggregate").measure_old(b"/bin/true").measure_old(b"/x", violation=True)
    yield "violation", Kernel().file("boot_aggregate").measure(violation=True).file("/usr/bin/a b")
    yield "mixed", Kernel().file("/a").measure("ima-buf").measure("ima-sig", pcr=11)


def seeds() -> Iterator[Seed]:
    for name, kernel in kernels():
        yield "ima_binary", name, kernel.binary
        yield "ima_ascii", name, kernel.ascii
    unknown = struct.pack("<I20sI", 10, bytes(20), 4) + b"what" + struct.pack("<I", 3) + b"abc"
    yield "ima_binary", "unknown_template", Kernel().file("/a").binary + unknown
    for template in (*FORMATS.values(), OWNERS):
        data = b"".join(struct.pack("<I", len(VALUES[part][0])) + VALUES[part][0] for part in template.split("|"))
        yield "ima_template", template.replace("|", "_"), bytes([len(template)]) + template.encode() + data
    yield "ima_template", "ima", b"\3ima" + bytes(range(20)) + b"/bin/true".ljust(256, b"\0")
    yield from _signatures()
    yield "ima_rules", "attester", IMA_POLICY
    for name, text in RULES.items():
        yield "ima_rules", name, text


def _signatures() -> Iterator[Seed]:
    for kind in ("p256", "rsa2048"):
        vendor = Vendor(kind=kind)
        yield "ima_signature", kind, vendor.sign(b"")
        yield "ima_signature", f"{kind}-verity", vendor.attribute(bytes(32), kind=VERITY, version=3)
        yield "ima_modsig", kind, vendor.appended(b"module")
        yield "ima_key", kind, vendor.der
    yield "ima_signature", "portable", Vendor().attribute(bytes(64), "sha512", kind=PORTABLE)
    yield "ima_signature", "hash", b"\4\4" + bytes(32)
    yield "ima_modsig", "plain", Vendor().appended(b"module", pkcs7.PKCS7Options.NoAttributes)
    yield "ima_key", "pem", Vendor(with_key_identifier=False).pem.encode()


__all__ = ["seeds"]
