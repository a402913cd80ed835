#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: sc_instance
short_description: Carry out the verbs of a Security Capability instance on a node
version_added: 0.1.0
description:
  - Each new generation of an instance gets a user-namespace range of its own on its node.
  - IMA logs an entry once in a boot, so a range is never used again before the node has rebooted.
  - The store keeps which generations are live, with the digests of their configuration.
  - The node's part is done by the module of the driver, in one round trip.
  - In check mode no node is contacted; what would change is foreseen from the store.
  - Where O(sc) has C(management), what serves gets an agent beside it and a certificate of the site's CA, for a key
    that is made on the node. Certificates of a generation that is given up are revoked.
options:
  state:
    description:
      - V(instantiated) runs a new generation where none is deployed on the node, or always with O(replace) or
        O(beside), and waits until it answers its probe.
      - V(promoted) lets what was begun with O(beside) serve, if O(attestation) proves it, and gives the others up.
        Where it is not known how far the node came with that, it fails and the others stay on record; asked for once
        more, it goes on.
      - V(rolled_back) gives up what was begun with O(beside), and runs the one before again, unless that or its host is
        contraindicated, by the node's last result or an open incident that this result does not refute.
      - V(configured) gives the generation that runs other content of its files, and has its program read them. Where it
        cannot, RV(needs_replacement) says so, and nothing is changed. Where O(sc) has C(management) and the generation
        has an agent with a valid certificate, that is done by the agent, else over SSH.
      - V(healthy) has the node ask the probe of O(sc), and asks the agent, if there is one. It changes nothing, and
        fails where the probe does.
      - V(operating) runs a generation again in the boot in which it was stopped; V(stopped) lets its program end.
      - V(preserved) freezes the instance and brings to O(dest) what shows how it was changed. Where it has more
        generations than one, as after a verb that was broken off, that of each other is kept there in C(g) and its
        number.
      - V(terminated) removes it and retires its generations on the node.
    type: str
    required: true
    choices: [instantiated, promoted, rolled_back, configured, healthy, operating, stopped, preserved, terminated]
  instance:
    description: Name of the instance.
    type: str
    required: true
  node:
    description: Name of the node in the store; the inventory's name of the host by default. For delegated tasks.
    type: str
  sc:
    description:
      - What runs, as lookup P(palantir.trust.sc#lookup) returns it; needed for V(instantiated), V(promoted),
        V(configured) and V(healthy).
      - For V(operating) and V(rolled_back), the probe of it is asked, if it is given.
    type: dict
  replace:
    description: Replace a generation that lives, at once and for good.
    type: bool
    default: false
  beside:
    description:
      - Run the new generation beside the one that serves, which stays until V(promoted) or V(rolled_back).
      - On the node's own network there is room for one; the one before is ended, and kept.
    type: bool
    default: false
  attestation:
    description:
      - Id of the attestation result that proves the new generation; needed for V(promoted).
      - It must be of the node, from after the generation was begun, with an affirming host, and affirm the generation
        by itself, whatever ran beside it.
    type: int
  generation:
    description:
      - Which generation is meant, as V(instantiated) returned it, also where it failed.
      - For V(promoted), the newest that was begun by default; it fails where another task gave that one up.
      - For V(rolled_back), all that were begun by default, also by others; V(0) is none.
      - For V(preserved), whose evidence O(dest) takes itself; that of the one that serves, by default.
    type: int
  revive:
    description: Whether the one before is run again, for V(rolled_back).
    type: bool
    default: true
  restart:
    description: Let its program end first, for V(operating).
    type: bool
    default: false
  regardless:
    description:
      - Retire its generations also where the node does not remove them, for V(terminated). RV(left) says so then.
      - For a host that is not trusted. What it refuses to do must not keep the instance from running elsewhere.
    type: bool
    default: false
  driver:
    description:
      - What the instance runs in, where O(sc) does not say it. Its node knows better, and removes whatever runs as this
        instance.
      - With V(kubernetes) and V(sol005), M(palantir.trust.sc_deployment) does the work, on the host's platform; no
        range is allocated and nothing is attested.
    type: str
    choices: [nspawn, podman, systemd, kubernetes, sol005]
    default: podman
  directory:
    description: Where configuration is kept on the node.
    type: path
    default: /var/lib/palantir.trust
  ca:
    description:
      - File of the CA, for instances with an agent.
      - Defaults to the environment variable E(PALANTIR_TRUST_CA), else to C(~/.local/share/palantir.trust/ca.pem).
    type: path
  agent_address:
    description:
      - Where the controller reaches the agents of the node, for V(configured) and V(healthy).
      - Defaults to the node's variable C(palantir_trust_agent_address), else its C(ansible_host), else its name.
    type: str
  dest:
    description: Directory on the controller that takes the evidence; needed for V(preserved).
    type: path
extends_documentation_fragment:
  - palantir.trust.attributes
  - palantir.trust.store
attributes:
  check_mode:
    support: full
  diff_mode:
    support: partial
    details: Of V(configured), by digests, as what is rendered may hold secrets.
author:
  - palantir.trust contributors (@palantir-h2020)
"""

EXAMPLES = r"""
- name: Run the DNS filter
  palantir.trust.sc_instance:
    state: instantiated
    instance: dns-filter-1
    sc: "{{ lookup('palantir.trust.sc', 'dns-filter', catalogue='catalogue', reference_values='reference_values') }}"

- name: Run another one beside it
  palantir.trust.sc_instance:
    state: instantiated
    instance: dns-filter-1
    sc: "{{ hardened }}"
    beside: true

- name: Attest the node
  palantir.trust.attest:
    reference_values: reference_values
    require: any
  register: proof

- name: Let it serve if it is proved
  palantir.trust.sc_instance:
    state: promoted
    instance: dns-filter-1
    sc: "{{ hardened }}"
    attestation: "{{ proof.attestation }}"
"""

RETURN = r"""
generation:
  description: The generation that the state is about; of O(state=rolled_back) the one before, null where none serves.
  returned: >-
    O(state=instantiated), also where it failed once it was begun, O(state=promoted), O(state=rolled_back),
    O(state=healthy), O(state=operating) and O(state=stopped), but not for a generation that check mode foresees
  type: dict
  sample:
    container: 3f2a1b0c9d8e7f60514233241506f7e8d9cabb1c2d3e4f5061728394a5b6c7d8
    flavour: podman
    generation: 3
    id: 7
    instance: dns-filter-1
    node: node1
    sc: dns-filter
    state: live
    uid_base: 1000144896
    uid_count: 65536
withheld:
  description: The one before, where it is not run again, and why; else null.
  returned: O(state=rolled_back)
  type: dict
  sample: {generation: 2, why: "sc:dns-filter-1 is contraindicated: unknown_executable: /tmp/x was run."}
left:
  description: That the node did not remove it, and why; else empty.
  returned: O(state=terminated), but not in check mode
  type: str
gap_ms:
  description: Time from the end of the generation before to the first answer of this one, by the node's word.
  returned: O(state=instantiated), where the one before had the node's ports
  type: int
seconds:
  description: How long it took, in seconds.
  returned: success
  type: float
files:
  description: Digest of each rendered file, by its path.
  returned: O(state=configured)
  type: dict
needs_replacement:
  description: Paths whose change only a new generation can read; empty where the one that runs can.
  returned: O(state=configured)
  type: list
  elements: str
rewritten:
  description: Paths whose content is another now.
  returned: O(state=configured), where no replacement is needed
  type: list
  elements: str
reloaded:
  description: Whether the program was told to read its configuration.
  returned: O(state=configured), where no replacement is needed
  type: bool
way:
  description: By what it was configured, V(agent) or V(ssh).
  returned: O(state=configured), where no replacement is needed, but not in check mode
  type: str
detour:
  description: Why it was configured over SSH although its descriptor has an agent; else empty. It is a warning, too.
  returned: O(state=configured), where no replacement is needed, but not in check mode
  type: str
probe:
  description: Type of the probe that it answers.
  returned: O(state=healthy), but not in check mode
  type: str
agent:
  description:
    - What its agent says - C(running), whether the program runs that the driver started; C(since), when the agent was
      started, in seconds since the epoch; C(differing), paths whose content is another than the store knows.
    - Null where there is no agent, or nobody answers at its address; a warning says why.
  returned: O(state=healthy), but not in check mode
  type: dict
  sample: {running: true, since: 1795409000.2, differing: []}
frozen:
  description: Whether processes were running, and were frozen.
  returned: O(state=preserved)
  type: bool
frozen_at:
  description:
    - When they stood still, in seconds since the epoch, by the controller's clock.
    - Null where they did already, where none were running, and where it is only known that they do by now.
  returned: O(state=preserved)
  type: float
  sample: 1795409000.2
preserved:
  description: Digests of the files in O(dest), by name, as C(log.txt) or C(g2/log.txt).
  returned: O(state=preserved)
  type: dict
"""
