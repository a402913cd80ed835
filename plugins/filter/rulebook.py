# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: rulebook
author:
  - palantir.trust contributors (@palantir-trust)
short_description: Make a rulebook of Event-Driven Ansible for a site
version_added: 0.1.0
description:
  - Makes a rulebook that runs the cycle when a layer has lost trust, and tells persons of incidents. Its events are
    those of the event source C(palantir.trust.verdicts).
  - The rulebook holds no rule of remediation. Those are the decision tables of the site, which the cycle asks.
options:
  _input:
    description:
      - The options C(directory) of the files and C(inventory) of the site, both absolute.
      - C(interval), seconds between two looks at the store (5); C(settle), seconds from the first loss of trust to the
        cycle (10); C(cursor_file) and C(nodes), as the event source has them.
      - C(job_template) with C(name) and C(organization), a job of AWX that runs the cycle. Without it a playbook
        C(cycle.yml) is made that runs it, with the C(command) of C(ansible-playbook) in the directory C(workdir).
      - C(notify) with C(playbook), an absolute path, or with C(job_template); it gets the event as
        C(ansible_eda.event). Without it events are printed.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the rulebook of a site
  ansible.builtin.debug:
    msg: "{{ (site | palantir.trust.rulebook)['rulebook.yml'] }}"
  vars:
    site:
      directory: /srv/mysite/eda
      inventory: /srv/mysite/hosts.yml
      job_template:
        name: palantir.trust cycle
        organization: Security
"""

RETURN = r"""
_value:
  description: Name of each file to its text, C(rulebook.yml) and, without C(job_template), C(cycle.yml).
  type: dict
"""

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import TrustError
from ansible_collections.palantir.trust.plugins.plugin_utils.events.rulebook import rulebook_files


def rulebook(options: Any) -> dict[str, str]:
    """Return the files of a site's rulebook."""
    try:
        return rulebook_files(options)
    except TrustError as error:
        raise AnsibleFilterError(str(error)) from None


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"rulebook": rulebook}
