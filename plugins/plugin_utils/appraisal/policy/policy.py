# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Appraisal Policy (RFC 9334 section 8.5): what a site asks of its nodes, from plain data.

An empty mapping is a good policy: every default is the strict one that raises no false alarm on a node that
the collection's own roles set up.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Final

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.ar4si import Tier
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.policy.signers import (
    Signer,
    read_certificates,
    read_signers,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.policy.values import (
    Reader,
    read_choice,
    read_count,
    read_digests,
    read_flag,
    read_mapping,
    read_paths,
    read_text,
    read_texts,
    read_tier,
    read_time,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.policy.waivers import MODEL_KEYS, Waiver
from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import PolicyError
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.coverage import coverage

STRONG_BANKS: Final = ("sha256", "sha384", "sha512")
BANKS: Final = ("sha1", *STRONG_BANKS)
ALIASES: Final = {
    "/bin": "/usr/bin",
    "/sbin": "/usr/sbin",
    "/lib": "/usr/lib",
    "/lib64": "/usr/lib64",
    "/root": "",
    "/sysroot": "",
}
"""Directories that are another's second name: on a merged-usr system (systemd's file-hierarchy(7)), and where an
initial RAM disk mounts the root file system (initramfs-tools, dracut)."""
RUNTIME_PATHS: Final = (
    "/usr/bin/podman",
    "/usr/bin/conmon",
    "/usr/bin/crun",
    "/usr/bin/runc",
    "/usr/bin/containerd",
    "/usr/bin/dockerd",
    "/usr/bin/systemd-nspawn",
    "/usr/lib/podman/",
    "/usr/libexec/podman/",
)
TEMPLATES: Final = (
    "d-ng|n-ng|sig|iuid|igid|imode",
    "ima-ng",
    "ima-sig",
    "ima-ngv2",
    "ima-sigv2",
    "ima-buf",
    "ima-modsig",
    "evm-sig",
)
"""What the role ``attester`` sets up, and the kernel's own; no two of them read the same bytes as different files."""
MAX_IMA_POLICIES: Final = 16
RESETTABLE: Final = frozenset({16, 23})
"""Debug and application PCRs: reset without a reboot, they prove nothing (TCG PC Client Platform TPM Profile)."""


@dataclass(frozen=True, slots=True)
class ImaPolicy:
    """What is asked of the IMA measurement list.

    Attributes:
        required: a node without the list cannot be affirmed.
        policy_digests: accepted digests of the measured IMA policy file, ``algorithm:hex``.
        policies: texts of IMA policies that are accepted, each the whole file: of these it is known what they leave
            out. Neither digests nor texts: that of the role ``attester``, and any that the host's Reference Values
            name.
        templates: templates that entries may have. No PCR covers a template's name, so one that lets the same bytes
            say something else must not be among them.
        violations: tier of a violation (ToMToU, open writers).
        unknown_algorithms: tier of a file that was hashed by an algorithm in which Reference Values cannot tell what it
            is. Root of a node chooses a file's by its attribute ``security.ima``.
        max_tail: largest number of entries that may be newer than the quote.
        signers: whose signature lets a file count that no Reference Value names.
        signed_other_version: tier of a signed file whose path has Reference Values with other content.
        keys: certificates that the kernel's keyrings may have beside those of the signers, by their digest in DER.
        unknown_keys: tier of any other key that was measured into a keyring which the kernel trusts.
    """

    required: bool = True
    policy_digests: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()
    templates: tuple[str, ...] = TEMPLATES
    violations: Tier = Tier.WARNING
    unknown_algorithms: Tier = Tier.NONE
    max_tail: int = 4096
    signers: tuple[Signer, ...] = ()
    signed_other_version: Tier = Tier.WARNING
    keys: tuple[str, ...] = ()
    unknown_keys: Tier = Tier.WARNING


@dataclass(frozen=True, slots=True)
class AppraisalPolicy:
    """What a site asks of its nodes.

    Attributes:
        name: identifier in the EAR (``ear_appraisal_policy_ids``).
        selection: bank → PCR numbers that a quote must cover.
        ima: what is asked of the IMA measurement list.
        secure_boot: ``required``, ``recorded`` (as at enrolment) or ``any``.
        hardware: ``recorded`` (inventory as at enrolment) or ``any``.
        firmware: ``recorded`` (events as at enrolment) or ``any``.
        firmware_configuration: tier of a change in PCR 1, 3 or 5: boot order, settings, partitions.
        boot: ``reference`` (events known from boot Reference Values; recorded ones where those say nothing of a
            PCR) or ``any``.
        host_keys: tier of an SSH host key that another one has replaced since enrolment.
        fileless: tier of a program run from memory, or from a file that was deleted.
        moved: tier of a known file at a path that no Reference Value names.
        kexec: tier of a kernel that another one started, or loaded to start it, without the firmware.
        unmeasured_modules: tier of a loaded module that neither the log nor the kernel's built-ins explain.
        no_measurements: tier of a live instance of which nothing was measured.
        sc_unknown_files: tier of a file that an SC read and that neither its image nor its configuration holds; a
            library without execute permission is one.
        sc_data_paths: paths inside containers, or directories ending in ``/``, whose files are data unless they are
            executable.
        ignore_paths: host paths, or directories ending in ``/``, that are not appraised.
        runtime_paths: container engine's paths, or directories ending in ``/``: they make up the layer ``runtime``.
        aliases: directory → the directory it is a name of.
        waivers: events that may differ.
        allow_sha1: accept what proves nothing against collisions: a signature over SHA-1, and a selection that has
            what is needed in no other bank.
    """

    name: str = "default"
    selection: Mapping[str, tuple[int, ...]] = field(
        default_factory=lambda: {"sha256": (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 14)}
    )
    ima: ImaPolicy = field(default_factory=ImaPolicy)
    secure_boot: str = "required"
    hardware: str = "recorded"
    firmware: str = "recorded"
    firmware_configuration: Tier = Tier.WARNING
    boot: str = "reference"
    host_keys: Tier = Tier.WARNING
    fileless: Tier = Tier.CONTRAINDICATED
    moved: Tier = Tier.WARNING
    kexec: Tier = Tier.WARNING
    unmeasured_modules: Tier = Tier.WARNING
    no_measurements: Tier = Tier.WARNING
    sc_unknown_files: Tier = Tier.CONTRAINDICATED
    sc_data_paths: tuple[str, ...] = ()
    ignore_paths: tuple[str, ...] = ()
    runtime_paths: tuple[str, ...] = RUNTIME_PATHS
    aliases: Mapping[str, str] = field(default_factory=lambda: dict(ALIASES))
    waivers: tuple[Waiver, ...] = ()
    allow_sha1: bool = False

    @property
    def bank(self) -> str:
        """The bank in which events are compared: the first that has all PCRs that the policy needs.

        SHA-256 comes first, since most Reference Values are in it, and SHA-1 last.
        """
        needed = self.needed_pcrs()
        order = [bank for bank in (*STRONG_BANKS, "sha1") if bank in self.selection]
        return next((bank for bank in order if needed <= set(self.selection[bank])), order[0])

    @property
    def covered(self) -> frozenset[int]:
        """PCRs that a quote covers in the bank in which events are compared."""
        return frozenset(self.selection[self.bank])

    def selection_plain(self) -> dict[str, list[int]]:
        """Return the selection as the evidence module takes it."""
        return {bank: list(pcrs) for bank, pcrs in self.selection.items()}

    def needed_pcrs(self) -> frozenset[int]:
        """Return the PCRs without which a quote could not prove what this policy asks."""
        needed: set[int] = set()
        if self.secure_boot != "any":
            needed.add(7)
        if self.firmware != "any":
            needed.update((0, 1, 2, 3, 5, 6, 7))
        if self.boot != "any":
            needed.update((4, 8, 9, 14))
        if self.ima.required:
            needed.add(10)
        return frozenset(needed)


def load_policy(plain: object, where: str = "appraisal policy") -> AppraisalPolicy:
    """Read an Appraisal Policy from plain data (YAML or JSON); what is not named keeps its default.

    Raises:
        PolicyError: a key is unknown (the nearest right one is named) or its value is of the wrong form.
    """
    if isinstance(plain, AppraisalPolicy):
        return plain
    policy = AppraisalPolicy(**read_mapping(plain, _POLICY_READERS, where))
    if policy.bank == "sha1" and not policy.allow_sha1:
        raise PolicyError(
            f"{where}, selection",
            "has what the rest of the policy needs in no bank but sha1.",
            "add it to sha256: SHA-1 alone proves nothing; or say so with allow_sha1: true.",
        )
    lacking = sorted(policy.needed_pcrs() - policy.covered)
    if lacking:
        raise PolicyError(
            f"{where}, selection",
            f"lacks PCR {', '.join(map(str, lacking))} of {policy.bank}, which the rest of the policy needs.",
            "add them, or ask for less (firmware, boot, secure_boot: any; ima.required: false).",
        )
    return policy


def _aliases(value: object, where: str) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise PolicyError(where, "must be a mapping of directory to directory.")
    for key, target in value.items():
        read_paths([key, target], where)
    return {str(key).rstrip("/"): str(target).rstrip("/") for key, target in value.items()}


def _ima_policies(value: object, where: str) -> tuple[str, ...]:
    texts = read_texts(value, where)
    if len(texts) > MAX_IMA_POLICIES:
        raise PolicyError(where, f"has more than {MAX_IMA_POLICIES} texts.")
    for i, text in enumerate(texts):
        coverage(text, f"{where}[{i}]")
    return texts


def _pcr(value: object, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 23:
        raise PolicyError(where, f"{printable(value)!r} is no PCR number (0 to 23).")
    return value


def _selection(value: object, where: str) -> dict[str, tuple[int, ...]]:
    if not isinstance(value, Mapping) or not value:
        raise PolicyError(where, "must be a mapping of bank to PCR numbers.")
    result = {}
    for bank, pcrs in value.items():
        read_choice(*BANKS)(bank, where)
        if not isinstance(pcrs, (list, tuple)) or not pcrs:
            raise PolicyError(f"{where}, {bank}", "must be a list of PCR numbers.")
        result[str(bank)] = tuple(sorted({_pcr(p, f"{where}, {bank}") for p in pcrs}))
        for pcr in RESETTABLE & set(result[str(bank)]):
            raise PolicyError(f"{where}, {bank}", f"names PCR {pcr}, which any program can reset.", "leave it out.")
    return result


def _waivers(value: object, where: str) -> tuple[Waiver, ...]:
    if not isinstance(value, (list, tuple)):
        raise PolicyError(where, "must be a list.")
    waivers = []
    for i, plain in enumerate(value):
        values = read_mapping(plain, _WAIVER_READERS, f"{where}[{i}]")
        if "pcr" not in values or "reason" not in values:
            raise PolicyError(f"{where}[{i}]", "needs pcr and reason.")
        waivers.append(Waiver(**values))
    names = [waiver.name for waiver in waivers if waiver.name]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise PolicyError(where, f"has two of the name {printable(twice)!r}.", "give each a name of its own.")
    return tuple(waivers)


def _model(value: object, where: str) -> dict[str, str]:
    return read_mapping(value, dict.fromkeys(MODEL_KEYS, read_text), where)


def _ima(value: object, where: str) -> ImaPolicy:
    return ImaPolicy(**read_mapping(value, _IMA_READERS, where))


_WAIVER_READERS: Final[Mapping[str, Reader]] = {
    "pcr": _pcr,
    "reason": read_text,
    "type": read_text,
    "variable": read_text,
    "expires": read_time,
    "name": read_text,
    "model": _model,
}
_IMA_READERS: Final[Mapping[str, Reader]] = {
    "required": read_flag,
    "policy_digests": read_digests,
    "policies": _ima_policies,
    "templates": read_texts,
    "violations": read_tier,
    "unknown_algorithms": read_tier,
    "max_tail": read_count,
    "signers": read_signers,
    "signed_other_version": read_tier,
    "keys": read_certificates,
    "unknown_keys": read_tier,
}
_POLICY_READERS: Final[Mapping[str, Reader]] = {
    "name": read_text,
    "selection": _selection,
    "ima": _ima,
    "secure_boot": read_choice("required", "recorded", "any"),
    "hardware": read_choice("recorded", "any"),
    "firmware": read_choice("recorded", "any"),
    "firmware_configuration": read_tier,
    "boot": read_choice("reference", "any"),
    "host_keys": read_tier,
    "fileless": read_tier,
    "moved": read_tier,
    "kexec": read_tier,
    "unmeasured_modules": read_tier,
    "no_measurements": read_tier,
    "sc_unknown_files": read_tier,
    "sc_data_paths": read_paths,
    "ignore_paths": read_paths,
    "runtime_paths": read_paths,
    "aliases": _aliases,
    "waivers": _waivers,
    "allow_sha1": read_flag,
}
KEYS: Final = tuple(f.name for f in fields(AppraisalPolicy))
"""Every key that a policy may have."""

__all__ = [
    "ALIASES",
    "BANKS",
    "KEYS",
    "RUNTIME_PATHS",
    "STRONG_BANKS",
    "TEMPLATES",
    "AppraisalPolicy",
    "ImaPolicy",
    "Signer",
    "Waiver",
    "load_policy",
]
