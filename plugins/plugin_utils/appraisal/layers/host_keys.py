# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""SSH host keys of a node against those at enrolment; a part of the layer ``os``.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal import ar4si
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.ar4si import Claim
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.policy.policy import AppraisalPolicy
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.record import NodeRecord
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.verdict import LayerFinding, tier_value
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.weigh import told
from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import EvidenceError
from ansible_collections.palantir.trust.plugins.plugin_utils.ssh.host_keys import compare, named, read_host_keys


def appraise_host_keys(facts: Mapping[str, Any], node: NodeRecord, policy: AppraisalPolicy) -> Iterator[LayerFinding]:
    """Yield what is to be told of a node's host keys; nothing of a node that neither has nor had any.

    Whatever changed, no connection follows it: clients take the recorded keys alone, until a person takes over others.
    """
    try:
        found = read_host_keys(facts)
    except EvidenceError as error:
        yield told("host_keys_unreadable", Claim.CONFIGURATION, ar4si.UNKNOWN_ELEMENTS, printable(error))
        return
    if node.host_keys is None:
        if found:
            yield told("host_keys_not_recorded", detail=f"It says it has {named(found)}.")
        return
    change = compare(node.host_keys, found)
    if change.replaced:
        detail = f"Gone is {named(change.replaced)}. It says it has {named(found) or 'none'}."
        yield told("host_key_changed", Claim.CONFIGURATION, tier_value(policy.host_keys), detail)
    elif change.added:
        yield told("host_key_added", detail=f"It is {named(change.added)}.")
    if change.gone:
        yield told("host_key_gone", detail=f"It is {named(change.gone)}.")


__all__ = ["appraise_host_keys"]
