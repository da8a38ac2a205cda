"""A cluster that somebody else set up: what of its unit and configuration would be lost, by name and file."""

from __future__ import annotations

import json

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._node import installation
from ansible_collections.vaultops.cluster.plugins.module_utils._plan.taken_over import compare
from hypothesis import given, settings
from hypothesis import strategies as st
from kit.paths import GOLDEN
from kit.templates import render

HCL, UNIT = "/etc/vault.d/vault.hcl", "/etc/systemd/system/vault.service"
DROP_IN = "/etc/systemd/system/vault.service.d/override.conf"
NEW = [
    {"path": UNIT, "content": render("vault.service.j2", {})},
    {"path": HCL, "content": render("vault.hcl.j2", {"vault_join": "static"})},
    {"path": "/etc/vault.d/reload.hcl", "content": render("reload.hcl.j2", {})},
]
# What HashiCorp's package has, with Raft and awskms as its comments suggest.
PACKAGED_UNIT = """\
[Unit]
Description="HashiCorp Vault - A tool for managing secrets"
ConditionFileNotEmpty=/etc/vault.d/vault.hcl

[Service]
Type=simple
EnvironmentFile=/etc/vault.d/vault.env
User=vault
Group=vault
AmbientCapabilities=CAP_IPC_LOCK
ExecStart=/usr/bin/vault server -config=/etc/vault.d/vault.hcl
ExecReload=/bin/kill --signal HUP $MAINPID
KillMode=process
"""
PACKAGED_HCL = """\
# Full configuration options can be found at https://www.vaultproject.io/docs/configuration
ui = true
#mlock = true

storage "raft" {
  path    = "/opt/vault/data"
  node_id = "vault-1"
}
/* HTTPS listener */
listener "tcp" {
  address       = "0.0.0.0:8200"
  tls_cert_file = "/opt/vault/tls/tls.crt"
  tls_key_file  = "/opt/vault/tls/tls.key"
}
seal "awskms" {
  region     = "eu-central-1"
  kms_key_id = "alias/vault-unseal"
}
"""


INPUTS = {"version": "1.21.1", "settings": {"vault_server_telemetry": {"disable_hostname": True}}, "seal_in_use": {}}


def found(configs=None, unit=PACKAGED_UNIT, drop_in=None, environment=None, manager=None):
    unit, configs = {UNIT: unit}, configs or {HCL: PACKAGED_HCL}
    drop_ins = {DROP_IN: drop_in} if drop_in else {}
    return {
        "unit": unit,
        "configs": configs,
        "drop_ins": drop_ins,
        "environment_files": environment or {"/etc/vault.d/vault.env": {}},
        "manager_environment": manager or {},
        "foreign": installation.foreign({**unit, **configs, **drop_ins}),
    }


def compared(*without, inputs=None, **there):
    return compare(found(**there), NEW, list(without), inputs or INPUTS)


def lost(*without, **there):
    return compared(*without, **there)["lost"]


def problems(*without, **there):
    return " ".join(compared(*without, **there)["problems"])


def lines(*without, **there):
    return compared(*without, **there)["lines"]


def test_the_packages_own_files_lose_nothing():
    made = compared()
    assert (made["lost"], made["problems"], made["lines"]) == ([], [], [])


def test_what_vault_did_by_default_and_will_not_is_said():
    changes = compared()["changes"]
    assert [change.split(" ")[0] for change in changes] == [
        "listener.tcp.tls_min_version",
        "log_format",
        "storage.raft.performance_multiplier",
    ]
    assert changes[0] == (
        "listener.tcp.tls_min_version was not set, so it was tls12, and becomes tls13: a client that does not speak that version "
        "is refused. To keep it: vault_tls_min_version: tls12"
    )
    # So is that nobody but the node itself reaches it, and that there is no user interface.
    bare = PACKAGED_HCL.replace('  address       = "0.0.0.0:8200"\n', "").replace("ui = true\n", "")
    assert bare != PACKAGED_HCL
    assert {"listener.tcp.address", "ui"} <= {
        change.split(" ")[0] for change in compared(configs={HCL: bare})["changes"]
    }
    said = PACKAGED_HCL.replace("  tls_key_file", '  tls_min_version = "tls13"\n  tls_key_file')
    assert not any("tls_min_version" in change for change in compared(configs={HCL: said})["changes"])


