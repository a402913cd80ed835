# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Look up Security Capabilities in the catalogue."""

from __future__ import annotations

DOCUMENTATION = r"""
name: sc
short_description: Look up Security Capabilities in the catalogue
version_added: 0.1.0
description:
  - Returns the descriptor of each named Security Capability with one flavour chosen, its image pinned and its
    configuration rendered with the variables at hand.
  - Fails when the catalogue does not name it, when its image archive is not what its Reference Values describe, or when
    it came in a package that is withdrawn.
  - The templates of the site's own catalogue are rendered by Ansible. Those of a package are rendered in a sandbox,
    with the variables alone that begin with the name of the Security Capability.
options:
  _terms:
    description: Names of Security Capabilities.
    required: true
  catalogue:
    description: Directory of the catalogue.
    type: path
    required: true
  reference_values:
    description: Directory of the Reference Values.
    type: path
    required: true
  flavour:
    description: Deployment flavour; the first one of the descriptor by default.
    type: str
  host:
    description:
      - Name of the host in the inventory with whose variables the configuration is rendered, for tasks that are
        delegated. Its variables go before those at hand, which alone count by default.
    type: str
author:
  - palantir.trust contributors (@palantir-h2020)
"""

EXAMPLES = r"""
- name: Show what runs as dns-filter
  ansible.builtin.debug:
    msg: "{{ sc.image_id }}"
  vars:
    sc: "{{ lookup('palantir.trust.sc', 'dns-filter', catalogue='catalogue', reference_values='reference_values') }}"
"""

RETURN = r"""
_raw:
  description: One mapping for each term, the descriptor's keys and those below.
  type: list
  elements: dict
flavour:
  description: Name of the chosen flavour.
  type: str
package:
  description: The package that it came in, C(digest), C(signer) and C(withdrawn), or null for one of the site's own.
  type: dict
driver:
  description: What runs it.
  type: str
network:
  description: V(host), or V(private) for a network namespace of its own.
  type: str
implementation:
  description: The program that does the work, where the flavour tells it.
  type: str
command:
  description: What is run instead of the image's own command; empty for that.
  type: list
  elements: str
components:
  description: What the flavour is made of.
  type: list
  elements: str
configuration:
  description: The flavour's configuration files, or those of the Security Capability.
  type: list
  elements: dict
resources:
  description: What an instance may use at most; C(cpu) in cores, C(memory) and C(storage) in bytes, and C(pids).
  type: dict
ports:
  description: Ports, each with C(name), C(port) of the node, C(protocol) and C(internal), the port of the instance.
  type: list
  elements: dict
management:
  description: Where the agent beside an instance serves, C(port) and C(address); null where there is to be none.
  type: dict
probe:
  description: The health probe with its C(type).
  type: dict
image_id:
  description: Id of the pinned image.
  type: str
files:
  description:
    - Rendered configuration, each with its C(path) inside the instance, its C(content), and C(reload), what a running
      instance needs to read it anew.
  type: list
  elements: dict
archive:
  description: Absolute path of the image archive on the controller.
  type: str
capabilities:
  description: Linux capabilities that the flavour needs.
  type: list
  elements: str
"""

from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.loader import lookup_loader
from ansible.plugins.lookup import LookupBase

from ansible_collections.palantir.trust.plugins.plugin_utils.admission import templates
from ansible_collections.palantir.trust.plugins.plugin_utils.admission.admitted import load_catalogue
from ansible_collections.palantir.trust.plugins.plugin_utils.admission.contents import read_template
from ansible_collections.palantir.trust.plugins.plugin_utils.catalogue.descriptor import select
from ansible_collections.palantir.trust.plugins.plugin_utils.catalogue.image import pinned_image_id
from ansible_collections.palantir.trust.plugins.plugin_utils.catalogue.model import Descriptor, Flavour
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import TrustError


class LookupModule(LookupBase):  # type: ignore[misc]
    """Lookup C(palantir.trust.sc)."""

    def run(self, terms: list[str], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[dict[str, Any]]:
        """Return the pinned descriptor of each term."""
        self.set_options(var_options=variables, direct=kwargs)
        variables = self._of_host(variables or {})
        catalogue, reference_values = Path(self.get_option("catalogue")), Path(self.get_option("reference_values"))
        try:
            descriptors = load_catalogue(catalogue)
            chosen = [select(descriptors, str(term)) for term in terms]
            return [
                self._pinned(descriptor, catalogue, reference_values, variables, list(descriptors))
                for descriptor in chosen
            ]
        except TrustError as error:
            raise AnsibleLookupError(str(error)) from None

    def _of_host(self, variables: dict[str, Any]) -> dict[str, Any]:
        """Return the variables at hand, with those of the host that is named before them."""
        name, known = self.get_option("host"), variables.get("hostvars")
        # Not every inventory has the node that a store names.
        return {**variables, **known.raw_get(name)} if name and known is not None and name in known else variables

    def _pinned(
        self,
        descriptor: Descriptor,
        catalogue: Path,
        reference_values: Path,
        variables: dict[str, Any] | None,
        scs: list[str],
    ) -> dict[str, Any]:
        wanted = self.get_option("flavour")
        flavour = descriptor.flavour(wanted) if wanted else descriptor.flavours[0]
        archive = (catalogue / flavour.archive).resolve()
        configuration = descriptor.configuration_of(flavour)
        paths = [catalogue / file.template for file in configuration]
        plain = asdict(flavour)
        render = self._render if descriptor.package is None else partial(self._render_foreign, descriptor, flavour, scs)
        contents = render(paths, variables)
        return {
            **descriptor.plain(),
            "files": [
                {"path": file.path, "content": content, "reload": file.reload}
                for file, content in zip(configuration, contents, strict=True)
            ],
            **{key: plain[key] for key in ("driver", "capabilities", "implementation", "command", "network")},
            "components": plain["components"],
            "configuration": [asdict(file) for file in configuration],
            "flavour": flavour.name,
            "archive": str(archive),
            "image_id": pinned_image_id(flavour, archive, reference_values),
        }

    def _render(self, paths: list[Path], variables: dict[str, Any] | None) -> list[str]:
        """Render templates of the site: code of its own, with all that Ansible offers."""
        lookup = lookup_loader.get("ansible.builtin.template", loader=self._loader, templar=self._templar)
        rendered: list[str] = lookup.run([str(path.resolve()) for path in paths], variables)
        return rendered

    def _render_foreign(
        self,
        descriptor: Descriptor,
        flavour: Flavour,
        scs: list[str],
        paths: list[Path],
        variables: dict[str, Any] | None,
    ) -> list[str]:
        """Render templates of a package: a stranger's, which get the SC's own variables as plain data."""
        texts = {str(path): read_template(path, path.name) for path in paths}
        if not texts:
            return []
        given = dict(zip(templates.OWN, (descriptor.sc, descriptor.version, flavour.name), strict=True))
        read = {name for names in templates.reads(texts).values() for name in names}
        # Those of an SC that the site has got since are withheld, too: to the template they are not defined.
        names = sorted(name for name in read if templates.owner(name, scs) == descriptor.sc)
        known = [name for name in dict.fromkeys(names) if name in (variables or {})]
        # The values themselves may be templates, but those are the site's.
        lookup = lookup_loader.get("ansible.builtin.vars", loader=self._loader, templar=self._templar)
        values = templates.plain(dict(zip(known, lookup.run(known, variables), strict=True)))
        rendered = templates.render(texts, {**values, **given})
        return [rendered[str(path)] for path in paths]
