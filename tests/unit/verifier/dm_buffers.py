# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What device mapper has IMA measure of a dm-verity device (drivers/md/dm-ima.c; the table is of its documentation)."""

from __future__ import annotations

import hashlib

VERSION = "dm_version=4.46.0;"
DEVICE = "name=test-verity,uuid=,major=253,minor=2,minor_count=1,num_targets=1;"
ROOT = "29cb87e60ce7b12b443ba6008266f3e41e93e403d7f298f8e3f316b29ff89c5e"
VERITY = (
    "target_index=0,target_begin=0,target_len=1953120,target_name=verity,target_version=1.8.0,hash_failed=V,"
    "verity_version=1,data_device_name=253:1,hash_device_name=253:0,verity_algorithm=sha256,"
    f"root_digest={ROOT},salt=e48da609055204e89ae53b655ca2216dd983cf3cb829f34f63a297d106d53e2d,"
    "ignore_zero_blocks=n,check_at_most_once=n;"
)
LOADED = (VERSION + DEVICE + VERITY).encode()


def resumed(loaded: bytes) -> bytes:
    digest = hashlib.sha256(loaded).hexdigest()
    return f"{VERSION}{DEVICE}active_table_hash=sha256:{digest};current_device_capacity=8;".encode()
