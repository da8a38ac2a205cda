"""Who may log in by a certificate, what each may do, and who may not any more. test_iam.py has the same of IAM principals."""

from __future__ import annotations

import datetime
import functools
import json
import shutil

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._tls import authority
from ansible_collections.vaultops.cluster.plugins.module_utils._tls.served import look
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.auth import api
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.auth.state import ADMIN_POLICY
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.client import Cluster, call
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.errors import VaultError
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.session import can_log_in
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from kit.certificates import pem
from kit.changes import make_cluster
from kit.login import by_certificate
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


def tls_of(bench):
    return bench.controller / "tls"


def node_as_backup(bench, name, folder) -> Cluster:
    options = logged_in_as("backup", bench, folder=folder).connection
    files = {"cert_auth_public_key": str(folder / f"{name}.crt"), "cert_auth_private_key": str(folder / f"{name}.key")}
    return Cluster(type(options)(**{**vars(options), **files}))


def opens(cluster: Cluster) -> bool:
    return can_log_in(cluster, cluster.active())


def status_of(cluster: Cluster, method: str, path: str, **body) -> int:
    """Vault's answer to one request."""
    name = cluster.active()
    with cluster.login(name) as client:
        try:
            call(name, lambda: client.adapter.request(method, f"/v1/{path}", json=body or None))
        except VaultError as error:
            assert error.status, error
            return error.status
    return 200


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


def test_nobody_logs_in_as_somebody_else(cluster):
    tls = tls_of(cluster)
    for role in IDENTITIES:
        for name in {f"vaultops-{who}" for who in IDENTITIES} - {f"vaultops-{role}"} | {"nodes/vault-1"}:
            options = logged_in_as(role, cluster).connection
            files = {
                "cert_auth_public_key": str(tls / f"{name}.crt"),
                "cert_auth_private_key": str(tls / f"{name}.key"),
            }
            assert not opens(Cluster(type(options)(**{**vars(options), **files}))), (role, name)
    for who in IDENTITIES:
        assert not opens(node_as_backup(cluster, f"vaultops-{who}", tls))


def test_a_certificate_that_was_rotated_away_is_refused_at_once(cluster, tmp_path):
    stolen = tmp_path / "stolen"
    shutil.copytree(tls_of(cluster), stolen)

    def everybody(folder):
        nodes = [node_as_backup(cluster, node.hostname, folder / "nodes") for node in cluster.lab.nodes]
        return [opens(one) for one in [logged_in_as(who, cluster, folder=folder) for who in IDENTITIES] + nodes]

    assert everybody(stolen) == [True] * 6
    code, output = play(cluster, playbook=ROTATE)
    assert code == 0, output
    assert everybody(stolen) == [False] * 6
    assert everybody(tls_of(cluster)) == [True] * 6
    # What was lost of the list comes back from the controller's files.
    with as_admin(cluster).login_active() as client:
        client.adapter.delete("/v1/auth/cert/crls/vaultops")
    assert everybody(stolen) == [True] * 6
    code, output = play(cluster, playbook=ROTATE)
    assert code == 0, output
    assert everybody(stolen) == [False] * 6


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
        role = api.read_role("admin", client, "vaultops-admin")
        client.adapter.delete("/v1/auth/cert/certs/vaultops-admin")
        before, wire = cluster.fingerprint(), served(cluster)
        code, output = play(cluster, "-e", "vault_server_log_level=debug")
        assert code != 0
        assert "the identity 'vaultops-admin' can't log in, and custody holds no root token" in output, output
        assert "VAULT_TOKEN" in output
        assert cluster.fingerprint() == before
        assert served(cluster) == wire
        api.write_role("admin", client, "vaultops-admin", role)


