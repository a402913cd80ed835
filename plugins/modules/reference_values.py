#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: reference_values
short_description: Make Reference Values from an image or from packages
version_added: 0.1.0
description:
  - Computes what a node may execute and boot, from the image it was made of, or from the packages that are to be
    installed on it. A running node is never asked.
  - Runs on the controller, and writes one JSON document, which is to be reviewed like code.
options:
  kind:
    description:
      - V(host) takes every file of a root file system.
      - V(package) takes every file and maintainer script of Debian packages, into a document of kind C(host). Nothing
        is installed, and no script is run.
      - V(boot) takes the boot loaders, kernel, initrd and GRUB configuration of an EFI system partition's tree.
      - V(sc) takes every file of a container image.
    type: str
    required: true
    choices: [host, package, boot, sc]
  name:
    description: Name of the document, which newer versions of it share; for V(sc), the name of the Security Capability.
    type: str
    required: true
  source:
    description:
      - For O(kind=host), the root file system as a directory or tar archive.
      - For O(kind=package), a V(.deb) file, a directory of such, or a list of these.
      - For O(kind=boot), the directory of the EFI system partition's files.
      - For O(kind=sc), the image as C(podman save) writes it in the formats C(docker-archive), C(oci-archive) and
        C(oci-dir), or its root file system as a tar archive.
    type: raw
    required: true
  dest:
    description: The document to write. It is left alone when it holds these values already.
    type: path
    required: true
  sha256:
    description:
      - File name to the SHA-256 that the file must have, in hexadecimal digits. A file that has another, or that is not
        named here, is refused before it is read.
      - Take the digests from where they are signed, such as the index of a package repository.
    type: dict
  fsverity:
    description:
      - Add the fs-verity digest of each file to that of its content, by SHA-256, in blocks of 4096 bytes, without salt.
      - For O(kind=host), where nodes measure files by C(digest_type=verity).
    type: bool
    default: false
  architecture:
    description:
      - Which image of an OCI image layout is meant, as C(arm64) or C(arm/v7).
      - Without it, the only image is taken, and the one of C(amd64) where there are several.
    type: str
  overlap:
    description:
      - For how long old and new values both count, as V(90s), V(30m), V(12h) or V(7d).
      - The document that was at O(dest) is kept beside it, under another name, with an end. Without this option it is
        replaced at once.
    type: str
  replaces:
    description:
      - Other documents whose values the new one takes the place of, by the names of their files beside O(dest), without
        C(.json). They end with O(overlap), which is required.
      - With O(kind=package), only the values that they have for the packages' own paths end. These are moved to a
        document of their own.
    type: list
    elements: str
extends_documentation_fragment:
  - palantir.trust.attributes
  - palantir.trust.store
attributes:
  check_mode:
    support: full
    details: The source is read, and what would change is told.
  diff_mode:
    support: full
    details: Up to 200 of the values that differ are shown.
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

- name: Make those of an upgrade's packages, and let the old values of the same files count for a week
  palantir.trust.reference_values:
    kind: package
    name: debian-12-updates
    source: updates/
    dest: "{{ inventory_dir }}/reference_values/debian-12-updates.json"
    overlap: 7d
    replaces: [debian-12]
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
packages:
  description: Of how many packages they are.
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
values_added:
  description: How many files, boot events, texts and modules the document that was there did not know.
  returned: success
  type: int
values_removed:
  description: How many of them the document that was there knew, and this one does not.
  returned: success
  type: int
values_changed:
  description: How many of them have other values than in the document that was there.
  returned: success
  type: int
ended:
  description: Documents that were given an end.
  returned: success
  type: list
  elements: dict
  contains:
    path:
      description: The document.
      type: str
    expires:
      description: When its values stop to count, in ISO 8601.
      type: str
  sample: [{path: /srv/site/reference_values/edge.old-0a1b2c3d4e5f.json, expires: "2026-11-30T05:00:00+00:00"}]
"""
