# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rows of the tamper matrix: PALANTIR's five tamper tests, and a benign twin of each.

A row that brings a node back to clean is a benign twin where it can be one. Rows that need no reboot come first.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

from tests.lab.qemu import Board
from tests.scenarios import attacks
from tests.scenarios.attacks import on_node
from tests.scenarios.record import change_serial, restore_serial
from tests.scenarios.tamper.judge import Expected
from tests.scenarios.tamper.lane import Lane, Row
from tests.scenarios.tamper.values import build_package

INSTANCE: Final = "dns-filter-1"
SC: Final = f"sc:{INSTANCE}"
_OTHER_BOARD: Final = Board("5d1f7f0c-6d4e-4a57-9b8e-000000000bad", ("e1000,romfile=",))
"""Another main board, and a network card more. The card has no boot ROM, so firmware measures what it did before."""


def enrol(lane: Lane) -> None:
    """Establish the node's identity."""
    lane.playbook("enrol", 480)


def enrol_and_deploy(lane: Lane) -> None:
    """Establish the node's identity and deploy the SC."""
    lane.playbook("enrol", 480)
    lane.playbook("deploy", 480)


def _benign(what: str, act: Callable[[Lane], float]) -> Row:
    return Row(what, Expected(), act)


def _tampering(layer: str, codes: set[str], what: str, act: Callable[[Lane], float]) -> Row:
    return Row(what, Expected(layer, frozenset(codes)), act)


def _nothing(_lane: Lane) -> float:
    return time.time()


def _in_container(attack: Callable[[Any, str, str], float]) -> Callable[[Lane], float]:
    return lambda lane: attack(lane.lab, lane.node, INSTANCE)


def _restart_container(lane: Lane) -> float:
    run = f"podman exec {attacks.container_of(INSTANCE)} {attacks.PROGRAM} --version"
    on_node(lane.lab, lane.node, f"set -e; {attacks.restart_of(INSTANCE)}; {run}")
    return time.time()


def _replace(lane: Lane) -> float:
    lane.replace_instance()
    return time.time()


def _replace_with_other_configuration(lane: Lane) -> float:
    lane.replace_instance(dns_filter_blocked_names=["tracker.example.com", "new.example.org"])
    return time.time()


def _restore_runtime(lane: Lane) -> float:
    attacks.restore_runtime(lane.lab, lane.node)
    lane.lab.reboot(lane.node)
    lane.replace_instance()
    return time.time()


def _install(lane: Lane, name: str) -> float:
    package = build_package(lane.lab.paths, lane.site.directory, name)
    on_node(
        lane.lab,
        lane.node,
        f"set -e; cat > /root/{name}.deb; dpkg -i /root/{name}.deb; {name}",
        package.archive.read_bytes(),
    )
    return time.time()


def _make_values(lane: Lane, name: str) -> float:
    package = build_package(lane.lab.paths, lane.site.directory, name)
    lane.add_values(name, "package", package.archive)
    return time.time()


def _install_with_values(lane: Lane) -> float:
    _make_values(lane, "lab-known")
    return _install(lane, "lab-known")


def _load(name: str) -> Callable[[Lane], float]:
    return lambda lane: attacks.load_module(lane.lab, lane.node, name)


def _load_forgotten(lane: Lane) -> float:
    lane.values.forget_module("dummy")
    return attacks.load_module(lane.lab, lane.node, "dummy")


def _remember_module(lane: Lane) -> float:
    lane.values.remember_module()
    return time.time()


def _change_record(lane: Lane) -> float:
    return change_serial(lane.site, lane.node)


def _restore_record(lane: Lane) -> float:
    return restore_serial(lane.site, lane.node)


def _run_on_host(lane: Lane) -> float:
    return attacks.run_on_host(lane.lab, lane.node)


def _clean_and_cycle(lane: Lane) -> float:
    attacks.remove_from_host(lane.lab, lane.node)
    return _cycle(lane)


def _secure_boot(*, on: bool) -> Callable[[Lane], float]:
    return lambda lane: _cycle(lane, lambda: lane.lab.set_secure_boot(lane.node, on=on))


def _board(board: Board) -> Callable[[Lane], float]:
    return lambda lane: _cycle(lane, lambda: lane.lab.rebuild(lane.node, board))


def _cycle(lane: Lane, meanwhile: Callable[[], None] = lambda: None) -> float:
    """Shut a node down, do something to it while it is off, and power it on: the time counts from its being back."""
    lane.lab.shutdown(lane.node)
    meanwhile()
    lane.lab.poweron(lane.node)
    return time.time()


WITH_SC: Final = (
    _benign("nothing is done", _nothing),
    _benign("container restarted, its program run in it", _restart_container),
    _tampering(
        SC, {"unknown_executable"}, "new malicious program in the container", _in_container(attacks.run_in_container)
    ),
    _benign("instance replaced", _replace),
    _tampering(SC, {"modified_file"}, "program of the container modified", _in_container(attacks.modify_in_container)),
    _benign("instance replaced, with another configuration", _replace_with_other_configuration),
    _tampering(
        SC,
        {"changed_configuration"},
        "configuration file changed on the node",
        _in_container(attacks.change_configuration),
    ),
    _benign("instance replaced", _replace),
    _tampering("runtime", {"modified_file"}, "container runtime crun changed", _in_container(attacks.change_runtime)),
    _benign("crun put back, node rebooted, instance replaced", _restore_runtime),
)

WITHOUT_SC: Final = (
    _benign("package with Reference Values installed, run", _install_with_values),
    _tampering(
        "os",
        {"unknown_executable"},
        "package without Reference Values installed, run",
        lambda lane: _install(lane, "lab-unknown"),
    ),
    _benign("its Reference Values made", lambda lane: _make_values(lane, "lab-unknown")),
    _benign("kernel module loaded that is named", _load("ifb")),
    _tampering("runtime", {"unknown_module"}, "signed module loaded that nothing names", _load_forgotten),
    _benign("that module named", _remember_module),
    _tampering("hardware", {"hardware_changed"}, "recorded serial number changed in the store", _change_record),
    _benign("serial number recorded as it is", _restore_record),
    _tampering("os", {"unknown_executable"}, "new malicious program on the host", _run_on_host),
    _benign("program removed, power cycle", _clean_and_cycle),
    _tampering(
        "firmware",
        {"secure_boot_disabled", "secure_boot_policy_changed"},
        "Secure Boot off after a power cycle",
        _secure_boot(on=False),
    ),
    _benign("Secure Boot on after a power cycle", _secure_boot(on=True)),
    _tampering("hardware", {"hardware_changed"}, "another main board and one network card more", _board(_OTHER_BOARD)),
    _benign("former hardware after a power cycle", _board(Board())),
)

__all__ = ["INSTANCE", "SC", "WITHOUT_SC", "WITH_SC", "enrol", "enrol_and_deploy"]
