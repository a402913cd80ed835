# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node whose boot and whose files a test tells, and the evidence that its TPM and kernel then give."""

from __future__ import annotations

import base64
import hashlib
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from ansible_collections.palantir.trust.plugins.module_utils._facts_binding import qualifying_data
from ansible_collections.palantir.trust.plugins.module_utils._processes import container_of
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.appraise import appraise
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.layers.boot_events import boot_events
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.index import ReferenceSet
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi import types as ev
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.log import parse_event_log
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.variable import EFI_GLOBAL
from tests.unit.verifier.cel_builder import sequence
from tests.unit.verifier.event_log_builder import LogBuilder, firmware, grub, variable
from tests.unit.verifier.ima_kernel import Kernel
from tests.unit.verifier.soft_tpm import Attestation, private_key, public_area, sign, tpm2b

NOW = datetime(2026, 11, 23, 5, tzinfo=UTC)
NONCE = bytes(range(32))
TEMPLATE = "d-ng|n-ng|sig|iuid|igid|imode"
PCRS = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 14)
BASE = 1_000_013_824
RETIRED = BASE + 65_536
SC = "sc:dns-filter-1"
LAYERS = ("hardware", "firmware", "os", "runtime", SC)
CONTAINER, OTHER_CONTAINER = "c0" * 32, "d1" * 32
CGROUP, OTHER_CGROUP = (f"/system.slice/docker-{name}.scope" for name in (CONTAINER, OTHER_CONTAINER))
HOST_CGROUP = "/system.slice/cron.service"
EXECUTABLE, PLAIN = 0o100755, 0o100644
COMMAND_LINE = "/vmlinuz root=/dev/vda ro quiet"
IMA_POLICY = (Path(__file__).parents[3] / "roles/attester/files/ima-policy").read_bytes()
HARDWARE = {"dmi": {"product": "Standard PC", "serial": "1"}, "memory_bytes": 1 << 30, "pci": ["1af4:1000:020000"]}

HOST = {
    "/usr/bin/ls": b"ls",
    "/usr/bin/bash": b"bash",
    "/usr/bin/crun": b"crun",
    "/usr/lib/modules/6.1/fuse.ko": b"fuse",
    "/etc/ima/ima-policy": IMA_POLICY,
}
IMAGE = {"/usr/sbin/dnsmasq": b"dnsmasq", "/bin/sh": b"shell", "/etc/dnsmasq.conf": b"default", "/etc/passwd": b"root"}
CONFIGURATION = b"port=53\n"


