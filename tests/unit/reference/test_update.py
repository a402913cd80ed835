# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import ReferenceValueError
from ansible_collections.palantir.trust.plugins.plugin_utils.reference import update as update_module
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.document import (
    ReferenceDocument,
    ReferenceEvent,
    ReferenceText,
    expire,
    load,
    write,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.update import (
    SHOWN,
    carry_out,
    overlap_of,
    plan_update,
)

NOW = datetime(2026, 11, 23, 5, tzinfo=UTC)
DAY, WEEK = timedelta(days=1), timedelta(days=7)
A, B, C = ("sha256:" + digit * 64 for digit in "abc")


def document(name: str = "edge", digest: str = A, **changed: object) -> ReferenceDocument:
    made = ReferenceDocument(name=name, kind="host", created=NOW, files={"/usr/bin/x": (digest,)})
    return replace(made, **changed)  # type: ignore[arg-type]


def put(
    new: ReferenceDocument, path: Path, overlap: timedelta | None = None, replaces: tuple[Path, ...] = ()
) -> tuple[bool, list[str]]:
    """Put a document at a path; return whether it was written there, and the names of the older ones."""
    update = plan_update(new, path, overlap, replaces)
    carry_out(update)
    return update.needed, [older.name for older, _document in update.older]


def documents(directory: Path) -> dict[str, tuple[dict[str, tuple[str, ...]], datetime | None]]:
    """Return what a directory's documents know, and until when."""
    read = {path.name: load(path) for path in sorted(directory.glob("*.json"))}
    return {name: (dict(found.files), found.expires) for name, found in read.items()}


# In place, at once


def test_a_document_is_written_when_its_values_change(tmp_path: Path) -> None:
    path = tmp_path / "values" / "edge.json"
    assert put(document(), path) == (True, [])
    assert put(document(created=NOW + DAY), path) == (False, [])
    assert load(path).created == NOW
    assert put(document(digest=B), path) == (True, [])
    assert documents(path.parent) == {"edge.json": ({"/usr/bin/x": (B,)}, None)}


def test_a_document_that_was_given_an_end_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "edge.json"
    write(expire(document(), NOW), path)
    assert put(document(), path) == (True, [])
    assert load(path).expires is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": "other"}'])
def test_a_damaged_document_is_made_again(tmp_path: Path, text: str) -> None:
    path = tmp_path / "edge.json"
    path.write_text(text)
    assert put(document(), path) == (True, [])
    assert load(path) == document()


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ReferenceValueError, match=r"cannot be written: (Not a directory|File exists)\."):
        put(document(), tmp_path / "file" / "values.json")


# With a window


def test_the_document_that_was_there_is_kept_until_the_end_of_the_window(tmp_path: Path) -> None:
    path = tmp_path / "edge.json"
    put(document(), path, WEEK)
    assert documents(tmp_path) == {"edge.json": ({"/usr/bin/x": (A,)}, None)}
    written, (old,) = put(document(digest=B), path, WEEK)
    assert written
    assert documents(tmp_path) == {
        "edge.json": ({"/usr/bin/x": (B,)}, None),
        old: ({"/usr/bin/x": (A,)}, NOW + WEEK),
    }


def test_a_window_does_not_grow_when_it_is_asked_for_again(tmp_path: Path) -> None:
    path = tmp_path / "edge.json"
    put(document(), path)
    put(document(digest=B), path, WEEK)
    before = documents(tmp_path)
    assert put(document(digest=B, created=NOW + DAY), path, WEEK) == (False, [])
    assert documents(tmp_path) == before


def test_each_of_several_updates_has_its_own_window(tmp_path: Path) -> None:
    path = tmp_path / "edge.json"
    for day, digest in enumerate((A, B, C)):
        put(document(digest=digest, created=NOW + day * DAY), path, WEEK)
    known = documents(tmp_path)
    assert known.pop("edge.json") == ({"/usr/bin/x": (C,)}, None)
    assert sorted(known.values(), key=str) == [
        ({"/usr/bin/x": (A,)}, NOW + DAY + WEEK),
        ({"/usr/bin/x": (B,)}, NOW + 2 * DAY + WEEK),
    ]


