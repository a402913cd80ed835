# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import struct
import tracemalloc
from contextlib import suppress

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import EvidenceError
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima import log as ima_log
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.log import MAX_FINDINGS, ImaLog, parse_ima_log
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.replay import replay, replay_all
from tests.unit.verifier.ima_kernel import FILE, FORMATS, Kernel
from tests.unit.verifier.soft_tpm import guest_sample

CUSTOM = "d-ng|n-ng|sig|iuid|igid|imode"


def codes(log: ImaLog) -> list[tuple[str, int | None]]:
    return [(finding.code, finding.index) for finding in log.findings]


@pytest.mark.parametrize("template", [*FORMATS, CUSTOM, "d|n", "imode|n|d-ngv2", "sig|d|n|buf", "n-ng"])
def test_every_template_in_both_forms(template: str) -> None:
    kernel = Kernel().measure(template).measure(template)
    binary, text = parse_ima_log(kernel.binary), parse_ima_log(kernel.ascii)

    assert binary.entries == text.entries
    assert binary.data == text.data
    assert binary.findings == text.findings == ()
    entry = binary.entries[1]
    assert (entry.index, entry.pcr, entry.template, entry.path) == (1, 10, template, "/bin/true")
    for bank in ("sha1", "sha256", "sha384"):
        assert replay(binary, bank) == replay(text, bank) == kernel.pcrs[bank][10]


def test_fields_of_a_container_file() -> None:
    entry = parse_ima_log(Kernel().measure(CUSTOM).binary).entries[0]
    assert entry.digest == "sha256:" + FILE.hex()
    assert (entry.iuid, entry.igid, entry.imode) == (1000013824, 0, 0o100755)
    assert entry.sig == b"\x03\x02\x04sig"
    assert entry.others == {}


def test_further_fields_by_name() -> None:
    kernel = Kernel().measure("evm-sig").measure("ima-modsig").measure("ima-cgpath").measure("ima-buf")
    evm, modsig, cgpath, buf = parse_ima_log(kernel.binary).entries
    assert evm.others == {
        "evmsig": b"\x05\x02",
        "xattrnames": "security.ima|security.selinux",
        "xattrlengths": struct.pack("<II", 4, 2),
        "xattrvalues": b"abcdef",
    }
    assert modsig.others == {"d-modsig": "sha512:" + "00" * 64, "modsig": b"\x30\x82"}
    assert cgpath.others["cg-path"] == "/kubepods/pod1/3f2a"
    assert str(cgpath.others["dep"]).startswith("/usr/bin/runc:")
    assert buf.buf == b"root=/dev/vda"


def test_a_digest_of_fs_verity_is_not_that_of_the_content() -> None:
    shown = "verity:sha256:" + FILE.hex()
    entry = parse_ima_log(Kernel().measure("ima-sigv2", d_ngv2=(b"verity:sha256:\0" + FILE, shown)).binary).entries[0]
    assert entry.digest == shown
    assert parse_ima_log(Kernel().measure("ima-sigv2").binary).entries[0].digest == "sha256:" + FILE.hex()


@pytest.mark.parametrize("path", [b"", b"boot_aggregate", b"/bin/sh", b"x" * 255])
def test_the_old_template_pads_its_path(path: bytes) -> None:
    kernel = Kernel().measure_old(path).measure_old(b"/bin/ls")
    for log in (parse_ima_log(kernel.binary), parse_ima_log(kernel.ascii)):
        assert [entry.path for entry in log.entries] == [path.decode(), "/bin/ls"]
        assert log.entries[0].digest == "sha1:" + bytes(range(20)).hex()
        assert replay(log, "sha1") == kernel.pcrs["sha1"][10]
        assert replay(log, "sha256") == kernel.pcrs["sha256"][10]
        assert log.findings == ()


def test_fields_that_are_empty() -> None:
    nothing = (b"", "")
    kernel = Kernel().measure(CUSTOM, sig=nothing, iuid=nothing, igid=nothing, imode=nothing)
    kernel.measure("evm-sig", xattrnames=(b"\0", ""), xattrlengths=nothing, xattrvalues=nothing)
    kernel.measure("evm-sig", xattrnames=nothing, n_ng=(b"\0", ""), iuid=nothing)
    binary, text = parse_ima_log(kernel.binary), parse_ima_log(kernel.ascii)
    assert binary.data == text.data
    assert (binary.entries[0].iuid, binary.entries[0].imode, binary.entries[0].sig) == (None, None, b"")
    stripped = b"\n".join(line.rstrip() for line in kernel.ascii.splitlines())
    assert parse_ima_log(stripped).data == binary.data


