"""IAM principals: who is let in, by what is signed here, and what is said where they are not. A Vault and an STS on loopback."""

from __future__ import annotations

import json

import pytest
from ansible.module_utils.basic import AnsibleModule
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.auth import state
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.client import Cluster, Connection
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.errors import Expired
from ansible_collections.vaultops.cluster.plugins.modules import (
    vault_audit,
    vault_cluster_info,
    vault_login_info,
    vault_raft_autopilot,
    vault_raft_info,
    vault_raft_restore,
)
from kit.identities import ADMIN, ME, MY_ROLE, OPERATOR, ROOT, SECRET, SESSION, STATUS, files

OTHER = "arn:aws:iam::123456789012:role/other"
SOMEBODY = "arn:aws:iam::210987654321:user/somebody"
EVERYBODY = [f"iam {role}" for role in (ADMIN, STATUS, OPERATOR)]
AUDIT = {"devices": {"file": {"type": "file", "options": {"file_path": "/x"}}}}


@pytest.fixture
def made(set_up, by_iam):
    return lambda check=False, **more: set_up(check, of=by_iam, **more)


@pytest.fixture
def warnings(monkeypatch):
    """Ansible gives each warning once a process."""
    said = []
    monkeypatch.setattr(AnsibleModule, "warn", lambda _module, text, **_more: said.append(text))
    return said


def bound(vault):
    return {role: found["bound_iam_principal_arn"] for role, found in vault.aws_roles.items()}


def test_root_makes_the_callers_identities_and_goes_when_they_have_logged_in(vault, made, warnings):
    said = made(check=True, root=True)
    assert said["steps"][:4] == ["cert_auth", "aws_auth", "aws_config", f"policy {ADMIN}"]
    assert vault.events == []
    said = made(root=True)
    assert said["root_token_revoked"], said
    assert vault.events[-1] == f"revoke {ROOT}"
    assert sorted(vault.logins) == sorted(EVERYBODY)
    assert bound(vault) == dict.fromkeys((ADMIN, STATUS, OPERATOR), [MY_ROLE])
    assert vault.aws_config == {
        "sts_endpoint": vault.sts.url,
        "sts_region": "eu-central-1",
        "use_sts_region_from_client": False,
        "iam_server_id_header_value": "vault.prod.internal",
    }
    assert vault.roles == {}, "nobody has a certificate"
    assert vault.aws_roles[ADMIN] == {
        "auth_type": "iam",
        "bound_iam_principal_arn": [MY_ROLE],
        "resolve_aws_unique_ids": False,
        "token_policies": [ADMIN],
        "token_ttl": 900,
        "token_max_ttl": 900,
    }
    assert set(vault.tokens) == set()
    assert warnings == []


def test_where_nothing_differs_one_login_is_all_and_nobody_asks_sts_who_this_is(vault, made):
    made(root=True)
    vault.logins.clear()
    vault.events.clear()
    vault.sts.asked = 0
    assert not made()["changed"]
    assert set(vault.logins) == {f"iam {OPERATOR}"}
    assert vault.events == []
    assert vault.sts.asked == 0


def test_nothing_secret_is_said(made):
    for check in (True, False):
        said = json.dumps(made(check, root=True))
        for secret in (SECRET, SESSION, ROOT, "AWS4-HMAC-SHA256", "Signature="):
            assert secret not in said


def test_whoever_administers_operates_and_looks_too(vault, made, warnings):
    given = {"admins": [ME], "operators": [OTHER], "viewers": [SOMEBODY]}
    made(root=True, **given)
    assert bound(vault) == {
        ADMIN: [MY_ROLE],
        OPERATOR: [OTHER, MY_ROLE],
        STATUS: [OTHER, MY_ROLE, SOMEBODY],
    }
    assert f"nobody but they can show it: {OTHER}, {SOMEBODY}." in warnings[0]
    assert not made(**given)["changed"]


