# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import json

import pytest
import yaml
from ansible.errors import AnsibleFilterError

from ansible_collections.palantir.trust.plugins.filter import event_log as plugin
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi import types as ev
from tests.unit.verifier.event_log_builder import LogBuilder, boot_log, firmware

event_log = plugin.FilterModule().filters()["event_log"]


def test_bytes_and_base64_give_the_same_plain_data() -> None:
    result = event_log(boot_log())
    assert result == event_log(base64.b64encode(boot_log()).decode())
    assert result == json.loads(json.dumps(result))
    assert set(result) == {"events", "pcrs", "claims", "findings", "algorithms", "startup_locality", "format"}
    assert result["claims"]["secure_boot"] is True
    assert set(result["pcrs"]["sha256"]) == {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}


def test_an_event_says_what_is_verified_and_what_is_claimed() -> None:
    events = event_log(boot_log())["events"]
    assert events[2]["verified_data"] == {
        "kind": "Variable",
        "guid": "8be4df61-93ca-11d2-aa0d-00e098032b8c",
        "name": "SecureBoot",
        "data": "01",
    }
    assert events[3]["verified_data"]["signatures"] == [{"type": "sha256", "entries": [(b"p" * 32).hex()]}]
    command = next(event for event in events if event["pcr"] == 8)
    assert (command["type"], command["verified_form"]) == ("EV_IPL", "text")
    assert command["verified_data"] == {"kind": "Text", "text": "linux /vmlinuz root=/dev/vda ro quiet"}
    assert command["claimed_data"] == {"kind": "Labelled", "label": "grub_cmd", "text": ""}
    initrd = next(event for event in events if event["pcr"] == 9)
    assert (initrd["verified_data"], initrd["claimed_data"]) == (None, {"kind": "Text", "text": "/initrd.img"})


@pytest.mark.parametrize(
    "text", ["{{ lookup('pipe', 'id') }}\x1b[31m\n- evil: yes", "\u202egnp.exe", "../../etc/passwd\r\nINFO ok"]
)
def test_text_of_a_node_is_harmless(text: str) -> None:
    result = event_log(firmware(LogBuilder()).add(9, ev.EV_IPL, text.encode(), b"x").build())
    name = result["claims"]["files"][0]["claimed_name"]
    assert name.isprintable()
    assert name.startswith(("{{", "\\u202e", "../"))


@pytest.mark.parametrize(
    ("blob", "message"),
    [
        ("%%%", "event_log: is neither bytes nor base64 text. Next: pass bytes, or base64 of them."),
        (7, "event_log: must be bytes or base64 text, not int."),
        pytest.param(boot_log()[:100], "offset 83: event 1's sha1 digest wants 20 bytes, 17 remain.", id="truncated"),
        pytest.param(bytes(9 << 20), "event_log: is 9437184 bytes, over the limit of 8388608.", id="9 MiB"),
    ],
)
def test_a_log_that_cannot_be_read_is_a_filter_error(blob: object, message: str) -> None:
    with pytest.raises(AnsibleFilterError) as error:
        event_log(blob)
    assert message in str(error.value)


def test_the_documentation_names_what_the_filter_returns() -> None:
    assert yaml.safe_load(plugin.DOCUMENTATION)["name"] == "event_log"
    returned = yaml.safe_load(plugin.RETURN)["_value"]["contains"]
    result = event_log(boot_log())
    assert set(returned) == set(result)
    assert set(returned["events"]["contains"]) == set(result["events"][0])
