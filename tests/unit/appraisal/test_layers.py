# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each tamper hits its own layer, and no other; each benign twin raises nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.palantir.trust.plugins.plugin_utils.reference.index import ReferenceSet
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi import types as ev
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.variable import EFI_GLOBAL
from tests.unit.appraisal.scene import (
    BASE,
    CONFIGURATION,
    HARDWARE,
    HOST,
    NOW,
    PLAIN,
    RETIRED,
    Guest,
    clean_boot,
    document,
    files,
    found,
    instance,
    recorded_events,
    reference_values,
    sha256,
    started,
    statuses,
)
from tests.unit.verifier.event_log_builder import variable

SC = "sc:dns-filter-1"
LAYERS = ("hardware", "firmware", "os", "runtime", SC)


def own(ear: dict[str, Any]) -> dict[str, str]:
    return {layer: submod["palantir.own_status"] for layer, submod in ear["submods"].items()}


def worsened(ear: dict[str, Any]) -> dict[str, str]:
    """The layers that are not affirming by themselves."""
    return {layer: status for layer, status in own(ear).items() if status != "affirming"}


def test_a_clean_node_is_affirmed_in_every_layer_without_a_finding() -> None:
    ear = Guest().appraise()
    assert statuses(ear) == dict.fromkeys(LAYERS, "affirming")
    assert found(ear) == []
    assert ear["ear_status"] == "affirming"


# -- hardware


def test_changed_hardware_contraindicates_hardware_and_voids_the_rest() -> None:
    changed = HARDWARE | {"dmi": {"product": "Standard PC", "serial": "2"}}
    ear = Guest(facts={"hardware": changed}).appraise()
    assert found(ear) == [("hardware", "hardware_changed", "contraindicated")]
    assert worsened(ear) == {"hardware": "contraindicated"}
    assert statuses(ear) == dict.fromkeys(LAYERS, "contraindicated")
    assert "dmi.serial is 2, not 1" in ear["submods"]["hardware"]["palantir.findings"][0]["message"]


def test_a_little_less_memory_is_no_other_hardware() -> None:
    assert found(Guest(facts={"hardware": HARDWARE | {"memory_bytes": (1 << 30) - (1 << 20)}}).appraise()) == []


@pytest.mark.parametrize(
    ("last", "codes"),
    [
        ({"clock": 10, "reset_count": 2, "restart_count": 9, "safe": True}, []),
        ({"clock": 5000, "reset_count": 3, "restart_count": 0, "safe": True}, ["clock_decreased"]),
        ({"clock": 10, "reset_count": 4, "restart_count": 0, "safe": True}, ["reset_count_decreased"]),
    ],
)
def test_field_row_5_a_reboot_is_legal_and_an_old_tpm_state_a_warning(last: dict[str, Any], codes: list[str]) -> None:
    ear = Guest(record={"last": last}).appraise()
    assert found(ear) == [("hardware", code, "warning") for code in codes]


# -- firmware


def test_secure_boot_off_contraindicates_firmware() -> None:
    ear = Guest(boot=clean_boot(secure_boot=b"\0")).appraise()
    assert worsened(ear) == {"firmware": "contraindicated"}
    assert ("firmware", "secure_boot_disabled", "contraindicated") in found(ear)


def test_new_firmware_code_is_named_by_its_event() -> None:
    boot = started(clean_boot(), 2, b"option ROM")
    ear = Guest(boot=boot).appraise()
    assert worsened(ear) == {"firmware": "contraindicated"}
    (finding,) = ear["submods"]["firmware"]["palantir.findings"]
    assert finding["code"] == "firmware_code_changed"
    assert finding["pcr"] == 2
    assert "EV_EFI_BOOT_SERVICES_DRIVER" in finding["message"]


def boot_option_added() -> Any:
    return clean_boot().add(1, ev.EV_EFI_VARIABLE_BOOT2, variable(EFI_GLOBAL, "Boot0007", b"option"))