def test_whoever_is_taken_from_the_list_is_out(vault, made):
    made(root=True, admins=[MY_ROLE], operators=[OTHER])
    vault.sts.people["AKIAOTHER"] = OTHER
    other = {"aws_access_key": "AKIAOTHER"}
    assert not made(admins=[MY_ROLE], operators=[OTHER], **other)["changed"]
    said = made(check=True, admins=[MY_ROLE])
    assert said["steps"] == [f"aws_role {STATUS}", f"aws_role {OPERATOR}"]
    assert OTHER in said["diff"]["before"][OPERATOR]["aws_role"]["bound_iam_principal_arn"]
    assert OTHER not in said["diff"]["after"][OPERATOR]["aws_role"]["bound_iam_principal_arn"]
    assert made(admins=[MY_ROLE])["changed"]
    said = made(**other)
    assert said["failed"]
    assert f"{OTHER} can't log in as" in said["msg"]


def test_administrators_that_nobody_names_stay(vault, made):
    made(root=True, admins=[MY_ROLE, OTHER])
    assert not made()["changed"]
    assert bound(vault)[ADMIN] == [OTHER, MY_ROLE]


def test_a_role_that_somebody_widened_by_hand_is_put_right(vault, made):
    made(root=True, admins=[MY_ROLE])
    vault.aws_roles[OPERATOR]["bound_iam_principal_arn"].append("arn:aws:iam::123456789012:*")
    vault.aws_roles[STATUS]["token_policies"] = [ADMIN]
    vault.aws_config["iam_server_id_header_value"] = ""
    assert made(admins=[MY_ROLE])["steps"] == ["aws_config", f"aws_role {STATUS}", f"aws_role {OPERATOR}"]
    assert not made(admins=[MY_ROLE])["changed"]


@pytest.mark.parametrize("root", [True, False])
def test_nobody_locks_himself_out(vault, made, root):
    if not root:
        made(root=True)
    before = bound(vault)
    vault.events.clear()
    said = made(root=root, admins=[OTHER])
    assert said["failed"]
    assert said["msg"].startswith(
        f"vault-1: {MY_ROLE}, as whom this controller logs in, would not be among the administrators ({OTHER})"
    )
    assert "Add it to vault_admins" in said["msg"]
    assert vault.events == []
    assert bound(vault) == before


def test_with_a_token_others_may_be_made_administrators_and_that_is_said(vault, made, warnings):
    said = made(token=ROOT, admins=[OTHER])
    assert said["changed"], said
    assert bound(vault)[ADMIN] == [OTHER]
    assert OTHER in warnings[0]
    assert ROOT in vault.tokens


def test_root_stays_where_nobody_here_can_show_that_he_administers(vault, made):
    said = made(root=True, token=ROOT, admins=[OTHER])
    assert said["failed"]
    assert "no administrator's login can be proven from here. Nothing was changed" in said["msg"]
    assert vault.events == []
    assert ROOT in vault.tokens


@pytest.mark.parametrize("broken", [ADMIN, OPERATOR, STATUS])
def test_root_stays_while_an_identity_can_not_log_in(vault, made, broken):
    vault.broken.add(broken)
    said = made(root=True)
    assert said["failed"]
    assert f"{ME} can't log in as '{broken}'" in said["msg"]
    assert ROOT in vault.tokens


def test_certificates_move_over_by_one_run_and_do_not_stay_open(vault, set_up, made, by_iam, options):
    set_up(root=True)
    assert set(vault.roles) == {ADMIN, OPERATOR, STATUS}
    iam = {name: value for name, value in by_iam.items() if name not in ("auth_method", "nodes", "ca_cert")}
    assert "can't log in, and custody holds no root token" in made()["msg"]
    said = set_up(admins=[ME], **iam)
    assert said["changed"], said
    assert bound(vault)[ADMIN] == [MY_ROLE]
    assert set(vault.roles) == {ADMIN, OPERATOR, STATUS}
    vault.events.clear()
    said = made()
    assert said["steps"] == [f"no role {role}" for role in (ADMIN, STATUS, OPERATOR)], said
    assert vault.events == [f"delete auth/cert/certs/{role}" for role in (ADMIN, STATUS, OPERATOR)]
    assert vault.roles == {}
    assert not made()["changed"]


def test_no_certificates_role_goes_before_the_iam_login_is_proven(vault, set_up, made, by_iam):
    set_up(root=True)
    iam = {name: value for name, value in by_iam.items() if name not in ("auth_method", "nodes", "ca_cert")}
    set_up(admins=[ME], **iam)
    vault.tokens["given"] = ["root"]
    vault.broken.add(OPERATOR)
    said = made(token="given")
    assert f"can't log in as '{OPERATOR}'" in said["msg"]
    assert set(vault.roles) == {ADMIN, OPERATOR, STATUS}


