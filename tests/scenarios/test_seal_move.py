"""A cluster moves to another unseal key while clients write, and afterwards needs the old one for nothing but old snapshots."""

from __future__ import annotations

import dataclasses
import getpass
import json
import socket
import time

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.status.api import read_nodes
from ansible_collections.vaultops.cluster.plugins.modules import vault_seal_info
from kit.bench import end_family, finished
from kit.changes import assert_nothing_lost, clients, inside, make_cluster
from kit.login import as_operator

MOVE = "playbooks/move_seal_key.yml"
SEAL = {"KeyUsage": "ENCRYPT_DECRYPT", "KeySpec": "SYMMETRIC_DEFAULT"}
ALIAS = "alias/vault-unseal"
ME = f"{getpass.getuser()}@{socket.gethostname()}"


@pytest.fixture(scope="module")
def cluster(fresh_lab):
    return make_cluster(fresh_lab, vault_snapshot_bucket=fresh_lab.bucket)


def arn_of(bench, name: str) -> str:
    return bench.aws("kms").describe_key(KeyId=name)["KeyMetadata"]["Arn"]


def new_key(bench, **changes) -> str:
    tags = [{"TagKey": "vault-cluster", "TagValue": bench.lab.name}]
    return bench.aws("kms").create_key(**{**SEAL, "Tags": tags, **changes})["KeyMetadata"]["Arn"]


def key_id(arn: str) -> str:
    return arn.rpartition("/")[2]


def move(bench, *more, **variables):
    code, output = bench.play(
        "-e", json.dumps({"vault_snapshot_bucket": bench.bucket, **variables}), *more, playbook=MOVE
    )
    return code, output, " ".join(output.split())


def typed(bench) -> dict[str, str]:
    return {"vault_seal_move_confirm": bench.lab.name}


def stored(bench) -> list[str]:
    """ARNs of all keys that anything is sealed with."""
    return vault_seal_info.run(dataclasses.asdict(as_operator(bench).connection), False)["key_arns"]


def processes(bench) -> list[str]:
    return bench.on_nodes("systemctl show vault -p MainPID; sha256sum /etc/vault.d/vault.hcl")


def restart_one_by_one(bench) -> None:
    for node in bench.lab.nodes:
        inside(node.container, "systemctl restart vault")
        end = time.monotonic() + 60
        while sorted(one["state"] for one in read_nodes(as_operator(bench))) != ["active", "standby", "standby"]:
            assert time.monotonic() < end, "a node does not unseal"
            time.sleep(0.5)


def opened_with(bench, since: float) -> set[str]:
    """Ids of the keys of every ciphertext that was given to KMS."""
    lines = (bench.lab.state / "aws-requests.jsonl").read_text().splitlines()
    made = [one for one in map(json.loads, lines) if one["time"] >= since and one["operation"] == "Decrypt"]
    return {one["fields"]["OpensWith"] for one in made}


def assert_moved(bench, old: str, new: str) -> None:
    """Nothing needs the old key: not even nodes that start."""
    assert stored(bench) == [new]
    began = time.time()
    with bench.disabled(key_id(old)):
        restart_one_by_one(bench)
        assert stored(bench) == [new]
    assert opened_with(bench, began) == {key_id(new)}


def test_to_a_key_of_another_alias_while_clients_write(cluster):
    old, new = arn_of(cluster, ALIAS), new_key(cluster)
    cluster.aws("kms").create_alias(AliasName="alias/vault-next", TargetKeyId=new)
    there = {"vault_kms_key_alias": "alias/vault-next"}
    before = processes(cluster)

    code, output = cluster.play("-e", json.dumps(there))
    assert code != 0 and "playbooks/move_seal_key.yml moves the cluster to it" in " ".join(output.split()), output
    code, output, said = move(cluster, "--check", **there)
    assert code == 0 and f"Every node has proven that its role can use {new} and {old}." in said, output
    code, output, said = move(cluster, **there)
    assert code != 0 and f"-e vault_seal_move_confirm={cluster.lab.name}" in said, output
    # Encrypt with the new key, and whatever opens what the old one sealed.
    for refused in (old, new):
        with cluster.disabled(key_id(refused)):
            code, output, said = move(cluster, **there, **typed(cluster))
            assert code != 0 and "DisabledException" in said, output
    assert (processes(cluster), stored(cluster)) == (before, [old])

    with clients(cluster) as probe:
        code, output, said = move(cluster, **there, **typed(cluster))
    assert code == 0, output
    assert_nothing_lost(probe.report(), longest=3.0)
    assert f"can't be restored without {old}" in said and "has to stay enabled" in said, output
    assert_moved(cluster, old, new)

    before = processes(cluster)
    code, output, said = move(cluster, **there, **typed(cluster))
    assert code == 0 and f"Nothing to do: all that is stored is sealed with {new}" in said, output
    assert processes(cluster) == before and said.count("changed=0") == len(cluster.lab.nodes) + 1, output
    assert cluster.aws("kms").describe_key(KeyId=old)["KeyMetadata"]["KeyState"] == "Enabled"


def test_a_run_that_is_killed_in_the_middle_is_run_again(cluster):
    """Whatever alias the one before has left: the run itself points it at the new key."""
    old, new = stored(cluster)[0], new_key(cluster)
    wanted = {"vault_kms_key_alias": "alias/vault-next", "vault_seal_move_key": new, **typed(cluster)}
    variables = json.dumps({"vault_snapshot_bucket": cluster.bucket, **wanted})
    # After the second one nothing may be left to move: the node was told to restart, and another one leads.
    for task in (
        "The alias leads to the new key",
        "Restart Vault, if the others",
        "Nothing is sealed with another key",
    ):
        play = cluster.start_play("-e", variables, "-e", f"vault_lease_take_over={ME}", playbook=MOVE)
        assert play.stdout
        reached = any(line.startswith("TASK") and f": {task}" in line for line in play.stdout)
        end_family(play.pid)
        finished(play)
        assert reached, f"the run ended before: {task}"
        # Both keys work, so the cluster does, wherever it was cut off.
        assert set(stored(cluster)) <= {old, new}
    code, output = cluster.play_after_kill("-e", variables, playbook=MOVE)
    assert code == 0, output
    assert_moved(cluster, old, new)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"Tags": []}, "does not carry the tag vault-cluster="),
        ({"KeyUsage": "SIGN_VERIFY", "KeySpec": "ECC_NIST_P256"}, "Vault's seal needs a symmetric one"),
    ],
)
def test_a_key_that_would_not_do(cluster, changes, says):
    before, sealed = processes(cluster), stored(cluster)
    wanted = {"vault_kms_key_alias": "alias/vault-next", "vault_seal_move_key": new_key(cluster, **changes)}
    code, output, said = move(cluster, **wanted, **typed(cluster))
    assert code != 0 and says in said and "Nothing was changed." in said, output
    assert (processes(cluster), stored(cluster)) == (before, sealed)