def test_a_new_boot_option_is_a_warning_and_a_waiver_by_name_makes_it_none() -> None:
    ear = Guest(boot=boot_option_added()).appraise()
    assert found(ear) == [("firmware", "firmware_configuration_changed", "warning")]
    waiver = {"pcr": 1, "variable": "Boot####", "reason": "installers add options", "expires": "2027-01-01"}
    ear = Guest(boot=boot_option_added()).appraise(policy={"waivers": [waiver]})
    assert found(ear) == [("firmware", "firmware_change_waived", "none")]
    assert statuses(ear)["firmware"] == "affirming"


def test_an_expired_waiver_waives_nothing() -> None:
    waiver = {"pcr": 1, "variable": "Boot####", "reason": "installers add options", "expires": "2026-11-22"}
    ear = Guest(boot=boot_option_added()).appraise(policy={"waivers": [waiver]})
    assert found(ear) == [("firmware", "firmware_configuration_changed", "warning")]


def test_without_recorded_events_firmware_is_neither_trusted_nor_accused() -> None:
    guest = Guest()
    guest.record["recorded"] = {"hardware": HARDWARE}
    ear = guest.appraise()
    assert own(ear)["firmware"] == "none"
    assert ("firmware", "firmware_not_recorded", "none") in found(ear)
    assert "contraindicated" not in statuses(ear).values()


# -- os: boot chain


def test_another_kernel_command_line_contraindicates_os() -> None:
    ear = Guest(boot=clean_boot("/vmlinuz root=/dev/vda ro quiet ima_appraise=off")).appraise()
    assert worsened(ear) == {"os": "contraindicated"}
    assert {code for _layer, code, _tier in found(ear)} == {"unknown_boot_command"}


def test_an_unknown_boot_program_contraindicates_os() -> None:
    ear = Guest(boot=started(clean_boot(), 4, b"evil.efi")).appraise()
    assert worsened(ear) == {"os": "contraindicated"}
    assert found(ear)[0] == ("os", "unknown_boot_application", "contraindicated")


def test_grub_commands_that_only_look_around_are_harmless_whatever_the_disk_is_called() -> None:
    boot = clean_boot().add(8, ev.EV_IPL, b"grub_cmd: search --file --set=root /x\0", b"search --file --set=root /x")
    assert found(Guest(boot=boot).appraise()) == []


def test_a_label_does_not_make_a_kernel_start_harmless() -> None:
    boot = clean_boot().add(8, ev.EV_IPL, b"grub_cmd: chainloader /evil.efi\0", b"chainloader /evil.efi")
    assert ("os", "unknown_boot_command", "contraindicated") in found(Guest(boot=boot).appraise())


def test_recorded_boot_events_do_not_keep_an_old_kernel_good_where_reference_values_speak() -> None:
    old = started(clean_boot(), 4, b"old kernel")
    guest = Guest(boot=old, facts={"modules": []})
    guest.record["recorded"]["events"] = recorded_events(old)
    assert found(guest.appraise()) == [("os", "unknown_boot_application", "contraindicated")]
    assert found(guest.appraise(references=reference_values() | {"boot": []})) == []


def test_an_expired_boot_value_warns_and_never_contraindicates() -> None:
    references = reference_values()
    references["boot"][0]["expires"] = "2026-11-22T00:00:00+00:00"
    current = document("boot", "new", events=[{"pcr": 4, "type": "x", "digests": [sha256(b"new shim")]}])
    ear = Guest().appraise(references=references | {"boot": [references["boot"][0], current]})
    assert found(ear) == [("os", "boot_value_expired", "warning")]


# -- os: files


@pytest.mark.parametrize(
    ("path", "data", "code", "tier"),
    [
        ("/usr/local/bin/evil", b"evil", "unknown_executable", "contraindicated"),
        ("/usr/bin/ls", b"evil", "modified_file", "contraindicated"),
        ("/usr/bin/ls", b"bash", "modified_file", "contraindicated"),
        ("/opt/ls", b"ls", "moved_file", "warning"),
        ("memfd:x", b"evil", "fileless_execution", "contraindicated"),
        ("/dev/shm/x", b"evil", "fileless_execution", "contraindicated"),  # noqa: S108
        ("/opt/x_(deleted)", b"evil", "fileless_execution", "contraindicated"),
        ("memfd:x", b"bash", "moved_file", "warning"),
    ],
)
def test_a_host_file_hits_os_alone(path: str, data: bytes, code: str, tier: str) -> None:
    ear = Guest().ran(path, data).appraise()
    assert worsened(ear) == {"os": tier}
    assert found(ear) == [("os", code, tier)]


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("/bin/ls", b"ls"),
        ("/root/usr/bin/ls", b"ls"),
        ("memfd:runc_cloned:/proc/self/exe", b"crun"),
        ("/usr/bin/ls", b"ls"),
    ],
)
def test_another_name_of_a_known_file_is_no_finding(path: str, data: bytes) -> None:
    assert found(Guest().ran(path, data).appraise()) == []


