"""The active node is stopped while the controller asks all of them: three stand-ins for the nodes, and what is run on the machine
is played by the test."""

from __future__ import annotations

import contextlib
import types
from unittest import mock

import pytest
import yaml
from ansible.errors import AnsibleConnectionFailure
from ansible_collections.vaultops.cluster.plugins.action import vault_failover as action
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.failover import watch
from ansible_collections.vaultops.cluster.plugins.modules import vault_failover
from kit.backup_stage import SERVER_NAME, SMALL, VaultStandIn, whole
from kit.vault_standin import PEERS_HEALTH_AT


class Machine:
    """What the modules on the node do to the stand-in of the first node. The second one is elected."""

    def __init__(self, nodes):
        self.nodes, self.told = nodes, []
        self.stop = lambda: None  # an answer in place of stopping
        self.elected = True
        self.resume = mock.Mock(return_value={"changed": True})

    def run(self, options):
        self.told.append(options)
        if options["state"] == "resumed":
            for fault in ("sys/health", "sys/leader"):
                self.nodes[0].faults.pop(fault, None)
            self.nodes[0].active = lambda: not self.elected
            return self.resume()
        said = self.stop()
        if said is None:
            self.nodes[0].faults |= {"sys/health": None, "sys/leader": None}
            self.nodes[1].active = lambda: self.elected
        return said or {"changed": True, "back_after": options["back_after"]}


@pytest.fixture
def cluster(certificates, vault, peers, as_operator):
    """Options of the module, and the machine."""
    peers("vault-1", "vault-2", "vault-3")
    with contextlib.ExitStack() as stack:
        nodes = [vault, *[stack.enter_context(VaultStandIn(certificates, whole(SMALL))) for _other in range(2)]]
        for one in nodes:
            one.kept, one.tokens = vault.kept, vault.tokens
            one.active = lambda one=one: one is vault
        urls = {f"vault-{number}": one.address for number, one in enumerate(nodes, 1)}
        options = {**as_operator, "nodes": urls, "node": "vault-1", "node_id": "vault-1", "kind": "crash"}
        options |= {"peers": {"vault-1": "127.0.0.1:8201"}, "node_tls_server_name": SERVER_NAME}
        yield {**options, "leader_timeout": 5, "rejoin_timeout": 5}, Machine(nodes)


@pytest.fixture
def play(cluster, tmp_path):
    options, machine = cluster

    def run(check=False, **more):
        made = object.__new__(action.ActionModule)
        made._task = types.SimpleNamespace(  # noqa: SLF001
            args={**options, **more},
            check_mode=check,
            async_val=0,
            action="vaultops.cluster.vault_failover",
            delegate_to=None,
        )
        made._loader = types.SimpleNamespace(get_basedir=lambda: str(tmp_path), cleanup_all_tmp_files=lambda: None)  # noqa: SLF001
        made._execute_module = lambda module_name, module_args, task_vars: machine.run(module_args)  # noqa: SLF001
        made._connection = types.SimpleNamespace(_shell=types.SimpleNamespace(tmpdir=None), has_pipelining=False)  # noqa: SLF001
        return made.run(None, {})

    return run


def test_it_measures_and_brings_the_node_back(cluster, play):
    options, machine = cluster
    said = play()
    assert not said.get("failed"), said
    assert (said["stopped"], said["leader"], said["lost"], said["problem"]) == ("vault-1", "vault-2", False, None)
    assert said["acknowledged"] >= watch.BEGIN_ACKS
    assert 0 < said["leader_seconds"] < 2
    assert 0 < said["write_seconds"] < 2
    assert 0 < said["unsealed_seconds"] <= said["rejoined_seconds"] < 5
    stopped, resumed = machine.told
    assert resumed == {"state": "resumed", "service": "vault"}
    assert (stopped["kind"], stopped["url"], stopped["voters"]) == ("crash", options["nodes"]["vault-1"], 3)
    assert set(stopped["others"]) == {"vault-2", "vault-3"}
    assert stopped["back_after"] > options["leader_timeout"]
    assert machine.nodes[0].tokens == set(), "the login is ended"
    assert set(yaml.safe_load(vault_failover.RETURN)) <= set(said)


