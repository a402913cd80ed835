# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The web application firewall and the firewall on a node: what they let pass, what they refuse, and who may ask them.

Beside the node are two networks, see ``world.py``. The one's hosts are what is guarded; their services are real.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import yaml

from ansible_collections.palantir.trust.plugins.module_utils._private_network import cable_of
from tests.scenarios.attacks import on_node
from tests.scenarios.orchestrator.agents import asked, certified, raised, refusals, without_certificate
from tests.scenarios.orchestrator.course import GUARDS, Course
from tests.scenarios.orchestrator.world import OFFICE, OTHER, SEEN, SERVER, WEB
from tests.scenarios.recovery.scene import Scene
from tests.scenarios.site import ROOT

NODE: Final = "node2"
WAF, FIREWALL = "waf-1", "firewall-1"
_HERE: Final = Path(__file__).parent
_WORLD: Final = "/run/world.py"
_PLAY_S: Final = 600.0
_FRONT: Final = "http://127.0.0.1:8080"
_GOOD, _ATTACK, _INTERNAL = "/item?id=1", "/item?id=1%27%20OR%20%271%27=%271", "/internal/report"
_RULE: Final = {"name": "internal", "where": ["uri"], "pattern": "^/internal/"}
_CLOSED: Final = {f"{SERVER}:23": "filtered", f"{OTHER}:443": "filtered"}
_BEFORE: Final = {f"{SERVER}:22": "open", f"{SERVER}:443": "open", **_CLOSED}
_AFTER: Final = {**_BEFORE, f"{SERVER}:23": "open", f"{SERVER}:443": "filtered"}
_RULES: Final = [
    {"name": "administration", "from": f"{OFFICE}.0/24", "to": SERVER, "protocol": "tcp", "port": 22},
    {"name": "old terminals", "from": f"{OFFICE}.0/24", "to": SERVER, "protocol": "tcp", "port": 23},
]


def laid(course: Course) -> None:
    """Bring the images of both to the node, and lay the networks beside it."""
    course.played(_HERE / "images.yml", _PLAY_S, NODE, scenario_scs=list(GUARDS))
    on_node(course.lab, NODE, f"cat > {_WORLD} && python3 {_WORLD} lay", (_HERE / "world.py").read_bytes())


def waf(course: Course, scene: Scene) -> None:
    """The site's web server is asked by way of it."""
    backend = {"waf_backend": f"{SERVER}:{WEB}"}
    course.verb("instantiate", WAF, "waf", palantir_trust_target=NODE, **backend)
    _requests(course, scene, internal=200)
    _agent(course, scene)
    rules = yaml.safe_load((ROOT / "inventories/lab/group_vars/all/scs.yml").read_text(encoding="utf-8"))["waf_rules"]
    generation, before = course.instance(WAF).generation, len(course.shown())
    course.verb("configure", WAF, "waf", waf_rules=[*rules, _RULE], **backend)
    scene.must(certified(course, "orchestrator"), "the orchestrator has a certificate of its role for its agent")
    course.verb("health", WAF, "waf", waf_rules=[*rules, _RULE], **backend)
    said = " ".join(course.shown()[before:].split())
    by_agent = "over SSH" not in said and "running: true" in said
    scene.must(by_agent, "configured by way of its agent, which is then asked for its health", said[-800:])
    _requests(course, scene, internal=403)
    scene.must(course.instance(WAF).generation == generation, "it got another rule as it ran")
    told, known = asked(course, WAF, "observer", "/v1/configuration"), course.instance(WAF).configured()
    scene.must(told == known, "its agent tells the digests that the store has", told)
    _revoked(course, scene)
    record = course.instance(WAF)
    course.verb("terminate", WAF, "waf")
    left = on_node(course.lab, NODE, "ls /run/palantir.trust/agents; systemctl list-units --all 'palantir-*waf*'")
    scene.must("waf" not in left, "terminated, nothing of it and its agent is left", left)
    scene.must(raised(course, record, "observer", "/v1/health") != "", "nobody answers in its name")


