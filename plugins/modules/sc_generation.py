#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: sc_generation
short_description: Run one generation of a Security Capability instance on a node
version_added: 0.1.0
author:
  - palantir.trust contributors (@palantir-h2020)
description:
  - Starts, configures, stops, promotes, freezes, preserves or removes a generation, each in one round trip.
  - It is what M(palantir.trust.sc_instance) calls on a node; by itself it keeps no record of what is right.
requirements:
  - systemd 247 or newer, and root.
  - For V(podman), podman and crun; for V(nspawn), systemd-nspawn (Debian package C(systemd-container)); for V(systemd),
    nss-systemd (Debian package C(libnss-systemd)).
  - For O(network=private), C(ip), C(nft), C(conntrack) and C(sysctl) (Debian packages C(iproute2), C(nftables),
    C(conntrack) and C(procps)).
extends_documentation_fragment:
  - palantir.trust.attributes
attributes:
  check_mode:
    description: Can run in check mode and tell whether anything would change.
    details: Of O(state=configured) alone; other states are skipped.
    support: partial
  diff_mode:
    support: none
  idempotent:
    description: When run twice in a row, the second run changes nothing.
    support: full
options:
  state:
    description:
      - V(started) runs the generation and waits until it answers O(probe).
      - V(configured) gives its files other content where it runs, and has its program read them.
      - V(answering) waits until a generation that runs answers O(probe).
      - V(operating) runs a generation again that was stopped; V(stopped) lets its program end.
      - V(promoted) sends the node's ports to it, at once; of O(network=private).
      - V(preserved) freezes the instance, and returns what shows how the generation was changed; the newest, where none
        is named.
      - V(absent) removes the generation, or the whole instance where none is named.
    type: str
    required: true
    choices: [started, configured, answering, operating, stopped, promoted, preserved, absent]
  driver:
    description: What runs it.
    type: str
    choices: [nspawn, podman, systemd]
    default: podman
  name:
    description: Name of the instance.
    type: str
    required: true
  generation:
    description:
      - Number of the generation. Needed but for V(preserved) and V(absent).
    type: int
  directory:
    description: Directory of the instance on the node; its last part is O(name).
    type: path
    required: true
  image:
    description:
      - Id of the image, without its prefix. It must be on the node.
      - For V(nspawn) and V(systemd), the SHA-256 of a root-tree archive, C(.images/ID.tar) beside O(directory).
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
  command:
    description: What runs, as a list of words, in place of the image's own command. A root tree has none of its own.
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
        description: Absolute path inside the instance.
        type: str
        required: true
      content:
        description: The file's content.
        type: str
        required: true
      reload:
        description:
          - How a change of it is read. V(none), the program notices by itself; V(signal), upon SIGHUP; V(replace), only
            by a new generation.
        type: str
        choices: [none, signal, replace]
        default: replace
  ports:
    description: What it serves.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the service, for people.
        type: str
      port:
        description: Port of the node.
        type: int
        required: true
      protocol:
        description: Protocol.
        type: str
        choices: [tcp, udp]
        required: true
      internal:
        description: Port of the instance; O(ports[].port) by default.
        type: int
  network:
    description:
      - V(host) is the node's own network. The generation before is stopped first, as its ports are the next one's.
      - V(private) is a network namespace. Generations run side by side, and the one that is promoted has the ports.
    type: str
    choices: [host, private]
    default: host
  resources:
    description: Limits.
    type: dict
    suboptions:
      cpu:
        description: Processors.
        type: float
      memory:
        description: Bytes of memory, without swap.
        type: int
      pids:
        description: Number of processes and threads.
        type: int
      storage:
        description: Bytes on disk. Not enforced; no driver can on every file system.
        type: int
  probe:
    description:
      - What a healthy instance answers, as the descriptor of the SC has it.
      - On a private network it is asked at the generation's own address and ports.
    type: dict
  replace_previous:
    description:
      - Remove all other generations of the instance. On a private network that is done once this one is promoted.
      - With O(state=promoted), also on the node's own network, where that is all there is to do.
    type: bool
    default: false
  displace_previous:
    description:
      - End a generation that has the node's ports, and keep it, so that it can be V(operating) again.
      - On a private network nothing is in the way.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Run the second generation beside the first
  palantir.trust.sc_generation:
    state: started
    driver: nspawn
    name: dns-filter-1
    generation: 2
    directory: /var/lib/palantir.trust/dns-filter-1
    image: 3b1c0d1f1d4a3f6c1f2a9d0e8b7c6a5f4e3d2c1b0a9f8e7d6c5b4a3f2e1d0c9b
    uid_base: 1000144896
    command: [/usr/sbin/dnsmasq, --keep-in-foreground]
    network: private
    ports:
      - {name: dns, port: 53, protocol: udp}

- name: Let it serve
  palantir.trust.sc_generation:
    state: promoted
    name: dns-filter-1
    generation: 2
    directory: /var/lib/palantir.trust/dns-filter-1

- name: Remove the instance
  palantir.trust.sc_generation:
    state: absent
    name: dns-filter-1
    directory: /var/lib/palantir.trust/dns-filter-1
"""

RETURN = r"""
container:
  description: Id or name of what runs, as it is in the node's control groups.
  returned: O(state=started) and O(state=operating), where it was not running before
  type: str
  sample: dns-filter-1-g2