def test_nothing_that_opens_anything_goes_to_the_node(cluster, play):
    options, machine = cluster
    play()
    secrets = {"token", "cert_auth_private_key", "aws_secret_key", "aws_security_token"}
    assert all(not secrets & set(told) for told in machine.told)


def test_check_mode_asks_nobody(cluster, play):
    _options, machine = cluster
    assert play(check=True)["changed"]
    assert machine.told == []
    assert machine.nodes[0].calls == []


def test_a_node_that_refuses_is_a_failure_and_runs(cluster, play):
    _options, machine = cluster
    machine.stop = lambda: {"failed": True, "msg": "Vault was not stopped here: without it 1 of 3 voters would serve."}
    said = play()
    assert said["failed"]
    assert said["msg"].startswith("Vault was not stopped here: without it")
    assert machine.told[-1]["state"] == "resumed", "in case it was stopped all the same"


def test_one_that_does_not_lead_is_not_stopped(cluster, play, monkeypatch):
    monkeypatch.setattr(watch, "BEGIN_SECONDS", 0.3)
    _options, machine = cluster
    said = play(node="vault-3", node_id="vault-3")
    assert said["msg"].startswith("vault-3: it took no write as the active node")
    assert machine.told == []
    assert machine.nodes[0].tokens == set()


@pytest.mark.long
def test_without_a_new_leader_the_node_is_started_and_that_is_told(cluster, play):
    _options, machine = cluster
    machine.elected = False
    said = play(leader_timeout=1)
    assert said["problem"] == "No other node was the active one within 1 s. vault-1 was started again."
    assert (said["leader"], said["leader_seconds"], said["lost"]) == (None, None, None)
    assert said["rejoined_seconds"] is not None
    assert machine.told[-1]["state"] == "resumed"


def test_an_acknowledged_write_that_is_gone_is_told(cluster, play):
    _options, machine = cluster

    def forget():
        for place in [name for name in machine.nodes[0].kept if "vaultops-failover-vault-1" in name]:
            del machine.nodes[0].kept[place]

    def stop():
        # As a Vault would that is no longer reached: what comes in the moment of the stop is not kept.
        machine.nodes[0].faults |= {"sys/health": None, "cubbyhole/vaultops-failover-vault-1": None}
        machine.nodes[1].active = lambda: True
        forget()

    machine.stop = lambda: stop() or {"changed": True}
    assert play()["lost"] is True


@pytest.mark.long
def test_a_node_that_does_not_come_back_is_told(cluster, play):
    _options, machine = cluster
    machine.nodes[0].kept[PEERS_HEALTH_AT]["servers"]["vault-1"]["healthy"] = False
    said = play(rejoin_timeout=1)
    assert said["problem"] == ("vault-1 was no healthy voter again within 1 s: vault-1 is leader, not healthy.")
    assert said["leader"] == "vault-2"
    assert (said["unsealed_seconds"] is None, said["rejoined_seconds"]) == (False, None)


@pytest.mark.parametrize(
    "resume",
    [
        mock.Mock(return_value={"failed": True, "msg": "systemctl start failed."}),
        mock.Mock(side_effect=AnsibleConnectionFailure("no route to vault-1")),
    ],
)
def test_a_start_that_fails_is_told_with_what_was_measured(cluster, play, resume):
    _options, machine = cluster
    machine.resume = resume
    said = play()
    assert said["problem"].startswith("vault-1: ") or said["problem"].startswith("vault-1 could not be started again: ")
    assert "The node starts Vault by itself within 95 s" in said["problem"]
    assert said["leader"] == "vault-2"


def test_a_login_that_can_not_be_ended_is_told(cluster, play):
    _options, machine = cluster
    for one in machine.nodes:
        one.revoke_status = 500
    said = play()
    assert said["leader"] == "vault-2"
    assert "Vault refused" in said["problem"]


def test_the_documents_and_the_spec_say_the_same():
    import importlib

    documented = set(yaml.safe_load(vault_failover.DOCUMENTATION)["options"])
    for fragment in ("DOCUMENTATION", "AUTH"):
        vault_doc = importlib.import_module("ansible_collections.vaultops.cluster.plugins.doc_fragments.vault")
        documented |= set(yaml.safe_load(getattr(vault_doc.ModuleDocFragment, fragment))["options"])
    assert documented == set(action.OPTIONS)
