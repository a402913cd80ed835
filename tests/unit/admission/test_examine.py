# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each check of an admission, with a package that fails it and no other: what is told, and what is not reached."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import lzma
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.palantir.trust.plugins.plugin_utils.admission.checks import CHECKS, NEEDS, Report
from ansible_collections.palantir.trust.plugins.plugin_utils.admission.examine import RESERVED
from ansible_collections.palantir.trust.plugins.plugin_utils.admission.manifest import MANIFEST, SIGNATURE, Manifest
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.image import digest_image
from ansible_collections.palantir.trust.plugins.plugin_utils.report.admission import admission_table
from tests.lab.paths import CHECKOUT
from tests.unit.admission.developer import (
    DESCRIPTOR,
    NOW,
    Market,
    key,
    members,
    package,
    packed,
    public_pem,
    signed,
    source,
)
from tests.unit.reference.test_image import sha256, tar

Files = dict[str, bytes]


@pytest.fixture
def market(tmp_path: Path) -> Market:
    return Market(tmp_path / "site")


PLAIN = DESCRIPTOR | {"configuration": []}
"""Without templates, which take a process of their own."""
VALUES = "reference_values/sc-dns-filter.json"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """The bytes of a package without templates, and of one with them."""
    tmp_path = tmp_path_factory.mktemp("made")
    descriptors = {"plain": PLAIN, "templates": DESCRIPTOR}
    return {
        name: package(tmp_path / f"{name}.scpkg", source(tmp_path / name, descriptor)).read_bytes()
        for name, descriptor in descriptors.items()
    }


@pytest.fixture
def good(made: Files, tmp_path: Path) -> Path:
    file = tmp_path / "dns-filter.scpkg"
    file.write_bytes(made["plain"])
    return file


@pytest.fixture
def templated(made: Files, good: Path) -> Path:
    good.write_bytes(made["templates"])
    return good


def content(good: Path) -> Files:
    return {path: data for path, data in members(good).items() if path not in (MANIFEST, SIGNATURE)}


def remade(good: Path, files: Mapping[str, bytes], *, sc: str = "dns-filter", version: str = "1.4") -> Path:
    """Return what a trusted developer signs who does not use our tool, and is under attack."""
    manifest = Manifest(sc, version, {path: sha256(data) for path, data in files.items()})
    good.write_bytes(signed(manifest.encode(), dict(sorted(files.items()))))
    return good


def described(files: Files, **changes: Any) -> Files:
    descriptor = yaml.safe_load(files["dns-filter.yml"]) | changes
    return files | {"dns-filter.yml": yaml.safe_dump(descriptor).encode()}


def failures(report: Report) -> dict[str, str]:
    return {check.code: check.detail for check in report.failures}


def one_failure(report: Report, code: str) -> str:
    """Return what is told of the one check that fails; what needs it is not reached, and all else has passed."""
    assert list(failures(report)) == [code]
    behind = {code}
    for name in CHECKS:
        if behind.intersection(NEEDS[name]):
            behind.add(name)
    outcomes = {check.code: check.outcome for check in report.checks}
    assert {name for name, outcome in outcomes.items() if outcome == "not_reached"} == behind - {code}
    (failure,) = report.failures
    assert failure.next_step, "a failure without a next step"
    return failure.detail


def test_a_good_package_passes_every_check(market: Market, templated: Path) -> None:
    report = market.examine(templated).report
    assert [check.code for check in report.checks] == list(CHECKS)
    assert {check.outcome for check in report.checks} == {"pass"}
    assert all(check.detail for check in report.checks)
    assert (report.sc, report.version, report.signer) == ("dns-filter", "1.4", "acme")


def test_an_unsigned_package(market: Market, good: Path) -> None:
    found = members(good)
    del found[SIGNATURE]
    good.write_bytes(packed(found))
    assert one_failure(market.examine(good).report, "form").endswith(
        "does not begin with manifest.json and manifest.jws."
    )


def test_a_manifest_of_another_schema(market: Market, good: Path) -> None:
    manifest = members(good)[MANIFEST].replace(b"package/1", b"package/9")
    good.write_bytes(signed(manifest, content(good)))
    assert "has schema 'palantir.trust/package/9'" in one_failure(market.examine(good).report, "manifest")


