# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Units and quadlets by their text, and by what systemd itself says of them where it is installed."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.palantir.trust.plugins.module_utils import _nspawn, _podman, _systemd_unit, _units
from ansible_collections.palantir.trust.plugins.module_utils._errors import NodeError
from ansible_collections.palantir.trust.plugins.module_utils._generation import Generation, Resources
from tests.unit.drivers.scene import BASE, COMMAND, IMAGE, generation

ANALYZE = shutil.which("systemd-analyze")
LIMITED = Resources(cpu=0.5, memory=128 << 20, pids=200)
needs_analyze = pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not installed")


def values(text: str, key: str) -> list[str]:
    return [line.split("=", 1)[1] for line in text.splitlines() if line.startswith(f"{key}=")]


def words(text: str) -> list[str]:
    """Return the words of a command line as systemd reads it (systemd.service(5)): specifiers and variables apart."""
    found = re.findall(r'"((?:[^"\\]|\\.)*)"|([^ ]+)', text)
    return [re.sub(r"\\(.)", r"\1", a or b).replace("%%", "%").replace("$$", "$") for a, b in found]


def config_of(text: str) -> str:
    found = re.search(r"/g3/config/[0-9a-f]{64}", text)
    assert found is not None
    return "/var/lib/palantir.trust/dns-1" + found[0]


def test_a_podman_without_quadlets_gets_a_unit() -> None:
    text = _podman.unit(generation(capabilities=["SETGID", "SETUID"], resources=LIMITED), "/usr/bin/podman")
    (command,) = values(text, "ExecStart")
    assert words(command) == [
        "/usr/bin/podman",
        "run",
        "--detach",
        "--cgroups=no-conmon",
        "--sdnotify=conmon",
        "--replace",
        "--name=dns-1-g3",
        "--cidfile=/run/palantir-podman-dns-1-g3.cid",
        "--pull=never",
        "--label=palantir.trust.instance=dns-1",
        f"--uidmap=0:{BASE}:65536",
        f"--gidmap=0:{BASE}:65536",
        "--log-driver=k8s-file",
        "--log-opt=max-size=33554432b",
        "--cpus=0.5",
        "--memory=134217728b",
        "--memory-swap=134217728b",
        "--pids-limit=200",
        "--network=host",
        "--cap-drop=all",
        "--cap-add=SETGID",
        "--cap-add=SETUID",
        "--security-opt=no-new-privileges",
        f"--volume={config_of(text)}:/etc/dnsmasq.conf:ro",
        IMAGE,
    ]
    assert values(text, "Type") == ["notify"]
    assert values(text, "Restart") == ["no"]
    assert "[Install]" not in text, "nothing starts by itself on a host that has not proven itself"


def test_a_command_takes_the_place_of_the_images_own() -> None:
    text = _podman.unit(generation(command=["/bin/a", '"b"', "50%", "$HOME"]), "/usr/bin/podman")
    (command,) = values(text, "ExecStart")
    assert '--entrypoint=["/bin/a", "\\"b\\"", "50%", "$HOME"]' in words(command)


def test_a_container_with_a_network_of_its_own_is_made_before_its_unit_starts_it() -> None:
    text = _podman.unit(generation(network="private"), "/usr/bin/podman")
    assert values(text, "ExecStart") == ["/usr/bin/podman start dns-1-g3"]
    assert values(text, "Type") == ["forking"]
    assert values(text, "PIDFile") == ["/run/palantir-podman-dns-1-g3.pid"]


def test_a_podman_with_quadlets_gets_one_that_says_the_same() -> None:
    asked = generation(capabilities=["SETUID"], command=["/usr/sbin/x", "-d"])
    text = _podman.quadlet(asked)
    assert text.splitlines()[1:5] == ["", "[Unit]", "Description=SC instance dns-1, generation 3 (podman)", ""]
    assert values(text, "ContainerName") == ["dns-1-g3"]
    assert values(text, "Image") == [IMAGE]
    assert values(text, "Network") == ["host"]
    assert values(text, "AddCapability") == ["CAP_SETUID"]
    assert values(text, "DropCapability") == ["all"]
    assert values(text, "Volume") == [f"{config_of(text)}:/etc/dnsmasq.conf:ro"]
    (more,) = values(text, "PodmanArgs")
    (command,) = values(_podman.unit(asked, "/usr/bin/podman"), "ExecStart")
    assert set(words(more)) <= set(words(command))
    assert "[Install]" not in text


def test_a_machine_of_nspawn_has_its_range_by_chown_and_no_capability() -> None:
    text = _nspawn.unit(generation(driver="nspawn", command=COMMAND), "/usr/bin/systemd-nspawn")
    found = words(values(text, "ExecStart")[0])
    assert f"--private-users={BASE}:65536" in found
    assert "--private-users-ownership=chown" in found
    assert "--no-new-privileges=yes" in found
    assert f"--bind-ro={config_of(text)}:/etc/dnsmasq.conf" in found
    assert found[found.index("--") + 1 :] == list(COMMAND)
    (dropped,) = (word for word in found if word.startswith("--drop-capability="))
    assert "CAP_SYS_ADMIN" in dropped
    assert not any(word.startswith("--capability=") for word in found)


