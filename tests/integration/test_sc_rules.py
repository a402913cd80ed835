# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the lab's web application firewalls and its firewall let pass, and what they refuse, asked from outside."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.integration.scs import BACKEND_PORT, Catalogue, Running, cable, needs_root, running
from tests.unit.support.namespace import Namespace, lone

pytestmark = needs_root
ENGINES = ("podman", "haproxy")
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}
MULTIPART = {"Content-Type": "multipart/form-data; boundary=b"}

# Method, target, header fields, body.
Asked = tuple[str, str, dict[str, str], str]


def get(target: str, **fields: str) -> Asked:
    return "GET", target, {name.replace("_", "-"): value for name, value in fields.items()}, ""


def post(body: str, fields: dict[str, str] = FORM, target: str = "/login") -> Asked:
    return "POST", target, fields, body


HONEST: list[Asked] = [
    get("/"),
    get("/index.html?lang=en"),
    get("/search?q=union+square+hotels&page=2"),
    get("/search?q=select+a+gift+or+a+card"),
    get("/search?q=rock+%26+roll&id=5"),
    get("/search?q=5+or+6+people"),
    get("/articles/2026/what's-new"),
    get("/files/report..final.pdf"),
    get("/tags/c%2B%2B?discount=100%25"),
    get("/caf%C3%A9/men%C3%BC"),
    get("/a?next=/account/settings"),
    get("/", User_Agent="Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"),
    post("user=alice&password=correct+horse+battery%21"),
    post("comment=I+don%27t+like+it%2C+and+that+is+all.&rating=1"),
    post('{"name": "O\'Brien", "share": "100%", "note": "drop by; bring cake"}', JSON, "/api"),
    post('--b\r\nContent-Disposition: form-data; name="f"\r\n\r\nwhat is here\r\n--b--\r\n', MULTIPART, "/upload"),
    post("x" * 8000, {"Content-Type": "text/plain"}, "/notes"),
    ("PUT", "/api/1", JSON, '{"a": 1}'),
    ("DELETE", "/api/1", {}, ""),
    ("HEAD", "/", {}, ""),
]
HOSTILE: list[Asked] = [
    get("/../../etc/passwd"),
    get("/static/../../../etc/shadow"),
    get("/static/%2e%2e/%2e%2e/secret"),
    get("/static/..%2f..%2fsecret"),
    get("/static/%252e%252e/secret"),
    get("/show?file=../../config"),
    get("/show?file=..%5c..%5cboot.ini"),
    get("/show?file=/etc/passwd"),
    get("/show?file=%2Fproc%2Fself%2Fenviron"),
    get("/show?file=a%00.png"),
    get("/show?file=%zz&id=1%27--"),
    get("/item?id=1%27%20OR%20%271%27=%271"),
    get("/item?id=1+or+1%3D1"),
    get("/item?id=1%27--%20"),
    get("/item?id=1'--"),
    get("/item?id=-1+UNION+SELECT+user,password+FROM+users"),
    get("/item?id=-1+uNiOn/**/aLl/**/sElEcT+1"),
    get("/item?id=1;DROP+TABLE+users"),
    get("/item?id=1+AND+SLEEP(5)"),
    get("/item?id=1;WAITFOR+DELAY+'0:0:5'"),
    get("/item?id=100%25&x=1%2527%2520or%25201=1"),
    get("/search?q=%3Cscript%3Ealert(1)%3C/script%3E"),
    get("/search?q=%3Cimg+src=x+oNeRrOr=alert(1)%3E"),
    get("/go?to=javascript:alert(1)"),
    get("/ping?host=1.1.1.1%3Bcat+x"),
    get("/ping?host=$(id)"),
    get("/", User_Agent="sqlmap/1.7"),
    get("/", User_Agent="() { :; }; /bin/ls"),
    get("/", User_Agent="x' or 1=1"),
    post("user=admin%27--&password=x"),
    post("user=admin&password=%27+or+%271%27%3D%271"),
    post("user=%zz&password=%27+or+1%3D1"),
    post("user=a%00&password=b"),
    post("user=a\0&password=' or 1=1"),
    post('{"user": "x\' or 1=1"}', JSON, "/api"),
    post('--b\r\nContent-Disposition: form-data; name="f"\r\n\r\n../../etc/passwd\r\n--b--\r\n', MULTIPART),
    post("a" * 8000 + "' or 1=1", {"Content-Type": "text/plain"}),
    post("a" * 9000, {"Content-Type": "text/plain"}),
    get("/?" + "a" * 5000),
    get("/", X_Long="b" * 9000),
    ("TRACE", "/", {}, ""),
    ("PROPFIND", "/", {}, ""),
]
REFUSED = {400, 403, 405, 413, 414, 431}

