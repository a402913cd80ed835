# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Host keys: read from what a hostile node says, compared, and written down for ssh."""

from __future__ import annotations

import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.palantir.trust.plugins.module_utils._ssh import ssh
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import EvidenceError, StoreError
from ansible_collections.palantir.trust.plugins.plugin_utils.ssh.host_keys import (
    Change,
    compare,
    fingerprint,
    is_key,
    read_host_keys,
    shown_keys,
    taken_over,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.ssh.known_hosts import HEADER, Host, known_hosts
from tests.unit.ssh.keys import host_key

OLD, NEW, OTHER = host_key(b"old"), host_key(b"new"), host_key(b"other")
RSA, RSA2 = host_key(b"rsa", b"ssh-rsa"), host_key(b"rsa2", b"ssh-rsa")


def test_a_node_names_the_keys_of_its_server(tmp_path: Path) -> None:
    (tmp_path / "ssh_host_ed25519_key.pub").write_text(f"{OLD} root@node1\n")
    (tmp_path / "ssh_host_rsa_key.pub").write_text(f"{RSA}\n")
    (tmp_path / "ssh_host_rsa_key").write_text("-----BEGIN OPENSSH PRIVATE KEY-----\nsecret\n")
    (tmp_path / "ssh_host_empty_key.pub").write_text("")
    (tmp_path / "moduli").write_text("2")
    facts = {"ssh": ssh(str(tmp_path))}
    assert facts == {"ssh": {"host_keys": sorted([OLD, RSA])}}
    assert read_host_keys(facts) == tuple(sorted([OLD, RSA]))
    assert ssh(str(tmp_path / "none")) == {"host_keys": []}


def test_a_node_names_a_bounded_number_of_keys(tmp_path: Path) -> None:
    for number in range(40):
        (tmp_path / f"ssh_host_{number}_key.pub").write_text(f"ssh-ed25519 {'A' * 20_000}{number}")
    keys = ssh(str(tmp_path))["host_keys"]
    assert len(keys) == 1, "cut to one length, they are one"
    assert len(keys[0]) < 8193


@pytest.mark.parametrize(
    "told",
    [
        [OLD],
        {"host_keys": OLD},
        {"host_keys": [OLD] * 17},
        {"host_keys": [1]},
        {"host_keys": ["ssh-ed25519"]},
        {"host_keys": [f"{OLD}\n@cert-authority * {NEW}"]},
        {"host_keys": [f"{OLD} comment"]},
        {"host_keys": ["ssh-rsa " + OLD.split()[1]]},
        {"host_keys": ["ssh-ed25519 AAAA"]},
        {"host_keys": ["ssh-ed25519 " + "A" * 9000]},
    ],
)
def test_what_is_no_list_of_keys_is_refused(told: Any) -> None:
    with pytest.raises(EvidenceError, match=r"facts\.ssh\.host_keys"):
        read_host_keys({"ssh": told})


@settings(max_examples=30, deadline=None)
@given(st.recursive(st.none() | st.integers() | st.text(max_size=8), lambda s: st.lists(s, max_size=3), max_leaves=5))
def test_whatever_a_node_says_ends_in_keys_or_in_an_error(told: Any) -> None:
    with suppress(EvidenceError):
        assert all(is_key(key) for key in read_host_keys({"ssh": told, "host_keys": told}))


def test_a_key_is_known_by_the_fingerprint_that_ssh_shows(tmp_path: Path) -> None:
    path = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
    shown = subprocess.run(["ssh-keygen", "-lf", f"{path}.pub"], check=True, capture_output=True, text=True).stdout
    key = " ".join((tmp_path / "key.pub").read_text().split()[:2])
    assert is_key(key)
    assert fingerprint(key) == shown.split()[1]


@pytest.mark.parametrize(
    ("recorded", "found", "change"),
    [
        ([OLD], [OLD], Change()),
        ([OLD], [OLD, NEW], Change(added=(NEW,))),
        ([OLD, NEW], [NEW], Change(gone=(OLD,))),
        ([OLD, RSA], [OLD], Change(gone=(RSA,))),
        ([OLD], [NEW], Change(replaced=(OLD,), added=(NEW,))),
        ([OLD], [], Change(replaced=(OLD,))),
        ([OLD], [RSA], Change(replaced=(OLD,), added=(RSA,))),
        ([OLD, RSA], [NEW, RSA], Change(replaced=(OLD,), added=(NEW,))),
        ([OLD, RSA], [OLD, RSA2], Change(replaced=(RSA,), added=(RSA2,))),
    ],
    ids=["same", "announced", "old one gone", "type gone", "other", "none", "other type", "one of two", "rsa of two"],
)
def test_a_key_in_place_of_another_is_told_from_one_that_was_announced(
    recorded: list[str], found: list[str], change: Change
) -> None:
    assert compare(recorded, found) == change


def test_a_rotation_that_is_announced_never_replaces_a_key() -> None:
    record = taken_over({}, [OLD])
    assert not compare(record["ssh_host_keys"], [OLD, NEW]).replaced
    record = taken_over(record, [OLD, NEW])
    assert record == {"ssh_host_keys": sorted([OLD, NEW]), "ssh_host_keys_revoked": []}
    assert not compare(record["ssh_host_keys"], [NEW]).replaced
    record = taken_over(record, [NEW])
    assert record == {"ssh_host_keys": [NEW], "ssh_host_keys_revoked": [OLD]}
    assert taken_over(record, [OLD]) == {"ssh_host_keys": [OLD], "ssh_host_keys_revoked": [NEW]}
    assert taken_over(record, []) == {"ssh_host_keys": [], "ssh_host_keys_revoked": [OLD]}


def test_the_key_that_was_shown_is_read_from_ssh_s_own_lines() -> None:
    line = f"debug1: Server host key: ssh-ed25519 {fingerprint(OLD)}\r\n"
    assert shown_keys(f"OpenSSH_9.2\ndebug1: Connecting\n{line}debug1: done\n") == (fingerprint(OLD),)
    certified = line.replace("ssh-ed25519 ", "ssh-ed25519-cert-v01@openssh.com ")
    assert shown_keys(certified) == (fingerprint(OLD),)
    assert shown_keys(f"debug1: Remote protocol version 2.0, remote software version {line}") == ()
    forged = f"debug1: Remote: x\ndebug1: Server host key: ssh-ed25519 {fingerprint(NEW)}\n"
    assert len(shown_keys(forged + line)) == 2, "two are one too many"


# The file


def test_a_node_is_known_by_name_address_and_aliases() -> None:
    recorded = {"ssh_host_keys": [OLD, RSA], "ssh_host_keys_revoked": [NEW]}
    text = known_hosts(
        [
            (Host("node1", "192.0.2.1"), {"ssh_host_keys": [OLD]}),
            (Host("node2", "2001:db8::2", 2222, ("edge2.example",)), recorded),
            (Host("node3", "node3"), {}),
        ]
    )
    who = "node2,[2001:db8::2]:2222,[edge2.example]:2222"
    assert text == (f"{HEADER}node1,192.0.2.1 {OLD}\n{who} {OLD}\n{who} {RSA}\n@revoked {who} {NEW}\n")


def test_ssh_finds_them(tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    keys = {"ssh_host_keys": [OLD]}
    path.write_text(known_hosts([(Host("node1", "192.0.2.1", 2222), keys), (Host("node2", "edge2.example"), keys)]))

    def found(name: str) -> bool:
        return (
            OLD
            in subprocess.run(
                ["ssh-keygen", "-F", name, "-f", path], capture_output=True, text=True, check=False
            ).stdout
        )

    assert [found(name) for name in ("[192.0.2.1]:2222", "node1", "node2", "edge2.example")] == [True] * 4
    assert [found(name) for name in ("192.0.2.1", "[192.0.2.1]:22", "[node1]:2222", "node3")] == [False] * 4


@pytest.mark.parametrize(
    "host",
    [
        Host("*", "192.0.2.1"),
        Host("node1", "192.0.2.?"),
        Host("node1", "!192.0.2.1"),
        Host("node1", "a,b"),
        Host("node1", "a b"),
        Host("node1", "a\nb"),
        Host("node1", "192.0.2.1", aliases=("|1|x|y",)),
        Host("@revoked", "192.0.2.1"),
        Host("#1", "192.0.2.1"),
        Host("node1", ""),
        Host("node1", "192.0.2.1", 0),
        Host("node1", "192.0.2.1", 65536),
    ],
)
def test_what_would_be_another_line_or_pattern_is_refused(host: Host) -> None:
    with pytest.raises(StoreError):
        known_hosts([(host, {"ssh_host_keys": [OLD]})])
    with pytest.raises(StoreError, match="no host key"):
        known_hosts([(Host("node1", "node1"), {"ssh_host_keys": ["ssh-ed25519 AAAA"]})])
