# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates of agents from instantiation to the end: what the node is asked, and what the store knows then."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from sqlalchemy import select

from ansible_collections.palantir.trust.plugins.action import agent_certificates
from ansible_collections.palantir.trust.plugins.plugin_utils.edge.node import NodeError, UnreachableError
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import TrustError
from ansible_collections.palantir.trust.plugins.plugin_utils.orchestration import agent_part
from ansible_collections.palantir.trust.plugins.plugin_utils.pki import authority as ca
from ansible_collections.palantir.trust.plugins.plugin_utils.pki.spiffe import of_role
from ansible_collections.palantir.trust.plugins.plugin_utils.store import (
    certificates,
    identities,
    instances,
    schema,
    site_ca,
)
from tests.unit.orchestration.test_instance_verbs import Site, sc

FIRST = "spiffe://palantir.trust/instance/dns-1/generation/1"
HOUR = 3600.0


def managed(**more: Any) -> dict[str, Any]:
    return {**sc(**more), "management": {"port": 9443, "address": "192.0.2.1"}}


def request(key: Any) -> str:
    """A request in which the node calls itself a role: nobody asked it."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "orchestrator")])
    uri = x509.SubjectAlternativeName([x509.UniformResourceIdentifier("spiffe://palantir.trust/role/orchestrator")])
    signed = x509.CertificateSigningRequestBuilder().subject_name(name).add_extension(uri, critical=False)
    return signed.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def tampered() -> str:
    """A request for a key of somebody else: its own signature does not hold."""
    own, other = (x509.load_pem_x509_csr(request(ec.generate_private_key(ec.SECP256R1())).encode()) for _ in range(2))
    point = serialization.PublicFormat.SubjectPublicKeyInfo
    keys = [item.public_key().public_bytes(serialization.Encoding.DER, point) for item in (own, other)]
    der = own.public_bytes(serialization.Encoding.DER).replace(keys[0], keys[1])
    return x509.load_der_x509_csr(der).public_bytes(serialization.Encoding.PEM).decode()


class Managed(Site):
    """A site whose node keeps one key for each generation, and serves by what it was given last."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.keys: dict[int, Any] = {}
        self.given: dict[str, Any] = {}
        self.request: str | None = None
        super().__init__(directory, monkeypatch)
        monkeypatch.setenv("PALANTIR_TRUST_CA", str(directory / "ca.pem"))

    def _answer(self, node: str, module: str, asked: dict[str, Any], variables: object) -> dict[str, Any]:
        if module == "sc_generation":
            return super()._answer(node, module, asked, variables)
        number = asked["generation"]
        line = f"{asked['state']} g{number}"
        self.asked.append(line)
        if line in self.fails:
            raise NodeError("node1", f"{line} failed.")
        if asked["state"] == "certified":
            self.given = asked
            return {"changed": True}
        key = self.keys.setdefault(number, ec.generate_private_key(ec.SECP256R1()))
        mine = self.given.get("certificate", "") if self.given.get("generation") == number else ""
        where = {key: self.given.get(key) for key in ("address", "port")} if mine else {}
        return {"request": self.request or request(key), "certificate": mine, "running": bool(mine), **where}

    @property
    def certificate(self) -> x509.Certificate:
        return x509.load_pem_x509_certificate(self.given["certificate"].encode())

    @property
    def names(self) -> list[str]:
        """Whose certificates count, as often as they have one."""
        query = select(schema.certificates.c.name).where(schema.certificates.c.revoked_at.is_(None))
        with self.store.transaction() as connection:
            return list(connection.execute(query.order_by(schema.certificates.c.issued_at)).scalars())

    def listed(self) -> list[int]:
        return [item.serial_number for item in x509.load_pem_x509_crl(self.given["revocations"].encode())]

    def renew(self, **more: Any) -> dict[str, Any]:
        action = agent_certificates.ActionModule.__new__(agent_certificates.ActionModule)
        self._patch.setattr(action, "_task", SimpleNamespace(check_mode=self.check), raising=False)
        self._patch.setattr(action, "now", lambda: self.clock)
        self._patch.setattr(action, "ask", self._answer)
        given = {name: option.get("default") for name, option in action.SPEC.items()}
        return action.act({**given, "node": "node1", "store": self.url, **more}, {})

    def revoke(self, role: str) -> x509.Certificate:
        """Issue a role's certificate, and take it back."""
        authority, key = site_ca.load_or_create(site_ca.default_path()), ec.generate_private_key(ec.SECP256R1())
        name = of_role(ca.domain_of(authority), role)
        with self.store.transaction() as connection:
            now = datetime.fromtimestamp(self.clock, UTC)
            issued = ca.issue(authority, name, key.public_key(), now, agent_part.LIFETIME)
            certificates.record(connection, issued, self.clock)
            certificates.revoke(connection, str(name), self.clock, "lost")
        return issued


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Managed]:
    """A site where dns-1 lives, with an agent."""
    made = Managed(tmp_path, monkeypatch)
    made.do("instantiated", sc=managed())
    assert made.asked == ["started g1 replace_previous", "requested g1", "certified g1"]
    made.asked.clear()
    yield made
    made.store.close()


