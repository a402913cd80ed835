#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: sc_deployment
short_description: Run instances of Security Capabilities on Kubernetes and by ETSI MANOs
version_added: 0.1.0
description:
  - Carries out the verbs of an instance on a platform that chooses the host itself, a Kubernetes cluster or a MANO with
    an ETSI NFV-SOL 005 interface.
  - B(No host there is attested by this collection.) The verdict of such an instance is always V(none), which the result
    and a warning say.
  - An instance is found by its name and by labels or a description of ours. What has its name without them is never
    changed.
  - A new generation that does not pass its probe is undone; the former one is not given up before.
  - Runs on the controller. What it changes is in the store's ledger.
options:
  state:
    description:
      - V(instantiated) runs an instance where none lives, or with O(replace) a new generation of it.
      - V(configured) gives it the configuration of O(sc).
      - V(operating) and V(stopped) start and stop it.
      - V(scaled) gives it O(replicas) parts.
      - V(healed) sets it up anew.
      - V(preserved) brings to O(dest) what the platform tells of it.
      - V(terminated) removes it.
    type: str
    required: true
    choices: [instantiated, configured, operating, stopped, scaled, healed, preserved, terminated]
  instance:
    description: Name of the instance.
    type: str
    required: true
  sc:
    description:
      - What runs, as lookup P(palantir.trust.sc#lookup) returns it.
      - Needed for V(instantiated) and V(configured), on Kubernetes for V(healed), at a MANO for V(scaled).
    type: dict
  platform:
    description:
      - Where it runs, as C(docs/mano.md) describes it.
      - Defaults to the host's variable C(palantir_trust_platform).
    type: dict
  replace:
    description: Replace a generation that lives.
    type: bool
    default: false
  replicas:
    description: Number of parts; needed for V(scaled).
    type: int
  cause:
    description: Why it is healed, for people.
    type: str
    default: asked for by a playbook
  dest:
    description: Directory on the controller that takes what is preserved; needed for V(preserved).
    type: path
extends_documentation_fragment:
  - palantir.trust.attributes
  - palantir.trust.store
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
requirements:
  - on Kubernetes, the collection kubernetes.core and the Python package kubernetes
author:
  - palantir.trust contributors (@palantir-h2020)
"""

EXAMPLES = r"""
- name: Run the DNS filter on a cluster
  hosts: cluster1
  gather_facts: false
  tasks:
    - name: Instantiate
      palantir.trust.sc_deployment:
        state: instantiated
        instance: dns-filter-1
        sc: >-
          {{ lookup('palantir.trust.sc', 'dns-filter', flavour='kubernetes', catalogue='catalogue',
                    reference_values='reference_values') }}
"""

RETURN = r"""
verdict:
  description: What is attested of the instance, which is nothing.
  returned: except for O(state=preserved) and O(state=terminated)
  type: dict
  sample:
    tier: none
    reason: >-
      dns-filter-1 runs on cluster1 by kubernetes: no host there proves its integrity to this site, so nothing that is
      measured or told of it counts as attested.
before:
  description: The instance before, as the platform told.
  returned: except for O(state=preserved)
  type: dict
after:
  description: The instance after, as the platform told.
  returned: except for O(state=preserved)
  type: dict
operations:
  description: Type and identifier of the lifecycle operations that completed.
  returned: at a MANO, except for O(state=preserved)
  type: list
  elements: str
pods:
  description: Where the cluster says that the pods run, and as which image.
  returned: on Kubernetes, except for O(state=preserved)
  type: list
  elements: dict
preserved:
  description: Digests of the files in O(dest), by name.
  returned: O(state=preserved)
  type: dict
"""
