# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import ReferenceValueError
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.document import (
    expire,
    from_plain,
    load,
    to_plain,
    write,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.index import ReferenceSet, index_files

NOW = datetime(2026, 11, 23, 5, tzinfo=UTC)
A, B = "sha256:" + "aa" * 32, "sha256:" + "bb" * 32
HOST: dict[str, Any] = {
    "format": "palantir.trust/reference-values/1",
    "name": "debian-12-lab",
    "kind": "host",
    "created": "2026-11-01T00:00:00+00:00",
    "expires": None,
    "source": "rootfs.tar",
    "files": {"/usr/bin/ls": [A, B]},
}
BOOT: dict[str, Any] = {
    "format": "palantir.trust/reference-values/1",
    "name": "debian-12-lab",
    "kind": "boot",
    "created": "2026-11-01T00:00:00+00:00",
    "expires": "2027-11-01T00:00:00+00:00",
    "source": "esp",
    "events": [{"pcr": 4, "type": "EV_EFI_BOOT_SERVICES_APPLICATION", "digests": [A], "what": "shim"}],
    "texts": [{"pcr": 8, "text": "linux /vmlinuz quiet", "what": "grub.cfg"}],
    "modules": ["virtio_blk"],
}


@pytest.mark.parametrize("plain", [HOST, BOOT])
def test_a_document_is_written_and_read_as_it_was(plain: dict[str, Any], tmp_path: Path) -> None:
    write(from_plain(plain), tmp_path / "a" / "values.json")
    assert to_plain(load(tmp_path / "a" / "values.json")) == plain


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "other"}, "has format 'other'"),
        ({"expired": None}, "has an unknown key 'expired'. Next: did you mean 'expires'?"),
        ({"kind": "hosts"}, "kind is 'hosts'. Next: use one of host, sc, boot."),
        ({"created": None}, "created is missing"),
        ({"created": "yesterday"}, "created: 'yesterday' is no ISO 8601 time"),
        ({"files": {"usr/bin/ls": A}}, "files: 'usr/bin/ls' is no absolute path"),
        ({"files": {"/usr/bin/ls": "aa"}}, "files['/usr/bin/ls']: 'aa' is no digest of the form 'sha256:hex'"),
        ({"files": {"/usr/bin/ls": []}}, "must be one or more digests"),
        ({"events": [{"pcr": 24, "type": "EV_IPL", "digests": [A]}]}, "events[0]: pcr must be a number from 0 to 23"),
        ({"events": [{"pcr": 4, "typ": "EV_IPL"}]}, "events[0]: has an unknown key 'typ'. Next: did you mean 'type'?"),
    ],
)
def test_a_wrong_document_is_refused_by_the_name_of_its_fault(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ReferenceValueError) as raised:
        from_plain(HOST | change, "debian.json")
    assert str(raised.value).startswith("debian.json")
    assert message in str(raised.value)


def test_a_file_that_is_missing_or_no_json_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReferenceValueError, match=r"cannot be read: No such file"):
        load(tmp_path / "none.json")
    (tmp_path / "half.json").write_text('{"format":')
    with pytest.raises(ReferenceValueError, match="is no JSON"):
        load(tmp_path / "half.json")


def test_during_an_update_old_and_new_values_are_known_and_afterwards_only_the_new() -> None:
    window = timedelta(hours=4)
    old = expire(from_plain(HOST | {"files": {"/usr/bin/ls": A}}), NOW + window)
    new = from_plain(HOST | {"files": {"/usr/bin/ls": B}})
    during, after = index_files([old, new], NOW), index_files([old, new], NOW + window)
    assert during.pairs == {("/usr/bin/ls", A), ("/usr/bin/ls", B)}
    assert during.expired == set()
    assert after.pairs == {("/usr/bin/ls", B)}
    assert after.expired == {("/usr/bin/ls", A)}


def test_an_end_is_never_moved_later() -> None:
    document = expire(from_plain(HOST), NOW)
    assert expire(document, NOW + timedelta(days=1)).expires == NOW


def test_documents_are_indexed_by_what_they_describe() -> None:
    sc = HOST | {"kind": "sc", "name": "dns-filter", "files": {"/bin/sh": A}}
    values = ReferenceSet.from_plain({"host": [HOST], "boot": [BOOT], "sc": {"dns-filter": [sc]}}, NOW)
    assert values.host.places == {A: "/usr/bin/ls", B: "/usr/bin/ls"}
    assert values.boot.events == {(4, A)}
    assert values.boot.texts == {(8, "linux /vmlinuz quiet")}
    assert values.boot.covered == {4, 8}
    assert values.boot.modules == {"virtio_blk"}
    assert values.sc["dns-filter"].paths == {"/bin/sh"}


def test_a_document_in_the_wrong_place_is_refused() -> None:
    with pytest.raises(ReferenceValueError, match=r"boot\[0\]: is of kind 'host', not 'boot'"):
        ReferenceSet.from_plain({"boot": [HOST]}, NOW)
    with pytest.raises(ReferenceValueError, match="unknown key 'hosts'"):
        ReferenceSet.from_plain({"hosts": [HOST]}, NOW)