def test_an_instance_gets_a_certificate_of_its_own_name_at_instantiation(site: Managed) -> None:
    assert site.given["spiffe_id"] == FIRST
    assert (site.given["address"], site.given["port"]) == ("192.0.2.1", 9443)
    names = site.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == [FIRST], "whatever its request says"
    assert site.certificate.subject == x509.Name([])
    assert site.certificate.public_key() == site.keys[1].public_key()
    assert (site.certificate.not_valid_after_utc.timestamp() - site.clock) == 24 * HOUR
    assert site.names == [FIRST]


def test_an_sc_without_management_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = Managed(tmp_path, monkeypatch)
    site.do("instantiated", sc=sc())
    site.do("instantiated", sc={**sc("nspawn"), "management": None}, beside=True)
    site.do("promoted", sc={**sc("nspawn"), "management": None}, attestation=site.attest(g2="affirming"))
    site.do("operating", sc=sc(), restart=True)
    assert site.renew() == {"changed": False, "certificates": [], "waiting": [], "diff": {"before": "", "after": ""}}
    assert not any("certified" in line or "requested" in line for line in site.asked)
    assert not (tmp_path / "ca.pem").exists(), "nor has the site a CA"


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ("", "something else than a certification request"),
        ("-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n", "something else"),
        ("x" * 20000, "of 20000 bytes; 16384 are read at most"),
        (request(rsa.generate_private_key(65537, 2048)), "that no ECDSA P-256 key has signed"),
        (request(ec.generate_private_key(ec.SECP384R1())), "that no ECDSA P-256 key has signed"),
        (tampered(), "that no ECDSA P-256 key has signed"),
    ],
)
def test_what_is_no_request_of_its_own_key_is_not_granted(site: Managed, told: str, why: str) -> None:
    site.request = told or None
    site._patch.setattr(site, "keys", {})
    answer = site._answer
    site._patch.setattr(
        site,
        "_answer",
        lambda *given: {**answer(*given), "request": told} if given[1] == "sc_agent" else answer(*given),
    )
    with pytest.raises(TrustError, match=why):
        site.do("instantiated", sc=managed(), replace=True)
    assert site.asked[-1] == "requested g2"
    assert site.names == []


def test_a_new_generation_gets_another_once_it_is_proved_and_the_one_before_has_none_any_more(site: Managed) -> None:
    site.do("instantiated", sc=managed(flavour="nspawn"), beside=True)
    assert site.names == [FIRST], "what is not proved has none"
    before = site.certificate.serial_number
    site.do("promoted", sc=managed(flavour="nspawn"), attestation=site.attest(g2="affirming"))
    assert site.asked == [
        "started g2 displace_previous",
        "requested g2",
        "certified g2",
        "promoted g2 replace_previous",
    ]
    assert site.names == [FIRST.replace("/1", "/2")]
    site.revoke("observer")
    site.clock += 61
    site.attest(g2="affirming")
    site.renew()
    assert before in site.listed()


def test_what_cannot_have_an_agent_does_not_serve_and_the_one_before_gets_its_own_back(site: Managed) -> None:
    site.fails.add("certified g2")
    site.do("instantiated", sc=managed(flavour="nspawn"), beside=True)
    with pytest.raises(NodeError):
        site.do("promoted", sc=managed(flavour="nspawn"), attestation=site.attest(g2="affirming"))
    assert site.known == ["g1 podman live", "g2 nspawn allocated"]
    site.given = {}  # the node had given it up
    site.asked.clear()
    site.do("rolled_back", sc=managed())
    assert site.asked == ["absent g2", "operating g1", "requested g1", "certified g1"]
    assert site.names == [FIRST, FIRST]


