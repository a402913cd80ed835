#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: nft_isolation
short_description: Cut a node or an instance of a Security Capability off by nftables
version_added: 0.1.0
author:
  - palantir.trust contributors (@palantir-h2020)
description:
  - Replaces or removes a table of nftables of its own, in one transaction of the kernel.
  - A node keeps its loopback, and SSH from the peer of the connection that the task came by.
  - Of an instance everything is dropped that its owners send, and everything that is sent to its ports.
  - It is what M(palantir.trust.isolation) calls on a node; by itself it keeps no record.
requirements:
  - nftables 0.9.3 or newer (Debian package C(nftables)), and root.
extends_documentation_fragment:
  - palantir.trust.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
options:
  state:
    description: Whether it is to be cut off, or given back.
    type: str
    choices: [isolated, released]
    default: isolated
  instance:
    description: Name of the instance; without it the node itself is meant.
    type: str
  ranges:
    description: Owner ranges of the instance's generations.
    type: list
    elements: dict
    default: []
    suboptions:
      base:
        description: First owner.
        type: int
        required: true
      count:
        description: Number of owners.
        type: int
        required: true
  ports:
    description: TCP and UDP ports at which the instance serves.
    type: list
    elements: int
    default: []
  allow:
    description: Further IP addresses and networks that may reach an isolated node by SSH.
    type: list
    elements: str
    default: []
  trial:
    description: Seconds after which the kernel lets a node's traffic pass again; 0 for never.
    type: int
    default: 0
  keep:
    description: Make the rules of a trial stay, and fail where none is under way.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Give the node back
  palantir.trust.nft_isolation:
    state: released
"""

RETURN = r"""
before:
  description: SHA-256 of the table's listing before; null where there was none.
  returned: success
  type: str
after:
  description: SHA-256 of the table's listing now; null where there is none, and in check mode not foretold.
  returned: success
  type: str
peers:
  description: From where an isolated node stays reachable.
  returned: O(state=isolated) of a node
  type: list
  elements: str
code:
  description: Stable name of the cause.
  returned: failure
  type: str
  sample: no_nft
"""

from typing import Any, Dict

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.palantir.trust.plugins.module_utils import _isolation
from ansible_collections.palantir.trust.plugins.module_utils._errors import NodeError


def _act(given: Dict[str, Any], check: bool) -> Dict[str, Any]:
    name = given["instance"]
    told = {}
    if given["state"] == "released":
        change = _isolation.release_instance(name, check) if name else _isolation.release_node(check)
    else:
        where = _isolation.management(given["allow"])
        if name:
            ranges = [(item["base"], item["count"]) for item in given["ranges"]]
            change = _isolation.isolate_instance(_isolation.Tenant(name, ranges, given["ports"]), where.port, check)
        else:
            keep = given["keep"] and not check
            change = _isolation.keep_isolated(where) if keep else _isolation.isolate_node(where, given["trial"], check)
            told = {"peers": list(where.peers)}
    return {"changed": change.before != change.after, **change._asdict(), **told}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["isolated", "released"], "default": "isolated"},
            "instance": {"type": "str"},
            "ranges": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {"base": {"type": "int", "required": True}, "count": {"type": "int", "required": True}},
            },
            "ports": {"type": "list", "elements": "int", "default": []},
            "allow": {"type": "list", "elements": "str", "default": []},
            "trial": {"type": "int", "default": 0},
            "keep": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    try:
        result = _act(dict(module.params), module.check_mode)
    except NodeError as error:
        module.fail_json(**error.result())
    module.exit_json(**result)


if __name__ == "__main__":
    main()