def sha256(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def document(kind: str, name: str, **content: Any) -> dict[str, Any]:
    return {
        "format": "palantir.trust/reference-values/1",
        "name": name,
        "kind": kind,
        "created": "2026-11-01T00:00:00+00:00",
        "expires": None,
        "source": "test",
        **content,
    }


def files(contents: dict[str, bytes]) -> dict[str, list[str]]:
    return {path: [sha256(data)] for path, data in contents.items()}


def reference_values() -> dict[str, Any]:
    boot = document(
        "boot",
        "lab",
        events=[
            {"pcr": 4, "type": "EV_EFI_BOOT_SERVICES_APPLICATION", "digests": [sha256(b"shim")], "what": "shim"},
            {"pcr": 9, "type": "EV_IPL", "digests": [sha256(b"the initrd")], "what": "initrd"},
        ],
        texts=[
            {"pcr": 8, "text": f"linux {COMMAND_LINE}", "what": "grub.cfg"},
            {"pcr": 8, "text": COMMAND_LINE, "what": "grub.cfg"},
        ],
        modules=["virtio_blk"],
    )
    return {
        "host": [document("host", "debian", files=files(HOST))],
        "boot": [boot],
        "sc": {"dns-filter": [document("sc", "dns-filter", files=files(IMAGE))]},
    }


def instance(**changes: Any) -> dict[str, Any]:
    return {
        "instance": "dns-filter-1",
        "sc": "dns-filter",
        "flavour": "podman",
        "uid_base": BASE,
        "uid_count": 65_536,
        "generation": 2,
        "state": "live",
        "boot_id": "boot-1",
        "files": {"/etc/dnsmasq.conf": sha256(CONFIGURATION)},
    } | changes


def clean_boot(
    command_line: str = COMMAND_LINE,
    *,
    secure_boot: bytes = b"\1",
    separated: Iterable[int] = range(8),
    banks: tuple[str, ...] = ("sha1", "sha256"),
) -> LogBuilder:
    builder = firmware(LogBuilder(banks), secure_boot, separated)
    builder.add(1, ev.EV_EFI_VARIABLE_BOOT, variable(EFI_GLOBAL, "BootOrder", b"\1\0"))
    started(builder, 4, b"shim")
    builder.add(14, ev.EV_IPL, b"MokList\0", b"no keys")
    builder.add(8, ev.EV_IPL, b"grub_cmd: [ -e (hd0,gpt1)/grub.cfg ]\0", b"[ -e (hd0,gpt1)/grub.cfg ]")
    return grub(builder, command_line)


def started(builder: LogBuilder, pcr: int, image: bytes) -> LogBuilder:
    """Add an EFI program or driver: UEFI_IMAGE_LOAD_EVENT without a device path, the digest of the image."""
    kind = ev.EV_EFI_BOOT_SERVICES_DRIVER if pcr == 2 else ev.EV_EFI_BOOT_SERVICES_APPLICATION
    return builder.add(pcr, kind, struct.pack("<QQQQ", 1 << 20, len(image), 0, 0), image)


@dataclass
class Guest:
    """A booted node; ``ran`` adds a measurement, ``appraise`` asks for evidence and returns the EAR."""

    boot: LogBuilder = field(default_factory=clean_boot)
    kernel: Kernel = field(default_factory=Kernel)
    instances: list[dict[str, Any]] = field(default_factory=lambda: [instance()])
    facts: dict[str, Any] = field(default_factory=dict)
    record: dict[str, Any] = field(default_factory=dict)
    key: str = "p256"
    template: str = TEMPLATE
    ima_policy: bytes = IMA_POLICY
    event_log: bool = True
    ima_log: bool = True
    clock: int = 1000
    resets: int = 3
    bank: str = "sha256"
    hash: str = "sha256"
    quoted: tuple[int, ...] = PCRS
    userspace: list[dict[str, Any]] | None = None

    def __post_init__(self) -> None:
        self.facts = {"boot_id": "boot-1", "hardware": HARDWARE, "modules": ["fuse", "virtio-blk"]} | self.facts
        self.record = {
            "name": "node1",
            "ak_public": text(tpm2b(public_area(private_key("p256"), self.hash))),
            "recorded": {
                "hardware": HARDWARE,
                "events": [dict(event) for event in _enrolled(self.boot.banks, self.bank)],
            },
            "last": None,
            "instances": self.instances,
        } | self.record
        self.kernel_began()
        for path, data in HOST.items():
            self.ran(path, self.ima_policy if path == "/etc/ima/ima-policy" else data)
        self.ran("/usr/sbin/dnsmasq", b"dnsmasq", owner=BASE, cgroup=CGROUP)
        self.ran("/etc/dnsmasq.conf", CONFIGURATION, owner=BASE, mode=PLAIN, cgroup=CGROUP)

    def kernel_began(self, bank: str | None = None, span: int | None = None) -> Guest:
        """Measure the boot PCRs, as each kernel does first, be it started by the firmware or by another kernel."""
        bank = bank or self.bank
        values, empty = self.boot.pcrs[bank], bytes(hashlib.new(bank).digest_size)
        spanned = range(span or (8 if bank == "sha1" else 10))
        aggregate = hashlib.new(bank, b"".join(values.get(pcr, empty) for pcr in spanned)).digest()
        return self.measured("boot_aggregate", bank.encode() + b":\0" + aggregate)

    def measured(self, name: str, digest: bytes) -> Guest:
        """Measure what is no file, and so has neither owner nor mode."""
        self._measure(name, digest, None, None, "")
        return self

    def ran(
        self,
        path: str,
        data: bytes,
        *,
        owner: int = 0,
        mode: int = EXECUTABLE,
        cgroup: str = HOST_CGROUP,
        violation: bool = False,
        sig: bytes = b"",
        algorithm: str = "sha256",
    ) -> Guest:
        """Measure a file; the template says what of owner, mode and control group the list has.

        The kernel hashes a file with the algorithm that its signature names.
        """
        digest = algorithm.encode() + b":\0" + hashlib.new(algorithm.replace("-", "_"), data).digest()
        self._measure(path, digest, owner, mode, cgroup, violation=violation, sig=sig)
        return self

    def _measure(
        self,
        path: str,
        digest: bytes,
        owner: int | None,
        mode: int | None,
        cgroup: str,
        *,
        violation: bool = False,
        sig: bytes = b"",
    ) -> None:
        number = b"" if owner is None else struct.pack("<I", owner)
        self.kernel.measure(
            self.template,
            violation=violation,
            d_ng=(digest, ""),
            d_ngv2=(b"ima:" + digest, ""),
            n_ng=(path.encode("utf-8", "surrogateescape") + b"\0", path),
            sig=(sig, ""),
            iuid=(number, ""),
            igid=(number, ""),
            imode=(b"" if mode is None else struct.pack("<H", mode), ""),
            cg_path=(cgroup.encode() + b"\0", cgroup),
            cgn=(cgroup.rpartition("/")[2].encode() + b"\0", ""),
        )

    def pcrs(self) -> dict[int, bytes]:
        values = {**self.boot.pcrs[self.bank], 10: self.kernel.pcrs[self.bank][10]}
        for record in self.userspace or ():
            for digest in record["digests"]:
                if digest["hashAlg"] == self.bank:
                    old = self._joined(values, [record["pcr"]])
                    values[record["pcr"]] = hashlib.new(self.bank, old + bytes.fromhex(digest["digest"])).digest()
        return values

    def _joined(self, values: dict[int, bytes], pcrs: Iterable[int]) -> bytes:
        empty = bytes(hashlib.new(self.bank).digest_size)
        return b"".join(values.get(pcr, empty) for pcr in pcrs)

    def evidence(
        self, pcrs: dict[int, bytes] | None = None, *, since: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Quote the PCRs as they are, or as given, then read the logs: of a boot that is known, what is new alone."""
        values = self.pcrs() if pcrs is None else pcrs
        known = since is not None and since["boot_id"] == self.facts["boot_id"]
        offset = since["offset"] if since is not None and known else 0
        attest = Attestation(
            clock=self.clock,
            resets=self.resets,
            extra=qualifying_data(NONCE, self.facts),
            selections=((self.bank, self.quoted),),
            digest=hashlib.new(self.hash, self._joined(values, self.quoted)).digest(),
        ).encode()
        return {
            "format": 1,
            "nonce": NONCE.hex(),
            "quote": {
                "attest": text(attest),
                "signature": text(sign(private_key(self.key), attest, self.hash)),
                "ak_public": text(tpm2b(public_area(private_key(self.key), self.hash))),
            },
            "event_log": text(self.boot.build()) if self.event_log and not known else None,
            "ima_log": {"offset": offset, "data": text(self.kernel.binary[offset:])} if self.ima_log else None,
            "userspace_log": None if self.userspace is None else text(sequence(self.userspace)),
            "facts": self.facts,
        }

    def appraise(
        self,
        evidence: dict[str, Any] | None = None,
        policy: dict[str, Any] | None = None,
        references: dict[str, Any] | ReferenceSet | None = None,
    ) -> dict[str, Any]:
        return appraise(
            self.evidence() if evidence is None else evidence,
            self.record,
            policy or {},
            reference_values() if references is None else references,
            now=NOW,
        )


def container(cgroup: str = CGROUP, base: int = BASE, count: int = 65_536) -> dict[str, Any]:
    """Return a container as the node's facts tell of it (module_utils/_processes.py)."""
    maps = [[0, base, count]]
    return {"id": container_of(cgroup)[0], "cgroup": cgroup, "pids": 2, "uid_map": maps, "gid_map": maps}


def recorded_events(builder: LogBuilder, bank: str = "sha256") -> list[dict[str, Any]]:
    log = parse_event_log(builder.build())
    return [{"pcr": e.pcr, "type": e.type, "digest": e.digest} for e in boot_events(log, (*range(10), 14), bank)]


@cache
def _enrolled(banks: tuple[str, ...], bank: str) -> list[dict[str, Any]]:
    """Return what enrolment recorded; once for all guests, of which there are thousands."""
    return recorded_events(clean_boot(banks=banks), bank)


def statuses(ear: dict[str, Any]) -> dict[str, str]:
    return {layer: submod["ear_status"] for layer, submod in ear["submods"].items()}


def found(ear: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Layer, code and tier of every finding."""
    return [
        (layer, finding["code"], finding["tier"])
        for layer, submod in ear["submods"].items()
        for finding in submod["palantir.findings"]
    ]


def own(ear: dict[str, Any]) -> dict[str, str]:
    return {layer: submod["palantir.own_status"] for layer, submod in ear["submods"].items()}


def worsened(ear: dict[str, Any]) -> dict[str, str]:
    """The layers that are not affirming by themselves."""
    return {layer: status for layer, status in own(ear).items() if status != "affirming"}
