# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who a real SSH server lets in by certificate, who is turned away, and what is recorded of it."""

from __future__ import annotations

import secrets
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from ansible_collections.palantir.trust.plugins.plugin_utils.edge.login import refusal
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import PkiError
from ansible_collections.palantir.trust.plugins.plugin_utils.ssh import authority as ca
from ansible_collections.palantir.trust.plugins.plugin_utils.ssh.refusals import REASONS, what_ssh_said
from ansible_collections.palantir.trust.plugins.plugin_utils.ssh.revocation_list import revocation_list
from ansible_collections.palantir.trust.plugins.plugin_utils.store import certificates, ssh_ca, ssh_certificates
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store
from ansible_collections.palantir.trust.plugins.plugin_utils.watch.program import INSTALLED
from tests.unit.ssh.keys import host_key
from tests.unit.ssh.server import Server, served

NOW = datetime.now(UTC)
HOUR = timedelta(hours=1)
SITE, OTHER = (ca.load(ca.make(), "SSH CA") for _ca in range(2))
LINE = ca.public_line(SITE)
REVOKED = 0x1234


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    revocations = revocation_list(LINE, [REVOKED, 7], 2, NOW.timestamp())
    with served(tmp_path_factory.mktemp("s") / "operator", "operator", LINE, revocations) as started:
        yield started


def shown(
    directory: Path,
    role: str = "operator",
    *,
    issuer: Any = SITE,
    now: datetime = NOW,
    monkeypatch: pytest.MonkeyPatch | None = None,
    **request: Any,
) -> Path:
    """Put a key and a certificate into a directory; return the key's file."""
    own = ed25519.Ed25519PrivateKey.generate()
    if monkeypatch is not None:
        monkeypatch.setattr(secrets, "randbits", lambda _bits: REVOKED - 1)
    wanted = ca.UserRequest(**{"role": role, "holder": "anna", "lifetime": HOUR, **request})
    issued = ca.issue(issuer, wanted, own.public_key(), now)
    form = serialization.PrivateFormat.OpenSSH
    key = directory / "key"
    key.touch(mode=0o600)
    key.write_bytes(own.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    (directory / "key-cert.pub").write_bytes(issued.public_bytes() + b"\n")
    return key


def test_the_forced_command_is_where_the_collector_is_installed() -> None:
    assert ca.COLLECTOR == INSTALLED


def test_a_certificate_is_what_openssh_takes_for_one(tmp_path: Path) -> None:
    key = shown(tmp_path, "observer", source_addresses=("192.0.2.0/24", "2001:db8::1"))
    told = subprocess.run(["ssh-keygen", "-Lf", f"{key}-cert.pub"], check=True, capture_output=True, text=True).stdout
    lines = [line.strip() for line in told.splitlines()]
    assert lines[1] == "Type: ssh-ed25519-cert-v01@openssh.com user certificate"
    assert lines[4].startswith('Key ID: "observer anna ')
    assert lines[7:] == [
        "Principals:",
        "trust-observer",
        "Critical Options:",
        "force-command sudo -n /usr/local/libexec/palantir.trust/collector",
        "source-address 192.0.2.0/24,2001:db8::1/128",
        "Extensions: (none)",
    ]


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ({"role": "root"}, "role 'root': is none"),
        ({"holder": " "}, "needs a holder"),
        ({"lifetime": timedelta(hours=169)}, "give 1 to 168 hours"),
        ({"lifetime": timedelta(0)}, "give 1 to 168 hours"),
        ({"source_addresses": ("192.0.2.1/24",)}, "source address that is none"),
        ({"source_addresses": ("192.0.2.1,0.0.0.0/0",)}, "source address that is none"),
        ({"command": "id"}, "of role operator has no command"),
    ],
)
def test_what_cannot_be_certified_is_refused(tmp_path: Path, request_: dict[str, Any], said: str) -> None:
    with pytest.raises(PkiError, match=said):
        shown(tmp_path, **request_)


