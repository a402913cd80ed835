# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import json

import pytest
import yaml
from ansible.errors import AnsibleFilterError

from ansible_collections.palantir.trust.plugins.filter import ima_log as ima_log_plugin
from ansible_collections.palantir.trust.plugins.filter import quote as quote_plugin
from tests.unit.verifier.ima_kernel import FILE, Kernel
from tests.unit.verifier.soft_tpm import Attestation, guest_sample, pem, private_key, public_area, sign

ima_log = ima_log_plugin.FilterModule().filters()["ima_log"]
quote = quote_plugin.FilterModule().filters()["quote"]

SELECTION = {"sha256": [0, 1, 10]}


def test_every_form_of_a_list_gives_the_same_plain_data() -> None:
    kernel = Kernel().measure("ima-cgpath").measure("d-ng|n-ng|sig|iuid|igid|imode")
    forms = [kernel.binary, base64.b64encode(kernel.binary).decode(), kernel.ascii, kernel.ascii.decode()]
    results = [ima_log(form) for form in [*forms, base64.b64encode(kernel.ascii).decode()]]

    assert all(result == results[0] for result in results)
    assert json.loads(json.dumps(results[0])) == results[0]
    assert set(results[0]) == {"entries", "pcrs", "violations", "findings"}
    assert results[0]["pcrs"] == {bank: {"10": kernel.pcrs[bank][10].hex()} for bank in ("sha1", "sha256")}
    first, second = results[0]["entries"]
    assert first["others"]["cg-path"] == "/kubepods/pod1/3f2a"
    assert (second["index"], second["pcr"], second["digest"]) == (1, 10, "sha256:" + FILE.hex())
    assert (second["path"], second["iuid"], second["igid"], second["imode"]) == ("/bin/true", 1000013824, 0, 33261)
    assert second["sig"] == "030204736967"


def test_violations_are_counted_and_named() -> None:
    result = ima_log(Kernel().file("/a").measure(violation=True).binary)
    assert result["violations"] == 1
    assert [(finding["code"], finding["index"]) for finding in result["findings"]] == [("ima_violation", 1)]
    assert [entry["violation"] for entry in result["entries"]] == [False, True]


@pytest.mark.parametrize("name", ["{{ 7 * 7 }}", "\x1b[31mred", "a\nINFO: all is well", "\u202egnp.exe", "../../etc/x"])
def test_field_row_10_paths_are_harmless_text(name: str) -> None:
    result = ima_log(Kernel().file(name).binary)
    assert result["entries"][0]["path"].isprintable()


@pytest.mark.parametrize(
    ("blob", "message"),
    [
        (b"\x0a\0\0\0", "ima_log at offset 0: entry 0 ends after 4 bytes of its head."),
        ("%%%", "ima_log: is neither bytes nor base64 text. Next: pass bytes, or base64 of them."),
        (12, "ima_log: must be bytes or base64 text, not int."),
        (
            "10 " + "0" * 40 + " ima-ng sha1:00 /a b",
            "ima_log at offset 0: a line has 3 fields where its template has 2.",
        ),
    ],
)
def test_a_list_that_cannot_be_read(blob: object, message: str) -> None:
    with pytest.raises(AnsibleFilterError) as caught:
        ima_log(blob)
    assert str(caught.value) == message


@pytest.mark.parametrize("name", ["clean", "attacked"])
def test_list_of_a_real_guest(name: str) -> None:
    folder = guest_sample(name)
    result = ima_log((folder / "binary_runtime_measurements").read_bytes())
    pcrs = yaml.safe_load((folder / "pcrs.yaml").read_text())
    assert {bank: int(values["10"], 16) for bank, values in result["pcrs"].items()} == {
        bank: values[10] for bank, values in pcrs.items()
    }
    assert (result["violations"], result["findings"]) == (0, [])
    assert result == ima_log((folder / "ascii_runtime_measurements").read_text())


def test_a_quote_as_plain_data() -> None:
    key, blob = private_key("p256"), Attestation(digest=b"\x01" * 32).encode()
    result = quote(blob, sign(key, blob), pem(key).decode(), b"nonce".hex(), SELECTION)
    assert result == quote(blob, sign(key, blob), public_area(key), b"nonce", SELECTION)
    assert json.loads(json.dumps(result)) == result == {
        "valid": True,
        "pcr_digest": "01" * 32,
        "pcr_select": SELECTION,
        "hash_alg": "sha256",
        "clock": 1000,
        "reset_count": 3,
        "restart_count": 0,
        "safe": True,
        "firmware_version": 7,
        "qualified_signer": "000b" + "00" * 32,
        "findings": [],
    }  # fmt: skip


def test_a_quote_for_another_challenge() -> None:
    key, blob = private_key("p256"), Attestation().encode()
    result = quote(blob, sign(key, blob), public_area(key), "00", SELECTION)
    assert result["valid"] is False
    assert result["findings"] == [
        {
            "code": "nonce_mismatch",
            "message": "The quote answers another challenge, or other facts than those that came with it.",
        }
    ]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"attest": b"\xffTCG"}, "quote.attest at offset 0: magic and type wants 6 bytes, 4 remain."),
        ({"signature": b""}, "quote.signature at offset 0: signature scheme wants 2 bytes, 0 remain."),
        ({"ak_public": b"\0\x01"}, "ak_public at offset 2: hash algorithm wants 2 bytes, 0 remain."),
        ({"nonce": "challenge"}, "nonce: is neither bytes nor hexadecimal text."),
        ({"nonce": None}, "nonce: is neither bytes nor hexadecimal text."),
        ({"selection": None}, "selection: is not a mapping of PCR banks to lists of PCR numbers."),
    ],
)
def test_a_quote_that_cannot_be_read(changed: dict[str, object], message: str) -> None:
    key, blob = private_key("p256"), Attestation().encode()
    parts = {"attest": blob, "signature": sign(key, blob), "ak_public": pem(key), "nonce": b"", "selection": SELECTION}
    with pytest.raises(AnsibleFilterError) as caught:
        quote(**{**parts, **changed})
    assert str(caught.value) == message
