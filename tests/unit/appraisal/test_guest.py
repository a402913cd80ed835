# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Evidence of a real guest, before and after three attacks: TPM, firmware, kernel and containers as they are."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.palantir.trust.plugins.filter.appraise import FilterModule
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.appraise import appraise_layers
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.attribution.measurements import sort_measurements
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.attribution.owners import OwnerMap
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.ear import build_ear
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.layers.deleted import Deleted
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.policy.policy import AppraisalPolicy, load_policy
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.record import read_record
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.verify import Logs, Verified, verify
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.index import ReferenceSet
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.log import parse_ima_log
from tests.unit.appraisal.scene import Guest, document, found, reference_values
from tests.unit.verifier.soft_tpm import guest_sample

NOW = datetime(2026, 11, 23, tzinfo=UTC)
FIRST, SECOND = 2147483647, 2147484671
ATTACKS = {"memfd:x", "/usr/local/bin/hostevil"}
"""What had been run on the host before the first sample was taken."""


def policy() -> AppraisalPolicy:
    both = [*range(11), 14]
    return load_policy({"selection": {"sha1": both, "sha256": both}, "secure_boot": "any", "boot": "any"})


def verified(folder: Path, qualifying_data: bytes | None = None) -> Verified:
    def read(name: str) -> bytes:
        return (folder / name).read_bytes()

    nonce = bytes.fromhex(read("nonce.hex").decode()) if qualifying_data is None else qualifying_data
    return verify(
        read("quote.tpms_attest"),
        read("quote.tpmt_signature"),
        Logs(read("binary_bios_measurements"), read("binary_runtime_measurements")),
        ak_public=read("ak.pub"),
        qualifying_data=nonce,
        policy=policy(),
    )


@cache
def references() -> ReferenceSet:
    """The guest's own first state stands in for its image: what it had run, without the attacks, and ls."""
    log = parse_ima_log((guest_sample("clean") / "binary_runtime_measurements").read_bytes())
    host = {e.path: [e.digest] for e in log.entries if e.iuid == 0 and e.path not in ATTACKS and e.path[0] == "/"}
    later = parse_ima_log((guest_sample("attacked") / "binary_runtime_measurements").read_bytes())
    host |= {e.path: [e.digest] for e in later.entries if e.path == "/usr/bin/ls"}
    image = {e.path: [e.digest] for e in log.entries if e.iuid == FIRST}
    documents = {"host": [document("host", "guest", files=host)], "sc": {"box": [document("sc", "box", files=image)]}}
    return ReferenceSet.from_plain(documents, NOW)


def appraised(state: str) -> dict[str, Any]:
    folder = guest_sample(state)
    instances = [
        {"instance": name, "sc": "box", "uid_base": base, "uid_count": 1024, "generation": 1, "state": "live"}
        for name, base in (("sc1", FIRST), ("sc2", SECOND))
    ]
    record = read_record({"name": "guest", "ak_public": (folder / "ak.pub").read_bytes(), "instances": instances})
    proven = verified(folder)
    assert proven.quote.valid
    assert proven.tail == 0
    assert proven.ima_log is not None
    owners = OwnerMap(record.instances, None, proven.quote.reset_count)
    measured = sort_measurements(proven.ima_log, proven.proven, owners, record.instances, references())
    verdicts = appraise_layers(proven, measured, Deleted(), {}, record, policy(), references(), NOW)
    return build_ear(verdicts, node="guest", policy="test", now=NOW)


def accused(ear: dict[str, Any]) -> set[tuple[str, str, str]]:
    return {
        (layer, finding["code"], finding["path"])
        for layer, submod in ear["submods"].items()
        for finding in submod["palantir.findings"]
        if finding["tier"] == "contraindicated"
    }


BEFORE = {
    ("os", "fileless_execution", "memfd:x"),
    ("os", "unknown_executable", "/usr/local/bin/hostevil"),
}


def test_before_the_attacks_the_containers_are_clean() -> None:
    ear = appraised("clean")
    assert accused(ear) == BEFORE
    assert ear["submods"]["sc:sc1"]["palantir.own_status"] == "affirming"
    assert ear["submods"]["sc:sc2"]["palantir.own_status"] == "affirming"