def test_the_same_configuration_without_the_mark_loses_nothing():
    def unmarked(name):
        return (GOLDEN / name).read_text().split("\n", 1)[1]

    assert lost(configs={HCL: unmarked("auto_join.hcl")}, unit=unmarked("vault.service")) == []


def test_files_of_this_collection_are_not_compared():
    ours = "# Made by vaultops.cluster. Changes made here are overwritten.\n"
    assert lost(configs={HCL: ours + "max_lease_ttl = 5\n"}, unit=ours + PACKAGED_UNIT + "Environment=A=b\n") == []


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        ('"/opt/vault/tls/tls.key"', '"x"\n  tls_client_ca_file = "/opt/vault/tls/ca.crt"', "listener.tcp.tls_client_ca_file"),
        ("ui = true", 'ui = true\nmax_lease_ttl = "768h"', "max_lease_ttl"),
        ("ui = true", "ui = false", "ui"),
        ('address       = "0.0.0.0:8200"', 'address = "127.0.0.1:8200"', "listener.tcp.address"),
        ("seal ", 'listener "tcp" {\n  address = "127.0.0.1:8300"\n}\nseal ', "listener.tcp.address"),
        ("seal ", 'listener "unix" {\n  address = "/run/vault.sock"\n}\nseal ', "listener.unix.address"),
        ("seal ", 'service_registration "consul" {}\nseal ', "service_registration.consul"),
        ("seal ", 'plugin_directory = "/opt/plugins"\nseal ', "plugin_directory"),
        ("  region", '  access_key = "AKIASECRET"\n  region', "seal.awskms.access_key"),
        ("alias/vault-unseal", "1234abcd-12ab", "seal.awskms.kms_key_id"),
        ("seal ", "default_max_request_duration = 0\nseal ", "default_max_request_duration"),
        ('"/opt/vault/tls/tls.key"', '"x"\n  x_forwarded_for_reject_not_present = "false"',
         "listener.tcp.x_forwarded_for_reject_not_present"),
        ("seal ", '"telemetry" {\n  "statsd_address" = "10.0.0.9:8125"\n}\nseal ', "telemetry.statsd_address"),
        ('"/opt/vault/tls/tls.key"', '"x"\n  telemetry {\n    unauthenticated_metrics_access = true\n  }',
         "listener.tcp.telemetry.unauthenticated_metrics_access"),
        ('"/opt/vault/tls/tls.key"', '"x"\n  custom_response_headers {\n    "200" = {\n      "X-A" = ["b"]\n    }\n  }',
         "listener.tcp.custom_response_headers.200.X-A"),
    ],
)  # fmt: skip
def test_a_setting_that_would_go_is_named_and_may_go_when_it_is_named(old, new, name):
    configs = {HCL: PACKAGED_HCL.replace(old, new, 1)}
    assert lost(configs=configs) == [name]
    said = problems(configs=configs)
    assert name in said
    for value in ("768h", "AKIASECRET", "1234abcd", "statsd_address:", "ca.crt", "10.0.0.9"):
        assert value not in said
    assert problems(name, configs=configs) == ""


@pytest.mark.parametrize(
    "addition",
    [
        'tls_disable = "false"\n  tls_disable_client_certs = 0',
        "tls_require_and_verify_client_cert = false",
        'cluster_address = "0.0.0.0:8201"',
    ],
)
def test_what_says_no_is_no_loss(addition):
    assert lost(configs={HCL: PACKAGED_HCL.replace("  tls_key_file", f"  {addition}\n  tls_key_file")}) == []


