# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What devices attested to the firmware, and where the firmware says its manifest is."""

from __future__ import annotations

from hashlib import sha256
from struct import pack
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import EvidenceError
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi import types as ev
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.log import EventLog, parse_event_log
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.model import Claimed, Raw, Verified
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.platform_id import (
    Locator,
    PlatformId,
    read_platform_id,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.spdm import (
    CertificateChain,
    NvDynamic,
    NvInstance,
    PciDevice,
    SpdmDevice,
    SpdmMeasurement,
    UsbDevice,
    read_spdm_device,
)
from tests.unit.support.examples import examples
from tests.unit.verifier.event_log_builder import LogBuilder, firmware

GUID = "8be4df61-93ca-11d2-aa0d-00e098032b8c"
PATH = pack("<BBHBB", 1, 1, 6, 0, 3) + b"\x7f\xff\4\0"
PCI = pack("<HHHHB3sHH", 0, 16, 0x8086, 0x1572, 2, b"\0\0\2", 0x8086, 7)
PCI_READ = PciDevice("8086", "1572", "02", "020000", "8086", "0007")
DIGEST = b"f" * 32
BLOCK = pack("<BBHBH", 1, 1, 35, 1, 32) + DIGEST
MEASURED = SpdmMeasurement(1, "mutable_firmware", False, DIGEST)
DER = b"\x30\x82\0\4cert"


def version_1(block: bytes = BLOCK, context: bytes = PCI, kind: int = 1) -> bytes:
    return b"SPDM Device Sec\0" + pack("<HHII", 1, 28 + len(block) + len(context), 2, kind) + block + context


def version_2(sub_header: bytes, kind: int = 0, state: int = 0, context: bytes = PCI, device: int = 1) -> bytes:
    head = pack("<HBBIIIIQQ", 2, state, 0, 0, device, kind, len(sub_header), 9, len(PATH))
    return b"SPDM Device Sec2" + head + PATH + sub_header + context


def measurements(*blocks: bytes) -> bytes:
    return pack("<HBBI", 0x12, len(blocks), 0, 2) + b"".join(blocks)


def chain(*certificates: bytes, algorithm: int = 1) -> bytes:
    body = bytes(2) + b"r" * 32 + b"".join(certificates)
    return pack("<HBBI", 0x12, 3, 0, algorithm) + pack("<H", len(body) + 2) + body


def device(data: bytes, kind: int = ev.EV_EFI_SPDM_FIRMWARE_BLOB) -> EventLog:
    return parse_event_log(firmware(LogBuilder()).add(2, kind, data).build())


def test_version_1_is_a_measurement_and_the_device() -> None:
    log = device(version_1())
    read = SpdmDevice(1, "pci", hash="sha256", measurements=(MEASURED,), context=PCI_READ)
    assert log.events[-1].verified == Verified(read, "data")
    assert [(found.pcr, found.attested) for found in log.claims.devices] == [(2, read)]


def test_version_2_has_several_measurements_a_path_and_how_authentication_went() -> None:
    raw = pack("<BBHBH", 2, 1, 7, 0x87, 4) + b"\1\0\0\0"
    read = read_spdm_device(version_2(measurements(BLOCK, raw)), "event_log")
    security_version = SpdmMeasurement(2, "security_version", True, b"\1\0\0\0")
    assert read == SpdmDevice(
        2, "pci", "success", 9, "Pci(0x3,0x0)", "sha256", (MEASURED, security_version), None, PCI_READ
    )


def test_version_2_has_a_certificate_chain() -> None:
    read = read_spdm_device(version_2(chain(DER, DER), 1), "event_log")
    identity = sha256(DER).hexdigest()
    assert read.chain == CertificateChain(3, "sha256", b"r" * 32, (identity, identity))


def test_a_usb_device_another_sub_header_and_no_context_are_read() -> None:
    usb = read_spdm_device(version_1(context=pack("<HH", 0, 4) + b"\x12\1", kind=2), "event_log")
    assert (usb.device_type, usb.context) == ("usb", UsbDevice(b"\x12\1"))
    other = read_spdm_device(version_2(b"oem", 7, context=b""), "event_log")
    assert (other.other, other.context) == (b"oem", None)


@pytest.mark.parametrize(
    ("state", "name", "found"), [(0, "success", False), (1, "no_auth", False), (4, "fail_invalid", True)]
)
def test_a_device_that_failed_is_a_finding(state: int, name: str, *, found: bool) -> None:
    log = device(version_2(b"", state=state))
    assert log.claims.devices[0].attested.auth_state == name
    codes = [(f.code, f.pcr) for f in log.findings]
    assert codes == ([("spdm_device_failed", 2)] if found else [])


def test_what_a_device_attested_is_no_claim_where_its_digest_is_another() -> None:
    builder = firmware(LogBuilder()).add(2, ev.EV_EFI_SPDM_FIRMWARE_BLOB, version_1(), b"something else")
    log = parse_event_log(builder.build())
    assert log.claims.devices == ()
    assert [f.code for f in log.findings] == ["event_data_mismatch"]


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        (b"SPDM Device Sec3" + bytes(8), "neither version 1 nor version 2"),
        (version_1(BLOCK[:4] + b"\1\xff\xff" + DIGEST), "a measured value wants 65535 bytes"),
        (version_1(BLOCK[:2] + b"\xff\xff" + BLOCK[4:]), "a measurement wants 65535 bytes"),
        (version_2(measurements(BLOCK) + b"x"), "1 bytes remain after the measurement blocks"),
        (version_2(pack("<HBBI", 0x12, 200, 0, 2)), "a measurement's index wants 1 bytes, 0 remain"),
        (version_2(chain(DER, algorithm=0x80), 1), "an unknown hash algorithm (0x80)"),
        (version_2(chain(b"\x30\x82\xff\xff"), 1), "a certificate wants 65539 bytes"),
        (version_2(chain(b"\x30\x03abc"), 1), "something that is no certificate"),
        (version_2(chain(*[DER] * 33), 1), "more than 32 certificates"),
        (version_2(measurements(BLOCK), context=PCI + b"x"), "1 bytes remain after the device context"),
        (version_2(b"", context=b"x", device=0), "1 bytes remain after the SPDM event"),
        (b"SPDM Device Sec2" + pack("<HBBIIIIQQ", 2, 0, 0, 0, 1, 0, 0, 9, 1 << 63), "a device path wants"),
    ],
)
def test_field_row_10_a_malformed_device_is_an_error_and_its_event_stays_raw(data: bytes, cause: str) -> None:
    with pytest.raises(EvidenceError) as error:
        read_spdm_device(data, "event_log")
    assert cause in str(error.value)
    log = device(data)
    assert log.events[-1].verified == Verified(Raw(data), "data")
    assert [f.code for f in log.findings] == ["event_data_malformed"]


