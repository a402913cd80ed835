# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Seeds of packages, of the policy for them and of the record of what was admitted."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

import yaml

from ansible_collections.palantir.trust.plugins.plugin_utils.admission.layout import Admitted, Record
from ansible_collections.palantir.trust.plugins.plugin_utils.admission.manifest import Manifest
from ansible_collections.palantir.trust.plugins.plugin_utils.admission.signature import sign
from tests.fuzz.seeds.boot import Seed
from tests.unit.admission.developer import NOW, TEMPLATE, key, packed, signed
from tests.unit.reference.test_image import sha256

FILES: Final = {"dns-filter.yml": b"sc: dns-filter\n", "images/dns-filter.tar": b"image"}
MANIFEST: Final = Manifest("dns-filter", "1.4", {path: sha256(data) for path, data in FILES.items()}).encode()
POLICY: Final = {
    "signers": [],
    "grants": [
        {"sc": "acme-*", "signer": "acme", "drivers": ["nspawn"], "capabilities": ["CAP_CHOWN"], "network": "host"}
    ],
    "deny": {
        "digests": [{"digest": sha256(b""), "reason": "CVE."}],
        "versions": [{"sc": "dns-filter", "version": "1.3", "reason": "Old."}],
        "signers": [{"name": "mallory", "reason": "Stolen."}],
    },
    "overlap": "12h",
}
SIGNER: Final = b"signers:\n- {name: acme, keys: [acme.pem], functions: [waf], scs: ['*'], expires: 2027-06-30}\n"


def seeds() -> Iterator[Seed]:
    yield "package", "signed", signed(MANIFEST, FILES)
    yield "package", "unsigned", packed({"manifest.json": MANIFEST, **FILES})
    yield "package", "empty", packed({})
    yield "package_manifest", "two.json", MANIFEST
    for kind in ("p256", "ed25519"):
        yield "package_signature", kind, sign(MANIFEST, key(kind), "acme")
    yield "package_policy", "denies", yaml.safe_dump(POLICY).encode()
    yield "package_policy", "signer", SIGNER
    package = Admitted(sha256(b"2"), "2", "acme", (sha256(b"image"),), NOW)
    older = Admitted(sha256(b"1"), "1", "acme", (), NOW - timedelta(days=9), NOW + timedelta(days=7))
    yield "package_record", "two.json", Record("dns-filter", (older, package)).encode()
    yield "package_template", "names", TEMPLATE.encode()
    yield (
        "package_template",
        "macro",
        b"{% macro f(x) %}{{ x | upper }}{% endmacro %}{% if a is defined %}{{ f(a[0].b) }}{% endif %}",
    )


__all__ = ["seeds"]
