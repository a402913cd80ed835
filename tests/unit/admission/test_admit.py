# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An admission as a whole: what counts after it, in the catalogue, for the verifier and in the ledger."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.palantir.trust.plugins.plugin_utils.admission.admit import KIND
from ansible_collections.palantir.trust.plugins.plugin_utils.admission.admitted import load_catalogue
from ansible_collections.palantir.trust.plugins.plugin_utils.admission.values import load_values
from ansible_collections.palantir.trust.plugins.plugin_utils.catalogue.image import pinned_image_id
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import AdmissionError, CatalogueError, TrustError
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.site import load_site
from ansible_collections.palantir.trust.plugins.plugin_utils.store import ledger
from tests.unit.admission.developer import DESCRIPTOR, NOW, Market, package, source
from tests.unit.reference.test_image import sha256

PLAIN = DESCRIPTOR | {"configuration": []}
"""Without templates, which take a process of their own."""
OLD, NEW = sha256(b"resolver"), sha256(b"better resolver")


@pytest.fixture
def market(tmp_path: Path) -> Market:
    return Market(tmp_path / "site")


@pytest.fixture
def first(tmp_path: Path) -> Path:
    return package(tmp_path / "dns-filter-1.4.scpkg", source(tmp_path / "first", PLAIN))


@pytest.fixture
def second(tmp_path: Path) -> Path:
    descriptor = PLAIN | {"version": "1.10"}
    return package(
        tmp_path / "dns-filter-1.10.scpkg", source(tmp_path / "second", descriptor, program=b"better resolver")
    )


def entries(market: Market) -> list[tuple[str, str, list[str]]]:
    with market.store().transaction() as connection:
        ledger.verify(connection)
        found = ledger.after(connection, 0, [KIND], 100)
    bodies = [json.loads(entry.body) for entry in found]
    return [(body["outcome"], body["version"], body["failed"]) for body in bodies]


def known(market: Market, now: datetime = NOW) -> set[str]:
    """Return the digests of programs that a verifier knows of the SC at a time."""
    found = set()
    for document in load_values(market.place.reference_values):
        if document.current(now):
            found |= {digest for digests in document.files.values() for digest in digests}
    return found


def version(market: Market) -> str | None:
    found = load_catalogue(market.place.catalogue).get("dns-filter")
    return found.version if found else None


def test_an_admitted_package_counts(market: Market, tmp_path: Path) -> None:
    outcome = market.admit(package(tmp_path / "x.scpkg", source(tmp_path / "templated")))
    assert (outcome.report.passed, outcome.changed) == (True, True)
    descriptor = load_catalogue(market.place.catalogue)["dns-filter"]
    assert descriptor.version == "1.4"
    assert descriptor.package is not None
    assert (descriptor.package.digest, descriptor.package.signer) == (outcome.report.digest, "acme")
    assert descriptor.package.withdrawn == ""
    (flavour,) = descriptor.flavours
    archive = market.place.catalogue / flavour.archive
    assert pinned_image_id(flavour, archive, market.place.reference_values).startswith("sha256:")
    assert (market.place.catalogue / descriptor.configuration[0].template).is_file()
    assert list(load_site(market.place.reference_values, NOW).sc) == ["dns-filter"]
    assert known(market) == {OLD}
    assert entries(market) == [("begun", "1.4", []), ("done", "1.4", [])]


def test_a_second_time_it_changes_nothing(market: Market, first: Path) -> None:
    market.admit(first)
    before = market.files()
    outcome = market.admit(first)
    assert (outcome.report.passed, outcome.changed) == (True, False)
    assert market.files() == before
    assert len(entries(market)) == 2


def test_check_mode_tells_all_and_changes_nothing(market: Market, first: Path) -> None:
    before = market.files()
    outcome = market.examine(first)
    assert (outcome.report.passed, outcome.changed) == (True, True)
    assert market.files() == before
    assert not (market.root / "store.sqlite3").exists()


