# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.ar4si import Tier
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.policy.policy import (
    KEYS,
    AppraisalPolicy,
    Waiver,
    load_policy,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import PolicyError


def test_an_empty_policy_is_the_strict_default() -> None:
    policy = load_policy({})
    assert policy == AppraisalPolicy()
    assert (policy.secure_boot, policy.firmware, policy.hardware, policy.boot) == (
        "required",
        "recorded",
        "recorded",
        "reference",
    )
    assert policy.fileless is Tier.CONTRAINDICATED
    assert policy.selection_plain() == {"sha256": [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 14]}


def test_a_policy_is_read_as_it_is_written_in_yaml() -> None:
    policy = load_policy(
        {
            "name": "lab",
            "selection": {"sha256": [14, *range(12)], "sha1": [10]},
            "ima": {"required": True, "policy_digests": ["sha256:" + "ab" * 32], "violations": "contraindicated"},
            "secure_boot": "recorded",
            "moved": "affirming",
            "ignore_paths": ["/var/lib/x/"],
            "waivers": [
                {"pcr": 1, "variable": "BootOrder", "reason": "varies", "expires": "2027-01-01"},
                {"pcr": 0, "reason": "update", "name": "bios", "model": {"product_name": "Standard*"}},
            ],
        }
    )
    assert policy.selection["sha256"] == (*range(12), 14)
    assert policy.ima.violations is Tier.CONTRAINDICATED
    assert policy.waivers == (
        Waiver(pcr=1, reason="varies", variable="BootOrder", expires=datetime(2027, 1, 1, tzinfo=UTC)),
        Waiver(pcr=0, reason="update", name="bios", model={"product_name": "Standard*"}),
    )


def test_every_key_of_the_policy_can_be_given() -> None:
    for key in KEYS:
        with pytest.raises(PolicyError) as raised:
            load_policy({key: object()})
        assert "unknown key" not in str(raised.value)
        assert str(raised.value).startswith(f"appraisal policy, {key}")


@pytest.mark.parametrize(
    ("plain", "message"),
    [
        ([], "appraisal policy: must be a mapping, not list."),
        ({"secure-boot": "required"}, "has an unknown key 'secure-boot'. Next: did you mean 'secure_boot'?"),
        ({"secure_boot": "requird"}, "appraisal policy, secure_boot: is 'requird'. Next: did you mean 'required'?"),
        ({"ima": {"policy_digest": []}}, "appraisal policy, ima: has an unknown key 'policy_digest'. Next: did you"),
        ({"ima": {"policy_digests": ["ab"]}}, "ima, policy_digests[0]: 'ab' is no digest of the form 'sha256:hex'."),
        ({"ima": {"required": "yes"}}, "ima, required: must be true or false, not 'yes'."),
        ({"ima": {"max_tail": -1}}, "ima, max_tail: must be a number of 0 or more"),
        ({"fileless": "contra"}, "fileless: is 'contra'."),
        ({"selection": {"sha256": [24]}}, "selection, sha256: '24' is no PCR number (0 to 23)."),
        ({"selection": {"sha-256": [0]}}, "selection: is 'sha-256'. Next: did you mean 'sha256'?"),
        ({"selection": {"sha1": [0]}}, "selection: has what the rest of the policy needs in no bank but sha1."),
        ({"selection": {"sha1": list(range(15)), "sha256": [10]}}, "needs in no bank but sha1. Next: add it to sha256"),
        ({"selection": {"sha256": [0, 10]}}, "selection: lacks PCR 1, 2, 3, 4, 5, 6, 7, 8, 9, 14 of sha256"),
        ({"ignore_paths": ["tmp/"]}, "ignore_paths[0]: 'tmp/' is no absolute path."),
        ({"selection": {"sha384": [0, 10]}}, "selection: lacks PCR 1, 2, 3, 4, 5, 6, 7, 8, 9, 14 of sha384"),
        ({"allow_sha1": "yes"}, "allow_sha1: must be true or false, not 'yes'."),
        ({"waivers": [{"pcr": 1}]}, "waivers[0]: needs pcr and reason."),
        (
            {"waivers": [{"pcr": 1, "reason": "x", "name": "n"}, {"pcr": 2, "reason": "y", "name": "n"}]},
            "waivers: has two of the name 'n'. Next: give each a name of its own.",
        ),
        (
            {"waivers": [{"pcr": 1, "reason": "x", "model": {"product": "A"}}]},
            "waivers[0], model: has an unknown key 'product'. Next: did you mean 'product_name'?",
        ),
        ({"waivers": [{"pcr": 1, "reason": "x", "expires": "soon"}]}, "expires: 'soon' is no ISO 8601 time."),
    ],
)
def test_a_mistake_is_named_with_its_key_and_the_nearest_right_one(plain: Any, message: str) -> None:
    with pytest.raises(PolicyError) as raised:
        load_policy(plain)
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("selection", "bank"),
    [
        ({"sha256": [*range(11), 14]}, "sha256"),
        ({"sha384": [*range(11), 14]}, "sha384"),
        ({"sha512": [*range(11), 14], "sha256": [10]}, "sha512"),
        ({"sha384": [*range(11), 14], "sha256": [*range(12), 14], "sha1": [0]}, "sha256"),
    ],
)
def test_events_are_compared_in_a_bank_that_has_all_that_is_needed(selection: dict[str, Any], bank: str) -> None:
    assert load_policy({"selection": selection}).bank == bank


def test_sha1_alone_is_taken_where_the_policy_says_so() -> None:
    policy = load_policy({"selection": {"sha1": [*range(11), 14]}, "allow_sha1": True})
    assert policy.bank == "sha1"


def test_a_node_without_firmware_log_may_be_asked_for_its_ima_list_alone() -> None:
    policy = load_policy(
        {"selection": {"sha256": [10]}, "secure_boot": "any", "firmware": "any", "boot": "any", "hardware": "any"}
    )
    assert policy.needed_pcrs() == {10}
