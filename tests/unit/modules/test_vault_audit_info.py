"""Which audit devices there are, and whether they let a request through."""

from __future__ import annotations

import pytest
import yaml
from ansible_collections.vaultops.cluster.plugins.modules import vault_audit_info, vault_status_info

FILE = {"type": "file", "options": {"file_path": "/var/log/vault/audit.log"}}
ASKED = "/v1/sys/internal/ui/mounts"


@pytest.mark.parametrize("check", [False, True])
def test_devices_are_told_as_they_are(vault, as_operator, run_module, check):
    vault.kept["sys/audit/file"] = dict(FILE)
    said = run_module(vault_audit_info, check, **as_operator)
    assert {name: value for name, value in said.items() if name != "invocation"} == {
        "changed": False,
        "node": "vault-1",
        "requests": "answered",
        "devices": {"file": FILE},
        "problem": None,
    }
    assert set(yaml.safe_load(vault_audit_info.RETURN)) == set(said) - {"changed", "invocation"}
    assert vault.writes == []
    assert vault.tokens == set()


def test_a_cluster_without_a_device_has_none(as_operator, run_module):
    assert run_module(vault_audit_info, **as_operator)["devices"] == {}


def test_a_blocked_device_is_seen_where_health_sees_nothing(vault, as_operator, connection, run_module):
    vault.audit_blocked = True
    assert run_module(vault_status_info, **connection)["nodes"][0]["state"] == "active"
    said = run_module(vault_audit_info, **{**as_operator, "timeout": 1})
    assert (said["node"], said["requests"], said["devices"]) == ("vault-1", "hang", None)
    assert said["problem"].startswith("vault-1: no answer in time")
    assert vault.calls.count("/v1/auth/cert/login") == 0, "a login would hang as well"


def test_it_is_seen_by_who_may_not_log_in(vault, connection, run_module):
    vault.audit_blocked = True
    assert run_module(vault_audit_info, **{**connection, "timeout": 1})["requests"] == "hang"


def test_devices_that_all_fail_make_requests_fail(vault, as_operator, run_module):
    vault.faults[ASKED[4:]] = 500, b'{"errors": ["internal error"]}'
    said = run_module(vault_audit_info, **as_operator)
    assert (said["requests"], said["devices"]) == ("fail", None)
    assert said["problem"] == "vault-1: Vault refused: internal error."


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ((503, b'{"errors": ["Vault is sealed"]}'), "vault-1: Vault refused: Vault is sealed."),
        ((403, b'{"errors": ["permission denied"]}'), "vault-1: permission denied"),
        (None, "vault-1: no connection ("),
    ],
)
def test_an_answer_that_is_none_of_an_audit_device_is_an_error(vault, as_operator, run_module, fault, says):
    vault.faults[ASKED[4:]] = fault
    said = run_module(vault_audit_info, **as_operator)
    assert said["failed"] and said["msg"].startswith(says), said


@pytest.mark.parametrize("fault", [(403, b'{"errors": ["permission denied"]}'), (200, b"<html>")])
def test_devices_that_may_not_be_seen_are_not_none(vault, as_operator, run_module, fault):
    vault.faults["sys/audit"] = fault
    said = run_module(vault_audit_info, **as_operator)
    assert (said["requests"], said["devices"]) == ("answered", None)
    assert said["problem"].startswith("vault-1: ")
    assert vault.tokens == set()


def test_who_can_not_log_in_still_knows_that_requests_are_answered(vault, as_operator, run_module):
    vault.login_status = 403
    said = run_module(vault_audit_info, **as_operator)
    assert (said["requests"], said["devices"]) == ("answered", None)
    assert "permission denied" in said["problem"]
