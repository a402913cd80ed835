# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent beside a generation: its key, its certificate, and the hardened service that serves by them.

All of it lies below /run: the key is never on a disk, and gone with the boot, as the generation is. Each generation has
a key of its own, made here; what leaves is a request for a certificate.

This module is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import time
from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Optional

from ansible_collections.palantir.trust.plugins.module_utils import _instance_files, _units
from ansible_collections.palantir.trust.plugins.module_utils._commands import Tool
from ansible_collections.palantir.trust.plugins.module_utils._errors import NodeError
from ansible_collections.palantir.trust.plugins.module_utils._generation import Generation
from ansible_collections.palantir.trust.plugins.module_utils._text_files import read_text

AGENTS = "/run/palantir.trust/agents"
OPENSSL = Tool("openssl", "openssl", "openssl")
_PREFIX = "palantir-agent-"
_LISTENING_S = 45.0
"""On an emulated processor that others use as well, Python takes seconds to come up."""
_PAUSE_S = 0.05
_LIMIT = 8 << 20
_SIGNALS = {"none": "", "signal": "HUP", "replace": None}
"""How a change of a file is read, as the agent's settings say it."""
_HARDENED = (
    *_units.HARDENED,
    # None of them leads to systemd or to a container engine.
    ("RestrictAddressFamilies", "AF_INET AF_INET6"),
    ("SystemCallFilter", "@system-service"),
    ("SystemCallFilter", "~@privileged @resources"),
    ("MemoryMax", "%d" % (256 << 20)),
    ("TasksMax", "32"),
)


class Given(NamedTuple):
    """What an agent gets from the controller; of ``address`` and ``port``, what it has where they are None.

    Attributes:
        name: SPIFFE ID of the generation.
        certificate: of its key, PEM.
        authority: certificate of the site's CA, PEM.
        revocations: the CA's list, PEM.
        program: text of the agent.
        address: of the node, where it serves.
        port: TCP port of the node.
    """

    name: str
    certificate: str
    authority: str
    revocations: str
    program: str
    address: Optional[str] = None
    port: Optional[int] = None


def requested(generation: Generation) -> Dict[str, Any]:
    """Return a request for a certificate of a generation's key, which is made where it has none yet.

    Returns:
        ``changed``, ``request`` (PEM), ``certificate`` (PEM; empty where it has none), ``running``, and where it
        serves: ``address`` and ``port``, None where it does not yet.

    Raises:
        NodeError: ``no_openssl``, ``openssl_failed``, ``not_writable``.
    """
    folder = _folder(generation)
    key = os.path.join(folder, "key.pem")
    made = not os.path.exists(key)
    if made:
        _make_key(folder, key)
    asked = OPENSSL.run("req", "-new", "-batch", "-sha256", "-subj", "/CN=sc", "-key", key, limit=1 << 16)
    return {
        "changed": made,
        "request": asked.text,
        "certificate": read_text(os.path.join(folder, "certificate.pem"), 1 << 16) or "",
        "running": _units.running(_unit_name(generation)),
        **{key: _previous(folder).get(key) for key in ("address", "port")},
    }


def installed(generation: Generation, given: Given, process: int) -> Dict[str, bool]:
    """Have a generation's agent serve by what it is given, and no other generation's of its instance.

    Args:
        generation: by the node's record.
        given: by the controller.
        process: the generation's program; 0 where none runs.

    Returns:
        ``changed``, and ``restarted``. A new certificate and a new list need no restart.

    Raises:
        NodeError: ``no_key``, ``no_agent``, ``not_writable``, ``unit_failed``, ``systemd_failed``.
    """
    folder, name = _folder(generation), _unit_name(generation)
    if not os.path.exists(os.path.join(folder, "key.pem")):
        raise NodeError("no_key", "%s has no key." % generation.tag, "ask it for a request first.")
    wanted = _settings(generation, given)
    # The port is this one's now.
    changed = _removed(other for other in _folders(generation.name) if other != folder)
    note(generation, process)
    changed |= _kept(folder, "revocations.pem", given.revocations)
    changed |= _kept(folder, "certificate.pem", given.certificate)
    program = _kept(folder, "sc_agent.py", given.program)
    settings = _kept(folder, "settings.json", json.dumps(wanted, indent=1, sort_keys=True))
    text, path = unit(generation, int(wanted["port"])), os.path.join(_units.RUNTIME, name)
    rewritten = read_text(path) != text
    if rewritten:
        known = os.path.lexists(path)
        _units.write(path, text)
        if known:
            _units.reread()
    restart = program or settings or rewritten or not _units.running(name)
    if restart:
        _restart(folder, name)
    return {"changed": changed or restart, "restarted": restart}


def there(generation: Generation) -> bool:
    """Tell whether a generation has an agent, or a key for one."""
    return os.path.isdir(_folder(generation))


def note(generation: Generation, process: int) -> None:
    """Tell a generation's agent which process its program is; 0 where none runs.

    Raises:
        NodeError: ``not_writable``.
    """
    # proc(5), /proc/PID/stat: what follows the last parenthesis begins with the third field; the 22nd is the start.
    fields = (read_text("/proc/%d/stat" % process, 4096) or "").rpartition(")")[2].split() if process else []
    since = int(fields[19]) if len(fields) > 19 else 0
    _kept(_folder(generation), "program.json", json.dumps({"pid": process if since else 0, "since": since}))


