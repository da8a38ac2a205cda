"""Who holds a certificate logs in, with a policy of its own; and the identities as they should be, beside what is there."""

from __future__ import annotations

import copy
import json

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.auth import state
from ansible_collections.vaultops.cluster.plugins.modules import vault_cert_role

POLICY = 'path "sys/storage/raft/snapshot" { capabilities = ["read"] }'
POLICY_AT, ROLE_AT = "sys/policies/acl/vaultops-backup", "auth/cert/certs/vaultops-backup"
# What a role has besides, as Vault shows it.
UNMANAGED = {
    "display_name": "vaultops-backup",
    "allowed_common_names": None,
    "token_type": "default",
    "token_period": 0,
}


@pytest.fixture
def role(as_operator, certificates, run_module):
    given = {"name": "vaultops-backup", "policy": POLICY, "dns_names": ["vault-1", "vault-2"]}
    options = {**as_operator, **given, "client_ca": certificates.path("ca.crt")}
    return lambda check=False, **more: run_module(vault_cert_role, check, **{**options, **more})


def test_everything_is_written_in_the_order_of_its_needs(vault, role, certificates):
    said = role()
    assert (said["changed"], said["steps"]) == (True, ["cert_auth", "policy", "role"])
    assert vault.writes == ["sys/auth/cert", POLICY_AT, ROLE_AT]
    assert vault.kept[POLICY_AT] == {"policy": POLICY}
    with open(certificates.path("ca.crt"), encoding="utf-8") as stream:
        ca = stream.read().strip()
    assert vault.kept[ROLE_AT] == {
        "certificate": ca,
        "allowed_dns_sans": ["vault-1", "vault-2"],
        "token_policies": ["vaultops-backup"],
        "token_ttl": 900,
        "token_max_ttl": 900,
    }
    assert vault.tokens == set()


def test_a_second_run_changes_nothing(vault, role):
    role()
    vault.kept[ROLE_AT] |= UNMANAGED
    vault.kept[POLICY_AT]["name"] = "vaultops-backup"
    vault.writes.clear()
    said = role()
    assert (said["changed"], said["steps"]) == (False, [])
    assert vault.writes == []


@pytest.mark.parametrize(
    ("differs", "steps"),
    [
        ({"dns_names": ["vault-1"]}, ["role"]),
        ({"policy": "# nothing"}, ["policy"]),
        ({"policy": "# nothing", "dns_names": ["vault-1"]}, ["policy", "role"]),
    ],
)
def test_only_what_differs_is_written(vault, role, differs, steps):
    role()
    vault.writes.clear()
    at = {"policy": POLICY_AT, "role": ROLE_AT}
    before = copy.deepcopy(vault.kept)
    said = role(check=True, **differs)
    assert vault.kept == before
    done = role(**differs)
    assert vault.writes == [at[step] for step in steps]
    assert done["steps"] == said["steps"] == steps
    assert set(done) == set(said)
    assert done["diff"] == said["diff"]
    assert role(**differs)["changed"] is False


def test_a_role_that_is_to_be_no_more_goes_with_its_policy(vault, role):
    assert role(state="absent")["steps"] == [], "there is nothing to remove"
    role()
    vault.writes.clear()
    gone = {"state": "absent", "policy": None, "client_ca": None, "dns_names": None}
    said = role(check=True, **gone)
    assert POLICY_AT in vault.kept and ROLE_AT in vault.kept
    done = role(**gone)
    assert said["steps"] == done["steps"] == ["policy", "role"]
    assert said["diff"]["after"] == {"policy": None, "role": None}
    assert POLICY_AT not in vault.kept and ROLE_AT not in vault.kept and "sys/auth/cert" not in vault.writes
    assert role(**gone)["changed"] is False


def test_check_mode_of_a_cluster_that_has_nothing_of_it(vault, role):
    said = role(check=True)
    assert (said["changed"], said["steps"]) == (True, ["cert_auth", "policy", "role"])
    assert said["diff"]["before"] == {"cert_auth": False, "policy": None, "role": None}
    assert vault.writes == []


def test_a_ca_that_is_not_there_is_named_before_anybody_is_asked(vault, role, tmp_path):
    said = role(client_ca=str(tmp_path / "lost.crt"))
    assert said["failed"]
    assert "No such file or directory" in said["msg"]
    assert str(tmp_path / "lost.crt") in said["msg"]
    assert vault.calls == []


@pytest.mark.parametrize("path", ["sys/auth", POLICY_AT, ROLE_AT])
@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (
            (403, b'{"errors": ["permission denied"]}'),
            "vault-1: permission denied (permission denied). The token is expired",
        ),
        ((503, b'{"errors": ["Vault is sealed"]}'), "vault-1: Vault refused: Vault is sealed."),
        (None, "vault-1: no connection ("),
    ],
)
def test_what_can_not_be_seen_is_not_taken_for_missing(vault, role, path, fault, says):
    role()
    vault.writes.clear()
    vault.faults[path] = fault
    said = role(check=True)
    assert said["failed"]
    assert said["msg"].startswith(says), said["msg"]
    assert vault.writes == []
    assert vault.tokens == set()


