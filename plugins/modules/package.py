#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: package
short_description: Make the signed package of a Security Capability
version_added: 0.1.0
description:
  - For developers of Security Capabilities. Packs a descriptor with the templates, images and Reference Values that it
    names, and signs all of it.
  - What a site will check of the content is checked first. Nothing that fails is packed.
  - The same content, signer and key make the same bytes. Runs on the controller.
options:
  sc:
    description: Name of the Security Capability.
    type: str
    required: true
  source:
    description:
      - Directory with the descriptor, C(SC.yml), and below it the templates and images where the descriptor says that
        they are, and C(reference_values/DOCUMENT.json).
    type: path
    required: true
  dest:
    description: The package to write, C(NAME.scpkg). It is left alone when it is this package already.
    type: path
    required: true
  signer:
    description: Name by which sites know the developer's key.
    type: str
    required: true
  key_file:
    description:
      - The private key, ECDSA P-256 or Ed25519 in PEM, readable by its owner alone.
      - By default the environment variable E(PALANTIR_TRUST_PACKAGE_KEY_FILE) names it, or
        E(PALANTIR_TRUST_PACKAGE_KEY) holds the key itself. Where it has a password,
        E(PALANTIR_TRUST_PACKAGE_KEY_PASSWORD) holds that. No key or password is ever an argument.
    type: path
extends_documentation_fragment:
  - palantir.trust.attributes
  - palantir.trust.store
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
author:
  - palantir.trust contributors (@palantir-h2020)
"""

EXAMPLES = r"""
- name: Make the package of a DNS filter
  palantir.trust.package:
    sc: dns-filter
    source: "{{ playbook_dir }}/dns-filter"
    dest: "{{ playbook_dir }}/build/dns-filter-1.4.scpkg"
    signer: acme
    key_file: ~/.config/acme/packages.pem
"""

RETURN = r"""
dest:
  description: The package.
  returned: success
  type: str
sc:
  description: The Security Capability.
  returned: success
  type: str
version:
  description: Its version.
  returned: success
  type: str
digest:
  description: C(sha256:hex) of the manifest, by which the content of the package is known.
  returned: success
  type: str
files:
  description: How many files are in it, beside the manifest and its signature.
  returned: success
  type: int
"""
