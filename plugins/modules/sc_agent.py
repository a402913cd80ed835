#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: sc_agent
short_description: Run the agent beside a generation of a Security Capability instance
version_added: 0.1.0
author:
  - palantir.trust contributors (@palantir-h2020)
description:
  - Makes the key of a generation in place, and runs the agent that serves its health and configuration by it.
  - It is what M(palantir.trust.sc_instance) and M(palantir.trust.agent_certificates) call on a node.
  - M(palantir.trust.sc_generation) removes the agent with its generation.
requirements:
  - systemd 247 or newer, the openssl command (Debian package C(openssl)), and root.
extends_documentation_fragment:
  - palantir.trust.attributes
attributes:
  check_mode:
    support: none
  diff_mode:
    support: none
  idempotent:
    description: When run twice in a row, the second run changes nothing.
    support: full
options:
  state:
    description:
      - V(requested) returns a request for a certificate of the generation's key, which is made if there is none yet.
      - V(certified) runs the agent by the certificate, and removes those of the instance's other generations.
    type: str
    required: true
    choices: [requested, certified]
  name:
    description: Name of the instance.
    type: str
    required: true
  generation:
    description: Number of the generation.
    type: int
    required: true
  directory:
    description: Directory of the instance on the node; its last part is O(name).
    type: path
    required: true
  spiffe_id:
    description: Name of the generation in its certificate.
    type: str
  certificate:
    description: Certificate of its key, in PEM.
    type: str
  authority:
    description: Certificate of the site's CA, in PEM.
    type: str
  revocations:
    description: The CA's list of revoked certificates, in PEM.
    type: str
  program:
    description: Text of the agent.
    type: str
  address:
    description: Address of the node at which it serves; that at which it does, by default.
    type: str
  port:
    description: TCP port of the node at which it serves; that at which it does, by default.
    type: int
"""

EXAMPLES = r"""
- name: Have a key made, and a request for its certificate
  palantir.trust.sc_agent:
    state: requested
    name: dns-filter-1
    generation: 2
    directory: /var/lib/palantir.trust/dns-filter-1
"""

RETURN = r"""
request:
  description: Certification request (PKCS #10), in PEM.
  returned: O(state=requested)
  type: str
certificate:
  description: The certificate that the agent has, in PEM; empty where it has none.
  returned: O(state=requested)
  type: str
address:
  description: Address at which it serves; null where it does not yet.
  returned: O(state=requested)
  type: str
port:
  description: Port at which it serves; null where it does not yet.
  returned: O(state=requested)
  type: int
running:
  description: Whether the agent's service runs.
  returned: O(state=requested)
  type: bool
restarted:
  description: Whether the agent was started anew.
  returned: O(state=certified)
  type: bool
code:
  description: Stable name of the cause.
  returned: failure
  type: str
  sample: no_openssl
"""

from typing import Any, Dict

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.palantir.trust.plugins.module_utils import _generations
from ansible_collections.palantir.trust.plugins.module_utils._agent import Given
from ansible_collections.palantir.trust.plugins.module_utils._errors import NodeError
from ansible_collections.palantir.trust.plugins.module_utils._generation import Generation, checked_place
from ansible_collections.palantir.trust.plugins.module_utils._generations import Place

_SPEC = {
    "state": {"type": "str", "choices": ["requested", "certified"], "required": True},
    "name": {"type": "str", "required": True},
    "generation": {"type": "int", "required": True},
    "directory": {"type": "path", "required": True},
    "spiffe_id": {"type": "str"},
    "certificate": {"type": "str"},
    "authority": {"type": "str"},
    "revocations": {"type": "str"},
    # No secret, but too long for the node's journal.
    "program": {"type": "str", "no_log": True},
    "address": {"type": "str"},
    "port": {"type": "int"},
}
_GIVEN = ["spiffe_id", "certificate", "authority", "revocations", "program"]


def _act(given: Dict[str, Any]) -> Dict[str, Any]:
    checked_place(Generation(given["name"], given["generation"], "", given["directory"]))
    place, number = Place(given["name"], given["directory"]), given["generation"]
    with _generations.alone(place.name):
        if given["state"] == "requested":
            return _generations.requested(place, number)
        agent = Given(*(given[key] for key in (*_GIVEN, "address", "port")))
        return _generations.certified(place, number, agent)


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=_SPEC, required_if=[("state", "certified", _GIVEN)])
    try:
        result = _act(dict(module.params))
    except NodeError as error:
        module.fail_json(**error.result())
    module.exit_json(**result)


if __name__ == "__main__":
    main()