files:
  description: Digest of each rendered file, by its path in the instance.
  returned: O(state=started) and O(state=configured)
  type: dict
  sample: {/etc/dnsmasq.conf: "sha256:9f2c1a0b…"}
gap_ms:
  description: Time from the end of the generation before to the first answer of this one.
  returned: O(state=started), where another generation had the node's ports
  type: int
rewritten:
  description: Paths whose content is another now.
  returned: O(state=configured)
  type: list
  elements: str
reloaded:
  description: Whether the program was told to read its configuration.
  returned: O(state=configured)
  type: bool
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

import contextlib
from typing import Any, Dict

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.palantir.trust.plugins.module_utils import _generations
from ansible_collections.palantir.trust.plugins.module_utils._errors import NodeError
from ansible_collections.palantir.trust.plugins.module_utils._generation import (
    File,
    Generation,
    Port,
    Resources,
    checked,
    checked_place,
    is_name,
)
from ansible_collections.palantir.trust.plugins.module_utils._generations import Place

_FILE = {
    "path": {"type": "str", "required": True},
    # It may hold a secret, and arguments are written to the node's journal.
    "content": {"type": "str", "required": True, "no_log": True},
    "reload": {"type": "str", "choices": ["none", "signal", "replace"], "default": "replace"},
}
_PORT = {
    "name": {"type": "str"},
    "port": {"type": "int", "required": True},
    "protocol": {"type": "str", "choices": ["tcp", "udp"], "required": True},
    "internal": {"type": "int"},
}
_RESOURCES = {
    "cpu": {"type": "float"},
    "memory": {"type": "int"},
    "pids": {"type": "int"},
    "storage": {"type": "int"},
}
_SPEC = {
    "state": {
        "type": "str",
        "choices": ["started", "configured", "answering", "operating", "stopped", "promoted", "preserved", "absent"],
        "required": True,
    },
    "driver": {"type": "str", "choices": ["nspawn", "podman", "systemd"], "default": "podman"},
    "name": {"type": "str", "required": True},
    "generation": {"type": "int"},
    "directory": {"type": "path", "required": True},
    "image": {"type": "str"},
    "uid_base": {"type": "int"},
    "uid_count": {"type": "int", "default": 65536},
    "capabilities": {"type": "list", "elements": "str", "default": []},
    "command": {"type": "list", "elements": "str", "default": []},
    "files": {"type": "list", "elements": "dict", "default": [], "options": _FILE},
    "ports": {"type": "list", "elements": "dict", "default": [], "options": _PORT},
    "network": {"type": "str", "choices": ["host", "private"], "default": "host"},
    "resources": {"type": "dict", "options": _RESOURCES},
    "probe": {"type": "dict"},
    "replace_previous": {"type": "bool", "default": False},
    "displace_previous": {"type": "bool", "default": False},
}


def _generation(given: Dict[str, Any]) -> Generation:
    same = ("name", "driver", "directory", "image", "uid_base", "uid_count", "capabilities", "command", "network")
    limits = given["resources"] or {}
    # On the node's own network a port is what it is.
    inner = "internal" if given["network"] == "private" else "port"
    ports = [Port(item["port"], item["protocol"], item[inner] or item["port"]) for item in given["ports"]]
    return checked(
        Generation(
            number=given["generation"],
            files=[File(**item) for item in given["files"]],
            ports=ports,
            resources=Resources(*(limits.get(key) for key in Resources._fields)),
            **{key: given[key] for key in same},
        )
    )


def _act(given: Dict[str, Any], check: bool) -> Dict[str, Any]:
    state, number = given["state"], given["generation"]
    if state == "started":
        replace, displace = given["replace_previous"], given["displace_previous"]
        return _generations.started(_generation(given), given["probe"], replace, displace)
    if state == "configured":
        return _generations.configured(_generation(given), given["probe"], check)
    # A number is checked where there is one.
    checked_place(Generation(given["name"], number or 1, given["driver"], given["directory"]))
    place = Place(given["name"], given["directory"])
    if state == "answering":
        return _generations.answering(place, number, given["probe"])
    if state == "operating":
        return _generations.operating(place, number, given["probe"])
    if state == "promoted":
        return _generations.promoted(place, number, given["replace_previous"])
    act = {
        "stopped": _generations.stopped,
        "preserved": _generations.preserved,
        "absent": _generations.absent,
    }
    return act[state](place, number)


def main() -> None:
    """Run the module."""
    numbered = ("started", "configured", "answering", "operating", "stopped", "promoted")
    module = AnsibleModule(
        argument_spec=_SPEC,
        required_if=[
            *(("state", state, ["generation"]) for state in numbered),
            *(("state", state, ["image", "uid_base"]) for state in ("started", "configured")),
        ],
        supports_check_mode=True,
    )
    if module.check_mode and module.params["state"] != "configured":
        module.exit_json(changed=False, skipped=True, msg="check mode is of state configured alone.")
    # To stand still waits for nobody.
    acting = is_name(module.params["name"]) and module.params["state"] != "preserved"
    try:
        with _generations.alone(module.params["name"]) if acting else contextlib.nullcontext():
            result = _act(dict(module.params), module.check_mode)
    except NodeError as error:
        module.fail_json(**error.result())
    module.exit_json(**result)


if __name__ == "__main__":
    main()