def test_nothing_is_left_of_a_package_that_is_refused(market: Market, first: Path) -> None:
    market.rule(grants=[])
    before = market.files()
    outcome = market.admit(first)
    assert (outcome.report.passed, outcome.changed) == (False, False)
    assert market.files() == before
    assert entries(market) == [("refused", "1.4", ["grants"])]


def test_values_of_the_old_version_count_beside_the_new_for_a_while(market: Market, first: Path, second: Path) -> None:
    market.rule(overlap="12h")
    market.admit(first)
    assert market.admit(second).changed
    assert version(market) == "1.10"
    assert known(market) == {OLD, NEW}
    assert known(market, NOW + timedelta(hours=11)) == {OLD, NEW}
    assert known(market, NOW + timedelta(hours=12)) == {NEW}


def test_what_has_ended_is_removed_with_the_next_admission(
    market: Market, first: Path, second: Path, tmp_path: Path
) -> None:
    for file in (first, second):
        market.admit(file)
    third = package(tmp_path / "3.scpkg", source(tmp_path / "third", PLAIN | {"version": "2"}))
    market.admit(third, now=NOW + timedelta(days=8))
    kept = [path.name for path in (market.place.catalogue / "packages/admitted/dns-filter").iterdir() if path.is_dir()]
    assert len(kept) == 2


def test_a_rollback_is_refused_unless_it_is_asked_for(market: Market, first: Path, second: Path) -> None:
    market.admit(second)
    outcome = market.admit(first)
    (failure,) = outcome.report.failures
    assert (failure.code, failure.detail) == ("version", "version 1.4: is lower than 1.10, which is admitted.")
    assert version(market) == "1.10"
    assert market.admit(first, allow_rollback=True).changed
    assert version(market) == "1.4"
    assert known(market) == {OLD, NEW}
    assert market.admit(second).changed
    assert version(market) == "1.10"
    assert known(market) == {OLD, NEW}


def test_one_version_has_one_content(market: Market, first: Path, tmp_path: Path) -> None:
    market.admit(first)
    other = package(tmp_path / "other.scpkg", source(tmp_path / "other", PLAIN, program=b"other"))
    (failure,) = market.admit(other, allow_rollback=True).report.failures
    assert failure.code == "version"
    assert "is admitted with other content" in failure.detail


def test_the_site_cannot_describe_an_sc_that_a_package_brought(market: Market, first: Path) -> None:
    market.admit(first)
    shutil.copy(
        next((market.place.catalogue / "packages/admitted/dns-filter").glob("*/dns-filter.yml")),
        market.place.catalogue / "dns-filter.yml",
    )
    with pytest.raises(CatalogueError, match="describes an SC that a package brought"):
        load_catalogue(market.place.catalogue)