def test_field_row_6_the_sha1_column_is_not_trusted() -> None:
    kernel = Kernel().file("/bin/a").file("/bin/b")
    forged = bytearray(kernel.binary)
    forged[4] ^= 1
    log = parse_ima_log(bytes(forged))
    assert replay(log, "sha1") == kernel.pcrs["sha1"][10]
    assert codes(log) == [("ima_template_hash", 0)]
    assert log.findings[0].path == "/bin/a"
    assert parse_ima_log(bytes(forged), check_columns=False).findings == ()
    text = kernel.ascii.replace(kernel.ascii.split()[1], b"1" * 40)
    assert codes(parse_ima_log(text)) == [("ima_template_hash", 0)]


@pytest.mark.parametrize("template", ["ima-ng", CUSTOM, "ima"])
def test_field_row_8_violations(template: str) -> None:
    if template == "ima":
        kernel = Kernel().measure_old(b"/bin/a").measure_old(b"/var/log/wtmp", violation=True).measure_old(b"/bin/b")
    else:
        kernel = Kernel().file("/bin/a", template=template)
        unknown = (b"sha256:\0" + bytes(20), "sha256:" + "00" * 20)
        kernel.measure(template, violation=True, d_ng=unknown, n_ng=(b"/var/log/wtmp\0", "/var/log/wtmp"))
        kernel.file("/bin/b", template=template)
    for blob in (kernel.binary, kernel.ascii):
        log = parse_ima_log(blob)
        assert codes(log) == [("ima_violation", 1)]
        assert log.findings[0].path == "/var/log/wtmp"
        assert [entry.violation for entry in log.entries] == [False, True, False]
        for bank in ("sha1", "sha256", "sha384"):
            assert replay(log, bank) == kernel.pcrs[bank][10]


def test_field_row_8_a_forged_violation_shows_in_the_replay() -> None:
    kernel = Kernel().file("/bin/evil")
    hidden = kernel.binary[:4] + bytes(20) + kernel.binary[24:]
    assert replay(parse_ima_log(hidden), "sha256") != kernel.pcrs["sha256"][10]


def test_entries_of_other_pcrs() -> None:
    kernel = Kernel().file("/bin/a").measure(pcr=11).file("/bin/b").measure(pcr=11)
    log = parse_ima_log(kernel.binary)
    assert replay_all(log, "sha256") == kernel.pcrs["sha256"]
    assert codes(log) == [("ima_other_pcr", 1), ("ima_other_pcr", 3)]
    assert parse_ima_log(kernel.ascii).entries == log.entries


def test_a_template_of_tomorrow_is_replayed_and_named() -> None:
    data = struct.pack("<I", 3) + b"new"
    kernel = Kernel().file("/bin/a")
    blob = kernel.binary + struct.pack("<I20sI", 10, b"c" * 20, 7) + b"ima-new" + struct.pack("<I", len(data)) + data
    log = parse_ima_log(blob, check_columns=False)
    assert codes(log) == [("ima_unknown_template", 1)]
    assert (log.entries[1].digest, log.entries[1].path, log.data[1]) == ("", "", data)


def test_a_renamed_template_cannot_make_a_program_a_buffer() -> None:
    kernel = Kernel().file("/bin/a", template="ima-sig").file("/bin/evil", template="ima-sig").measure("ima-buf")
    start = parse_ima_log(kernel.binary).ends[0]
    forged = kernel.binary[:start] + kernel.binary[start:].replace(b"\x07\0\0\0ima-sig", b"\x07\0\0\0ima-buf")
    log = parse_ima_log(forged)

    assert replay(log, "sha256") == kernel.pcrs["sha256"][10], "the name of a template is not hashed"
    assert codes(log) == [("ima_buffer_digest", 1)]
    assert [entry.is_buffer for entry in log.entries] == [False, False, True]


@pytest.mark.parametrize(
    "format_",
    ["d-modsig|n-ng|evmsig|xattrnames|xattrlengths|d-ng|iuid|igid|imode", "modsig|n-ng|sig|buf|buf|d-ng|n|n|n"],
)
def test_a_renamed_template_cannot_move_the_digest(format_: str) -> None:
    good = b"sha256:\0" + FILE
    data = parse_ima_log(Kernel().measure("evm-sig", xattrvalues=(good, "")).binary).data[0]
    blob = struct.pack("<I20sI", 10, b"c" * 20, len(format_)) + format_.encode() + struct.pack("<I", len(data)) + data
    with pytest.raises(EvidenceError, match="has a digest in front of the field that its template calls the digest"):
        parse_ima_log(blob)


def test_a_second_template_is_named() -> None:
    kernel = Kernel().file("/bin/a").measure("ima-modsig").measure("ima-buf").measure(CUSTOM)
    assert codes(parse_ima_log(kernel.binary)) == [("ima_other_template", 3)]


