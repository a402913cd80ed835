# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""FIELD.md row 10: twice the input costs about twice the work, whatever is repeated in it.

Work is counted in calls, not in time, so that a busy machine does not matter.
"""

from __future__ import annotations

import gzip
import json
import struct
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from ansible_collections.palantir.trust.plugins.plugin_utils.admission.manifest import Manifest
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.forms.write import write_table
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.table import load_table
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi import types as ev
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.log import parse_event_log
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.variable import EFI_GLOBAL
from tests.fuzz.examine import REFUSALS
from tests.fuzz.seeds.boot import PATHS, gpt, node
from tests.fuzz.seeds.evidence import answer
from tests.fuzz.seeds.site import cpio, image, tar
from tests.fuzz.targets import TARGETS
from tests.unit.admission.developer import packed
from tests.unit.appraisal.scene import Guest, document, sha256
from tests.unit.verifier.cel_builder import json_log, sequence, systemd, tlv_log
from tests.unit.verifier.event_log_builder import LogBuilder, signature_list, variable
from tests.unit.verifier.ima_kernel import Kernel

GROWTH = 2.5
"""Most that the work may grow by where the input doubles."""
LOAD_OPTIONS = struct.pack("<II", 0x8F3B22ED, 4)


def events(count: int, pcr: int, kind: int, data: Callable[[int], bytes], hashed: bytes | None = None) -> LogBuilder:
    builder = LogBuilder(banks=("sha256",))
    for number in range(count):
        builder.add(pcr, kind, data(number), hashed)
    return builder


def numbered(text: str) -> Callable[[int], bytes]:
    return lambda number: f"{text}{number}\0".encode()


def lines_and_options(count: int) -> bytes:
    """Command lines, and as many load options of the kernel's stub that may be of any of them."""
    builder = events(count, 8, ev.EV_IPL, lambda number: b"x%d" % number)
    for number in range(count):
        builder.add(9, ev.EV_EVENT_TAG, LOAD_OPTIONS + b"%4d" % number, b"what the stub was given %d" % number)
    return builder.build()