def test_a_signer_that_nobody_knows(market: Market, good: Path) -> None:
    manifest = members(good)[MANIFEST]
    good.write_bytes(signed(manifest, content(good), signer="mallory"))
    assert one_failure(market.examine(good).report, "signer") == "signer mallory: is not trusted."


def test_a_signer_whose_time_has_passed(market: Market, good: Path) -> None:
    market.rule(signers=[{**market.policy["signers"][0], "expires": dt.date(2026, 11, 23)}])
    assert one_failure(market.examine(good).report, "signer") == "signer acme: was trusted until 2026-11-23."
    assert market.examine(good, now=NOW - dt.timedelta(days=1)).report.passed


def test_a_signature_of_another_key(market: Market, good: Path) -> None:
    (market.place.catalogue / "packages/keys/acme.pem").write_bytes(public_pem(key("p256", 1)))
    assert one_failure(market.examine(good).report, "signature") == "manifest.jws: is by no key of signer acme."


def test_a_signature_of_another_manifest(market: Market, good: Path, tmp_path: Path) -> None:
    other = members(package(tmp_path / "other.scpkg", source(tmp_path / "other", PLAIN, program=b"other")))
    good.write_bytes(packed(members(good) | {SIGNATURE: other[SIGNATURE]}))
    one_failure(market.examine(good).report, "signature")


def test_either_of_two_keys_while_they_are_changed(market: Market, good: Path) -> None:
    (market.place.catalogue / "packages/keys/next.pem").write_bytes(public_pem(key("ed25519")))
    market.rule(signers=[{**market.policy["signers"][0], "keys": ["keys/next.pem", "keys/acme.pem"]}])
    assert market.examine(good).report.passed
    manifest = members(good)[MANIFEST]
    good.write_bytes(signed(manifest, content(good), kind="ed25519"))
    report = market.examine(good).report
    assert report.passed
    assert next(check.detail for check in report.checks if check.code == "signature") == "EdDSA by a key of acme"


def test_what_is_denied(market: Market, good: Path) -> None:
    digest = market.examine(good).report.digest
    document = sha256(content(good)[VALUES])
    denials: list[dict[str, Any]] = [
        {"signers": [{"name": "acme", "reason": "Its key was stolen."}]},
        {"versions": [{"sc": "dns-filter", "version": "1.4", "reason": "CVE-2026-1."}]},
        {"digests": [{"digest": digest, "reason": "Withdrawn."}]},
        {"digests": [{"digest": document, "reason": "Withdrawn."}]},
    ]
    for deny in denials:
        market.rule(deny=deny)
        assert "is denied: " in one_failure(market.examine(good).report, "denied")


def test_a_program_that_is_denied_wherever_it_is(market: Market, good: Path) -> None:
    market.rule(deny={"digests": [{"digest": sha256(b"resolver"), "reason": "CVE-2026-2."}]})
    assert "CVE-2026-2." in one_failure(market.examine(good).report, "images")
    archive = good.with_suffix(".tar")
    archive.write_bytes(content(good)["images/dns-filter.tar"])
    market.rule(deny={"digests": [{"digest": digest_image(archive).image_id, "reason": "Old."}]})
    assert "Old." in one_failure(market.examine(good).report, "images")


def test_a_name_that_the_signer_may_not_sign(market: Market, good: Path) -> None:
    market.rule(signers=[{**market.policy["signers"][0], "scs": ["waf", "dns-filter-*"]}])
    assert one_failure(market.examine(good).report, "authority") == "signer acme: may not sign SC dns-filter."


@pytest.mark.parametrize("name", ["ansible", "palantir-trust", "vault", "sc-image", "group"])
def test_a_name_whose_variables_are_the_sites(market: Market, good: Path, name: str) -> None:
    market.rule(signers=[{**market.policy["signers"][0], "scs": ["*"]}])
    remade(good, content(good), sc=name)
    assert one_failure(market.examine(good).report, "authority").endswith("has a name that is not for packages.")


def test_a_file_with_another_digest(market: Market, good: Path) -> None:
    found = members(good)
    found[VALUES] = b"{}"
    good.write_bytes(packed(found))
    assert "has the digest sha256:" in one_failure(market.examine(good).report, "contents")


