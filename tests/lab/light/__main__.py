# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Command line of the light nodes: ``python3 -m tests.lab.light <command> DIRECTORY ...``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.lab.errors import LabError
from tests.lab.light.node import LightNode, write_inventory
from tests.lab.progress import say, step


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python3 -m tests.lab.light", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    texts = {
        "up": "boot nodes and write DIRECTORY/hosts.json",
        "down": "pull the plug of nodes, or of all",
        "reboot": "boot one node anew",
        "measure": "have a node measure a file",
        "clear-tpm": "clear a node's TPM",
    }
    for name, text in texts.items():
        command = commands.add_parser(name, help=text)
        command.add_argument("directory", type=Path, help="the nodes' common directory, with a short path")
        if name in ("up", "down"):
            command.add_argument("nodes", nargs="+" if name == "up" else "*", metavar="NODE")
        else:
            command.add_argument("node", metavar="NODE")
        if name == "measure":
            command.add_argument("path", help="the path that the list shows")
            command.add_argument("content", type=Path, help="a file with the content")
            command.add_argument("--owner", type=int, default=0, help="the inode's owner")
    return parser


def _node(directory: Path, name: str) -> LightNode:
    node = LightNode(name, directory.absolute() / name)
    if not (node.directory / "node.json").is_file():
        raise LabError(f"{name}: no light node in {directory}. Next: python3 -m tests.lab.light up {directory} {name}")
    return node


def _known(directory: Path) -> list[LightNode]:
    return [_node(directory, file.parent.name) for file in sorted(directory.glob("*/node.json"))]


def _run(options: argparse.Namespace) -> None:
    directory: Path = options.directory
    match options.command:
        case "up":
            for name in options.nodes:
                with step(f"{name}: boot a light node"):
                    LightNode(name, directory.absolute() / name).start()
            write_inventory(_known(directory), directory / "hosts.json")
        case "down":
            named = [_node(directory, name) for name in options.nodes]
            for node in named or _known(directory):
                node.stop()
        case "reboot":
            _node(directory, options.node).reboot()
        case "clear-tpm":
            _node(directory, options.node).clear_tpm()
        case "measure":
            node = _node(directory, options.node)
            if not node.append_measurement(options.path, options.content.read_bytes(), options.owner):
                say(f"{node.name}: has measured {options.path} with this content in this boot already")


def main() -> int:
    """Run one command; an error is one message and exit status 1."""
    try:
        _run(_parser().parse_args())
    except LabError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
