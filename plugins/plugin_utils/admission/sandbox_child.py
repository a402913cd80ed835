# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The process that reads and renders a developer's templates, which :mod:`.templates` starts.

It has nothing to lose: no environment, bounded memory, processor time and output. Its input is a JSON object in the
file of its standard input, its answer one in that of its standard output.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Mapping
from typing import Any, Final

from jinja2 import StrictUndefined, TemplateError, meta, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

MEMORY: Final = 512 << 20
"""For the whole process, in bytes."""
CPU_SECONDS: Final = 2
OUTPUT: Final = 16 << 20
"""Largest answer, in bytes."""
CONTENT_LIMIT: Final = 1 << 20
"""Largest rendered file, in characters."""

_GLOBALS: Final = ("range", "dict", "namespace", "joiner", "cycler")
_LOADING: Final = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)


class TooLargeError(Exception):
    """A rendered file is over its limit."""


def answer(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was asked for: of each template the variables that it reads, and with variables its text.

    Args:
        asked: ``{"templates": {name: text}, "variables": mapping or null}``.

    Returns:
        ``{"reads": {name: [variable, ...]}, "contents": {name: text}}``, or ``{"template", "line", "fault"}`` of the
        first that is at fault.
    """
    environment = sandbox()
    reads, contents = {}, {}
    for name, text in asked["templates"].items():
        try:
            reads[name] = read(environment, text)
            if asked["variables"] is not None:
                contents[name] = render(environment, text, asked["variables"])
        except TemplateError as error:
            return {
                "template": name,
                "line": getattr(error, "lineno", None),
                "fault": error.message or "is no template",
            }
        except TooLargeError:
            return {"template": name, "line": None, "fault": f"becomes larger than {CONTENT_LIMIT} characters"}
        except (MemoryError, RecursionError):
            return {"template": name, "line": None, "fault": "needs more memory than it may have"}
        except Exception as error:  # noqa: BLE001 - a template can make any operation fail in any way
            return {"template": name, "line": None, "fault": f"{type(error).__name__}: {error}"}
    return {"reads": reads, "contents": contents}


def sandbox() -> ImmutableSandboxedEnvironment:
    """Return an environment that reads no other template, and has what Jinja itself has and nothing of Ansible."""
    # As ansible.builtin.template has it, so that a template gives the same text in a catalogue and in a package.
    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True, autoescape=False
    )
    environment.globals = {name: environment.globals[name] for name in _GLOBALS}
    return environment


def read(environment: ImmutableSandboxedEnvironment, text: str) -> list[str]:
    """Return the variables that a template reads.

    Raises:
        TemplateError: it is none, names a filter or test that Jinja does not have, or reads another template.
    """
    tree = environment.parse(text)
    for node in tree.find_all(_LOADING):
        raise TemplateError(f"reads another template at line {node.lineno}")
    environment.compile(tree)
    return sorted(meta.find_undeclared_variables(tree) - set(_GLOBALS))


def render(environment: ImmutableSandboxedEnvironment, text: str, variables: Mapping[str, Any]) -> str:
    """Return what a template becomes.

    Raises:
        TemplateError: a variable is not defined, or the sandbox refuses an operation.
        TooLargeError: it becomes too large.
    """
    pieces, size = [], 0
    for piece in environment.from_string(text).generate(variables):
        size += len(piece)
        if size > CONTENT_LIMIT:
            raise TooLargeError
        pieces.append(piece)
    return "".join(pieces)


def main() -> int:
    """Read the question, and write the answer."""
    asked = json.load(sys.stdin)
    # What cannot be limited is not run.
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (OUTPUT, OUTPUT))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    text = json.dumps(answer(asked))
    sys.stdout.write(text)
    sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())

__all__ = ["CONTENT_LIMIT", "CPU_SECONDS", "MEMORY", "OUTPUT", "answer"]
