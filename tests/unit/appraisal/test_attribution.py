# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.attribution.owners import FIRST_OWNER, OwnerMap
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.record import Instance

BASE = 1_000_013_824


def generation(base: int, count: int = 65_536, *, number: int = 1, live: bool = True, boot_id: str = "b") -> Instance:
    return Instance("dns", "dns-filter", base, count, number, live, boot_id)


def test_an_owner_belongs_to_the_generation_whose_range_it_is_in() -> None:
    first, second = generation(BASE, live=False), generation(BASE + 65_536, number=2)
    owners = OwnerMap([first, second], "b")
    assert owners.owner(BASE, BASE) is first
    assert owners.owner(BASE + 65_535, BASE) is first
    assert owners.owner(BASE + 65_536, BASE + 65_540) is second
    assert owners.owner(BASE + 131_072, BASE + 131_072) is None
    assert owners.owner(BASE - 1, BASE - 1) is None


def test_user_and_group_of_different_instances_belong_to_none() -> None:
    owners = OwnerMap([generation(BASE), generation(BASE + 65_536, number=2)], "b")
    assert owners.owner(BASE, BASE + 65_536) is None
    assert owners.owner(BASE, FIRST_OWNER) is None


def test_a_host_group_leaves_a_file_with_its_users_instance() -> None:
    instance = generation(BASE)
    owners = OwnerMap([instance], "b")
    assert owners.owner(BASE, 0) is instance
    assert owners.owner(0, BASE) is instance


def test_a_range_of_an_earlier_boot_that_was_given_out_again_belongs_to_the_one_that_counts_now() -> None:
    old, live = generation(BASE, number=7, live=False, boot_id="a"), generation(BASE, number=1)
    assert OwnerMap([old, live], "b").owner(BASE, BASE) is live
    this_boot = generation(BASE, number=2, live=False)
    assert OwnerMap([old, this_boot], "b").owner(BASE, BASE) is this_boot


def test_a_smaller_site_range_counts_too_and_others_of_its_size_are_the_hosts() -> None:
    instance = generation(100_000, 1000)
    owners = OwnerMap([instance], None)
    assert owners.first == 100_000
    assert owners.owner(100_999, 100_999) is instance
    assert owners.owner(101_000, 101_000) is None


RANGES = st.lists(
    st.tuples(st.integers(0, 60), st.integers(0, 30), st.booleans(), st.sampled_from("ab"), st.integers(0, 5)),
    max_size=8,
)


@given(RANGES, st.integers(0, 100))
def test_whatever_overlaps_the_strongest_generation_with_the_number_has_it(
    ranges: list[tuple[int, int, bool, str, int]], number: int
) -> None:
    instances = [Instance(f"i{n}", "s", b, c, g, live, boot) for n, (b, c, live, boot, g) in enumerate(ranges)]
    owner = OwnerMap(instances, "b").owner(number, number)
    having = [i for i in instances if i.uid_base <= number < i.uid_base + i.uid_count]
    weights = [(i.live, i.boot_id == "b", i.generation) for i in having]
    if not having:
        assert owner is None
    else:
        assert owner in having
        assert (owner.live, owner.boot_id == "b", owner.generation) == max(weights)