def test_a_package_with_its_reference_values_raises_nothing_while_old_and_new_are_known() -> None:
    references = reference_values()
    references["host"].append(document("host", "debian", files=files({"/usr/bin/ls": b"ls 2", "/usr/bin/new": b"n"})))
    assert found(Guest().ran("/usr/bin/ls", b"ls 2").ran("/usr/bin/new", b"n").appraise(references=references)) == []


def test_a_file_that_only_an_expired_document_knows_is_a_warning() -> None:
    references = reference_values()
    old = document("host", "old", files=files({"/usr/bin/old": b"old"}), expires="2026-11-22T00:00:00+00:00")
    references["host"].append(old)
    ear = Guest().ran("/usr/bin/old", b"old").appraise(references=references)
    assert found(ear) == [("os", "reference_value_expired", "warning")]


@pytest.mark.parametrize("expires", [None, "2026-11-22T00:00:00+00:00"])
def test_without_reference_values_that_count_nothing_is_affirmed_and_nothing_contraindicated(
    expires: str | None,
) -> None:
    references = reference_values()
    if expires is None:
        references["host"], references["sc"] = [], {}
    else:
        references["host"][0]["expires"] = references["sc"]["dns-filter"][0]["expires"] = expires
    ear = Guest().ran("/usr/local/bin/evil", b"evil").appraise(references=references)
    code = "reference_values_missing" if expires is None else "reference_values_expired"
    # What an expired document knows is told as a warning; without any document there is nothing to tell.
    told = "none" if expires is None else "warning"
    assert worsened(ear) == {"os": told, "runtime": told, SC: told}
    assert ("os", code, "none") in found(ear)
    assert "contraindicated" not in statuses(ear).values()


def test_field_row_8_a_violation_is_a_finding_by_policy() -> None:
    guest = Guest().ran("/usr/bin/ls", b"", violation=True)
    assert found(guest.appraise()) == [("os", "ima_violation", "warning")]
    assert found(guest.appraise(policy={"ima": {"violations": "contraindicated"}})) == [
        ("os", "ima_violation", "contraindicated")
    ]


def test_field_row_8_no_word_of_the_node_hides_a_violation() -> None:
    # Of a violation's entry the PCR covers nothing but that it is one: its template, path and owner prove nothing.
    buffer = b"\4\0\0\0"
    honest = Guest().ran("/usr/bin/ls", b"", violation=True)
    for policy in ({"ignore_paths": ["/usr/"]}, {"runtime_paths": ["/usr/bin/ls"]}):
        assert [finding[1:] for finding in found(honest.appraise(policy=policy))] == [("ima_violation", "warning")]
    altered = Guest()
    altered.kernel.measure(
        "ima-buf",
        violation=True,
        d_ng=(b"sha256:\0" + bytes.fromhex(sha256(buffer)[7:]), ""),
        n_ng=(b".ima\0", ""),
        buf=(buffer, ""),
    )
    assert found(altered.appraise()) == [("os", "ima_violation", "warning")]


def test_a_violation_does_not_stand_for_the_measurement_of_a_module() -> None:
    guest = Guest(facts={"modules": ["rootkit"]}).ran("/usr/lib/modules/6.1/rootkit.ko", b"", violation=True)
    assert found(guest.appraise()) == [
        ("runtime", "ima_violation", "warning"),
        ("runtime", "module_not_measured", "warning"),
    ]


def test_a_file_of_a_container_does_not_stand_for_the_measurement_of_a_module() -> None:
    guest = Guest(facts={"modules": ["rootkit"]}).ran("/opt/rootkit.ko", b"shell", owner=BASE)
    assert ("runtime", "module_not_measured", "warning") in found(guest.appraise())