def test_a_file_more_or_less_than_the_manifest_has(market: Market, good: Path) -> None:
    found = members(good)
    good.write_bytes(packed(found | {"z": b"stowaway"}))
    assert one_failure(market.examine(good).report, "contents").endswith("has not the files of its manifest: z.")
    del found[VALUES]
    good.write_bytes(packed(found))
    assert one_failure(market.examine(good).report, "contents").endswith(f"manifest: {VALUES}.")


DESCRIPTORS: dict[str, tuple[Callable[[Files], Files], str]] = {
    "none": (lambda f: {p: d for p, d in f.items() if p != "dns-filter.yml"}, "dns-filter.yml: cannot be read"),
    "no descriptor": (lambda f: f | {"dns-filter.yml": b"sc: dns-filter\n"}, "lacks description"),
    "other version": (lambda f: described(f, version="1.5"), "dns-filter.yml, version: is not 1.4"),
    "no order": (lambda f: described(f, version="latest"), "dns-filter.yml, version: is 'latest'."),
    "other signer": (lambda f: described(f, signer="mallory"), "dns-filter.yml, signer: is not acme"),
    "missing file": (
        lambda f: described(f, configuration=[{"path": "/etc/x", "template": "x.j2"}]),
        "names the file x.j2, which is not in the package",
    ),
    "stowaway": (lambda f: f | {"more": b"x"}, "has the file more, which its descriptor does not name"),
    "outside": (
        lambda f: described(f, flavours=[{**DESCRIPTOR["flavours"][0], "archive": "../../../etc/shadow"}]),
        "names the file '../../../etc/shadow', which cannot be in a package",
    ),
    "absolute": (
        lambda f: described(f, flavours=[{**DESCRIPTOR["flavours"][0], "archive": "/etc/shadow"}]),
        "names the file '/etc/shadow', which cannot be in a package",
    ),
}


@pytest.mark.parametrize("case", DESCRIPTORS)
def test_a_descriptor_that_is_not_of_this_package(market: Market, good: Path, case: str) -> None:
    change, message = DESCRIPTORS[case]
    remade(good, change(content(good)))
    report = market.examine(good).report
    assert message in failures(report)["descriptor"]
    assert list(failures(report)) == ["descriptor"]


def test_what_is_told_names_files_as_they_are_in_the_package(market: Market, good: Path) -> None:
    remade(good, content(good) | {"dns-filter.yml": b"sc: [\n"})
    detail = failures(market.examine(good).report)["descriptor"]
    assert detail.startswith("dns-filter.yml: is not YAML at line 2")


def test_a_function_that_the_signer_may_not_sign(market: Market, good: Path) -> None:
    remade(good, described(content(good), function="firewall"))
    assert "may not sign SCs of the function firewall" in one_failure(market.examine(good).report, "function")


def test_a_stand_in_for_what_is_another_developers(market: Market, good: Path) -> None:
    (market.place.catalogue / "resolver.yml").write_text(
        yaml.safe_dump(DESCRIPTOR | {"sc": "resolver", "signer": "other"})
    )
    remade(good, described(content(good), equivalent=["resolver"]))
    assert "can stand in for resolver, which signer acme may not sign" in one_failure(
        market.examine(good).report, "function"
    )


@pytest.mark.parametrize(
    ("change", "asked"),
    [
        ({"capabilities": ["SETUID", "SYS_ADMIN", "NET_ADMIN"]}, "capability NET_ADMIN, capability SYS_ADMIN."),
        ({"driver": "kubernetes"}, "driver kubernetes."),
    ],
)
def test_what_the_site_does_not_grant(market: Market, good: Path, change: dict[str, Any], asked: str) -> None:
    remade(good, described(content(good), flavours=[DESCRIPTOR["flavours"][0] | change]))
    assert one_failure(market.examine(good).report, "grants").endswith(
        f"asks for what the site does not grant: {asked}"
    )


def test_a_network_that_the_site_does_not_grant(market: Market, good: Path) -> None:
    market.rule(grants=[{"sc": "*", "capabilities": ["SETUID"]}])
    assert one_failure(market.examine(good).report, "grants").endswith("host network.")
    private = [DESCRIPTOR["flavours"][0] | {"network": "private"}]
    remade(good, described(content(good), flavours=private, ports=[{"name": "dns", "port": 5353, "protocol": "udp"}]))
    assert market.examine(good).report.passed


