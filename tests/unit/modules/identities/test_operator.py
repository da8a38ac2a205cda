"""The cluster's identities: who writes them, in which order, and when root is given up. Against a stand-in on loopback."""

from __future__ import annotations

import datetime
import re

import pytest
from ansible.module_utils.basic import AnsibleModule
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.auth import state
from ansible_collections.vaultops.cluster.plugins.modules import (
    vault_audit,
    vault_cert_crl,
    vault_cert_role,
)
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from hypothesis import given
from hypothesis import strategies as st
from kit.certificates import issue
from kit.identities import ADMIN, OPERATOR, ROOT, STATUS, narrow, wide
from labkit.settings import REGION


def test_root_makes_the_identities_and_is_given_up_last(vault, set_up):
    assert set_up(check=True, root=True)["steps"][0] == "cert_auth"
    assert vault.events == []
    said = set_up(root=True)
    assert said["changed"], said
    assert said["root_token_revoked"]
    assert vault.events[-1] == f"revoke {ROOT}"
    assert {OPERATOR, ADMIN, STATUS} <= set(vault.logins), "each is proven before root is given up"
    assert narrow(vault)
    writes = [event for event in vault.events if ADMIN in event or OPERATOR in event]
    assert ADMIN in writes[0]
    assert ADMIN in writes[1]
    assert set(vault.tokens) == set()


@pytest.mark.parametrize("broken", [OPERATOR, ADMIN, STATUS])
def test_root_is_kept_while_an_identity_can_not_log_in(vault, set_up, broken):
    vault.broken.add(broken)
    said = set_up(root=True)
    assert said["failed"]
    assert f"'{broken}' can't log in" in said["msg"]
    assert ROOT in vault.tokens


def test_where_nothing_differs_only_the_operator_logs_in(vault, set_up):
    set_up(root=True)
    vault.logins.clear()
    vault.events.clear()
    assert not set_up()["changed"]
    assert set(vault.logins) == {OPERATOR}
    assert vault.events == []


def test_what_differs_is_written_by_the_admin(vault, set_up):
    set_up(root=True)
    vault.policies[STATUS] = "# nothing"
    vault.events.clear()
    said = set_up()
    assert said["steps"] == [f"policy {STATUS}"]
    assert vault.events == [f"write sys/policies/acl/{STATUS}"]
    assert vault.logins.count(ADMIN) > 0


def test_a_wide_operator_makes_the_admin_and_is_narrowed_by_it(vault, set_up):
    wide(vault)
    assert set_up()["changed"]
    assert narrow(vault)
    assert vault.events[0] == f"write sys/policies/acl/{ADMIN}"
    assert not set_up()["changed"]


def test_a_wide_operator_stays_what_he_is_while_the_admin_can_not_log_in(vault, set_up):
    wide(vault)
    vault.broken.add(ADMIN)
    assert "'vaultops-admin' can't log in with" in set_up()["msg"]
    assert not narrow(vault)
    vault.broken.clear()
    assert set_up()["changed"]
    assert narrow(vault)


def test_without_an_admin_a_wide_operator_is_left_with_a_warning(vault, set_up, monkeypatch):
    warnings = []
    monkeypatch.setattr(AnsibleModule, "warn", lambda _module, text, **_more: warnings.append(text))
    wide(vault)
    set_up(admin_public_key=None, admin_private_key=None)
    assert "may still write policies" in warnings[0]
    assert not narrow(vault)
    assert not set_up(admin_public_key=None, admin_private_key=None)["changed"]


def test_who_can_not_be_anybody_is_told_so(vault, set_up):
    said = set_up(check=True)
    assert said["failed"]
    assert "can't log in, and custody holds no root token" in said["msg"]


def test_who_logs_in_and_may_not_write_what_differs_is_told_that(vault, set_up):
    set_up(token=ROOT)
    vault.policies[OPERATOR] = state.OPERATOR_POLICY + "# before"
    alone = {"admin_public_key": None, "admin_private_key": None}
    said = set_up(**alone)["msg"]
    assert "the policy of 'vaultops-operator' in Vault is not the one of this collection" in said
    assert "and the identity 'vaultops-operator' may not write it. Have an administrator run" in said
    vault.tokens["narrow"] = [OPERATOR]
    assert "and the token that was given may not write it. Have" in set_up(token="narrow")["msg"]


def test_where_the_policy_is_somebodys_own_it_may_be_that_one_that_lacks_a_right(vault, set_up):
    set_up(token=ROOT)
    vault.policies[OPERATOR] = own = state.OPERATOR_POLICY.replace("sys/auth", "sys/another")
    vault.broken.add(ADMIN)
    said = set_up(policy=own)["msg"]
    assert "may not look at all that this collection compares" in said
    assert "The policy is your own (vault_cluster_operator_policy)" in said


def test_a_token_that_was_given_writes_and_is_kept(vault, set_up):
    assert set_up(token=ROOT)["changed"]
    assert narrow(vault)
    assert ROOT in vault.tokens


def test_a_certificate_that_can_not_be_read_is_said_in_words(vault, set_up, options, tmp_path):
    folder = tmp_path / "folder.crt"
    folder.mkdir()
    said = set_up(cert_auth_public_key=str(folder))
    assert said["failed"]
    assert f"{folder}, with which '{OPERATOR}' logs in, can't be read" in said["msg"]