def test_field_row_11_a_weakened_ima_policy_contraindicates_os() -> None:
    ear = Guest().ran("/etc/ima/ima-policy", b"dont_measure\n", mode=PLAIN).appraise()
    assert found(ear) == [("os", "ima_policy_unknown", "contraindicated")]


def test_the_ima_policy_of_the_role_attester_is_approved_by_itself() -> None:
    own = (Path(__file__).parents[3] / "roles/attester/files/ima-policy").read_bytes()
    assert found(Guest().ran("/etc/ima/ima-policy", own, mode=PLAIN).appraise()) == []


def test_field_row_11_only_approved_policies_count_where_the_policy_names_them() -> None:
    approved = {"ima": {"policy_digests": [sha256(b"another policy")]}}
    assert found(Guest().appraise(policy=approved)) == [("os", "ima_policy_unknown", "contraindicated")]


def test_an_owner_in_no_range_is_the_hosts_fault() -> None:
    ear = Guest().ran("/bin/sh", b"shell", owner=1_900_000_000).appraise()
    assert found(ear) == [("os", "owner_unallocated", "contraindicated")]


def test_an_ordinary_user_of_the_host_is_the_hosts() -> None:
    assert found(Guest().ran("/home/a/x", b"evil", owner=1000).appraise()) == [
        ("os", "unknown_executable", "contraindicated")
    ]


def test_a_program_that_an_update_deleted_is_known_and_another_a_warning() -> None:
    deleted = [{"pid": 1, "path": "/usr/bin/ls (deleted)"}]
    assert found(Guest(facts={"deleted_executables": deleted}).appraise()) == []
    deleted = [{"pid": 1, "path": "/opt/x (deleted)"}]
    ear = Guest(facts={"deleted_executables": deleted}).appraise()
    assert found(ear) == [("os", "deleted_executable", "warning")]


# -- runtime


@pytest.mark.parametrize(
    ("path", "data", "code"),
    [
        ("/usr/lib/modules/6.1/dummy.ko", b"dummy", "unknown_module"),
        ("/usr/lib/modules/6.1/fuse.ko", b"evil", "modified_file"),
        ("/usr/bin/crun", b"evil", "modified_file"),
        ("/usr/libexec/podman/helper", b"evil", "unknown_executable"),
    ],
)
def test_a_module_or_container_engine_hits_runtime_alone(path: str, data: bytes, code: str) -> None:
    ear = Guest().ran(path, data).appraise()
    assert worsened(ear) == {"runtime": "contraindicated"}
    assert found(ear) == [("runtime", code, "contraindicated")]
    assert statuses(ear)["os"] == "affirming"
    assert ear["submods"][SC]["palantir.void_by"] == "runtime"


def test_a_loaded_module_that_nothing_explains_is_a_warning() -> None:
    ear = Guest(facts={"modules": ["fuse", "rootkit"]}).appraise()
    assert found(ear) == [("runtime", "module_not_measured", "warning")]


# -- sc


@pytest.mark.parametrize(
    ("path", "data", "mode", "code"),
    [
        ("/bin/dropper", b"evil", 0o100755, "unknown_executable"),
        ("/usr/sbin/dnsmasq", b"evil", 0o100755, "modified_file"),
        ("/etc/dnsmasq.conf", b"evil", PLAIN, "changed_configuration"),
        ("/etc/dnsmasq.conf", b"default", PLAIN, "changed_configuration"),
        ("/etc/passwd", b"evil", PLAIN, "changed_configuration"),
        ("/lib/evil.so", b"evil", PLAIN, "unknown_file"),
        ("memfd:x", b"evil", 0o100777, "fileless_execution"),
        ("/bin/dropper_(deleted)", b"evil", 0o100755, "fileless_execution"),
        ("/tmp/dropper", b"evil", 0o100755, "unknown_executable"),  # noqa: S108 - on the container's root, no tmpfs
    ],
)
def test_a_container_file_hits_its_own_instance_alone(path: str, data: bytes, mode: int, code: str) -> None:
    other = instance(instance="dns-filter-2", uid_base=RETIRED)
    guest = Guest(instances=[instance(), other]).ran("/usr/sbin/dnsmasq", b"dnsmasq", owner=RETIRED)
    ear = guest.ran(path, data, owner=BASE + 5, mode=mode).appraise()
    assert found(ear) == [(SC, code, "contraindicated")]
    assert worsened(ear) == {SC: "contraindicated"}
    assert statuses(ear)["sc:dns-filter-2"] == "affirming"