def test_a_grant_of_another_signer_does_not_count(market: Market, good: Path) -> None:
    market.rule(grants=[{"sc": "dns-filter", "signer": "other", "capabilities": ["SETUID"], "network": "host"}])
    one_failure(market.examine(good).report, "grants")


def test_an_sc_that_the_site_describes_itself(market: Market, good: Path) -> None:
    (market.place.catalogue / "dns-filter.yml").write_text(yaml.safe_dump(DESCRIPTOR))
    assert one_failure(market.examine(good).report, "catalogue").endswith("is described by the site's own catalogue.")


@pytest.mark.parametrize(
    ("template", "message"),
    [
        (b"{{ lookup('pipe', 'id') }}", "reads the variable lookup."),
        (b"{{ palantir_trust_fence.password }}", "reads the variable palantir_trust_fence."),
        (b"{{ hostvars }}", "reads the variable hostvars."),
        (b"{% include '/etc/shadow' %}", "reads another template at line 1."),
        (b"{{ dns_filter_names | to_json }}", "No filter named 'to_json' at line 1"),
        (b"{% for %}", "Expected"),
        (b"\xff", "it is no text in UTF-8"),
    ],
    ids=["lookup", "variable", "hostvars", "include", "filter", "syntax", "bytes"],
)
def test_templates_that_are_not_accepted(market: Market, templated: Path, template: bytes, message: str) -> None:
    remade(templated, content(templated) | {"templates/dnsmasq.conf.j2": template})
    assert message in one_failure(market.examine(templated).report, "templates")


def test_a_variable_of_another_sc_whose_name_begins_alike(market: Market, templated: Path) -> None:
    other = DESCRIPTOR | {"sc": "dns-filter-names", "configuration": []}
    (market.place.catalogue / "dns-filter-names.yml").write_text(yaml.safe_dump(other))
    assert market.examine(templated).report.passed
    remade(templated, content(templated) | {"templates/dnsmasq.conf.j2": b"{{ dns_filter_names_secret }}"})
    message = one_failure(market.examine(templated).report, "templates")
    assert message.endswith("reads the variable dns_filter_names_secret, which is for SC dns-filter-names.")


def test_a_name_that_takes_the_variables_of_another_sc(market: Market, templated: Path) -> None:
    configuration = [{"path": "/etc/x", "template": "templates/x.j2", "reload": "replace"}]
    other = DESCRIPTOR | {"sc": "dns", "configuration": configuration}
    (market.place.catalogue / "dns.yml").write_text(yaml.safe_dump(other))
    (market.place.catalogue / "templates").mkdir(exist_ok=True)
    template = market.place.catalogue / "templates/x.j2"
    template.write_text("{{ dns_port }}")
    assert market.examine(templated).report.passed
    template.write_text("{{ dns_filter_password }}")
    message = one_failure(market.examine(templated).report, "templates")
    assert "SC dns-filter: has a name that the variable dns_filter_password begins with, which SC dns reads." in message


def test_an_image_that_is_none(market: Market, good: Path) -> None:
    remade(good, content(good) | {"images/dns-filter.tar": b"nothing"})
    assert "images/dns-filter.tar: is compressed, or no tar archive" in one_failure(
        market.examine(good).report, "images"
    )


def test_an_image_that_unpacks_to_a_hundred_times_its_size(market: Market, good: Path) -> None:
    layer = gzip.compress(tar(("usr/sbin/dnsmasq", bytes(80 << 20))), mtime=0)
    config = b'{"architecture":"amd64"}'
    manifest = json.dumps([{"Config": "c", "RepoTags": [], "Layers": ["l"]}]).encode()
    remade(
        good, content(good) | {"images/dns-filter.tar": tar(("c", config), ("manifest.json", manifest), ("l", layer))}
    )
    assert "it unpacks to more than" in one_failure(market.examine(good).report, "images")


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress, lambda data: lzma.compress(data, lzma.FORMAT_ALONE)])
def test_an_image_that_is_compressed_as_a_whole(market: Market, good: Path, pack: Callable[[bytes], bytes]) -> None:
    files = content(good)
    remade(good, files | {"images/dns-filter.tar": pack(files["images/dns-filter.tar"])})
    assert "is compressed, or no tar archive" in one_failure(market.examine(good).report, "images")