def remove(name: str, number: Optional[int] = None) -> bool:
    """Remove a generation's agent with its key, or all of an instance; return whether there was any.

    Raises:
        NodeError: ``not_writable``, ``systemd_failed``.
    """
    return _removed(path for path in _folders(name) if number is None or path.endswith("-g%d" % number))


def unit(generation: Generation, port: int) -> str:
    """Return the unit of a generation's agent."""
    folder = _folder(generation)
    command = [sys.executable, "-I", "-B", os.path.join(folder, "sc_agent.py"), os.path.join(folder, "settings.json")]
    # Files of the range are written, and its processes signalled.
    capabilities = ["CAP_DAC_OVERRIDE", "CAP_KILL", *(["CAP_NET_BIND_SERVICE"] if port < 1024 else [])]
    service = [
        ("Type", "exec"),
        ("ExecStart", _units.quoted(command)),
        ("Restart", "on-failure"),
        ("RestartSec", "1"),
        ("TimeoutStopSec", "%d" % _units.STOP_S),
        ("CapabilityBoundingSet", " ".join(capabilities)),
        ("ReadWritePaths", _units.path_value(folder)),
        ("ReadWritePaths", _units.path_value(os.path.join(generation.place, "config"))),
        *_HARDENED,
    ]
    title = "Agent of SC instance %s, generation %d" % (generation.name, generation.number)
    return _units.text([("Unit", [("Description", title)]), ("Service", service)])


def _settings(generation: Generation, given: Given) -> Dict[str, Any]:
    folder = _folder(generation)
    before = _previous(folder)
    address, port = given.address or before.get("address"), given.port or before.get("port")
    if not isinstance(address, str) or not isinstance(port, int):
        raise NodeError(
            "no_agent", "%s has no agent yet, and no port was named." % generation.tag, "heal the instance."
        )
    return {
        "name": given.name,
        "address": address,
        "port": port,
        "authority": given.authority,
        "directory": folder,
        "program": os.path.join(folder, "program.json"),
        "configuration": {file.path: _SIGNALS[file.reload] for file in generation.files},
        "files": {inner: outer for outer, inner in _instance_files.mounts(generation)},
    }


def _previous(folder: str) -> Mapping[str, Any]:
    try:
        found = json.loads(read_text(os.path.join(folder, "settings.json"), _LIMIT) or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _make_key(folder: str, key: str) -> None:
    partial = key + ".partial"
    try:
        os.makedirs(AGENTS, mode=0o700, exist_ok=True)
        os.makedirs(folder, mode=0o700, exist_ok=True)
        os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600))
        OPENSSL.run("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", partial)
        os.chmod(partial, 0o600)
        os.replace(partial, key)
    except OSError as error:
        raise _not_writable(folder, error) from None


def _restart(folder: str, name: str) -> None:
    """Start a service anew, and wait until its port is open: of who could not have it, systemd knows nothing yet."""
    listening = os.path.join(folder, "listening")
    _units.stop(name)
    if os.path.lexists(listening):
        os.unlink(listening)
    _units.start(name)
    until = time.monotonic() + _LISTENING_S
    while not os.path.exists(listening):
        if time.monotonic() > until:
            raise NodeError(
                "unit_failed",
                "The agent %s does not listen: %s" % (name, _units.last_words(name)),
                "see journalctl -u %s on the node; another program may have its port." % name,
            )
        time.sleep(_PAUSE_S)


def _removed(folders: Iterable[str]) -> bool:
    removed = False
    for folder in folders:
        name = _PREFIX + os.path.basename(folder) + ".service"
        _units.stop(name)
        _units.remove(os.path.join(_units.RUNTIME, name), name)
        try:
            shutil.rmtree(folder)
        except OSError as error:
            raise _not_writable(folder, error) from None
        removed = True
    return removed


def _folders(name: str) -> List[str]:
    found = os.listdir(AGENTS) if os.path.isdir(AGENTS) else []
    ours = re.compile(re.escape(name) + r"-g[1-9][0-9]{0,9}")
    return [os.path.join(AGENTS, item) for item in sorted(found) if ours.fullmatch(item)]


def _kept(folder: str, name: str, content: str) -> bool:
    """Write a file whole in place of what is there; return whether it was another one."""
    path = os.path.join(folder, name)
    if read_text(path, _LIMIT) == content:
        return False
    partial = path + ".partial"
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(content)
        os.replace(partial, path)
    except OSError as error:
        raise _not_writable(path, error) from None
    return True


def _folder(generation: Generation) -> str:
    return os.path.join(AGENTS, generation.tag)


def _unit_name(generation: Generation) -> str:
    return _PREFIX + generation.tag + ".service"


def _not_writable(path: str, error: OSError) -> NodeError:
    return NodeError("not_writable", "%s: %s." % (path, error.strerror), "check the node's /run.")


__all__ = ["AGENTS", "OPENSSL", "Given", "installed", "note", "remove", "requested", "there", "unit"]
