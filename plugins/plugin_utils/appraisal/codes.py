# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finding codes of the appraisal.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

CODES: Final[Mapping[str, str]] = {
    "ak_replaced": "The node answers with another AK than the enrolled one: its TPM was cleared or replaced.",
    "boot_change_waived": "A boot event is not known, as the policy allows by name.",
    "boot_not_known": "Neither boot Reference Values nor recorded events say what may boot here.",
    "boot_value_expired": "A boot event is known only to Reference Values that have expired.",
    "changed_configuration": "A configuration file is not what its image or its rendering holds.",
    "deleted_executable": "A running program's file was deleted, and no Reference Value names it.",
    "digest_algorithm_unknown": "A file was measured with a hash in which no Reference Value is known.",
    "event_log_missing": "The node gave no event log, so nothing is known of its firmware and boot.",
    "event_log_replay_mismatch": "The event log does not lead to the quoted PCRs: altered, or not of this boot.",
    "fileless_execution": "A program ran from memory, not from a file on a disk.",
    "firmware_change_waived": "A firmware event differs from enrolment, as the policy allows by name.",
    "firmware_code_changed": "Firmware code is not as recorded at enrolment.",
    "firmware_configuration_changed": "Firmware configuration is not as recorded at enrolment.",
    "firmware_event_missing": "A firmware event that was recorded at enrolment did not happen.",
    "firmware_not_recorded": "No firmware events were recorded at enrolment, so there is nothing to compare with.",
    "hardware_changed": "Hardware is not as recorded at enrolment.",
    "hardware_not_recorded": "No hardware inventory was recorded at enrolment, so there is nothing to compare with.",
    "hardware_not_reported": "The node reports no hardware inventory.",
    "host_key_added": "The node has an SSH host key that is not recorded; none is believed before it is.",
    "host_key_changed": "The node has another SSH host key in place of a recorded one.",
    "host_key_gone": "The node has a recorded SSH host key no more; it is known by others that are recorded.",
    "host_keys_not_recorded": "No SSH host keys are on record, so connections to the node cannot be checked by them.",
    "host_keys_unreadable": "What the node says of its SSH host keys cannot be read.",
    "ima_coverage_kernel": "The IMA policy does not measure all that the kernel starts: another could start unseen.",
    "ima_coverage_modules": "The IMA policy does not measure all kernel modules: one could be loaded unseen.",
    "ima_coverage_programs": "The IMA policy does not measure all programs and libraries: one could run unseen.",
    "ima_coverage_reads": "The IMA policy does not measure all that an instance reads: a change could be unseen.",
    "ima_coverage_unknown": "The IMA policy is approved, but not its text known: what it leaves out is unproven.",
    "ima_history_changed": "The list is not the one that was verified before in this boot: TPM or store is at fault.",
    "ima_key_unknown": "A key that nothing names was loaded into a keyring that the kernel trusts.",
    "ima_list_continued": "The list's beginning is gone, and was verified in earlier rounds: this one continues it.",
    "ima_list_restarted": "The list begins anew, but its PCR does not: another kernel was started and lost the list.",
    "ima_list_trimmed": "The list's beginning is missing: it was exported and deleted, or cut.",
    "ima_log_missing": "The node gave no IMA list, so nothing is known of what it ran.",
    "ima_policy_unknown": "The IMA policy that the node loaded is not an approved one: it may measure too little.",
    "ima_policy_unmeasured": "No measured IMA policy: what the node measures, and what it leaves out, is unproven.",
    "ima_replay_mismatch": "No beginning of the IMA list leads to the quoted PCR: altered, cut, or of another boot.",
    "ima_tail_held": "Entries newer than the quote are held for the next round.",
    "ima_template_unexpected": "The list has a template that the policy does not name: altered, or set up otherwise.",
    "kexec_command_line": "Another kernel was loaded to be started without the firmware.",
    "kexec_restart": "Another kernel was started without the firmware: no event log tells which.",
    "later_event_foreign": "After boot something was extended into a PCR of the firmware or a loader.",
    "later_event_unknown": "After boot a word was extended that is none of systemd's known ones.",
    "log_unproven": "Another log does not lead to the quoted PCRs, so this layer's log is not proven either.",
    "mok_changed": "Machine owner keys are not as recorded at enrolment.",
    "modified_file": "A known file has content that no Reference Value names for it.",
    "module_not_measured": "A kernel module is loaded that was neither measured nor is part of the initial RAM disk.",
    "more_findings": "More findings than are listed.",
    "moved_file": "A known file was run from a path that no Reference Value names.",
    "no_measurements": "Nothing of a live instance was measured: that is no proof that it is clean.",
    "owner_unallocated": "A file was run whose owner is in no range that an instance had at that time.",
    "reference_value_expired": "A file is known only to Reference Values that have expired.",
    "reference_values_expired": "All Reference Values of this layer have expired.",
    "reference_values_missing": "There are no Reference Values for this layer.",
    "secure_boot_disabled": "Secure Boot is off.",
    "secure_boot_policy_changed": "A Secure Boot key, list or authority is not as recorded at enrolment.",
    "secure_boot_unproven": "The event log does not prove that Secure Boot is on.",
    "shim_validation_disabled": "Shim does not check signatures (mokutil --disable-validation).",
    "signature_invalid": "A file's signature names a signer of the policy, who did not sign that content.",
    "signature_unchecked": "A file's signature was not verified: the list has too many signatures.",
    "signed_other_version": "A signed file differs from its Reference Values: another version, newer or older.",
    "signed_withdrawn": "A file was run that the policy has withdrawn from its signer.",
    "signer_expired": "A file is known only by the signature of a signer whose time in the policy is over.",
    "unknown_boot_application": "An EFI program or kernel was started that no Reference Value names.",
    "unknown_boot_command": "The boot loader ran a command that no Reference Value names.",
    "unknown_boot_file": "The boot loader read a file that no Reference Value names.",
    "unknown_executable": "A program or library was run that no Reference Value names.",
    "unknown_file": "A file was read that neither the image nor the rendered configuration holds.",
    "unknown_module": "A kernel module was loaded that no Reference Value names.",
}
"""Code → one-sentence meaning."""

__all__ = ["CODES"]