@examples(200, deadline=1000)
@given(st.sampled_from([version_1(), version_2(measurements(BLOCK)), version_2(chain(DER), 1)]), st.data())
def test_field_row_10_any_damage_to_a_device_is_a_domain_error_or_read(data: bytes, draw: st.DataObject) -> None:
    at = draw.draw(st.integers(0, len(data) - 1))
    damaged = data[:at] + draw.draw(st.binary(max_size=4)) + data[at + draw.draw(st.integers(0, 4)) :]
    assert len(device(damaged).events) == len(device(data).events)


def test_nv_index_events_are_informational_whatever_digest_they_have() -> None:
    """The digest is what the NV index was extended with: no oddity of a PCR's log."""
    dynamic = b"NvIndexDynamic \0" + pack("<H6xQ", 1, 9) + pack("<H", 15) + b"SPDM CHALLENGE\0" + pack("<H", 2) + b"no"
    instance = b"NvIndexInstance\0" + pack("<H6x", 1) + version_2(chain(DER), 1)
    builder = firmware(LogBuilder(("sha256",)))
    for index, data in ((0x01C40200, instance), (0x01C40201, dynamic)):
        digest = sha256(data).digest()
        builder.body += (
            pack("<III", index, ev.EV_NO_ACTION, 1) + pack("<H", 0x0B) + digest + pack("<I", len(data)) + data
        )
    log = parse_event_log(builder.build())
    assert (log.pcrs, log.findings) == (builder.pcrs, ())
    assert log.events[-2].claimed == Claimed(NvInstance(read_spdm_device(version_2(chain(DER), 1), "event_log")))
    assert log.events[-1].claimed == Claimed(NvDynamic(9, "SPDM CHALLENGE", b"no"))


def text(value: str) -> bytes:
    return bytes([len(value) + 1]) + value.encode() + b"\0"


HEAD = pack("<I", 311) + UUID(GUID).bytes_le
NAMES = text("Vendor") + text("Model") + text("1") + text("Maker") + pack("<I", 312) + text("v2")


@pytest.mark.parametrize(
    ("data", "read"),
    [
        (b"SP800-155 Event\0" + HEAD, PlatformId(1, 311, GUID)),
        (b"SP800-155 Event2" + HEAD + NAMES, PlatformId(2, 311, GUID, "Vendor", "Model", "1", "Maker", 312, "v2")),
        (
            b"SP800-155 Event3" + HEAD + NAMES + pack("<II", 1, 8) + b"http://x" + pack("<II", 3, 20)
            + UUID(GUID).bytes_le + "M\0".encode("utf-16-le"),
            PlatformId(
                3, 311, GUID, "Vendor", "Model", "1", "Maker", 312, "v2",
                Locator("uri", "http://x"), Locator("uefi_variable", f"{GUID} M"),
            ),
        ),
        (
            b"SP800-155 Event3" + HEAD + NAMES + pack("<II", 2, len(PATH)) + PATH + pack("<II", 0, 0),
            PlatformId(
                3, 311, GUID, "Vendor", "Model", "1", "Maker", 312, "v2", Locator("device_path", "Pci(0x3,0x0)"), None
            ),
        ),
    ],
)  # fmt: skip
def test_a_platforms_manifest_is_only_claimed(data: bytes, read: PlatformId) -> None:
    log = parse_event_log(firmware(LogBuilder().add(0, ev.EV_NO_ACTION, data)).build())
    assert (log.events[1].verified, log.events[1].claimed) == (None, Claimed(read))
    assert log.findings == ()


@pytest.mark.parametrize(
    "data", [b"SP800-155 Event9" + HEAD, b"SP800-155 Event2" + HEAD + b"\xff", b"SP800-155 Event3" + HEAD + NAMES]
)
def test_field_row_10_a_malformed_platform_event_is_an_error(data: bytes) -> None:
    with pytest.raises(EvidenceError):
        read_platform_id(data, "event_log")
