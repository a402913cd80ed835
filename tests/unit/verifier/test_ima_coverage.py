# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What policies leave out, compared with the kernel's own way of deciding (ima_match_policy())."""

from __future__ import annotations

import operator
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.coverage import (
    CRITICAL_DATA,
    FILE_SYSTEMS,
    FIRMWARE,
    IN_MEMORY,
    KERNELS,
    KEYS,
    LIBRARIES,
    MODULES,
    PROGRAMS,
    READS,
    USES,
    Use,
    coverage,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.rules import EVERYONE, USERS

TCB = """\
dont_measure fsmagic=0x9fa0
dont_measure fsmagic=0x62656572
dont_measure fsmagic=0x64626720
dont_measure fsmagic=0x01021994
measure func=MMAP_CHECK mask=MAY_EXEC
measure func=BPRM_CHECK mask=MAY_EXEC
measure func=FILE_CHECK mask=^MAY_READ euid=0
measure func=FILE_CHECK mask=^MAY_READ uid=0
measure func=MODULE_CHECK
measure func=FIRMWARE_CHECK
measure func=POLICY_CHECK
"""
"""The kernel's ``ima_policy=tcb``, without the file systems that hold no programs."""
SC = (1_000_013_824, 1_000_079_360)


def left_out(text: str, use: Use, users: tuple[int, int] = EVERYONE) -> tuple[str, ...]:
    return coverage(text).left_out([use], users=users).get(use, ())


def test_the_kernels_tcb_policy_leaves_out_memory_and_what_others_than_root_read() -> None:
    assert left_out(TCB, PROGRAMS) == left_out(TCB, MODULES) == ("tmpfs", "devtmpfs")
    assert left_out(TCB, LIBRARIES, SC) == ("tmpfs", "devtmpfs")
    assert left_out(TCB, READS, SC) == tuple(FILE_SYSTEMS)
    assert left_out(TCB, READS, (0, 1)) == ("tmpfs", "devtmpfs")
    assert left_out(TCB, KERNELS) == tuple(FILE_SYSTEMS)
    assert left_out(TCB, KEYS) == left_out(TCB, CRITICAL_DATA) == ("",)


@pytest.mark.parametrize("condition", ["fsmagic=0x794c7630", "fsname=overlay"])
def test_a_policy_that_leaves_out_overlayfs_is_seen_to_by_number_and_name(condition: str) -> None:
    assert left_out(f"dont_measure {condition}\nmeasure\n", PROGRAMS, SC) == ("overlay",)
    assert left_out(f"measure\ndont_measure {condition}\n", PROGRAMS, SC) == ()


def test_the_first_rule_that_matches_decides() -> None:
    text = "measure func=BPRM_CHECK uid=0\ndont_measure func=BPRM_CHECK uid<1000\nmeasure func=BPRM_CHECK\n"
    (gap,) = {gap.users for gap in coverage(text).gaps if gap.use is PROGRAMS}
    assert gap == ((1, 1000),)
    assert left_out(text, PROGRAMS, (0, 1)) == left_out(text, PROGRAMS, SC) == ()


def test_rules_that_share_the_users_cover_together() -> None:
    assert left_out("measure uid<1000\nmeasure uid>999\n", PROGRAMS) == ()
    (gap,) = {gap.users for gap in coverage("measure uid<1000\nmeasure uid>1000\n").gaps if gap.use is PROGRAMS}
    assert gap == ((1000, 1001),)


@pytest.mark.parametrize(
    "condition",
    ["euid<4294967294", "gid>0", "fowner=0", "obj_type=bin_t", "fsuuid=8bcbe394-4f13-4144-be8e-5aa9ea2ce2f6"],
)
def test_what_a_text_leaves_open_is_taken_the_worse_way(condition: str) -> None:
    assert left_out(f"measure {condition}\n", PROGRAMS) == tuple(FILE_SYSTEMS)
    assert left_out(f"dont_measure {condition}\nmeasure\n", PROGRAMS) == tuple(FILE_SYSTEMS)


def test_a_subtype_concerns_only_file_systems_that_have_one() -> None:
    assert left_out("dont_measure fs_subtype=sshfs\nmeasure\n", PROGRAMS) == ("fuse", "fuseblk", "any other")


def test_a_list_of_file_systems_leaves_out_those_that_root_may_mount_besides() -> None:
    named = "".join(f"measure fsname={name}\n" for name in FILE_SYSTEMS if name != "any other")
    assert left_out(named, PROGRAMS) == ("any other",)


def test_another_pcr_is_not_that_of_the_list() -> None:
    assert left_out("measure func=BPRM_CHECK pcr=11\nmeasure\n", PROGRAMS) == tuple(FILE_SYSTEMS)
    assert left_out("measure func=BPRM_CHECK pcr=10\n", PROGRAMS) == ()


@pytest.mark.parametrize("mask", ["MAY_READ", "^MAY_WRITE"])
def test_a_mask_that_the_hook_never_has_measures_nothing(mask: str) -> None:
    assert left_out(f"measure func=BPRM_CHECK mask={mask}\n", PROGRAMS) == tuple(FILE_SYSTEMS)


def test_keys_and_critical_data_are_measured_by_rules_of_their_own_alone() -> None:
    assert left_out("measure\n", KEYS) == ("",)
    assert left_out("dont_measure fsmagic=1\nmeasure func=KEY_CHECK\n", KEYS) == ()
    assert left_out("measure func=KEY_CHECK keyrings=.ima\n", KEYS) == ("",)
    assert left_out("measure func=CRITICAL_DATA\n", CRITICAL_DATA) == ()


def test_rules_that_do_not_measure_decide_nothing() -> None:
    assert left_out("dont_appraise\nappraise fowner=0\naudit\nhash\nmeasure func=FIRMWARE_CHECK\n", FIRMWARE) == ()


def test_what_is_in_memory_is_known_by_name() -> None:
    assert set(FILE_SYSTEMS) >= IN_MEMORY


FUNCS = ("", "func=BPRM_CHECK ", "func=MMAP_CHECK ", "func=FILE_CHECK ", "func=MODULE_CHECK ")
MASKS = ("", "mask=MAY_EXEC ", "mask=^MAY_READ ", "mask=MAY_READ ")
PLACES = ("", "fsmagic=0x794c7630 ", "fsname=tmpfs ", "fsmagic=ef53 ")
OWNERS = ("", "uid=0 ", "uid>999 ", "uid<1000 ", "uid>999999999 ")
RULES = st.tuples(
    st.sampled_from(["measure ", "dont_measure "]), *(st.sampled_from(part) for part in (FUNCS, MASKS, PLACES, OWNERS))
).map("".join)
COMPARE = {"=": operator.eq, "<": operator.lt, ">": operator.gt}


def kernel_measures(rules: list[str], use: Use, place: str, uid: int) -> bool:
    """Decide as ima_match_policy() does, one use at a time."""
    for rule in rules:
        action, *conditions = rule.split()
        given = {name: (sign, value) for name, sign, value in (re.split("([=<>])", c, maxsplit=1) for c in conditions)}
        mask = given.get("mask", ("=", ""))[1]
        named = mask.lstrip("^") == use.mask.name
        if (
            given.get("func", ("=", use.func))[1] == use.func
            and (not mask or named)
            and int(given["fsmagic"][1] if "fsmagic" in given else hex(FILE_SYSTEMS[place]), 16) == FILE_SYSTEMS[place]
            and given.get("fsname", ("=", place))[1] == place
            and ("uid" not in given or COMPARE[given["uid"][0]](uid, int(given["uid"][1])))
        ):
            return action == "measure"
    return False


@given(
    st.lists(RULES, min_size=1, max_size=8),
    st.sampled_from([PROGRAMS, LIBRARIES, READS, MODULES]),
    st.sampled_from(["ext4", "overlay", "tmpfs", "xfs"]),
    st.sampled_from([0, 1, 999, 1000, 999_999_999, 1_000_000_000, USERS - 1]),
)
def test_what_is_left_out_is_exactly_what_the_kernel_would_not_measure(
    rules: list[str], use: Use, place: str, uid: int
) -> None:
    text = "".join(rule + "\n" for rule in rules)
    out = coverage(text).left_out([use], [place], (uid, uid + 1))
    assert bool(out) is not kernel_measures(rules, use, place, uid)


def test_every_use_has_a_name_of_its_own() -> None:
    assert len({use.what for use in USES}) == len({use.func for use in USES}) == len(USES)
