"""A controller that is wrong or blind changes nothing of a cluster that serves, and says what it can't see."""

from __future__ import annotations

import contextlib
import json
import subprocess

import pytest
from cryptography.hazmat.primitives import serialization
from kit.certificates import issue
from kit.login import as_operator

CHANGING = {
    "site": ("site.yml", {"vault_server_log_level": "debug"}),
    "site, another version": ("site.yml", {"vault_version": "1.21.0"}),
    "rolling_upgrade": ("playbooks/rolling_upgrade.yml", {}),
    "rolling_restart": ("playbooks/rolling_restart.yml", {}),
    "rotate_certificates": ("playbooks/rotate_certificates.yml", {}),
    "a new CA": ("playbooks/rotate_certificates.yml", {"vault_tls_ca_change": "begin"}),
    "replace_node": ("playbooks/replace_node.yml", {"vault_leaving": "vault-1", "vault_accept_lost_tolerance": True}),
    "failover_check": ("playbooks/failover_check.yml", {"vault_failover_confirm": "{name}"}),
    "restore": (
        "playbooks/restore.yml",
        {"vault_restore_confirm": "{name}", "vault_snapshot_bucket": "{name}-snapshots"},
    ),
}


@pytest.fixture(scope="module")
def cluster(fresh_lab):
    code, output = fresh_lab.play()
    assert code == 0, output
    return fresh_lab


def everything(bench) -> dict[str, object]:
    """What must not change: files, processes, what is served, keys, secrets, and what the controller keeps."""
    script = "systemctl show vault -p MainPID -p NRestarts -p ActiveState; "
    script += "echo | openssl s_client -connect 127.0.0.1:8200 2>/dev/null | openssl x509 -noout -serial; "
    script += "ls -l --time-style=full-iso /usr/local/bin/vault"
    secrets = bench.aws("secretsmanager")
    names = sorted(one["Name"] for one in secrets.list_secrets()["SecretList"])
    return {
        "files": bench.fingerprint(),
        "processes": bench.on_nodes(script),
        "keys": sorted(one["KeyId"] for one in bench.aws("kms").list_keys()["Keys"]),
        "aliases": sorted(one["AliasName"] for one in bench.aws("kms").list_aliases()["Aliases"]),
        "parameters": {
            one["Name"]: one["Value"]
            for one in bench.aws("ssm").get_parameters_by_path(Path="/vaultops", Recursive=True)["Parameters"]
            if "/lease/" not in one["Name"]
        },
        "secrets": {name: secrets.get_secret_value(SecretId=name)["SecretString"] for name in names},
    }


def run(bench, name, **variables):
    playbook, own = CHANGING[name]
    text = json.dumps({**own, **variables}).replace("{name}", bench.lab.name)
    code, output = bench.play("-e", text, playbook=playbook)
    return code, output, " ".join(output.split())


# --- an account that is not the cluster's, or a CA certificate in it that is not the key's


@contextlib.contextmanager
def another(bench):
    """Neither the alias nor the parameter is there: another account or region, a typing error."""
    yield {"vault_ca_key_alias": "alias/elsewhere", "vault_ca_parameter": "/vaultops/elsewhere/ca"}


@contextlib.contextmanager
def foreign(bench):
    """Somebody wrote the certificate of another CA into the parameter."""
    ssm, name = bench.aws("ssm"), f"/vaultops/{bench.lab.name}/ca"
    right = ssm.get_parameter(Name=name)["Parameter"]["Value"]
    certificate = issue("foreign", [], None, None)[1].public_bytes(serialization.Encoding.PEM).decode()
    ssm.put_parameter(Name=name, Value=certificate, Type="String", Overwrite=True)
    try:
        yield {}
    finally:
        ssm.put_parameter(Name=name, Value=right, Type="String", Overwrite=True)


SAYS = {
    another: ("what the nodes trust has the CA CN=Vault", "alias/elsewhere", "which does not exist"),
    foreign: ("has the CA CN=foreign, and that is not the certificate of the KMS key",),
}


@pytest.mark.parametrize("account", SAYS, ids=lambda made: made.__name__)
@pytest.mark.parametrize("name", CHANGING)
def test_a_wrong_account(cluster, name, account):
    assert as_operator(cluster).active()
    with account(cluster) as variables:
        before = everything(cluster)
        code, output, said = run(cluster, name, **variables)
        assert code != 0, output
        assert all(words in said for words in SAYS[account]), output
        assert everything(cluster) == before, output
    assert as_operator(cluster).active()


@pytest.mark.parametrize("name", ["site", "rolling_restart"])
def test_any_controller_is_as_good_as_another(cluster, name):
    """A second operator's laptop, a container that is new each time."""
    cluster.forget_controller()
    code, output, _said = run(cluster, name, vault_server_log_level="info")
    assert code == 0, output


# --- a way to 8200 that is closed


@contextlib.contextmanager
def filtered(nodes):
    """This machine's packets to the nodes' API are dropped; the nodes reach each other."""
    rules = [
        [
            "OUTPUT",
            "-d",
            node.address,
            "-p",
            "tcp",
            "--dport",
            "8200",
            "-j",
            "DROP",
            "-m",
            "comment",
            "--comment",
            "vaultops",
        ]
        for node in nodes
    ]
    for rule in rules:
        subprocess.run(["iptables", "-I", *rule], check=True)
    try:
        yield
    finally:
        for rule in rules:
            subprocess.run(["iptables", "-D", *rule], check=True)


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("name", CHANGING)
def test_a_way_that_is_closed(cluster, name, count):
    cluster.require_network()
    nodes = cluster.lab.nodes[-count:]
    before = everything(cluster)
    with filtered(nodes):
        code, output, said = run(cluster, name)
    assert code != 0, output
    # The one that leaves by name may be dead.
    staying = [node for node in nodes if not (name == "replace_node" and node.hostname == "vault-1")]
    for node in staying:
        assert f"{node.hostname}: Vault runs on it" in said, output
    assert "and this controller can't talk to it" in said
    assert everything(cluster) == before, output


def test_status_says_that_it_sees_nothing_and_does_not_call_it_down(cluster):
    with filtered(cluster.lab.nodes):
        code, output = cluster.play(playbook="playbooks/status.yml")
    assert code == 4, output
    assert f"This controller can't see the cluster {cluster.lab.name}" in " ".join(output.split())
    assert "The cluster is down" not in output
    code, output = cluster.play(playbook="playbooks/status.yml")
    assert code == 0, output


# --- an address that leads elsewhere


def test_an_address_that_leads_to_another_node(cluster):
    """vault-3's address is vault-2's: SSH and API would be two machines."""
    hosts = cluster.hosts(
        vault_2={"vault_address": cluster.lab.nodes[2].address}, vault_3={"vault_address": cluster.lab.nodes[1].address}
    )
    before = everything(cluster)
    code, output = cluster.play(inventory=cluster.inventory(hosts))
    assert code != 0, output
    assert everything(cluster) == before, output


def test_afterwards_a_run_with_the_right_directory_changes_nothing(cluster):
    code, output = cluster.play()
    assert code == 0, output
    assert output.count("changed=0") == 4, output
