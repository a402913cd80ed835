#!/bin/sh
# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# Loads the rules and stays, telling every change of them. SIGHUP loads them again in one transaction: where they have a
# fault, those that are in force stay.
set -u
rules=/etc/nftables.conf
watch=
# Before the rules are in force: whoever sees them may send a signal.
trap 'nft --file "$rules" || echo "firewall: the rules that were in force stay" >&2' HUP
trap '[ -z "$watch" ] || kill "$watch"; exit 0' INT TERM
nft --file "$rules" || exit 1
nft monitor ruleset &
watch=$!
# A signal ends wait, too.
while kill -0 "$watch" 2>/dev/null; do wait "$watch"; done
echo 'firewall: nobody watches the rules any more' >&2
exit 1
