# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node's Python as words of a shell command, whoever named it."""

from __future__ import annotations

import shlex

import pytest

from ansible_collections.palantir.trust.plugins.plugin_utils.edge.collector import interpreter
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import TrustError


def found(name: object) -> str:
    return interpreter(
        {"ansible_python_interpreter": "auto_silent", "ansible_facts": {"discovered_interpreter_python": name}}
    )


def test_a_site_may_name_a_command_with_arguments() -> None:
    assert interpreter({"ansible_python_interpreter": "/usr/bin/env python3"}) == "/usr/bin/env python3"


def test_one_that_is_no_command_is_the_sites_own_mistake() -> None:
    with pytest.raises(TrustError, match=r"No closing quotation\. Next: mend its quotes"):
        interpreter({"ansible_python_interpreter": "/usr/bin/python3'"})


@pytest.mark.parametrize("name", ["/usr/bin/python3", "/usr/bin/python3'", '/x"', "/x; id", "$(id)", "/x\\", "a b"])
def test_what_a_node_calls_its_python_is_one_word_whatever_it_is(name: str) -> None:
    assert shlex.split(found(name)) == [name]


def test_without_a_name_the_first_that_starts_is_taken() -> None:
    assert found(None).startswith('"$(for python in ')
