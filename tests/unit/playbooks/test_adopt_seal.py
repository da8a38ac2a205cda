"""What adopt_seal.yml does around each node's turn."""

from __future__ import annotations

import yaml
from kit.paths import ROOT

TASKS = ROOT / "playbooks" / "tasks" / "adopt_seal"


def steps(name):
    return yaml.safe_load((TASKS / f"{name}.yml").read_text())


def test_every_node_proves_the_kms_key_again_before_each_turn():
    turns = next(step for step in steps("migrate") if "loop" in step)
    assert turns["ansible.builtin.include_tasks"] == "proven_turn.yml"
    proof, turn = steps("proven_turn")
    assert proof["ansible.builtin.import_role"]["tasks_from"] == "prove_key"
    # On all nodes, and in every turn.
    assert not {"when", "run_once"} & set(proof)
    assert turn["ansible.builtin.include_tasks"] == "../turn.yml"
    (check,) = yaml.safe_load((ROOT / "roles/vault_seal_adopt/tasks/prove_key.yml").read_text())
    assert "vaultops.cluster.vault_seal_check" in check and not {"when", "run_once"} & set(check)
