"""Who may log in by a certificate, what each may do, and who may not any more. test_iam.py has the same of IAM principals."""

from __future__ import annotations

import functools
import json

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._tls.served import look
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.auth import api
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.auth.state import ADMIN_POLICY
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.client import Cluster
from cryptography import x509
from kit.changes import make_cluster
from kit.login import by_certificate, identities, opens, status_of
from labkit.settings import cache

ROTATE = "playbooks/rotate_certificates.yml"
REPLACE = "playbooks/replace_node.yml"
IDENTITIES = ("operator", "admin", "status")
# With snapshots, which nodes take as an identity of their own, and which stay on the nodes.
# The tool's archive is made once for all clusters of the tests.
SNAPSHOTS = {
    "vault_login_method": "cert",
    "vault_backup": True,
    "vault_snapshot_bucket": "",
    "vault_backup_bundle_dir": str(cache() / "backup-tool"),
}
EVIL = 'path "*" { capabilities = ["sudo", "create", "read", "update", "delete", "list"] }'


logged_in_as = by_certificate
as_operator = functools.partial(by_certificate, "operator")
as_admin = functools.partial(by_certificate, "admin")


@pytest.fixture(scope="module")
def cluster(fresh_lab):
    return make_cluster(fresh_lab, **SNAPSHOTS)


def play(bench, *arguments, playbook="site.yml", **variables):
    code, output = bench.play("-e", json.dumps({**SNAPSHOTS, **variables}), *arguments, playbook=playbook)
    return code, " ".join(output.split())


def from_nodes(bench, folder):
    """What a thief with root on the nodes has: their certificates and keys, by the nodes' names."""
    folder.mkdir(exist_ok=True)
    for kind in ("crt", "key"):
        for node, text in zip(bench.lab.nodes, bench.on_nodes(f"cat /etc/vault.d/tls/vault.{kind}"), strict=True):
            (folder / f"{node.hostname}.{kind}").write_text(text)
    return folder


def node_as_backup(bench, name, folder) -> Cluster:
    options = logged_in_as("backup", bench, folder=folder).connection
    files = {"cert_auth_public_key": str(folder / f"{name}.crt"), "cert_auth_private_key": str(folder / f"{name}.key")}
    return Cluster(type(options)(**{**vars(options), **files}))


def served(bench) -> dict[str, bytes]:
    connection = as_operator(bench).connection
    return {name: look(connection, name)["der"] for name in connection.nodes}


def admin_logins(bench) -> int:
    logs = bench.on_nodes("cat /var/log/vault/audit.log* 2>/dev/null || true")
    return sum(log.count('"cert_name":"vaultops-admin"') for log in logs)


MAY_NOT = [
    ("POST", "sys/policies/acl/evil", {"policy": EVIL}),
    ("POST", "sys/policies/acl/vaultops-operator", {"policy": EVIL}),
    ("POST", "sys/policies/acl/vaultops-admin", {"policy": EVIL}),
    ("DELETE", "sys/audit/file", {}),
    ("POST", "auth/token/create", {"policies": ["root"]}),
    ("POST", "auth/token/create-orphan", {}),
    ("POST", "auth/cert/certs/evil", {"certificate": "x", "token_policies": "root"}),
    ("POST", "auth/cert/certs/vaultops-operator", {"token_policies": "vaultops-admin"}),
    ("POST", "auth/cert/crls/vaultops", {"crl": "x"}),
    ("DELETE", "auth/cert/crls/vaultops", {}),
    ("POST", "sys/mounts/evil", {"type": "kv"}),
    ("POST", "sys/auth/evil", {"type": "userpass"}),
    ("POST", "sys/storage/raft/snapshot", {"x": "y"}),
    ("POST", "sys/seal", {"x": "y"}),
]


