"""IAM principals log in to a real Vault: who may do what, who may not any more, and what is said where nobody can."""

from __future__ import annotations

import contextlib
import json

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.auth import api
from kit.changes import inside, make_cluster
from kit.login import as_admin, as_operator, by_certificate, logged_in_as, opens, status_of
from labkit.aws import person
from labkit.settings import ACCOUNT

ME = f"arn:aws:iam::{ACCOUNT}:user/moto"
EVIL = 'path "*" { capabilities = ["sudo", "create", "read", "update", "delete", "list"] }'
# As people write them: with a session, with a path, or plainly.
PEOPLE = {
    "vault_admins": [ME, f"arn:aws:sts::{ACCOUNT}:assumed-role/vault-admin/somebody"],
    "vault_operators": [f"arn:aws:iam::{ACCOUNT}:role/teams/vault-operator"],
    "vault_viewers": [person("vault-viewer")],
}
MAY = {
    "vault-admin": {"admin", "operator", "status"},
    "vault-operator": {"operator", "status"},
    "vault-viewer": {"status"},
    "vault-node": set(),
}


@pytest.fixture(scope="module")
def cluster(fresh_lab):
    return make_cluster(fresh_lab, **PEOPLE)


def play(bench, *arguments, playbook="site.yml", **variables):
    code, output = bench.play("-e", json.dumps({**PEOPLE, **variables}), *arguments, playbook=playbook)
    return code, " ".join(output.split())


def let_in(bench, who: str) -> set[str]:
    return {role for role in ("admin", "operator", "status") if opens(logged_in_as(role, bench, person=who))}


def roles_of(bench) -> dict[str, list[str]]:
    with as_admin(bench).login_active() as client:
        names = ("vaultops-admin", "vaultops-operator", "vaultops-status")
        found = {name: api.read("role", client, f"auth/aws/role/{name}") for name in names}
    return {name: sorted(role["bound_iam_principal_arn"]) for name, role in found.items() if role}


@contextlib.contextmanager
def without_sts(*nodes):
    """The nodes have no way to AWS."""
    for node in nodes:
        gateway = f"{node.address.rpartition('.')[0]}.1"
        inside(
            node.container,
            "nft add table inet cut; nft add chain inet cut out '{ type filter hook output priority 0; }'; "
            f"nft add rule inet cut out ip daddr {gateway} tcp dport 5000 reject",
        )
    try:
        yield
    finally:
        for node in nodes:
            inside(node.container, "nft delete table inet cut")


def test_a_second_run_changes_nothing(cluster):
    code, output = play(cluster)
    assert code == 0, output
    assert output.count("changed=0") == 4, output


@pytest.mark.parametrize("who", MAY)
def test_everybody_logs_in_as_what_he_may_and_as_nothing_else(cluster, who):
    assert let_in(cluster, who) == MAY[who]


MAY_NOT = [
    ("POST", "sys/policies/acl/evil", {"policy": EVIL}),
    ("POST", "sys/policies/acl/vaultops-operator", {"policy": EVIL}),
    ("POST", "auth/aws/role/evil", {"auth_type": "iam", "token_policies": "root"}),
    ("POST", "auth/aws/role/vaultops-admin", {"bound_iam_principal_arn": person("vault-operator")}),
    ("DELETE", "auth/aws/role/vaultops-admin", {}),
    ("POST", "auth/aws/config/client", {"sts_endpoint": "https://example.org"}),
    ("DELETE", "auth/aws/config/client", {}),
    ("DELETE", "sys/auth/aws", {}),
    ("POST", "sys/auth/evil", {"type": "userpass"}),
    ("POST", "auth/cert/certs/evil", {"certificate": "x", "token_policies": "root"}),
    ("POST", "auth/token/create", {"policies": ["root"]}),
    ("POST", "sys/mounts/evil", {"type": "kv"}),
]


@pytest.mark.parametrize("who", ["operator", "status"])
@pytest.mark.parametrize(("method", "path", "body"), MAY_NOT, ids=lambda value: value if isinstance(value, str) else "")
def test_nobody_but_the_admin_changes_who_may_do_what(cluster, who, method, path, body):
    assert (
        status_of(logged_in_as(who, cluster, person=f"vault-{who.replace('status', 'viewer')}"), method, path, **body)
        == 403
    )