@pytest.mark.parametrize("says", ["true", "false"])
def test_a_switch_that_vault_s_page_and_its_code_have_another_default_for_is_not_dropped(says):
    """The page says that it is on where nothing is said; no code of 1.19 to 1.21 switches it on."""
    addition = f"x_forwarded_for_reject_not_authorized = {says}"
    found = lost(configs={HCL: PACKAGED_HCL.replace("  tls_key_file", f"  {addition}\n  tls_key_file")})
    assert found == ["listener.tcp.x_forwarded_for_reject_not_authorized"]


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        ("/opt/vault/data", "/var/lib/vault", "storage.raft.path"),
        ('storage "raft" {\n  path    = "/opt/vault/data"\n  node_id = "vault-1"', 'backend "consul" {\n  path = "vault/"',
         "storage.consul.path"),
        ('seal "awskms"', 'seal "transit"', "seal.transit.kms_key_id"),
        (PACKAGED_HCL[PACKAGED_HCL.index("seal "):], "", "seal.shamir"),
    ],
)  # fmt: skip
def test_what_its_data_or_its_seal_hang_on_may_not_go_at_all(old, new, name):
    configs = {HCL: PACKAGED_HCL.replace(old, new, 1)}
    every = lost(configs=configs)
    assert name in every
    assert name in problems(*every, configs=configs)


def test_the_file_is_named_and_the_line_that_keeps_a_setting():
    configs = {HCL: PACKAGED_HCL, "/etc/vault.d/more.hcl": 'listener "tcp" {\n  tls_min_version = "tls12"\n}\n'}
    assert "listener.tcp.tls_min_version (/etc/vault.d/more.hcl)" in problems(configs=configs)
    assert lines(configs=configs) == ["vault_tls_min_version: tls12"]
    assert lines("listener.tcp.tls_min_version", configs=configs) == []
    assert compared("listener.tcp.tls_min_version", configs=configs)["goes"] == [
        "this goes: listener.tcp.tls_min_version (/etc/vault.d/more.hcl)"
    ]


@pytest.mark.parametrize("key_id", ["1234abcd-12ab", "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab"])
def test_a_key_that_was_compared_by_itself_is_not_lost_when_it_is_written_in_another_way(key_id):
    configs = {HCL: PACKAGED_HCL.replace("eu-central-1", "eu-west-1").replace("alias/vault-unseal", key_id)}
    proven = {**INPUTS, "seal_in_use": {"key_id": key_id, "region": "eu-west-1"}}
    assert lost(configs=configs, inputs=proven) == []
    assert lost(configs=configs) == ["seal.awskms.kms_key_id", "seal.awskms.region"]
    other = {**INPUTS, "seal_in_use": {"key_id": "another", "region": ""}}
    assert "seal.awskms.kms_key_id" in lost(configs=configs, inputs=other)


def test_json_is_read_as_well():
    tree = {
        "ui": True,
        "default_lease_ttl": "1h",
        "storage": {"raft": {"path": "/opt/vault/data/", "node_id": "vault-1"}},
        "listener": [{"tcp": {"address": "0.0.0.0:8200"}}, {"tcp": {"address": "10.0.0.1:8200"}}],
        "seal": {"awskms": {"region": "eu-central-1", "kms_key_id": "alias/vault-unseal"}},
    }
    assert lost(configs={"/etc/vault.d/main.json": json.dumps(tree)}) == ["default_lease_ttl", "listener.tcp.address"]


@pytest.mark.parametrize("text", ["{", "ui = ", "= 1\n", "[1]", '"x"', "listener tcp {"])
@pytest.mark.parametrize("name", ["a.hcl", "a.json"])
def test_what_can_not_be_read_stops_the_run(name, text):
    path = f"/etc/vault.d/{name}"
    assert f"{path} can't be read" in problems(configs={HCL: PACKAGED_HCL, path: text})


