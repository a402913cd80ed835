# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rulebook of Event-Driven Ansible for one site, and the playbook that it runs.

The rules of remediation are the site's decision tables. The rulebook only says when they are asked: when trust was
lost, at once. It decides nothing, so that it cannot decide otherwise than they do.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import yaml

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.vocabulary import nearest
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import EventError
from ansible_collections.palantir.trust.plugins.plugin_utils.events.options import INTERVAL, INTERVALS

RULEBOOK: Final = "rulebook.yml"
PLAYBOOK: Final = "cycle.yml"
SETTLE: Final = 10
"""Seconds from the first loss of trust to the cycle: what is lost meanwhile is in the same cycle."""

KEYS: Final = (
    "directory",
    "inventory",
    "interval",
    "settle",
    "cursor_file",
    "nodes",
    "job_template",
    "notify",
    "command",
    "workdir",
)
_HEADER: Final = """\
# Made by palantir.trust.rulebook. What is changed here is gone when it runs again: change palantir_trust_eda.
---
"""
_RUNNER: Final = (
    "AD_HOC_COMMAND_ID",
    "ANSIBLE_CACHE_PLUGIN",
    "ANSIBLE_CACHE_PLUGIN_CONNECTION",
    "ANSIBLE_CALLBACK_PLUGINS",
    "ANSIBLE_HOST_KEY_CHECKING",
    "ANSIBLE_LOAD_CALLBACK_PLUGINS",
    "ANSIBLE_RETRY_FILES_ENABLED",
    "ANSIBLE_ROLES_PATH",
    "ANSIBLE_STDOUT_CALLBACK",
    "AWX_ISOLATED_DATA_DIR",
)
"""What ansible-runner sets for the playbook of a rule. Among others it turns the check of SSH host keys off."""


def rulebook_files(options: Mapping[str, Any]) -> dict[str, str]:
    """Return name → text of the files that a site needs.

    Args:
        options: ``directory`` of the files and ``inventory``, both absolute; ``interval`` and ``settle`` in seconds;
            ``cursor_file``, ``nodes``; ``job_template`` of AWX, ``{name, organization}``, in place of the playbook;
            ``notify``, either ``{playbook}`` or ``{job_template}``; ``command``, the path of ansible-playbook;
            ``workdir``, where it is run.

    Raises:
        EventError: an option is missing, unknown, or not what it should be.
    """
    known = _mapping(options, "palantir_trust_eda", KEYS)
    template = known.get("job_template")
    files = {RULEBOOK: _text([_ruleset(known)])}
    if not template:
        files[PLAYBOOK] = _text([_play(known)])
    return files


def _ruleset(options: Mapping[str, Any]) -> dict[str, Any]:
    template = options.get("job_template")
    return {
        "name": "Trust of the site",
        # The limit of what is run: a job of AWX needs all hosts, the playbook beside this file its own alone.
        "hosts": "all" if template else "localhost",
        "sources": [{"name": "verdicts", "palantir.trust.verdicts": _source(options)}],
        "rules": [_cycle_rule(options), *_notices(options.get("notify"))],
    }


def _source(options: Mapping[str, Any]) -> dict[str, Any]:
    source: dict[str, Any] = {"interval": _seconds(options, "interval", INTERVAL, INTERVALS)}
    if options.get("cursor_file"):
        source["cursor_file"] = _path(options, "cursor_file")
    if options.get("nodes"):
        source["nodes"] = _names(options["nodes"])
    return source


def _cycle_rule(options: Mapping[str, Any]) -> dict[str, Any]:
    if options.get("job_template"):
        # The events stay here: the cycle looks for itself, and the job asks for no variables.
        named = _job_template(options["job_template"], "job_template")
        action = {"run_job_template": {**named, "include_events": False, "lock": "palantir.trust.cycle"}}
    else:
        name = f"{_path(options, 'directory').rstrip('/')}/{PLAYBOOK}"
        action = {"run_playbook": {"name": name, "copy_files": False, "lock": "palantir.trust.cycle"}}
    return {
        "name": "Run the cycle when trust was lost",
        "condition": 'event.kind == "verdict" and event.lost',
        # once_after and not once_within: a loss that comes while the cycle runs is followed by another cycle.
        "throttle": {
            "once_after": f"{int(_seconds(options, 'settle', SETTLE, (1, 3600)))} seconds",
            "group_by_attributes": ["event.kind"],
        },
        "action": action,
    }