def test_each_attack_is_found_where_it_happened() -> None:
    ear = appraised("attacked")
    assert accused(ear) - BEFORE == {
        ("os", "unknown_executable", "/usr/local/bin/hostevil2"),
        ("sc:sc2", "unknown_executable", "/bin/dropper"),
        ("sc:sc2", "changed_configuration", "/etc.conf"),
    }
    assert ear["submods"]["sc:sc1"]["palantir.own_status"] == "affirming"
    assert ear["submods"]["sc:sc2"]["palantir.void_by"] == "os"


def test_the_quote_of_one_state_refutes_the_list_of_the_other() -> None:
    clean, attacked = guest_sample("clean"), guest_sample("attacked")
    proven = verify(
        (attacked / "quote.tpms_attest").read_bytes(),
        (attacked / "quote.tpmt_signature").read_bytes(),
        Logs(
            (attacked / "binary_bios_measurements").read_bytes(),
            (clean / "binary_runtime_measurements").read_bytes(),
        ),
        ak_public=(attacked / "ak.pub").read_bytes(),
        qualifying_data=bytes.fromhex((attacked / "nonce.hex").read_text()),
        policy=policy(),
    )
    assert set(proven.refuted) == {"os"}
    assert proven.ima_log is None


def test_the_first_quote_over_the_longer_list_holds_the_tail() -> None:
    clean, attacked = guest_sample("clean"), guest_sample("attacked")
    proven = verify(
        (clean / "quote.tpms_attest").read_bytes(),
        (clean / "quote.tpmt_signature").read_bytes(),
        Logs(
            (clean / "binary_bios_measurements").read_bytes(),
            (attacked / "binary_runtime_measurements").read_bytes(),
        ),
        ak_public=(clean / "ak.pub").read_bytes(),
        qualifying_data=bytes.fromhex((clean / "nonce.hex").read_text()),
        policy=policy(),
    )
    assert (proven.proven, proven.tail) == (180, 5)


def test_another_nonce_is_refused() -> None:
    proven = verified(guest_sample("clean"), bytes(20))
    assert [f.code for f in proven.quote.findings] == ["nonce_mismatch"]


# -- the filter


def plain_arguments() -> list[Any]:
    guest = Guest()
    plain: list[Any] = json.loads(json.dumps([guest.evidence(), guest.record, {}, reference_values()]))
    return plain


def test_the_filter_gives_the_result_as_plain_data() -> None:
    ear = FilterModule().filters()["appraise"](*plain_arguments())
    assert found(ear) == []
    assert ear["ear_status"] == "affirming"


@pytest.mark.parametrize(
    ("argument", "value", "message"),
    [
        (0, {}, "format: is None, not 1."),
        (0, "text", "evidence: must be a mapping, not str."),
        (1, {"name": "n"}, "node.ak_public: must be bytes or base64 text"),
        (2, {"nam": "x"}, "appraisal policy: has an unknown key 'nam'. Next: did you mean 'name'?"),
        (3, {"host": [{}]}, "reference values, host[0]: has format 'None'."),
    ],
)
def test_the_filter_names_what_it_cannot_read(argument: int, value: Any, message: str) -> None:
    arguments = plain_arguments()
    arguments[argument] = value
    with pytest.raises(AnsibleFilterError, match=r".") as raised:
        FilterModule().filters()["appraise"](*arguments)
    assert message in str(raised.value)


def test_the_filter_refuses_a_log_that_is_cut_anywhere() -> None:
    arguments = plain_arguments()
    blob = base64.b64decode(arguments[0]["event_log"])
    for cut in range(1, len(blob), 97):
        arguments[0]["event_log"] = base64.b64encode(blob[:cut]).decode()
        try:
            ear = FilterModule().filters()["appraise"](*arguments)
        except AnsibleFilterError as error:
            assert "event_log" in str(error)  # noqa: PT017 - a cut between two events is read, and refuted instead
        else:
            assert ear["ear_status"] == "contraindicated"
