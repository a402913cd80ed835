# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.palantir.trust.plugins.filter import decide as decide_plugin
from ansible_collections.palantir.trust.plugins.filter import rule_findings as rule_findings_plugin
from ansible_collections.palantir.trust.plugins.filter import rule_table as rule_table_plugin
from tests.unit.decision.scenes import CATALOGUE, attested, shipped_tables, state, transcript

decide = decide_plugin.FilterModule().filters()["decide"]
rule_table = rule_table_plugin.FilterModule().filters()["rule_table"]
rule_findings = rule_findings_plugin.FilterModule().filters()["rule_findings"]


def test_decide_takes_tables_as_texts_by_file_name() -> None:
    ears = {"node1": attested(os="contraindicated"), "node2": attested()}
    made = decide(ears, shipped_tables(), CATALOGUE, state(instances=[]))
    assert transcript(made)[-2:] == ["attest node1", "uncordon node1"]


def test_a_domain_error_becomes_one_filter_error() -> None:
    text = "decision_table: t\nhit_policy: FIRST\ninputs: []\noutputs: []\nrules: []"
    with pytest.raises(AnsibleFilterError) as caught:
        rule_findings(text, "rules/t.yml")
    assert str(caught.value).startswith("rules/t.yml: table t, hit_policy: FIRST is not accepted: it makes")
    with pytest.raises(AnsibleFilterError, match="decide: ears: must be a mapping, not list"):
        decide([], shipped_tables(), CATALOGUE, state())


def test_a_table_is_written_in_another_form() -> None:
    name, text = next(iter(shipped_tables().items()))
    sheet = rule_table(text, "csv", name)
    assert sheet.startswith("decision_table,host-remediation,")
    assert rule_findings(sheet, "host.csv") == rule_findings(text, name) == []
    with pytest.raises(AnsibleFilterError, match=r"form: 'pdf' is unknown. Next: choose from: yaml, csv, dmn, html."):
        rule_table(text, "pdf")
