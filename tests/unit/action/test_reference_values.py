# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the task says of an update, before and after it is made."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.palantir.trust.plugins.action import reference_values
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import ReferenceValueError
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.document import load
from tests.unit.reference.deb_builder import sha256, write_deb


def run(source: Any, dest: Path, *, check: bool = False, diff: bool = False, **arguments: Any) -> dict[str, Any]:
    action = reference_values.ActionModule.__new__(reference_values.ActionModule)
    action._task = SimpleNamespace(check_mode=check, diff=diff)
    given = {name: option.get("default") for name, option in action.SPEC.items()}
    given |= {"kind": "package", "name": "updates"} | arguments
    return action.act(given | {"source": source, "dest": str(dest)}, {})


def counts(result: dict[str, Any]) -> dict[str, int]:
    return {key: result[f"values_{key}"] for key in ("added", "removed", "changed")}


def test_check_mode_tells_what_the_run_then_does(tmp_path: Path) -> None:
    dest = tmp_path / "values" / "updates.json"
    one = str(write_deb(tmp_path / "one.deb", {"/usr/bin/a": b"1", "/usr/bin/b": b"1", "/usr/bin/c": b"1"}))
    two = str(write_deb(tmp_path / "two.deb", {"/usr/bin/b": b"1", "/usr/bin/c": b"2", "/usr/bin/d": b"1"}))

    predicted = run(one, dest, check=True, diff=True)
    assert not dest.exists()
    assert run(one, dest, diff=True) == predicted
    assert predicted["changed"] is True
    assert (predicted["files"], predicted["packages"]) == (3, 1)
    assert counts(predicted) == {"added": 3, "removed": 0, "changed": 0}

    again = run(one, dest, diff=True)
    assert again["changed"] is False
    assert again["diff"]["before"] == again["diff"]["after"] == ""

    text = dest.read_text()
    predicted = run([two], dest, check=True, diff=True, overlap="7d")
    assert dest.read_text() == text
    assert [path.name for path in dest.parent.iterdir()] == ["updates.json"]
    done = run([two], dest, diff=True, overlap="7d")
    assert counts(predicted) == counts(done) == {"added": 1, "removed": 1, "changed": 1}
    assert [ended["path"] for ended in predicted["ended"]] == [ended["path"] for ended in done["ended"]]
    assert Path(done["ended"][0]["path"]).is_file()
    assert done["diff"] == {
        "before_header": str(dest),
        "after_header": str(dest),
        "before": f"/usr/bin/a {sha256(b'1')}\n/usr/bin/c {sha256(b'1')}\n",
        "after": f"/usr/bin/c {sha256(b'2')}\n/usr/bin/d {sha256(b'1')}\n",
    }
    assert run([two], dest, overlap="7d")["changed"] is False


def test_documents_that_are_replaced_are_named_as_files_beside_it(tmp_path: Path) -> None:
    image = write_deb(tmp_path / "image.deb", {"/usr/bin/a": b"1", "/usr/bin/b": b"1"})
    update = write_deb(tmp_path / "update.deb", {"/usr/bin/a": b"2"})
    run(str(image), tmp_path / "values" / "image.json")
    done = run(str(update), tmp_path / "values" / "updates.json", overlap="1h", replaces=["image"])
    (ended,) = done["ended"]
    assert Path(ended["path"]).name.startswith("image.old-")
    assert list(load(tmp_path / "values" / "image.json").files) == ["/usr/bin/b"]


def test_no_difference_is_told_where_none_is_asked_for(tmp_path: Path) -> None:
    assert "diff" not in run(str(write_deb(tmp_path / "a.deb", {"/a": b""})), tmp_path / "updates.json")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"source": {"path": "x"}}, "source: has no path but {'path': 'x'}."),
        ({"source": ["x", ""]}, "source: has no path but ''."),
        ({"source": "x", "replaces": ["image"]}, "replaces: needs overlap."),
        (
            {"source": "x", "replaces": ["../image"], "overlap": "7d"},
            "replaces: has no document's name but '../image'.",
        ),
        ({"source": "x", "architecture": "arm64"}, "architecture: means nothing for kind 'package'."),
        ({"source": "x", "overlap": "soon"}, "overlap: 'soon' is no duration."),
    ],
)
def test_a_wrong_option_is_named(tmp_path: Path, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ReferenceValueError) as caught:
        run(arguments.pop("source"), tmp_path / "updates.json", **arguments)
    assert str(caught.value).startswith(message)
