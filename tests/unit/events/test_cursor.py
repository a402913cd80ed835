# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import EventError
from ansible_collections.palantir.trust.plugins.plugin_utils.events.cursor import alone, load_place, save_place
from ansible_collections.palantir.trust.plugins.plugin_utils.events.follow import Place

ZEROS = b"0" * 64


@pytest.mark.parametrize(
    ("held", "cause"),
    [
        (b"", "holds no JSON."),
        (b"\xff", "holds no JSON."),
        (b"[" * 5000, "holds no JSON."),
        (b"[1]", "holds no place in a ledger."),
        (b'{"sequence": 1, "digest": "%s"}' % ZEROS, "holds no place in a ledger."),
        (b'{"sequence": true, "digest": "%s", "told": [0, 0]}' % ZEROS, "holds no place in a ledger."),
        (b'{"sequence": -1, "digest": "%s", "told": [0, 0]}' % ZEROS, "holds no place in a ledger."),
        (b'{"sequence": 1, "digest": "0", "told": [0, 0]}', "holds no place in a ledger."),
        (b'{"sequence": 1, "digest": "%s", "told": [0]}' % ZEROS, "holds no place in a ledger."),
        (b'{"sequence": 1, "digest": "%s", "told": ["a", 0]}' % ZEROS, "holds no place in a ledger."),
    ],
)
def test_a_file_that_holds_no_place_is_refused(tmp_path: Path, held: bytes, cause: str) -> None:
    file = tmp_path / "cursor.json"
    file.write_bytes(held)
    with pytest.raises(EventError) as caught:
        load_place(file)
    step = "remove it to begin with what is new from now on."
    assert str(caught.value) == f"cursor_file {file}: {cause} Next: {step}"


def test_a_place_is_kept_whole(tmp_path: Path) -> None:
    file, place = tmp_path / "cursor.json", Place(7, "ab" * 32, (9, 1))
    assert load_place(file) is None
    save_place(file, Place(6, "cd" * 32))
    save_place(file, place)
    assert load_place(file) == place
    assert [*tmp_path.iterdir()] == [file]


def test_a_file_is_of_one_event_source_at_a_time(tmp_path: Path) -> None:
    file, other = tmp_path / "cursor.json", tmp_path / "other.json"
    with alone(file), alone(other):
        with pytest.raises(EventError) as caught, alone(file):
            pass
        assert str(caught.value) == (
            f"cursor_file {file}: is in use by another event source. Next: give each event source a file of its own."
        )
    with alone(file):
        pass


def test_without_a_file_there_is_nothing_to_keep_apart(tmp_path: Path) -> None:
    with alone(None), alone(None):
        pass
    with alone(tmp_path / "none" / "cursor.json"), alone(tmp_path / "none" / "cursor.json"):
        pass
    assert [*tmp_path.iterdir()] == []
