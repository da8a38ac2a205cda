"""What of a node's configuration and environment an upgrade depends on, with a stand-in for systemctl."""

from __future__ import annotations

import json

import pytest
import yaml
from ansible_collections.vaultops.cluster.plugins.module_utils._node import installation, settings
from ansible_collections.vaultops.cluster.plugins.modules import vault_settings_info

SWITCH = "VAULT_ALLOW_PENDING_REMOVAL_DUPLICATE_HCL_ATTRIBUTES"


@pytest.fixture
def node(node_with, tmp_path, run_module, monkeypatch):
    """Runs the module on a node with this configuration, drop-in and environment file."""
    monkeypatch.setattr(installation, "CONFIG", [])
    etc = tmp_path / "etc"
    etc.mkdir()
    unit, drop_in = etc / "vault.service", etc / "own.conf"

    def run(config="", dropped="", environment="", check=False):
        (etc / "vault.hcl").write_text(config)
        (etc / "vault.env").write_text(environment)
        unit.write_text(f"[Service]\nExecStart=/usr/bin/vault server -config={etc / 'vault.hcl'}\n")
        drop_in.write_text(f"[Service]\n{dropped.format(etc=etc)}\n")
        shown = f"MainPID=0\nFragmentPath={unit}\nDropInPaths={drop_in}\n"
        node_with(systemctl=f"printf '{shown}'".replace("\n", "\\n"))
        return run_module(vault_settings_info, check, **{})

    run.etc = etc
    return run


@pytest.mark.parametrize("check", [False, True])
def test_a_node_as_the_collection_makes_it_has_nothing_of_all_that(node, check):
    said = node('# Made by vaultops.cluster.\ncluster_name = "x"\nlistener "tcp" {}\n', check=check)
    assert {name: value for name, value in said.items() if name != "invocation"} == {
        "changed": False,
        "switches": [],
        "duplicates": [],
        "unreadable": [],
    }
    assert set(yaml.safe_load(vault_settings_info.RETURN)) == set(said) - {"changed", "invocation"}


def test_a_name_that_is_set_twice_is_told_with_file_and_line(node):
    said = node('api_addr = "a"\nlistener "tcp" {\n  address = "b"\n  address = "c"\n}\n')
    assert said["duplicates"] == [{"path": str(node.etc / "vault.hcl"), "name": "address", "line": 4}]


def test_a_file_that_nobody_understands_is_not_one_without_anything(node):
    said = node('api_addr = "a\n')
    assert said["unreadable"] == [
        {"path": str(node.etc / "vault.hcl"), "problem": "line 1: a string that does not end"}
    ]


@pytest.mark.parametrize(
    ("dropped", "environment", "values"),
    [
        (f"Environment={SWITCH}=true", "", ["true"]),
        (f'Environment="A=b" "{SWITCH}=1"', "", ["1"]),
        (f"Environment={SWITCH}=true\nEnvironment=", "", []),
        (f"#Environment={SWITCH}=true", "", []),
        ("EnvironmentFile=-{etc}/vault.env", f"# x\nA=b\n{SWITCH}='true'\n", ["true"]),
        (f"Environment={SWITCH}=true\nEnvironmentFile={{etc}}/vault.env", f"{SWITCH}=false", ["true", "false"]),
        ("EnvironmentFile=-{etc}/*.env", f"{SWITCH}=true", ["true"]),
        ("EnvironmentFile=-{etc}/none.env", "", []),
        ("", f"{SWITCH}=true", []),
    ],
)
def test_switches_are_told_in_the_order_in_which_they_count(node, dropped, environment, values):
    assert [one["value"] for one in node(dropped=dropped, environment=environment)["switches"]] == values


def test_nothing_else_of_the_environment_is_told(node):
    said = node(dropped="EnvironmentFile={etc}/vault.env", environment=f"AWS_SECRET_ACCESS_KEY=hunter2\n{SWITCH}=true")
    assert said["switches"] == [{"name": SWITCH, "value": "true", "where": str(node.etc / "vault.env")}]
    assert "hunter2" not in json.dumps(said)


def test_what_only_the_process_has_is_told_as_that(tmp_path):
    folder = tmp_path / "7"
    folder.mkdir()
    (folder / "environ").write_text(f"A=b\0{SWITCH}=true\0")
    assert settings.of_the_process(7, str(tmp_path)) == [
        {"name": SWITCH, "value": "true", "where": "the environment of the process that runs"}
    ]
    assert settings.of_the_process(8, str(tmp_path)) == settings.of_the_process(None, str(tmp_path)) == []
