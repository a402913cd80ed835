# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Notices through ansible-playbook, to a web server and a mail server on the loopback."""

from __future__ import annotations

import json
import os
import socket
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_string, policy
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.directory import SHIPPED
from ansible_collections.palantir.trust.plugins.plugin_utils.store import incidents
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store
from tests.lab.paths import CHECKOUT

TOKEN = "hook-3f9a-secret"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
TASKS = CHECKOUT / "roles" / "remediate" / "tasks"


class Hook(BaseHTTPRequestHandler):
    """Keeps what is posted with the right token."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        known = self.headers["Authorization"] == f"Bearer {TOKEN}"
        if known:
            self.server.posted.append(body)  # type: ignore[attr-defined]
        self.send_response(204 if known else 403)
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


class Told(Hook):
    """Keeps the path instead."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posted.append(self.path)  # type: ignore[attr-defined]
        self.send_response(200)
        self.end_headers()


class Post(socketserver.StreamRequestHandler):
    """As much of SMTP (RFC 5321) as takes a mail in."""

    def handle(self) -> None:
        self._say("220 loopback")
        for line in iter(self.rfile.readline, b""):
            word = line.split()[0].upper() if line.split() else b""
            if word == b"DATA":
                self._say("354 go on")
                text = b"".join(iter(self.rfile.readline, b".\r\n"))
                self.server.mails.append(text.decode())  # type: ignore[attr-defined]
            self._say("250 loopback")
            if word == b"QUIT":
                return

    def _say(self, text: str) -> None:
        self.wfile.write(text.encode() + b"\r\n")