def test_a_host_file_in_a_container_is_not_known_there() -> None:
    ear = Guest().ran("/usr/bin/ls", b"ls", owner=BASE).appraise()
    assert found(ear) == [(SC, "unknown_executable", "contraindicated")]


def test_a_container_file_on_the_host_is_not_known_there() -> None:
    assert found(Guest().ran("/usr/sbin/dnsmasq", b"dnsmasq").appraise()) == [
        ("os", "unknown_executable", "contraindicated")
    ]


def test_a_container_restarted_in_a_fresh_range_raises_nothing() -> None:
    instances = [instance(state="retired"), instance(uid_base=RETIRED, generation=3)]
    guest = Guest(instances=instances).ran("/usr/sbin/dnsmasq", b"dnsmasq", owner=RETIRED)
    assert found(guest.ran("/etc/dnsmasq.conf", CONFIGURATION, owner=RETIRED, mode=PLAIN).appraise()) == []


def test_what_a_retired_generation_did_is_history_without_weight() -> None:
    instances = [instance(state="retired"), instance(uid_base=RETIRED, generation=3)]
    guest = Guest(instances=instances).ran("/bin/dropper", b"evil", owner=BASE)
    ear = guest.ran("/usr/sbin/dnsmasq", b"dnsmasq", owner=RETIRED).appraise()
    assert found(ear) == []
    assert ear["ear_status"] == "affirming"
    (history,) = ear["submods"][SC]["palantir.retired"]
    assert (history["code"], history["tier"], history["digest"]) == ("unknown_executable", "none", sha256(b"evil"))
    assert history["message"].startswith("Generation 2 of dns-filter-1: ")


def test_root_of_the_host_cannot_hide_in_a_range_of_an_earlier_boot() -> None:
    ended = instance(state="retired", generation=1, uid_base=RETIRED, reset_count=2, sealed_entries=900)
    guest = Guest(instances=[ended, instance()]).ran("/opt/implant", b"evil", owner=RETIRED)
    assert found(guest.appraise()) == [("os", "owner_unallocated", "contraindicated")]


def test_root_of_the_host_cannot_hide_in_the_range_of_a_generation_that_had_ended() -> None:
    guest = Guest().ran("/bin/dropper", b"evil", owner=RETIRED)
    ended = {"state": "retired", "generation": 1, "uid_base": RETIRED, "reset_count": 3}
    count = guest.appraise()["palantir.boot"]["ima_entries"]
    guest.record["instances"] = [instance(**ended, sealed_entries=count), instance()]
    assert found(guest.appraise()) == []
    guest.ran("/bin/implant", b"evil", owner=RETIRED)
    assert found(guest.appraise()) == [("os", "owner_unallocated", "contraindicated")]


def test_history_of_an_instance_that_is_gone_stands_with_the_host() -> None:
    ear = Guest(instances=[instance(state="retired")]).ran("/bin/dropper", b"evil", owner=BASE).appraise()
    assert [f["code"] for f in ear["submods"]["os"]["palantir.retired"]] == ["unknown_executable"]
    assert list(ear["submods"]) == ["hardware", "firmware", "os", "runtime"]


def test_a_live_instance_of_which_nothing_was_measured_is_not_clean() -> None:
    ear = Guest(instances=[instance(), instance(instance="dns-filter-2", uid_base=RETIRED)]).appraise()
    assert found(ear) == [("sc:dns-filter-2", "no_measurements", "warning")]


def test_data_files_that_the_policy_names_are_left_alone_unless_they_can_be_executed() -> None:
    policy = {"sc_data_paths": ["/var/lib/"]}
    guest = Guest().ran("/var/lib/leases", b"1", owner=BASE, mode=PLAIN)
    assert found(guest.appraise(policy=policy)) == []
    guest.ran("/var/lib/evil", b"2", owner=BASE)
    assert found(guest.appraise(policy=policy)) == [(SC, "unknown_executable", "contraindicated")]


