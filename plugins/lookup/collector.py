# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The collector's program, to be installed on nodes."""

from __future__ import annotations

DOCUMENTATION = r"""
name: collector
short_description: The collector's program, to be installed on nodes
version_added: 0.1.0
description:
  - Returns the program that answers the challenges of M(palantir.trust.watch), as one Python script.
  - Only for nodes that are not to run what a controller sends, with the variable C(palantir_trust_collector) at
    V(installed). It takes no paths from who asks it.
options:
  _terms:
    description: None.
author:
  - palantir.trust contributors (@palantir-h2020)
"""

EXAMPLES = r"""
- name: Install the collector
  ansible.builtin.copy:
    content: "{{ lookup('palantir.trust.collector') }}"
    dest: /usr/local/libexec/palantir.trust/collector
    owner: root
    group: root
    mode: "0755"
"""

RETURN = r"""
_raw:
  description: The script.
  type: list
  elements: str
"""

from typing import Any

from ansible.plugins.lookup import LookupBase

from ansible_collections.palantir.trust.plugins.plugin_utils.watch.program import program


class LookupModule(LookupBase):  # type: ignore[misc]
    """It has no options, and is the same on every controller of one version."""

    def run(self, terms: list[Any], variables: dict[str, Any] | None = None, **options: Any) -> list[str]:
        """Return the script."""
        return [program(installed=True).text]
