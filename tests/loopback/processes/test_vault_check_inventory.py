"""The first task of every playbook, as a playbook runs it."""

from __future__ import annotations

import json

import pytest
import yaml
from ansible_collections.vaultops.cluster.plugins.module_utils._plan.known_inputs import no_hosts
from ansible_collections.vaultops.cluster.plugins.modules import vault_check_inventory
from kit.playbook import in_line, run_play

MODULE = "vaultops.cluster.vault_check_inventory"
# A connection to nowhere: no host is asked.
NOWHERE = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 9}


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """Results by name."""
    folder = tmp_path_factory.mktemp("check_inventory")
    (folder / "good.yml").write_text(yaml.safe_dump({"all": {"children": {"vault": {"hosts": {"vault-1": NOWHERE}}}}}))
    bad = {"vault-1": NOWHERE, "vault-2": {"vault_versoin": "1"}}
    (folder / "bad.yml").write_text(yaml.safe_dump({"all": {"children": {"vault": {"hosts": bad}}}}))
    results = {}
    for inventory, host, cases in (
        ("good", "vault-1", {"all is well": {"groups": ["vault"]}, "no groups are asked for": {}}),
        ("good", "vault-1", {"no host": {"groups": ["vault", "vault_drill"]}, "no such option": {"group": "vault"}}),
        ("bad", "localhost", {"a slip": {"groups": ["vault"]}, "no host before a slip": {"groups": ["vault_drill"]}}),
    ):
        play = {"hosts": host, "gather_facts": False, "ignore_errors": True, "tasks": []}
        for number, options in enumerate(cases.values()):
            play["tasks"].append({MODULE: options, "register": f"result_{number}", "check_mode": bool(number)})
        content = "{{ [result_0, result_1] | to_json }}"
        copy = {"content": content, "dest": str(folder / "results")}
        play["tasks"].append({"ansible.builtin.copy": copy, "delegate_to": "localhost"})
        done = run_play(folder, play, "-i", f"{inventory}.yml")
        assert done.returncode == 0, done.stdout + done.stderr
        results |= dict(zip(cases, json.loads((folder / "results").read_text()), strict=True))
    results["inventory"] = str(folder / "good.yml")
    return results


@pytest.mark.parametrize("case", ["all is well", "no groups are asked for"])
def test_nothing_is_wrong_and_no_host_is_asked(said, case):
    assert (said[case]["failed"], said[case]["changed"], said[case]["msg"]) == (False, False, "")


def test_a_group_without_a_host_is_named_with_what_was_read(said):
    assert said["no host"]["failed"] is True
    assert said["no host"]["msg"] == no_hosts(["vault_drill"], {}, [said["inventory"]])


def test_a_variable_that_nobody_understands_is_named(said):
    assert said["a slip"]["failed"] is True
    assert (
        "vault-2: the variable vault_versoin is no input of this collection. The nearest one is vault_version"
        in (said["a slip"]["msg"])
    )


def test_what_is_missing_comes_first(said):
    assert said["no host before a slip"]["msg"].startswith("The inventory has no host in the group vault_drill,")
    assert "vault_versoin" not in said["no host before a slip"]["msg"]


def test_its_options_are_those_of_its_documents(said):
    assert set(yaml.safe_load(vault_check_inventory.DOCUMENTATION)["options"]) == {"groups", "parts"}
    assert said["no such option"]["failed"] is True
    assert "group" in said["no such option"]["msg"]


@pytest.mark.parametrize(
    ("arguments", "parts", "words"),
    [
        (["--tags", "tls,instal"], ["install", "tls"], ["--tags instal:", "install, tls"]),
        (["--tags", "tls"], [], ["--tags tls:", "without --tags"]),
        (["--skip-tags", "tls"], ["install", "tls"], ["--skip-tags tls:", "with --tags"]),
        (["--tags", "tls"], ["install", "tls"], []),
        # As Molecule always does.
        (["--skip-tags", "molecule-notest,notest"], ["install", "tls"], []),
        (["--skip-tags", "notest,untagged"], [], ["--skip-tags untagged:", "without --tags and --skip-tags"]),
    ],
)
def test_a_run_is_limited_to_parts_that_there_are(said, tmp_path, arguments, parts, words):
    task = {MODULE: {"groups": ["vault"], "parts": parts}}
    play = {"hosts": "localhost", "gather_facts": False, "tags": ["always"], "tasks": [task]}
    output = in_line(run_play(tmp_path, play, "-i", said["inventory"], *arguments))
    assert output.startswith("failed") == bool(words), output
    assert all(word in output for word in words), output
