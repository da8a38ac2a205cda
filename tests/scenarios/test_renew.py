"""Instances of a new image come in the place of others, and nothing goes that the cluster needs."""

from __future__ import annotations

import re
import time

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.raft import api
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.raft.state import normalise
from kit.bench import Bench, end_family
from kit.changes import assert_nothing_lost
from kit.lab_account import NEW_IMAGE, LabAccount
from kit.login import as_operator
from kit.probe import Probe, prepare

RENEW = "playbooks/renew_nodes.yml"
NODES = 5


class Account(LabAccount):
    """With a cluster of vault-1, vault-2 and vault-3."""

    def states(self) -> dict[str, str]:
        shown = self.ec2.describe_instances()["Reservations"]
        return {
            tag["Value"]: one["State"]["Name"]
            for reservation in shown
            for one in reservation["Instances"]
            for tag in one["Tags"]
            if tag["Key"] == "Name"
        }

    def among(self, *numbers: int):
        return as_operator(self.bench, [self.bench.lab.nodes[number - 1] for number in numbers])

    def voters(self, *numbers: int) -> list[str]:
        with self.among(*numbers).login_active() as client:
            return normalise(api.read_configuration("cluster", client), api.read_autopilot_state("cluster", client))[
                "voters"
            ]


@pytest.fixture(scope="module")
def account(tmp_path_factory):
    bench = Bench(tmp_path_factory.mktemp("renew"), NODES)
    bench.lab_command("down")
    bench.lab_command("up")
    LabAccount.begin(bench)
    made = Account(bench)
    for playbook in ("playbooks/provision.yml", "site.yml"):
        code, output = made.play(playbook, {1: None, 2: None, 3: None})
        assert code == 0, output
    yield made
    bench.lab_command("down")


RENEWED = {3: None, 4: 1, 5: 2}


def said(output: str) -> str:
    return " ".join(output.split())


def test_without_anything_to_replace_nothing_is_asked(account):
    code, output = account.play(RENEW, {1: None, 2: None, 3: None})
    assert code != 0
    assert "No entry of vault_ec2_instances replaces another instance" in said(output), output


def test_what_would_be_done_is_said_and_nothing_is(account):
    account.image = NEW_IMAGE
    code, output = account.play(RENEW, RENEWED, "--check")
    assert code == 0, output
    assert f"The instance vault-4: launched in {account.subnet}" in said(output), output
    assert account.states() == dict.fromkeys(("vault-1", "vault-2", "vault-3"), "running")


def test_site_is_refused_while_one_is_to_be_replaced(account):
    code, output = account.play("site.yml", RENEWED)
    assert code != 0
    assert "vault-1 is replaced by vault-4. Run playbooks/renew_nodes.yml" in said(output), output


def test_nodes_of_a_new_image_take_the_place_of_others_while_clients_write(account):
    """A run that is killed once the first new node has joined is finished by the next."""
    options = account.among(3).connection
    with Probe(
        nodes=options.nodes, ca_cert=options.ca_cert, token=prepare(account.among(1, 2, 3)), max_seconds=600
    ) as probe:
        process = account.bench.start_play(*account.options(RENEWED), inventory=account.inventory, playbook=RENEW)
        deadline = time.monotonic() + 240
        while "vault-4" not in account.voters(1, 2, 3):
            assert process.poll() is None and time.monotonic() < deadline, process.communicate()[0]
            time.sleep(0.5)
        end_family(process.pid)
        process.communicate()
        # Each of its parts takes the lease in its own name.
        code, refusal = account.play(RENEW, RENEWED)
        holder = re.search(r"(\S+@\S+) \((?:provision|replace_node), since ", said(refusal))
        assert code != 0 and holder, refusal
        who = holder[1]
        code, output = account.play(RENEW, RENEWED, "-e", f"vault_lease_take_over={who}")
    assert code == 0, output
    assert_nothing_lost(probe.report())
    assert sorted(account.voters(3, 4, 5)) == ["vault-3", "vault-4", "vault-5"]
    wanted = {"vault-1": "stopped", "vault-2": "stopped", **dict.fromkeys(("vault-3", "vault-4", "vault-5"), "running")}
    assert account.states() == wanted
    code, output = account.play(RENEW, RENEWED)
    assert code == 0 and "is stopped already" in said(output), output
    assert account.states() == wanted


def test_an_instance_is_terminated_by_the_cluster_s_name_alone(account):
    code, output = account.play(RENEW, RENEWED, "-e", "vault_renew_terminate=another")
    assert code != 0 and f"vault_renew_terminate={account.bench.lab.name}" in said(output), output
    assert account.states()["vault-1"] == "stopped"
    code, output = account.play(RENEW, RENEWED, "-e", f"vault_renew_terminate={account.bench.lab.name}")
    assert code == 0, output
    assert {name for name, state in account.states().items() if state == "terminated"} == {"vault-1", "vault-2"}
    # The old names may go from the list now, and nothing differs.
    settled = {3: None, 4: None, 5: None}
    for playbook in ("playbooks/provision.yml", "site.yml"):
        code, output = account.play(playbook, settled)
        assert code == 0 and not re.search("changed=[1-9]", output), output
