# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Policy texts as the kernel reads them: what it takes is read, what it refuses is named by line and word."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import PolicyError
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.coverage import coverage
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.rules import (
    EVERYONE,
    MAX_RULES,
    MAX_TEXT,
    USERS,
    Mask,
    Rule,
    parse_rules,
)


def rule(text: str) -> Rule:
    (only,) = parse_rules(text + "\n")
    return only


def test_every_part_of_a_rule_is_read() -> None:
    text = (
        "measure func=FILE_CHECK mask=^MAY_READ fsmagic=0x794C7630 fsname=overlay uid>999999999 pcr=11 template=ima-ng"
    )
    assert rule(text) == Rule(
        line=1,
        action="measure",
        func="FILE_CHECK",
        mask=Mask.MAY_READ,
        any_of_mask=True,
        fsmagic=0x794C7630,
        fsname="overlay",
        users=(1_000_000_000, USERS),
        pcr=11,
    )


@pytest.mark.parametrize(
    ("text", "users"),
    [("uid=0", (0, 1)), ("uid<1000", (0, 1000)), ("uid>999", (1000, USERS)), ("uid<0", (0, 0)), ("", EVERYONE)],
)
def test_users_are_those_that_the_operator_leaves(text: str, users: tuple[int, int]) -> None:
    assert rule(f"measure {text}").users == users