def test_values_that_come_back_and_are_replaced_again_have_a_whole_window(tmp_path: Path) -> None:
    path = tmp_path / "edge.json"
    for day, digest in enumerate((A, B, A, B)):
        put(document(digest=digest, created=NOW + day * DAY), path, WEEK)
    known = documents(tmp_path)
    assert known.pop("edge.json") == ({"/usr/bin/x": (B,)}, None)
    assert ({"/usr/bin/x": (A,)}, NOW + 3 * DAY + WEEK) in known.values()


def test_an_end_that_comes_earlier_stays(tmp_path: Path) -> None:
    path = tmp_path / "edge.json"
    write(expire(document(), NOW + DAY), path)
    _written, (old,) = put(document(digest=B), path, WEEK)
    assert load(tmp_path / old).expires == NOW + DAY


def test_another_things_document_is_not_ended_by_mistake(tmp_path: Path) -> None:
    path = tmp_path / "edge.json"
    write(document("core"), path)
    with pytest.raises(ReferenceValueError) as caught:
        put(document(), path, WEEK)
    assert str(caught.value) == (
        f"{path}: holds host 'core', which host 'edge' is no newer version of. Next: choose another dest, or leave "
        "overlap out to replace it at once."
    )


# In place of other documents


def test_a_document_that_is_replaced_gets_an_end_once(tmp_path: Path) -> None:
    write(document("edge-2025"), tmp_path / "old.json")
    new, replaces = document(digest=B), (tmp_path / "old.json",)
    assert put(new, tmp_path / "new.json", WEEK, replaces) == (True, ["old.json"])
    assert put(replace(new, created=NOW + DAY), tmp_path / "new.json", WEEK, replaces) == (False, [])
    assert documents(tmp_path) == {
        "new.json": ({"/usr/bin/x": (B,)}, None),
        "old.json": ({"/usr/bin/x": (A,)}, NOW + WEEK),
    }


def test_packages_replace_the_values_of_their_own_paths_alone(tmp_path: Path) -> None:
    image = {"/usr/bin/x": (A,), "/usr/bin/same": (B,), "/usr/lib/y": (A, C), "/usr/bin/other": (A,)}
    write(document("image", files=image), tmp_path / "image.json")
    files = {"/usr/bin/x": (B,), "/usr/bin/same": (B,), "/lib/y": (C,), "/usr/bin/new": (C,)}
    packages = document("updates", files=files, packages=("x=2(amd64)",))
    written, older = put(packages, tmp_path / "updates.json", WEEK, (tmp_path / "image.json",))
    known = documents(tmp_path)
    assert written
    assert older == [next(name for name in known if ".old-" in name), "image.json"]
    assert known == {
        "image.json": ({"/usr/bin/same": (B,), "/usr/lib/y": (C,), "/usr/bin/other": (A,)}, None),
        older[0]: ({"/usr/bin/x": (A,), "/usr/lib/y": (A,)}, NOW + WEEK),
        "updates.json": (files, None),
    }
    again = put(replace(packages, created=NOW + DAY), tmp_path / "updates.json", WEEK, (tmp_path / "image.json",))
    assert again == (False, [])
    assert documents(tmp_path) == known


def test_an_unchanged_file_keeps_digests_that_packages_do_not_tell(tmp_path: Path) -> None:
    verity = A.replace("sha256", "sha512") + "a" * 64
    image = {"/usr/bin/same": (A, verity), "/usr/bin/new": (A, verity)}
    write(document("image", files=image), tmp_path / "image.json")
    packages = document("updates", files={"/usr/bin/same": (A,), "/usr/bin/new": (B,)}, packages=("x=2(amd64)",))
    put(packages, tmp_path / "updates.json", WEEK, (tmp_path / "image.json",))
    assert load(tmp_path / "image.json").files == {"/usr/bin/same": (A, verity)}
    (old,) = tmp_path.glob("image.old-*.json")
    assert load(old).files == {"/usr/bin/new": (A, verity)}


