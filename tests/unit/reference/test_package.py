# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages on a node whose measurements a test tells: what is installed with its values raises nothing."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import ReferenceValueError
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.document import from_plain, write
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.make import make
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.package import package_reference_values
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.site import load_site
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.update import carry_out, plan_update
from tests.unit.appraisal.scene import NOW, Guest, found, reference_values, statuses
from tests.unit.reference.deb_builder import control, sha256, write_deb

OLD = {"/usr/bin/tool": b"tool 1", "/lib/x86_64-linux-gnu/libtool.so.1": b"library 1", "/etc/init.d/tool": b"init"}
NEW = {"/usr/bin/tool": b"tool 2", "/lib/x86_64-linux-gnu/libtool.so.1": b"library 2", "/etc/init.d/tool": b"init"}
SCRIPTS = {"config": b"ask", "preinst": b"before", "postinst": b"after", "prerm": b"stop"}
WINDOW = timedelta(days=7)
AFFIRMING = dict.fromkeys(("hardware", "firmware", "os", "runtime", "sc:dns-filter-1"), "affirming")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Reference Values of the node's images, without any of the package."""
    values = reference_values()
    documents = {"image": values["host"][0], "boot": values["boot"][0], "sc": values["sc"]["dns-filter"][0]}
    for name, plain in documents.items():
        write(from_plain(plain), tmp_path / "values" / f"{name}.json")
    return tmp_path / "values"


def packages(directory: Path, version: str, files: dict[str, bytes]) -> Path:
    write_deb(
        directory / version / f"tool_{version}_amd64.deb", files, scripts=SCRIPTS, description=control(version=version)
    )
    return directory / version


def installed(files: dict[str, bytes]) -> Guest:
    """A node that unpacks the package, and then runs what came with it."""
    guest = Guest()
    guest.ran("/var/cache/debconf/tmp.ci/tool.config.Ab3dE9", SCRIPTS["config"])
    guest.ran("/var/lib/dpkg/tmp.ci/preinst", SCRIPTS["preinst"])
    guest.ran("/var/lib/dpkg/info/tool.config", SCRIPTS["config"])
    guest.ran("/var/lib/dpkg/info/tool.postinst", SCRIPTS["postinst"])
    for path, data in files.items():
        # The kernel measures a file under the name that its directory has below /usr.
        guest.ran(path.replace("/lib/", "/usr/lib/", 1) if path.startswith("/lib/") else path, data)
    return guest


def test_a_package_that_is_installed_with_its_values_raises_nothing(site: Path, tmp_path: Path) -> None:
    document = package_reference_values([packages(tmp_path, "1.0-1", OLD)], name="updates", created=NOW)
    write(document, site / "updates.json")
    ear = installed(OLD).appraise(references=load_site(site, NOW))
    assert found(ear) == []
    assert statuses(ear) == AFFIRMING


def test_a_package_that_is_installed_without_its_values_is_found(site: Path) -> None:
    ear = installed(OLD).appraise(references=load_site(site, NOW))
    assert {(layer, code) for layer, code, _tier in found(ear)} == {("os", "unknown_executable")}
    assert len(found(ear)) == 4 + len(OLD)


def test_a_script_of_a_package_that_is_run_from_elsewhere_is_told(site: Path, tmp_path: Path) -> None:
    write(make("package", "updates", packages(tmp_path, "1", OLD), NOW), site / "updates.json")
    for path in ("/opt/tool.config", "/var/lib/dpkg/tool.config.Ab3dE9"):
        ear = Guest().ran(path, SCRIPTS["config"]).appraise(references=load_site(site, NOW))
        assert found(ear) == [("os", "moved_file", "warning")]
    ear = Guest().ran("/var/cache/debconf/tmp.ci/x", b"tool 1").appraise(references=load_site(site, NOW))
    assert found(ear) == [("os", "moved_file", "warning")]