def test_a_tree_that_unpacks_to_a_hundred_times_its_size(market: Market, good: Path) -> None:
    market.rule(grants=[{"sc": "*", "drivers": ["nspawn"], "capabilities": ["SETUID"], "network": "host"}])
    bomb = lzma.compress(tar(("usr/sbin/dnsmasq", bytes(80 << 20))))
    flavours = [DESCRIPTOR["flavours"][0] | {"driver": "nspawn"}]
    remade(good, described(content(good), flavours=flavours) | {"images/dns-filter.tar": bomb})
    assert "it unpacks to more than" in one_failure(market.examine(good).report, "images")


def test_a_tree_is_checked_file_by_file(market: Market, good: Path) -> None:
    market.rule(grants=[{"sc": "*", "drivers": ["nspawn"], "capabilities": ["SETUID"], "network": "host"}])
    flavours = [DESCRIPTOR["flavours"][0] | {"driver": "nspawn"}]
    tree = tar(("usr/sbin/dnsmasq", b"resolver"))
    remade(good, described(content(good), flavours=flavours) | {"images/dns-filter.tar": tree})
    assert market.examine(good).report.passed
    more = tar(("usr/sbin/dnsmasq", b"resolver"), ("usr/sbin/dropper", b"x"))
    remade(good, described(content(good), flavours=flavours) | {"images/dns-filter.tar": more})
    assert "does not know /usr/sbin/dropper" in one_failure(market.examine(good).report, "reference_values")


def values(contents: Files, **changes: Any) -> Files:
    plain = json.loads(contents[VALUES]) | changes
    return contents | {VALUES: json.dumps(plain).encode()}


PROGRAM = "/usr/sbin/dnsmasq"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"files": {}}, f"does not know {PROGRAM} of flavour podman"),
        ({"files": {PROGRAM: [sha256(b"other")]}}, f"does not know {PROGRAM} of flavour podman"),
        ({"files": {PROGRAM: [sha256(b"resolver"), sha256(b"dropper")]}}, f"does not know {PROGRAM} of flavour podman"),
        (
            {"files": {PROGRAM: [sha256(b"resolver")], "/opt/dropper": [sha256(b"dropper")]}},
            "knows /opt/dropper, which is not in the image",
        ),
        ({"name": "waf"}, "is of sc waf, not of sc dns-filter."),
        ({"kind": "host"}, "is of host dns-filter, not of sc dns-filter."),
        ({"expires": "2026-11-22T00:00:00+00:00"}, "has ended at 2026-11-22"),
        ({"modules": ["dm_mod"]}, "knows more than files."),
        ({"format": "other"}, "has format 'other'"),
    ],
    ids=["nothing", "other", "two", "beyond", "another SC", "host", "ended", "modules", "format"],
)
def test_reference_values_that_are_not_of_the_image(
    market: Market, good: Path, change: dict[str, Any], message: str
) -> None:
    remade(good, values(content(good), **change))
    assert message in one_failure(market.examine(good).report, "reference_values")


# Told


def test_the_table_fits_a_terminal_and_has_every_check(market: Market, good: Path) -> None:
    remade(good, described(content(good), function="firewall") | {"images/dns-filter.tar": b"x"})
    report = market.examine(good).report
    text = admission_table(report)
    assert max(map(len, text.splitlines())) <= 80
    lines = text.splitlines()
    for code in CHECKS:
        assert [line for line in lines if line.startswith(f"{code} ")], code
    assert " Next: if it should, add the function" in " ".join(line.strip() for line in lines)
    plain = report.plain()
    assert json.loads(json.dumps(plain)) == plain
    assert {check["result"] for check in plain["checks"]} == {"pass", "fail", "not_reached"}


def test_a_hostile_name_of_a_file_reaches_no_terminal(market: Market, good: Path, tmp_path: Path) -> None:
    hostile = tmp_path / "a\x1b[31m\n.scpkg"
    hostile.write_bytes(b"x")
    text = admission_table(market.examine(hostile).report)
    assert "\x1b" not in text


def test_no_package_reads_what_is_set_for_a_role() -> None:
    roles = sorted(path.name for path in (CHECKOUT / "roles").iterdir() if path.is_dir())
    assert "orchestrate" in roles
    assert {name.split("_")[0] for name in roles} <= RESERVED