def test_each_does_its_own_work(cluster):
    with cluster.acting_as("vault-operator"):
        code, output = play(cluster)
        assert code == 0, output
        assert output.count("changed=0") == 4, output
    with cluster.acting_as("vault-viewer"):
        code, output = play(cluster, playbook="playbooks/status.yml")
        assert code == 0, output
        assert output.count("healthy") >= 3, output
        before = cluster.fingerprint()
        code, output = play(cluster)
        assert code != 0
        assert "assumed-role/vault-viewer/somebody can't log in as 'vaultops-operator'" in output, output
        assert cluster.fingerprint() == before


def test_an_operator_is_told_who_may_write(cluster):
    with cluster.acting_as("vault-operator"):
        code, output = play(cluster, vault_viewers=[])
    assert code != 0
    assert "the identity 'vaultops-admin' can't log in" in output, output
    assert "assumed-role/vault-operator/somebody" in output
    assert person("vault-viewer") in roles_of(cluster)["vaultops-status"]


def test_nobody_takes_himself_from_the_administrators(cluster):
    before = roles_of(cluster), cluster.fingerprint()
    code, output = play(cluster, vault_admins=[person("vault-admin")])
    assert code != 0
    assert f"{ME}, as whom this controller logs in, would not be among the administrators" in output, output
    assert "Nothing was changed" in output
    assert (roles_of(cluster), cluster.fingerprint()) == before
    # Who stays may do it, and it is said that the other one can't be proven from here.
    with cluster.acting_as("vault-admin"):
        code, output = play(cluster, vault_admins=[person("vault-admin")])
        assert code == 0, output
    assert not opens(as_operator(cluster))
    with cluster.acting_as("vault-admin"):
        code, output = play(cluster)
        assert code == 0, output
        assert f"nobody but they can show it: {person('vault-operator')}, {person('vault-viewer')}, {ME}." in output, (
            output
        )
    assert opens(as_admin(cluster))


def test_whoever_is_taken_from_the_list_is_out(cluster):
    code, output = play(cluster, "--check", "--diff", vault_operators=[])
    assert code == 0, output
    assert "Who may do what is set up or changed" in output
    assert not [
        other for other in ("Audit devices", "Autopilot is", "Autopilot may", "let take snapshots") if other in output
    ]
    assert let_in(cluster, "vault-operator") == MAY["vault-operator"]
    code, output = play(cluster, vault_operators=[])
    assert code == 0, output
    assert let_in(cluster, "vault-operator") == set()
    assert let_in(cluster, "vault-viewer") == {"status"}
    code, output = play(cluster)
    assert code == 0, output
    assert let_in(cluster, "vault-operator") == MAY["vault-operator"]


def test_an_active_node_without_sts_is_named_with_the_cure(cluster):
    active = as_operator(cluster).active()
    node = next(node for node in cluster.lab.nodes if node.hostname == active)
    before = cluster.fingerprint()
    with without_sts(node):
        code, output = play(cluster)
    assert code != 0
    assert f"{active}: the identity 'vaultops-operator' can't log in" in output, output
    assert f"{ME.replace(':iam:', ':sts:')} can't log in as 'vaultops-operator'" in output
    assert f"see that the nodes reach {cluster.lab.aws_url}" in output
    assert cluster.fingerprint() == before


def test_a_standby_without_sts_is_found_before_it_has_to_answer_for_a_change(cluster):
    active = as_operator(cluster).active()
    node = next(node for node in cluster.lab.nodes if node.hostname != active)
    before = roles_of(cluster), cluster.fingerprint()
    with without_sts(node):
        code, output = play(cluster, vault_viewers=[])
    assert code != 0
    assert f"STS can't be reached at {cluster.lab.aws_url}" in output, output
    assert f"[{node.hostname}]: FAILED" in output
    assert (roles_of(cluster), cluster.fingerprint()) == before


def expired_in_the_middle(bench, playbook, task) -> tuple[int, str]:
    """The controller's credentials expire when *task* has changed the first node. Returns what that run says."""
    process = bench.start_play("-e", json.dumps(PEOPLE), playbook=playbook)
    lines, current = [], ""
    with bench.expiring() as expire:
        for line in process.stdout:
            lines.append(line)
            current = line if line.startswith("TASK [") else current
            if task in current and line.startswith("changed: [vault-"):
                expire()
        return process.wait(timeout=60), " ".join("".join(lines).split())


