#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: podman_generation
short_description: Run one generation of a Security Capability instance as a podman container
version_added: 0.1.0
author:
  - palantir.trust contributors (@palantir-h2020)
description:
  - Starts, freezes, preserves or removes a container, each in one round trip.
  - It is what M(palantir.trust.sc_instance) calls on a node for the driver V(podman); by itself it keeps no record.
extends_documentation_fragment:
  - palantir.trust.attributes
attributes:
  check_mode:
    support: none
  diff_mode:
    support: none
options:
  state:
    description:
      - V(started) removes a container of this name and starts a new one, and waits until it answers O(queries).
      - V(preserved) freezes the container and returns what shows how it was changed.
      - V(absent) removes it with its configuration.
    type: str
    required: true
    choices: [started, preserved, absent]
  name:
    description: Name of the container.
    type: str
    required: true
  directory:
    description: Directory of the instance's rendered configuration on the node.
    type: path
    required: true
  image:
    description: Id of the image, without its prefix. It must be on the node.
    type: str
  uid_base:
    description: First owner of the user-namespace range.
    type: int
  uid_count:
    description: Size of the range.
    type: int
    default: 65536
  capabilities:
    description: Linux capabilities to add to none.
    type: list
    elements: str
    default: []
  files:
    description: Rendered configuration.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: Absolute path inside the container.
        type: str
        required: true
      content:
        description: The file's content.
        type: str
        required: true
  address:
    description: Where it answers DNS queries.
    type: str
    default: 127.0.0.1
  port:
    description: UDP port where it answers.
    type: int
    default: 53
  queries:
    description: Queries of type A that a healthy instance answers.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: The name asked for.
        type: str
        required: true
      addresses:
        description: Exactly the addresses that must answer.
        type: list
        elements: str
        required: true
"""

EXAMPLES = r"""
- name: Remove a container
  palantir.trust.podman_generation:
    state: absent
    name: dns-filter-1
    directory: /var/lib/palantir.trust/dns-filter-1
"""

RETURN = r"""
container:
  description: Id of the container.
  returned: O(state=started)
  type: str
frozen:
  description: Whether processes were running, and were frozen.
  returned: O(state=preserved)
  type: bool
preserved:
  description: Files as base64 text by name.
  returned: O(state=preserved)
  type: dict
code:
  description: Stable name of the cause.
  returned: failure
  type: str
  sample: no_image
"""

from typing import Any, Dict

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.palantir.trust.plugins.module_utils import _podman
from ansible_collections.palantir.trust.plugins.module_utils._dns import ask, require
from ansible_collections.palantir.trust.plugins.module_utils._errors import NodeError

_PROBE_S = 1.0
_PROBES = 40


def _started(given: Dict[str, Any]) -> Dict[str, Any]:
    names = ("name", "image", "uid_base", "uid_count", "capabilities", "directory")
    files = [_podman.File(**item) for item in given["files"]]
    container = _podman.start(_podman.Generation(files=files, **{name: given[name] for name in names}))
    for query in given["queries"]:
        answer = ask(given["address"], given["port"], query["name"], _PROBE_S, _PROBES)
        require(answer, query["name"], query["addresses"])
    return {"changed": True, "container": container}


def _preserved(given: Dict[str, Any]) -> Dict[str, Any]:
    frozen = _podman.freeze(given["name"])
    return {"changed": frozen, "frozen": frozen, "preserved": _podman.preserve(given["name"])}


def _absent(given: Dict[str, Any]) -> Dict[str, Any]:
    return {"changed": _podman.remove(given["name"], given["directory"])}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["started", "preserved", "absent"], "required": True},
            "name": {"type": "str", "required": True},
            "directory": {"type": "path", "required": True},
            "image": {"type": "str"},
            "uid_base": {"type": "int"},
            "uid_count": {"type": "int", "default": 65536},
            "capabilities": {"type": "list", "elements": "str", "default": []},
            "files": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "path": {"type": "str", "required": True},
                    # It may hold a secret, and arguments are written to the node's journal.
                    "content": {"type": "str", "required": True, "no_log": True},
                },
            },
            "address": {"type": "str", "default": "127.0.0.1"},
            "port": {"type": "int", "default": 53},
            "queries": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "name": {"type": "str", "required": True},
                    "addresses": {"type": "list", "elements": "str", "required": True},
                },
            },
        },
        required_if=[("state", "started", ["image", "uid_base"])],
    )
    act = {"started": _started, "preserved": _preserved, "absent": _absent}[module.params["state"]]
    try:
        result = act(dict(module.params))
    except NodeError as error:
        module.fail_json(**error.result())
    module.exit_json(**result)


if __name__ == "__main__":
    main()
