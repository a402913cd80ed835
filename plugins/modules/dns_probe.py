#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: dns_probe
short_description: Ask a DNS server one question and compare the answer
version_added: 0.1.0
author:
  - palantir.trust contributors (@palantir-h2020)
description:
  - Asks a DNS server over UDP for the IPv4 addresses of a name and fails where it does not answer as expected.
  - Serves as the health probe of a Security Capability. It needs nothing but Python.
extends_documentation_fragment:
  - palantir.trust.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    description: When run twice in a row, the second run changes nothing.
    support: full
options:
  address:
    description:
      - The IP address of the DNS server.
    type: str
    required: true
  port:
    description:
      - Its UDP port.
    type: int
    default: 53
  name:
    description:
      - The name to ask for.
    type: str
    required: true
  addresses:
    description:
      - The IPv4 addresses that the answer must hold, in any order, and no others.
      - An empty list wants an answer without addresses. Without this option every answer will do.
    type: list
    elements: str
  timeout:
    description:
      - Seconds to wait for each answer.
    type: float
    default: 2.0
  retries:
    description:
      - How often to ask again where no answer comes.
    type: int
    default: 2
"""

EXAMPLES = r"""
- name: Check that the DNS filter blocks a name
  palantir.trust.dns_probe:
    address: 127.0.0.1
    port: 5300
    name: malware.example
    addresses: [0.0.0.0]
"""

RETURN = r"""
rcode:
  description: The response code (RFC 1035, section 4.1.1).
  returned: success
  type: str
  sample: NOERROR
addresses:
  description: The IPv4 addresses of the answer.
  returned: success
  type: list
  elements: str
milliseconds:
  description: The time from the question to the answer.
  returned: success
  type: float
code:
  description: Stable name of the cause.
  returned: failure
  type: str
  sample: dns_timeout
"""

from typing import Dict

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.palantir.trust.plugins.module_utils._dns import ask, require
from ansible_collections.palantir.trust.plugins.module_utils._errors import NodeError


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "address": {"type": "str", "required": True},
            "port": {"type": "int", "default": 53},
            "name": {"type": "str", "required": True},
            "addresses": {"type": "list", "elements": "str"},
            "timeout": {"type": "float", "default": 2.0},
            "retries": {"type": "int", "default": 2},
        },
        supports_check_mode=True,
    )
    given = module.params
    failure: Dict[str, str] = {}
    try:
        answer = ask(given["address"], given["port"], given["name"], given["timeout"], given["retries"])
        require(answer, given["name"], given["addresses"])
    except NodeError as error:
        failure = error.result()
    else:
        module.exit_json(changed=False, **answer._asdict())
    module.fail_json(**failure)


if __name__ == "__main__":
    main()
