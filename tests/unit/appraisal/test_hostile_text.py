# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever a node calls its files, devices and containers is data, from the evidence to the last line on a terminal."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.ear import summary, verify_ear
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.policy.policy import load_policy
from ansible_collections.palantir.trust.plugins.plugin_utils.catalogue.descriptor import load_directory
from ansible_collections.palantir.trust.plugins.plugin_utils.challenge import round as attestation
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import EvidenceError
from ansible_collections.palantir.trust.plugins.plugin_utils.orchestration.node_part import keep
from ansible_collections.palantir.trust.plugins.plugin_utils.recovery.planning import Site, plan
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.index import ReferenceSet
from ansible_collections.palantir.trust.plugins.plugin_utils.report.incidents import incident_table
from ansible_collections.palantir.trust.plugins.plugin_utils.report.plans import plan_table
from ansible_collections.palantir.trust.plugins.plugin_utils.report.verdicts import verdict_table
from ansible_collections.palantir.trust.plugins.plugin_utils.store import (
    attestations,
    identities,
    incidents,
    instances,
    ledger,
    schema,
    signing_key,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi import types as ev
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.variable import EFI_GLOBAL
from tests.unit.appraisal import scene
from tests.unit.appraisal.scene import BASE, CONFIGURATION, HARDWARE, Guest, clean_boot, reference_values, sha256
from tests.unit.support.examples import examples
from tests.unit.verifier.event_log_builder import variable

LAB = Path(__file__).parents[3] / "inventories" / "lab"
NOW = scene.NOW.timestamp()
LONGEST = 1200
"""Most characters of one text in a result: some message, and a name in it that was cut."""

PAYLOADS = {
    "jinja": "/opt/{{ lookup('pipe', 'id') }}{% for x in range(9**9) %}{# #}",
    "ansi": "/opt/\x1b[2J\x1b]0;title\x07\x9b31m",
    "newline": '/opt/x\r\nnode1: all layers are affirming\n{"ear_status": "affirming"}',
    "traversal": "../../../../etc/passwd",
    "bidi": "/opt/\u202egnp.elif\u2066\u200b\ufeff",
    "nul": "/opt/x\0/usr/bin/ls",
    "long": "/opt/" + "a/" * 2048,
    "bytes": "/opt/\udcff\udcfe\udc80",
    "shell": "/opt/$(id)`id`;id|id&id>'\"",
    "yaml": "/opt/!unsafe !!python/object/apply:os.system ['id']",
    "percent": "/opt/%s%n%(x)s{0}{x!r}",
    "surrogate": "/opt/\U0001f4a9\u0000\u0085\u2028\u2029",
}
every_payload = pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS)


def texts(value: Any) -> Iterator[str]:
    """Yield every text in plain data, keys among them."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from texts(key)
            yield from texts(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from texts(item)


def assert_harmless(value: Any) -> None:
    for text in texts(value):
        assert text.isprintable(), text
        assert len(text) <= LONGEST


def hostile(payload: str) -> Guest:
    """A node that writes a payload wherever it can write."""
    fact = payload.encode("utf-8", "backslashreplace").decode()  # as the node's modules decode what is no text
    boot = clean_boot()
    boot.add(1, ev.EV_EFI_VARIABLE_BOOT2, variable(EFI_GLOBAL, fact[:200], b"option"))
    boot.add(8, ev.EV_IPL, f"grub_cmd: linux {fact}\0".encode(), f"linux {fact}".encode())
    boot.add(5, ev.EV_EFI_ACTION, fact.encode())
    guest = Guest(
        boot=boot,
        facts={
            "boot_id": fact,
            "modules": ["fuse", fact],
            "deleted_executables": [{"pid": 1, "path": fact + " (deleted)"}],
            "containers": [{"id": fact, "cgroup": fact, "uid_map": [[0, BASE, 1]]}],
            "hardware": {**HARDWARE, fact: fact, "dmi": {"serial": fact, fact: fact}, "pci": [fact]},
            fact: fact,
        },
    )
    guest.ran(payload, b"evil").ran(payload, b"worse", owner=BASE).ran(payload, b"read", owner=BASE, mode=scene.PLAIN)
    return guest.ran(payload, b"", violation=True).ran("/usr/lib/modules/" + payload + ".ko", b"rootkit")


@every_payload
def test_an_ear_and_its_table_have_harmless_texts_only(payload: str) -> None:
    ear = hostile(payload).appraise()
    assert ear["ear_status"] == "contraindicated"
    assert len(list(texts(ear))) > 100
    assert_harmless(ear)
    assert_harmless(summary(ear))
    result = {"node": "node1", "state": "attested", "message": "", "ear": ear}
    for line in verdict_table([result]).split("\n"):
        assert line.isprintable()
        assert len(line) <= 80


@every_payload
@pytest.mark.parametrize("template", ["ima-ng", "ima-cgpath", "ima-dep-cgn"])
def test_names_of_control_groups_and_storage_are_harmless_too(template: str, payload: str) -> None:
    name = payload.replace("\0", "").encode("utf-8", "replace").decode()
    guest = (
        Guest(template=template).ran("/bin/x", b"x", cgroup=name).ran(f"/var/lib/machines/{payload}/bin/sh", b"evil")
    )
    assert_harmless(guest.appraise(policy={"ima": {"templates": [template]}}))


@examples(50)
@given(st.text(max_size=300))
def test_any_name_is_harmless(name: str) -> None:
    assert_harmless(hostile(name).appraise())


@every_payload
def test_the_name_of_a_template_is_harmless(payload: str) -> None:
    guest, name = Guest(), payload.encode("utf-8", "surrogateescape")[:200]
    tag = len(scene.TEMPLATE).to_bytes(4, "little") + scene.TEMPLATE.encode()
    data = guest.kernel.binary.replace(tag, len(name).to_bytes(4, "little") + name)
    try:
        ear = guest.appraise(guest.evidence() | {"ima_log": {"offset": 0, "data": base64.b64encode(data).decode()}})
    except EvidenceError as error:
        assert_harmless(str(error))
    else:
        assert_harmless(ear)


@every_payload
@pytest.mark.parametrize("place", ["format", "nonce", "event_log", "ima_log", "quote", "facts"])
def test_an_error_about_evidence_has_a_harmless_message(place: str, payload: str) -> None:
    for wrong in (payload, {payload: payload}, [payload]):
        with pytest.raises(EvidenceError) as error:
            Guest().appraise(Guest().evidence() | {place: wrong if place != "facts" else [wrong]})
        assert_harmless(str(error.value))


# -- through the store: JWT, plan, incidents, ledger


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store with node1 enrolled, and dns-filter-1 live on it."""
    opened, record = Store(f"sqlite:///{tmp_path}/store.sqlite3"), Guest().record
    with opened.transaction() as connection:
        identity = {"ak_public": record["ak_public"], "ek_certificate_sha256": "e" * 64, "tpm": {}}
        identities.save(connection, "node1", "e" * 64, identity, record["recorded"], NOW)
        files = {"/etc/dnsmasq.conf": sha256(CONFIGURATION)}
        live = instances.allocate(
            connection,
            instance="dns-filter-1",
            sc="dns-filter",
            flavour="podman",
            node="node1",
            files=files,
            reset_count=0,
            at=NOW,
        )
        instances.set_state(connection, live.id, "live", NOW)
    yield opened
    opened.close()