def test_the_units_environment_arguments_and_user():
    unit = """\
[Service]
User=hashicorp
Group=vault
Environment="HTTPS_PROXY=http://secret:pw@proxy" VAULT_CACERT=/x
Environment=GOMAXPROCS=2
EnvironmentFile=-/etc/default/vault
ExecStartPre=/usr/bin/check
ExecStart=/bin/sh -c 'exec /usr/local/bin/vault server -config=/etc/vault.d/vault.hcl \\
    -log-level=debug >> /var/log/vault.log'
"""
    there = {"unit": unit, "environment": {"/etc/default/vault": {"AWS_SECRET_ACCESS_KEY": ""}}}
    assert lost(**there) == [
        "unit.Environment.AWS_SECRET_ACCESS_KEY",
        "unit.Environment.GOMAXPROCS",
        "unit.Environment.HTTPS_PROXY",
        "unit.Environment.VAULT_CACERT",
        "unit.ExecStart.>>",
        "unit.ExecStart.log-level",
        "unit.ExecStartPre",
        "unit.User",
    ]
    assert "secret" not in problems(**there)
    assert "unit.Environment.AWS_SECRET_ACCESS_KEY (/etc/default/vault; instead: the inventory" in problems(**there)
    assert f"unit.Environment.HTTPS_PROXY ({UNIT}; a drop-in of the unit keeps it)" in problems(**there)
    assert lines(**there) == ["vault_server_log_level: debug"]


@pytest.mark.parametrize(("key", "value"), [("Environment", "GOMAXPROCS=2"), ("EnvironmentFile", "/etc/default/vault")])
def test_a_variable_that_a_drop_in_has_taken_back_is_no_loss(key, value):
    there = {"unit": f"{PACKAGED_UNIT}{key}={value}\n", "environment": {"/etc/default/vault": {"GOMAXPROCS": ""}}}
    assert lost(**there) == ["unit.Environment.GOMAXPROCS"]
    assert lost(**there, drop_in=f"[Service]\n{key}=\n") == []


def test_variables_and_arguments_that_say_what_is_written_are_no_loss():
    unit = PACKAGED_UNIT.replace("-config=/etc/vault.d/vault.hcl", "-config=/etc/vault.d/vault.hcl -log-level INFO")
    values = {"AWS_REGION": "eu-central-1", "VAULT_SEAL_TYPE": "awskms", "VAULT_API_ADDR": "https://10.0.1.10:8200"}
    assert lost(unit=unit, environment={"/etc/vault.d/vault.env": values}) == []
    assert lost(environment={"/etc/vault.d/vault.env": {**values, "AWS_REGION": "eu-west-1"}}) == [
        "unit.Environment.AWS_REGION"
    ]


def test_data_that_a_variable_places_elsewhere_may_not_go():
    there = {"environment": {"/etc/vault.d/vault.env": {"VAULT_RAFT_PATH": "/srv/raft"}}}
    name = "unit.Environment.VAULT_RAFT_PATH"
    assert f"its data or its seal elsewhere than the new one would ({name}" in problems(name, **there)
    assert lines(name, **there) == ["vault_server_data_dir: /srv/raft"]