def test_certificates_stay_open_where_nobody_here_is_seen_to_administer_by_iam(vault, set_up, made, warnings):
    set_up(root=True)
    vault.tokens["given"] = ["root"]
    said = made(token="given", admins=[OTHER])
    assert said["changed"], said
    assert set(vault.roles) == {ADMIN, OPERATOR, STATUS}
    assert [
        text for text in warnings if f"The certificates of {ADMIN}, {STATUS}, {OPERATOR} may go on logging in" in text
    ]
    assert not made(token="given", admins=[OTHER])["changed"]
    vault.sts.people["AKIAME"] = OTHER
    assert made(admins=[OTHER])["changed"]
    assert vault.roles == {}


def test_a_certificate_that_is_given_stays_beside(vault, made, tmp_path, options):
    given = {**files(tmp_path, "admin", ADMIN), "client_ca": options["client_ca"]}
    made(root=True, **given)
    assert set(vault.roles) == {ADMIN}
    assert ADMIN in vault.logins, "it is proven, too"
    assert not made(**given)["changed"]
    assert made()["steps"] == [f"no role {ADMIN}"]


def test_by_certificates_alone_there_are_no_iam_roles(vault, set_up):
    set_up(root=True)
    assert not vault.has_aws_auth
    assert vault.aws_roles == {}


@pytest.mark.parametrize("module", [vault_audit, vault_raft_autopilot])
def test_every_module_logs_in_so(vault, made, by_iam, run_module, module):
    made(root=True)
    vault.logins.clear()
    if module is vault_audit:
        assert run_module(module, **by_iam, **AUDIT)["changed"]
        assert f"iam {ADMIN}" in vault.logins
    else:
        said = run_module(module, **by_iam, min_quorum=3)
        assert vault.logins == [f"iam {OPERATOR}"], said
    assert vault.tokens == {}


def test_a_principal_that_may_not_log_in_is_named(vault, made, by_iam, run_module):
    made(root=True)
    vault.sts.people["AKIAME"] = "arn:aws:sts::123456789012:assumed-role/intern/somebody"
    said = run_module(vault_audit, **by_iam, **AUDIT)
    assert said["msg"].startswith(
        "vault-1: arn:aws:sts::123456789012:assumed-role/intern/somebody can't log in as 'vaultops-operator': Vault refused: IAM"
    )
    assert "vault_operators" in said["msg"]


def test_who_operates_and_does_not_administer_is_told_so_where_something_has_to_be_written(
    vault, made, by_iam, run_module
):
    made(root=True, operators=[OTHER])
    vault.sts.people["AKIAME"] = OTHER
    said = run_module(vault_audit, **by_iam, **AUDIT)
    assert "something has to be written, and the identity 'vaultops-admin' can't log in by AWS IAM: " in said["msg"]
    assert OTHER in said["msg"]
    assert "one of vault_admins" in said["msg"]
    assert vault.devices == {}
    vault.policies[STATUS] = "# nothing"
    said = made(operators=[OTHER])
    assert "the identity 'vaultops-admin' can't log in" in said["msg"]


@pytest.mark.parametrize("code", ["ExpiredToken", "InvalidClientTokenId"])
def test_credentials_that_aws_refuses_are_a_failure_with_its_code_and_no_answer(vault, made, by_iam, run_module, code):
    """Else a run whose credentials end in the middle would go on as if nobody was let in."""
    made(root=True)
    vault.tokens[ROOT] = ["root"]
    vault.sts.refuses = code
    for said in (run_module(vault_audit, **by_iam, **AUDIT), made(), made(root=True)):
        assert said["failed"]
        assert said["msg"].startswith(
            f"vault-1: the login as 'vaultops-operator' fails: sts:GetCallerIdentity was refused: {code}: no."
        )
        assert "Log in to AWS again" in said["msg"] or "log in to AWS again" in said["msg"]
    assert ROOT in vault.tokens


def test_credentials_that_expire_end_the_waiting_with_what_to_do(vault, made, by_iam, run_module):
    """A node that was restarted is waited for by logins, and no later login would be another one."""
    made(root=True)
    vault.sts.refuses = "ExpiredToken"
    said = run_module(vault_raft_info, **by_iam, wait=True, wait_timeout=15, voters=1)
    assert said["msg"].startswith("vault-1: the login as 'vaultops-operator' fails: sts:GetCallerIdentity was refused")
    assert "have expired: log in to AWS again" in said["msg"]