def test_openssh_reads_the_revocation_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "krl").write_bytes(revocation_list(LINE, [REVOKED, 7], 2, 1.0))
    (tmp_path / "empty").write_bytes(revocation_list(LINE, [], 0, 0.0))
    for name in ("good", "bad"):
        (tmp_path / name).mkdir()
    good, bad = shown(tmp_path / "good"), shown(tmp_path / "bad", monkeypatch=monkeypatch)

    def revoked(key: Path, krl: str) -> bool:
        command = ["ssh-keygen", "-Qf", str(tmp_path / krl), f"{key}-cert.pub"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode in (0, 1), done.stderr
        return done.returncode == 1

    assert (revoked(good, "krl"), revoked(bad, "krl"), revoked(bad, "empty")) == (False, True, False)


# Who is let in


def test_the_right_certificate_is_let_in_and_named_in_the_node_s_log(server: Server, tmp_path: Path) -> None:
    done = server.ssh(shown(tmp_path), "echo", "it", "works")
    assert (done.returncode, done.stdout) == (0, "it works\n"), done.stderr
    assert "operator anna" in server.log()


def test_neither_a_terminal_nor_a_forwarding_is_given(server: Server, tmp_path: Path) -> None:
    key = shown(tmp_path)
    assert "PTY allocation request failed" in server.ssh(key, "tty", options=("-tt",)).stderr
    refused = server.ssh(key, options=("-W", f"127.0.0.1:{server.port}"))
    assert "administratively prohibited" in refused.stderr, refused
    behind = server.ssh(
        key, "true", options=("-o", "ExitOnForwardFailure=yes", "-R", f"{server.directory}/back:127.0.0.1:1")
    )
    assert "remote port forwarding failed" in behind.stderr, behind
    assert server.ssh(key, "printenv", "SSH_AUTH_SOCK", options=("-A",)).stdout == ""


def test_an_observer_runs_its_one_command_whatever_it_asks_for(tmp_path: Path) -> None:
    with served(tmp_path / "observer", "observer", LINE, revocation_list(LINE, [], 0, 0.0)) as started:
        key = shown(tmp_path, "observer", command='echo "forced, not: $SSH_ORIGINAL_COMMAND"')
        for asked in (("id",), ()):
            done = started.ssh(key, *asked)
            assert (done.returncode, done.stdout) == (0, f"forced, not: {' '.join(asked)}\n"), done.stderr
        sftp = started.ssh(key, "sftp", options=("-s",))
        assert sftp.stdout.startswith("forced, not: "), "no file transfer, either"


# Who is turned away: (what is shown, what the node's log says, what the controller records)


def wrong_role(directory: Path, _monkeypatch: pytest.MonkeyPatch) -> Path:
    return shown(directory, "orchestrator")


def expired(directory: Path, _monkeypatch: pytest.MonkeyPatch) -> Path:
    return shown(directory, now=NOW - 2 * HOUR)


def not_yet_valid(directory: Path, _monkeypatch: pytest.MonkeyPatch) -> Path:
    return shown(directory, now=NOW + HOUR)


def revoked(directory: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return shown(directory, monkeypatch=monkeypatch)


def foreign(directory: Path, _monkeypatch: pytest.MonkeyPatch) -> Path:
    return shown(directory, issuer=OTHER)


def missing(directory: Path, _monkeypatch: pytest.MonkeyPatch) -> Path:
    key = shown(directory)
    (directory / "key-cert.pub").unlink()
    return key


def broken(directory: Path, _monkeypatch: pytest.MonkeyPatch) -> Path:
    key = shown(directory)
    (directory / "key-cert.pub").write_text("ssh-ed25519-cert-v01@openssh.com AAAA\n")
    return key


def elsewhere(directory: Path, _monkeypatch: pytest.MonkeyPatch) -> Path:
    return shown(directory, source_addresses=("192.0.2.0/24",))


class Connection:
    """As much of Ansible's connection plugin as tells as whom it was."""

    transport = "ssh"

    def __init__(self, key: Path, account: str) -> None:
        self._options = {"private_key_file": str(key), "remote_user": account}

    def get_option(self, name: str) -> str:
        return self._options[name]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A site whose CA has taken back one certificate."""
    path = tmp_path / "ca.pem"
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(SITE.private_bytes(*form))
    monkeypatch.setenv(ssh_ca.ENVIRONMENT, str(path))
    store = Store(f"sqlite:///{tmp_path}/store.sqlite3")
    (tmp_path / "revoked").mkdir()
    shown(tmp_path / "revoked", monkeypatch=monkeypatch)
    lost = ca.read_certificate((tmp_path / "revoked" / "key-cert.pub").read_bytes(), "lost")
    with store.transaction() as connection:
        ssh_certificates.record(connection, "operator", lost, NOW.timestamp())
        ssh_certificates.revoke(connection, "operator", None, NOW.timestamp(), "lost")
    monkeypatch.undo()
    monkeypatch.setenv(ssh_ca.ENVIRONMENT, str(path))
    return store


@pytest.mark.parametrize(
    ("show", "node_says", "recorded"),
    [
        (wrong_role, "Certificate does not contain an authorized principal", "certificate_wrong_role"),
        (expired, "Certificate invalid: expired", "certificate_expired"),
        (not_yet_valid, "Certificate invalid: not yet valid", "certificate_not_yet_valid"),
        (revoked, "revoked by file", "certificate_revoked"),
        (foreign, "CA ECDSA SHA256:", "certificate_foreign"),
        (missing, "Failed publickey", "certificate_missing"),
        (broken, "Failed publickey", "certificate_malformed"),
        (elsewhere, "not from a permitted source address", "login_refused"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_who_is_turned_away_is_recorded(
    server: Server,
    store: Store,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    show: Any,
    node_says: str,
    recorded: str,
) -> None:
    key = show(tmp_path, monkeypatch)
    before = len(server.log())
    done = server.ssh(key, "echo", "in")
    assert (done.returncode, done.stdout) == (255, "")
    assert node_says in server.log()[before:], server.log()[before:]
    told = refusal(Connection(key, "trust-operator"), done.stderr, store, NOW.timestamp())
    assert told is not None
    assert told["refused"] == recorded
    assert recorded in REASONS
    assert told["account"] == "trust-operator"


def test_a_login_without_a_role_is_refused_without_a_guess(server: Server, store: Store, tmp_path: Path) -> None:
    done = server.ssh(shown(tmp_path, now=NOW - 2 * HOUR), "true")
    connection = Connection(tmp_path / "key", "root")
    assert refusal(connection, done.stderr, store, 0.0) == {"refused": "login_refused", "account": "root"}
    assert refusal(connection, "ssh: connect to host 127.0.0.1 port 9: Connection refused", store, 0.0) is None
    connection.transport = "local"
    assert refusal(connection, done.stderr, store, 0.0) is None


@pytest.mark.parametrize(
    ("known", "code"),
    [
        ("{other}", "host_key_changed"),
        ("", "host_key_unknown"),
        ("{own}\n@revoked * {own}", "host_key_revoked"),
    ],
)
def test_a_host_key_that_is_not_the_recorded_one_is_refused(
    server: Server, tmp_path: Path, known: str, code: str
) -> None:
    own = server.host_key
    try:
        server.know(known.format(own=own, other=host_key(b"other")))
        done = server.ssh(shown(tmp_path), "echo", "in")
    finally:
        server.know(own)
    assert (done.returncode, done.stdout) == (255, "")
    assert what_ssh_said(done.stderr) == code, done.stderr


# What is kept


def test_certificates_of_both_cas_are_kept_apart(store: Store, tmp_path: Path) -> None:
    at = NOW.timestamp()
    with store.transaction() as connection:
        assert certificates.revoked(connection, 0.0) == []
        assert certificates.revocations(connection) == 0
        assert ssh_certificates.is_revoked(connection, REVOKED)
        assert not ssh_certificates.is_revoked(connection, REVOKED + 1)
        number = int(at) * 1_000_000 + 1
        assert ssh_certificates.revocations(connection, LINE) == revocation_list(LINE, [REVOKED], number, at)
        for name in ("a", "b"):
            (tmp_path / name).mkdir()
        two = [ca.read_certificate((shown(tmp_path / n).parent / "key-cert.pub").read_bytes(), n) for n in ("a", "b")]
        for one in two:
            ssh_certificates.record(connection, "operator", one, at)
        (taken,) = ssh_certificates.revoke(connection, "operator", two[0].serial, at, "one of two")
        assert taken.serial == f"{two[0].serial:x}"
        assert not ssh_certificates.is_revoked(connection, two[1].serial)
        assert ssh_certificates.revoke(connection, "observer", two[1].serial, at, "of another role") == []


@pytest.mark.parametrize("line", [b"", b"ssh-dss AAAA", b"-----BEGIN OPENSSH PRIVATE KEY-----", LINE.encode()[:40]])
def test_what_is_no_public_key_is_not_certified(line: bytes) -> None:
    with pytest.raises(PkiError, match="no public key that can be certified"):
        ca.read_public_key(line, "key.pub")


def test_a_certificate_is_no_key_to_certify_and_a_host_s_none_of_a_user(tmp_path: Path) -> None:
    key = shown(tmp_path)
    subprocess.run(["ssh-keygen", "-q", "-s", key, "-h", "-I", "host", "-n", "node1", server_key(tmp_path)], check=True)
    with pytest.raises(PkiError, match="no SSH certificate of a user"):
        ca.read_certificate((tmp_path / "host-cert.pub").read_bytes(), "host-cert.pub")
    with pytest.raises(PkiError, match="no SSH certificate of a user"):
        ca.read_certificate(LINE.encode(), "ca.pub")


def server_key(directory: Path) -> Path:
    path = directory / "host"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
    return path.with_suffix(".pub")