@pytest.mark.parametrize(
    ("playbook", "task"),
    [
        ("rolling_restart", "Restart Vault, if the others can do without it"),
        ("rotate_certificates", "Bring certificate, key and CA into service"),
    ],
)
def test_credentials_that_expire_between_two_nodes_are_named_and_the_next_run_finishes(cluster, playbook, task):
    code, output = expired_in_the_middle(cluster, f"playbooks/{playbook}.yml", task)
    assert code != 0, output
    assert "sts:GetCallerIdentity was refused: ExpiredToken" in output, output
    assert "These AWS credentials have expired: log in to AWS again, and run again" in output, output
    code, output = play(cluster, playbook=f"playbooks/{playbook}.yml")
    assert code == 0, output
    code, output = play(cluster)
    assert code == 0, output
    assert output.count("changed=0") == 4, output


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"vault_admins": ["somebody"]}, "vault_admins: 'somebody' is not the ARN of an IAM user or role"),
        (
            {"vault_viewers": [f"arn:aws:iam::{ACCOUNT}:root"]},
            "vault_viewers: 'arn:aws:iam::123456789012:root' is not the ARN",
        ),
        (
            {"vault_login_method": "ldap"},
            "none of its choices. Use one of aws, cert, token.",
        ),
    ],
)
def test_a_bad_input_is_named(cluster, wrong, says):
    before = cluster.fingerprint()
    code, output = play(cluster, **wrong)
    assert code != 0
    assert says in output, output
    assert cluster.fingerprint() == before


def test_a_new_cluster_is_not_begun_by_who_may_not_administer_it(cluster):
    cluster.forget_cluster()
    before = cluster.fingerprint()
    code, output = play(cluster, vault_admins=[person("vault-admin")])
    assert code != 0
    assert f"{ME}, as whom this controller logs in, is not among vault_admins ({person('vault-admin')})" in output, (
        output
    )
    assert cluster.fingerprint() == before
    with without_sts(cluster.lab.nodes[1]):
        code, output = play(cluster)
    assert code != 0
    assert f"STS can't be reached at {cluster.lab.aws_url}" in output, output
    assert cluster.fingerprint() == before
    assert not [
        one for one in cluster.aws("secretsmanager").list_secrets()["SecretList"] if one["Name"] == cluster.secret
    ]


@pytest.mark.parametrize(
    ("call", "count"),
    [("Sign", 3), ("PutSecretValue", 3)],
    ids=["while certificates are issued", "between init and custody"],
)
def test_credentials_that_expire_while_a_cluster_is_made_are_named_and_the_next_run_finishes(cluster, call, count):
    cluster.forget_cluster()
    cluster.on_nodes("rm -rf /etc/vault.d/tls")
    with cluster.expiring() as expire:
        expire(call, count)
        code, output = play(cluster)
    assert code != 0, output
    assert "ExpiredTokenException" in output, output
    assert "have expired" in output and "log in to aws again" in output.lower(), output
    code, output = play(cluster)
    assert code == 0, output
    assert opens(as_admin(cluster))
    code, output = play(cluster)
    assert code == 0, output
    assert output.count("changed=0") == 4, output


def test_a_cluster_of_certificates_moves_over_by_one_run(cluster):
    by_cert = {"vault_login_method": "cert", "vault_admins": [], "vault_operators": [], "vault_viewers": []}
    code, output = play(cluster, **by_cert)
    assert code == 0, output
    assert opens(by_certificate("admin", cluster))
    code, output = play(cluster)
    assert code != 0
    assert "run site.yml once with -e vault_login_method=cert, and vault_admins set" in output, output
    code, output = play(cluster, vault_login_method="cert")
    assert code == 0, output
    assert opens(as_admin(cluster))
    assert opens(by_certificate("admin", cluster))
    code, output = play(cluster)
    assert code == 0, output
    assert [opens(by_certificate(who, cluster)) for who in ("admin", "operator", "status")] == [False] * 3
    code, output = play(cluster)
    assert code == 0, output
    assert output.count("changed=0") == 4, output
    for playbook in ("rolling_restart", "rotate_certificates", "status"):
        code, output = play(cluster, playbook=f"playbooks/{playbook}.yml")
        assert code == 0, output
