# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The forms in which a decision table can be written; :mod:`.source` reads all but the page.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.forms.dmn_writer import write_dmn
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.forms.page import write_page
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.forms.plain import plain_table, write_yaml
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.forms.sheet import write_sheet
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.table import Table
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.vocabulary import nearest
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import RuleError

FORMS: Final[Mapping[str, Callable[[Table], str]]] = {
    "yaml": write_yaml,
    "csv": lambda table: write_sheet(plain_table(table)),
    "dmn": write_dmn,
    "html": write_page,
}


def write_table(table: Table, form: str) -> str:
    """Return a table in a form.

    Raises:
        RuleError: the form is unknown, or cannot hold the table.
    """
    if form not in FORMS:
        raise RuleError("form", f"{printable(form, 40)!r} is unknown.", nearest(form, FORMS))
    return FORMS[form](table)


__all__ = ["FORMS", "write_table"]