def test_an_update_has_a_window_in_which_old_and_new_are_known(site: Path, tmp_path: Path) -> None:
    def put(version: str, files: dict[str, bytes]) -> None:
        document = package_reference_values([packages(tmp_path, version, files)], name="updates", created=NOW)
        carry_out(plan_update(document, site / "updates.json", WINDOW))

    put("1.0-1", OLD)
    before = load_site(site, NOW)
    assert found(installed(OLD).appraise(references=before)) == []
    assert {code for _layer, code, _tier in found(installed(NEW).appraise(references=before))} == {"modified_file"}

    put("2.0-1", NEW)
    during = load_site(site, NOW + WINDOW - timedelta(seconds=1))
    assert found(installed(OLD).appraise(references=during)) == []
    assert found(installed(NEW).appraise(references=during)) == []

    after = load_site(site, NOW + WINDOW)
    assert found(installed(NEW).appraise(references=after)) == []
    assert found(installed(OLD).appraise(references=after)) == [("os", "reference_value_expired", "warning")] * 2


def test_an_update_of_what_the_image_brought_ends_the_images_own_values(site: Path, tmp_path: Path) -> None:
    modern = {"/bin/ls": b"ls 2"}
    document = package_reference_values([packages(tmp_path, "2.0-1", modern)], name="updates", created=NOW)
    carry_out(plan_update(document, site / "updates.json", WINDOW, [site / "image.json"]))
    # Every node ran the image's own ls since its boot.
    assert found(Guest().appraise(references=load_site(site, NOW))) == []
    assert found(installed(modern).appraise(references=load_site(site, NOW))) == []
    after = Guest().appraise(references=load_site(site, NOW + WINDOW))
    assert found(after) == [("os", "reference_value_expired", "warning")]


def test_one_document_is_made_of_all_packages(tmp_path: Path) -> None:
    one = packages(tmp_path, "1", OLD)
    other = write_deb(
        tmp_path / "other.deb",
        {"/usr/share/doc/x/README": b"text", "/srv/run": b"run"},
        scripts={"postinst": b"other"},
        description=control("other", "1:2~rc1-3", "all"),
    )
    document = make("package", "updates", [one, other], NOW)
    assert document.kind == "host"
    assert document.packages == ("other=1:2~rc1-3(all)", "tool=1(amd64)")
    assert document.source == "2 packages"
    assert "/usr/share/doc/x/README" not in document.files
    assert document.files["/srv/run"] == (sha256(b"run"),)
    assert set(document.files["/var/lib/dpkg/tmp.ci/postinst"]) == {sha256(b"other"), sha256(SCRIPTS["postinst"])}


def test_each_package_must_be_the_one_that_was_asked_for(tmp_path: Path) -> None:
    directory = packages(tmp_path, "1", OLD)
    file = directory / "tool_1_amd64.deb"
    digest = sha256(file.read_bytes()).removeprefix("sha256:")
    assert make("package", "updates", directory, NOW, sha256={file.name: digest.upper()}).packages
    for given, message in (
        ({file.name: "0" * 64}, "has the digest sha256:.*, not sha256:0000"),
        ({"other.deb": digest}, "has no SHA-256 that it must have"),
        ({file.name: "0x1"}, "sha256 of tool_1_amd64.deb: is '0x1'"),
    ):
        with pytest.raises(ReferenceValueError, match=message):
            make("package", "updates", directory, NOW, sha256=given)


def test_a_directory_without_a_package_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReferenceValueError, match=r"holds no \.deb file"):
        make("package", "updates", tmp_path, NOW)


def test_an_image_is_one_source_and_may_be_asked_for_by_its_digest(tmp_path: Path) -> None:
    with pytest.raises(ReferenceValueError, match=r"source: has 2 paths\. Next: give one for kind 'host'"):
        make("host", "edge", [tmp_path, tmp_path], NOW)
    (tmp_path / "i.tar").write_bytes(b"x")
    with pytest.raises(ReferenceValueError, match=r"i\.tar: has the digest"):
        make("host", "edge", tmp_path / "i.tar", NOW, sha256={"i.tar": "0" * 64})
    with pytest.raises(ReferenceValueError, match=r"has no SHA-256: Is a directory"):
        make("host", "edge", tmp_path, NOW, sha256={tmp_path.name: "0" * 64})