def commands(count: int) -> bytes:
    builder = LogBuilder(banks=("sha256",))
    for number in range(count):
        builder.add(8, ev.EV_IPL, b"grub_cmd: linux /v%d\0" % number, b"linux /v%d" % number)
        builder.add(8, ev.EV_IPL, b"kernel_cmdline: /v%d\0" % (number // 2), b"/v%d" % (number // 2))
    return builder.build()


def canonical(count: int) -> Any:
    return parse_event_log(events(count, 0, ev.EV_SEPARATOR, lambda _number: bytes(4)).build()).events[1:]


def measured(count: int, template: str = "ima-ng") -> Kernel:
    kernel = Kernel()
    for number in range(count):
        kernel.file(f"/usr/bin/{number}", template=template)
    return kernel


def mixed(count: int) -> Kernel:
    kernel = Kernel()
    for number in range(count):
        kernel.measure(("ima-ng", "ima-sig", "ima-buf")[number % 3], pcr=number % 24)
    return kernel


def evidence(count: int) -> bytes:
    guest = Guest(facts={"modules": [f"m{number}" for number in range(count)]})
    for number in range(count):
        guest.ran(f"/opt/{number}", b"%d" % number, owner=(number % 7) * 65_536)
    return json.dumps(guest.evidence()).encode()


def references(count: int) -> bytes:
    files = {f"/usr/bin/{number}": sha256(b"%d" % number) for number in range(count)}
    return json.dumps({"host": [document("host", "debian", files=files)]}).encode()


def late(count: int) -> bytes:
    return struct.pack("<QQ", 1, count) + events(count, 5, ev.EV_EFI_ACTION, lambda _number: b"x").body + PATHS["pci"]


def table(count: int) -> bytes:
    rules = "".join(f"  - {{id: r{k}, when: {{a: x{k}}}, then: {{b: y}}}}\n" for k in range(count))
    return f"decision_table: t\ninputs: [{{name: a}}]\noutputs: [{{name: b}}]\nrules:\n{rules}".encode()


def manifest(count: int) -> bytes:
    return Manifest("a", "1", {f"f{number}": "sha256:" + "0" * 64 for number in range(count)}).encode()


def files(count: int, name: str) -> bytes:
    return tar(*((f"usr/bin/{name}{number}", b"x") for number in range(count)))


REPEATED: dict[str, tuple[str, Callable[[int], bytes], int]] = {
    "separators": ("event_log", lambda n: events(n, 7, ev.EV_SEPARATOR, lambda _number: bytes(4)).build(), 200),
    "lines and load options": ("event_log", lines_and_options, 100),
    "commands": ("event_log", commands, 100),
    "variables": (
        "event_log",
        lambda n: events(n, 7, ev.EV_EFI_VARIABLE_DRIVER_CONFIG, lambda k: variable(EFI_GLOBAL, f"v{k}", b"")).build(),
        100,
    ),
    "sections": ("event_log", lambda n: events(n, 11, ev.EV_IPL, numbered(".s")).build(), 200),
    "unknown types": ("event_log", lambda n: events(n, 7, 0xABCD, numbered("t"), b"").build(), 200),
    "records in TLV": ("cel_tlv", lambda n: tlv_log(canonical(n)), 100),
    "records in JSON": ("cel_json", lambda n: json.dumps(json_log(canonical(n))).encode(), 100),
    "words of systemd": ("userspace_log", lambda n: sequence([systemd(11, f"w{k}") for k in range(n)]), 100),
    "late events": ("final_events", late, 100),
    "nodes of a path": ("device_path", lambda n: node(4, 4, b"a\0") * n, 30),
    "signatures": ("signature_lists", lambda n: signature_list([b"d" * 32] * n), 200),
    "signature lists": ("signature_lists", lambda n: signature_list([b"d" * 32]) * n, 200),
    "partitions": ("gpt", lambda n: gpt(*(["p"] * n)), 100),
    "entries": ("ima_binary", lambda n: measured(n).binary, 200),
    "mixed entries": ("ima_binary", lambda n: mixed(n).binary, 200),
    "lines": ("ima_ascii", lambda n: measured(n).ascii, 200),
    "policy rules": ("ima_rules", lambda n: b"measure func=BPRM_CHECK\n" * n, 100),
    "evidence": ("appraise", evidence, 150),
    "answers": ("dns_answer", lambda n: answer(b"\xc0\x0c", *([bytes(4)] * n)), 100),
    "Reference Values": ("reference_values", references, 200),
    "YAML": ("yaml", lambda n: b"- {a: [1, b]}\n" * n, 50),
    "merges": ("yaml", lambda n: b"<<: {%s}\n" % b", ".join(b"k%d: 1" % k for k in range(n)), 100),
    "tests of a cell": ("cell", lambda n: b"\1" + b", ".join(b"%d" % k for k in range(n)), 100),
    "rules": ("table", table, 50),
    "rules in CSV": ("table_csv", lambda n: write_table(load_table(table(n).decode()), "csv").encode(), 50),
    "rules in DMN": ("table_dmn", lambda n: write_table(load_table(table(n).decode()), "dmn").encode(), 50),
    "files of two layers": ("image", lambda n: image(files(n, "a"), files(n, "b")), 50),
    "whiteouts": ("image", lambda n: image(files(n, "a"), files(n, ".wh.a")), 50),
    "files of an image": ("tree", lambda n: files(n, "a"), 50),
    "files of a package": ("package", lambda n: packed({f"f{k}": b"x" for k in range(n)}), 100),
    "digests of a package": ("package_manifest", manifest, 100),
    "grants": ("package_policy", lambda n: b"signers: []\ngrants:\n" + b"- {sc: a, network: host}\n" * n, 50),
    "loops of a template": ("package_template", lambda n: b"{% for a in b %}{{ a.c }}{% endfor %}" * n, 50),
    "archives": ("initrd", lambda n: cpio(("a", 0o100644, b"x")) * n, 50),
    "members": ("initrd", lambda n: cpio(*((f"f{k}", 0o100644, b"x") for k in range(n))), 50),
    "unpacked": ("initrd", lambda n: gzip.compress(cpio(*((f"f{k}", 0o100644, b"x") for k in range(n))), mtime=0), 50),
}
"""What is repeated → target, input for a number of repetitions, that number."""


def calls(read: Callable[[bytes], object], data: bytes) -> int:
    count = 0

    def counted(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    sys.setprofile(counted)
    try:
        read(data)
    except REFUSALS:
        pass
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("repeated", REPEATED)
def test_field_row_10_twice_the_input_is_about_twice_the_work(repeated: str) -> None:
    name, make, count = REPEATED[repeated]
    read = TARGETS[name].read
    calls(read, make(2))  # what is made once, and kept
    once, twice = calls(read, make(count)), calls(read, make(2 * count))
    assert twice > 1.2 * once, "the input is refused before it is read"
    assert twice < GROWTH * once
