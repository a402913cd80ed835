# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Buffers that the kernel measures, as its sources write them."""

from __future__ import annotations

import hashlib
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.palantir.trust.plugins.filter.ima_log import ima_log
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.buffers import (
    MAX_TEXT,
    Buffer,
    read_buffer,
    verity_devices,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.log import parse_ima_log
from tests.unit.support.examples import examples
from tests.unit.verifier.dm_buffers import LOADED, ROOT, VERITY, resumed
from tests.unit.verifier.ima_kernel import Kernel
from tests.unit.verifier.ima_signer import Vendor


def read(name: str, data: bytes) -> Buffer:
    buffer = read_buffer(parse_ima_log(Kernel().buffer(name, data).binary).entries[0])
    assert buffer is not None
    return buffer


def test_a_verity_table_tells_its_root_digest() -> None:
    loaded = read("dm_table_load", LOADED)
    assert loaded.kind == "records"
    assert loaded.records[0] == {"dm_version": "4.46.0"}
    assert loaded.records[1]["name"] == "test-verity"
    device = {"name": "test-verity", "root_digest": ROOT, "algorithm": "sha256", "resumed": False}
    assert verity_devices([loaded]) == [device]
    assert verity_devices([loaded, read("dm_device_resume", resumed(LOADED))]) == [device | {"resumed": True}]
    assert verity_devices([loaded, read("dm_device_resume", resumed(b"another"))]) == [device]


def test_a_name_with_separators_does_not_end_its_record() -> None:
    data = rb"dm_version=4.46.0;name=a\,uuid\=x\;root_digest\=y\\,uuid=;" + VERITY.encode()
    assert read("dm_table_load", data).records[1] == {"name": "a,uuid=x;root_digest=y\\", "uuid": ""}


def test_a_removed_device_tells_both_its_tables() -> None:
    data = (
        b"dm_version=4.46.0;device_active_metadata=name=linear1,uuid=,major=253;"
        b"device_inactive_metadata=name=linear1,uuid=,major=253;"
        b"active_table_hash=sha256:4d73,inactive_table_hash=sha256:5596,remove_all=n;current_device_capacity=8;"
    )
    assert [dict(record) for record in read("dm_device_remove", data).records] == [
        {"dm_version": "4.46.0"},
        {"device_active_metadata": "", "name": "linear1", "uuid": "", "major": "253"},
        {"device_inactive_metadata": "", "name": "linear1", "uuid": "", "major": "253"},
        {"active_table_hash": "sha256:4d73", "inactive_table_hash": "sha256:5596", "remove_all": "n"},
        {"current_device_capacity": "8"},
    ]


@pytest.mark.parametrize(
    ("name", "data", "plain"),
    [
        (
            "selinux-state",
            b"initialized=1;enforcing=1;checkreqprot=0;",
            {"kind": "records", "records": [{"initialized": "1"}, {"enforcing": "1"}, {"checkreqprot": "0"}]},
        ),
        ("selinux-policy-hash", bytes(range(32)), {"kind": "digest", "digest": bytes(range(32)).hex()}),
        ("kernel_version", b"6.1.0-42-amd64", {"kind": "text", "text": "6.1.0-42-amd64"}),
        ("kexec-cmdline", b"root=/dev/vda ro\0", {"kind": "text", "text": "root=/dev/vda ro"}),
        ("kexec-cmdline", b"\x1b[31m{{ x }}\n", {"kind": "text", "text": "\\x1b[31m{{ x }}\\n"}),
        ("kexec_load", b"kexec_segment_size=4096;", {"kind": "records", "records": [{"kexec_segment_size": "4096"}]}),
        ("someone-elses", b"a=b;", {"kind": "data"}),
        ("dm_table_load", b"no pairs", {"kind": "data"}),
        ("dm_table_load", b"\xff\xfe", {"kind": "data"}),
        ("dm_table_load", b"a=b;" * MAX_TEXT, {"kind": "data"}),
    ],
)
def test_what_the_filter_tells_of_a_buffer(name: str, data: bytes, plain: dict[str, Any]) -> None:
    (entry,) = ima_log(Kernel().buffer(name, data).binary)["entries"]
    assert entry["buffer"] == plain


def test_a_key_is_named_by_what_signatures_name_it_by() -> None:
    vendor = Vendor()
    (entry,) = ima_log(Kernel().buffer(".ima", vendor.der).binary)["entries"]
    assert entry["buffer"]["kind"] == "key"
    assert entry["buffer"]["subject"] == "CN=Vendor"
    assert vendor.key_id.hex() in entry["buffer"]["key_ids"]
    assert entry["buffer"]["sha256"] == "sha256:" + hashlib.sha256(vendor.der).hexdigest()


def test_a_keyring_of_a_tables_name_makes_no_table() -> None:
    assert read("dm_table_load", Vendor().der).kind == "key"


def test_a_file_that_is_called_a_buffer_is_none() -> None:
    log = parse_ima_log(Kernel().measure("ima-buf", d_ng=(b"sha256:\0" + bytes(32), "")).binary)
    assert read_buffer(log.entries[0]) is None


def test_the_filter_tells_what_a_signature_says_of_itself() -> None:
    vendor = Vendor()
    kernel = Kernel().measure("ima-sig", sig=(vendor.sign(b"agent"), "")).measure("ima-sig", sig=(b"\3\1", ""))
    first, second = ima_log(kernel.binary)["entries"]
    assert first["signature"] == {
        "kind": "content",
        "version": 2,
        "algorithm": "sha256",
        "key_id": vendor.key_id.hex(),
    }
    assert second["signature"] == {"unreadable": "cut short after 2 bytes"}


@examples(200)
@given(st.sampled_from(["dm_table_load", "selinux-state", ".ima", "kexec-cmdline"]), st.binary(max_size=200))
def test_any_buffer_is_read_as_something(name: str, data: bytes) -> None:
    buffer = read(name, data)
    assert (buffer.kind == "records") == bool(buffer.records)
    verity_devices([buffer])


_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=8)


@examples(200)
@given(st.lists(st.dictionaries(_TEXT, _TEXT, min_size=1, max_size=4), min_size=1, max_size=5))
def test_what_is_escaped_as_the_kernel_does_is_read_back(records: list[dict[str, str]]) -> None:
    def escaped(text: str) -> str:
        return "".join("\\" + c if c in "\\;=," else c for c in text)

    text = "".join(",".join(f"{escaped(k)}={escaped(v)}" for k, v in record.items()) + ";" for record in records)
    assert [dict(record) for record in read("dm_table_load", text.encode()).records] == records


@pytest.mark.parametrize("unit", [b"\\", b";", b"=", b",", b"\\;", b"a=b,", b"=;"])
def test_a_hostile_buffer_costs_little(unit: bytes) -> None:
    start = time.perf_counter()
    read("dm_table_load", (unit * MAX_TEXT)[: MAX_TEXT - 1])
    assert time.perf_counter() - start < 1
