# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys and critical data that the kernel measured: who named them, and what an EAR tells of them."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.layers import kernel_data
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.layers.kernel_data import MAX_TOLD
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.policy.policy import load_policy
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import PolicyError
from tests.unit.appraisal.scene import Guest, found, reference_values, sha256, statuses
from tests.unit.verifier.dm_buffers import LOADED, ROOT, resumed
from tests.unit.verifier.ima_signer import Vendor

VENDOR = Vendor()


def told(ear: dict[str, Any]) -> Any:
    return ear["submods"]["os"]["palantir.kernel"]


def with_key(keyring: str = ".ima", der: bytes = VENDOR.der) -> Guest:
    guest = Guest()
    guest.kernel.buffer(keyring, der)
    return guest


def test_a_clean_node_has_no_kernel_data() -> None:
    assert told(Guest().appraise()) is None


def test_a_key_that_nothing_names_is_a_warning_of_os_alone() -> None:
    ear = with_key().appraise()
    assert found(ear) == [("os", "ima_key_unknown", "warning")]
    assert ear["submods"]["os"]["ear_trustworthiness_vector"] == {"executables": 2, "configuration": 32}
    assert "It is .ima, the keyring; the key is CN=Vendor." in ear["submods"]["os"]["palantir.findings"][0]["message"]
    assert told(ear)["keys"][0]["named_by"] is None


def test_the_policy_weighs_an_unknown_key() -> None:
    ear = with_key().appraise(policy={"ima": {"unknown_keys": "contraindicated"}})
    assert found(ear) == [("os", "ima_key_unknown", "contraindicated")]


def test_a_key_of_a_signer_of_the_policys_list_or_of_the_reference_values_raises_nothing() -> None:
    signer = {"name": "vendor", "certificate": VENDOR.pem, "paths": ["/opt/vendor/"]}
    by_signer = with_key().appraise(policy={"ima": {"signers": [signer]}})
    by_list = with_key().appraise(policy={"ima": {"keys": [sha256(VENDOR.der)]}})
    values = reference_values()
    values["host"][0]["files"]["/etc/keys/x509_ima.der"] = [sha256(VENDOR.der)]
    by_file = with_key().appraise(references=values)
    for ear, name in ((by_signer, "signer vendor"), (by_list, "policy"), (by_file, "/etc/keys/x509_ima.der")):
        assert found(ear) == []
        (key,) = told(ear)["keys"]
        assert VENDOR.key_id.hex() in key.pop("key_ids")
        assert key == {"keyring": ".ima", "subject": "CN=Vendor", "sha256": sha256(VENDOR.der), "named_by": name}


@pytest.mark.parametrize("keyring", [".builtin_trusted_keys", ".platform", ".machine"])
def test_a_key_that_the_kernel_took_from_its_image_or_from_uefi_is_judged_with_these(keyring: str) -> None:
    """A Debian kernel under Secure Boot starts with four of them; nobody but the kernel can add one later."""
    ear = with_key(keyring).appraise()
    assert found(ear) == []
    assert told(ear)["keys"][0]["named_by"] == "boot"


@pytest.mark.parametrize("keyring", [".ima", ".evm", ".secondary_trusted_keys", "_module"])
def test_a_key_that_root_can_load_is_not(keyring: str) -> None:
    assert found(with_key(keyring).appraise()) == [("os", "ima_key_unknown", "warning")]


@pytest.mark.parametrize("keyring", ["_ses", "_uid.1000", "mine", ".blacklist", ".ima_blacklist"])
def test_a_key_in_a_keyring_that_gives_no_trust_is_only_told(keyring: str) -> None:
    ear = with_key(keyring).appraise()
    assert found(ear) == []
    assert told(ear)["keys"][0]["keyring"] == keyring


@pytest.mark.parametrize("der", [VENDOR.der + b"\0", b"0\x80" + VENDOR.der[4:] + b"\0\0", b"a=b;"])
def test_no_form_of_a_key_hides_it_from_being_unknown(der: bytes) -> None:
    assert found(with_key(der=der).appraise()) == [("os", "ima_key_unknown", "warning")]


def test_a_users_many_keys_do_not_hide_one_that_the_kernel_trusts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel_data, "MAX_BUFFERS", 3)
    guest = Guest()
    for number in range(5):
        guest.kernel.buffer("mine", VENDOR.der + b"%d" % number)
    guest.kernel.buffer(".ima", VENDOR.der)
    ear = guest.appraise()
    assert found(ear) == [("os", "ima_key_unknown", "warning")]
    assert [key["keyring"] for key in told(ear)["keys"]] == [".ima"]


def test_a_key_that_cannot_be_read_is_unknown_too() -> None:
    ear = with_key(der=b"0\x03\2\1\1").appraise()
    assert found(ear) == [("os", "ima_key_unknown", "warning")]
    assert told(ear)["keys"] == [
        {
            "keyring": ".ima",
            "subject": None,
            "key_ids": [],
            "sha256": sha256(b"0\x03\2\1\1"),
            "named_by": None,
        }
    ]


def test_a_verity_root_and_other_critical_data_are_told_without_weight() -> None:
    guest = Guest()
    guest.kernel.buffer("dm_table_load", LOADED).buffer("dm_device_resume", resumed(LOADED))
    guest.kernel.buffer("selinux-state", b"initialized=1;enforcing=1;")
    guest.kernel.buffer("selinux-policy-hash", bytes(32)).buffer("kernel_version", b"6.1.0")
    guest.kernel.buffer("new-critical-data", b"\1\2\3")
    ear = guest.appraise()
    assert found(ear) == []
    assert set(statuses(ear).values()) == {"affirming"}
    assert told(ear)["verity"] == [{"name": "test-verity", "root_digest": ROOT, "algorithm": "sha256", "resumed": True}]
    data = {item["name"]: item for item in told(ear)["data"]}
    assert data["selinux-state"]["state"] == {"initialized": "1", "enforcing": "1"}
    assert data["selinux-policy-hash"]["digest"] == "00" * 32
    assert data["kernel_version"]["text"] == "6.1.0"
    assert data["new-critical-data"]["sha256"] == "sha256:" + hashlib.sha256(b"\1\2\3").hexdigest()


def test_an_ear_lists_a_bounded_number_of_them() -> None:
    guest = Guest()
    for number in range(MAX_TOLD + 3):
        guest.kernel.buffer("new-critical-data", b"%d" % number)
    ear = guest.appraise()
    assert len(told(ear)["data"]) == MAX_TOLD
    assert told(ear)["left_out"] == 3


def test_a_list_of_keys_wants_the_digests_of_certificates() -> None:
    with pytest.raises(PolicyError, match="must be the SHA-256 of a certificate in DER"):
        load_policy({"ima": {"keys": ["sha1:" + "0" * 40]}})