def test_credentials_that_expire_after_a_restore_was_sent_say_so(vault, made, by_iam):
    made(root=True)
    cluster = Cluster(Connection.from_params(by_iam))
    assert vault_raft_restore.login_problem(cluster, "vault-1") is None
    vault.aws_roles[OPERATOR]["bound_iam_principal_arn"] = []
    assert vault_raft_restore.login_problem(cluster, "vault-1") is None
    vault.sts.refuses = "ExpiredToken"
    with pytest.raises(Expired, match="vault-1: the restore was accepted, and then .* log in to AWS again"):
        vault_raft_restore.login_problem(cluster, "vault-1")


def test_without_credentials_nobody_is_asked(vault, by_iam, run_module, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    bare = {name: value for name, value in by_iam.items() if name.partition("_")[2] not in ("access_key", "secret_key")}
    said = run_module(vault_audit, **{**bare, "aws_security_token": None}, **AUDIT)
    assert "no AWS credentials were found to log in with as 'vaultops-operator'" in said["msg"]


def test_the_region_is_asked_for(by_iam, run_module):
    said = run_module(vault_audit, **{**by_iam, "region": None}, **AUDIT)
    assert said["msg"].startswith("region: it is not set.")


def test_a_login_signed_for_another_cluster_opens_nothing(vault, made, by_iam, run_module):
    made(root=True)
    said = run_module(vault_audit, **{**by_iam, "aws_iam_server_id": "vault.other.internal"}, **AUDIT)
    assert (
        "can't log in as 'vaultops-operator': Vault refused: error validating X-Vault-AWS-IAM-Server-ID" in said["msg"]
    )


def test_a_token_goes_before(vault, made, by_iam, run_module):
    made(root=True)
    vault.tokens["given"] = ["root"]
    vault.logins.clear()
    assert run_module(vault_audit, **by_iam, **AUDIT, token="given")["changed"]
    assert vault.logins == []


def test_no_token_is_no_login(vault, made, by_iam, run_module):
    made(root=True)
    said = run_module(vault_audit, **{**by_iam, "auth_method": "token"}, **AUDIT)
    assert "there is nothing to log in with" in said["msg"]


def test_an_arn_that_is_none_is_refused_before_anybody_logs_in(vault, made):
    said = made(root=True, admins=["arn:aws:iam::123456789012:root"])
    assert said["msg"].startswith("'arn:aws:iam::123456789012:root' is not the ARN of an IAM user or role.")
    assert vault.events == []


def test_the_operator_sees_what_he_compares():
    for role in (ADMIN, OPERATOR, STATUS):
        assert f'path "auth/aws/role/{role}" {{ capabilities = ["read"] }}' in state.OPERATOR_POLICY


def test_a_look_says_the_same_and_logs_in_once(vault, made, by_iam, run_module):
    made(root=True)
    vault.logins.clear()
    said = run_module(vault_cluster_info, **by_iam, identities={"admins": [ME], "operators": [OTHER]})
    assert said["identities"]["steps"] == [f"aws_role {STATUS}", f"aws_role {OPERATOR}"], said
    said = run_module(vault_cluster_info, **by_iam, identities={"admins": [ME]}, audit=AUDIT)
    assert not said["identities"]["changed"]
    assert said["audit"]["changed"]
    assert vault.logins.count(f"iam {OPERATOR}") == 2
    said = run_module(vault_cluster_info, **by_iam, identities={"admins": [OTHER]})
    assert "would not be among the administrators" in said["msg"]


@pytest.mark.parametrize(("admins", "admits"), [([], True), ([MY_ROLE], True), ([ME], True), ([OTHER], False)])
def test_who_would_administer_a_new_cluster(by_iam, run_module, admins, admits):
    said = run_module(vault_login_info, **by_iam, admins=admins)
    assert (said["principal"], said["admits"], said["changed"]) == (MY_ROLE, admits, False)


def test_sts_that_is_not_there_is_said_with_its_address(by_iam, run_module):
    said = run_module(vault_login_info, **{**by_iam, "aws_sts_endpoint": "http://127.0.0.1:1"})
    assert said["msg"].startswith("this controller: STS can't be reached from this controller at http://127.0.0.1:1 (")