def test_findings_are_bounded() -> None:
    kernel = Kernel()
    for number in range(MAX_FINDINGS + 5):
        kernel.measure(violation=True, n_ng=(b"/%d\0" % number, str(number)))
    findings = parse_ima_log(kernel.binary).findings
    assert len(findings) == MAX_FINDINGS + 1
    assert findings[-1].message.endswith("So it is with 5 more entries.")


def test_hostile_paths_stay_data() -> None:
    name = "{{ lookup('pipe','id') }}\x1b[2J\u202e../../etc"
    kernel = Kernel().file(name).measure(n_ng=(b"/caf\xe9\0", ""), violation=True)
    log = parse_ima_log(kernel.binary)
    assert log.entries[0].path == name.replace(" ", "_")
    assert log.entries[1].path == "/caf\\xe9"
    assert all(finding.path is None or finding.path.isprintable() for finding in log.findings)


HEAD = Kernel().measure("ima-ng").binary[:34]


@pytest.mark.parametrize(
    ("blob", "offset", "cause"),
    [
        (b"\x0a", 0, "entry 0 ends after 1 bytes of its head"),
        (HEAD, 0, "entry 0 has a template name of 6 bytes"),
        (struct.pack("<I20sI", 10, bytes(20), 0) + bytes(9), 0, "entry 0 has a template name that is no name"),
        (struct.pack("<I20sI", 10, bytes(20), 1 << 31) + b"x", 0, "entry 0 has a template name of 2147483648 bytes"),
        (struct.pack("<I20sI", 24, bytes(20), 6) + b"ima-ng" + bytes(4), 0, "entry 0 is of PCR 24, which no TPM has"),
        (HEAD + struct.pack("<I", 1 << 30) + b"xy", 38, "entry 0 wants 1073741824 bytes where 2 remain"),
        (HEAD + struct.pack("<I", 3) + b"xyz", 0, "entry 0 ends before its last field"),
        (HEAD + struct.pack("<II", 4, 1 << 30), 0, "entry 0 has a field of 1073741824 bytes where 0 remain"),
        (Kernel().measure("n-ng").binary[:-18] + struct.pack("<IIH", 6, 1, 0)[:10], 0, "entry 0 has 1 bytes after"),
        (Kernel().measure(d_ng=(b"\xff" * 40, "")).binary, 0, "entry 0 has a digest without the name"),
        (Kernel().measure("iuid|n", iuid=(bytes(9), "")).binary, 0, "entry 0 has a number of 9 bytes"),
        (Kernel().file("/a").binary + b"\x0a", 89, "entry 1 ends after 1 bytes of its head"),
        (Kernel().measure_old(b"/bin/ls").binary[:-1], 31, "entry 0 has a path of 7 bytes where 6 are possible"),
        (Kernel().measure_old(b"").binary[:-5], 31, "entry 0 ends after 19 bytes of its digest and path"),
        (b"99 " + b"0" * 40 + b" ima-ng sha1:00 /a", 0, "entry 0 is of PCR 99, which no TPM has"),
        (b"not a list", 0, "a line is no entry (PCR, SHA-1 hash, template, fields)"),
        (b"10 " + b"0" * 40 + b" ima-new x", 0, "a line has a template whose fields are not known here"),
        (b"10 " + b"0" * 40 + b" ima-ng sha1:zz /a", 0, "a line has a field of another form than its template's"),
        (b"10 " + b"0" * 40 + b" ima-ng sha1:00 /a b", 0, "a line has 3 fields where its template has 2"),
        (b"10 " + b"0" * 40 + b" imode|n 65536 /a", 0, "a line has a number that its field cannot hold"),
        (b"10 " + b"0" * 40 + b" ima 00 /a", 0, "a line has a digest or a name that its template cannot hold"),
        (Kernel().file("/a").ascii + b"\n", 126, "a line is no entry (PCR, SHA-1 hash, template, fields)"),
    ],
    ids=lambda value: "list" if isinstance(value, bytes) else None,
)
def test_field_row_10_malformed_lists_are_named(blob: bytes, offset: int, cause: str) -> None:
    with pytest.raises(EvidenceError) as caught:
        parse_ima_log(blob)
    assert str(caught.value).startswith(f"ima_log at offset {offset}: {cause}")


def test_field_row_10_a_claimed_size_allocates_nothing() -> None:
    blob = HEAD + struct.pack("<I", 0xFFFFFFFF) + bytes(1000)
    tracemalloc.start()
    with pytest.raises(EvidenceError):
        parse_ima_log(blob)
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()


@pytest.mark.parametrize("form", ["binary", "ascii"])
def test_field_row_10_the_number_of_entries_is_bounded(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ima_log, "MAX_ENTRIES", 3)
    kernel = Kernel().file("/a").file("/b").file("/c")
    assert len(parse_ima_log(getattr(kernel, form))) == 3
    with pytest.raises(EvidenceError, match="is beyond the limit of 3 entries in one part"):
        parse_ima_log(getattr(kernel.file("/d"), form))


