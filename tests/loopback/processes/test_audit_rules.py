"""The security rules, by Debian's jq, on entries that Vault 1.21.1 has written."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import typing as t

import pytest
from kit.paths import GOLDEN, ROOT

FOLDER = ROOT / "docs" / "monitoring"
RULES = FOLDER / "audit.jq"
RECORDED = GOLDEN / "audit"
Entry = dict[str, t.Any]

# What was done to the recorded server, each after a line that names it, and what is found.
EXPECTED = {
    # A secret written and read, a policy and a token of an application's, the devices listed.
    "quiet": [],
    "root_token": [("RootTokenMade", "auth/token/create")],
    "audit_enabled": [("AuditDeviceChanged", "sys/audit/extra")],
    "audit_disabled": [("AuditDeviceChanged", "sys/audit/extra")],
    "policy": [("IdentityChanged", "sys/policies/acl/vaultops-operator")] * 2,
    "role": [("AuthMethodChanged", "sys/auth/cert")] + [("IdentityChanged", "auth/cert/certs/vaultops-admin")] * 2,
    # Begun, and cancelled.
    "generate_root": [("GenerateRootBegun", "sys/generate-root/attempt")],
    "generate_root_done": [
        ("GenerateRootBegun", "sys/generate-root/attempt"),
        ("RootTokenMade", "sys/generate-root/update"),
    ],
    # Begun, and in no audit entry.
    "rekey": [],
    "auth_enabled": [("AuthMethodChanged", "sys/auth/userpass")] * 2,
    "denials": [("RefusedOften", "sys/mounts")],
    # Three times with a token that is none: no burst.
    "badtoken": [],
    "seal": [],
    "sealed": [
        ("AuditDeviceChanged", "sys/audit/journal"),
        ("GenerateRootBegun", "sys/generate-root/attempt"),
        ("Sealed", "sys/seal"),
    ],
}


def parts() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in (RECORDED / "audit.jsonl").read_text().splitlines():
        mark = json.loads(line).get("mark")
        if mark:
            found[mark] = []
        else:
            list(found.values())[-1].append(line)
    return found


def judged(lines: list[str]) -> list[Entry]:
    assert shutil.which("jq"), "jq is missing: make setup installs Debian's package jq"
    done = subprocess.run(
        ["jq", "-nRc", "-f", str(RULES)],
        input="\n".join(lines),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return [json.loads(line) for line in done.stdout.splitlines()]


def found(lines: list[str]) -> list[tuple[str, str]]:
    return [(one["rule"], one["path"]) for one in judged(lines)]


@pytest.mark.parametrize("part", EXPECTED)
def test_what_was_done_is_found_and_nothing_else(part):
    assert found(parts()[part]) == EXPECTED[part]


def test_every_recorded_part_has_an_expectation_and_all_together_say_the_same():
    assert list(parts()) == list(EXPECTED)
    every = [line for lines in parts().values() for line in lines]
    assert found(every) == [one for expected in EXPECTED.values() for one in expected]


def test_what_is_in_no_audit_entry_is_found_in_the_servers_log():
    """Lines that are no JSON are in the journal, too."""
    assert found((RECORDED / "journal.jsonl").read_text().splitlines()) == [("RekeyBegun", "sys/rekey")]


def test_a_finding_says_who_when_and_from_where():
    (one,) = judged(parts()["root_token"])
    assert one == {
        "rule": "RootTokenMade",
        "severity": "critical",
        "time": json.loads(parts()["root_token"][1])["time"],
        "who": "root",
        "from": "127.0.0.1",
        "operation": "update",
        "path": "auth/token/create",
    }


def denials() -> list[Entry]:
    return [json.loads(line) for line in parts()["denials"] if json.loads(line)["type"] == "response"]


def test_ten_refusals_within_a_minute_are_a_burst_and_nine_are_none():
    refused = denials()
    assert found([json.dumps(one) for one in refused[:9]]) == []
    assert len(found([json.dumps(one) for one in refused[:10]])) == 1


def test_refusals_over_a_longer_time_or_of_many_addresses_are_no_burst():
    slow, many = denials(), denials()
    for number, one in enumerate(slow):
        one["time"] = f"2026-11-26T21:{10 + number // 6:02d}:{number % 6 * 10:02d}.5Z"
    assert found([json.dumps(one) for one in slow]) == []
    for number, one in enumerate(many):
        one["request"]["remote_address"] = f"10.0.0.{number}"
    assert found([json.dumps(one) for one in many]) == []


def test_tokens_that_are_none_make_a_burst_as_well():
    (first, *_rest) = [json.loads(line) for line in parts()["badtoken"] if json.loads(line)["type"] == "response"]
    assert found([json.dumps(first)] * 10) == [("RefusedOften", "kv/x")]


@pytest.mark.parametrize(
    ("part", "number"), [("audit_disabled", 0), ("policy", 0), ("role", 2), ("auth_enabled", 0), ("sealed", 0)]
)
def test_who_was_refused_has_changed_nothing(part, number):
    entry = json.loads(parts()[part][number])
    assert len(found([json.dumps(entry)])) == 1
    entry["error"] = "1 error occurred:\n\t* permission denied\n\n"
    entry["auth"]["policy_results"] = {"allowed": False}
    assert found([json.dumps(entry)]) == []


def test_every_rule_is_explained_and_tested():
    rules = set(re.findall(r'finding\("(\w+)"', RULES.read_text())) | set(
        re.findall(r'rule: "(\w+)"', RULES.read_text())
    )
    explained = re.findall(r"(?m)^\| `(\w+)` \| `?(?:critical|warning)", (FOLDER / "README.md").read_text())
    assert rules == set(explained) and len(explained) == len(rules)
    assert rules - {"RekeyBegun"} == {rule for expected in EXPECTED.values() for rule, _path in expected}