@pytest.mark.parametrize(("method", "path", "body"), MAY_NOT, ids=lambda value: value if isinstance(value, str) else "")
def test_the_operator_changes_nothing_of_who_may_do_what(cluster, method, path, body):
    assert status_of(as_operator(cluster), method, path, **body) == 403


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        *MAY_NOT,
        ("GET", "sys/storage/raft/snapshot", {}),
        ("POST", "sys/storage/raft/autopilot/configuration", {"min_quorum": 3}),
        ("POST", "sys/storage/raft/remove-peer", {"server_id": "vault-3"}),
        ("POST", "sys/policies/acl/vaultops-canary", {"policy": "# x"}),
        ("POST", "sys/step-down", {"x": "y"}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_status_identity_writes_nothing(cluster, method, path, body):
    assert status_of(logged_in_as("status", cluster), method, path, **body) == 403


def test_the_operators_work_needs_no_admin(cluster):
    before = admin_logins(cluster)
    assert before > 0, "the admin made the cluster what it is"
    code, output = play(cluster)
    assert code == 0, output
    assert output.count("changed=0") == 4, output
    for playbook in ("backup", "rolling_restart", "status"):
        code, output = play(cluster, playbook=f"playbooks/{playbook}.yml")
        assert code == 0, output
    assert admin_logins(cluster) == before


def test_nobody_logs_in_as_somebody_else(cluster, tmp_path):
    tls, nodes = identities(cluster.lab), from_nodes(cluster, tmp_path / "nodes")
    for role in IDENTITIES:
        others = [tls / f"vaultops-{who}" for who in IDENTITIES if who != role]
        for path in [*others, nodes / "vault-1"]:
            options = logged_in_as(role, cluster).connection
            files = {"cert_auth_public_key": f"{path}.crt", "cert_auth_private_key": f"{path}.key"}
            assert not opens(Cluster(type(options)(**{**vars(options), **files}))), (role, path)
    for who in IDENTITIES:
        assert not opens(node_as_backup(cluster, f"vaultops-{who}", tls))


def test_a_certificate_that_was_rotated_away_is_refused_at_once(cluster, tmp_path):
    stolen = from_nodes(cluster, tmp_path / "stolen")

    def everybody(folder):
        return [opens(node_as_backup(cluster, node.hostname, folder)) for node in cluster.lab.nodes]

    assert everybody(stolen) == [True] * 3
    code, output = play(cluster, playbook=ROTATE)
    assert code == 0, output
    assert everybody(stolen) == [False] * 3
    assert everybody(from_nodes(cluster, tmp_path / "new")) == [True] * 3
    # What was lost of the list comes back from the nodes.
    with as_admin(cluster).login_active() as client:
        client.adapter.delete("/v1/auth/cert/crls/vaultops")
    assert everybody(stolen) == [True] * 3
    code, output = play(cluster, playbook=ROTATE)
    assert code == 0, output
    assert everybody(stolen) == [False] * 3


def test_an_operator_of_an_earlier_release_is_narrowed_once_there_is_an_admin(cluster):
    with as_admin(cluster).login_active() as client:
        api.write_policy("operator", client, "vaultops-operator", ADMIN_POLICY)
        for path in ("auth/cert/certs/vaultops-admin", "auth/cert/certs/vaultops-status"):
            client.adapter.delete(f"/v1/{path}")
        client.adapter.delete("/v1/sys/policies/acl/vaultops-admin")
    assert not opens(as_admin(cluster))
    code, output = play(cluster)
    assert code == 0, output
    assert opens(as_admin(cluster))
    assert opens(logged_in_as("status", cluster))
    assert status_of(as_operator(cluster), "POST", "sys/policies/acl/evil", policy=EVIL) == 403
    code, output = play(cluster)
    assert output.count("changed=0") == 4, output


def test_nobody_may_write_is_said_before_a_node_is_touched(cluster):
    """The admin's role is gone, the operator may not make it, and there is no root token."""
    with as_admin(cluster).login_active() as client:
        role = api.read("admin", client, "auth/cert/certs/vaultops-admin")
        client.adapter.delete("/v1/auth/cert/certs/vaultops-admin")
        before, wire = cluster.fingerprint(), served(cluster)
        code, output = play(cluster, "-e", "vault_server_log_level=debug")
        assert code != 0
        assert (
            "something has to be written (role vaultops-admin), and the identity 'vaultops-admin' can't log in"
            in output
        ), output
        assert "VAULT_TOKEN" in output
        assert cluster.fingerprint() == before
        assert served(cluster) == wire
        api.write("admin", client, "auth/cert/certs/vaultops-admin", role)


@pytest.mark.parametrize("playbook", ["site.yml", ROTATE, REPLACE, "playbooks/restore.yml"])
def test_a_ca_key_that_is_disabled_is_named_and_no_node_is_touched(cluster, playbook):
    kms, alias = cluster.aws("kms"), f"alias/vault-{cluster.lab.name}-ca"
    key = kms.describe_key(KeyId=alias)["KeyMetadata"]["KeyId"]
    before, wire = cluster.fingerprint(), served(cluster)
    kms.disable_key(KeyId=key)
    try:
        code, output = play(cluster, playbook=playbook)
    finally:
        kms.enable_key(KeyId=key)
    assert code != 0, output
    assert f"{alias} (" in output and "is disabled, so it can't sign certificates" in output
    assert cluster.fingerprint() == before
    assert served(cluster) == wire


@pytest.mark.parametrize("playbook", ["site.yml", ROTATE, REPLACE, "playbooks/restore.yml"])
def test_another_account_makes_no_ca_and_touches_no_node(cluster, playbook):
    """Where neither the alias nor the parameter of this cluster is."""
    before, wire = cluster.fingerprint(), served(cluster)
    other = {"vault_ca_key_alias": "alias/elsewhere", "vault_ca_parameter": "/vaultops/elsewhere/ca"}
    keys = cluster.aws("kms").list_keys()["Keys"]
    code, output = play(cluster, playbook=playbook, **other)
    assert code != 0, output
    assert "is not the certificate of the KMS key alias/elsewhere" in output and "which does not exist" in output
    assert cluster.aws("kms").list_keys()["Keys"] == keys
    assert cluster.fingerprint() == before
    assert served(cluster) == wire


def test_whatever_lies_on_the_controller_may_go_between_two_runs(cluster):
    cluster.forget_controller()
    code, output = play(cluster)
    assert code == 0, output
    assert output.count("changed=0") == 4, output


def test_the_certificate_of_a_node_that_was_removed_is_refused(cluster, tmp_path):
    """The last test: a cluster of two is left."""
    stolen = from_nodes(cluster, tmp_path / "nodes")
    gone = node_as_backup(cluster, "vault-3", stolen)
    assert opens(gone)
    code, output = play(
        cluster,
        playbook=REPLACE,
        vault_leaving="vault-3",
        vault_accept_lost_tolerance=True,
    )
    assert code == 0, output
    assert not opens(gone)
    assert opens(node_as_backup(cluster, "vault-1", stolen))
    serial = x509.load_pem_x509_certificate((stolen / "vault-3.crt").read_bytes()).serial_number
    operator = as_operator(cluster)
    with operator.login_active() as client:
        role = api.read("role", client, "auth/cert/certs/vaultops-backup")
        assert serial in api.read_crl("crl", client, "vaultops")
    assert role["allowed_dns_sans"] == ["vault-1", "vault-2"]
