# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.attribution.cgroups import MAX_DEPTH, CgroupMap
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.attribution.owners import OwnerMap
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.record import Instance
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.log import parse_ima_log
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.templates import Entry
from tests.unit.appraisal.scene import BASE, CONTAINER, OTHER_CONTAINER, RETIRED, container
from tests.unit.support.examples import examples
from tests.unit.verifier.ima_kernel import Kernel

ID, OTHER = CONTAINER, OTHER_CONTAINER
LIBPOD = f"/machine.slice/libpod-{ID}.scope"


def generation(name: str = "dns", base: int = BASE, *, its: str | None = None, live: bool = True) -> Instance:
    return Instance(name, "dns-filter", base, 65_536, 1, live, container=its)


def groups(instances: list[Instance], containers: object = ()) -> CgroupMap:
    return CgroupMap(instances, containers, OwnerMap(instances, "b"))


def at_path(path: str) -> Entry:
    (one,) = parse_ima_log(Kernel().measure("ima-cgpath", cg_path=(path.encode() + b"\0", "")).binary).entries
    return one


def called(name: str) -> Entry:
    (one,) = parse_ima_log(Kernel().measure("ima-dep-cgn", cgn=(name.encode() + b"\0", "")).binary).entries
    return one


@pytest.mark.parametrize(
    "path",
    [
        LIBPOD,
        f"{LIBPOD}/container",
        f"/machine.slice/libpod-{ID}.scope/container/a/b",
        f"/libpod_parent/libpod-{ID}",
        f"/docker/{ID}",
        f"/system.slice/docker-{ID}.scope",
        f"/kubepods/burstable/pod5b8f/{ID}",
        f"/kubepods.slice/kubepods-pod5b8f.slice/cri-containerd-{ID}.scope",
        f"/kubepods.slice/kubepods-pod5b8f.slice/crio-{ID}.scope",
    ],
)
def test_a_container_on_record_is_found_by_its_id_wherever_an_engine_puts_it(path: str) -> None:
    instance = generation(its=ID)
    assert groups([instance, generation("web", RETIRED, its=OTHER)]).of_entry(at_path(path)) == ((instance,), True)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/machine.slice",
        "/system.slice/ssh.service",
        f"/system.slice/docker-{OTHER}.scope",
        f"/machine.slice/libpod-conmon-{ID}.scope",
        f"/machine.slice/x{ID}",
        f"/machine.slice/libpod-{ID[:-1]}.scope",
        "-",
    ],
)
def test_another_group_is_no_instances(path: str) -> None:
    assert groups([generation(its=ID)], [container(LIBPOD)]).of_entry(at_path(path))[0] == ()


def test_a_container_that_is_not_on_record_is_the_instances_whose_range_it_has() -> None:
    first, second = generation(), generation("web", RETIRED)
    known = groups([first, second], [container(LIBPOD), container(f"/docker/{OTHER}", RETIRED)])
    assert known.of_entry(at_path(f"{LIBPOD}/container")) == ((first,), True)
    assert known.of_entry(at_path(f"/docker/{OTHER}")) == ((second,), True)
    assert known.of_entry(at_path(f"/elsewhere/libpod-{ID}.scope"))[0] == (), "that was not seen there"


def test_a_machine_of_nspawn_is_known_by_its_escaped_name_and_its_supervisor_is_the_hosts() -> None:
    instance = generation(its="dns-filter-1")
    known = groups([instance])
    scope = r"/machine.slice/machine-dns\x2dfilter\x2d1.scope"
    assert known.of_entry(at_path(f"{scope}/payload")) == ((instance,), True)
    assert known.of_entry(at_path(r"/machine.slice/systemd-nspawn@dns\x2dfilter\x2d1.service/payload")) == (
        (instance,),
        True,
    )
    assert known.of_entry(at_path(f"{scope}/supervisor")) == ((), False)
    assert known.of_entry(at_path(f"{scope}/payload/supervisor")) == ((instance,), True), "made by the container"


@pytest.mark.parametrize("name", ["dns-1-g3", "conmon-1-g3", "supervisor-g1"])
def test_a_machine_or_service_of_ours_is_known_by_its_name_and_by_its_users(name: str) -> None:
    unit = f"/system.slice/palantir-sc-{name}.service"
    instance = generation(its=name)
    assert groups([instance]).of_entry(at_path(unit)) == ((instance,), True)
    assert groups([instance]).of_entry(at_path(f"{unit}/payload")) == ((instance,), True)
    assert groups([instance]).of_entry(at_path(f"{unit}/supervisor")) == ((), False), "nspawn's own"
    unnamed = generation()
    user = {"cgroup": unit, "uid_map": [[unnamed.uid_base, unnamed.uid_base, 1]]}
    assert groups([unnamed], [user]).of_entry(at_path(unit)) == ((unnamed,), True)


