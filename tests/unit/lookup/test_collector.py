# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.palantir.trust.plugins.lookup.collector import LookupModule
from ansible_collections.palantir.trust.plugins.plugin_utils.watch.program import program


def test_it_gives_the_program_that_a_watch_expects_to_answer() -> None:
    (script,) = LookupModule().run([])
    assert script.startswith("#!/usr/bin/python3 -IB\n")
    assert repr(program().digest) in script
    assert "installed=True" in script
    compile(script, "collector", "exec")