def test_nothing_measured() -> None:
    log = parse_ima_log(b"")
    assert (len(log), log.entries, log.findings) == (0, (), ())
    assert replay_all(log, "sha256") == {10: bytes(32)}


def test_lists_of_several_nodes_share_their_hashes() -> None:
    first = parse_ima_log(Kernel().file("/a").file("/b").binary)
    known = {(10, "ima-ng"): dict(zip(first.data, first.hashes, strict=True))}
    kernel = Kernel().file("/b").file("/c").file("/a").file("/a", template="ima-sig")
    for blob in (kernel.binary, kernel.ascii):
        log = parse_ima_log(blob, known=known)
        assert log.not_among(known) == [1, 3], "a hash is that of a PCR and template, too"
        assert log.not_among(dict(known)) == log.not_among(None) == range(4), "only of what it was read with"
        assert replay(log, "sha256") == kernel.pcrs["sha256"][10]


def test_a_violation_stays_one_where_its_data_is_known() -> None:
    first = parse_ima_log(Kernel().file("/a").binary)
    known = {(10, "ima-ng"): {first.data[0]: first.hashes[0]}}
    kernel = Kernel().measure(violation=True, d_ng=(first.data[0][4:44], ""), n_ng=(b"/a\0", "/a"))
    log = parse_ima_log(kernel.binary, known=known)
    assert (log.data, log.violations) == (first.data, frozenset({0}))
    assert replay(log, "sha256") == kernel.pcrs["sha256"][10]


def test_runs_part_the_list_by_pcr_and_template() -> None:
    kernel = Kernel().file("/a").file("/b").measure("ima-buf").measure("ima-buf", pcr=11).file("/c")
    for blob in (kernel.binary, kernel.ascii):
        runs = [(run.kind.pcr, run.kind.template.name, run.start, run.stop) for run in parse_ima_log(blob).runs]
        assert runs == [(10, "ima-ng", 0, 2), (10, "ima-buf", 2, 3), (11, "ima-buf", 3, 4), (10, "ima-ng", 4, 5)]


def test_a_later_part_counts_on() -> None:
    kernel = Kernel().file("/a").file("/b").file("/c")
    whole = parse_ima_log(kernel.binary)
    part = parse_ima_log(kernel.binary[whole.ends[0] :], first=1)
    assert part.entries == whole.entries[1:]


@pytest.mark.parametrize("name", ["clean", "attacked"])
def test_list_of_a_real_guest(name: str) -> None:
    folder = guest_sample(name)
    binary = parse_ima_log((folder / "binary_runtime_measurements").read_bytes())
    text = parse_ima_log((folder / "ascii_runtime_measurements").read_bytes())
    pcrs = yaml.safe_load((folder / "pcrs.yaml").read_text())

    assert binary.entries == text.entries
    assert len(binary) == {"clean": 180, "attacked": 185}[name]
    assert binary.findings == text.findings == ()
    for bank in ("sha1", "sha256"):
        assert int.from_bytes(replay(binary, bank), "big") == pcrs[bank][10]


def test_attacks_on_a_real_guest_are_told_apart_by_owner() -> None:
    folder = guest_sample("attacked")
    entries = parse_ima_log((folder / "binary_runtime_measurements").read_bytes()).entries
    owners = {entry.path: entry.iuid for entry in entries}
    assert owners["/bin/dropper"] == owners["/etc.conf"] == 2147484671
    assert owners["/usr/local/bin/hostevil2"] == 0
    assert owners["memfd:x"] == 0


@given(st.binary(max_size=400))
def test_any_bytes_give_a_list_or_an_evidence_error(blob: bytes) -> None:
    for form in (blob, b"\x0a\0\0\0" + blob, b"10 " + b"0" * 40 + b" " + blob):
        with suppress(EvidenceError):
            assert len(parse_ima_log(form).entries) == len(parse_ima_log(form, lazy=True))


@given(place=st.integers(0, 10_000), byte=st.integers(0, 255), cut=st.integers(0, 10_000))
def test_no_change_of_a_list_keeps_the_pcr(place: int, byte: int, cut: int) -> None:
    place, cut = place % len(MIXED.binary), cut % (len(MIXED.binary) + 1)
    changed = bytearray(MIXED.binary)
    changed[place] = byte
    with suppress(EvidenceError):
        log = parse_ima_log(bytes(changed[:cut]))
        _ = log.findings
        same = replay(log, "sha256") == MIXED.pcrs["sha256"][10]
        # A changed column, or a name of the same fields, is not part of what was extended: it must be named instead.
        assert not same or log.data == parse_ima_log(MIXED.binary).data


MIXED = (
    Kernel().file("/a").measure("ima-sig").measure(CUSTOM).measure(violation=True).measure_old(b"/b").measure("evm-sig")
)