def _requests(course: Course, scene: Scene, internal: int) -> None:
    answers = _world(course, "get", *(f"'{_FRONT}{path}'" for path in (_GOOD, _ATTACK, _INTERNAL)))
    statuses = [status for status, _body in answers]
    scene.must(statuses == [200, 403, internal], f"an attack is refused, an internal page is {internal}", answers)
    scene.must(answers[0][1] == f"the site has {_GOOD}\n", "a good request gets the site's answer", answers[0])
    seen = on_node(course.lab, NODE, f"cat {SEEN}; : > {SEEN}").splitlines()
    scene.must(seen == [_GOOD, *[_INTERNAL] * (internal == 200)], "nothing else came to the site", seen)


def _agent(course: Course, scene: Scene) -> None:
    """The agent beside it is a service of the node's own systemd, asked by way of the node's network."""
    course.played(_HERE / "issue.yml", _PLAY_S, scenario_directory=str(course.site.directory))
    told = asked(course, WAF, "observer", "/v1/health")
    scene.must(told["running"] is True, "its agent tells an observer that it runs", told)
    without_certificate(course, WAF)
    reasons = refusals(course, WAF)
    scene.must(reasons == ["certificate_missing"], "a peer without a certificate is refused, and recorded", reasons)
    told = raised(course, course.instance(WAF), "observer", "/v1/reload", "POST")
    scene.must(told == "role_forbidden", "an observer may not have it reload", told)
    told = asked(course, WAF, "operator", "/v1/reload", "POST")
    scene.must(told == {"signals": ["HUP"]}, "an operator may", told)


def _revoked(course: Course, scene: Scene) -> None:
    since = asked(course, WAF, "observer", "/v1/health")["since"]
    course.played(_HERE / "revoke.yml", _PLAY_S, NODE)
    raised(course, course.instance(WAF), "operator", "/v1/reload", "POST")
    last = refusals(course, WAF)[-1]
    scene.must(last == "certificate_revoked", "a role that was taken back is refused", last)
    told = asked(course, WAF, "observer", "/v1/health")
    scene.must(told["since"] == since, "the agent has a new certificate and the list without a restart", told)


def firewall(course: Course, scene: Scene) -> None:
    """The office reaches the site by way of it, or not at all."""
    course.verb("instantiate", FIREWALL, "firewall", palantir_trust_target=NODE)
    cable = cable_of(course.instance(FIREWALL).uid_base)
    on_node(course.lab, NODE, f"python3 {_WORLD} lead {cable.interface} {cable.instance}")
    _reached(course, scene, _BEFORE, "what its rules name passes, the rest is dropped")
    generation = course.instance(FIREWALL).generation
    rules = [{**rule, "verdict": "accept"} for rule in _RULES]
    course.verb("configure", FIREWALL, "firewall", firewall_rules=rules)
    _reached(course, scene, _AFTER, "by other rules, what passed is dropped, and what was dropped passes")
    scene.must(course.instance(FIREWALL).generation == generation, "it got them as it ran")
    course.verb("terminate", FIREWALL, "firewall")
    _reached(course, scene, dict.fromkeys(_BEFORE, "filtered"), "terminated, nothing passes")


def _reached(course: Course, scene: Scene, wanted: dict[str, str], statement: str) -> None:
    told = _world(course, "reach", *wanted, inside="office")
    scene.must(told == wanted, statement, told)


def _world(course: Course, verb: str, *words: str, inside: str = "") -> Any:
    enter = f"ip netns exec {inside} " if inside else ""
    return json.loads(on_node(course.lab, NODE, f"{enter}python3 {_WORLD} {verb} {' '.join(words)}"))


__all__ = ["FIREWALL", "NODE", "WAF", "firewall", "laid", "waf"]