def test_a_run_that_was_cut_short_is_made_good_by_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After each write the values that were known are known still."""
    image = document("image", files={"/usr/bin/x": (A,), "/usr/bin/y": (A,)})
    packages = document("updates", digest=B, packages=("x=2(amd64)",))
    for cut in range(3):
        directory = tmp_path / str(cut)
        write(image, directory / "image.json")
        update = plan_update(packages, directory / "updates.json", WEEK, (directory / "image.json",))
        writes = 0

        def failing(written: ReferenceDocument, path: Path, cut: int = cut) -> None:
            nonlocal writes
            if writes == cut:
                raise KeyboardInterrupt
            writes += 1
            write(written, path)

        with monkeypatch.context() as patch:
            patch.setattr(update_module, "write", failing)
            with pytest.raises(KeyboardInterrupt):
                carry_out(update)
        pairs = {(p, d) for files, _end in documents(directory).values() for p, ds in files.items() for d in ds}
        assert {("/usr/bin/x", A), ("/usr/bin/y", A)} <= pairs
        put(packages, directory / "updates.json", WEEK, (directory / "image.json",))
        assert list(documents(directory)["image.json"][0]) == ["/usr/bin/y"]
        assert sorted(end is None for _files, end in documents(directory).values()) == [False, True, True]


def test_a_document_of_another_kind_is_not_replaced(tmp_path: Path) -> None:
    write(document(kind="sc"), tmp_path / "sc.json")
    with pytest.raises(ReferenceValueError, match=r"sc\.json: is of kind sc, which kind host does not replace"):
        put(document(), tmp_path / "new.json", WEEK, (tmp_path / "sc.json",))
    with pytest.raises(ReferenceValueError, match=r"none\.json: cannot be read"):
        put(document(), tmp_path / "new.json", WEEK, (tmp_path / "none.json",))


# What is told


def test_what_differs_is_counted_and_shown(tmp_path: Path) -> None:
    old = document(files={"/a": (A,), "/b": (A,), "/c": (A,)})
    write(old, tmp_path / "edge.json")
    update = plan_update(document(files={"/b": (A,), "/c": (B,), "/d\n": (C,)}), tmp_path / "edge.json")
    assert (update.added, update.removed, update.changed) == (("/d\n",), ("/a",), ("/c",))
    assert update.summary() == (f"/a {A}\n/c {A}\n", f"/c {B}\n/d\\n {C}\n")


def test_boot_values_are_told_too(tmp_path: Path) -> None:
    def boot(digest: str, text: str, *modules: str) -> ReferenceDocument:
        event = ReferenceEvent(9, "EV_IPL", (digest,), "vmlinuz")
        texts = (ReferenceText(8, text, "grub.cfg"),)
        return document(kind="boot", files={}, events=(event,), texts=texts, modules=modules)

    write(boot(A, "linux /vmlinuz", "fuse"), tmp_path / "boot.json")
    update = plan_update(boot(B, "linux /vmlinuz quiet", "fuse", "loop"), tmp_path / "boot.json")
    assert update.summary() == (
        f"PCR 8 text of grub.cfg linux /vmlinuz\nPCR 9 vmlinuz {A}\n",
        f"PCR 8 text of grub.cfg linux /vmlinuz quiet\nPCR 9 vmlinuz {B}\nmodule loop\n",
    )


def test_a_summary_is_bounded(tmp_path: Path) -> None:
    update = plan_update(document(files={f"/{n:04}": (A,) for n in range(SHOWN + 5)}), tmp_path / "edge.json")
    before, after = update.summary()
    assert before == ""
    assert after.splitlines()[-2:] == [f"/{SHOWN - 1:04} {A}", "and 5 more"]


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("30m", 1800), ("12 h", 43_200), ("7d", 604_800), ("0", 0)]
)
def test_a_window_is_told_with_its_unit(text: str, seconds: int) -> None:
    assert overlap_of(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "soon", "-1d", "1w", "99999d", "7 d d"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ReferenceValueError, match=r"overlap: .* is no duration\. Next: write 90s, 30m, 12h or 7d\."):
        overlap_of(text)