def _notices(notify: object) -> list[dict[str, Any]]:
    """Return the rules that tell persons; each change is told once, a node that comes and goes every five minutes."""
    told = (
        ("Tell of an incident", 'event.kind == "incident" and event.change == "opened"'),
        ("Ask a person for what is held", 'event.kind == "incident" and event.change == "held"'),
        (
            "Tell that an incident is contained or over",
            'event.kind == "incident" and event.change in ["contained", "recovered", "closed"]',
        ),
    )
    rules = [{"name": name, "condition": condition, "action": _notice(notify)} for name, condition in told]
    state = {
        "name": "Tell of a node that answers no more, or again",
        "condition": 'event.kind == "state" and event.previous_state != "absent"',
        "throttle": {"once_within": "5 minutes", "group_by_attributes": ["event.node", "event.state"]},
        "action": _notice(notify),
    }
    ledger = {
        "name": "Ask a person to check the ledger",
        "condition": 'event.kind == "ledger"',
        "throttle": {"once_within": "5 minutes", "group_by_attributes": ["event.change"]},
        "action": _notice(notify),
    }
    return [*rules, state, ledger]


def _notice(notify: object) -> dict[str, Any]:
    if not notify:
        return {"print_event": {"pretty": True}}
    known = _mapping(notify, "palantir_trust_eda.notify", ("playbook", "job_template"))
    if len(known) != 1:
        raise EventError("palantir_trust_eda.notify", "must have playbook or job_template.")
    if "job_template" in known:
        return {"run_job_template": _job_template(known["job_template"], "notify.job_template")}
    return {"run_playbook": {"name": _path(known, "playbook", "notify.playbook")}}


def _job_template(value: object, key: str) -> dict[str, str]:
    subject = f"palantir_trust_eda.{key}"
    known = _mapping(value, subject, ("name", "organization"))
    for part in ("name", "organization"):
        _require_text(known.get(part), f"{subject}.{part}")
    return {"name": known["name"], "organization": known["organization"]}


def _play(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the play that runs the cycle: the site's own inventory, where it is, with its variables.

    ansible-rulebook would hand a copy of the inventory alone to a playbook, and a copy of the playbook without the
    files that it includes.
    """
    unset = [word for name in _RUNNER for word in ("-u", name)]
    command = _path(options, "command") if options.get("command") else "ansible-playbook"
    task: dict[str, Any] = {
        "argv": ["env", *unset, command, "-i", _path(options, "inventory"), "palantir.trust.cycle"],
    }
    if options.get("workdir"):
        task["chdir"] = _path(options, "workdir")
    return {
        "name": "Run the cycle of the site",
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
        # An inventory that names localhost has its interpreter searched for; this one runs already.
        "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}"},
        "tasks": [
            {"name": "Run the cycle as its schedule does", "ansible.builtin.command": task, "changed_when": True},
        ],
    }


def _mapping(value: object, subject: str, keys: Sequence[str]) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise EventError(subject, f"must be a mapping, not {type(value).__name__}.")
    for key in value:
        if key not in keys:
            raise EventError(subject, f"has the unknown key {printable(key, 40)!r}.", nearest(str(key), keys))
    return value


def _require_text(value: object, subject: str) -> None:
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise EventError(subject, f"must be a text of one line, not {printable(repr(value), 40)}.")
    if "{{" in value or "{%" in value or "{#" in value:
        raise EventError(subject, "holds a template, which would be evaluated again.", "give the text itself.")


def _path(options: Mapping[str, Any], key: str, shown: str = "") -> str:
    value, subject = options.get(key), f"palantir_trust_eda.{shown or key}"
    _require_text(value, subject)
    if not str(value).startswith("/"):
        raise EventError(subject, f"is no absolute path: {printable(value, 80)}.")
    return str(value)


def _names(value: object) -> list[str]:
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise EventError("palantir_trust_eda.nodes", f"must be a list of names, not {type(value).__name__}.")
    for item in value:
        _require_text(item, "palantir_trust_eda.nodes")
    return [*value]


def _seconds(options: Mapping[str, Any], key: str, default: float, limits: tuple[float, float]) -> float:
    value, (least, most) = options.get(key, default), limits
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
        shown = printable(repr(value), 40)
        raise EventError(f"palantir_trust_eda.{key}", f"must be {least:g} to {most:g} seconds, not {shown}.")
    return int(value) if value == int(value) else value


class _Dumper(yaml.SafeDumper):
    """Writes lists indented, as ansible-lint wants them."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Begin a level; never without an indent."""
        del indentless
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: object) -> bool:
        """Write a value that comes twice twice."""
        del data
        return True


def _text(data: list[dict[str, Any]]) -> str:
    return _HEADER + yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=118)


__all__ = ["KEYS", "PLAYBOOK", "RULEBOOK", "SETTLE", "rulebook_files"]