def test_a_machine_of_nspawn_keeps_the_capabilities_that_it_asks_for() -> None:
    asked = generation(driver="nspawn", command=COMMAND, capabilities=["NET_ADMIN", "SETUID"], network="private")
    found = words(values(_nspawn.unit(asked, "/usr/bin/systemd-nspawn"), "ExecStart")[0])
    (dropped,) = (word for word in found if word.startswith("--drop-capability="))
    assert not {"CAP_NET_ADMIN", "CAP_SETUID"} & set(dropped.partition("=")[2].split(","))
    assert "--capability=CAP_NET_ADMIN,CAP_SETUID" in found


def test_a_service_is_confined_to_its_root_and_its_user() -> None:
    text = _systemd_unit.unit(generation(driver="systemd", command=COMMAND, resources=LIMITED))
    assert values(text, "RootDirectory") == ["/var/lib/palantir.trust/dns-1/g3/root"]
    assert values(text, "User") == values(text, "Group") == [str(BASE)]
    assert values(text, "CapabilityBoundingSet") == values(text, "AmbientCapabilities") == [""]
    assert values(text, "PrivateUsers") == ["yes"]
    assert values(text, "BindReadOnlyPaths") == [f"{config_of(text)}:/etc/dnsmasq.conf"]
    assert values(text, "CPUQuota") == ["50%"]
    assert values(text, "MemoryMax") == ["134217728"]
    assert values(text, "MemorySwapMax") == ["0"]
    assert values(text, "TasksMax") == ["200"]


@pytest.mark.parametrize(
    ("capability", "network", "said"),
    [
        ("SETUID", "private", "use the driver nspawn or podman."),
        ("SYS_ADMIN", "private", "use the driver nspawn or podman."),
        ("NET_ADMIN", "host", "use the driver nspawn or podman."),
        ("NET_ADMIN", "private", "use the driver nspawn or podman."),
        ("NET_RAW", "host", "use the driver nspawn or podman, or a private network."),
        ("NET_RAW", "private", None),
        ("NET_BIND_SERVICE", "host", None),
    ],
)
def test_a_service_gets_no_capability_that_leads_out_of_its_range(
    capability: str, network: str, said: str | None
) -> None:
    asked = generation(driver="systemd", command=COMMAND, capabilities=[capability], network=network)
    if said is None:
        _systemd_unit.require_bearable(asked)
        return
    with pytest.raises(NodeError) as caught:
        _systemd_unit.require_bearable(asked)
    assert caught.value.code == "capability_refused"
    assert said in str(caught.value)


@needs_analyze
@pytest.mark.parametrize(
    ("asked", "most"),
    [
        (generation(driver="systemd", command=COMMAND), 15),
        (generation(driver="systemd", command=COMMAND, network="private"), 15),
        (generation(driver="systemd", command=COMMAND, capabilities=["NET_BIND_SERVICE"]), 20),
    ],
)
def test_systemd_itself_finds_a_service_little_exposed(tmp_path: Path, asked: Generation, most: int) -> None:
    path = tmp_path / asked.unit
    path.write_text(_systemd_unit.unit(asked), encoding="utf-8")
    assert ANALYZE is not None
    command = [ANALYZE, "security", "--offline=yes", f"--threshold={most}", "--no-pager", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout[-400:] + done.stderr


@needs_analyze
@pytest.mark.parametrize("driver", ["podman", "nspawn", "systemd"])
def test_systemd_itself_reads_every_line(tmp_path: Path, driver: str) -> None:
    asked = generation(driver=driver, command=["/bin/sh", "a b", "50%", "$HOME", "x\\y", '"'], resources=LIMITED)
    text = {
        "podman": lambda: _podman.unit(asked, "/bin/true"),
        "nspawn": lambda: _nspawn.unit(asked, "/bin/true"),
        "systemd": lambda: _systemd_unit.unit(asked),
    }[driver]()
    path = tmp_path / asked.unit
    path.write_text(text, encoding="utf-8")
    assert ANALYZE is not None
    done = subprocess.run([ANALYZE, "verify", str(path)], capture_output=True, text=True, check=False, timeout=60)
    about = [line for line in done.stderr.splitlines() if asked.unit in line and "RootDirectory" not in line]
    assert [line for line in about if "not executable" not in line] == []


@given(st.lists(st.text(st.characters(min_codepoint=32, exclude_characters="\x7f", codec="utf-8"), max_size=20)))
@settings(max_examples=100)
def test_a_command_line_is_read_back_as_it_was(given_words: list[str]) -> None:
    wanted = ["/bin/x", *(word for word in given_words if word and not set(word) & set("\x85\u2028\u2029"))]
    line = _units.quoted(wanted)
    assert "\n" not in line
    assert words(line) == wanted
