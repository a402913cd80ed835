#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: probe
short_description: See whether a Security Capability does its work
version_added: 0.1.0
author:
  - palantir.trust contributors (@palantir-h2020)
description:
  - Asks a service as its users would, by DNS, HTTP or TCP, and fails where it does not answer as it should.
  - It is what the drivers do to see whether an instance is healthy, with the probe of its descriptor. It needs nothing
    but Python.
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
  type:
    description:
      - How it is asked, and by which of O(queries), O(requests) and O(connections).
    type: str
    choices: [dns, http, tcp]
    default: dns
  address:
    description:
      - The IP address of the service.
    type: str
    required: true
  port:
    description:
      - Its port; UDP for V(dns), TCP for the rest.
    type: int
    required: true
  queries:
    description:
      - DNS queries of type A.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: The name asked for.
        type: str
        required: true
      addresses:
        description:
          - Exactly the IPv4 addresses that must answer, in any order. An empty list wants an answer without addresses.
          - Without this option every answer will do.
        type: list
        elements: str
  requests:
    description:
      - HTTP requests.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: The request target, which is sent as it is given.
        type: str
        required: true
      status:
        description: The status codes that are right.
        type: list
        elements: int
        required: true
      method:
        description: The request method.
        type: str
        default: GET
      host:
        description: The field Host; by default address and port.
        type: str
      headers:
        description: Further header fields, by name.
        type: dict
        default: {}
      body:
        description: The body; none by default.
        type: str
      contains:
        description: A text that the first 64 KiB of the answer's body must contain.
        type: str
  connections:
    description:
      - TCP connections.
    type: list
    elements: dict
    default: []
    suboptions:
      state:
        description:
          - V(open) is a port that accepts connections, V(closed) one that refuses them at once, and V(filtered) one
            from which nothing comes back.
          - One at least must not be V(filtered), since a host that is not there is silent, too.
        type: str
        choices: [open, closed, filtered]
        default: open
      port:
        description: The port; O(port) by default.
        type: int
      banner:
        description: What the service must say first.
        type: str
  seconds:
    description:
      - How long each attempt may take, in seconds.
    type: float
    default: 2.0
  tries:
    description:
      - How many attempts there are for each check. One that answers wrongly is not asked again.
    type: int
    default: 3
"""

EXAMPLES = r"""
- name: Check that the DNS filter blocks a name
  palantir.trust.probe:
    type: dns
    address: 127.0.0.1
    port: 5353
    queries:
      - name: malware.example
        addresses: [0.0.0.0]

- name: Check that the web application firewall lets a reader pass, and no traversal
  palantir.trust.probe:
    type: http
    address: 127.0.0.1
    port: 8080
    requests:
      - {path: "/index.html", status: [200]}
      - {path: "/../../etc/passwd", status: [400, 403]}

- name: Check that the firewall drops telnet
  palantir.trust.probe:
    type: tcp
    address: 192.0.2.10
    port: 443
    connections:
      - {state: open}
      - {state: filtered, port: 23}
"""

RETURN = r"""
checks:
  description: How many checks were passed.
  returned: success
  type: int
milliseconds:
  description: How long their last attempts took together.
  returned: success
  type: float
code:
  description: Stable name of the cause.
  returned: failure
  type: str
  sample: dns_timeout
"""

from typing import Any, Dict

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.palantir.trust.plugins.module_utils._errors import NodeError
from ansible_collections.palantir.trust.plugins.module_utils._probe import probe
from ansible_collections.palantir.trust.plugins.module_utils._tcp import STATES


def _list_of(**options: Dict[str, Any]) -> Dict[str, Any]:
    return {"type": "list", "elements": "dict", "default": [], "options": options}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "type": {"type": "str", "choices": ["dns", "http", "tcp"], "default": "dns"},
            "address": {"type": "str", "required": True},
            "port": {"type": "int", "required": True},
            "queries": _list_of(
                name={"type": "str", "required": True},
                addresses={"type": "list", "elements": "str"},
            ),
            "requests": _list_of(
                path={"type": "str", "required": True},
                status={"type": "list", "elements": "int", "required": True},
                method={"type": "str", "default": "GET"},
                host={"type": "str"},
                headers={"type": "dict", "default": {}},
                body={"type": "str"},
                contains={"type": "str"},
            ),
            "connections": _list_of(
                state={"type": "str", "choices": list(STATES), "default": "open"},
                port={"type": "int"},
                banner={"type": "str"},
            ),
            "seconds": {"type": "float", "default": 2.0},
            "tries": {"type": "int", "default": 3},
        },
        supports_check_mode=True,
    )
    failure: Dict[str, str] = {}
    try:
        health = probe(module.params, module.params["seconds"], module.params["tries"])
    except NodeError as error:
        failure = error.result()
    else:
        module.exit_json(changed=False, checks=health.checks, milliseconds=health.milliseconds)
    module.fail_json(**failure)


if __name__ == "__main__":
    main()
