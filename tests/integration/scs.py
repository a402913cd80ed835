# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's SCs as its catalogue describes them, run from their own images on this machine."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.palantir.trust.plugins.plugin_utils.reference.document import (
    ReferenceDocument,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.document import (
    write as write_values,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.make import make
from tests.integration.cage import BASE, Caged, caged, unpack
from tests.lab.paths import CHECKOUT, Paths
from tests.lab.sc.build import ensure_sc_images
from tests.lab.sc.recipes import RECIPES
from tests.unit.support.namespace import REASON, Namespace

_MISSING = [name for name in ("ip", "mmdebstrap", "nsenter") if shutil.which(name) is None]
_WHY_NOT = REASON or (f"not installed: {', '.join(_MISSING)}" if _MISSING else "")
needs_root = pytest.mark.skipif(bool(_WHY_NOT), reason=_WHY_NOT)
LAB = CHECKOUT / "inventories" / "lab"
BACKEND_PORT = 9080
# Of a firewall, which is asked over a cable, and of what asks it.
_FIREWALL, _NODE = "203.0.113.1", "203.0.113.2"
VARIABLES = {"waf_backend": f"127.0.0.1:{BACKEND_PORT}"}
_PLAY = """
- hosts: localhost
  gather_facts: false
  tasks:
    - ansible.builtin.copy:
        dest: "{{ wanted_in }}/{{ item[0] }}.{{ item[1] }}.json"
        mode: "0600"
        content: "{{ lookup('palantir.trust.sc', item[0], flavour=item[1], catalogue=palantir_trust_catalogue,
                            reference_values=palantir_trust_reference_values) | to_json }}"
      loop: "{{ wanted }}"
"""
_ASK = """
import json, sys
from ansible_collections.palantir.trust.plugins.module_utils._errors import NodeError
from ansible_collections.palantir.trust.plugins.module_utils._probe import probe
plain, tries = json.loads(sys.argv[1]), int(sys.argv[2])
try:
    print(probe(plain, 1.0, tries).checks)
except NodeError as error:
    print(error.code, error)
"""


@dataclass(frozen=True)
class Catalogue:
    """What the lookup makes of each flavour, and the images and Reference Values that it is made from."""

    images: Path
    values: Mapping[str, ReferenceDocument]
    entries: Mapping[tuple[str, str], Mapping[str, Any]]

    def image(self, sc: str, flavour: str) -> str:
        """The name of a flavour's image."""
        return Path(self.entries[sc, flavour]["archive"]).name.removesuffix(".tar").removesuffix(".rootfs")


def flavours() -> list[tuple[str, str]]:
    """Every SC of the lab's catalogue, with each of its flavours."""
    found = [yaml.safe_load(file.read_text(encoding="utf-8")) for file in sorted((LAB / "catalogue").glob("*.yml"))]
    return [(sc["sc"], flavour["name"]) for sc in found for flavour in sc["flavours"]]


def open_catalogue(home: Path) -> Catalogue:
    """Build all images where need be, compute their Reference Values, and look every flavour up."""
    images = ensure_sc_images(Paths.default(), RECIPES)
    values = {}
    folder = home / "reference_values"
    folder.mkdir()
    site = yaml.safe_load((LAB / "group_vars/all/scs.yml").read_text(encoding="utf-8"))
    for item in site["palantir_trust_lab_sc_images"]:
        source = images / item["source"].rpartition("/")[2]
        values[item["document"]] = make("sc", item["name"], source, datetime.now(UTC))
        write_values(values[item["document"]], folder / f"{item['document']}.json")
    (home / "play.yml").write_text(_PLAY, encoding="utf-8")
    variables = {**VARIABLES, "wanted": flavours(), "wanted_in": str(home)}
    variables["palantir_trust_reference_values"] = str(folder)
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", str(LAB / "hosts.yml")]
    command += [str(home / "play.yml"), "-e", json.dumps(variables)]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg")}
    done = subprocess.run(command, env=environment, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    entries = {
        (sc, flavour): json.loads((home / f"{sc}.{flavour}.json").read_text(encoding="utf-8"))
        for sc, flavour in flavours()
    }
    return Catalogue(images, values, entries)


@dataclass(frozen=True)
class Running:
    """A running SC, the tree that it runs in, and where it is reached."""

    cage: Caged
    root: Path
    namespace: Namespace
    probe: Mapping[str, Any]

    def health(self, tries: int = 20) -> str:
        """How many checks its probe has passed, or the code of the fault and what it says."""
        environment = {**os.environ, "PYTHONPATH": str(CHECKOUT / "collections")}
        plain = json.dumps(self.probe)
        enter = ["nsenter", f"--net=/proc/{self.namespace.pid}/ns/net", sys.executable, "-c", _ASK, plain, str(tries)]
        return subprocess.run(enter, env=environment, capture_output=True, text=True, check=True).stdout.strip()

    def write(self, path: str, content: str) -> None:
        """Put a configuration file in the place of the one that is there."""
        write(self.root, path, content)


def write(root: Path, path: str, content: str) -> None:
    """Write a configuration file into a tree, as a driver does."""
    file = root / path.lstrip("/")
    file.unlink(missing_ok=True)
    file.write_text(content, encoding="utf-8")
    file.chmod(0o444)
    os.chown(file, BASE, BASE)


@contextmanager
def running(
    catalogue: Catalogue,
    sc: str,
    flavour: str,
    home: Path,
    namespace: Namespace,
    *,
    replaced: Sequence[str] = (),
    configured: bool = True,
) -> Iterator[Running]:
    """Run a flavour of an SC in a network namespace.

    Args:
        catalogue: what it is.
        sc: the SC.
        flavour: its flavour.
        home: an empty directory.
        namespace: the network of an SC that needs no power over it; any other has one of its own.
        replaced: a text of its configuration, and what comes in its place.
        configured: whether it has a configuration beside that of its image.
    """
    entry = catalogue.entries[sc, flavour]
    image = catalogue.image(sc, flavour)
    described = json.loads((catalogue.images / f"{image}.json").read_text(encoding="utf-8"))
    root = home / "root"
    root.mkdir()
    os.chown(root, BASE, BASE)
    unpack(catalogue.images / f"{image}.rootfs.tar", root)
    changed = 0
    for file in entry["files"] if configured else ():
        content = file["content"]
        if replaced and replaced[0] in content:
            content, changed = content.replace(*replaced), changed + 1
        write(root, file["path"], content)
    assert not replaced or changed == 1, replaced
    inner = {port["port"]: port["internal"] for port in entry["ports"]}
    port = entry["probe"]["port"]
    own = "NET_ADMIN" in entry["capabilities"]
    plain = {**entry["probe"], "address": _FIREWALL if own else "127.0.0.1", "port": inner.get(port, port)}
    # podman heeds the image, nspawn has root of the range, and systemd one user.
    user = {"podman": int((described["user"] or "0").partition(":")[0]), "nspawn": 0, "systemd": 7}[entry["driver"]]
    with caged(
        root,
        entry["command"] or described["entrypoint"],
        log=home / "log",
        user=0 if own else user,
        capabilities=entry["capabilities"],
        network=None if own else namespace.pid,
    ) as cage:
        if own:
            cable(cage.pid, namespace, "node", _FIREWALL, _NODE)
        yield Running(cage, root, namespace, plain)


def cable(inside: int, outside: Namespace, name: str, gateway: str, *addresses: str) -> None:
    """Lay a cable between the network of a process and another: ``name`` inside, ``to-NAME`` outside."""
    far = f"to-{name}"
    outside.run("ip", "link", "add", far, "type", "veth", "peer", "name", name, "netns", str(inside))
    for address in addresses:
        outside.run("ip", "address", "add", f"{address}/24", "dev", far)
    outside.run("ip", "link", "set", far, "up")
    enter = ["nsenter", f"--net=/proc/{inside}/ns/net"]
    for command in (f"ip address add {gateway}/24 dev {name}", f"ip link set {name} up"):
        subprocess.run([*enter, *command.split()], check=True, timeout=10)


__all__ = [
    "BACKEND_PORT",
    "Catalogue",
    "Running",
    "cable",
    "flavours",
    "needs_root",
    "open_catalogue",
    "running",
    "write",
]