@pytest.mark.parametrize("left", ["expired", "lost"])
def test_a_certificate_of_an_identity_is_issued_before_anybody_logs_in(cluster, left):
    tls = tls_of(cluster)
    ca = x509.load_pem_x509_certificate((tls / "ca.crt").read_bytes())
    ca_key = serialization.load_pem_private_key((tls / "ca.key").read_bytes(), None)
    for who in IDENTITIES:
        name, key = f"vaultops-{who}", authority.new_key()
        wanted = {"common_name": name, "names": [name], "usage": ["clientAuth"], "days": 3}
        begun = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=4)
        expired = authority.certificate(ca, ca_key, key, wanted, begun)
        (tls / f"{name}.crt").write_bytes(expired.public_bytes(serialization.Encoding.PEM))
        (tls / f"{name}.key").write_bytes(pem(key))
        if left == "lost":
            (tls / f"{name}.crt").unlink()
            (tls / f"{name}.key").unlink()
    code, output = play(cluster, "--check")
    assert code == 0, output
    assert output.count("changed=0") == 4, output
    assert opens(as_operator(cluster))
    assert opens(as_admin(cluster))


def test_without_the_cas_key_a_run_goes_on_until_something_has_to_be_issued(cluster, tmp_path):
    tls = tls_of(cluster)
    shutil.move(tls / "ca.key", tmp_path / "ca.key")
    try:
        code, output = play(cluster)
        assert code == 0, output
        assert output.count("changed=0") == 4, output
        shutil.move(tls / "nodes/vault-2.crt", tmp_path / "vault-2.crt")
        before, wire = cluster.fingerprint(), served(cluster)
        code, output = play(cluster)
        assert code != 0
        assert f"{tls / 'ca.key'} is missing on the controller" in output, output
        assert "Never make another CA in its place" in output
        assert not (tls / "ca.key").exists()
        assert cluster.fingerprint() == before
        assert served(cluster) == wire
    finally:
        shutil.move(tmp_path / "ca.key", tls / "ca.key")
        if (tmp_path / "vault-2.crt").exists():
            shutil.move(tmp_path / "vault-2.crt", tls / "nodes/vault-2.crt")


@pytest.mark.parametrize("playbook", ["site.yml", ROTATE, REPLACE, "playbooks/restore.yml"])
def test_another_directory_on_the_controller_makes_no_ca_and_touches_no_node(cluster, tmp_path, playbook):
    before, wire = cluster.fingerprint(), served(cluster)
    code, output = play(cluster, playbook=playbook, vault_controller_dir=str(tmp_path / "empty"))
    assert code != 0, output
    assert not list((tmp_path / "empty").rglob("ca.*"))
    assert not list((tmp_path / "empty").rglob("*.key"))
    assert cluster.fingerprint() == before
    assert served(cluster) == wire


def test_a_private_key_that_others_can_read_is_closed(cluster):
    key = tls_of(cluster) / "vaultops-admin.key"
    parents = [path for path in key.parents if path.stat().st_mode & 0o1 == 0]
    key.chmod(0o644)
    code, output = play(cluster)
    assert code == 0, output
    # In directories that nobody else may enter it was not open to begin with.
    assert key.stat().st_mode & 0o777 == (0o644 if parents else 0o600)
    key.chmod(0o600)


def test_the_certificate_of_a_node_that_was_removed_is_refused(cluster, tmp_path):
    """The last test: a cluster of two is left."""
    shutil.copytree(tls_of(cluster) / "nodes", tmp_path / "nodes")
    gone = node_as_backup(cluster, "vault-3", tmp_path / "nodes")
    assert opens(gone)
    code, output = play(
        cluster,
        playbook=REPLACE,
        vault_leaving="vault-3",
        vault_accept_lost_tolerance=True,
    )
    assert code == 0, output
    assert not opens(gone)
    assert opens(node_as_backup(cluster, "vault-1", tls_of(cluster) / "nodes"))
    assert not (tls_of(cluster) / "nodes/vault-3.key").exists()
    serial = x509.load_pem_x509_certificate((tmp_path / "nodes/vault-3.crt").read_bytes()).serial_number
    operator = as_operator(cluster)
    with operator.login_active() as client:
        role = api.read_role("role", client, "vaultops-backup")
        assert serial in api.read_crl("crl", client, "vaultops")
    assert role["allowed_dns_sans"] == ["vault-1", "vault-2"]