def site() -> Site:
    tables = {path.name: path.read_text(encoding="utf-8") for path in (LAB / "rules").glob("*.yml")}
    return Site(("node1",), tables, load_directory(LAB / "catalogue"), "a")


@every_payload
@pytest.mark.parametrize("layer", ["os", "sc:dns-filter-1"])
def test_what_follows_from_hostile_names_is_harmless_in_the_whole_store(
    layer: str, payload: str, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    references = ReferenceSet.from_plain(reference_values(), scene.NOW)
    asked = attestation.begin(store, "node1", load_policy({}), references, NOW)
    assert asked is not None
    monkeypatch.setattr(scene, "NONCE", asked.nonce)
    guest = Guest().ran(payload, b"evil", owner=0 if layer == "os" else BASE)
    key = signing_key.load_or_create(tmp_path / "key.pem")
    result = attestation.finish(store, asked, guest.evidence(), load_policy({}), references, key, NOW + 1)
    assert result.ear is not None
    assert result.ear["submods"][layer]["palantir.own_status"] == "contraindicated"

    with store.transaction() as connection:
        kept = attestations.history(connection, 0.0)[-1]
        jwt = connection.execute(select(schema.attestations.c.jwt)).scalar_one()
        public = load_pem_private_key(key, None).public_key()
        claims = verify_ear(jwt, public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
        assert claims == kept.ear == result.ear
        assert_harmless(claims)

        made = plan(connection, site(), NOW, NOW + 2)
        assert made["steps"]
        assert_harmless({name: value for name, value in made.items() if name != "steps"})
        assert_harmless([{k: v for k, v in step.items() if k != "generation"} for step in made["steps"]])
        (incident,) = incidents.still_open(connection)
        for text in (plan_table(made), incident_table([incident])):
            assert all(line.isprintable() for line in text.split("\n"))
        assert ledger.verify(connection) > 3
        for body in connection.execute(select(schema.ledger.c.body)).scalars():
            assert body.isascii()
            assert body.isprintable()
            assert_harmless(json.loads(body))


@every_payload
def test_why_a_round_failed_is_kept_as_harmless_text(payload: str, store: Store) -> None:
    result = attestation.give_up(store, "node1", "no_evidence", f"node1: {payload}", NOW)
    with store.transaction() as connection:
        (kept,) = attestations.history(connection, 0.0)
        made = plan(connection, site(), NOW - 1, NOW + 1)
    assert kept.message.isprintable()
    assert all(text.isprintable() for text in made["unresolved"])
    table = verdict_table([{"node": "node1", "state": result.state, "message": kept.message, "ear": None}])
    assert all(line.isprintable() for line in table.split("\n"))


# -- what is preserved of an instance


@every_payload
def test_what_a_node_preserves_gets_no_name_of_the_nodes_choice(payload: str, tmp_path: Path) -> None:
    content = base64.b64encode(b"{{ 7 * 7 }}\x1b[2J").decode()
    directory = tmp_path / "evidence" / "7"
    kept = keep(directory, {payload: content, "log.txt": content, "../../log.txt": content, "/etc/x": content})
    assert list(kept) == ["log.txt"]
    assert [path.relative_to(tmp_path).as_posix() for path in sorted(tmp_path.rglob("*")) if path.is_file()] == [
        "evidence/7/log.txt"
    ]
    assert (directory / "log.txt").read_bytes() == b"{{ 7 * 7 }}\x1b[2J"
