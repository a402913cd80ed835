# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stranger's templates: what they may do, and how everything else ends, in bounded time and memory."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import Environment, TemplateError

from ansible_collections.palantir.trust.plugins.plugin_utils.admission import sandbox_child, templates
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import AdmissionError
from tests.unit.admission.developer import TEMPLATE
from tests.unit.support.examples import examples

VARIABLES = {"dns_filter_names": ["a.example", "b.example"]}


def test_a_template_is_rendered_as_ansible_would() -> None:
    text = TEMPLATE + "# {{ sc_version }}\n\n"
    assert templates.render({"x": text, "y": ""}, {**VARIABLES, "sc_version": "1.4"}) == {
        "x": "address=/a.example/0.0.0.0\naddress=/b.example/0.0.0.0\n# 1.4\n\n",
        "y": "",
    }


def test_what_a_template_reads() -> None:
    text = "{% set own = 1 %}{% for n in range(3) %}{{ own + n + dns_filter_port | default(53) }}{% endfor %}"
    found = templates.reads({"x": text, "y": "{{ palantir_trust_fence }} {{ sc_name }}"})
    assert found == {"x": ("dns_filter_port",), "y": ("palantir_trust_fence", "sc_name")}
    assert templates.foreign("dns-filter", found) == ["palantir_trust_fence"]


def test_a_variable_is_of_the_sc_with_the_longest_name_that_it_begins_with() -> None:
    read = {"x": ("dns_port", "dns_filter_password", "sc_name")}
    assert templates.foreign("dns", read) == []
    assert templates.foreign("dns", read, ["dns-filter", "waf"]) == ["dns_filter_password"]
    assert templates.owner("dns_filter_password", ["dns", "dns-filter", "dns-filter-x"]) == "dns-filter"
    assert templates.owner("dnsx_port", ["dns"]) is None
    assert templates.owner("dns_port", ["dns-port"]) is None, "a name alone is nobody's"


def test_what_others_read_that_would_be_an_scs_own() -> None:
    texts = ["{{ dns_filter_names | default(dns_port) }} # dns_filter", "{% if x.dns_filter_y %}", "xdns_filter_z"]
    assert templates.mentioned("dns-filter", texts) == ["dns_filter_names", "dns_filter_y"]


ESCAPES = {
    "class": "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "attr": "{{ '' | attr('__class__') }}",
    "format": "{{ '{0.__class__}'.format('') }}",
    "format_map": "{{ '{a.__class__}'.format_map({'a': ''}) }}",
    "indirect format": "{% set f = '{0.__class__}'.format %}{{ [''] | map('call') | list }}{{ f('') }}",
    "globals": "{{ range.__globals__ }}",
    "namespace": "{{ namespace.__init__.__globals__ }}",
    "self": "{{ self.__init__.__globals__ }}",
    "generator": "{{ (dns_filter_names | map('upper')).gi_frame }}",
    "mutation": "{{ dns_filter_names.append('x') }}",
    "lookup": "{{ lookup('pipe', 'id') }}",
    "query": "{{ query('file', '/etc/passwd') }}",
    "environment": "{{ environ }}",
    "include": "{% include '/etc/passwd' %}",
    "import": "{% import '/etc/passwd' as x %}",
    "extends": "{% extends '/etc/passwd' %}",
    "undefined": "{{ nothing }}",
}
EXHAUSTING = {
    "time": "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
    "range": "{% for a in range(10000000) %}{% endfor %}",
    "memory": "{{ 'a' * 10000000000 }}",
    "doubling": "{% set n = namespace(x='aaaa') %}{% for i in range(60) %}{% set n.x = n.x ~ n.x %}{% endfor %}",
    "power": "{{ 10 ** (10 ** 10) }}",
    "width": "{{ '%0999999999d' | format(1) }}",
    "center": "{{ 'a' | center(9999999999) }}",
    "output": "{% for a in range(100000) %}0123456789012345{% endfor %}",
    "deep": "{{ " + "(" * 20_000,
    "nested": "{% if 1 %}" * 3_000 + "{% endif %}" * 3_000,
    "recursion": "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
}


@pytest.mark.parametrize("case", ESCAPES)
def test_no_template_reaches_out_of_its_sandbox(case: str) -> None:
    with pytest.raises(AdmissionError, match=r"^x: "):
        templates.render({"x": ESCAPES[case]}, VARIABLES)


@pytest.mark.parametrize("case", EXHAUSTING)
def test_no_template_takes_more_than_it_may(case: str) -> None:
    began = time.monotonic()
    with pytest.raises(AdmissionError) as refused:
        templates.render({"x": EXHAUSTING[case]}, VARIABLES)
    assert time.monotonic() - began < templates.SECONDS + 5
    assert str(refused.value).isprintable()


def test_the_process_has_nothing_of_our_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PALANTIR_TRUST_STORE", "postgresql://user:secret@host/x")
    told = tmp_path / "told.py"
    told.write_text("import json, os\nprint(json.dumps({'contents': dict(os.environ)}))\n")
    monkeypatch.setattr(sandbox_child, "__file__", str(told))
    assert set(templates.render({}, {})) <= {"PYTHONPATH", "PYTHONUTF8", "LC_CTYPE"}


def test_a_template_that_is_too_large() -> None:
    with pytest.raises(AdmissionError, match="is larger than"):
        templates.reads({"x": "a" * (templates.TEMPLATE_LIMIT + 1)})


def test_values_are_plain_data() -> None:
    assert templates.plain({"x": ("a", 1, {"b": None})}) == {"x": ["a", 1, {"b": None}]}
    with pytest.raises(AdmissionError, match="variable x: is no plain data"):
        templates.plain({"x": object()})


WORDS = "{{ }} {% %} {# #} x x.y ' \" for a in x endfor if endif | upper set ( ) ~ __class__ attr 1 é macro raw endraw"
PIECES = st.lists(st.sampled_from([*WORDS.split(), "\n", "\0"]), max_size=12).map(" ".join)


@examples(200)
@given(PIECES)
def test_any_text_is_answered(text: str) -> None:
    told = sandbox_child.answer({"templates": {"x": text}, "variables": {"x": {"y": "z"}}})
    if "fault" in told:
        assert (told["template"], bool(told["fault"])) == ("x", True)
        return
    assert "__class__" not in text or "<class" not in told["contents"]["x"]
    # What the sandbox accepts, plain Jinja reads as the same template.
    try:
        expected = Environment(trim_blocks=True, keep_trailing_newline=True).from_string(text).render(x={"y": "z"})  # noqa: S701
    except (TemplateError, TypeError, ValueError):
        pytest.fail(f"{text!r} is refused by Jinja")
    assert told["contents"]["x"] == expected