def test_what_has_a_certificate_that_holds_is_left_as_it_is(site: Managed) -> None:
    site.do("operating", sc=managed(), restart=True)
    assert site.asked == ["stopped g1", "operating g1", "requested g1"]
    site.given = {}
    site.do("operating", sc=managed())
    assert site.asked[3:] == ["operating g1", "requested g1", "certified g1"], "its agent was gone"
    site.asked.clear()
    site.do("operating", sc={**managed(), "management": {"port": 9444, "address": "192.0.2.1"}})
    assert (site.asked[2], site.given["port"]) == ("certified g1", 9444), "it is to serve elsewhere now"


def test_a_certificate_is_renewed_before_it_ends_and_no_sooner(site: Managed) -> None:
    site.clock += 11 * HOUR
    site.attest(g1="affirming")
    assert not site.renew()["changed"]
    assert site.asked == [], "the store knows"
    site.clock += 2 * HOUR
    site.attest(g1="affirming")
    site.check = True
    foreseen = site.renew()
    assert (foreseen["changed"], foreseen["certificates"], site.asked) == (True, [], [])
    assert foreseen["diff"]["after"] == "dns-1, generation 1: a new certificate\n"
    site.check = False
    told = site.renew()
    assert [item["name"] for item in told["certificates"]] == [FIRST]
    assert site.asked == ["requested g1", "certified g1"]
    assert "port" not in site.given, "it serves where it does"
    assert not site.renew()["changed"]


def test_what_is_given_up_while_its_node_is_asked_gets_no_certificate(site: Managed) -> None:
    site.clock += 13 * HOUR
    site.attest(g1="affirming")
    answer = site._answer

    def asked(*given: Any) -> dict[str, Any]:
        if given[2]["state"] == "requested":
            with site.store.transaction() as connection:
                [record] = instances.live(connection)
                instances.set_state(connection, record.id, "retired", site.clock)
        return answer(*given)

    site._patch.setattr(site, "_answer", asked)
    with pytest.raises(TrustError, match="dns-1, generation 1: is retired meanwhile, and gets no certificate"):
        site.renew()
    assert (site.names, site.asked) == ([], ["requested g1"])


def test_agents_hear_of_a_role_that_was_taken_back(site: Managed) -> None:
    site.clock += HOUR
    site.attest(g1="affirming")
    lost = site.revoke("operator")
    site.clock += 61
    assert site.renew()["changed"]
    assert site.listed() == [lost.serial_number]
    assert not site.renew()["changed"]


@pytest.mark.parametrize(
    ("result", "why"),
    [
        (None, "has no result that is new enough"),
        ({"g1": "affirming", "host": "contraindicated"}, "its host's layer hardware is contraindicated"),
        ({"g1": "contraindicated"}, "is contraindicated: unknown_executable"),
        ({"g1": "none"}, "is none"),
    ],
)
def test_what_is_not_proved_waits(site: Managed, result: dict[str, Any] | None, why: str) -> None:
    site.attest(g1="affirming")
    site.clock += 13 * HOUR
    if result:
        site.attest(**result)
    told = site.renew()
    assert (told["changed"], site.asked) == (False, [])
    [waiting] = told["waiting"]
    assert (waiting["instance"], waiting["generation"]) == ("dns-1", 1)
    assert why in waiting["why"]


def test_what_a_boot_has_ended_is_not_renewed(site: Managed) -> None:
    site.clock += 13 * HOUR
    site.attest(g1="affirming")
    with site.store.transaction() as connection:
        identities.set_last(connection, "node1", {"reset_count": 1, "clock": 1})
    assert site.renew() == {"changed": False, "certificates": [], "waiting": [], "diff": {"before": "", "after": ""}}


def test_who_is_terminated_is_nobody_any_more(site: Managed) -> None:
    site.check = True
    site.do("terminated")
    assert site.names == [FIRST]
    site.check = False
    site.do("terminated")
    assert site.names == []
    with site.store.transaction() as connection:
        assert not certificates.is_valid(connection, site.certificate.serial_number, FIRST)
        [taken] = certificates.revoked(connection, site.clock)
    assert taken.serial == site.certificate.serial_number


def test_nor_is_one_whose_node_cannot_be_reached(site: Managed) -> None:
    def silent(*_given: object) -> dict[str, Any]:
        raise UnreachableError("node1", "is unreachable.")

    site._patch.setattr(site, "_answer", silent)
    with pytest.raises(UnreachableError):
        site.do("terminated")
    assert site.known == ["g1 podman live"], "it may run all the same"
    assert site.names == []
