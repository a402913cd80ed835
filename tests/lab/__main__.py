# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Command line of the lab: ``python3 -m tests.lab <command>``, with the standard library alone."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path
from typing import NoReturn

from tests.lab import packages, ssh
from tests.lab.errors import LabError
from tests.lab.lab import DEFAULT_NODES, Lab
from tests.lab.sc.recipes import RECIPES


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python3 -m tests.lab", description="Guests with TPM, Secure Boot and IMA.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    commands.add_parser("packages", help="install the Debian packages that the lab needs")
    commands.add_parser("image", help="build the guest image, where it is not in the cache")
    sc = commands.add_parser("sc", help="build images of SCs, where they are not in the cache")
    sc.add_argument("images", nargs="*", metavar="IMAGE", help=f"default: all of {' '.join(RECIPES)}")
    up = commands.add_parser("up", help="start nodes and wait until they can be logged in to")
    up.add_argument("nodes", nargs="*", metavar="NODE", help=f"default: {' '.join(DEFAULT_NODES)}")
    down = commands.add_parser("down", help="stop every process that the lab started")
    down.add_argument("--now", action="store_true", help="pull the plugs instead of shutting down")
    reset = commands.add_parser("reset", help="fresh disks from the image; nodes that ran are booted again")
    reset.add_argument("nodes", nargs="*", metavar="NODE", help="default: all")
    reset.add_argument("--tpm", action="store_true", help="a new TPM with a new identity, too")
    login = commands.add_parser("ssh", help="log in to a node, or run a command there")
    login.add_argument("node", metavar="NODE")
    login.add_argument("remote", nargs=argparse.REMAINDER, metavar="-- COMMAND")
    for name, text in (("poweroff", "pull a node's plug"), ("poweron", "power on a node and wait for it")):
        commands.add_parser(name, help=text).add_argument("node", metavar="NODE")
    commands.add_parser("status", help="show the nodes and their processes")
    return parser


def _login(lab: Lab, node: str, remote: list[str]) -> NoReturn:
    words = remote[1:] if remote[:1] == ["--"] else remote
    lab.node(node)
    if not (lab.paths.ssh / "config").is_file():
        raise LabError("the lab was never up. Next: python3 -m tests.lab up")
    command = ssh.command(lab.paths, node, words)
    sys.stdout.flush()
    os.execvp(command[0], command)  # noqa: S606 - the terminal is ssh's from here on


def _show_status(lab: Lab) -> None:
    for seen in lab.status():
        pids = ", ".join(f"{name} {pid}" for name, pid in seen.pids.items())
        print(f"{seen.name}  {seen.state:8} 127.0.0.1:{seen.port}  {pids}".rstrip())


def _made(lab: Lab, options: argparse.Namespace) -> Path:
    return lab.image() if options.command == "image" else lab.sc_images(*(options.images or RECIPES))


def _run(options: argparse.Namespace) -> None:
    lab = Lab.default()
    match options.command:
        case "packages":
            packages.install(lab.paths)
        case "image" | "sc":
            print(_made(lab, options))
        case "up":
            lab.up(options.nodes or DEFAULT_NODES)
        case "down":
            lab.down(now=options.now)
        case "reset":
            lab.reset(options.nodes, tpm=options.tpm)
        case "ssh":
            _login(lab, options.node, options.remote)
        case "poweroff":
            lab.poweroff(options.node)
        case "poweron":
            lab.poweron(options.node)
        case "status":
            _show_status(lab)


def _terminated(_signal: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt


def main(arguments: list[str] | None = None) -> int:
    """Run one command.

    Returns:
        0, or 1 on an error of the lab, or 130 when interrupted.
    """
    # What Ctrl-C undoes, an ended terminal or a job's time limit undoes too.
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _terminated)
    try:
        _run(_parser().parse_args(arguments))
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("lab: interrupted", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