def test_two_admissions_do_not_run_at_once(market: Market, first: Path) -> None:
    with (market.place.catalogue / "packages/.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(AdmissionError, match="another admission is running there"):
            market.admit(first)


@pytest.mark.parametrize("name", ["manifest.json", "dns-filter.yml", "reference_values/sc-dns-filter.json"])
def test_what_was_altered_after_its_admission_does_not_count(market: Market, first: Path, name: str) -> None:
    market.admit(first)
    (file,) = (market.place.catalogue / "packages/admitted/dns-filter").glob(f"*/{name}")
    file.write_bytes(file.read_bytes() + b"\n")
    with pytest.raises(AdmissionError, match="is not what was admitted"):
        load_catalogue(market.place.catalogue)


def test_a_link_that_leads_nowhere_is_told_rather_than_every_instance_accused(market: Market, first: Path) -> None:
    market.admit(first)
    shutil.rmtree(market.place.catalogue / "packages/admitted")
    with pytest.raises(AdmissionError, match="leads nowhere"):
        load_site(market.place.reference_values, NOW)


def test_what_admissions_left_is_removed_and_nothing_of_the_sites_own(
    market: Market, first: Path, second: Path
) -> None:
    admitted = market.place.catalogue / "packages" / "admitted"
    market.admit(first)
    own = (admitted / ".gitattributes", admitted / "README.md", admitted / "dns-filter" / "NOTES", admitted / "waf")
    for path in own[:-1]:
        path.write_text("The site's own.")
    (own[-1] / "kept").mkdir(parents=True)
    left = [admitted / "dns-filter" / ("0" * 64), admitted / "gone" / ("1" * 64)]
    for path in left:
        path.mkdir(parents=True)
    (admitted / "dns-filter" / "admitted.json.partial").write_text("{")
    assert market.admit(second).changed
    assert [path.exists() for path in own] == [True] * 4
    assert not [path for path in (*left, admitted / "gone") if path.exists()]
    assert not (admitted / "dns-filter" / "admitted.json.partial").exists()


def test_something_else_at_the_place_of_the_link_is_left_alone(market: Market, first: Path) -> None:
    (market.place.reference_values / "packages").mkdir()
    with pytest.raises(AdmissionError, match="is not the link to"):
        market.admit(first)
    assert version(market) is None
    assert (market.place.reference_values / "packages").is_dir()


# Killed


CHANGING = frozenset({"os.mkdir", "os.rename", "os.symlink", "os.remove", "os.rmdir", "os.chmod"})


def changes(event: str, arguments: Any) -> bool:
    """Tell whether an event of Python's audit hooks (PEP 578) says that a file system is about to be changed."""
    writing = os.O_WRONLY | os.O_RDWR | os.O_CREAT
    return event in CHANGING or (event == "open" and bool((arguments[2] or 0) & writing))


def killed_at(step: int, work: Callable[[], Any]) -> bool:
    """Do work in a process that is killed before a step of it; return whether it was, and did not end before."""
    child = os.fork()
    if child == 0:
        count = 0

        def hook(event: str, arguments: Any) -> None:
            nonlocal count
            if not changes(event, arguments):
                return
            count += 1
            if count == step:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(hook)
        try:
            work()
        except BaseException:  # noqa: BLE001 - nothing of the test runner may go on in this process
            os._exit(1)
        os._exit(0)
    _child, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def seen(market: Market) -> tuple[str | None, set[str]]:
    """Return what the catalogue and the verifier see, which have to agree."""
    digest = None
    found = load_catalogue(market.place.catalogue).get("dns-filter")
    if found:
        assert found.package
        digest = found.package.digest
        pinned_image_id(
            found.flavours[0], market.place.catalogue / found.flavours[0].archive, market.place.reference_values
        )
    load_site(market.place.reference_values, NOW)
    return digest, known(market)


@pytest.mark.slow
@pytest.mark.parametrize("update", [False, True], ids=["first", "update"])
def test_killed_at_any_step_it_is_as_before_or_as_after(tmp_path: Path, update: bool) -> None:
    first = package(tmp_path / "1.scpkg", source(tmp_path / "first", PLAIN))
    second = package(
        tmp_path / "2.scpkg", source(tmp_path / "second", PLAIN | {"version": "2"}, program=b"better resolver")
    )
    start = Market(tmp_path / "start")
    if update:
        start.admit(first)
    start.store().close()
    done = Market(tmp_path / "done")
    shutil.rmtree(done.root)
    shutil.copytree(start.root, done.root, symlinks=True)
    done.admit(second)
    before, after, result = seen(start), seen(done), done.files()
    states = []
    step = 0
    while True:
        step += 1
        market = Market(tmp_path / "market")
        shutil.rmtree(market.root)
        shutil.copytree(start.root, market.root, symlinks=True)
        killed = killed_at(step, lambda market=market: market.admit(second))  # type: ignore[misc]
        states.append(seen(market))
        assert states[-1] in (before, after), f"step {step}"
        if not killed:
            break
        assert market.admit(second).report.passed
        assert seen(market) == after
        assert market.files() == result, f"after step {step}"
        assert [outcome for outcome, _version, _failed in entries(market)][-1] == "done"
        shutil.rmtree(market.root)
    assert step > 20, "no step was seen"
    assert before in states
    assert states.index(after) > states.index(before)


def test_a_store_that_fails_leaves_nothing(market: Market, first: Path) -> None:
    (market.root / "store.sqlite3").mkdir()
    before = market.files()
    with pytest.raises(TrustError):
        market.admit(first)
    assert market.files() == before
