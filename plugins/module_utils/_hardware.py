# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hardware and firmware inventory out of sysfs and procfs, made to be the same after every reboot.

This module is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import os
from typing import Any, Dict, List

from ansible_collections.palantir.trust.plugins.module_utils._text_files import read_text

_DMI = (
    "board_name",
    "board_serial",
    "board_vendor",
    "chassis_serial",
    "chassis_vendor",
    "product_name",
    "product_serial",
    "product_uuid",
    "product_version",
    "sys_vendor",
)
_CPU = {
    "vendor_id": "vendor",
    "model name": "model_name",
    "cpu family": "family",
    "model": "model",
    "stepping": "stepping",
}
_MEMORY_STEP = 256 << 20
_MAX_PCI = 4096


def hardware(proc: str, sys: str, cpuinfo: str) -> Dict[str, Any]:
    """Return the inventory: ``dmi`` and ``cpu`` by name, ``memory_bytes``, ``pci`` as ``vendor:device:class``.

    ``cpuinfo`` is the text of procfs' file of that name, which takes long to read where there are many processors.
    """
    return {"dmi": _dmi(sys, _DMI), "cpu": _cpu(cpuinfo), "memory_bytes": _memory(proc, sys), "pci": _pci(sys)}


def firmware(sys: str, cpuinfo: str) -> Dict[str, str]:
    """Return what a firmware update changes: ``vendor``, ``version``, ``date``, ``microcode``."""
    values = _dmi(sys, ("bios_vendor", "bios_version", "bios_date"))
    found = {name[len("bios_") :]: value for name, value in values.items()}
    microcode = _first_processor(cpuinfo).get("microcode")
    return {**found, "microcode": microcode} if microcode else found


def _dmi(sys: str, names: Any) -> Dict[str, str]:
    directory = os.path.join(sys, "class", "dmi", "id")
    values = {name: (read_text(os.path.join(directory, name), 4096) or "").strip() for name in names}
    return {name: value for name, value in values.items() if value}


def _first_processor(cpuinfo: str) -> Dict[str, str]:
    pairs = (line.partition(":") for line in cpuinfo.partition("\n\n")[0].splitlines())
    return {name.strip(): value.strip() for name, _colon, value in pairs}


def _cpu(cpuinfo: str) -> Dict[str, Any]:
    first = _first_processor(cpuinfo)
    count = sum(1 for line in cpuinfo.splitlines() if line.partition(":")[0].strip() == "processor")
    named: Dict[str, Any] = {ours: first[theirs] for theirs, ours in _CPU.items() if theirs in first}
    named["count"] = count
    return named


def _memory(proc: str, sys: str) -> int:
    directory = os.path.join(sys, "devices", "system", "memory")
    block = (read_text(os.path.join(directory, "block_size_bytes"), 64) or "").strip()
    if block:
        blocks = [name for name in os.listdir(directory) if name.startswith("memory") and name[6:].isdigit()]
        return int(block, 16) * len(blocks)
    # MemTotal lacks what the kernel reserved at this boot: rounding up makes it the same at the next.
    for line in (read_text(os.path.join(proc, "meminfo")) or "").splitlines():
        if line.startswith("MemTotal:"):
            return -(-int(line.split()[1]) * 1024 // _MEMORY_STEP) * _MEMORY_STEP
    return 0


def _pci(sys: str) -> List[str]:
    directory = os.path.join(sys, "bus", "pci", "devices")
    try:
        slots = sorted(os.listdir(directory))[:_MAX_PCI]
    except OSError:
        return []
    return sorted(
        ":".join(_pci_number(directory, slot, name) for name in ("vendor", "device", "class")) for slot in slots
    )


def _pci_number(directory: str, slot: str, name: str) -> str:
    text = (read_text(os.path.join(directory, slot, name), 64) or "").strip()
    return text[2:] if text.startswith("0x") else text


__all__ = ["firmware", "hardware"]
