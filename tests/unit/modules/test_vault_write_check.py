"""A cluster takes a write and gives it back by way of every node, or says which one does not."""

from __future__ import annotations

import contextlib
import json
import typing as t

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._vault import client
from ansible_collections.vaultops.cluster.plugins.modules import vault_write_check
from kit.backup_stage import SMALL, VaultStandIn, whole

AT = "cubbyhole/vaultops-write-check"


@pytest.fixture
def three(certificates: t.Any, vault: VaultStandIn, as_operator: dict[str, t.Any]) -> t.Iterator[t.Any]:
    """Nodes of one cluster, of which the second leads; and the options to ask them with."""
    with contextlib.ExitStack() as stack:
        others = [stack.enter_context(VaultStandIn(certificates, whole(SMALL))) for _other in range(2)]
        nodes = [vault, *others]
        for one in nodes:
            one.kept, one.tokens, one.writes = vault.kept, vault.tokens, vault.writes
            one.active = lambda one=one: one is others[0]
        addresses = {f"vault-{number}": one.address for number, one in enumerate(nodes, 1)}
        yield nodes, {**as_operator, "nodes": addresses}


@pytest.mark.parametrize("check", [False, True])
def test_the_active_node_takes_it_and_every_node_gives_it_back(three, run_module, check):
    nodes, options = three
    said = run_module(vault_write_check, check, **options)
    assert (said["changed"], said["active"]) == (False, "vault-2")
    assert nodes[0].writes == [AT]
    assert [one.calls.count(f"/v1/{AT}") for one in nodes] == [1, 2, 1], "written to one, read from all"
    assert nodes[0].tokens == set(), "what was written goes with the login"


def test_a_given_token_is_kept_and_not_shown(three, run_module):
    nodes, options = three
    nodes[0].tokens.add("hvs.a-given-token")
    said = run_module(vault_write_check, **options, token="hvs.a-given-token")
    assert said["active"] == "vault-2"
    assert nodes[0].tokens == {"hvs.a-given-token"}
    assert "hvs.a-given-token" not in json.dumps(said)


def test_a_node_that_gives_something_else_back_is_named(three, run_module):
    nodes, options = three
    nodes[2].faults[AT] = 200, b'{"data": {"value": "of another cluster"}}'
    said = run_module(vault_write_check, **options)
    assert said["msg"] == "vault-3: it does not give back what was written to the active node a moment ago."
    assert nodes[0].tokens == set()


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (
            (403, b'{"errors": ["permission denied"]}'),
            "vault-3: permission denied (permission denied). The token is expired",
        ),
        ((503, b'{"errors": ["Vault is sealed"]}'), "vault-3: Vault refused: Vault is sealed."),
        ((404, b'{"errors": []}'), "vault-3: Vault refused: "),
        (
            (200, b"<html>Log in</html>"),
            "vault-3: what answers there is not Vault. Compare the node's URL with its api_addr.",
        ),
        ((200, b"[]"), "vault-3: what answers there is not Vault."),
        (None, "vault-3: no connection ("),
    ],
)
def test_a_node_that_can_not_be_read_is_named_with_the_cause(three, run_module, fault, says):
    nodes, options = three
    nodes[2].faults[AT] = fault
    said = run_module(vault_write_check, **options)
    assert said["failed"]
    assert said["msg"].startswith(says), said["msg"]
    assert nodes[0].tokens == set(), "the login ends whatever happens"


def test_a_write_that_is_refused_is_nobodys_success(three, run_module):
    nodes, options = three
    nodes[1].faults[AT] = 503, b'{"errors": ["local node not active but active cluster node not found"]}'
    said = run_module(vault_write_check, **options)
    assert said["msg"].startswith("vault-2: Vault refused: local node not active")
    assert nodes[0].writes == []
    assert nodes[0].tokens == set()


def test_who_may_not_log_in_writes_nothing(three, run_module):
    nodes, options = three
    nodes[1].login_status = 403
    said = run_module(vault_write_check, **options)
    assert said["msg"].startswith("vault-2: permission denied (no role matches)")
    assert nodes[0].writes == []


def test_without_anything_to_log_in_with_it_says_what_to_give(three, run_module, connection):
    nodes, options = three
    said = run_module(vault_write_check, **{**connection, "nodes": options["nodes"]})
    assert said["msg"] == (
        "vault-2: there is nothing to log in with. Give 'token', or 'cert_auth_public_key' and 'cert_auth_private_key'."
    )


@pytest.mark.parametrize(
    ("sealed", "says"), [(True, "Vault refused: Vault is sealed"), (False, "every node answers that it is a standby")]
)
def test_without_an_active_node_each_one_says_why(three, run_module, monkeypatch, sealed, says):
    monkeypatch.setattr(client, "ELECTION_SECONDS", 0.5)
    nodes, options = three
    nodes[1].sealed, nodes[1].active = sealed, lambda: False
    said = run_module(vault_write_check, **options)
    assert said["msg"].startswith("vault-1, vault-2, vault-3: no active node: ")
    assert says in said["msg"]
    assert "Run playbooks/site.yml with --check" in said["msg"]


def test_an_election_is_waited_for(three, run_module):
    nodes, options = three
    answers = iter([False, False, True])
    nodes[1].active = lambda: next(answers, True)
    assert not run_module(vault_write_check, **options).get("failed")


def test_without_a_node_it_says_so(run_module):
    said = run_module(vault_write_check, nodes={})
    assert said["msg"] == "nodes: no node was given. Give at least one name: URL pair."