def test_comments_blank_lines_and_tabs_are_as_in_the_kernel() -> None:
    rules = parse_rules("# PROC_SUPER_MAGIC\n\n \t\n\tdont_measure\tfsmagic=9fa0\n  # end\nmeasure func=FILE_MMAP\n")
    assert [(r.line, r.action, r.func, r.fsmagic) for r in rules] == [
        (4, "dont_measure", None, 0x9FA0),
        (6, "measure", "MMAP_CHECK", None),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "appraise fowner=0",
        "appraise func=MODULE_CHECK appraise_type=imasig|modsig appraise_flag=check_blacklist",
        "appraise func=BPRM_CHECK digest_type=verity appraise_type=sigv3",
        "appraise func=SETXATTR_CHECK appraise_algos=sha256,sha384",
        "measure func=FILE_CHECK digest_type=verity template=ima-ngv2",
        "measure func=KEY_CHECK keyrings=.ima|.builtin_trusted_keys",
        "measure func=CRITICAL_DATA label=selinux|kernel_info",
        "measure subj_user=_ func=FILE_CHECK mask=MAY_READ",
        "dont_measure obj_type=var_log_t",
        "audit func=BPRM_CHECK permit_directio",
        "dont_hash fsuuid=8bcbe394-4f13-4144-be8e-5aa9ea2ce2f6",
        "measure euid<10 gid=5 fgroup>7 fs_subtype=sshfs",
        "func=MODULE_CHECK measure",
    ],
)
def test_what_the_kernel_takes_is_read(text: str) -> None:
    assert rule(text).line == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("measrue", "'measrue' is no action or condition."),
        ("measure func=BPRM", "'func=BPRM' has a value that the kernel does not know."),
        ("measure func>BPRM_CHECK", "'func>BPRM_CHECK' is no action or condition."),
        ("measure func=", "'func=' is no action or condition."),
        ("measure func=BPRM_CHECK\r", r"'func=BPRM_CHECK\r' is no action or condition."),
        ("measure func=BPRM_CHECK # all", "'#' is no action or condition."),
        ("measure mask=MAY_READ|MAY_EXEC", "'mask=MAY_READ|MAY_EXEC' has a value that the kernel does not know."),
        ("measure fsmagic=tmpfs", "'fsmagic=tmpfs' has a value that the kernel does not know."),
        ("measure uid=root", "'uid=root' has no number of a user or group."),
        ("measure uid=4294967295", "'uid=4294967295' has no number of a user or group."),
        ("measure uid=0 euid=0", "'euid=0' is a condition that the rule has already."),
        ("measure uid>5 uid<9", "'uid<9' is a condition that the rule has already."),
        ("measure dont_measure", "'dont_measure' is a second action."),
        ("func=BPRM_CHECK", "has no action."),
        ("dont_measure pcr=11", "'pcr=11' does not go with 'dont_measure'."),
        ("measure pcr=64", "'pcr=64' has a value that the kernel does not know."),
        ("template=ima-ng measure", "'template=ima-ng' does not stand behind 'measure'."),
        ("measure appraise_type=imasig", "'appraise_type=imasig' does not go with 'measure'."),
        ("measure func=KEY_CHECK fsmagic=1", "'fsmagic=1' does not go with func=KEY_CHECK."),
        ("measure keyrings=.ima", "'keyrings=.ima' does not go with a rule without func."),
        ("measure func=KEXEC_CMDLINE mask=MAY_READ", "'mask=MAY_READ' does not go with func=KEXEC_CMDLINE."),
        ("measure func=MODULE_CHECK digest_type=verity", "'digest_type=verity' does not go with func=MODULE_CHECK."),
        ("audit func=KEXEC_CMDLINE", "'audit' does not go with func=KEXEC_CMDLINE."),
        ("measure func=SETXATTR_CHECK", "'func=SETXATTR_CHECK' is for 'appraise' with appraise_algos alone."),
        ("appraise appraise_type=imasig|modsig", "'appraise_type=imasig|modsig' is for modules and kernels alone."),
        ("appraise appraise_type=sigv3", "needs digest_type=verity and appraise_type=sigv3 together, or neither."),
        ("appraise digest_type=verity", "needs digest_type=verity and appraise_type=sigv3 together, or neither."),
        ("measure x=" + "a" * 1000, "is no action or condition."),
        ("measure\0", "has a NUL character: the kernel reads no further."),
    ],
)
def test_what_the_kernel_refuses_is_named_by_line_and_word(text: str, message: str) -> None:
    with pytest.raises(PolicyError) as raised:
        parse_rules(f"measure func=POLICY_CHECK\n{text}\n", "mysite")
    assert str(raised.value).startswith("mysite, line 2: ")
    assert message in str(raised.value)
    assert len(str(raised.value)) < 300


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "IMA policy: does not end with a new line: the kernel refuses it."),
        ("measure func=BPRM_CHECK", "IMA policy: does not end with a new line: the kernel refuses it."),
        ("# nothing\n", "IMA policy: has no rule: the kernel refuses it."),
        ("#" * MAX_TEXT + "\n", f"IMA policy: is longer than {MAX_TEXT} characters."),
        ("measure\n" * (MAX_RULES + 1), f"IMA policy, line {MAX_RULES + 1}: is one rule more than"),
    ],
)
def test_what_the_kernel_refuses_as_a_whole_is_refused(text: str, message: str) -> None:
    with pytest.raises(PolicyError) as raised:
        parse_rules(text)
    assert str(raised.value).startswith(message)


WORDS = (
    *("measure", "dont_measure", "appraise", "audit", "func=BPRM_CHECK", "func=FILE_CHECK", "func=KEY_CHECK", "#"),
    *("func=MODULE_CHECK", "mask=MAY_EXEC", "mask=^MAY_READ", "fsmagic=0x01021994", "fsname=overlay", "uid=0", "uid<1"),
    *("uid>999999999", "euid=0", "fowner>5", "pcr=11", "template=ima-ng", "keyrings=.ima", "permit_directio"),
    *("digest_type=verity", "appraise_type=sigv3"),
)
LINES = st.lists(st.sampled_from(WORDS) | st.text(max_size=20), max_size=6).map(" ".join)


@given(st.lists(LINES, max_size=8).map(lambda lines: "".join(line + "\n" for line in lines)) | st.text())
@example("\ud800\n")
@example("measure fsmagic=ffffffffffffffff\n")
@example("measure uid>٣\n")
def test_any_text_gives_a_coverage_or_the_domain_error(text: str) -> None:
    try:
        found = coverage(text)
    except PolicyError as error:
        message = str(error)
    else:
        message = "".join(gap.use.what for gap in found.gaps if gap.users)
    assert message.isprintable()
