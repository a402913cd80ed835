# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import contextlib
import hashlib
import lzma
import shutil
import struct
import subprocess
import zlib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import ReferenceValueError
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.boot import (
    ALGORITHMS,
    boot_reference_values,
    grub_texts,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.initrd import read_initrd
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.pe import authenticode_sha256

NOW = datetime(2026, 11, 23, tzinfo=UTC)
CHECKSUM, CERTIFICATES = b"\x11\x22\x33\x44", struct.pack("<II", 0x600, 0x10)


def sha256(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def pe_parts(signature: bytes = b"S" * 0x10) -> list[bytes]:
    """A PE32+ image in the pieces that Authenticode tells apart."""
    dos = b"MZ".ljust(0x3C, b"\0") + struct.pack("<I", 0x40)
    coff = b"PE\0\0" + struct.pack("<HHIIIHH", 0x8664, 2, 0, 0, 0, 240, 0)
    optional = struct.pack("<H", 0x20B).ljust(60, b"\1") + struct.pack("<I", 0x200)
    after_checksum = b"\0\0".ljust(40, b"\2") + struct.pack("<I", 16) + b"\3" * 32
    other_directories = b"\4" * (11 * 8)
    # Out of order in the table: the digest takes sections by their place in the file.
    second = struct.pack("<8sIIIIIIHHI", b".data", 0, 0, 0x100, 0x400, 0, 0, 0, 0, 0)
    first = struct.pack("<8sIIIIIIHHI", b".text", 0, 0, 0x200, 0x200, 0, 0, 0, 0, 0)
    head = dos + coff + optional
    rest = other_directories + second + first
    rest += b"\0" * (0x200 - len(head) - 4 - len(after_checksum) - 8 - len(rest))
    trailer = b"T" * 0x100
    return [
        head,
        CHECKSUM,
        after_checksum,
        CERTIFICATES,
        rest,
        b"X" * 0x200 + b"D" * 0x100 + trailer,
        signature,
    ]


def test_authenticode_leaves_out_checksum_certificate_entry_and_signature() -> None:
    head, checksum, middle, entry, rest, body, signature = pe_parts()
    assert len(head + checksum + middle + entry + rest) == 0x200
    digest = authenticode_sha256(head + checksum + middle + entry + rest + body + signature)
    assert digest == sha256(head + middle + rest + body)
    assert authenticode_sha256(head + b"\0\0\0\0" + middle + entry + rest + body + b"Z" * 0x10) == digest
    assert authenticode_sha256(head + checksum + middle + entry + rest + b"Y" + body[1:] + signature) != digest


@pytest.mark.parametrize("length", [0, 2, 0x40, 0x58, 0x90, 0x150, 0x1FF, 0x300])
def test_a_truncated_image_is_refused(length: int) -> None:
    with pytest.raises(ReferenceValueError, match="grubx64"):
        authenticode_sha256(b"".join(pe_parts())[:length], "grubx64.efi")


@given(st.data())
def test_no_damage_to_an_image_ends_in_anything_but_a_digest_or_a_domain_error(data: st.DataObject) -> None:
    image = bytearray(b"".join(pe_parts()))
    for _ in range(data.draw(st.integers(1, 4))):
        image[data.draw(st.integers(0, 0x1FF))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(ReferenceValueError):
        assert authenticode_sha256(bytes(image)).startswith("sha256:")


def test_grub_texts_are_commands_and_the_kernel_command_line() -> None:
    configuration = """\
# made by hand
linux  /vmlinuz root=LABEL=palantir-root rw 'ima_template_fmt=d-ng|n-ng|sig'   # quoted bars
initrd /initrd.img
boot
"""
    assert grub_texts(configuration) == (
        "linux /vmlinuz root=LABEL=palantir-root rw ima_template_fmt=d-ng|n-ng|sig",
        "/vmlinuz root=LABEL=palantir-root rw ima_template_fmt=d-ng|n-ng|sig",
        "initrd /initrd.img",
        "boot",
    )


def test_grub_quotes_what_the_kernel_would_split() -> None:
    assert grub_texts("""linux /vmlinuz dyndbg="file a.c +p" x=it\\'s""")[1] == (
        """/vmlinuz "dyndbg=file a.c +p" x=it\\'s"""
    )


@pytest.mark.parametrize(
    "configuration",
    ["set root=$x\nboot\n", "if true; then\nboot\nfi\n", 'linux "/vmlinuz', 'echo "$x"', "menuentry Debian {\n}\n"],
)
def test_texts_of_more_than_plain_commands_are_not_guessed(configuration: str) -> None:
    assert grub_texts(configuration) == ()


def member(name: str, content: bytes = b"", *, inode: int = 0, mode: int = 0o100644) -> bytes:
    encoded = name.encode() + b"\0"
    inode = inode or zlib.crc32(encoded)
    header = b"070701" + b"".join(
        b"%08x" % n for n in (inode, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(encoded), 0)
    )
    padded = header + encoded + b"\0" * (-(len(header) + len(encoded)) % 4)
    return padded + content + b"\0" * (-len(content) % 4)


MICROCODE = member("kernel/x86/microcode/GenuineIntel.bin", b"m" * 9) + member("TRAILER!!!") + b"\0" * 200
MAIN = (
    member("init", b"#!/bin/sh\n")
    + member("usr/lib/modules/6.1.0/kernel/drivers/virtio/virtio-blk.ko", b"module")
    + member("usr/lib/modules/6.1.0/kernel/fs/ext4/ext4.ko.xz", b"module")
    + member("TRAILER!!!")
)


@pytest.mark.parametrize(
    "main", [MAIN, lzma.compress(MAIN), zlib.compress(MAIN, wbits=31)], ids=["plain", "xz", "gzip"]
)
def test_modules_of_an_initial_ram_disk_behind_its_microcode(main: bytes) -> None:
    assert read_initrd(MICROCODE + main).modules == ("ext4", "virtio_blk")


def test_files_of_a_disk_with_hard_links_whose_last_carries_the_content() -> None:
    disk = (
        member("usr", mode=0o40755)
        + member("bin", b"usr/bin", mode=0o120777)
        + member("usr/bin/sh", inode=7)
        + member("usr/bin/cat", b"binary", inode=7)
        + member("conf/empty")
        + member("TRAILER!!!")
    )
    assert read_initrd(disk).files == {
        "/usr/bin/sh": sha256(b"binary"),
        "/usr/bin/cat": sha256(b"binary"),
        "/conf/empty": sha256(b""),
    }


@pytest.mark.skipif(shutil.which("zstd") is None, reason="the program zstd is not installed")
def test_modules_of_a_disk_compressed_with_zstd() -> None:
    packed = subprocess.run(["zstd", "-c"], input=MAIN, capture_output=True, check=True).stdout
    assert read_initrd(MICROCODE + packed).modules == ("ext4", "virtio_blk")


@pytest.mark.parametrize("cut", [50, 130, 200, len(MAIN) - 60])
def test_a_truncated_disk_is_refused(cut: int) -> None:
    with pytest.raises(ReferenceValueError, match="initrd"):
        read_initrd(MAIN[:cut], "initrd.img")


def test_boot_values_name_programs_files_texts_and_modules(tmp_path: Path) -> None:
    image = b"".join(pe_parts())
    for name, data in {
        "EFI/BOOT/BOOTX64.EFI": image,
        "EFI/debian/grub.cfg": b"linux /vmlinuz quiet\nboot\n",
        "initrd.img": MICROCODE + MAIN,
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    document = boot_reference_values(tmp_path, name="lab", created=NOW)
    assert {(e.pcr, e.what, e.digests[0]) for e in document.events} == {
        (4, "/EFI/BOOT/BOOTX64.EFI", authenticode_sha256(image)),
        (9, "/EFI/BOOT/BOOTX64.EFI", sha256(image)),
        (9, "/EFI/debian/grub.cfg", sha256(b"linux /vmlinuz quiet\nboot\n")),
        (9, "/EFI/debian/grub.cfg", sha256("BOOT_IMAGE=/vmlinuz quiet".encode("utf-16-le"))),
        (9, "/initrd.img", sha256(MICROCODE + MAIN)),
    }
    assert {tuple(digest.partition(":")[0] for digest in e.digests) for e in document.events} == {ALGORITHMS}
    initrd = next(e for e in document.events if e.what == "/initrd.img")
    assert initrd.digests[1] == "sha384:" + hashlib.sha384(MICROCODE + MAIN).hexdigest()
    assert [t.text for t in document.texts] == ["linux /vmlinuz quiet", "/vmlinuz quiet", "boot"]
    assert document.modules == ("ext4", "virtio_blk")
    assert document.files["/init"] == (sha256(b"#!/bin/sh\n"),)


def test_a_tree_without_an_efi_program_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReferenceValueError, match=r"holds no EFI program\. Next: give the root of the ESP's tree"):
        boot_reference_values(tmp_path, name="lab", created=NOW)
