#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: admit
short_description: Admit the package of a Security Capability to the catalogue
version_added: 0.1.0
description:
  - Checks a package against the site's policy, C(packages/policy.yml) in the catalogue's directory, and has it count if
    every check passes. A package that is refused fails the task, and leaves nothing behind.
  - That it counts is one step. A run that is killed leaves the catalogue and the Reference Values as they were, or as
    they are to be.
  - Admissions and refusals are recorded in the ledger. Runs on the controller.
options:
  package:
    description: The package, as M(palantir.trust.package) makes it.
    type: path
    required: true
  catalogue:
    description: Directory of the catalogue.
    type: path
    required: true
  reference_values:
    description: Directory of the Reference Values.
    type: path
    required: true
  allow_rollback:
    description: Admit a version that is lower than the one that counts.
    type: bool
    default: false
  report:
    description: File to which the report is written, as JSON.
    type: path
extends_documentation_fragment:
  - palantir.trust.attributes
  - palantir.trust.store
attributes:
  check_mode:
    support: full
    details: Every check is made, and nothing is changed or recorded.
  diff_mode:
    support: none
author:
  - palantir.trust contributors (@palantir-h2020)
"""

EXAMPLES = r"""
- name: Admit a package
  palantir.trust.admit:
    package: /srv/incoming/dns-filter-1.4.scpkg
    catalogue: "{{ inventory_dir }}/catalogue"
    reference_values: "{{ inventory_dir }}/reference_values"
"""

RETURN = r"""
table:
  description: Every check and its result, for people.
  returned: when the package was checked
  type: str
report:
  description: The same as data.
  returned: when the package was checked
  type: dict
  contains:
    package:
      description: Name of the file.
      type: str
    sc:
      description: The Security Capability, empty where the manifest was not read. So are the next three.
      type: str
    version:
      description: Its version.
      type: str
    signer:
      description: Who signed it, as the signature says; that it is so is shown by the check V(signature).
      type: str
    digest:
      description: C(sha256:hex) of the manifest.
      type: str
    passed:
      description: Whether every check passed.
      type: bool
    checks:
      description: Each check in its order.
      type: list
      elements: dict
      contains:
        check:
          description: Its code.
          type: str
        result:
          description: V(pass), V(fail) or V(not_reached).
          type: str
        detail:
          description: What was found, or what is wrong.
          type: str
        next:
          description: What to do about it.
          type: str
"""