@contextmanager
def serving(server: socketserver.TCPServer) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A site with one open incident."""
    with Store(f"sqlite:///{tmp_path}/store.sqlite3").transaction() as connection:
        incidents.open_incident(connection, "edge1", "os", "unknown_executable", 100.0)
    return tmp_path


def notify(home: Path, *channels: Any, **variables: Any) -> str:
    """Run the role's notices as a step does; return what was shown, which never fails."""
    tasks = [
        {"ansible.builtin.include_tasks": str(TASKS / "notify.yml")},
        {"ansible.builtin.debug": {"msg": "goes on"}},
    ]
    play = {
        "hosts": "localhost",
        "gather_facts": False,
        "vars_files": [str(TASKS.parent / "vars" / "main.yml")],
        "vars": {"palantir_trust_notify": [*channels], **variables},
        "tasks": tasks,
    }
    (home / "play.yml").write_text(yaml.safe_dump([play], sort_keys=False), encoding="utf-8")
    environment = {
        **os.environ,
        "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"),
        "ANSIBLE_HOME": str(home / "home"),
        "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
        "ANSIBLE_SHOW_CUSTOM_STATS": "1",
        "PALANTIR_TRUST_STORE": f"sqlite:///{home}/store.sqlite3",
    }
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "-vvv", "-i", "localhost,", "-c", "local"]
    done = subprocess.run(
        [*command, str(home / "play.yml")],
        env=environment,
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout
    assert "goes on" in done.stdout
    return " ".join((done.stdout + done.stderr).split())


def test_a_notice_goes_to_every_channel_once(home: Path) -> None:
    hook, post = HTTPServer(("127.0.0.1", 0), Hook), socketserver.TCPServer(("127.0.0.1", 0), Post)
    hook.posted, post.mails = [], []  # type: ignore[attr-defined]
    with serving(hook) as web, serving(post) as mail:
        channels = [
            {"type": "webhook", "url": f"http://127.0.0.1:{web}/hook", "headers": BEARER},
            {"type": "mail", "host": "127.0.0.1", "port": mail, "to": ["ops@example.com"], "secure": "never"},
            {"type": "awx"},
        ]
        shown = notify(home, *channels) + notify(home, *channels)
    text = "edge1 os: incident 1 is open: unknown_executable."
    assert hook.posted == [  # type: ignore[attr-defined]
        {
            "key": "1/opened",
            "event": "opened",
            "incident": 1,
            "node": "edge1",
            "layer": "os",
            "at": "1970-01-01T00:01:40+00:00",
            "text": text,
        }
    ]
    (letter,) = post.mails  # type: ignore[attr-defined]
    mail_sent = message_from_string(letter, policy=policy.default)
    assert (mail_sent["To"], mail_sent["Subject"]) == ("ops@example.com", f"[palantir.trust] {text}")
    assert '"palantir_trust_notices": [' in shown or "palantir_trust_notices:" in shown
    assert TOKEN not in shown


def test_what_cannot_be_sent_is_told_and_stops_nothing(home: Path) -> None:
    hook = HTTPServer(("127.0.0.1", 0), Hook)
    hook.posted = []  # type: ignore[attr-defined]
    with serving(hook) as web:
        good = {"name": "good", "type": "webhook", "url": f"http://127.0.0.1:{web}/hook", "headers": BEARER}
        refused = {"type": "webhook", "url": f"http://127.0.0.1:{web}/hook?key={TOKEN}"}
        unset = {**refused, "headers": {"Authorization": f"Bearer {TOKEN} {{{{ nowhere_set }}}}"}}
        shown = notify(home, refused, {"type": "pigeon"}, unset, good)
        assert "Notice 1/opened could not be sent over palantir_trust_notify[0]." in shown
        assert "palantir_trust_notify[1]: its type must be awx, mail or webhook." in shown
        assert "Notice 1/opened could not be sent over palantir_trust_notify[2]." in shown
        assert TOKEN not in shown
        notify(home, {**refused, "headers": BEARER}, good)
    keys = [item["key"] for item in hook.posted]  # type: ignore[attr-defined]
    assert keys == ["1/opened", "1/opened"], "once over the good one, and over the other one with the next run"


def test_a_channel_that_is_down_is_tried_once_in_a_run(home: Path) -> None:
    with Store(f"sqlite:///{home}/store.sqlite3").transaction() as connection:
        incidents.open_incident(connection, "edge2", "os", "unknown_executable", 100.0)
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    shown = notify(home, {"type": "webhook", "url": f"http://127.0.0.1:{port}"})
    assert shown.count("could not be sent over palantir_trust_notify[0].") == 1
    again = notify(home, {"type": "awx"})
    assert "edge1 os: incident 1 is open" in again, "both are sent by the next run"
    assert "edge2 os: incident 2 is open" in again


def test_no_password_goes_over_a_mail_server_without_encryption(home: Path) -> None:
    post = socketserver.TCPServer(("127.0.0.1", 0), Post)
    post.mails = []  # type: ignore[attr-defined]
    with serving(post) as port:
        mail = {"type": "mail", "host": "127.0.0.1", "port": port, "to": ["ops@example.com"]}
        shown = notify(home, {**mail, "username": "trust", "password": TOKEN})
    assert "Notice 1/opened could not be sent over palantir_trust_notify[0]." in shown
    assert TOKEN not in shown
    assert post.mails == []  # type: ignore[attr-defined]


def test_what_a_node_names_things_stays_text(home: Path) -> None:
    ran = home / "ran"
    name = f"x\r\nBcc: evil@example.com\r\n\r\n{{{{ lookup('pipe', 'touch {ran}') }}}}<!channel>" + "y" * 5000
    with Store(f"sqlite:///{home}/store.sqlite3").transaction() as connection:
        incidents.recovered(connection, 1, 101.0)
        incidents.open_incident(connection, "edge1", f"sc:{name}", "unknown_executable", 100.0)
    hook, post = HTTPServer(("127.0.0.1", 0), Hook), socketserver.TCPServer(("127.0.0.1", 0), Post)
    hook.posted, post.mails = [], []  # type: ignore[attr-defined]
    with serving(hook) as web, serving(post) as port:
        notify(
            home,
            {"type": "webhook", "url": f"http://127.0.0.1:{web}/hook", "headers": BEARER},
            {"type": "mail", "host": "127.0.0.1", "port": port, "to": ["ops@example.com"], "secure": "never"},
        )
    assert not ran.exists()
    (posted,) = hook.posted  # type: ignore[attr-defined]
    assert posted["text"].startswith(r"edge1 sc:x\r\nBcc: evil@example.com\r\n\r\n\x7b\x7b lookup('pipe'")
    assert "<" not in posted["text"]
    assert max(len(str(value)) for value in posted.values()) <= 401
    (letter,) = post.mails  # type: ignore[attr-defined]
    mail_sent = message_from_string(letter, policy=policy.default)
    assert mail_sent["Bcc"] is None
    assert mail_sent["To"] == "ops@example.com"


def test_the_site_s_table_says_who_is_told(home: Path) -> None:
    rules = home / "rules"
    rules.mkdir()
    for path in SHIPPED.iterdir():
        (rules / path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    table = {
        "decision_table": "who",
        "hit_policy": "COLLECT",
        "inputs": [{"name": "event", "type": "string"}, {"name": "layer", "type": "string"}],
        "outputs": [{"name": "notify", "type": "string", "values": ["day", "night", "all"]}],
        "rules": [
            {"id": "r1", "when": {"event": "opened"}, "then": {"notify": "day"}},
            {"id": "r2", "when": {"layer": "os"}, "then": {"notify": "all"}},
            {"id": "r3", "when": {"layer": "sc"}, "then": {"notify": "night"}},
        ],
    }
    (rules / "who.yml").write_text(yaml.safe_dump(table), encoding="utf-8")
    hook = HTTPServer(("127.0.0.1", 0), Told)
    hook.posted = []  # type: ignore[attr-defined]
    with serving(hook) as web:
        channels = [
            {"name": name, "type": "webhook", "url": f"http://127.0.0.1:{web}/{name}", "headers": BEARER}
            for name in ("day", "night", "all")
        ]
        notify(home, *channels, palantir_trust_rules=str(rules))
        assert hook.posted == ["/day", "/all"]  # type: ignore[attr-defined]
        shown = notify(home, *channels[1:], palantir_trust_rules=str(rules))
    assert "table who, output notify: the value ''day'' is unknown." in shown
    assert hook.posted == ["/day", "/all", "/night"], "in doubt all are told"  # type: ignore[attr-defined]
