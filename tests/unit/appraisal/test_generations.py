# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""While an instance is replaced two generations of it are live: each has a tier of its own beside the instance's."""

from __future__ import annotations

from typing import Any

from tests.unit.appraisal.scene import BASE, CONFIGURATION, PLAIN, SC, Guest, instance, sha256

NEXT = BASE + 65_536


def generations(guest: Guest) -> tuple[str, dict[str, str] | None]:
    """Return the instance's tier, and that of each live generation."""
    submod = guest.appraise()["submods"][SC]
    return submod["ear_status"], submod["palantir.generations"]


def replaced(**changes: Any) -> Guest:
    """Return a guest on which generation 3 was begun beside generation 2."""
    return Guest(instances=[instance(), instance(generation=3, uid_base=NEXT, **changes)])


def test_nothing_that_the_old_one_ran_speaks_for_the_new_one() -> None:
    guest = replaced()
    assert generations(guest) == ("affirming", {"2": "affirming", "3": "warning"}), "it has not run anything yet"
    guest.ran("/usr/sbin/dnsmasq", b"dnsmasq", owner=NEXT)
    assert generations(guest) == ("affirming", {"2": "affirming", "3": "affirming"})


def test_each_is_accused_of_its_own() -> None:
    guest = replaced().ran("/usr/sbin/dnsmasq", b"changed", owner=NEXT)
    assert generations(guest) == ("contraindicated", {"2": "affirming", "3": "contraindicated"})
    guest = replaced().ran("/usr/sbin/dnsmasq", b"dnsmasq", owner=NEXT).ran("/opt/x", b"x", owner=BASE)
    assert generations(guest) == ("contraindicated", {"2": "contraindicated", "3": "affirming"})


def test_what_has_no_reference_values_is_not_affirmed_by_those_of_the_other() -> None:
    guest = replaced(sc="other").ran("/usr/sbin/dnsmasq", b"dnsmasq", owner=NEXT)
    tiers = generations(guest)[1] or {}
    assert (tiers["2"], tiers["3"] == "affirming") == ("affirming", False)


def test_without_a_list_none_is_affirmed() -> None:
    assert generations(Guest(ima_log=False)) == ("none", None)


def test_a_layer_of_the_host_has_none() -> None:
    assert Guest().appraise()["submods"]["os"]["palantir.generations"] is None


def test_of_what_an_operator_stopped_nothing_is_missed_but_all_is_seen() -> None:
    stopped = instance(state="stopped", uid_base=NEXT)
    beside = instance(instance="dns-filter-2")
    assert generations(Guest(instances=[beside, stopped]))[0] == "affirming"
    assert generations(Guest(instances=[beside, stopped | {"state": "live"}]))[0] == "warning"
    guest = Guest(instances=[beside, stopped]).ran("/opt/x", b"x", owner=NEXT)
    assert generations(guest)[0] == "contraindicated"


def test_all_that_was_configured_in_this_boot_is_right() -> None:
    configured = instance(files={"/etc/dnsmasq.conf": [sha256(b"new"), sha256(CONFIGURATION)]})
    guest = Guest(instances=[configured]).ran("/etc/dnsmasq.conf", b"new", owner=BASE, mode=PLAIN)
    assert generations(guest)[0] == "affirming"
    guest.ran("/etc/dnsmasq.conf", b"other", owner=BASE, mode=PLAIN)
    assert generations(guest)[0] == "contraindicated"
