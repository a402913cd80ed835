# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import EvidenceError, PolicyError
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.log import parse_ima_log
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.policy import (
    check_boot_aggregate,
    policy_measurements,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.replay import (
    ImaState,
    match_prefix,
    match_quote,
    replay,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.tpm.quote import Quote, pcr_digest, verify_quote
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.log import parse_event_log
from tests.unit.verifier.ima_kernel import Kernel
from tests.unit.verifier.soft_tpm import Attestation, guest_sample, private_key, public_area, sign

BOOT = {"sha256": {4: b"\x04" * 32, 14: b"\x0e" * 32}, "sha1": {4: b"\x04" * 20}}
"""What the event log of the soft node leads to."""


def quote_of(kernel: Kernel, count: int | None = None, banks: tuple[str, ...] = ("sha256",)) -> Quote:
    """Have a soft TPM quote PCR 4, 8, 10 and 14 when `count` entries are measured."""
    reached = kernel.history[-1 if count is None else count - 1] if count != 0 else {}
    pcrs = {bank: {**BOOT.get(bank, {}), **({10: reached[bank]} if reached else {})} for bank in banks}
    selection = dict.fromkeys(banks, (4, 8, 10, 14))
    attest = Attestation(selections=tuple(selection.items()), digest=pcr_digest(selection, pcrs)).encode()
    key = private_key("p256")
    return verify_quote(attest, sign(key, attest), public_area(key), b"nonce", selection)


def measured(count: int) -> Kernel:
    kernel = Kernel()
    for number in range(count):
        kernel.file(f"/bin/{number}", bytes([number]))
    return kernel


@pytest.mark.parametrize("count", range(6))
def test_field_row_7_a_longer_list_matches_by_its_prefix(count: int) -> None:
    kernel = measured(5)
    log = parse_ima_log(kernel.binary)
    value = kernel.history[count - 1]["sha256"] if count else bytes(32)
    assert match_prefix(log, "sha256", value) == count

    prefix = match_quote(log, quote_of(kernel, count), BOOT)
    assert prefix is not None
    assert (prefix.entries, prefix.aggregates, prefix.padded) == (count, {"sha256": value}, False)


def test_field_row_7_a_shorter_list_does_not_match() -> None:
    kernel = measured(5)
    short = parse_ima_log(kernel.binary[: parse_ima_log(kernel.binary).ends[3]])
    assert match_prefix(short, "sha256", kernel.pcrs["sha256"][10]) is None
    assert match_quote(short, quote_of(kernel), BOOT) is None


def test_field_row_7_the_lag_is_bounded() -> None:
    kernel = measured(8)
    log, quote = parse_ima_log(kernel.binary), quote_of(kernel, 3)
    assert match_quote(log, quote, BOOT, max_tail=4) is None
    prefix = match_quote(log, quote, BOOT, max_tail=5)
    assert prefix is not None
    assert prefix.entries == 3


def test_a_rewritten_list_does_not_match() -> None:
    kernel, other = measured(5), Kernel().file("/bin/0", b"\0").file("/bin/evil")
    for number in (2, 3, 4):
        other.file(f"/bin/{number}", bytes([number]))
    assert match_quote(parse_ima_log(other.binary), quote_of(kernel), BOOT) is None


def test_another_boot_does_not_match() -> None:
    kernel = measured(2)
    log, quote = parse_ima_log(kernel.binary), quote_of(kernel)
    assert match_quote(log, quote, {"sha256": {4: b"\x05" * 32, 14: b"\x0e" * 32}}) is None
    assert match_quote(log, quote, {}) is None


def test_several_banks_are_reached_together() -> None:
    kernel = measured(4)
    quote = quote_of(kernel, 3, ("sha1", "sha384", "sha256"))
    prefix = match_quote(parse_ima_log(kernel.binary), quote, BOOT)
    assert prefix is not None
    assert prefix.aggregates == kernel.history[2]


def test_field_row_6_an_old_kernel_pads_sha1_with_zeros() -> None:
    kernel = Kernel(zero_padding=True).file("/bin/a").measure(violation=True).file("/bin/b")
    log = parse_ima_log(kernel.binary)
    for banks in (("sha256",), ("sha1", "sha256")):
        prefix = match_quote(log, quote_of(kernel, banks=banks), BOOT)
        assert prefix is not None
        assert prefix.aggregates == {bank: kernel.pcrs[bank][10] for bank in banks}
        assert [finding.code for finding in prefix.findings] == ["ima_zero_padded"]
    plain = match_quote(log, quote_of(kernel, banks=("sha1",)), BOOT)
    assert plain is not None
    assert plain.findings == ()


def test_entries_of_another_pcr_do_not_count() -> None:
    kernel = Kernel().file("/bin/a").measure(pcr=11).file("/bin/b")
    prefix = match_quote(parse_ima_log(kernel.binary), quote_of(kernel), BOOT)
    assert prefix is not None
    assert prefix.entries == 3


def test_field_row_5_the_next_cycle_brings_only_what_is_new() -> None:
    kernel = measured(9)
    whole = parse_ima_log(kernel.binary)
    state = ImaState()
    for count, seen in ((3, 4), (3, 5), (9, 9)):
        part = parse_ima_log(kernel.binary[state.offset : whole.ends[seen - 1]], first=state.entries)
        prefix = match_quote(part, quote_of(kernel, count), BOOT, start=state)
        assert prefix is not None
        state = state.after(part, prefix)
        assert (state.entries, state.offset) == (count, whole.ends[count - 1])
    assert state.aggregates == {"sha256": kernel.pcrs["sha256"][10]}


def test_field_row_7_a_forked_list_is_found_out() -> None:
    kernel, fork = measured(5), measured(3).file("/bin/fork")
    state = ImaState()
    prefix = match_quote(parse_ima_log(kernel.binary), quote_of(kernel), BOOT)
    assert prefix is not None
    state = state.after(parse_ima_log(kernel.binary), prefix)
    part = parse_ima_log(fork.binary[state.offset :], first=state.entries)
    assert match_quote(part, quote_of(fork), BOOT, start=state) is None


def test_a_quote_without_pcr_10() -> None:
    key, attest = private_key("p256"), Attestation(selections=(("sha256", (4,)),)).encode()
    quote = verify_quote(attest, sign(key, attest), public_area(key), b"nonce", {"sha256": [4]})
    with pytest.raises(PolicyError, match="selection: does not cover PCR 10"):
        match_quote(parse_ima_log(b""), quote, BOOT)


def test_a_bank_that_cannot_be_hashed() -> None:
    with pytest.raises(EvidenceError, match="replayed into a PCR bank whose hash is not available here"):
        replay(parse_ima_log(b""), "md99")


@given(counts=st.lists(st.integers(0, 4), min_size=1, max_size=5))
def test_any_way_of_reading_in_parts_ends_in_the_same_value(counts: list[int]) -> None:
    kernel = measured(sum(counts))
    whole = parse_ima_log(kernel.binary)
    value, done = bytes(32), 0
    for count in counts:
        begin, end = ([0, *whole.ends][place] for place in (done, done + count))
        value = replay(parse_ima_log(kernel.binary[begin:end], first=done), "sha256", start=value)
        done += count
    assert value == replay(whole, "sha256")


def boot_aggregate(text: str, first: int = 0) -> str | None:
    kernel = Kernel().measure(d_ng=digest_field(text), n_ng=(b"boot_aggregate\0", "boot_aggregate")).file("/sbin/init")
    finding = check_boot_aggregate(parse_ima_log(kernel.binary, first=first), BOOT_PCRS)
    return finding.code if finding else None


def digest_field(text: str) -> tuple[bytes, str]:
    algorithm, _, digest = text.partition(":")
    return algorithm.encode() + b":\0" + bytes.fromhex(digest), text


BOOT_PCRS = {
    "sha256": {number: bytes([number]) * 32 for number in range(10) if number != 8},
    "sha1": {number: bytes([number]) * 20 for number in range(10)},
}


def over(bank: str, numbers: range) -> str:
    size = hashlib.new(bank).digest_size
    values = b"".join(BOOT_PCRS[bank].get(number, bytes(size)) for number in numbers)
    return f"{bank}:{hashlib.new(bank, values).hexdigest()}"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (over("sha256", range(10)), None),
        (over("sha256", range(8)), None),
        (over("sha1", range(8)), None),
        (over("sha256", range(9)), "boot_aggregate_mismatch"),
        ("sha256:" + "00" * 32, "boot_aggregate_mismatch"),
        ("sha384:" + "00" * 48, "boot_aggregate_unchecked"),
    ],
)
def test_boot_aggregate(text: str, code: str | None) -> None:
    assert boot_aggregate(text) == code


