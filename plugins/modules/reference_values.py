#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: reference_values
short_description: Make Reference Values from an image
version_added: 0.1.0
description:
  - Computes what a node may execute and boot, from the image it was made of. A running node is never asked.
  - Runs on the controller, and writes one JSON document, which is to be reviewed like code.
options:
  kind:
    description:
      - V(host) takes every file of a root file system.
      - V(boot) takes the boot loaders, kernel, initrd and GRUB configuration of an EFI system partition's tree.
      - V(sc) takes every file of a container image.
    type: str
    required: true
    choices: [host, boot, sc]
  name:
    description: Name of the document; for V(sc), the name of the Security Capability.
    type: str
    required: true
  source:
    description:
      - For O(kind=host), the root file system as a directory or tar archive.
      - For O(kind=boot), the directory of the EFI system partition's files.
      - For O(kind=sc), the image as C(podman save) writes it.
    type: path
    required: true
  dest:
    description: The document to write. It is left alone when it holds these values already.
    type: path
    required: true
extends_documentation_fragment:
  - palantir.trust.attributes
  - palantir.trust.store
attributes:
  check_mode:
    support: partial
    details: The image is read and nothing is written; what would change is not told.
  diff_mode:
    support: none
author:
  - palantir.trust contributors (@palantir-h2020)
"""

EXAMPLES = r"""
- name: Make the Reference Values of the node image
  palantir.trust.reference_values:
    kind: host
    name: debian-12
    source: images/debian-12.rootfs.tar
    dest: "{{ inventory_dir }}/reference_values/debian-12.json"
"""

RETURN = r"""
dest:
  description: The document.
  returned: success
  type: str
files:
  description: How many files it knows.
  returned: success
  type: int
events:
  description: How many boot events it knows.
  returned: success
  type: int
texts:
  description: How many boot texts it knows.
  returned: success
  type: int
"""