def test_an_admin_who_can_not_log_in_is_named_with_what_to_do(vault, role, tmp_path):
    lost = {"admin_public_key": str(tmp_path / "admin.crt"), "admin_private_key": str(tmp_path / "admin.key")}
    assert role(check=True, **lost)["changed"] is True, "nobody needs the admin to look"
    said = role(**lost)
    assert said["msg"].startswith(
        f"vault-1: something has to be written, and the identity 'vaultops-admin' can't log in with {lost['admin_public_key']}"
    )
    assert "playbooks/site.yml makes it" in said["msg"]
    assert vault.writes == []


def test_a_given_token_is_not_shown(vault, role):
    vault.tokens.add("hvs.a-given-token")
    assert "hvs.a-given-token" not in json.dumps(role(token="hvs.a-given-token"))


# --- pure

WANTED = state.wanted("backup", f"{POLICY}\n", "-----CA-----\n", allowed_dns_sans=["a", "b"])
ROLE = WANTED["role"]


def test_what_is_wanted_is_clean_of_white_space_around_it():
    assert WANTED["policy"] == POLICY
    assert ROLE["certificate"] == "-----CA-----"
    assert (ROLE["allowed_dns_sans"], ROLE["token_policies"]) == (["a", "b"], ["backup"])
    assert ROLE["token_ttl"] == ROLE["token_max_ttl"] == state.TOKEN_TTL_SECONDS


@pytest.mark.parametrize(
    ("cert_auth", "policy", "role", "steps"),
    [
        (True, POLICY, ROLE, []),
        (True, f"\n{POLICY}\n", {**ROLE, "certificate": "-----CA-----\n\n"}, []),
        (True, POLICY, {**ROLE, **UNMANAGED}, []),
        (False, None, None, ["cert_auth", "policy", "role"]),
        (False, POLICY, None, ["cert_auth", "role"]),
        (True, "", ROLE, ["policy"]),
        (True, None, ROLE, ["policy"]),
        (True, POLICY, None, ["role"]),
        (True, POLICY, {}, ["role"]),
        (True, POLICY, {**ROLE, "certificate": "-----ANOTHER-----"}, ["role"]),
        (True, POLICY, {**ROLE, "certificate": None}, ["role"]),
        (True, POLICY, {**ROLE, "allowed_dns_sans": ["a"]}, ["role"]),
        (True, POLICY, {**ROLE, "token_policies": ["backup", "root"]}, ["role"]),
        (True, POLICY, {**ROLE, "token_ttl": 86400}, ["role"]),
        (True, POLICY, {**ROLE, "token_max_ttl": 0}, ["role"]),
    ],
)
def test_which_parts_differ(cert_auth, policy, role, steps):
    found = {"cert_auth": cert_auth, "policy": policy, "role": role}
    assert state.steps(state.observed(found, WANTED), WANTED) == steps


def test_what_is_common_to_identities_is_written_once_and_first():
    nothing = state.observed({"cert_auth": False, "policy": None, "role": None}, WANTED)
    desired = {"one": WANTED, "two": WANTED}
    steps = [str(step) for step in state.plan(dict.fromkeys(desired, nothing), desired)]
    assert steps == ["cert_auth", "policy one", "role one", "policy two", "role two"]
    assert state.plan(desired, desired) == []


def test_a_plan_keeps_to_those_that_differ():
    desired = {"one": WANTED, "two": WANTED}
    found = state.plan({"one": WANTED, "two": {**WANTED, "policy": "# nothing"}}, desired)
    assert found == [("two", "policy", False)]


@pytest.mark.parametrize(
    ("granted", "may"),
    [
        (["root"], True),
        (["create", "update"], True),
        (["create", "update", "sudo"], True),
        (["create"], False),
        (["update"], False),
        (["deny"], False),
        ([], False),
        (None, False),
        ("root", False),
    ],
)
def test_who_may_write_both_of_an_identitys_paths_may_write_it(granted, may):
    one = {"one": WANTED}
    for path in ("sys/policies/acl/one", "auth/cert/certs/one"):
        able = {**dict.fromkeys(state.written(one), ["root"]), path: granted}
        assert state.may_write(able, one) is may
    assert state.written({**one, "two": WANTED}) == [
        "sys/policies/acl/one",
        "auth/cert/certs/one",
        "sys/policies/acl/two",
        "auth/cert/certs/two",
    ]


@pytest.mark.parametrize("policy", [state.OPERATOR_POLICY, state.STATUS_POLICY])
def test_nobody_but_the_admin_may_write_an_identity(policy):
    writes = [line for line in policy.splitlines() if "update" in line or "create" in line]
    able = {line.split('"')[1]: ["create", "update"] for line in writes}
    for role in (state.OPERATOR, state.ADMIN, state.STATUS):
        for part in ("policy", "role", "aws_role"):
            assert not state.may_write(able, {role: [part]})


@pytest.mark.parametrize("content", ["der", ""])
def test_a_ca_that_is_no_pem_is_refused_in_words(vault, as_operator, certificates, run_module, tmp_path, content):
    path = tmp_path / "ca.der"
    path.write_bytes(b"0\x82 not text \xff" if content else b"")
    said = run_module(vault_cert_role, True, **as_operator, name="x", policy="p", dns_names=["a"], client_ca=str(path))
    assert str(path) in said["msg"]