# -- authority, and templates without owners


def test_under_a_contraindicated_host_a_container_verdict_is_void_and_keeps_its_own() -> None:
    ear = Guest().ran("/usr/local/bin/evil", b"evil").ran("/bin/dropper", b"evil", owner=BASE).appraise()
    sc = ear["submods"][SC]
    assert sc["ear_status"] == "contraindicated"
    assert sc["palantir.void_by"] == "os"
    assert [f["void"] for f in sc["palantir.findings"]] == [True]
    assert ear["submods"]["os"]["palantir.void_by"] is None


def test_under_a_warned_layer_a_clean_one_is_limited_and_not_void() -> None:
    ear = Guest().ran("/opt/ls", b"ls").appraise()
    sc = ear["submods"][SC]
    assert (sc["ear_status"], sc["palantir.own_status"]) == ("warning", "affirming")
    assert (sc["palantir.limited_by"], sc["palantir.void_by"]) == ("os", None)


def test_without_owners_what_an_image_has_is_its_instances_and_all_else_the_hosts() -> None:
    guest = Guest(template="ima-sig")
    ear = guest.ran("/bin/dropper", b"evil").appraise()
    assert found(ear) == [("os", "unknown_executable", "contraindicated")]
    (finding,) = ear["submods"]["os"]["palantir.findings"]
    assert finding["certainty"] == "ambiguous"
    assert own(ear)[SC] == "affirming"


def test_reference_values_are_indexed_once_for_many_nodes() -> None:
    references = ReferenceSet.from_plain(reference_values(), NOW)
    for _ in range(2):
        assert found(Guest().appraise(references=references)) == []
        evil = Guest().ran("/usr/bin/ls", b"evil").appraise(references=references)
        assert found(evil) == [("os", "modified_file", "contraindicated")]


@pytest.mark.parametrize("template", ["d-ng|n-ng|iuid|igid|imode|sig", "evm-sig"])
def test_another_template_with_owners_gives_the_same_verdicts(template: str) -> None:
    policy = {"ima": {"templates": [template]}}
    assert found(Guest(template=template).appraise(policy=policy)) == []
    guest = Guest(template=template).ran("/bin/dropper", b"evil", owner=BASE).ran("/usr/bin/ls", b"evil")
    ear = guest.appraise(policy=policy)
    assert found(ear) == [
        ("os", "modified_file", "contraindicated"),
        (SC, "unknown_executable", "contraindicated"),
    ]


def test_a_known_host_file_that_a_container_owns_is_the_containers() -> None:
    guest = Guest()
    for path, data in HOST.items():
        guest.ran(path, data, owner=BASE)
    assert {layer for layer, _code, _tier in found(guest.appraise())} == {SC}


@pytest.mark.parametrize("tier", ["none", "warning", "contraindicated"])
@pytest.mark.parametrize("path", ["/usr/bin/ls", "/usr/local/bin/new", "/dev/shm/new"])  # noqa: S108
def test_the_policy_weighs_a_file_that_root_has_hashed_so_that_nothing_can_be_compared(path: str, tier: str) -> None:
    guest = Guest().ran(path, b"evil", algorithm="sha512").ran("/bin/sh", b"evil", owner=BASE, algorithm="sha512")
    ear = guest.appraise(policy={"ima": {"unknown_algorithms": tier}})
    assert found(ear) == [("os", "digest_algorithm_unknown", tier), (SC, "digest_algorithm_unknown", tier)]
    assert ear["submods"]["os"]["ear_status"] == tier


def test_a_configuration_that_is_rendered_below_a_directory_of_two_names_is_right_by_either() -> None:
    rendered = {"/etc/dnsmasq.conf": sha256(CONFIGURATION), "/lib/dns/root.hints": sha256(b"hints")}
    guest = Guest(instances=[instance(files=rendered)])
    guest.ran("/usr/lib/dns/root.hints", b"hints", owner=BASE, mode=PLAIN)
    assert found(guest.appraise()) == []
    guest.ran("/usr/lib/dns/root.hints", b"other", owner=BASE, mode=PLAIN)
    assert found(guest.appraise()) == [(SC, "changed_configuration", "contraindicated")]