@pytest.mark.parametrize(
    ("text", "names", "file"),
    [
        ("[Service]\nEnvironment=VAULT_AWSKMS_SEAL_KEY_ID=1234\n", ["drop-in.Environment.VAULT_AWSKMS_SEAL_KEY_ID"], DROP_IN),
        ("[Service]\nEnvironment='AWS_REGION=x' A=b\n", ["drop-in.Environment.AWS_REGION"], DROP_IN),
        ("[Service]\nEnvironment=AWS_REGION=eu-central-1 VAULT_SEAL_TYPE=awskms\n", [], DROP_IN),
        ("[Service]\nEnvironment=AWS_REGION=x\nEnvironment=\n", [], DROP_IN),
        ("[Service]\nEnvironmentFile=/etc/default/vault\nEnvironmentFile=\n", [], DROP_IN),
        ("[Service]\nEnvironment=AWSKMS_WRAPPER_KEY_ID=x\n", ["drop-in.Environment.AWSKMS_WRAPPER_KEY_ID"], DROP_IN),
        ("[Service]\nEnvironment=VAULT_ADVERTISE_ADDR=http://x\n", ["drop-in.Environment.VAULT_ADVERTISE_ADDR"], DROP_IN),
        ("[Service]\nExecStart=\nExecStart=/usr/bin/vault server -config=/srv/v.hcl\n", ["drop-in.ExecStart"], DROP_IN),
        ("[Service]\nEnvironmentFile=/etc/default/vault\n", ["drop-in.Environment.AWS_ACCESS_KEY_ID"], "/etc/default/vault"),
        ("[Service]\nEnvironmentFile=-/etc/default/v*\n", ["drop-in.Environment.AWS_ACCESS_KEY_ID"], "/etc/default/vault"),
        ("[Service]\nEnvironment=VAULT_ENABLE_FILE_PERMISSIONS_CHECK=false\n", [], DROP_IN),
        ("[Service]\nLimitNOFILE=1000000\nEnvironment=GOMAXPROCS=2\n", [], DROP_IN),
    ],
)  # fmt: skip
def test_a_drop_in_that_overrides_what_is_laid_down_is_a_problem(text, names, file):
    there = {"drop_in": text, "environment": {"/etc/default/vault": {"AWS_ACCESS_KEY_ID": "", "TZ": ""}}}
    assert lost(**there) == names
    said = problems(**there)
    assert all(
        f"{file} belongs to a drop-in" in said and f"name {name} in vault_adopt_without" in said for name in names
    )
    assert problems(*names, **there) == ""


def test_a_check_that_the_new_configuration_fails_may_not_stay_even_when_it_is_named():
    there = {"drop_in": '[Service]\nEnvironment="VAULT_ENABLE_FILE_PERMISSIONS_CHECK=true"\n'}
    (name,) = lost(**there)
    assert name == "drop-in.Environment.VAULT_ENABLE_FILE_PERMISSIONS_CHECK"
    said = problems(name, **there)
    assert f"{DROP_IN} belongs to a drop-in" in said
    assert "Vault would not start" in said
    assert "vault_adopt_without" not in said


def test_what_a_variable_goes_before_is_said_and_how_to_take_it_out():
    said = problems(drop_in="[Service]\nEnvironment=AWS_REGION=us-east-1\n")
    assert "sets AWS_REGION, which goes before seal.awskms.region" in said
    assert "systemctl daemon-reload" in said
    assert "us-east-1" not in said


def test_what_systemd_itself_gives_every_service_is_a_problem_too():
    there = {"manager": {"AWS_REGION": "us-east-1", "PATH": ""}}
    assert lost(**there) == ["manager.Environment.AWS_REGION"]
    assert "systemctl unset-environment AWS_REGION" in problems(**there)
    assert compared(*lost(**there), **there)["goes"] == ["this stays in force: manager.Environment.AWS_REGION"]
    assert lost(manager={"AWS_REGION": "eu-central-1"}) == []


@settings(deadline=None)
@given(st.text(), st.text(), st.text())
def test_no_text_makes_it_stumble(config, unit, drop_in):
    there = found(configs={HCL: config or " ", "/etc/vault.d/a.json": config}, unit=unit, drop_in=drop_in)
    made = compare(there, NEW, [], INPUTS)
    assert bool(made["problems"]) or made["lost"] == []


# --- on the node


def test_the_configuration_files_are_those_of_the_command(tmp_path):
    for name in ("a.hcl", "b.json", "c.txt"):
        (tmp_path / name).write_text("x")
    command = f"/bin/sh -c 'exec vault server -config={tmp_path} -config {tmp_path}/a.hcl --config={tmp_path}/gone.hcl'"
    files = installation.config_files([("ExecStart", "/bin/false"), ("ExecStart", ""), ("ExecStart", command)])
    assert [path for path in files if path.startswith(str(tmp_path))] == [
        str(tmp_path / "a.hcl"),
        str(tmp_path / "b.json"),
    ]


def test_a_file_that_is_empty_is_nobodys():
    assert installation.foreign({"a": "\n", "b": "x", "c": "# Made by vaultops.cluster. And so on"}) == ["b"]
