# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

from sqlalchemy import insert

from ansible_collections.palantir.trust.plugins.action.sc_instance_info import ActionModule
from ansible_collections.palantir.trust.plugins.plugin_utils.edge.action import RESULT_LIMIT
from ansible_collections.palantir.trust.plugins.plugin_utils.report.shorter import fitted
from ansible_collections.palantir.trust.plugins.plugin_utils.store import instances, schema
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store

OLD, NEW = "sha256:" + "ab" * 32, "sha256:" + "cd" * 32


def generation(number: int, **other: Any) -> dict[str, Any]:
    """Return the row of an instance's first generation, as a site with many of them has it."""
    return {
        "instance": f"dns-filter-{number}",
        "sc": "dns-filter",
        "flavour": "standard",
        "node": f"node{number % 100}",
        "generation": 1,
        "uid_base": instances.UID_FIRST + number * instances.UID_COUNT,
        "uid_count": instances.UID_COUNT,
        "reset_count": 7,
        "state": "live",
        "files": {"/etc/dnsmasq.d/filter.conf": OLD},
        "created_at": 1700000000.0,
        "container": "c0" * 32,
        **other,
    }


def fill(store: Store, rows: list[dict[str, Any]]) -> None:
    with store.transaction() as connection:
        connection.execute(insert(schema.instances), rows)


def ask(store: Store, **arguments: Any) -> dict[str, Any]:
    """Return the task's result, as Ansible gets it."""
    action = ActionModule.__new__(ActionModule)
    action._task = SimpleNamespace(check_mode=False)
    url = store._engine.url.render_as_string(hide_password=False)
    result = action.act({"store": url, "instances": None, "after": 0, **arguments}, {})
    return fitted(result, ActionModule.FOR_PEOPLE, RESULT_LIMIT)


def pages(store: Store) -> Iterator[list[dict[str, Any]]]:
    after = 0
    while True:
        told = ask(store, after=after)
        assert len(json.dumps(told)) <= RESULT_LIMIT
        yield told["instances"]
        if "left_out" not in told:
            return
        after = told["instances"][-1]["id"]


def names(told: list[dict[str, Any]]) -> list[str]:
    return [record["instance"] for record in told]


def test_no_result_is_too_long_however_many_there_are_and_all_of_them_can_be_had(store: Store) -> None:
    fill(store, [generation(number) for number in range(2000)])
    first, second = pages(store)
    assert ask(store)["left_out"] == {"instances": len(second)}
    assert names([*first, *second]) == [f"dns-filter-{number}" for number in range(2000)]


def test_some_can_be_asked_for_by_name_wherever_they_run(store: Store) -> None:
    fill(store, [generation(number) for number in range(2000)])
    told = ask(store, instances=["dns-filter-1999", "dns-filter-3", "dns-filter-9999"])
    assert names(told["instances"]) == ["dns-filter-3", "dns-filter-1999"]
    assert "left_out" not in told
    assert ask(store, instances=[])["instances"] == []


def test_what_is_given_up_or_not_proved_yet_is_not_deployed(store: Store) -> None:
    states = ("live", "stopped", "allocated", "retired")
    fill(store, [generation(number, state=state) for number, state in enumerate(states)])
    assert [record["state"] for record in ask(store)["instances"]] == ["live", "stopped"]


def test_a_generation_that_was_configured_all_day_long_is_no_longer_than_another(store: Store) -> None:
    files = {f"/etc/waf/{number}.conf": [NEW, *[OLD] * 255] for number in range(256)}
    fill(store, [generation(1, files=files), generation(2)])
    told = ask(store)
    assert names(told["instances"]) == ["dns-filter-1", "dns-filter-2"]
    assert told["instances"][0]["files"] == dict.fromkeys(files, NEW)