def test_a_container_cannot_give_its_measurements_to_the_host_by_the_name_of_a_group() -> None:
    instance = generation(its=ID)
    for name in ("supervisor", "libpod-conmon-" + OTHER + ".scope", "system.slice", "a:b", "..."):
        assert groups([instance]).of_entry(at_path(f"{LIBPOD}/{name}")) == ((instance,), True)


def test_a_group_that_a_container_makes_below_its_own_frames_no_other_container() -> None:
    culprit, other = generation(), generation("web", RETIRED, its=OTHER)
    nested = f"{LIBPOD}/docker-{OTHER}.scope"
    for known in (groups([culprit, other], [container(LIBPOD)]), groups([culprit, other], [container(nested)])):
        # Also where the facts, which name the innermost container, saw the group that it made.
        assert known.of_entry(at_path(nested)) == ((culprit,), True)
        assert known.of_entry(at_path(f"/docker/{OTHER}")) == ((other,), True)


@pytest.mark.parametrize(
    "foreign",
    [f"/system.slice/docker-{'ab' * 32}.scope", "/machine.slice/machine-guest.scope/payload", "/lxc.payload.guest/x"],
)
def test_a_container_that_is_no_instances_frames_none_by_the_name_of_a_group_of_its_own(foreign: str) -> None:
    known = groups([generation(its=ID)], [container(LIBPOD)])
    assert known.of_entry(at_path(f"{foreign}/docker-{ID}.scope"))[0] == ()
    assert known.of_entry(at_path(f"{foreign}{LIBPOD}"))[0] == ()


def test_a_user_frames_no_instance_by_the_name_of_a_group_of_his_own() -> None:
    own = "/user.slice/user-1000.slice/user@1000.service/app.slice"
    rootless = f"{own}/libpod-{ID}.scope"
    instance = generation(its=ID)
    assert groups([instance]).of_entry(at_path(rootless))[0] == ()
    assert groups([instance], [container(LIBPOD)]).of_entry(at_path(f"{own}/docker-{ID}.scope"))[0] == ()
    seen = groups([instance], [container(rootless)])
    assert seen.of_entry(at_path(f"{rootless}/container")) == ((instance,), True), "with the range of the instance"


def test_a_name_alone_is_never_sure() -> None:
    instance = generation(its=ID)
    assert groups([instance]).of_entry(called(f"libpod-{ID}.scope")) == ((instance,), False)
    assert groups([generation()], [container(LIBPOD)]).of_entry(called(f"libpod-{ID}.scope"))[1] is False
    assert groups([instance]).of_entry(called("container"))[0] == ()
    assert groups([instance]).of_entry(called("-"))[0] == ()


def test_a_path_that_is_none_counts_as_a_name() -> None:
    assert groups([generation(its=ID)]).of_entry(at_path(f"libpod-{ID}.scope"))[1] is False


def test_two_claims_to_one_group_concern_both() -> None:
    first, second = generation(its=ID), generation("web", RETIRED)
    found, sure = groups([first, second], [container(LIBPOD, RETIRED)]).of_entry(at_path(LIBPOD))
    assert (set(map(id, found)), sure) == ({id(first), id(second)}, False)


@pytest.mark.parametrize(
    "uid_map",
    [
        [],
        [[0, BASE, 65_537]],
        [[0, BASE - 1, 2]],
        [[0, BASE, 1], [1, RETIRED, 1]],
        [[0, BASE, 0]],
        [[0, BASE, -1]],
        [[0, BASE, True]],
        [[0, BASE]],
        ["0 1 2"],
        [[0, "x", 1]],
        [[0, 0, 4294967295]],
        "0 0 1",
        None,
    ],
)
def test_a_map_that_is_not_wholly_one_instances_links_nothing(uid_map: object) -> None:
    told = container(LIBPOD) | {"uid_map": uid_map}
    assert groups([generation(), generation("web", RETIRED)], [told]).of_entry(at_path(LIBPOD))[0] == ()


def test_a_user_namespace_in_a_group_of_the_hosts_links_nothing() -> None:
    told = container("/user.slice/browser.scope")
    assert groups([generation()], [told]).of_entry(at_path("/user.slice/browser.scope"))[0] == ()


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just(LIBPOD),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "cgroup", "uid_map", "x"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@examples(80)
@given(JSON, st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40))
def test_hostile_facts_and_paths_raise_nothing(told: Any, path: str) -> None:
    known = groups([generation(its=ID)], told)
    known.of_entry(at_path(path))
    known.of_entry(called(path))


def test_a_deep_path_takes_bounded_work() -> None:
    instance = generation(its=ID)
    deep = "/x" * (MAX_DEPTH - 2)
    assert groups([instance]).of_entry(at_path(f"{deep}/docker-{ID}.scope"))[0] == (instance,)
    assert groups([instance]).of_entry(at_path(f"{deep}/x/docker-{ID}.scope"))[0] == ()