def test_boot_aggregate_of_a_later_part_is_not_there() -> None:
    assert boot_aggregate("sha256:" + "00" * 32, first=1) is None


def test_a_list_without_boot_aggregate() -> None:
    for log in (parse_ima_log(b""), parse_ima_log(Kernel().file("/bin/a").binary)):
        finding = check_boot_aggregate(log, BOOT_PCRS)
        assert finding is not None
        assert finding.code == "boot_aggregate_missing"


def test_field_row_11_the_policy_is_measured() -> None:
    kernel = Kernel().file("/etc/ima/ima-policy", b"old").file("/bin/a").file("/etc/ima/ima-policy", b"weaker")
    assert [(entry.index, entry.digest) for entry in policy_measurements(parse_ima_log(kernel.binary))] == [
        (0, "sha256:" + hashlib.sha256(b"old").hexdigest()),
        (2, "sha256:" + hashlib.sha256(b"weaker").hexdigest()),
    ]


@pytest.mark.parametrize("name", ["clean", "attacked"])
def test_quote_of_a_real_guest_covers_both_logs(name: str) -> None:
    folder = guest_sample(name)
    selection = {"sha256": [*range(11), 14], "sha1": [*range(11), 14]}
    quote = verify_quote(
        (folder / "quote.tpms_attest").read_bytes(),
        (folder / "quote.tpmt_signature").read_bytes(),
        (folder / "ak.pub").read_bytes(),
        bytes.fromhex((folder / "nonce.hex").read_text()),
        selection,
    )
    assert quote.valid
    boot = parse_event_log((folder / "binary_bios_measurements").read_bytes())
    log = parse_ima_log((folder / "binary_runtime_measurements").read_bytes())

    prefix = match_quote(log, quote, boot.pcrs)
    assert prefix is not None
    assert (prefix.entries, prefix.padded) == (len(log), False)
    assert check_boot_aggregate(log, boot.pcrs) is None
    assert check_boot_aggregate(log, {**boot.pcrs, "sha256": {**boot.pcrs["sha256"], 7: bytes(32)}}) is not None


def test_the_attack_is_the_tail_of_the_clean_list() -> None:
    clean, attacked = (
        (guest_sample(name) / "binary_runtime_measurements").read_bytes() for name in ("clean", "attacked")
    )
    log = parse_ima_log(attacked)
    before = replay(parse_ima_log(clean), "sha256")
    assert match_prefix(log, "sha256", before) == 180
    assert log.ends[179] == len(clean)
    assert [entry.path for entry in log.entries[180:] if "evil" in entry.path or "dropper" in entry.path] == [
        "/bin/dropper",
        "/usr/local/bin/hostevil2",
    ]
