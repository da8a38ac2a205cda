"""The seal is added to a configuration of somebody else's, and the rest of it stays; with a stand-in for systemctl."""

from __future__ import annotations

import os

import pytest
import yaml
from ansible_collections.vaultops.cluster.plugins.modules import vault_seal_stanza

STANZA = 'seal "awskms" {\n  region     = "eu-central-1"\n  kms_key_id = "alias/x"\n}'
STORAGE = 'storage "raft" {\n  path = "/var/lib/vault"\n  node_id = "a"\n}\nlicense = "a secret"\n'
LISTENER = 'listener "tcp" { address = "[::]:8200" }\n'


@pytest.fixture
def node(node_with, tmp_path, run_module):
    """A node whose unit names a directory."""
    config = tmp_path / "config"
    config.mkdir()
    (config / "main.hcl").write_text(STORAGE)
    (config / "main.hcl").chmod(0o640)
    (config / "listener.hcl").write_text(LISTENER)
    unit = tmp_path / "vault.service"
    unit.write_text(f"[Service]\nExecStart=/usr/bin/vault server -config={config}\n")
    drop_in = tmp_path / "own.conf"
    drop_in.write_text("")
    node_with(
        systemctl=f"""case "$*" in
*FragmentPath*) printf 'FragmentPath={unit}\\nDropInPaths={drop_in}\\n';;
*) printf 'Environment=\\n';;
esac"""
    )

    def run(check=False, stanza=STANZA):
        return run_module(vault_seal_stanza, check, stanza=stanza)

    run.config, run.unit, run.main = config, unit, config / "main.hcl"
    run.drop_in = drop_in
    return run


def test_it_is_added_to_the_file_with_the_storage_and_the_rest_stays(node):
    said = node()
    assert (said["changed"], said["written"], said["file"]) == (True, False, str(node.main))
    assert set(said) - {"invocation", "diff"} == {"changed", *yaml.safe_load(vault_seal_stanza.RETURN)}
    text = node.main.read_text()
    assert text.startswith(STORAGE.rstrip()) and text.endswith(STANZA + "\n") and text.count('seal "') == 1
    before = node.main.with_name("main.hcl.before-seal")
    assert said["before"] == str(before) and before.read_text() == STORAGE
    assert [os.stat(path).st_mode & 0o777 for path in (node.main, before)] == [0o640, 0o640]
    assert (node.config / "listener.hcl").read_text() == LISTENER


def test_a_second_time_it_is_there(node):
    node()
    before = node.main.with_name("main.hcl.before-seal").read_text()
    said = node()
    assert (said["changed"], said["written"]) == (False, True)
    assert node.main.with_name("main.hcl.before-seal").read_text() == before == STORAGE


def test_check_mode_writes_nothing_and_shows_the_stanza_alone(node):
    said = node(check=True)
    assert said["changed"] and said["diff"]["after"] == STANZA + "\n" and "secret" not in str(said)
    assert node.main.read_text() == STORAGE and len(os.listdir(node.config)) == 2


@pytest.mark.parametrize(
    ("texts", "says"),
    [
        (
            {"seal.hcl": 'seal "transit" {\n}\n'},
            "seal.hcl has a seal of its own, which is another one than the inventory's",
        ),
        ({"seal.hcl": STANZA.replace("alias/x", "alias/y")}, "seal.hcl has a seal of its own"),
        ({"more.hcl": STORAGE}, "2 have a storage: "),
        ({"main.hcl": "# nothing\n"}, "0 have a storage: "),
        ({"main.hcl": '{"storage": {"raft": {"path": "/x"}}}'}, "main.hcl is JSON, to which nothing is added here"),
        ({"main.hcl": 'storage "raft" {\n'}, "main.hcl can't be read as Vault's configuration: line "),
    ],
)
@pytest.mark.parametrize("check", [False, True])
def test_what_is_not_plain_is_named_and_left_alone(node, check, texts, says):
    for name, text in texts.items():
        (node.config / name).write_text(text)
    before = {name: (node.config / name).read_text() for name in os.listdir(node.config)}
    assert says in node(check)["msg"]
    assert {name: (node.config / name).read_text() for name in os.listdir(node.config)} == before


@pytest.mark.parametrize("name", ["VAULT_SEAL_TYPE", "VAULT_AWSKMS_SEAL_KEY_ID", "AWS_REGION", "AWS_KMS_ENDPOINT"])
@pytest.mark.parametrize("by_file", [False, True])
def test_a_variable_that_goes_before_it_is_named(node, tmp_path, name, by_file):
    line = f"Environment={name}=x OTHER=y"
    if by_file:
        (tmp_path / "vault.env").write_text(f"{name}=x\nOTHER=y\n")
        line = f"EnvironmentFile=-{tmp_path / 'vault.env'}"
    node.unit.write_text(f"{node.unit.read_text()}{line}\n")
    assert f"the unit gives Vault {name}, which goes before" in node()["msg"]
    assert node.main.read_text() == STORAGE


NOT_THE_ROLE = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_PROFILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_CONFIG_FILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
]


@pytest.mark.parametrize("name", NOT_THE_ROLE)
@pytest.mark.parametrize("by_file", [False, True])
def test_credentials_of_somebody_else_are_named_and_never_shown(node, tmp_path, name, by_file):
    line = f"Environment={name}=hidden OTHER=y"
    if by_file:
        (tmp_path / "vault.env").write_text(f"{name}=hidden\n")
        line = f"EnvironmentFile=-{tmp_path / 'vault.env'}"
    node.unit.write_text(f"{node.unit.read_text()}{line}\n")
    said = node()
    assert f"the unit gives Vault {name}, so Vault would not use the key as the instance's role" in said["msg"]
    assert "Take it out of the unit" in said["msg"] and "hidden" not in str(said)
    assert node.main.read_text() == STORAGE


@pytest.mark.parametrize("where", ["unit", "drop_in"])
def test_a_variable_that_is_taken_back_is_no_matter(node, where):
    node.unit.write_text(f"{node.unit.read_text()}Environment=VAULT_SEAL_TYPE=transit AWS_PROFILE=x\n")
    assert "VAULT_SEAL_TYPE" in node()["msg"]
    file = getattr(node, where)
    file.write_text(f"{file.read_text()}[Service]\nEnvironment=\n")
    assert node()["changed"]


def test_a_variable_that_gives_no_credentials_is_no_matter(node):
    node.unit.write_text(f"{node.unit.read_text()}Environment=AWS_CA_BUNDLE=/x AWS_MAX_ATTEMPTS=3\n")
    assert node()["changed"]