@pytest.mark.parametrize("module", [vault_audit, vault_cert_role])
def test_others_write_as_the_admin_too(vault, set_up, options, run_module, module):
    set_up(root=True)
    own = {name: value for name, value in options.items() if module is vault_cert_role or name != "client_ca"}
    more = (
        {"devices": {"file": {"type": "file", "options": {"file_path": "/x"}}}}
        if module is vault_audit
        else {"name": "vaultops-backup", "policy": "# none", "dns_names": ["vault-1"]}
    )
    vault.logins.clear()
    assert run_module(module, True, **own, **more)["changed"]
    assert ADMIN not in vault.logins
    assert run_module(module, **own, **more)["changed"]
    assert ADMIN in vault.logins
    vault.logins.clear()
    assert not run_module(module, **own, **more)["changed"]
    assert set(vault.logins) == {OPERATOR}
    vault.roles.pop(ADMIN)
    vault.devices.clear()
    vault.roles.pop("vaultops-backup", None)
    said = run_module(module, **own, **more)
    assert said["failed"]
    assert "something has to be written, and the identity 'vaultops-admin' can't log in" in said["msg"]


# --- revoked


@pytest.fixture
def push(tmp_path, aws, ca, vault, set_up, options, run_module):
    """Revokes these certificates, by the CA whose key is still in a file."""
    set_up(root=True)
    signed_by = {
        "alias": "alias/none",
        "required_tags": {},
        "region": REGION,
        "endpoint_url": aws,
        "move_from": str(tmp_path),
    }

    def run(*replaced, check=False):
        texts = [one.public_bytes(serialization.Encoding.PEM).decode() for one in replaced]
        return run_module(vault_cert_crl, check, **options, signed_by=signed_by, replaced=texts)

    return run


def test_what_was_replaced_is_put_on_the_list_and_leaves_it_when_it_has_expired(ca, vault, push):
    assert not push()["changed"]
    one, expired = (issue("vault-1", ["vault-1"], *ca, days=days)[1] for days in (30, -1))
    vault.crls["vaultops"] = {7, expired.serial_number}
    assert push(one, expired, check=True)["changed"]
    assert vault.crls["vaultops"] == {7, expired.serial_number}
    said = push(one, expired)
    assert said["revoked"] == [f"{number:x}" for number in sorted({7, one.serial_number})]
    assert vault.crls["vaultops"] == {7, one.serial_number}, "what somebody else put there stays"
    vault.logins.clear()
    assert not push(one, expired)["changed"]
    assert set(vault.logins) == {OPERATOR}


def test_what_a_node_still_serves_is_not_revoked(tmp_path, push):
    said = push(x509.load_pem_x509_certificate((tmp_path / "server.crt").read_bytes()))
    assert not said["changed"], said


def test_a_list_of_another_ca_locks_nobody_out(tmp_path, ca, vault, set_up, options, run_module):
    set_up(root=True)
    other = issue("another CA", [], None, None)
    now = x509.load_pem_x509_certificate((tmp_path / "server.crt").read_bytes()).not_valid_before_utc
    for (key, certificate), refused in [(other, True), (ca, False)]:
        builder = x509.CertificateRevocationListBuilder(certificate.subject, now, now + datetime.timedelta(days=9))
        one = x509.RevokedCertificateBuilder().serial_number(9).revocation_date(now).build()
        made = builder.add_revoked_certificate(one).sign(key, hashes.SHA256())
        (tmp_path / "crl").write_bytes(made.public_bytes(serialization.Encoding.PEM))
        said = run_module(vault_cert_crl, **options, crl_file=str(tmp_path / "crl"))
        assert bool(said.get("failed")) is refused, said
    assert vault.crls["vaultops"] == {9}


# --- pure


def test_the_operators_policy_names_no_path_twice_and_no_wildcard_but_one_that_reads_policies():
    wild = []
    for policy in (state.OPERATOR_POLICY, state.STATUS_POLICY):
        rules = re.findall(r'^path "([^"]+)" { capabilities = (.+) }$', policy, re.MULTILINE)
        assert len(rules) == policy.count("path ")
        paths = [path for path, _able in rules]
        assert len(paths) == len(set(paths)), "Vault refuses a policy with a path that is there twice"
        wild += [(path, able) for path, able in rules if "*" in path or "+" in path]
    assert wild == [("sys/policies/acl/*", '["read"]')]


BOTH = dict.fromkeys([ADMIN, OPERATOR], ("policy", "role", "aws_role"))
writable = st.sampled_from([["root"], ["create", "update"], ["create", "read", "update"]])
refused = st.sampled_from([None, [], ["deny"], ["read"], ["update"], ["create"], "root"])


@given(st.dictionaries(st.sampled_from(state.written(BOTH)), refused, min_size=1))
def test_who_may_not_write_one_of_the_paths_is_no_writer(some):
    rest = dict.fromkeys(state.written(BOTH), ["create", "update"])
    assert state.may_write(rest, BOTH)
    assert not state.may_write({**rest, **some}, BOTH)


@given(st.dictionaries(st.sampled_from(state.written(BOTH)), writable))
def test_who_may_write_them_all_is(some):
    everything = set(some) == set(state.written(BOTH))
    assert state.may_write(some, BOTH) is everything
