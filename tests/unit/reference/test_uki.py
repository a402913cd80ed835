# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A unified kernel image tells beforehand what its stub, and then the kernel's, measure of it."""

from __future__ import annotations

import contextlib
import hashlib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import ReferenceValueError
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.boot import boot_reference_values
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.initrd import read_initrd
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.pe import authenticode, pe_sections
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.uki import handed_over, uki_sections
from tests.unit.reference.test_boot import MAIN, sha256
from tests.unit.reference.uki_builder import hashed, image

NOW = datetime(2026, 11, 23, tzinfo=UTC)
KERNEL = image((".text", b"kernel code"))
UKI = image(
    (".text", b"stub"),
    (".osrel", b"ID=lab\n"),
    (".cmdline", b"root=/dev/vda ro\0"),
    (".initrd", MAIN),
    (".pcrsig", b"{}"),
    (".uname", b"6.1.0"),
    (".linux", KERNEL),
)
from tests.unit.support.examples import examples


def test_sections_are_measured_in_the_stubs_order_whatever_the_files_order() -> None:
    assert [section.name for section in uki_sections(UKI, "uki")] == [
        ".linux",
        ".osrel",
        ".cmdline",
        ".initrd",
        ".uname",
    ]
    assert uki_sections(UKI, "uki")[1].content == b"ID=lab\n"


def test_a_section_is_as_long_as_it_is_in_memory() -> None:
    longer = image((".linux", b"kernel"), larger=0x400)
    assert uki_sections(longer, "uki")[0].content == b"kernel" + bytes(0x400)
    with pytest.raises(ReferenceValueError, match=r"uki: has a section \.linux that is \d+ bytes larger in memory"):
        uki_sections(image((".linux", b"kernel"), larger=1 << 30), "uki")


def test_an_efi_program_without_a_kernel_is_no_unified_kernel_image() -> None:
    assert uki_sections(image((".text", b"x"), (".osrel", b"y")), "program") == ()


def test_sections_of_all_profiles_are_known() -> None:
    profiles = image((".linux", b"k"), (".cmdline", b"a"), (".profile", b"ID=1"), (".cmdline", b"b"))
    assert [tuple(section) for section in uki_sections(profiles, "uki")] == [
        (".linux", b"k"),
        (".cmdline", b"a"),
        (".cmdline", b"b"),
        (".profile", b"ID=1"),
    ]


def test_the_disk_that_is_handed_over_is_the_section_or_the_section_and_what_was_packed() -> None:
    plain = image((".linux", b"k"), (".initrd", b"disk!"))
    assert handed_over(plain, "uki") == (b"disk!", b"disk!\0\0\0")
    with_extras, newer = handed_over(UKI, "uki")
    assert with_extras.startswith(MAIN)
    assert newer.startswith(with_extras)
    packed = read_initrd(newer[len(MAIN) + -len(MAIN) % 4 :])
    assert packed.files == {
        "/.extra/tpm2-pcr-signature.json": sha256(b"{}"),
        "/.extra/os-release": sha256(b"ID=lab\n"),
    }
    assert handed_over(image((".linux", b"k")), "uki") == ()


def test_an_archive_of_the_stub_has_its_form() -> None:
    """One directory and one file, with inode numbers from 1 and no times (pack_cpio_literal, systemd 257)."""
    (archive,) = {disk for disk in handed_over(image((".linux", b"k"), (".pcrpkey", b"PEM")), "uki") if disk}
    words = "00000001 0000416d 00000000 00000000 00000001 00000000 00000000"
    assert archive.startswith(b"070701" + words.replace(" ", "").encode())
    assert archive[110:120] == b".extra\0\0\0\0"
    assert archive[120:142] == b"070701" + b"00000002" + b"00008124"
    assert archive.endswith(b"0000000B00000000TRAILER!!!\0\0\0\0")
    assert len(archive) % 4 == 0


def test_reference_values_of_an_image_with_a_unified_kernel_image(tmp_path: Path) -> None:
    path = tmp_path / "EFI/Linux/lab.efi"
    path.parent.mkdir(parents=True)
    path.write_bytes(UKI)
    document = boot_reference_values(tmp_path, name="lab", created=NOW)
    known = {(e.pcr, digest) for e in document.events for digest in e.digests if digest.startswith("sha256:")}
    assert (4, sha256(hashed(UKI))) in known
    assert (4, sha256(hashed(KERNEL))) in known
    for section in uki_sections(UKI, "uki"):
        assert (11, sha256(section.name.encode() + b"\0")) in known
        assert (11, sha256(section.content)) in known
    assert (11, sha256(b"{}")) not in known
    for options in ("root=/dev/vda ro", "root=/dev/vda ro\0"):
        assert (9, sha256(options.encode("utf-16-le"))) in known
    for disk in handed_over(UKI, "uki"):
        assert (9, sha256(disk)) in known
    assert document.modules == ("ext4", "virtio_blk")
    assert document.files["/init"] == (sha256(b"#!/bin/sh\n"),)
    (linux,) = (e.what for e in document.events if e.digests[0] == sha256(KERNEL) and e.pcr == 11)
    assert linux == "/EFI/Linux/lab.efi (.linux)"


def test_authenticode_in_every_algorithm_hashes_the_same_bytes() -> None:
    assert authenticode(UKI, ("sha256", "sha512")) == (
        sha256(hashed(UKI)),
        "sha512:" + hashlib.sha512(hashed(UKI)).hexdigest(),
    )


@examples(100)
@given(st.data())
def test_no_damage_to_headers_ends_in_anything_but_sections_or_a_domain_error(data: st.DataObject) -> None:
    damaged = bytearray(UKI)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0x3C, 0x58 + 240 + 40 * 7))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(ReferenceValueError):
        sections = pe_sections(bytes(damaged))
        assert all(section.offset + section.size <= len(damaged) for section in sections)
        uki_sections(bytes(damaged), "uki")
        handed_over(bytes(damaged), "uki")