_BACKEND = f"""
import http.server

class Site(http.server.BaseHTTPRequestHandler):
    def reply(self):
        print(self.command, self.path, flush=True)
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_TRACE = do_PROPFIND = reply

    def log_message(self, *_):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", {BACKEND_PORT}), Site)
print("ready", flush=True)
server.serve_forever()
"""
_CLIENT = """
import http.client, json, sys
told = []
for method, target, fields, body in json.load(sys.stdin):
    connection = http.client.HTTPConnection("127.0.0.1", 8080, timeout=10)
    connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
    sent = body.encode("latin-1")
    for name, value in {"Host": "shop.example", "Connection": "close", **fields}.items():
        connection.putheader(name, value)
    if sent:
        connection.putheader("Content-Length", str(len(sent)))
    connection.endheaders(sent or None)
    told.append(connection.getresponse().status)
    connection.close()
print(json.dumps(told))
"""


class Backend:
    """The site behind a web application firewall, which notes what comes through."""

    def __init__(self, namespace: Namespace, log: Path) -> None:
        self.log = log
        command = ["nsenter", f"--net=/proc/{namespace.pid}/ns/net", sys.executable, "-c", _BACKEND]
        with log.open("wb") as output:
            self.process = subprocess.Popen(command, stdout=output)

    def seen(self) -> list[str]:
        return self.log.read_text(encoding="utf-8").splitlines()[1:]


@contextmanager
def guarded(catalogue: Catalogue, flavour: str, home: Path) -> Iterator[tuple[Running, Backend]]:
    with lone() as namespace:
        backend = Backend(namespace, home / "backend")
        try:
            with running(catalogue, "waf", flavour, home, namespace) as waf:
                assert waf.health().isdecimal(), waf.cage.log.read_text()
                yield waf, backend
        finally:
            backend.process.kill()
            backend.process.wait()


def statuses(namespace: Namespace, asked: list[Asked]) -> list[int]:
    done = namespace.run(sys.executable, "-c", _CLIENT, input=json.dumps(asked), check=False)
    assert done.returncode == 0, done.stderr
    told: list[int] = json.loads(done.stdout)
    return told


@pytest.mark.parametrize("flavour", ENGINES)
def test_honest_requests_pass_and_hostile_ones_do_not(catalogue: Catalogue, tmp_path: Path, flavour: str) -> None:
    with guarded(catalogue, flavour, tmp_path) as (waf, backend):
        passed = dict(zip(map(str, HONEST), statuses(waf.namespace, HONEST), strict=True))
        assert {asked: status for asked, status in passed.items() if status != 200} == {}
        assert backend.seen() == [f"{method} {target}" for method, target, _fields, _body in HONEST]

        blocked = dict(zip(map(str, HOSTILE), statuses(waf.namespace, HOSTILE), strict=True))
        assert {asked: status for asked, status in blocked.items() if status not in REFUSED} == {}
        assert len(backend.seen()) == len(HONEST)


_SERVE = """
import socket, sys
listeners = [socket.create_server(("", int(port))) for port in sys.argv[1:]]
print("ready", flush=True)
import time; time.sleep(60)
"""


@contextmanager
def serving(namespace: Namespace, *ports: int) -> Iterator[None]:
    command = ["nsenter", f"--net=/proc/{namespace.pid}/ns/net", sys.executable, "-c", _SERVE, *map(str, ports)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        assert server.stdout.readline() == b"ready\n"
        try:
            yield
        finally:
            server.kill()


def reaches(namespace: Namespace, address: str, port: int) -> bool:
    ask = f"import socket; socket.create_connection(({address!r}, {port}), 0.7)"
    return namespace.run(sys.executable, "-c", ask, check=False).returncode == 0


def test_the_gateway_forwards_what_its_rules_name_and_drops_the_rest(catalogue: Catalogue, tmp_path: Path) -> None:
    with lone() as office, lone() as site, running(catalogue, "firewall", "nspawn", tmp_path, office) as firewall:
        inside = firewall.cage.pid
        cable(inside, office, "west", "198.51.100.1", "198.51.100.9", "198.51.100.10")
        cable(inside, site, "east", "192.0.2.1", "192.0.2.80", "192.0.2.81")
        for namespace, gateway in ((office, "198.51.100.1"), (site, "192.0.2.1")):
            namespace.run("ip", "route", "add", "default", "via", gateway)
        forward = "echo 1 > /proc/sys/net/ipv4/ip_forward"
        subprocess.run(["nsenter", f"--net=/proc/{inside}/ns/net", "sh", "-c", forward], check=True, timeout=10)
        with serving(site, 22, 23, 443), serving(office, 443, 22):
            assert reaches(office, "192.0.2.80", 443)
            assert reaches(office, "192.0.2.80", 22)
            assert not reaches(office, "192.0.2.80", 23)
            assert not reaches(office, "192.0.2.81", 443)
            # What was asked for comes back; nobody asks from there.
            assert not reaches(site, "198.51.100.9", 443)
            assert not reaches(site, "198.51.100.9", 22)

            # The gateway itself is nobody's but the probe's.
            assert not reaches(office, "198.51.100.1", 23)


def test_an_image_without_rules_of_the_site_lets_nobody_in(catalogue: Catalogue, tmp_path: Path) -> None:
    """Not even the probe, which is refused at once where the site's rules are in force."""
    with lone() as office, running(catalogue, "firewall", "nspawn", tmp_path, office, configured=False) as firewall:
        assert "Port 7999 of 203.0.113.1 is filtered, not closed." in firewall.health(2)
