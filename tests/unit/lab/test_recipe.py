# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the image is made of: sources, boot configuration, overlay, ELF closure."""

from __future__ import annotations

import contextlib
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.lab.errors import LabError
from tests.lab.image import apt_sources, elf
from tests.lab.image.esp import grub_cfg, grub_quoted
from tests.lab.image.fingerprint import fingerprint
from tests.lab.image.overlay import Entry, guest_entries, unit_entries, write_tar

DEB822 = """# comment
Types: deb
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main

Types: deb
URIs: https://deb.nodesource.com/node_20.x
Suites: nodistro
Components: main

Types: deb
Enabled: no
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main

Types: deb-src
URIs: http://mirror.example/debian
Suites: bookworm
Components: main
"""


def test_only_debians_own_binary_sources_are_taken() -> None:
    assert apt_sources.debian_stanzas(DEB822) == [
        "Types: deb\nURIs: http://mirror.example/debian\nSuites: bookworm bookworm-updates\nComponents: main"
    ]


def test_classic_lines_with_options_and_comments() -> None:
    text = (
        "deb [arch=amd64 signed-by=/k.gpg] http://m/debian bookworm main # mine\n"
        "deb-src http://m/debian bookworm main\n"
        "# deb http://m/debian bookworm main\n"
        "deb http://apt.postgresql.org/pub/repos/apt bookworm-pgdg main\n"
        "deb http://m/security bookworm-security main\n"
        "deb\n"
    )
    assert apt_sources.debian_lines(text) == [
        "deb [arch=amd64 signed-by=/k.gpg] http://m/debian bookworm main",
        "deb http://m/security bookworm-security main",
    ]


def test_a_machine_without_debian_sources_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"no APT source of Debian 12 \(bookworm\)"):
        apt_sources.collect(tmp_path)


def test_grub_takes_the_ima_template_for_no_pipe() -> None:
    assert grub_quoted("ima_template_fmt=d-ng|n-ng|sig") == "'ima_template_fmt=d-ng|n-ng|sig'"
    assert grub_quoted("ima_policy=tcb") == "ima_policy=tcb"
    assert grub_cfg(("rw", "a=b|c")) == "linuxefi /vmlinuz rw 'a=b|c'\ninitrdefi /initrd.img\nboot\n"
    with pytest.raises(LabError, match="single quote"):
        grub_quoted("a='b'")


def test_the_overlay_has_the_guests_files_and_masks() -> None:
    entries = guest_entries() | unit_entries()
    assert entries["etc/systemd/system/apt-daily.timer"].link == "/dev/null"
    assert entries["etc/initramfs-tools/hooks/lab"].mode == 0o755
    assert b"LABEL=palantir-root" in entries["etc/initramfs-tools/conf.d/lab"].data


def test_an_archive_is_the_same_twice_and_owned_by_root(tmp_path: Path) -> None:
    entries = {"b/c": Entry(b"x", 0o600), "a": Entry(link="b/c")}
    for name in ("one", "two"):
        write_tar(
            tmp_path / name, dict(reversed(entries.items())) if name == "two" else entries, directories={"b": 0o700}
        )
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    with tarfile.open(tmp_path / "one") as archive:
        seen = [(m.name, oct(m.mode), m.uid, m.gid, m.linkname) for m in archive]
    assert seen == [("a", "0o777", 0, 0, "b/c"), ("b", "0o700", 0, 0, ""), ("b/c", "0o600", 0, 0, "")]


@given(
    st.dictionaries(st.text(max_size=4), st.binary(max_size=8), max_size=4), st.text(max_size=4), st.binary(max_size=8)
)
def test_any_other_content_is_another_image(contents: dict[str, bytes], name: str, data: bytes) -> None:
    changed = {**contents, name: data}
    assert (fingerprint(contents) == fingerprint(changed)) == (contents == changed)


def test_the_closure_of_a_real_program_is_what_its_loader_needs() -> None:
    links: dict[str, str] = {}

    def read(path: str) -> bytes | None:
        real = Path("/") / path
        return real.resolve().read_bytes() if real.is_file() else None

    files, _ = elf.closure("/bin/sh", links, read)
    assert "bin/sh" in files
    assert any("ld-linux-x86-64.so.2" in path for path in files)
    assert any(path.endswith("/libc.so.6") for path in files)


def test_a_missing_library_is_named() -> None:
    shell = Path("/bin/sh").resolve().read_bytes()
    with pytest.raises(LabError, match=r"libc.so.6: in no package of the image"):
        elf.closure("/bin/sh", {}, lambda path: shell if path in {"bin/sh", "lib64/ld-linux-x86-64.so.2"} else None)


@given(st.integers(min_value=6, max_value=4096), st.binary(min_size=1, max_size=64))
def test_a_damaged_program_is_read_or_refused_and_never_a_crash(offset: int, damage: bytes) -> None:
    shell = Path("/bin/sh").resolve().read_bytes()
    for data in (shell[:offset], shell[:offset] + damage + shell[offset + len(damage) :], shell[:6] + damage):
        with contextlib.suppress(LabError):
            elf.read_needs(data)


@pytest.mark.parametrize("data", [b"", b"#!/bin/sh\n", b"\x7fELF\x01\x01", b"\x7fELF\x02\x01" + b"\xff" * 80])
def test_what_is_no_program_is_refused(data: bytes) -> None:
    with pytest.raises(LabError, match="ELF file"):
        elf.read_needs(data)


def test_links_are_followed_in_directories_and_loops_are_found() -> None:
    links = {"lib64": "usr/lib64", "usr/lib64/ld.so": "../lib/x/ld.so"}
    assert elf.resolve("lib64/ld.so", links) == ("usr/lib/x/ld.so", ("lib64", "usr/lib64/ld.so"))
    with pytest.raises(LabError, match="loop"):
        elf.resolve("a", {"a": "b", "b": "a"})
