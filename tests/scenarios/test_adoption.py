"""A cluster that somebody else made is adopted as it is, or left alone with the reason."""

from __future__ import annotations

import json
import subprocess

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.client import Cluster, Connection
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.status.api import read_nodes
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.status.state import classify
from kit.bench import ROOT


@pytest.fixture(scope="module")
def by_hand(fresh_lab):
    """A cluster made by a shell script, and its certificates."""
    folder = fresh_lab.folder / "by-hand"
    network = fresh_lab.lab.gateway.rpartition(".")[0]
    fresh_lab.forget_cluster()
    lab = fresh_lab.lab
    subprocess.run(["bash", "tests/bench/deploy.sh", lab.prefix, network, str(folder), lab.name], cwd=ROOT, check=True)
    yield folder
    # Its key carries no cluster's tag, so no other test could make a cluster with this alias.
    fresh_lab.aws("kms").delete_alias(AliasName="alias/vault-unseal")


def variables(folder) -> str:
    return json.dumps(
        {
            "vault_kms_manage": False,
            "vault_login_method": "cert",
            "vault_tls_source": "given",
            "vault_tls_dir": str(folder),
            "vault_ca_file": str(folder / "ca.crt"),
            "vault_operator_ca_file": str(folder / "ca.crt"),
            "vault_operator_certificate_file": str(folder / "vaultops-operator.crt"),
            "vault_operator_key_file": str(folder / "vaultops-operator.key"),
        }
    )


def cluster_of(bench, folder):
    nodes = {node.hostname: f"https://{node.address}:8200" for node in bench.lab.nodes}
    return classify(read_nodes(Cluster(Connection(nodes=nodes, ca_cert=str(folder / "ca.crt")))))


def test_other_node_ids_stop_the_play_and_are_named(fresh_lab, by_hand):
    before = fresh_lab.fingerprint()
    inventory = fresh_lab.inventory(fresh_lab.hosts(vault_3={"vault_node_id": "vault-three"}))
    code, output = fresh_lab.play("-e", variables(by_hand), inventory=inventory)
    said = " ".join(output.split())
    assert code != 0
    assert (
        f"vault-3 ({fresh_lab.lab.nodes[2].address}:8201) is a peer of the cluster, and not in the inventory" in said
    ), output
    assert fresh_lab.fingerprint() == before


def test_another_version_is_not_installed_over_it(fresh_lab, by_hand):
    before = fresh_lab.fingerprint()
    code, output = fresh_lab.play("-e", variables(by_hand), "-e", "vault_version=1.21.0")
    assert code != 0
    assert "does not change the version of a cluster that serves" in " ".join(output.split()), output
    assert fresh_lab.fingerprint() == before


def test_another_ca_stops_the_play(fresh_lab, by_hand, tmp_path):
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-subj",
            "/CN=x",
        ]
        + ["-keyout", str(tmp_path / "x.key"), "-out", str(tmp_path / "x.crt")],
        check=True,
        capture_output=True,
    )
    code, output = fresh_lab.play("-e", variables(by_hand), "-e", f"vault_ca_file={tmp_path / 'x.crt'}")
    said = " ".join(output.split())
    assert code != 0
    assert "certificate was not accepted" in said, output
    assert "vault-2" in said


OVERRIDE = "/etc/systemd/system/vault.service.d/override.conf"


def foreign(bench):
    """As if somebody else had written the files, with settings of his own, and a drop-in that overrides the seal."""
    marked = "/etc/vault.d/vault.hcl /etc/vault.d/reload.hcl /etc/systemd/system/vault.service"
    bench.on_nodes(
        f"sed -i '/Made by vaultops/d' {marked}\n"
        "printf '%s\\n' 'max_lease_ttl = \"87600h\"' '\"plugin_directory\" = \"/opt/vault/plugins\"' >>/etc/vault.d/vault.hcl\n"
        f"mkdir -p {OVERRIDE.rpartition('/')[0]}\n"
        f"printf '%s\\n' '[Service]' 'Environment=AWS_REGION=eu-west-1 AWS_DEFAULT_REGION=eu-central-1' >{OVERRIDE}\n"
        "systemctl daemon-reload"
    )


# One setting is kept, one goes.
KEPT = {"vault_server_settings": {"max_lease_ttl": "87600h"}}
GOES = ("-e", json.dumps({**KEPT, "vault_adopt_without": ["plugin_directory"]}))


def test_what_would_be_lost_is_named_and_refused_with_what_overrides_the_seal(fresh_lab, by_hand):
    foreign(fresh_lab)
    before = fresh_lab.fingerprint()
    code, output = fresh_lab.play("-e", variables(by_hand))
    said = " ".join(output.split())
    assert code != 0, output
    assert "max_lease_ttl (/etc/vault.d/vault.hcl)" in said, output
    assert "vault_server_settings: {max_lease_ttl: 87600h, plugin_directory: /opt/vault/plugins}" in said, output
    assert f"{OVERRIDE} belongs to a drop-in of the unit" in said, output
    assert "AWS_DEFAULT_REGION" not in said, "it says what is written"
    assert fresh_lab.fingerprint() == before

    code, output = fresh_lab.play("-e", variables(by_hand), *GOES)
    said = " ".join(output.split())
    assert code != 0, output
    assert "sets AWS_REGION, which goes before seal.awskms.region" in said, output
    assert "max_lease_ttl" not in said, output
    assert fresh_lab.fingerprint() == before


def test_what_is_kept_or_named_goes_on_once_nothing_overrides_the_seal(fresh_lab, by_hand):
    fresh_lab.on_nodes(f"sed -i s/AWS_REGION=eu-west-1// {OVERRIDE} && systemctl daemon-reload")
    before = fresh_lab.fingerprint()
    code, output = fresh_lab.play("-e", variables(by_hand), *GOES, "--check", "--diff")
    assert code == 0, output
    assert "this goes: plugin_directory (/etc/vault.d/vault.hcl)" in " ".join(output.split())
    assert fresh_lab.fingerprint() == before


def test_an_operator_that_is_missing_is_found_before_a_node_is_touched(fresh_lab, by_hand, tmp_path):
    before = fresh_lab.fingerprint()
    gone = json.dumps({"vault_operator_certificate_file": str(tmp_path / "none.crt")})
    code, output = fresh_lab.play("-e", variables(by_hand), *GOES, "-e", gone)
    assert code != 0, output
    assert "none.crt" in " ".join(output.split()), output
    assert fresh_lab.fingerprint() == before


def test_the_same_cluster_is_adopted_without_init(fresh_lab, by_hand):
    before = cluster_of(fresh_lab, by_hand)
    code, output = fresh_lab.play("-e", variables(by_hand), *GOES)
    assert code == 0, output
    after = cluster_of(fresh_lab, by_hand)
    assert after["state"] == "live"
    assert after["cluster_id"] == before["cluster_id"]
    secrets = fresh_lab.aws("secretsmanager").list_secrets()["SecretList"]
    assert fresh_lab.secret not in [secret["Name"] for secret in secrets]

    configured = fresh_lab.on_nodes("grep max_lease_ttl /etc/vault.d/vault.hcl")
    assert "87600h" in str(configured)

    code, output = fresh_lab.play("-e", variables(by_hand), "-e", json.dumps(KEPT))
    assert code == 0, output
    assert output.count("changed=0") == 4, output
