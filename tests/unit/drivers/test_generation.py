# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.palantir.trust.plugins.module_utils._errors import NodeError
from ansible_collections.palantir.trust.plugins.module_utils._generation import (
    File,
    Generation,
    Port,
    Resources,
    checked,
    checked_place,
    record,
    recorded,
)
from tests.unit.drivers.scene import BASE, IMAGE, generation


def test_a_generation_has_a_name_of_its_own_everywhere() -> None:
    found = generation()
    assert found.tag == "dns-1-g3"
    assert found.unit == "palantir-podman-dns-1-g3.service"
    assert generation(driver="nspawn").unit == "palantir-sc-dns-1-g3.service"
    assert found.place == "/var/lib/palantir.trust/dns-1/g3"
    assert found.archive == f"/var/lib/palantir.trust/.images/{IMAGE}.tar"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": "Dns"}, "name: 'Dns' is not accepted."),
        ({"name": "../x", "directory": "/x/../x"}, "name: '../x'"),
        ({"name": "-x"}, "name: '-x'"),
        ({"name": "dns-1\n"}, "name: 'dns-1\\n'"),
        ({"number": 0}, "generation: 0"),
        ({"directory": "/var/lib/palantir.trust"}, "directory: '/var/lib/palantir.trust'"),
        ({"directory": "/var/lib/../dns-1"}, "directory: '/var/lib/../dns-1'"),
        ({"directory": "/var/lib/%n/dns-1"}, "directory: '/var/lib/%n/dns-1'"),
        ({"directory": "dns-1"}, "directory: 'dns-1'"),
        ({"network": "bridge"}, "network: 'bridge'"),
        ({"image": "latest"}, "image: 'latest'"),
        ({"image": IMAGE + "\n"}, "image: "),
        ({"uid_base": 0}, "uid_base: 0"),
        ({"uid_base": 65535}, "uid_base: 65535"),
        ({"uid_base": (1 << 31) - 1}, "uid_base: 2147483647"),
        ({"uid_count": 0}, "uid_base: "),
        ({"capabilities": ["CAP_NET_ADMIN"]}, None),
        ({"capabilities": ["net_admin"]}, "capabilities: 'net_admin'"),
        ({"capabilities": ["A,CAP_SYS_ADMIN"]}, "capabilities: "),
        ({"command": ["dnsmasq"]}, "command: 'dnsmasq'"),
        ({"command": ["/bin/x", "a\nExecStartPre=/bin/y"]}, "command: "),
        ({"command": ["/bin/x", ""]}, "command: ''"),
        ({"command": ["-/bin/x"]}, "command: '-/bin/x'"),
        ({"files": [File("/etc/a b", "")]}, "files: '/etc/a b'"),
        ({"files": [File("/etc/a:b", "")]}, "files: '/etc/a:b'"),
        ({"files": [File("/etc/../x", "")]}, "files: '/etc/../x'"),
        ({"files": [File("/etc/x", "", "maybe")]}, "files: '/etc/x'"),
        ({"ports": [Port(0, "udp", 53)]}, "ports: (0, 'udp', 53)"),
        ({"ports": [Port(53, "sctp", 53)]}, "ports: (53, 'sctp', 53)"),
        ({"ports": [Port(53, "udp", 53), Port(53, "udp", 54)]}, "ports: (53, 'udp', 54)"),
        ({"resources": Resources(cpu=0)}, "resources.cpu: 0"),
        ({"resources": Resources(cpu=float("nan"))}, "resources.cpu: nan"),
        ({"resources": Resources(memory=1000)}, "resources.memory: 1000"),
        ({"resources": Resources(pids=0)}, "resources.pids: 0"),
        ({"ports": [Port(n, "tcp", n) for n in range(1, 300)]}, "ports: 299"),
    ],
)
def test_what_may_not_become_an_argument_or_a_line_of_a_unit_is_refused(
    changes: dict[str, Any], said: str | None
) -> None:
    if said is None:
        assert generation(**changes).capabilities == changes["capabilities"]
        return
    with pytest.raises(NodeError) as caught:
        generation(**changes)
    assert caught.value.code == "bad_argument"
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_place_is_all_that_must_be_in_order_to_remove_what_is_there() -> None:
    assert checked_place(Generation("dns-1", 1, "podman", "/x/dns-1")).tag == "dns-1-g1"
    with pytest.raises(NodeError, match="directory"):
        checked_place(Generation("dns-1", 1, "podman", "/x/dns-2"))


def test_a_record_gives_the_generation_back_without_the_content_of_its_files() -> None:
    found = generation(command=["/usr/sbin/x"], resources=Resources(0.5, 64 << 20, 20), network="private")
    plain = json.loads(json.dumps(record(found)))
    assert "port=53" not in json.dumps(plain)
    again = recorded(plain, found.directory)
    assert record(again) == record(found)
    assert again.files == [File("/etc/dnsmasq.conf", "", "signal")]


@given(
    key=st.sampled_from(sorted(record(generation()))),
    value=st.one_of(st.none(), st.integers(), st.text(max_size=5), st.lists(st.text(max_size=3), max_size=3)),
)
@settings(max_examples=60)
def test_a_record_that_was_changed_is_refused_or_in_order(key: str, value: object) -> None:
    plain = record(generation()) | {key: value}
    with contextlib.suppress(NodeError):
        found = recorded(plain, "/var/lib/palantir.trust/dns-1")
        assert checked(found) == found
        assert found.uid_base == (value if key == "uid_base" else BASE)
